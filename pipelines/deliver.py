"""Deliver the planned contacts of the outbox to the receiver, `contact.outbox.url`."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from churn.data.files import only_writer, remove_leftovers
from churn.data.store import Store
from churn.errors import DeliveryError, ParamsError
from churn.handover.deliver import DEAD, Clock, Delivery, deliver, retry_dead, write_dead
from churn.handover.event import Event
from churn.handover.journal import Journal, open_journal
from churn.handover.outbox import outbox_folder, read_all_events
from churn.handover.usefulness import read_usefulness
from churn.handover.webhook import Endpoint, send
from churn.params import OutboxParams, Params
from pipelines.echo import Echo
from pipelines.ingest import ensure_store

LOCK = ".lock"


def run(
    params: Params,
    *,
    cutoff: date | None = None,
    retry_dead: bool = False,
    echo: Echo,
    store: Store | None = None,
) -> int | None:
    """Send each event of the outbox that is not delivered yet and that the receiver still needs.

    Args:
        params: The parameters.
        cutoff: The day that counts as today when the program checks which planned contacts have expired; by
            default today's date.
        retry_dead: Whether to send dead events (refused or given up) again.
        echo: Prints lines, warnings and progress.
        store: The store, if the caller has opened it; by default this function opens it, and first writes it
            again if it is outdated.

    Raises:
        ParamsError: the parameters name no receiver.
        BusyError: another process delivers.
        SourceError: a file of the outbox or of the ledger is damaged.
        DeliveryError: some events still wait, or are dead (refused or given up).
    """
    terms = params.contact.outbox
    if terms is None or terms.url is None:
        raise ParamsError(
            f"{params.file}: contact.outbox.url names no receiver, so nothing can be delivered. Write "
            "`outbox: {url: ${CHURN_WEBHOOK_URL}, secret: ${CHURN_WEBHOOK_SECRET}}` under `contact`."
        )
    clock = Clock(time.time, time.sleep)
    today = cutoff or datetime.fromtimestamp(clock.now(), UTC).astimezone(ZoneInfo(params.timezone)).date()
    store = store or ensure_store(params, echo)
    folder = outbox_folder(params.output)
    with only_writer(folder / LOCK, "`churn deliver`"), open_journal(folder) as journal:
        remove_leftovers(folder)
        events = read_all_events(params.output)
        if retry_dead:
            _retry(events, journal, clock, echo)
        endpoint = Endpoint.of(terms)
        waiting = [event for event in events if not journal.record_of(event.id).is_delivered]
        facts = read_usefulness(store, waiting, params.contact, today)
        try:
            delivery = deliver(
                events,
                journal,
                facts,
                terms,
                endpoint.digest,
                lambda event, now: send(endpoint, event.id, event.body, now),
                clock,
            )
        finally:
            write_dead(folder, events, journal)
    _report(delivery, terms, params, echo, today)
    return 0


def _retry(events: list[Event], journal: Journal, clock: Clock, echo: Echo) -> None:
    n_dead = retry_dead(events, journal, clock.now())
    echo(f"deliver: dead events that get their attempts again: {n_dead:,}")


def _report(delivery: Delivery, terms: OutboxParams, params: Params, echo: Echo, today: date) -> None:
    """Say what became of the events.

    Raises:
        DeliveryError: some events still wait, or are dead (refused or given up).
    """
    echo.show(
        f"deliver: {delivery.n_delivered:,} {_noun(delivery.n_delivered)} delivered to {terms.receiver}, "
        f"{delivery.n_delivered_before:,} before"
    )
    for because, n in sorted(delivery.not_sent.items()):
        echo.show(f"  {n:,} not sent: {because}" + (f" (today is {today})" if "expired" in because else ""))
    if delivery.n_unknown:
        echo.show(
            f"  {delivery.n_unknown:,} {'attempt' if delivery.n_unknown == 1 else 'attempts'} without a "
            "known answer so far: a receiver that does not look at `webhook-id` may have taken these twice"
        )
    if not delivery.n_waiting and not delivery.n_dead:
        return
    problems = []
    causes = "; ".join(f"{n:,}: {because}" for because, n in delivery.problems.most_common(3))
    if delivery.stopped_because:
        problems.append(
            f"deliver: {terms.receiver} takes no events: {delivery.stopped_because}. "
            f"{_count(delivery.n_waiting, 'waits', 'wait')}. Correct contact.outbox.url in "
            f"{params.file}, or call `churn deliver --retry-dead` once the receiver takes events again."
        )
    elif delivery.n_waiting:
        rest = ""
        if delivery.rests_until is not None:
            moment = datetime.fromtimestamp(delivery.rests_until, UTC).isoformat(" ", timespec="seconds")
            rest = f" The receiver asks for a pause until {moment}."
        problems.append(
            f"deliver: {_count(delivery.n_waiting, 'waits', 'wait')}, because {terms.receiver} takes no "
            f"events now ({causes}).{rest} Call `churn deliver` again."
        )
    if delivery.n_dead:
        problems.append(
            f"deliver: {_count(delivery.n_dead, 'is', 'are')} dead: refused by {terms.receiver}, or given up "
            f"after {terms.attempts} attempts ({causes}). {outbox_folder(params.output) / DEAD} lists them. "
            "Correct the cause, then call `churn deliver --retry-dead`."
        )
    raise DeliveryError(*problems)


def _count(n: int, singular: str, plural: str) -> str:
    return f"{n:,} {_noun(n)} {singular if n == 1 else plural}"


def _noun(n: int) -> str:
    return "event" if n == 1 else "events"


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("deliver"))
