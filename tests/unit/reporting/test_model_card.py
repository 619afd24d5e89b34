from __future__ import annotations

from typing import Any

import pytest

from churn.evaluation.result import EvaluationResult
from churn.guards.verdict import Gate, Verdict
from churn.reporting.model_card import render_card
from tests.filled import filled

SPEC: dict[str, Any] = {
    "model": "churn",
    "label": {"kind": "inactivity", "table": "orders", "horizon_days": 28, "active_days": None},
    "horizon_days": 28,
    "gap_days": 7,
    "label_id": "abc",
    "timezone": "UTC",
    "rows": 900,
    "churners": 90,
    "training_rate": 0.1,
    "trained_cutoffs": ["2024-01-01", "2024-01-29"],
    "watermark": "2024-03-01",
    "base_rate": 0.1,
    "base_rate_cutoffs": 2,
    "store_digest": "store",
    "snapshots_digest": "snapshots",
    "signals": [{}, {}],
    "members": [{"kind": "booster"}, {"kind": "booster"}],
    "recipe": {
        "candidate": "trees",
        "rounds": 30,
        "num_leaves": None,
        "calibration": "none",
        "seed": 7,
        "learning_rate": 0.1,
        "extra_trees": False,
        "strength": 0.003,
    },
    "calibration": {"method": "none"},
}


def number(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def evaluated(**more: Any) -> EvaluationResult:
    """An evaluation of which every part is absent that may be."""
    ours = {"auc": number(0.7), "log_loss": number(0.3), "rows": 500, "churners": 50, "base_rate": 0.1}
    content = {
        "model": {"version": "3", "run_id": "r1"},
        "cutoffs": ["2024-01-29"],
        "contact_share": 0.1,
        "candidates": {"challenger": ours, "base_rate": ours | {"auc": number(0.5)}},
        "paired": {"challenger_minus_base_rate": {"log_loss": number(-0.05)}},
    }
    return filled(EvaluationResult, content | more)


def headings(text: str) -> list[str]:
    return [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]


def test_a_card_of_little_holds_no_empty_part() -> None:
    text = render_card(evaluated(), SPEC, {})

    assert text.startswith("# Model card: churn, version 3\n")
    assert headings(text) == [
        "Purpose",
        "Label",
        "Cohort",
        "Data",
        "Model",
        "Results and baselines",
        "The four numbers",
        "Calibration and health bands",
        "Limits",
        "How to reproduce it",
    ]
    assert "None" not in text
    assert "\n\n\n" not in text


def test_a_card_tells_label_cohort_and_results() -> None:
    text = render_card(evaluated(), SPEC, {"logins": 0.6})

    for words in (
        "in the 28 days that begin 7 days after the cutoff, there is no row in `orders`",
        "with a row in `orders` in the 56 days before the cutoff",
        "900 rows with 90 churners (10.0%) at 2 cutoffs",
        "| AUC | 0.700 [0.690, 0.710] | 0.500 [0.490, 0.510] |",
        "the model minus the base rate for everybody: -0.0500 [-0.0600, -0.0400]",
        "The signals with the largest contributions: `logins` 60.0%.",
        " boosted trees on 2 signals",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("leaving", "words"),
    [
        ("any", "Left means: in the 28 days that begin 7 days after the cutoff, the last contract in"),
        ("involuntary", "within 0 days, because a due payment was never made. A customer who leaves"),
        ("voluntary", "and nothing shows that a due payment was never made. A customer who leaves"),
    ],
)
def test_a_card_says_which_way_of_leaving_is_meant(leaving: str, words: str) -> None:
    label = {"kind": "contract", "table": None, "leaving": leaving, "active_days": None}

    assert words in render_card(evaluated(), SPEC | {"label": label}, {})


def test_a_card_tells_segments_bands_leads_guards_and_gates_once_they_are_there() -> None:
    one = {"guard": "alone", "place": "logins", "found": "it tells.", "way_out": "See.", "severity": "warn"}
    content = evaluated(
        segments={"plan": [{"level": "basic", "rows": 90, "churners": 9, "observed_expected": number(1.1)}]},
        health_bands={"outcomes": [{"band": 1, "rows": 40, "churners": 10, "low": 0.1, "high": 0.4}]},
        lead_time=[{"days": 28, "auc": 0.6, "low": 0.5, "high": 0.7}],
        guards={"looked": ["alone"], "found": [one]},
        cohort={"cutoff": "2024-01-29", "rows": 500, "excluded": {"inactive": 12, "objected": 0}},
        notes={"bg_nbd": "BG/NBD is not judged."},
    )
    gate = Gate("signal", True, 0.7, 0.69, 0.71, "above one half", "signal: AUC 0.700.")

    text = render_card(content, SPEC, {}, Verdict((gate,), (), ("alone: logins Accepted: seen",)))

    for words in (
        "| plan | basic | 90 | 9 | too few | 1.10 [1.09, 1.11] |",
        "| 1 | 40 | 25.0% [10.0%, 40.0%] |",
        "28 days 0.600 [0.500, 0.700]",
        "- warn: alone: logins: it tells.",
        "- alone: logins Accepted: seen",
        "Accepted.\n\n- passed: signal: AUC 0.700.",
        "Excluded: inactive (12).",
        "- BG/NBD is not judged.",
    ):
        assert words in text


@pytest.mark.parametrize(
    "note", ["There was no champion to compare with.", "The champion (version 1) is this model."]
)
def test_what_became_of_the_champion_is_no_limit_of_the_model(note: str) -> None:
    assert note not in render_card(evaluated(notes={"champion": note}), SPEC, {})


def test_a_card_tells_what_importance_is_and_that_of_families() -> None:
    families = [{"family": "activity", "share": 0.6}, {"family": "payment", "share": 0.4}]

    text = render_card(evaluated(importance_by_family=families), SPEC, {"logins": 0.6})

    assert "By family: activity 60%, payment 40%." in text
    assert "mean absolute contributions" in text


def test_a_card_names_the_champions_recipe_and_tells_how_far_cutoffs_lie_apart() -> None:
    ours = evaluated().candidates["challenger"].as_json()
    spread = {"challenger": {"auc": {"min": 0.65, "max": 0.75, "sd": 0.05}, "cutoffs": 3}}

    text = render_card(
        evaluated(
            candidates={"challenger": ours, "champion_recipe": ours},
            paired={"challenger_minus_champion_recipe": {"log_loss": number(0.0)}},
            spread=spread,
        ),
        SPEC,
        {},
    )

    assert "| | the model | the champion's recipe, refitted |" in text
    assert "- the model minus the champion's recipe, refitted: +0.0000" in text
    assert "- AUC: 0.650 to 0.750" in text


def test_a_card_says_at_how_many_cutoffs_each_horizon_was_seen() -> None:
    seen = {
        "observed_expected": {"value": 1.17, "low": 1.08, "high": 1.28},
        "auc": number(0.72),
        "ece": {"value": 0.041, "noise_floor": 0.016},
        "rows": 2506,
        "churners": 409,
        "cutoffs": ["2024-01-29"],
    }

    text = render_card(evaluated(horizons={"days": {90: seen}, "missing": {60: "nobody knows"}}), SPEC, {})

    assert "- 90 days: observed/expected 1.17 [1.08, 1.28], more left than expected;" in text
    assert "409 of 2,506 left, one cutoff" in text
    assert "- 60 days: not measured: nobody knows" in text


@pytest.mark.parametrize("is_measured", [True, False])
def test_a_card_says_with_which_measured_cost_the_profit_is_computed(is_measured: bool) -> None:
    cost = {"value": 2.5, "low": 2.0, "high": 3.0, "contacts": 120, "with_cost": 111, "is_used": True}
    value = {"measured_cost": cost | {"as_of": "2025-05-02"}} if is_measured else {}

    card = render_card(evaluated(value=value), SPEC, {})

    words = "The profit is computed with a measured cost of a contact: 2.50 [2.00, 3.00] (111 of 120 contacts"
    assert (words in card) is is_measured
    assert ("The profit is computed with" in card) is is_measured
