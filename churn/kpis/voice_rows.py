"""What customers said and what support did, as the store knew it at a cutoff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.data.tables import STORED_UNITS
from churn.features.language.reader import NEVER

Ints = npt.NDArray[np.int64]


NO_RATING = -1
RATING_UNIT = STORED_UNITS["number"]
"""The factor from a rating to its stored whole number: a rating of 7 is stored as 7,000."""

LOW_RATING_BELOW = 7 * RATING_UNIT
"""A rating below 7 is low."""


@dataclass(frozen=True)
class Answers:
    """Answers to surveys as arrays of shape `[answers]`: customer codes, day numbers, ratings times 1,000."""

    customer: Ints
    day: Ints
    rating: Ints

    @property
    def low(self) -> Answers:
        """Return the answers with a low rating."""
        is_low = self.rating < LOW_RATING_BELOW
        return Answers(self.customer[is_low], self.day[is_low], self.rating[is_low])


@dataclass(frozen=True)
class Tickets:
    """Tickets, as arrays of shape `[tickets]`.

    `NEVER` stands for a first reply or a closing that has not happened by the cutoff.

    Attributes:
        customer: The customer code.
        day, due_on, replied_on, closed_on: The day numbers of opening, promised reply, first reply and
            closing; `due_on` is `NEVER` if no date was promised.
        reply_seconds, close_seconds: The seconds from opening to the first reply and to closing.
        followed_seconds: The seconds from opening to the cutoff.
        satisfaction: The rating times 1,000, or `NO_RATING`.
        has: The names of the optional columns that the source has.
    """

    customer: Ints
    day: Ints
    due_on: Ints
    replied_on: Ints
    closed_on: Ints
    reply_seconds: Ints
    close_seconds: Ints
    followed_seconds: Ints
    satisfaction: Ints
    has: frozenset[str]


@dataclass(frozen=True)
class ContactDays:
    """The days on which a customer said something or was contacted, ordered by (customer, day)."""

    customer: Ints
    day: Ints

    @classmethod
    def of_tables(cls, *parts: tuple[Ints, Ints]) -> ContactDays:
        """Put the rows (customer codes and days) of several tables into one object, and order them."""
        customer, day = (np.concatenate([part[column] for part in parts]) for column in (0, 1))
        order = np.lexsort((day, customer))
        return cls(customer[order], day[order])

    def count_between(self, customer: Ints, first: Ints, last: Ints) -> Ints:
        """Count the contact days of each given customer from `first` to `last`, both included."""
        key = (self.customer << 33) + self.day
        start = np.searchsorted(key, (customer << 33) + first, side="left")
        end = np.searchsorted(key, (customer << 33) + last, side="right")
        return (end - start).astype(np.int64)


def read_answers(store: Store, cutoff: date) -> Answers | None:
    """Read the ratings given before the cutoff; None if the store has no ratings."""
    if not store.has("surveys") or "rating" not in store.tables["surveys"].columns:
        return None
    day = "answered_at_day" if "answered_at_day" in store.tables["surveys"].columns else "day"
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT customer, {day} AS said_on, rating FROM {store.scan('surveys')} "
            f"WHERE {store.visible_before('surveys', cutoff)} AND {day} < {day_number(cutoff)} "
            "AND rating IS NOT NULL"
        ).fetchnumpy()
    return Answers(*(np.asarray(rows[name], dtype=np.int64) for name in ("customer", "said_on", "rating")))


def read_tickets(store: Store, cutoff: date) -> Tickets | None:
    """Read the tickets opened before the cutoff; None if the store has no tickets."""
    if not store.has("tickets"):
        return None
    columns, last = store.tables["tickets"].columns, day_number(cutoff)

    def outcome(name: str, suffix: str) -> str:
        if f"{name}_day" not in columns:
            return str(NEVER)
        return f"CASE WHEN {name}_day < {last} THEN {name}_{suffix} ELSE {NEVER} END"

    due = "coalesce(due_at_day, " + str(NEVER) + ")" if "due_at_day" in columns else str(NEVER)
    rating = "NULL"
    if {"satisfaction", "closed_at_day"} <= set(columns):
        rating = f"CASE WHEN closed_at_day < {last} THEN satisfaction END"
    fields = {
        "customer": "customer",
        "day": "day",
        "due_on": due,
        "replied_on": outcome("first_reply_at", "day"),
        "closed_on": outcome("closed_at", "day"),
        "reply_seconds": outcome("first_reply_at", "after"),
        "close_seconds": outcome("closed_at", "after"),
        "followed_seconds": f'greatest({midnight_seconds(cutoff, store.params.timezone)} - epoch("at"), 0)',
        "satisfaction": f"coalesce({rating}, {NO_RATING})",
    }
    select_list = ", ".join(f"({sql})::BIGINT AS {name}" for name, sql in fields.items())
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT {select_list} FROM {store.scan('tickets')} "
            f"WHERE {store.visible_before('tickets', cutoff)}"
        ).fetchnumpy()
    values = {name: np.asarray(rows[name], dtype=np.int64) for name in fields}
    return Tickets(**values, has=frozenset(columns))


def midnight_seconds(day: date, timezone: str) -> int:
    """Return the local midnight at the start of a day, in seconds since 1970-01-01 UTC.

    >>> midnight_seconds(date(1970, 1, 2), "Europe/Berlin")
    82800
    """
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone)).timestamp())


def read_contacts(store: Store, cutoff: date) -> ContactDays | None:
    """Read the days on which customers were contacted; None if the store has no contacts.

    A contact whose arm is `control` was only planned and did not take place, so it is left out.
    """
    if not store.has("contacts"):
        return None
    columns = store.tables["contacts"].columns
    took_place = "AND coalesce(lower(arm), '') <> 'control'" if "arm" in columns else ""
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT customer, day FROM {store.scan('contacts')} "
            f"WHERE {store.visible_before('contacts', cutoff)} {took_place}"
        ).fetchnumpy()
    return ContactDays.of_tables(
        (np.asarray(rows["customer"], dtype=np.int64), np.asarray(rows["day"], dtype=np.int64))
    )
