from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from churn.evaluation.result import EvaluationResult
from churn.reporting.plots import LABELS
from churn.reporting.plots.inline import inline_figure
from churn.reporting.plots.level import calibration_figure
from churn.reporting.plots.ranking import gain_figure
from tests.filled import filled

CONTENT = {
    "calibration_table": [
        {"predicted": 0.02, "observed": 0.02, "low": 0.01, "high": 0.03},
        {"predicted": 0.2, "observed": 0.24, "low": 0.2, "high": 0.27},
    ],
    "gain_table": [{"share": 0.5, "captured": 0.8}, {"share": 1.0, "captured": 1.0}],
    "contact_share": 0.1,
    "candidates": {"challenger": {"base_rate": 0.1}},
    "prediction_histogram": {"scale": "log", "edges": [0.01, 0.1, 0.3], "left": [1, 9], "stayed": [80, 20]},
}
RESULT = filled(EvaluationResult, CONTENT)
DRAW = {
    "calibration": lambda: inline_figure(calibration_figure(RESULT), "calibration", LABELS["calibration"]),
    "gain": lambda: inline_figure(gain_figure(RESULT), "gain", LABELS["gain"]),
}


@pytest.mark.parametrize("name", DRAW)
def test_a_chart_is_well_formed_named_for_readers_and_has_no_fixed_size(name):
    root = ET.fromstring(DRAW[name]())

    assert root.tag.endswith("svg")
    assert root.get("aria-label")
    assert root.get("width") is None


@pytest.mark.parametrize("name", DRAW)
def test_a_chart_takes_its_colours_from_the_page_and_styles_nothing_else(name):
    svg = DRAW[name]()

    assert "var(--main)" in svg
    assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) == set()
    assert "<style" not in svg


@pytest.mark.parametrize("name", DRAW)
def test_a_chart_drawn_again_is_the_same_bytes(name):
    assert DRAW[name]() == DRAW[name]()


def test_two_charts_on_a_page_share_no_id():
    ids = [set(re.findall(r'id="([^"]+)"', DRAW[name]())) for name in ("calibration", "gain")]

    assert sum(map(len, ids)) == len(set().union(*ids))


def test_every_reference_in_a_chart_is_to_one_of_its_own_parts():
    for draw in DRAW.values():
        svg = draw()

        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg)) <= set(re.findall(r'id="([^"]+)"', svg))


def test_rare_churn_is_drawn_on_a_scale_that_tells_its_groups_apart():
    svg = DRAW["calibration"]()

    assert {"1%", "2%", "5%", "10%", "20%", "50%"} <= set(re.findall(r">([\d.]+%)<", svg))
