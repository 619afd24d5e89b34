"""Plan an experiment from a drawn ledger: units, rates and days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from churn.experiments.design import DesignTerms, ExperimentDesign, design_experiments, units_per_day
from churn.experiments.experiment_units import Maturity
from churn.experiments.ledger import Ledger
from churn.experiments.power import units_needed
from tests.drawn_ledger import assigned, drawn, planned

FIRST = date(2025, 3, 1)
NIGHTS = [FIRST + timedelta(days=number) for number in range(3)]
MATURITY_DAYS = 30


def ledger_of(n_nights: int) -> Ledger:
    """Return a ledger with 100 units of churn .2 in the first night and 10 in each later one.

    Half of the units have a task of the play "call".
    """
    rows, tasks = [], []
    for number, night in enumerate(NIGHTS[:n_nights]):
        for unit in range(100 if number == 0 else 10):
            name = f"{number}-{unit}"
            arm = "control" if unit % 10 == 0 else "treated"
            rows.append(assigned(name, arm, night, score=0.2))
            if unit % 2 == 0:
                tasks.append(planned(name, arm, "call", night))
    return drawn(rows, tasks, shares=dict.fromkeys(NIGHTS[:n_nights], 0.1))


def design(
    ledger: Ledger,
    share: float = 0.1,
    effect: float | None = None,
    kept_share: float | None = 0.5,
    is_gain: bool = False,
) -> dict[str, ExperimentDesign]:
    designs = design_experiments(
        ledger,
        {name: DesignTerms(share, kept_share) for name in ("universal", "call", "mail")},
        effect=effect,
        days=90,
        maturity=Maturity(lambda night: night + timedelta(days=MATURITY_DAYS), NIGHTS[-1]),
        maturity_days=MATURITY_DAYS,
        is_gain=is_gain,
    )
    return {item.name: item for item in designs}


def test_the_answer_waits_for_the_missing_units_and_for_their_outcomes():
    universal = design(ledger_of(3), effect=0.04)["universal"]

    needed = units_needed(0.2, 0.16, control_share=0.1)
    assert (universal.units, universal.units_per_day) == (120, 10.0)
    assert universal.churn == pytest.approx(0.2)
    assert universal.sample_size == needed
    assert universal.answer_in_days == -(-(needed.n - 120) // 10) - 1 + MATURITY_DAYS
    assert (universal.detectable.n_control, universal.detectable.n_treatment) == (102, 918)


def test_with_enough_units_the_answer_waits_for_the_outcomes_only():
    universal = design(ledger_of(3), effect=0.1999)["universal"]

    assert universal.sample_size.n < 120
    assert universal.answer_in_days == MATURITY_DAYS


def test_without_a_given_effect_the_assumed_share_of_churners_stays_where_there_is_a_task():
    designs = design(ledger_of(3))

    assert designs["call"].effect == pytest.approx(0.2 * 0.5)
    assert designs["universal"].contacted_share == 0.5
    assert designs["universal"].effect == pytest.approx(0.2 * 0.5 * 0.5)


def test_the_controls_for_training_are_those_that_lead_to_a_hundred_churners_with_a_task():
    designs = design(ledger_of(3))

    # Half of the controls have a task, and a fifth of them leave: 1,000 controls of 10,000 units.
    assert designs["universal"].training_controls == 1000
    assert designs["universal"].training_in_days == (10_000 - 120) // 10 - 1 + MATURITY_DAYS
    assert designs["call"].training_controls is None


def test_the_cost_of_holding_out_is_the_effect_on_each_control():
    universal = design(ledger_of(3), effect=0.04)["universal"]

    assert universal.held_out == 102
    assert universal.customers_unsaved == pytest.approx(102 * 0.04)
    assert design(ledger_of(3), effect=0.5)["universal"].customers_unsaved is None


def test_one_night_tells_no_rate():
    universal = design(ledger_of(1), effect=0.04)["universal"]

    assert (universal.units, universal.units_per_day, universal.answer_in_days) == (100, None, None)
    assert (universal.power, universal.held_out, universal.customers_unsaved) == (None, None, None)


def test_a_play_without_units_has_no_plan():
    mail = design(ledger_of(3))["mail"]

    assert (mail.units, mail.churn, mail.sample_size, mail.answer_in_days) == (0, None, None, None)


def test_units_that_were_drawn_with_another_share_do_not_count_as_units_so_far():
    universal = design(ledger_of(3), share=0.3)["universal"]

    assert (universal.units, universal.units_per_day) == (0, 10.0)


def test_no_number_of_units_finds_an_effect_that_is_not_below_the_churn():
    universal = design(ledger_of(3), effect=0.25)["universal"]

    assert (universal.sample_size, universal.power, universal.answer_in_days) == (None, None, None)


def test_the_rate_is_that_of_the_latest_28_nights():
    nights = [FIRST + timedelta(days=number) for number in range(40)]
    starts = [night for number, night in enumerate(nights) for _ in range(100 if number < 12 else 3)]

    assert units_per_day(starts, nights) == 3.0


def test_the_units_for_a_gain_are_those_of_a_higher_rate():
    universal = design(ledger_of(3), effect=0.04, kept_share=None, is_gain=True)["universal"]

    assert universal.sample_size == units_needed(0.2, 0.24, control_share=0.1)
    assert universal.detectable.is_gain
    # A gain beyond the rate itself is possible; 20 % can fall by at most 20 points.
    assert (
        design(ledger_of(3), effect=0.3, kept_share=None, is_gain=True)["universal"].sample_size is not None
    )
    assert design(ledger_of(3), effect=0.3)["universal"].sample_size is None


def test_without_a_stated_effect_an_event_has_none_and_still_the_smallest_that_is_found():
    universal = design(ledger_of(3), kept_share=None, is_gain=True)["universal"]

    assert (universal.effect, universal.sample_size, universal.power) == (None, None, None)
    assert universal.detectable.effect > 0
