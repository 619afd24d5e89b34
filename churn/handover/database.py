"""Hand a night over to a database: after its files and its page of the ledger are published, and once.

A process that is killed before the database has the night leaves the files, and the next call for the same
night hands it over. So a contact in the database always has a row in the ledger.
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
    """What the database got of one night.

    Attributes:
        cutoff: The cutoff of the night.
        n_scores: The number of rows of `scores`.
        n_calls: The number of rows of `calls`.
        replaces: The rows of this night that were there: `none`, those of `another` night of the same
            cutoff, or `part` of this night.
    """

    cutoff: date
    n_scores: int
    n_calls: int
    replaces: str


@dataclass(frozen=True)
class Delivery:
    """What a call handed over.

    Attributes:
        address: The database, without user and password.
        nights: The nights that were written, the earliest first; empty if the database had them.
        latest: The night that `scores_latest` shows.
    """

    address: str
    nights: tuple[NightDelivery, ...]
    latest: date


def check_database(sink: SinkParams, label: LabelParams, n_reasons: int, file: str) -> None:
    """Check that the database will take a night, before the work: a wrong address costs seconds.

    Args:
        sink: The address and the schema.
        label: The label.
        n_reasons: The number of columns of reasons.
        file: The name of the parameter file, for messages.

    Raises:
        ParamsError: the address cannot be read, or its driver is not installed.
        DeliveryError: the database does not answer, lacks a right, or has tables of others under our names.
        BusyError: another program holds the database.
    """
    try:
        with open_sink(sink, file) as connection:
            rehearse(connection, night_schemas(label, n_reasons))
    except (BusyError, DeliveryError) as error:
        way_out = (
            f"Nothing was scored. Correct the database or `score.sink` in {file}; without it (`--set "
            "score.sink=null`) the night is only files."
        )
        raise type(error)(*error.problems, way_out) from None


def hand_over(output: Path, cutoff: date, sink: SinkParams, file: str) -> Delivery:
    """Hand a night of the files over, and the nights before it that the database missed.

    If the database already holds the same night as the files, nothing is written. Nights between the latest
    night of the database and this night were scored while the database did not answer; they are handed over
    first.

    Args:
        output: The output folder.
        cutoff: The cutoff of the night.
        sink: The address and the schema.
        file: The name of the parameter file, for messages.

    Raises:
        ParamsError: the address cannot be read, or its driver is not installed.
        SourceError: a file of a night is damaged.
        DeliveryError: the database did not take the night; the error says how it gets there.
        BusyError: another program holds the database.
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
            f"The files of the night of {cutoff} are complete. `churn score --cutoff {cutoff}` hands it over."
        )
        raise type(error)(*error.problems, way_out) from None


def _missed_nights(output: Path, cutoff: date, stored_nights: dict[date, StoredNight]) -> Iterator[date]:
    """Yield the nights of the files between the latest night of the database and this night."""
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
    """Write a night unless the database holds the same night; return None if it does."""
    is_same = stored_night is not None and stored_night.digest == night_digest(output, cutoff)
    if stored_night is not None and is_same and is_whole(connection, cutoff, stored_night):
        return None
    night = read_night_tables(output, cutoff)
    write_night(connection, cutoff, night.tables)
    replaces = "none" if stored_night is None else "part" if is_same else "another"
    return NightDelivery(cutoff, night.tables[SCORES].num_rows, night.tables[CALLS].num_rows, replaces)


def delivery_lines(delivery: Delivery, cutoff: date, *, is_new: bool) -> Iterator[str]:
    """Yield in words what the database got.

    Args:
        delivery: What was handed over.
        cutoff: The night that the call scored.
        is_new: Whether the call wrote the files of the night; otherwise they stood before.
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
            why = " now; its files are from an earlier call"
        yield f"database: {what} are in {delivery.address}{why}"
    if all(night.cutoff != cutoff for night in delivery.nights):
        yield f"database: the night of {cutoff} is in {delivery.address} (the same as before)"
    if delivery.latest != cutoff:
        yield f"  `scores_latest` stays at the night of {delivery.latest}"
