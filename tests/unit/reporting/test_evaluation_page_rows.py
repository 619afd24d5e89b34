from __future__ import annotations

from typing import Any

import pytest

from churn.evaluation.measures import CalibrationBySegment
from churn.evaluation.result import Horizons
from churn.reporting.evaluation_page import horizon_rows, segment_rows
from tests.filled import filled


def ratio(value: float, half: float = 0.1) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def horizon(value: float, *cutoffs: str) -> dict[str, Any]:
    return {
        "observed_expected": ratio(value),
        "auc": ratio(0.7),
        "ece": {"value": 0.04, "noise_floor": 0.016},
        "rows": 2000,
        "churners": 400,
        "base_rate": 0.2,
        "cutoffs": list(cutoffs),
    }


def horizons(content: dict[str, Any]) -> Horizons:
    return filled(Horizons, content)


def segment(level: str, z: float, *, judged: bool = True, off: bool = False) -> dict[str, Any]:
    counted = {"rows": 900, "churners": 120, "observed_expected": ratio(1.4)}
    return counted | {"level": level, "z": z, "judged": judged, "off": off}


@pytest.mark.parametrize(
    ("value", "cutoffs", "words"),
    [
        (1.17, ["2025-06-01"], "more left than expected, one cutoff"),
        (1.05, ["2025-06-01", "2025-07-01"], "not shown to be off, 2 cutoffs"),
        (0.8, ["2025-06-01", "2025-07-01"], "fewer left than expected, 2 cutoffs"),
    ],
)
def test_a_horizon_says_in_words_whether_it_holds_and_where_it_was_seen(value, cutoffs, words) -> None:
    (found,) = horizon_rows(horizons({"days": {"90": horizon(value, *cutoffs)}, "missing": {}}))

    assert found.words == words
    assert found.counts == "2,000 rows, 400 left (20.0%)"
    assert (found.error.value, found.error.interval) == ("0.0400", "0.0160 by chance only")


def test_a_horizon_nobody_can_judge_says_why_and_without_contracts_there_is_none() -> None:
    (found,) = horizon_rows(horizons({"days": {}, "missing": {"90": "it is not known before 2026."}}))

    assert found.words == "not measured: it is not known before 2026."
    assert horizon_rows(None) == ()


def test_a_group_is_off_only_where_chance_among_all_groups_leaves_it_so() -> None:
    section = {
        "cutoffs": ["2025-06-01"],
        "all": {"rows": 9000, "churners": 800, "observed_expected": ratio(1.0)},
        "groups": {
            "company_size": [
                segment("small", 4.0, off=True),
                segment("large", -4.0, off=True),
                segment("medium", 2.1),
                segment("solo", 0.3, judged=False),
            ]
        },
    }

    found = segment_rows(filled(CalibrationBySegment, section))

    assert found is not None
    assert [(one.title, one.words) for one in found.rows] == [
        ("all customers", "not shown to be off"),
        ("company size: small", "off: more leave than expected"),
        ("company size: large", "off: fewer leave than expected"),
        ("company size: medium", "not shown to be off"),
        ("company size: solo", "too few churners for a test"),
    ]
    assert found.n_tested == 3
    assert segment_rows(filled(CalibrationBySegment)) is None
