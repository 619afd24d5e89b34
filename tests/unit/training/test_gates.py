from __future__ import annotations

from typing import Any

import pytest

from churn.params import EvaluateParams
from churn.training.gates import judge_gates, too_good


def number(value: float, half: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def evaluated(
    *, recency: float = -0.05, base: float = -0.05, ratio: float = 1.0, auc: float = 0.75, half: float = 0.01
) -> dict[str, Any]:
    """An evaluation with the given differences of log loss, observed/expected and AUC."""
    ours = {"auc": number(auc), "observed_expected": number(ratio, half), "base_rate": 0.2}
    return {
        "model": {},
        "before": [{"cutoff": "2023-12-01", "base_rate": 0.31}],
        "candidates": {"challenger": ours, "recency": {"auc": number(0.65)}},
        "paired": {
            "challenger_minus_recency": {"log_loss": number(recency), "auc": number(auc - 0.65)},
            "challenger_minus_base_rate": {"log_loss": number(base)},
        },
        "by_cutoff": {"2024-01-01": {"challenger": ours, "base_rate": {"observed_expected": number(0.93)}}},
    }


def stopped(content: dict[str, Any], params: Any) -> list[str]:
    return [gate.name for gate in judge_gates(content, params).gates if not gate.passed]


@pytest.mark.parametrize(
    ("changes", "refusing"),
    [
        ({}, []),
        ({"recency": -0.011}, []),
        ({"recency": -0.009}, ["beats_recency"]),
        ({"base": 0.02}, ["beats_base_rate"]),
        ({"recency": 0.0, "base": 0.0}, ["beats_recency", "beats_base_rate"]),
        ({"ratio": 1.105}, []),
        ({"ratio": 1.12}, ["observed_expected"]),
        ({"ratio": 0.88}, ["observed_expected"]),
        ({"ratio": 0.7, "half": 0.25}, []),
        ({"auc": 0.96}, ["not_too_good"]),
        ({"auc": 0.812}, ["not_too_good"]),
        ({"auc": 0.808}, []),
        ({"auc": 0.79}, []),
    ],
)
def test_intervals_decide(make_params, changes: dict[str, float], refusing: list[str]) -> None:
    assert stopped(evaluated(**changes), make_params()) == refusing


def test_a_person_may_sign_off_what_looks_too_good(make_params) -> None:
    params = make_params(evaluate=EvaluateParams(accept={"too_good": "logins stop before they leave"}))

    verdict = judge_gates(evaluated(auc=0.97), params)

    assert verdict.accepted
    assert any("logins stop before they leave" in gate.words for gate in verdict.gates)


@pytest.mark.parametrize(("difference", "accepted"), [(-0.02, True), (0.005, True), (0.02, False)])
def test_a_champion_that_is_clearly_better_stays(make_params, difference: float, accepted: bool) -> None:
    content = evaluated()
    content["paired"]["challenger_minus_champion"] = {"log_loss": number(difference)}

    assert judge_gates(content, make_params()).accepted is accepted


@pytest.mark.parametrize(("ratio", "notes"), [(1.0, 0), (1.05, 1), (0.95, 1)])
def test_a_level_that_is_off_is_explained_by_the_cutoffs(make_params, ratio: float, notes: int) -> None:
    verdict = judge_gates(evaluated(ratio=ratio), make_params())

    assert verdict.accepted
    assert sum("2024-01-01" in note for note in verdict.notes) == notes


@pytest.mark.parametrize(("ratio", "less"), [(1.05, "more"), (0.95, "fewer")])
def test_an_explanation_tells_the_rates_and_how_far_off_the_base_rate_was(
    make_params, ratio: float, less: str
) -> None:
    note = judge_gates(evaluated(ratio=ratio), make_params()).notes[-1]

    assert f"{less} customers left than the model expected" in note
    assert "before the test (2023-12-01: 31.0%)" in note
    assert "2024-01-01: 20.0%" in note
    assert "base rate 0.93 [0.92, 0.94]" in note


def test_without_any_recency_signal_the_base_rate_must_be_beaten(make_params) -> None:
    content = evaluated(base=0.0)
    del content["paired"]["challenger_minus_recency"]
    del content["candidates"]["recency"]

    assert stopped(content, make_params()) == ["beats_base_rate"]
    assert too_good(content) is None


@pytest.mark.parametrize(("auc", "warned"), [(0.79, False), (0.805, True), (0.96, True)])
def test_a_warning_comes_before_the_stop(auc: float, warned: bool) -> None:
    assert (too_good(evaluated(auc=auc)) is not None) is warned
