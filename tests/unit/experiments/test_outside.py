"""Experiments of the company: the sign, the verdict and the sizes of the arms."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from churn.experiments.effect import rate_difference
from churn.experiments.experiment_units import Maturity
from churn.experiments.outside import Improvement, NoImprovement, measure_outside
from churn.experiments.outside_rows import OutsideUnits
from churn.experiments.unit_outcomes import LabelOutcomes
from churn.params import OutsideParams
from tests.unit.experiments.mail_experiment import SETTINGS

DRAWN = np.datetime64("2025-03-01T15:00", "us")


def experiment(**settings: object) -> OutsideParams:
    return OutsideParams.model_validate(SETTINGS | settings)


def units_of(arms: dict[str, tuple[int, int]], **changes: object) -> OutsideUnits:
    """Return units by arm: the number with the outcome, and the number of all."""
    arm = np.array([name for name, (_, n) in arms.items() for _ in range(n)], dtype=object)
    outcome = np.array([row < events for events, n in arms.values() for row in range(n)])
    fields = {
        "unit": np.array([f"u{row}" for row in range(len(arm))], dtype=object),
        "arm": arm,
        "outcome": outcome,
        "account": None,
        "score": None,
        "score_at": None,
        "assigned_at": None,
        "left_out_count": 0,
    }
    return OutsideUnits(**(fields | changes))


@pytest.mark.parametrize(
    ("wanted", "mailed", "value", "verdict"),
    [
        (True, 150, 0.1, Improvement.BETTER),
        (True, 60, -0.08, Improvement.WORSE),
        (False, 150, -0.1, Improvement.WORSE),
        (False, 60, 0.08, Improvement.BETTER),
        (True, 102, 0.004, Improvement.NOT_SHOWN),
    ],
)
def test_above_0_is_better_whether_the_outcome_is_wanted_or_not(
    wanted: bool, mailed: int, value: float, verdict: Improvement
) -> None:
    units = units_of({"none": (100, 500), "mail": (mailed, 500)})

    (effect,) = measure_outside(experiment(wanted=wanted), units).effects

    assert effect.difference.value == pytest.approx(value)
    assert (effect.verdict, effect.no_verdict_because) == (verdict, None)
    assert effect.gain.value == pytest.approx(500 * value)


def test_the_interval_is_newcombes_with_its_ends_turned_where_the_outcome_is_wanted() -> None:
    units = units_of({"none": (100, 500), "mail": (150, 500)})
    leaving = rate_difference(100, 500, 150, 500).difference

    (effect,) = measure_outside(experiment(), units).effects

    assert leaving.low is not None
    assert leaving.high is not None
    assert effect.difference.low == pytest.approx(-leaving.high)
    assert effect.difference.high == pytest.approx(-leaving.low)


def test_each_treated_arm_is_compared_with_the_one_control() -> None:
    units = units_of({"none": (100, 500), "mail": (150, 500), "post": (100, 500)})

    result = measure_outside(experiment(treated=["post", "mail"]), units)

    assert (result.control.n, result.control.events) == (500, 100)
    assert [effect.treatment.name for effect in result.effects] == ["post", "mail"]
    assert [effect.difference.value for effect in result.effects] == pytest.approx([0, 0.1])


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("events", [19, 481])
def test_there_is_no_verdict_with_fewer_than_20_units_with_or_without_the_outcome(
    wanted: bool, events: int
) -> None:
    units = units_of({"none": (250, 500), "mail": (events, 500)})

    (effect,) = measure_outside(experiment(wanted=wanted), units).effects

    assert (effect.verdict, effect.no_verdict_because) == (None, NoImprovement.FEW_OUTCOMES)


@pytest.mark.parametrize(("mailed", "alarm"), [(500, False), (590, False), (660, True)])
def test_sizes_that_chance_does_not_explain_are_an_alarm(mailed: int, alarm: bool) -> None:
    # 590 of 1,090 are 2.7 standard errors too many, 660 of 1,160 are 4.7.
    units = units_of({"none": (100, 500), "mail": (150, mailed)})

    sizes = measure_outside(experiment(sizes={"none": 1, "mail": 1}), units).sizes

    assert sizes is not None
    assert (sizes.counts, sizes.alarm) == ((500, mailed), alarm)


def test_sizes_are_not_checked_where_the_design_is_not_known() -> None:
    units = units_of({"none": (100, 500), "mail": (150, 900)})

    assert measure_outside(experiment(), units).sizes is None


def test_an_earlier_score_that_explains_the_outcome_makes_the_interval_shorter() -> None:
    rng = np.random.default_rng(3)
    score = rng.random(2000)
    arm = np.where(rng.random(2000) < 0.5, "mail", "none").astype(object)
    units = units_of(
        {"none": (0, 2000)},
        arm=arm,
        outcome=rng.random(2000) < score,
        score=score,
        score_at=np.full(2000, DRAWN - np.timedelta64(1, "h")),
        assigned_at=np.full(2000, DRAWN),
    )

    (effect,) = measure_outside(experiment(), units).effects

    assert effect.adjusted_difference is not None
    assert effect.adjusted_difference.high - effect.adjusted_difference.low < 0.9 * (
        effect.difference.high - effect.difference.low
    )
    assert effect.difference.low < effect.adjusted_difference.value < effect.difference.high
    assert effect.units_without_score == 0


def test_units_of_one_account_count_as_one_for_the_interval_and_for_the_verdict() -> None:
    # Ten units of each account have the same outcome: 15 accounts of 50 with it in one arm, 30 in the other.
    arms = {"none": (150, 500), "mail": (300, 500)}
    accounts = np.array([f"{arm}{row // 10}" for arm in arms for row in range(500)], dtype=object)

    (plain,) = measure_outside(experiment(), units_of(arms)).effects
    (robust,) = measure_outside(experiment(), units_of(arms, account=accounts)).effects

    assert robust.difference.value == pytest.approx(plain.difference.value)
    assert robust.difference.high - robust.difference.low > 2 * (plain.difference.high - plain.difference.low)
    assert (plain.verdict, robust.no_verdict_because) == (Improvement.BETTER, NoImprovement.FEW_OUTCOMES)
    # With 50 accounts in each arm no such small difference can be seen as with 500 units.
    assert plain.detectable is not None
    assert robust.detectable is None


def test_the_label_begins_at_the_midnight_before_the_assignment_and_unknown_outcomes_are_counted() -> None:
    # u0 to u2 are controls, u3 to u5 are treated; u5 was assigned too late for an outcome.
    nights: list[date] = []

    def left_at(night: date, customers: list[str]) -> np.ndarray:
        nights.append(night)
        return np.array([np.nan if who == "u1" else float(who == "u0") for who in customers])

    assigned_at = np.array([DRAWN] * 5 + [DRAWN + np.timedelta64(40, "D")])
    units = units_of({"none": (0, 3), "mail": (0, 3)}, outcome=None, assigned_at=assigned_at)
    labels = LabelOutcomes(left_at, Maturity(lambda night: night + timedelta(days=28), date(2025, 4, 1)))

    result = measure_outside(experiment(outcome="label", wanted=None, assigned_at="drawn"), units, labels)

    assert nights == [date(2025, 3, 1)]
    assert (result.immature, result.without_label, result.is_wanted) == (1, 1, False)
    assert (result.control.n, result.control.events, result.effects[0].treatment.n) == (2, 1, 2)
    assert result.effects[0].difference.value == 0.5  # half of the controls left and no treated unit


def test_an_arm_without_any_known_outcome_has_no_difference() -> None:
    units = units_of({"none": (0, 3), "mail": (0, 3)}, outcome=None, assigned_at=np.full(6, DRAWN))
    labels = LabelOutcomes(
        lambda night, customers: np.full(len(customers), np.nan),
        Maturity(lambda night: night, date(2025, 4, 1)),
    )

    result = measure_outside(experiment(outcome="label", wanted=None, assigned_at="drawn"), units, labels)

    (effect,) = result.effects
    assert (effect.difference.value, effect.no_verdict_because) == (None, NoImprovement.EMPTY_ARM)
    assert (effect.detectable, effect.gain.value) == (None, None)


def test_where_accounts_are_in_the_arms_their_number_is_compared_with_the_design() -> None:
    # 30 accounts in each arm; those of the treated are larger, by design of nobody.
    arms = {"none": (30, 300), "mail": (60, 600)}
    accounts = np.array(
        [f"{arm}{row % 30}" for arm, (_, n) in arms.items() for row in range(n)], dtype=object
    )
    design = experiment(sizes={"none": 1, "mail": 1})

    by_unit = measure_outside(design, units_of(arms)).sizes
    by_account = measure_outside(design, units_of(arms, account=accounts)).sizes

    assert by_unit is not None
    assert by_account is not None
    assert (by_unit.alarm, by_account.alarm) == (True, False)
    assert by_account.counts == (30, 30)
