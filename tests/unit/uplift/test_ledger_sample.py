"""The contacts of a ledger as a sample: first tasks, recorded probabilities, signals of the night."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from churn.errors import SourceError
from churn.uplift.ledger_sample import ledger_sample
from churn.uplift.result import UpliftReason
from tests.drawn_ledger import FIRST, LATE, SECOND, assigned, crowd, drawn, outcomes_of, planned

NIGHTS = (FIRST, SECOND, LATE)


def signals_at(night: date) -> pd.DataFrame:
    """Return signals that tell the night; nobody but `gone` is away."""
    names = ["c0", "c1", "t0", "t1", "t2", "late"]
    number = float(NIGHTS.index(night))
    return pd.DataFrame(
        {"customer_id": names, "logins": number, "country": ["de", None, "de", "at", "de", "de"]}
    )


def tasks_of(*units: str, play: str = "call", night: date = FIRST) -> list[dict[str, object]]:
    return [
        planned(unit, "control" if unit.startswith("c") else "treated", play, night, channel="phone")
        for unit in units
    ]


def test_each_unit_stands_with_its_first_task_and_the_signals_of_that_night() -> None:
    tasks = [*tasks_of("c0", "t0"), *tasks_of("c0", "t0", "c1", "t1", night=SECOND)]
    ledger = drawn(crowd(2, 2), tasks)

    sample, facts = ledger_sample(ledger, outcomes_of({"c0", "t1"}), signals_at)

    assert sample.rows.names == ("channel", "churn_probability", "country", "logins", "play")
    assert sample.rows.matrix[:, 3].tolist() == [0.0, 1.0, 0.0, 1.0]  # c0, c1, t0, t1
    assert sample.in_treatment.tolist() == [False, False, True, True]
    assert sample.rows.left.tolist() == [1.0, 0.0, 0.0, 1.0]
    assert sample.propensity == pytest.approx(np.full(4, 0.9))
    assert sample.worth.tolist() == [100.0] * 4
    assert (facts.unit_of_gain, facts.obstacle, facts.left_out_counts) == ("money", None, {})
    assert not sample.is_wanted


def test_the_probability_follows_from_both_control_groups() -> None:
    own = [assigned(unit, "treated", experiment="call", share=0.5) for unit in ("c0", "t0")]
    ledger = drawn([*crowd(1, 1), *own], tasks_of("c0", "t0"))

    sample, _ = ledger_sample(ledger, outcomes_of(set()), signals_at)

    assert sample.propensity == pytest.approx(np.full(2, 0.9 * 0.5))


def test_who_does_not_count_is_counted_by_reason() -> None:
    late = [assigned("late", "treated", LATE)]
    tasks = [
        *tasks_of("c0", "t0", "t1"),
        *tasks_of("late", night=LATE),
        planned("t2", "treated", "call", channel="phone", residual_value=np.nan),
        *tasks_of("gone"),
    ]
    ledger = drawn([*crowd(1, 3), *late, assigned("gone", "treated")], tasks)

    sample, facts = ledger_sample(ledger, outcomes_of(set(), unknown={"t1"}), signals_at)

    assert len(sample) == 2
    assert facts.left_out_counts == {
        "outcome not known yet": 1,
        "without label": 1,
        "without a known value": 1,
        "not at risk any more by today's data": 1,
    }


def test_tasks_of_lists_beside_the_call_list_are_no_part_of_it() -> None:
    tasks = [*tasks_of("t0", play="win-back"), *tasks_of("c0", "t0", night=SECOND)]

    sample, _ = ledger_sample(drawn(crowd(1, 1), tasks), outcomes_of(set()), signals_at, {"win-back"})

    assert sample.rows.levels["play"] == ("call",)
    assert sample.rows.matrix[:, 3].tolist() == [1.0, 1.0]


def test_without_a_control_group_no_model_may_be_fitted() -> None:
    shares = dict.fromkeys(NIGHTS, 0.0)
    ledger = drawn([assigned("t0", "treated", share=0.0)], tasks_of("t0"), shares)

    sample, facts = ledger_sample(ledger, outcomes_of(set()), signals_at)

    assert (len(sample), facts.obstacle) == (0, UpliftReason.NO_CONTROL)


def test_a_ledger_without_tasks_gives_no_rows_and_no_fault() -> None:
    sample, _ = ledger_sample(drawn(crowd(2, 2)), outcomes_of(set()), signals_at)

    assert len(sample) == 0


def test_a_probability_that_cannot_be_is_refused() -> None:
    ledger = drawn([assigned("t0", "treated", share=1.0)], tasks_of("t0"))

    with pytest.raises(SourceError, match="share of the control group"):
        ledger_sample(ledger, outcomes_of(set()), signals_at)
