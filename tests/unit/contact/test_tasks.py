"""What became of a task by the answers, exits and days before a cutoff."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.contact.tasks import EXITS, TaskStates, task_states
from tests.drawn_company import parse

TASK_COLUMNS = ("planned_on", "due_at", "expires_on")


def frame_of(text: str, *days: str) -> pd.DataFrame:
    frame = pd.DataFrame(parse(text)).replace("", None)
    for name in days:
        frame[name] = [date.fromisoformat(day) if isinstance(day, str) else None for day in frame[name]]
    return frame


def tasks_of(arm: str = "treated") -> pd.DataFrame:
    """Return a task of each of two customers: planned on 1 May, due on 6 May, expired on 3 June."""
    tasks = frame_of(
        """
        task_id | customer | play | planned_on | due_at     | expires_on
        t1      | a        | call | 2024-05-01 | 2024-05-06 | 2024-06-03
        t2      | b        | call | 2024-05-01 | 2024-05-06 | 2024-06-03
        """,
        *TASK_COLUMNS,
    )
    return tasks.assign(arm=arm)


def contacts_of(*rows: str) -> pd.DataFrame:
    head = "customer | contacted_on | task_id | play | arm | result | snoozed_until"
    frame = frame_of("\n".join([head, *rows]), "contacted_on", "snoozed_until") if rows else None
    if frame is None:
        frame = pd.DataFrame(columns=["customer_id", *[name.strip() for name in head.split("|")[1:]]])
    return frame.assign(contacted_at=pd.to_datetime(frame["contacted_on"]))


def exits_of(*rows: str) -> pd.DataFrame:
    if not rows:
        return pd.DataFrame(columns=["customer_id", "happened_on", "why"])
    return frame_of("\n".join(["customer | happened_on | why", *rows]), "happened_on")


def first_state(states: TaskStates) -> tuple[str, str, str | None]:
    row = states.states.iloc[0]
    return row["state"], str(row["since"].date()), row["why"]


@pytest.mark.parametrize(
    ("cutoff", "state", "since"),
    [
        ("2024-05-02", "open", "2024-05-01"),
        ("2024-05-06", "open", "2024-05-01"),  # due on this day
        ("2024-05-07", "overdue", "2024-05-07"),
        ("2024-06-02", "overdue", "2024-05-07"),
        ("2024-06-03", "expired", "2024-06-03"),
    ],
)
@pytest.mark.parametrize("arm", ["treated", "control"])
def test_a_task_keeps_its_date_becomes_overdue_and_expires(
    cutoff: str, state: str, since: str, arm: str
) -> None:
    states = task_states(tasks_of(arm), contacts_of(), exits_of(), date.fromisoformat(cutoff))

    assert first_state(states) == (state, since, None)
    assert not states.is_assumed


@pytest.mark.parametrize(
    ("contacts", "state", "since"),
    [
        (["a | 2024-05-08 | t1 | | | done |"], "done", "2024-05-08"),
        (["a | 2024-05-08 | t1 | | | |"], "done", "2024-05-08"),  # no result: the contact happened
        (["a | 2024-05-08 | t1 | | | Declined |"], "declined", "2024-05-08"),
        (["a | 2024-05-08 | t1 | | | no_answer |"], "overdue", "2024-05-07"),
        (["a | 2024-05-08 | t1 | | | snoozed | 2024-05-21"], "snoozed", "2024-05-08"),
        (["a | 2024-05-08 | t1 | | | snoozed | 2024-05-20"], "overdue", "2024-05-07"),  # over tonight
        (["a | 2024-05-20 | t1 | | | done |"], "overdue", "2024-05-07"),  # not known at the cutoff
        (["a | 2024-05-08 | | call | | done |"], "done", "2024-05-08"),
        (["a | 2024-05-08 | | mail | | done |"], "overdue", "2024-05-07"),  # another play
        (["a | 2024-04-30 | | call | | done |"], "overdue", "2024-05-07"),  # before the task
        (["b | 2024-05-08 | | call | | done |"], "overdue", "2024-05-07"),  # another customer
        (
            ["a | 2024-05-02 | t1 | | | snoozed | 2024-05-30", "a | 2024-05-08 | t1 | | | done |"],
            *("done", "2024-05-08"),
        ),
        (
            ["a | 2024-05-08 | t1 | | | done |", "a | 2024-05-09 | t1 | | | snoozed | 2024-05-30"],
            *("done", "2024-05-08"),
        ),
        (
            ["a | 2024-05-02 | t1 | | | snoozed | 2024-05-30", "a | 2024-05-08 | t1 | | | no answer |"],
            *("overdue", "2024-05-07"),
        ),
    ],
)
def test_an_answer_ends_or_rests_a_task(contacts: list[str], state: str, since: str) -> None:
    states = task_states(tasks_of(), contacts_of(*contacts), exits_of(), date(2024, 5, 20))

    assert first_state(states) == (state, since, None)
    assert (states.n_unmatched, states.contacted_controls) == (0, ())


@pytest.mark.parametrize("arm", ["treated", "control"])
@pytest.mark.parametrize(
    ("exits", "state", "since", "why"),
    [
        (["a | 2024-05-01 | came back"], "withdrawn", "2024-05-01", "came back"),
        (["a | 2024-04-30 | came back"], "overdue", "2024-05-07", None),  # before the task
        (["a | 2024-05-20 | came back"], "overdue", "2024-05-07", None),  # not known at the cutoff
        (["a | 2024-05-19 | left"], "withdrawn", "2024-05-19", "left"),
        (
            ["a | 2024-05-05 | opened a ticket before the due date"],
            *("withdrawn", "2024-05-05", "opened a ticket before the due date"),
        ),
        (["a | 2024-05-06 | opened a ticket before the due date"], "overdue", "2024-05-07", None),
        (["a | 2024-05-09 | came back", "a | 2024-05-09 | objected"], "withdrawn", "2024-05-09", "objected"),
        (["b | 2024-05-09 | objected"], "overdue", "2024-05-07", None),
    ],
)
def test_an_exit_withdraws_the_task_in_both_arms(
    exits: list[str], state: str, since: str, why: str | None, arm: str
) -> None:
    states = task_states(tasks_of(arm), contacts_of(), exits_of(*exits), date(2024, 5, 20))

    assert first_state(states) == (state, since, why)


def test_the_first_event_ends_a_task_and_an_answer_counts_before_an_exit_of_its_day() -> None:
    contacts = contacts_of("a | 2024-05-08 | t1 | | | done |", "b | 2024-05-09 | t2 | | | done |")
    exits = exits_of("a | 2024-05-08 | came back", "b | 2024-05-08 | came back")

    states = task_states(tasks_of(), contacts, exits, date(2024, 7, 1))

    assert states.states["state"].tolist() == ["done", "withdrawn"]


@pytest.mark.parametrize("arm", ["treated", "control"])
def test_without_a_table_of_contacts_a_task_counts_as_done_on_its_due_date(arm: str) -> None:
    due_tonight = task_states(tasks_of(arm), None, exits_of(), date(2024, 5, 6))
    day_after = task_states(tasks_of(arm), None, exits_of("b | 2024-05-03 | left"), date(2024, 5, 7))

    assert due_tonight.states["state"].tolist() == ["open", "open"]
    assert day_after.states["state"].tolist() == ["done", "withdrawn"]
    assert day_after.states["since"].dt.day.tolist() == [6, 3]
    assert due_tonight.is_assumed
    assert day_after.is_assumed


def test_contacts_of_a_control_are_no_answer() -> None:
    contacts = contacts_of(
        "a | 2024-05-08 | t1 | call | control | |",  # what would have been
        "b | 2024-05-08 | t2 | call | | done |",  # a real contact of a control
    )

    states = task_states(tasks_of("control"), contacts, exits_of(), date(2024, 5, 20))

    assert states.states["state"].tolist() == ["overdue", "overdue"]
    assert states.contacted_controls == ("t2",)


def test_contacts_that_fit_no_task_or_no_result_are_counted() -> None:
    contacts = contacts_of(
        "a | 2024-05-08 | t9 | | | done |",  # an unknown task
        "a | 2024-05-08 | t2 | | | done |",  # the task of another customer
        "a | 2024-04-08 | t1 | | | done |",  # before the task
        "a | 2024-05-02 | t1 | | | snoozed |",  # until when?
        "a | 2024-05-08 | | other | | done |",  # no task is named: nothing to match
        "b | 2024-05-08 | t2 | | | Reached |",
    )

    states = task_states(tasks_of(), contacts, exits_of(), date(2024, 5, 20))

    assert states.states["state"].tolist() == ["overdue", "done"]
    assert states.n_unmatched == 3
    assert states.n_snoozed_without_date == 1
    assert states.unknown_results == {"reached": 1}


def test_contacts_without_an_answer_are_counted_for_the_next_step() -> None:
    contacts = contacts_of("a | 2024-05-03 | t1 | | | no answer |", "a | 2024-05-08 | t1 | | | no answer |")

    states = task_states(tasks_of(), contacts, exits_of(), date(2024, 5, 20)).states

    assert states["attempts"].tolist() == [2, 0]
    assert str(states["last_attempt_on"].iloc[0].date()) == "2024-05-08"
    assert pd.isna(states["last_attempt_on"].iloc[1])


def test_a_night_without_earlier_tasks_has_no_states() -> None:
    tasks = tasks_of().iloc[:0]

    states = task_states(
        tasks, contacts_of("a | 2024-05-08 | | call | | done |"), exits_of(), date(2024, 7, 1)
    )

    assert states.states.empty


def test_an_exit_without_a_known_reason_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="'moved' is no exit"):
        task_states(tasks_of(), None, exits_of("a | 2024-05-08 | moved"), date(2024, 7, 1))


@settings(max_examples=25)  # each draws four frames
@given(
    exits=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 40), st.sampled_from(EXITS)), max_size=4),
    night=st.integers(2, 45),
)
def test_the_state_without_answers_is_the_same_in_both_arms(
    exits: list[tuple[str, int, str]], night: int
) -> None:
    first = pd.Timestamp("2024-05-01")
    rows = pd.DataFrame(
        [(customer, (first + pd.Timedelta(days=day)).date(), why) for customer, day, why in exits],
        columns=["customer_id", "happened_on", "why"],
    )
    cutoff = (first + pd.Timedelta(days=night)).date()

    treated, control = (
        task_states(tasks_of(arm), contacts_of(), rows, cutoff) for arm in ("treated", "control")
    )

    pd.testing.assert_frame_equal(treated.states, control.states)
