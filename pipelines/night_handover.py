"""Hand the results of a night over to a database, and the contacts of the night over to other systems."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from churn.data.store import Store
from churn.errors import BusyError, ChurnError, DeliveryError
from churn.handover.database import check_database, delivery_lines, hand_over
from churn.handover.outbox import StagedEvents, night_path
from churn.params import Params
from churn.scoring.sink import one_night_at_a_time
from pipelines import deliver
from pipelines.echo import Echo


def check_handover(params: Params) -> None:
    """Check that the database will accept the results of the night, before the long work on them begins.

    Raises:
        ParamsError: the address of the database cannot be read, or its driver is not installed.
        DeliveryError: the database does not answer, or would not accept the results.
        BusyError: another program has locked the database.
    """
    if params.score.sink:
        check_database(params.score.sink, params.label, params.score.reasons, params.file)


def hand_over_night(params: Params, store: Store, cutoff: date, echo: Echo, *, is_new: bool = True) -> None:
    """Hand over a night whose files and ledger are published.

    The database gets the results of the night; the receiver, which is another system, gets the contacts. If
    the database fails, the receiver still gets the contacts; if the receiver fails, the database still gets
    the results.

    Args:
        params: The parameters.
        store: The store. `deliver` reads from the store who may be contacted, and then sends the contacts.
        cutoff: The cutoff of the night.
        echo: Prints lines.
        is_new: Whether this call wrote the files of the night.

    Raises:
        DeliveryError: the database did not take the results, or the receiver did not take all contacts; or
            both failed.
        BusyError: another night is being scored, or another program has locked the database.
        SourceError: a file of the night, of the ledger or of the outbox is damaged.
    """
    errors: list[ChurnError] = []
    try:
        _fill_database(params, cutoff, echo, is_new=is_new)
    except ChurnError as error:
        errors.append(error)
    try:
        _send_contacts(params, store, echo)
    except ChurnError as error:
        errors.append(error)
    if len(errors) > 1:
        raise DeliveryError(*(problem for error in errors for problem in error.problems))
    if errors:
        raise errors[0]


def _fill_database(params: Params, cutoff: date, echo: Echo, *, is_new: bool) -> None:
    if params.score.sink:
        with one_night_at_a_time(params.output):
            delivery = hand_over(params.output, cutoff, params.score.sink, params.file)
        for line in delivery_lines(delivery, cutoff, is_new=is_new):
            echo.show(line)


def _send_contacts(params: Params, store: Store, echo: Echo) -> None:
    """Deliver the events in the outbox; `store.tonight`, not the clock, says which contacts have expired."""
    outbox = params.contact.outbox
    if outbox is None or outbox.url is None or not outbox.after_score:
        return
    try:
        deliver.run(params, cutoff=store.tonight, echo=echo, store=store)
    except BusyError as error:
        raise DeliveryError(
            *error.problems,
            "The night is written. Call `churn deliver` to hand over the contacts of this night.",
        ) from None


def outbox_lines(params: Params, cutoff: date, events: StagedEvents) -> Iterator[str]:
    """Yield lines that say which events the night put into the outbox."""
    if events.is_backfill:
        yield "outbox: nothing, because later nights do not follow this one: its contacts are not handed over"
        return
    outbox = params.contact.outbox
    if outbox is None or outbox.url is None:
        how = "other systems read the file"
    else:
        how = "sent now" if outbox.after_score else "waiting for `churn deliver`"
    yield (
        f"outbox: {events.n_planned:,} contacts planned, {events.n_withdrawn:,} withdrawn "
        f"({how}): {night_path(params.output, cutoff)}"
    )
    if events.n_never_planned:
        yield (
            f"  {events.n_never_planned:,} open tasks are from nights without an outbox; they stay on the "
            "call list and are not handed over"
        )


def outbox_warnings(events: StagedEvents) -> Iterator[str]:
    """Yield warnings that a person must read before the contacts take place."""
    for problem, n in events.message_problems.items():
        yield f"outbox: no message for {n:,} {'customer' if n == 1 else 'customers'}: {problem}"
    if events.n_changed:
        yield (
            f"outbox: {events.n_changed:,} contacts of this night differ from those that an earlier run "
            "of this night planned. Contacts that were already delivered are not sent again."
        )
