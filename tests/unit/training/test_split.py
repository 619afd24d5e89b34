from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.data.store import day_number
from churn.errors import Stop
from churn.labels.calendar import earliest_default_test, trainable
from churn.snapshots.dataset import LabelledRows
from churn.training.split import plan_cutoffs

FIRST = date(2024, 1, 1)


def rows_of(cutoffs: list[date], left: tuple[float, ...] = (1.0, 0.0)) -> LabelledRows:
    days = np.repeat([day_number(day) for day in cutoffs], len(left))
    return LabelledRows(
        names=("x",),
        levels={},
        matrix=np.zeros((len(days), 1)),
        left=np.tile(np.array(left), len(cutoffs)),
        customer=np.tile(np.arange(len(left)), len(cutoffs)),
        cutoff=days,
    )


def every_28_days(count: int, lag: int = 28) -> dict[date, date]:
    cutoffs = [FIRST + timedelta(days=28 * step) for step in range(count)]
    return {day: day + timedelta(days=lag) for day in cutoffs}


@given(
    st.lists(st.integers(0, 700), min_size=1, max_size=14, unique=True),
    st.integers(1, 200),
    st.integers(0, 30),
)
def test_no_snapshot_trains_before_its_label_is_known(starts: list[int], horizon: int, late: int) -> None:
    cutoffs = sorted(FIRST + timedelta(days=start) for start in starts)
    mature_on = {day: day + timedelta(days=horizon + late) for day in cutoffs}
    rows = rows_of(cutoffs)

    plan = plan_cutoffs(rows, mature_on)

    for test in plan.test + plan.choice:
        assert trainable(mature_on, test)
        assert all(mature_on[day] <= test and day < test for day in trainable(mature_on, test))
    assert all(mature_on[day] <= plan.test[0] for day in plan.choice)
    assert not set(plan.choice) & set(plan.test)


@given(
    st.dictionaries(st.integers(0, 400), st.booleans(), max_size=40),
    st.integers(1, 100),
    st.integers(0, 30),
)
def test_the_first_test_cutoff_is_bounded_before_anybody_knows_who_left(
    somebody_left: dict[int, bool], horizon: int, late: int
) -> None:
    cutoffs = [FIRST + timedelta(days=start) for start in sorted(somebody_left)]
    mature_on = {day: day + timedelta(days=horizon + late) for day in cutoffs}
    rows = rows_of(cutoffs)
    quiet = np.repeat([not somebody_left[start] for start in sorted(somebody_left)], 2)

    bound = earliest_default_test(mature_on, horizon)
    somebody, perhaps = (
        plan_cutoffs(labelled, mature_on, horizon_days=horizon).test
        for labelled in (rows, replace(rows, left=np.where(quiet, 0.0, rows.left)))
    )

    assert somebody[:1] == (() if bound is None else (bound,))
    assert all(bound is not None and bound <= day for day in perhaps)


# cutoffs      1 2 3 4 5 6 7 8      a label takes one step
# trains 2..8    ^                  the last three test; the cutoffs known by the first of them select
def test_the_last_three_cutoffs_test_and_those_known_before_choose() -> None:
    mature_on = every_28_days(8)
    cutoffs = list(mature_on)

    plan = plan_cutoffs(rows_of(cutoffs), mature_on)

    assert plan.test == tuple(cutoffs[5:])
    assert plan.choice == tuple(cutoffs[1:5])
    assert plan.chosen_by == cutoffs[5]


def test_a_long_label_keeps_more_cutoffs_out_of_training() -> None:
    mature_on = every_28_days(8, lag=90)
    cutoffs = list(mature_on)

    assert trainable(mature_on, cutoffs[5]) == tuple(cutoffs[:2])


def test_cutoffs_where_nobody_left_cannot_teach() -> None:
    mature_on = every_28_days(4)

    plan = plan_cutoffs(rows_of(list(mature_on), left=(0.0, 0.0)), mature_on)

    assert plan.test == plan.choice == ()


def test_one_cutoff_leaves_nothing_to_test() -> None:
    mature_on = every_28_days(1)

    assert plan_cutoffs(rows_of(list(mature_on)), mature_on).test == ()


def test_all_unusable_test_cutoffs_are_named_at_once() -> None:
    mature_on = every_28_days(4)
    unknown = date(2030, 1, 1)

    with pytest.raises(Stop) as stopped:
        plan_cutoffs(rows_of(list(mature_on)), mature_on, [FIRST, unknown], file="team.yaml")

    begun = [problem.split(":")[:2] for problem in stopped.value.problems]
    assert begun[0] == ["team.yaml", f" evaluate.test_cutoffs {FIRST} leaves nothing to train on"]
    assert begun[1][1].startswith(f" evaluate.test_cutoffs {unknown} has no matured snapshot")


# cutoffs  01-01  01-29  02-26  03-25     each is matured when the next begins, so that all but the first
# churners yes    yes    yes    yes       leave something to train on; where nobody left, none does
@pytest.mark.parametrize(
    ("left", "way_out"),
    [
        (
            (1.0, 0.0),
            "Choose one of the cutoffs 2024-01-29, 2024-02-26, 2024-03-25, or add earlier cutoffs to the "
            "section snapshot.",
        ),
        ((0.0, 0.0), "No snapshot can be used as a test; add earlier cutoffs to the section snapshot."),
    ],
)
@pytest.mark.parametrize("requested", [FIRST, date(2030, 1, 1)])
def test_a_refused_test_cutoff_is_answered_with_those_that_would_be_accepted(
    requested: date, left: tuple[float, ...], way_out: str
) -> None:
    mature_on = every_28_days(4)
    rows = rows_of(list(mature_on), left)

    with pytest.raises(Stop) as stopped:
        plan_cutoffs(rows, mature_on, [requested])

    (problem,) = stopped.value.problems
    offered = [date.fromisoformat(day) for day in re.findall(r"\d{4}-\d\d-\d\d", way_out)]
    assert problem.endswith(way_out)
    assert all(plan_cutoffs(rows, mature_on, [day]).test == (day,) for day in offered)
