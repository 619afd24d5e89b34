from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from churn.errors import ParamsError
from churn.evaluation.baselines import (
    check_rule,
    conditions_met,
    predict_rfm,
    predict_rule,
    probability_inactive,
)
from churn.features.language.btyd import fit_lifetimes, p_none
from churn.params import ConditionParams, EvaluateParams, LabelParams
from tests.drawn_company import SINCE, draw
from tests.small_snapshots import rows_of

NAN = float("nan")
CUTOFF = date(2024, 7, 1)
OLD = (CUTOFF - date.fromisoformat(SINCE[:10])).days
"""The age of the one customer that every drawn company has beside those drawn."""
SILENT = ConditionParams(signal="silent_days", at_least=14)
BASIC = ConditionParams(signal="plan", equals="basic")


def team():
    return rows_of(
        {"silent_days": [20, 14, 13, NAN, 30, 2], "plan": [0, 1, 0, 0, NAN, 1]},
        [1, 0, 0, 1, 1, 0],
        levels={"plan": ("basic", "plus")},
    )


def test_a_customer_scores_the_number_of_conditions_met_and_what_is_missing_meets_none() -> None:
    assert conditions_met([SILENT, BASIC], team()).tolist() == [2, 1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("bounds", "met"),
    [
        ({"at_least": 14}, [1, 1, 0, 0, 1, 0]),
        ({"at_most": 14}, [0, 1, 1, 0, 0, 1]),
        ({"at_least": 13, "at_most": 20}, [1, 1, 1, 0, 0, 0]),
    ],
)
def test_bounds_belong_to_what_they_allow(bounds: dict[str, float], met: list[int]) -> None:
    condition = ConditionParams(signal="silent_days", **bounds)

    assert conditions_met([condition], team()).tolist() == met


def test_a_score_means_the_share_that_left_in_training_with_it() -> None:
    rows = team()

    probability = predict_rule(rows, rows, [SILENT, BASIC])

    none, one, both = 0.5 / 2, 2.5 / 5, 1.5 / 2  # one row at the base rate of 0.5 is added to each
    assert probability == pytest.approx([both, one, one, one, one, none])


def test_a_score_never_seen_in_training_means_the_base_rate() -> None:
    rows = team()
    seen = rows.where(conditions_met([SILENT, BASIC], rows) < 2)

    probability = predict_rule(seen, rows, [SILENT, BASIC])

    assert probability[0] == seen.left.mean()


def test_a_rule_may_be_one_condition_or_several() -> None:
    one = {"signal": "silent_days", "at_least": 14}

    assert EvaluateParams(rule=one).rule == EvaluateParams(rule=[one]).rule == (SILENT,)


@pytest.mark.parametrize("bounds", [{}, {"at_least": 1, "equals": "basic"}])
def test_a_condition_asks_for_a_number_or_for_a_text(bounds: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="'equals' for a text"):
        ConditionParams(signal="plan", **bounds)


def test_all_conditions_that_fit_no_signal_are_told_at_once() -> None:
    rule = [
        ConditionParams(signal="silent_day", at_least=14),
        ConditionParams(signal="plan", at_least=1),
        ConditionParams(signal="silent_days", equals="basic"),
    ]

    with pytest.raises(ParamsError) as told:
        check_rule(rule, team(), "team.yaml: evaluate.rule")

    assert all(problem.startswith("team.yaml: evaluate.rule: ") for problem in told.value.problems)
    assert [problem.split("'")[1] for problem in told.value.problems] == ["silent_day", "plan", "silent_days"]
    assert "Did you mean 'silent_days'?" in told.value.problems[0]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory):
    """200 customers who order at an own pace; what is ordered from the cutoff on must not be seen."""
    rng = np.random.default_rng(4)
    lines, histories = ["customer | ordered_at | amount"], {}
    for number in range(200):
        age = int(rng.integers(30, 400))
        days = sorted({0, *rng.integers(0, int(rng.integers(1, age)), int(rng.poisson(3))).tolist()})
        histories[f"c{number}"] = (len(days) - 1, days[-1], age)
        first = CUTOFF - timedelta(days=age)
        ordered = [first + timedelta(days=int(day)) for day in days]
        lines += [f"c{number} | {day} | 10" for day in (*ordered, ordered[-1], CUTOFF)]
    return draw(tmp_path_factory.mktemp("shop"), orders="\n".join(lines)).store, histories


@pytest.mark.parametrize("gap_days", [0, 14])
def test_the_baseline_is_the_model_of_all_histories_as_known_at_the_cutoff(shop, gap_days: int) -> None:
    store, histories = shop
    label = LabelParams(kind="inactivity", table="orders", horizon_days=28, gap_days=gap_days)
    store = replace(store, params=store.params.model_copy(update={"label": label}))

    probability = probability_inactive(store, CUTOFF, [*histories, "nobody"])

    x, recency, age = np.array([*histories.values(), (0, 0, OLD)], dtype=float).T
    none = p_none(fit_lifetimes(x, recency, age), x, recency, age, 28, after=gap_days)
    assert probability[:-1] == pytest.approx(none[:-1], abs=1e-6)
    assert np.isnan(probability[-1])


def test_too_few_histories_give_no_baseline(tmp_path: Path) -> None:
    store = draw(tmp_path, orders="customer | ordered_at | amount\na | 2024-05-01 | 10").store

    assert np.isnan(probability_inactive(store, CUTOFF, ["a"])).all()


def test_a_signal_without_values_in_training_does_not_move_the_baseline() -> None:
    generator = np.random.default_rng(3)
    days = generator.integers(1, 60, 400).astype(float)
    left = (generator.random(400) < days / 100).astype(int)
    train = rows_of({"a_days_since_last": days, "a_count_182d": np.full(400, NAN)}, left)
    test = rows_of({"a_days_since_last": days, "a_count_182d": generator.integers(0, 900, 400)}, left)

    with_empty = predict_rfm(train, test, ["a_days_since_last", "a_count_182d"])
    without = predict_rfm(train, test, ["a_days_since_last"])

    assert with_empty == pytest.approx(without, abs=1e-4)
