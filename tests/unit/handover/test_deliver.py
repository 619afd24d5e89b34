"""The delivery of events: retries, dead events, what is not sent, and repeats after a kill."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from churn.handover.deliver import DEAD, retry_dead, write_dead
from churn.handover.event import Event
from churn.handover.usefulness import (
    NEVER_SENT,
    NOT_IN_LEDGER,
    TASK_ANSWERED,
    TASK_EXPIRED,
    WITHDRAWN_BEFORE,
    Usefulness,
)
from churn.handover.webhook import Answer
from tests.drawn_outbox import (
    START,
    TODAY,
    Receiver,
    SetClock,
    contact_planned,
    contact_withdrawn,
    delivered_by,
    journal_in,
)

ONE = [contact_planned("t1")]
FIVE = [contact_planned(f"t{number}") for number in range(5)]


# --- a receiver that takes events


def test_each_event_is_sent_once_in_order_and_not_again_by_the_next_call(tmp_path: Path) -> None:
    receiver = Receiver()

    first = delivered_by(tmp_path, FIVE, receiver)
    second = delivered_by(tmp_path, FIVE, receiver)

    assert receiver.seen == [event.id for event in FIVE]
    assert (first.n_delivered, first.n_waiting, first.n_dead, first.n_unknown) == (5, 0, 0, 0)
    assert (second.n_delivered, second.n_delivered_before) == (0, 5)


# --- a receiver that is ill


@pytest.mark.parametrize("failure", [500, 503, 408, 425, 429, "lost", "down"])
def test_a_failure_is_tried_again_after_a_pause(tmp_path: Path, failure: int | str) -> None:
    receiver, clock = Receiver([failure, failure, 204]), SetClock()

    delivery = delivered_by(tmp_path, ONE, receiver, clock, backoff_seconds=2)

    first, second = clock.slept
    assert (delivery.n_delivered, delivery.n_waiting) == (1, 0)
    assert 1 <= first < 2
    assert 2 <= second < 4
    assert delivery.n_unknown == (2 if failure == "lost" else 0)


def test_the_pause_is_the_same_again_and_differs_between_events(tmp_path: Path) -> None:
    pauses = []
    for folder, task in (("a", "t1"), ("b", "t1"), ("c", "t2")):
        clock = SetClock()
        delivered_by(tmp_path / folder, [contact_planned(task)], Receiver([500]), clock)
        pauses.append(clock.slept)

    assert pauses[0] == pauses[1] != pauses[2]


def test_after_three_failures_in_a_row_the_others_wait_and_no_event_is_sent_twice_as_often(
    tmp_path: Path,
) -> None:
    receiver = Receiver(["down"] * 3)

    delivery = delivered_by(tmp_path, FIVE, receiver)

    assert delivery.n_delivered == 5
    assert Counter(receiver.seen) == Counter(event.id for event in FIVE)
    assert receiver.seen[:2] == [FIVE[3].id, FIVE[4].id]  # those with the fewest attempts go first


def test_a_call_ends_when_its_time_is_over_and_the_next_one_goes_on(tmp_path: Path) -> None:
    receiver, clock = Receiver([503] * 30), SetClock()

    first = delivered_by(tmp_path, FIVE, receiver, clock, wait_seconds=10)
    receiver.script.clear()
    clock.at += 3600
    second = delivered_by(tmp_path, FIVE, receiver, clock)

    assert sum(clock.slept) <= 10
    assert (first.n_waiting, first.n_dead) == (5, 0)
    assert sum(first.problems.values()) >= 3
    assert (second.n_delivered, second.n_waiting) == (5, 0)


def test_without_time_to_wait_each_event_is_tried_once(tmp_path: Path) -> None:
    receiver, clock = Receiver([500, 500]), SetClock()

    delivery = delivered_by(tmp_path, FIVE, receiver, clock, wait_seconds=0)

    assert clock.slept == []
    assert (delivery.n_delivered, delivery.n_waiting) == (3, 2)


def test_retry_after_is_kept_also_by_the_next_call(tmp_path: Path) -> None:
    receiver, clock = Receiver([429], retry_after="40"), SetClock()
    asked = delivered_by(tmp_path, FIVE, receiver, clock, wait_seconds=30)
    too_early = delivered_by(tmp_path, FIVE, receiver, clock, wait_seconds=30)
    seen_before = list(receiver.seen)
    clock.at = START + 40

    later = delivered_by(tmp_path, FIVE, receiver, clock)

    assert seen_before == [FIVE[0].id]  # one request, and then a rest for all
    assert (asked.n_waiting, too_early.n_waiting, later.n_delivered) == (5, 5, 5)
    assert asked.rests_until == START + 40


# --- a receiver that refuses


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_a_refused_event_is_dead_at_once_and_the_others_go_on(tmp_path: Path, status: int) -> None:
    receiver = Receiver([status])

    first = delivered_by(tmp_path, FIVE, receiver)
    second = delivered_by(tmp_path, FIVE, receiver)

    assert (first.n_delivered, first.n_dead, first.n_waiting) == (4, 1, 0)
    assert (second.n_delivered, second.n_dead) == (0, 1)
    assert len(receiver.seen) == 5


def test_after_the_last_attempt_an_event_is_dead(tmp_path: Path) -> None:
    receiver = Receiver([500] * 9)

    delivery = delivered_by(tmp_path, ONE, receiver, attempts=3)

    assert (delivery.n_dead, delivery.n_waiting, len(receiver.seen)) == (1, 0, 3)


def test_dead_events_are_listed_without_customers_and_come_back_on_request(tmp_path: Path) -> None:
    receiver = Receiver([400, 204, 500, 500])
    delivered_by(tmp_path, FIVE[:3], receiver, attempts=2)
    with journal_in(tmp_path) as journal:
        write_dead(tmp_path, FIVE, journal)
        lines = [json.loads(line) for line in (tmp_path / DEAD).read_text().splitlines()]
        n_revived = retry_dead(FIVE, journal, START)
        write_dead(tmp_path, FIVE, journal)

    again = delivered_by(tmp_path, FIVE[:3], receiver, attempts=2)

    assert [(line["task_id"], line["attempts"], line["because"]) for line in lines] == [
        ("t0", 1, "answer 400 Bad Request"),
        ("t2", 2, "answer 500 Internal Server Error"),
    ]
    assert "customer" not in json.dumps(lines)
    assert n_revived == 2
    assert not (tmp_path / DEAD).exists()
    assert (again.n_delivered, again.n_dead) == (2, 0)


def test_a_receiver_that_is_gone_gets_nothing_until_its_address_changes(tmp_path: Path) -> None:
    receiver = Receiver([204, 410])
    first = delivered_by(tmp_path, FIVE, receiver)
    second = delivered_by(tmp_path, FIVE, receiver)
    n_before = len(receiver.seen)

    elsewhere = delivered_by(tmp_path, FIVE, receiver, endpoint="another endpoint")

    assert (first.n_delivered, first.n_waiting, first.n_dead) == (1, 4, 0)
    assert "410" in str(first.stopped_because)
    assert "410" in str(second.stopped_because)
    assert n_before == 2
    assert elsewhere.n_delivered == 4


def test_a_receiver_that_was_gone_is_tried_again_on_request(tmp_path: Path) -> None:
    receiver = Receiver([410])
    delivered_by(tmp_path, FIVE, receiver)
    with journal_in(tmp_path) as journal:
        retry_dead(FIVE, journal, START)

    assert delivered_by(tmp_path, FIVE, receiver).n_delivered == 5


@pytest.mark.parametrize("status", [307, 401, 403, 404])
def test_an_answer_about_the_address_stops_this_call_only_and_costs_no_attempt(
    tmp_path: Path, status: int
) -> None:
    receiver = Receiver([status, status])

    stopped = [delivered_by(tmp_path, FIVE, receiver, attempts=1) for _ in range(2)]
    last = delivered_by(tmp_path, FIVE, receiver, attempts=1)

    assert all(f"answer {status}" in str(delivery.stopped_because) for delivery in stopped)
    assert (last.n_delivered, last.n_dead) == (5, 0)


# --- what is not sent


def not_sent(folder: Path, events: list[Event], facts: Usefulness, receiver: Receiver) -> dict[str, int]:
    return dict(delivered_by(folder, events, receiver, facts=facts).not_sent)


TASKS = frozenset(("t1", "t2"))


@pytest.mark.parametrize(
    ("facts", "because"),
    [
        (Usefulness(today=date(2024, 3, 4), treated_tasks=TASKS), TASK_EXPIRED),
        (Usefulness(today=TODAY, treated_tasks=frozenset(("t2",))), NOT_IN_LEDGER),
        (Usefulness(today=TODAY, treated_tasks=TASKS, answered_tasks=frozenset(("t1",))), TASK_ANSWERED),
        (Usefulness(today=TODAY, treated_tasks=TASKS, refusals={"t1": "objected"}), "objected"),
    ],
    ids=["expired", "a control, or no row in the ledger", "answered", "objected since the night"],
)
def test_a_contact_that_is_of_no_use_any_more_is_not_sent_and_counted(
    tmp_path: Path, facts: Usefulness, because: str
) -> None:
    receiver = Receiver()

    assert not_sent(tmp_path, ONE, facts, receiver) == {because: 1}
    assert receiver.seen == []


def test_a_contact_is_sent_on_the_last_day_before_it_expires(tmp_path: Path) -> None:
    receiver = Receiver()

    assert not_sent(tmp_path, ONE, Usefulness(date(2024, 3, 3), TASKS), receiver) == {}
    assert len(receiver.seen) == 1


def test_a_contact_that_is_withdrawn_before_it_was_sent_needs_neither_event(tmp_path: Path) -> None:
    receiver = Receiver()

    reasons = not_sent(tmp_path, [*ONE, contact_withdrawn("t1")], Usefulness(TODAY, TASKS), receiver)

    assert reasons == {WITHDRAWN_BEFORE: 1, NEVER_SENT: 1}
    assert receiver.seen == []


@pytest.mark.parametrize("answer", [204, "lost", 500, "down"])
def test_a_withdrawal_is_sent_if_the_receiver_may_have_the_contact(tmp_path: Path, answer: int | str) -> None:
    receiver, withdrawal = Receiver([answer]), contact_withdrawn("t1")
    delivered_by(tmp_path, ONE, receiver, wait_seconds=0)

    delivery = delivered_by(tmp_path, [*ONE, withdrawal], receiver)

    assert receiver.seen[-1] == withdrawal.id
    assert delivery.n_delivered == 1


def test_a_withdrawal_is_sent_although_the_customer_objected(tmp_path: Path) -> None:
    receiver, withdrawal = Receiver(), contact_withdrawn("t1", because="objected")
    delivered_by(tmp_path, ONE, receiver)
    facts = Usefulness(TODAY, TASKS, refusals={"t1": "objected"})

    delivered_by(tmp_path, [*ONE, withdrawal], receiver, facts=facts)

    assert receiver.seen == [ONE[0].id, withdrawal.id]


def test_a_contact_that_is_planned_again_after_its_withdrawal_is_sent_under_another_id(
    tmp_path: Path,
) -> None:
    receiver = Receiver()
    events = [*ONE, contact_withdrawn("t1"), contact_planned("t1", 2)]
    delivered_by(tmp_path, ONE, receiver)

    delivered_by(tmp_path, events, receiver)

    assert receiver.seen == [event.id for event in events]
    assert len(set(receiver.seen)) == 3


# --- kills


class Killed(BaseException):
    """A SIGKILL, for a test: nothing of this program runs after it."""


class KilledReceiver(Receiver):
    """A receiver whose sender is killed at one request: before it goes out, or after it was taken."""

    def __init__(self, at: int, *, is_taken: bool) -> None:
        super().__init__()
        self.left, self.is_taken = at, is_taken

    def send(self, event: Event, now: float) -> Answer:
        self.left -= 1
        if self.left == 0:
            if self.is_taken:
                self.seen.append(event.id)
            raise Killed
        return super().send(event, now)


@pytest.mark.parametrize("is_taken", [True, False])
@pytest.mark.parametrize("at", range(1, 6))
def test_a_kill_between_request_and_journal_loses_no_event_and_its_answer_counts_as_unknown(
    tmp_path: Path, at: int, is_taken: bool
) -> None:
    receiver = KilledReceiver(at, is_taken=is_taken)
    with pytest.raises(Killed):
        delivered_by(tmp_path, FIVE, receiver)

    delivery = delivered_by(tmp_path, FIVE, receiver)

    seen = Counter(receiver.seen)
    assert set(seen) == {event.id for event in FIVE}  # a receiver that looks at ids has each contact once
    assert sum(seen.values()) - len(seen) == is_taken  # the only repeat is the one whose answer was lost
    assert delivery.n_unknown == 1


def test_a_kill_at_the_last_attempt_ends_in_a_dead_event_and_no_further_request(tmp_path: Path) -> None:
    receiver = KilledReceiver(1, is_taken=True)
    with pytest.raises(Killed):
        delivered_by(tmp_path, ONE, receiver, attempts=1)

    delivery = delivered_by(tmp_path, ONE, receiver, attempts=1)

    assert (delivery.n_dead, delivery.n_unknown, len(receiver.seen)) == (1, 1, 1)
