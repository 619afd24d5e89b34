"""Every number of the page is what its file holds, in both languages, and a wrong number is found."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from churn.data.own_files import write_own_json
from churn.drift.result import Performance, drift_path
from churn.evaluation.result import EvaluationResult
from churn.kpis.sections import write_kpis
from churn.promotion.record import Promotion
from churn.reporting.known_effects import effects_path
from churn.reporting.page.page import render_page
from churn.reporting.page.sources import read_report_sources
from churn.reporting.page.words import Language, Words
from tests.drawn_drift import drift_of, realised_of
from tests.drawn_kpis import kpis_of
from tests.drawn_ledger import crowd, drawn, measured, names, outcomes_of
from tests.filled import filled
from tests.page_readback import (
    Sources,
    n_sourced,
    parse_number,
    problems_of,
    sources_of,
    spoil,
    spoil_bar,
    spoil_label,
    wrong_shares,
)
from tests.unit.reporting.conftest import COSTS, FACTS, METRICS, NIGHT, candidate, spread

CHECKED_SECTIONS = ("tonight", "retention", "effects", "model", "data", "audit")
N_PLANTED = 15
"""The number of wrong numbers in each language."""

MORE_METRICS = METRICS | {
    "candidates": {
        "challenger": candidate(0.75, 0.9) | {"observed_expected": spread(1.5, 0.1)},
        "base_rate": candidate(0.5, None),
    },
    "gain_table": [
        {"share": 0.1, "captured": 0.3, "lift": 3.0, "rule": 0.2},
        {"share": 1.0, "captured": 1.0, "lift": 1.0, "rule": 1.0},
    ],
    "profit_curve": [
        {"share": 0.05, "value": 1.25, "low": 0.5, "high": 2.0, "ceiling": 4.0},
        {"share": 0.5, "value": -3.75, "low": -5.5, "high": -1.25, "ceiling": 6.0},
    ],
    "value": {
        "profit": {"contact_cost": 2.125, "incentive_cost": 10.0, "accept_share": 0.3},
        "measured_cost": {
            "value": 2.125,
            "low": 1.75,
            "high": 2.5,
            "contacts": 120,
            "with_cost": 111,
            "as_of": "2024-01-15",
            "is_used": True,
            "reason": "",
        },
    },
    "health_bands": {
        "outcomes": [
            {"band": 1, "rows": 40, "churners": 20, "predicted": 0.42, "low": 0.35, "high": 0.65},
            {"band": 5, "rows": 300, "churners": 6, "predicted": 0.03, "low": 0.01, "high": 0.04},
        ]
    },
}


@pytest.fixture
def finished(evaluated: Path) -> Path:
    """A night with an evaluation, figures of retention, effects and what has moved."""
    filled(EvaluationResult, MORE_METRICS).write(evaluated / "evaluate" / "metrics.json")
    gate = {"name": "g", "passed": True, "rule": "no leak", "words": "w"} | spread(None)
    filled(Promotion, {"accepted": True, "digest": "d", "gates": [gate]}).write(evaluated / "evaluate")
    write_kpis(evaluated, kpis_of(NIGHT))
    effects = measured(drawn(crowd(100, 900)), outcomes_of(names("c", 30) | names("t", 90)))
    effects = effects.model_copy(update={"watermark": NIGHT, "costs": COSTS})
    write_own_json(effects_path(evaluated), effects.as_json())
    drift = drift_of(
        cutoff=NIGHT,
        model_digest=FACTS["model_digest"],
        performance=Performance(realised_nights=(realised_of(0.81),)),
    )
    write_own_json(drift_path(evaluated, NIGHT), drift.as_json())
    return evaluated


def page_of(output: Path, language: Language) -> tuple[str, Sources]:
    """Return the page, and its sources."""
    return str(render_page(read_report_sources(output), Words(language))), sources_of(output, NIGHT)


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_number_of_the_page_is_that_of_its_file(finished: Path, language: Language) -> None:
    page, sources = page_of(finished, language)

    assert problems_of(page, language, sources, CHECKED_SECTIONS) == []
    assert n_sourced(page) > 200
    assert wrong_shares(page, language) == []


@pytest.mark.parametrize(("language", "first"), [("en", 0), ("de", 7)])
def test_planted_wrong_numbers_are_found(finished: Path, language: Language, first: int) -> None:
    page, sources = page_of(finished, language)
    total = n_sourced(page)
    places = [(first + total * number // N_PLANTED) % total for number in range(N_PLANTED)]

    found = [problems_of(spoil(page, place), language, sources, CHECKED_SECTIONS) for place in places]

    assert [len(problems) for problems in found] == [1] * N_PLANTED


@pytest.mark.parametrize(
    ("file", "steps", "number"),
    [
        ("kpis.json", ("sections", "retention", "series", 0, "value", 1), 5.5),
        ("kpis.json", ("sections", "cohorts", "triangle", "rows", 1, "cells", 0, "share"), 0.86),
        ("kpis.json", ("sections", "audit", "practices", 0, "value"), 9.0),
        ("effects.json", ("universal", "difference", "control", "churners"), 31),
        ("metrics.json", ("candidates", "challenger", "auc", "high"), 0.79),
        ("drift.json", ("freshness", 0, "rows_last_day"), 4711),
        ("night.json", ("excluded",), {"gone <script>alert('x')</script>": 2}),
    ],
)
def test_a_file_that_holds_another_number_is_found(
    finished: Path, file: str, steps: tuple[str | int, ...], number: object
) -> None:
    page, sources = page_of(finished, "en")
    files: dict[str, Any] = copy.deepcopy(dict(sources.files))
    content = files[file]
    for step in steps[:-1]:
        content = content[step]
    content[steps[-1]] = number

    assert problems_of(page, "en", replace(sources, files=files), CHECKED_SECTIONS) != []


@pytest.mark.parametrize("language", ["en", "de"])
def test_planted_bars_and_alternative_texts_are_found(finished: Path, language: Language) -> None:
    page, sources = page_of(finished, language)
    n_bars, n_charts = page.count("data-length="), page.count("data-alt=")

    wrong = [
        *(spoil_bar(page, place) for place in range(n_bars)),
        *(spoil_label(page, place, 0) for place in range(n_charts)),
    ]

    found = [problems_of(spoilt, language, sources, CHECKED_SECTIONS) for spoilt in wrong]
    assert len(wrong) > 10
    assert [len(problems) for problems in found] == [1] * len(wrong)


def test_a_number_that_does_not_say_where_it_comes_from_is_found(finished: Path) -> None:
    page, sources = page_of(finished, "en")

    heading = '<h2 id="data-title">'
    spoilt = page.replace(heading, f"<p>about 12 customers</p>{heading}", 1)

    (problem,) = problems_of(spoilt, "en", sources, CHECKED_SECTIONS)
    assert "'about 12 customers' does not say where it comes from" in problem


def test_a_reason_with_another_day_is_found(finished: Path) -> None:
    page, sources = page_of(finished, "de")

    spoilt = page.replace(
        "mehr als die Hälfte bleibt länger als 90 Tage", "mehr als die Hälfte bleibt länger als 91 Tage"
    )

    (problem,) = problems_of(spoilt, "de", sources, CHECKED_SECTIONS)
    assert "has other numbers than" in problem


def test_numbers_are_parsed_as_they_are_written() -> None:
    assert parse_number("1.234,50", "de") == (1234.5, 2)
    assert parse_number("−0.5", "en") == (-0.5, 1)
    assert parse_number("+12,000", "en") == (12000.0, 0)
    assert json.dumps(parse_number("0,07", "de")) == "[0.07, 2]"
