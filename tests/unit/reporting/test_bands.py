from __future__ import annotations

from typing import Any

import pytest
from markupsafe import Markup

from churn.evaluation.result import BandOutcome, EvaluationResult
from churn.guards.verdict import Verdict
from churn.reporting.page.sources import read_report_sources
from churn.reporting.promotion_page import render_promotion
from churn.reporting.quality import band_table
from churn.reporting.report import render_report
from tests.filled import filled
from tests.unit.reporting.conftest import METRICS

#        band, rows, of which left, mean predicted probability, bounds of the share that left
DRAWN = [
    (1, 40, 20, 0.51, 0.352, 0.648),
    (2, 50, 10, 0.22, 0.112, 0.330),
    (3, 100, 9, 0.11, 0.048, 0.162),
    (4, 100, 4, 0.06, 0.016, 0.098),
    (5, 200, 2, 0.02, 0.003, 0.036),
]


def outcomes(drawn: list[Any] = DRAWN) -> list[BandOutcome]:
    names = ("band", "rows", "churners", "predicted", "low", "high")
    return [BandOutcome.model_validate(dict(zip(names, row, strict=True))) for row in drawn]


def test_each_band_says_who_was_in_it_and_what_came_of_them():
    table = band_table(outcomes())

    assert [(row.name[0], row.rows) for row in table.bands] == [(str(band), rows) for band, rows, *_ in DRAWN]
    assert [row.predicted for row in table.bands] == pytest.approx([row[3] for row in DRAWN])
    assert table.bands[0].observed.value == "50.0%"
    assert table.bands[0].observed.interval == "[35.2%, 64.8%]"
    assert table.falls


def test_bands_out_of_order_are_told():
    turned = [(1, 40, 2, 0.51, 0.0, 0.2), *DRAWN[1:]]

    assert not band_table(outcomes(turned)).falls


def test_without_test_rows_there_is_no_table():
    assert band_table([]) is None


def test_the_report_and_the_page_of_the_promotion_show_the_table_of_bands(evaluated):
    without = render_report(read_report_sources(evaluated))
    bands = {"health_bands": {"outcomes": [band.as_json() for band in outcomes()]}}
    result = filled(EvaluationResult, METRICS | bands)
    result.write(evaluated / "evaluate" / "metrics.json")

    report = Markup(render_report(read_report_sources(evaluated))).striptags()
    promotion = Markup(render_promotion(result, Verdict((), ()))).striptags()

    assert "Do fewer customers leave in better health bands?" not in without
    assert "[35.2, 64.8]" in report
    assert "[35.2%, 64.8%]" in promotion
