"""Deliver the events of the outbox to the receiver.

Each event is sent until the receiver accepts or refuses it. An event that the receiver has accepted is sent
again only if the receiver's answer was lost. These are the rules of delivery:

- A planned contact that is no longer useful is not sent. A contact is no longer useful if it has expired, was
  withdrawn before it was sent, or was already answered. A contact is also no longer useful if the customer
  must not be contacted any more because of an objection, a suppression list or a missing consent.
- The withdrawal of a contact is sent only if there was an attempt to send the planned contact.
- Events are sent one after another. After three failures in a row, or if the receiver asks for a pause, all
  other events wait too, because the receiver is probably down.
- After its n-th failure an event waits `backoff_seconds * 2**(n - 1)` seconds, at most an hour. The waiting
  time is multiplied by a number in [0.5, 1) from a hash of id and n, so that many events are not sent again
  at the same instant.
- An event is dead if its last allowed attempt failed, or if the receiver refused it.
  `churn deliver --retry-dead` tries dead events again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from churn.data.files import write_atomically
from churn.experiments.assignment import hash_to_unit_interval
from churn.handover.event import CONTACT_WITHDRAWN, Event
from churn.handover.journal import EventRecord, Journal, JournalLine
from churn.handover.usefulness import Usefulness, useless_because
from churn.handover.webhook import Answer
from churn.params import OutboxParams

DEAD = "dead.jsonl"
FAILURES_IN_A_ROW = 3
MAX_BACKOFF_SECONDS = 3600.0

Send = Callable[[Event, float], Answer]


@dataclass(frozen=True)
class Clock:
    """The two functions by which a delivery reads the time and waits.

    Attributes:
        now: A function that returns the seconds since 1970 (UTC).
        sleep: A function that waits for a number of seconds.
    """

    now: Callable[[], float]
    sleep: Callable[[float], None]


@dataclass
class Delivery:
    """What a delivery (one call of the program) has done.

    Attributes:
        n_delivered: The number of events that the receiver accepted in this delivery.
        n_delivered_before: The number of events that the receiver accepted in earlier deliveries.
        n_waiting: The number of events that wait for the next delivery.
        n_dead: The number of events that were refused or given up although they are still useful.
        n_unknown: The number of attempts whose answer is not known, in all deliveries. The event of such an
            attempt may be sent again, with the same `webhook-id`. A receiver that does not look for repeated
            ids then accepts at most this number of events twice.
        not_sent: The number of events that are not sent, by reason.
        problems: The last problem of each waiting or dead event, with the number of events that have this
            problem.
        stopped_because: Why the receiver accepts no event at all; None if it accepts events.
        rests_until: The receiver asked for a pause until this time, in seconds since 1970; None if there is
            no pause now.
    """

    n_delivered: int = 0
    n_delivered_before: int = 0
    n_waiting: int = 0
    n_dead: int = 0
    n_unknown: int = 0
    not_sent: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    stopped_because: str | None = None
    rests_until: float | None = None


def deliver(
    events: Iterable[Event],
    journal: Journal,
    facts: Usefulness,
    terms: OutboxParams,
    receiver: str,
    send: Send,
    clock: Clock,
) -> Delivery:
    """Deliver the events of the outbox to the receiver.

    Args:
        events: All events of the outbox, the earliest first.
        journal: The journal of attempts, open for appending.
        facts: The facts that decide whether an event is still useful.
        terms: The number of attempts, the backoff, and how long the delivery may take.
        receiver: The digest of the receiver's address.
        send: A function that sends an event once; it is called with the event and the present time.
        clock: The functions that tell the time and wait.
    """
    events = list({event.id: event for event in events}.values())
    withdrawn: dict[str, int] = {}
    for event in events:
        if event.type == CONTACT_WITHDRAWN:
            task_id = event.data.task_id
            withdrawn[task_id] = max(withdrawn.get(task_id, 0), event.data.sequence)
    delivery, useful = Delivery(), []
    for event in events:
        if journal.record_of(event.id).is_delivered:
            delivery.n_delivered_before += 1
        elif because := useless_because(event, facts, withdrawn, journal):
            delivery.not_sent[because] += 1
        else:
            useful.append(event)
    _Loop(journal, terms, receiver, send, clock, delivery).run(useful)
    delivery.n_unknown = sum(record.n_unknown for record in journal.records.values())
    return delivery


class _Loop:
    """Sends events until no event is left, the time is used up, or the receiver accepts no events."""

    def __init__(
        self,
        journal: Journal,
        terms: OutboxParams,
        receiver: str,
        send: Send,
        clock: Clock,
        delivery: Delivery,
    ) -> None:
        self._journal = journal
        self._terms = terms
        self._receiver = receiver
        self._send = send
        self._clock = clock
        self._delivery = delivery

    def run(self, events: list[Event]) -> None:
        """Deliver the events, and count what happened to each."""
        end = self._clock.now() + self._terms.wait_seconds
        if self._journal.gone_receiver == self._receiver:
            self._delivery.stopped_because = "it answered 410 Gone earlier: it wants no more events"
        waiting = [event for event in events if not self._give_up(event)]
        while waiting and not self._delivery.stopped_because:
            now = self._clock.now()
            resume = max(self._journal.rest_until, min(self._record(event).not_before for event in waiting))
            if resume > now:
                if resume > end:
                    break
                self._clock.sleep(resume - now)
            rest = self._round(waiting)
            waiting = [event for event in waiting if not self._is_done(event)]
            if waiting and rest is not None and not self._delivery.stopped_because:
                if rest > end:
                    break
                self._clock.sleep(max(rest - self._clock.now(), 0.0))
        self._count(events, waiting)

    def _round(self, events: list[Event]) -> float | None:
        """Send each event once, if it is due.

        If all events must wait after this round, return the time until which they wait; otherwise return
        None.
        """
        failures = 0
        order = {event.id: number for number, event in enumerate(events)}
        for event in sorted(events, key=lambda event: (self._record(event).tries, order[event.id])):
            if self._record(event).not_before > self._clock.now():
                continue
            answer = self._attempt(event)
            if answer.result == "stopped":
                self._delivery.stopped_because = answer.because
                return None
            if answer.result in ("delivered", "refused"):
                failures = 0
                continue
            failures += 1
            if answer.retry_after is not None:
                return self._journal.rest_until
            if failures == FAILURES_IN_A_ROW:
                return self._clock.now() + self._backoff(event, self._record(event).tries)
        return None

    def _attempt(self, event: Event) -> Answer:
        """Send an event once, and write the attempt and its result to the journal.

        The attempt is written before the request is sent, and the result after the request.
        """
        now = self._clock.now()
        number = self._record(event).attempts + 1
        record = self._journal.append(JournalLine(at=now, kind="attempt", event=event.id, attempt=number))
        answer = self._send(event, now)
        now = self._clock.now()
        is_retried = answer.result in ("not sent", "unknown", "failed")
        self._journal.append(
            JournalLine(
                at=now,
                kind="result",
                event=event.id,
                attempt=number,
                result=answer.result,
                status=answer.status,
                because=answer.because,
                not_before=now + self._backoff(event, record.tries) if is_retried else None,
                rest_until=None if answer.retry_after is None else now + answer.retry_after,
                receiver=self._receiver if answer.is_gone else None,
            )
        )
        if answer.result == "delivered":
            self._delivery.n_delivered += 1
        else:
            self._give_up(event)
        return answer

    def _give_up(self, event: Event) -> bool:
        """Give an event up if it has no attempts left; return whether the event is dead."""
        record = self._record(event)
        if not record.is_dead and record.tries >= self._terms.attempts:
            record = self._journal.append(
                JournalLine(at=self._clock.now(), kind="result", event=event.id, result="given up")
            )
        return record.is_dead

    def _backoff(self, event: Event, tries: int) -> float:
        seconds = min(self._terms.backoff_seconds * 2.0 ** (tries - 1), MAX_BACKOFF_SECONDS)
        return seconds * (0.5 + 0.5 * hash_to_unit_interval("backoff", event.id, str(tries)))

    def _record(self, event: Event) -> EventRecord:
        return self._journal.record_of(event.id)

    def _is_done(self, event: Event) -> bool:
        return self._record(event).is_delivered or self._record(event).is_dead

    def _count(self, events: Iterable[Event], queue: Iterable[Event]) -> None:
        self._delivery.n_waiting = len(list(queue))
        for event in events:
            record = self._record(event)
            self._delivery.n_dead += record.is_dead
            if not record.is_delivered and record.because:
                self._delivery.problems[record.because] += 1
        if self._journal.rest_until > self._clock.now():
            self._delivery.rests_until = self._journal.rest_until


def retry_dead(events: Iterable[Event], journal: Journal, now: float) -> int:
    """Allow new attempts for each dead event, and new requests to a receiver that answered 410 Gone.

    Return the number of dead events.

    Args:
        events: All events of the outbox.
        journal: The journal, open for appending.
        now: The time in seconds since 1970.
    """
    dead = [event.id for event in events if journal.record_of(event.id).is_dead]
    for event in dead:
        journal.append(JournalLine(at=now, kind="retry", event=event))
    journal.append(JournalLine(at=now, kind="retry"))
    return len(dead)


def write_dead(folder: Path, events: Iterable[Event], journal: Journal) -> None:
    """Write a file for people to read, with one line for each dead event; delete the file if there is none.

    A line names the contact's task and what was wrong with the last attempt, but not what the contact says.
    """
    lines = "".join(f"{line}\n" for line in _dead_lines(events, journal)).encode("utf-8")
    path = folder / DEAD
    if lines and not (path.is_file() and path.read_bytes() == lines):
        write_atomically(path, lines)
    elif not lines:
        path.unlink(missing_ok=True)


def _dead_lines(events: Iterable[Event], journal: Journal) -> Iterator[str]:
    for event in events:
        record = journal.record_of(event.id)
        if record.is_dead:
            yield json.dumps(
                {
                    "id": event.id,
                    "type": event.type,
                    "task_id": event.data.task_id,
                    "attempts": record.attempts,
                    "because": record.because,
                    "at": datetime.fromtimestamp(record.last_at, UTC).isoformat(timespec="seconds"),
                }
            )
