"""Hand a night over to a database, once, and only after its files and its page of the ledger are published.

Because of this order, a contact in the database always has a row in the ledger. If the process is killed
before the handover, the files stay, and the next call of the program for the same night does the handover.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from churn.data.sinks.connection import SinkConnection
from churn.data.sinks.nights import (
    CALLS,
    SCORES,
    StoredNight,
    is_whole,
    read_nights,
    rehearse,
    write_night,
)
from churn.data.sinks.open_sink import open_sink
from churn.errors import BusyError, DeliveryError
from churn.handover.night_tables import is_trial, night_digest, night_schemas, read_night_tables
from churn.params import LabelParams, SinkParams
from churn.scoring.sink import scores_path


@dataclass(frozen=True)
class NightDelivery:
    """How much the database received of one night.

    Attributes:
        cutoff: The cutoff of the night.
        n_scores: The number of rows of this night in the table `scores`.
        n_calls: The number of rows of this night in the table `calls`.
        replaces: What the database already held for this cutoff: `none` (no night), `another` (a night whose
            files were different), or `part` (this night, but not all of its rows).
    """

    cutoff: date
    n_scores: int
    n_calls: int
    replaces: str


@dataclass(frozen=True)
class Delivery:
    """What one call of the program handed over to the database.

    Attributes:
        address: The address of the database, without user and password.
        nights: The nights that were written, the earliest first; empty if the database already had them.
        latest: The night that the table `scores_latest` shows.
    """

    address: str
    nights: tuple[NightDelivery, ...]
    latest: date


def check_database(sink: SinkParams, label: LabelParams, n_reasons: int, file: str) -> None:
    """Check that the database will accept a night; this is done before the long work, so that a wrong address
    costs only seconds.

    Args:
        sink: The address and the schema of the database.
        label: The label.
        n_reasons: The largest number of reasons for a customer; each reason has its own column.
        file: The name of the parameter file, for messages.

    Raises:
        ParamsError: the address cannot be read, or the driver of the database is not installed.
        DeliveryError: the database does not answer, the user lacks a right, or the tables with our names
            belong to another program.
        BusyError: another program has locked the database.
    """
    try:
        with open_sink(sink, file) as connection:
            rehearse(connection, night_schemas(label, n_reasons))
    except (BusyError, DeliveryError) as error:
        way_out = (
            f"Nothing was scored. Remove the cause in the database, or correct `score.sink` in {file}; "
            "without `score.sink` (`--set score.sink=null`), churn writes the night only to files."
        )
        raise type(error)(*error.problems, way_out) from None


def hand_over(output: Path, cutoff: date, sink: SinkParams, file: str) -> Delivery:
    """Hand over a night from its files, after the earlier nights that the database missed.

    If the database already holds this night with the same content, nothing is written. The database misses a
    night if it does not answer. Missed nights are handed over only if they are later than the latest night in
    the database.

    Args:
        output: The output folder.
        cutoff: The cutoff of the night.
        sink: The address and the schema of the database.
        file: The name of the parameter file, for messages.

    Raises:
        ParamsError: the address cannot be read, or the driver of the database is not installed.
        SourceError: a file of a night is damaged.
        DeliveryError: the database did not accept the night; the error says how to hand it over later.
        BusyError: another program has locked the database.
    """
    try:
        with open_sink(sink, file) as connection:
            stored_nights = read_nights(connection)
            nights = [
                delivery
                for night in (*_missed_nights(output, cutoff, stored_nights), cutoff)
                if (delivery := _deliver(connection, output, night, stored_nights.get(night)))
            ]
            return Delivery(connection.address, tuple(nights), max({*stored_nights, cutoff}))
    except (BusyError, DeliveryError) as error:
        way_out = (
            f"The files of the night of {cutoff} are complete, but the database has not received the "
            f"night. Call `churn score --cutoff {cutoff}` to hand it over."
        )
        raise type(error)(*error.problems, way_out) from None


def _missed_nights(output: Path, cutoff: date, stored_nights: dict[date, StoredNight]) -> Iterator[date]:
    """Yield each night that has files and is no trial, between the database's latest night and `cutoff`."""
    if not stored_nights:
        return
    for folder in sorted(output.glob("scores/cutoff=*")):
        night = date.fromisoformat(folder.name.removeprefix("cutoff="))
        is_between = max(stored_nights) < night < cutoff
        if is_between and scores_path(output, night).exists() and not is_trial(output, night):
            yield night


def _deliver(
    connection: SinkConnection, output: Path, cutoff: date, stored_night: StoredNight | None
) -> NightDelivery | None:
    """Write a night into the database; if the database already holds the same night, write nothing and return
    None.
    """
    is_same = stored_night is not None and stored_night.digest == night_digest(output, cutoff)
    if stored_night is not None and is_same and is_whole(connection, cutoff, stored_night):
        return None
    night = read_night_tables(output, cutoff)
    write_night(connection, cutoff, night.tables)
    replaces = "none" if stored_night is None else "part" if is_same else "another"
    return NightDelivery(cutoff, night.tables[SCORES].num_rows, night.tables[CALLS].num_rows, replaces)


def delivery_lines(delivery: Delivery, cutoff: date, *, is_new: bool) -> Iterator[str]:
    """Yield lines that say what the database received.

    Args:
        delivery: What was handed over.
        cutoff: The cutoff of the night that this call of the program scored.
        is_new: Whether this call of the program wrote the files of the night; otherwise they existed before.
    """
    for night in delivery.nights:
        what = f"{night.n_scores:,} scores and {night.n_calls:,} calls of the night of {night.cutoff}"
        why = ""
        if night.replaces == "another":
            why = ", in place of those handed over before"
        elif night.replaces == "part":
            why = ", because rows of this night were missing there"
        elif night.cutoff != cutoff:
            why = ", which the database had missed"
        elif not is_new:
            why = " now; its files are from an earlier call of churn"
        yield f"database: {what} are in {delivery.address}{why}"
    if all(night.cutoff != cutoff for night in delivery.nights):
        yield f"database: the night of {cutoff} is in {delivery.address} (the same as before)"
    if delivery.latest != cutoff:
        yield f"  `scores_latest` stays at the night of {delivery.latest}"
