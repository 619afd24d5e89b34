"""The canonical tables: their columns, their clocks and the bounds of their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

LARGEST_NUMBER = 1e12
"""The largest amount or count that a row may hold; a larger number is a mistake of the source."""

EMPTIED_VALUE = -2 * int(LARGEST_NUMBER) * 1000
"""The stored number that marks the end of an attribute's value; the number lies below every allowed value."""

ColumnType = Literal["text", "level", "instant", "money", "number", "boolean"]
ColumnRole = Literal["id", "time", "known", "row", "outcome", "scheduled", "value", "attribute"]

STORED_UNITS = {"money": 100, "number": 1000}
"""The factor from a number to its stored integer: cents and thousandths are whole numbers with exact sums."""

HISTORY_PREFIX = "customers."
"""The first part of the name of an attribute's history table; no other table has a dot in its name."""


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    Args:
        name: The name of the column.
        type: The type of the values. A `level` is one of a few names; `money` and `number` have bounds.
        role: The role of the column. An `outcome` is filled in later and known only after its own time. A
            `scheduled` value is a time in the future that is known with the row.
        is_required: Whether the source must have the column.
        bounds: The smallest and the largest allowed value, both included.
        known_with: The outcome with which this value becomes known, at the same time.
        may_be_emptied: Whether a row without a value ends the previous value. In other columns, no value is
            just a missing value.
    """

    name: str
    type: ColumnType
    role: ColumnRole
    is_required: bool = False
    bounds: tuple[float, float] | None = None
    known_with: str | None = None
    may_be_emptied: bool = False


@dataclass(frozen=True)
class Table:
    """A canonical table: its name, its columns, and the column that places a row in time."""

    name: str
    columns: tuple[Column, ...]

    @property
    def time(self) -> str:
        """Return the name of the column with the time at which the row happened."""
        return next(column.name for column in self.columns if column.role == "time")

    @property
    def is_history(self) -> bool:
        """Return whether the rows hold the values that an attribute of the customer has taken."""
        return self.name.startswith(HISTORY_PREFIX)

    @property
    def names(self) -> list[str]:
        """Return the column names that a source may give: names in the contract and their alternatives."""
        names = [column.name for column in self.columns]
        return names + (["kind"] if self.name == "emails" else ["changed_at"] if self.is_history else [])

    def column(self, name: str) -> Column | None:
        """Return the column with this name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def of_role(self, *roles: ColumnRole) -> tuple[Column, ...]:
        """Return the columns with one of these roles, in order."""
        return tuple(column for column in self.columns if column.role in roles)


_NEVER_NEGATIVE = (0.0, LARGEST_NUMBER)
_ID = Column("customer_id", "text", "id", is_required=True)
_KNOWN_AT = Column("known_at", "instant", "known")
_ROW_ID = Column("row_id", "text", "row")


def _time(name: str) -> Column:
    return Column(name, "instant", "time", is_required=True)


def _outcome(name: str) -> Column:
    return Column(name, "instant", "outcome")


def _scheduled(name: str) -> Column:
    return Column(name, "instant", "scheduled")


def _text(name: str, known_with: str | None = None) -> Column:
    return Column(name, "text", "attribute", known_with=known_with)


def _level(name: str) -> Column:
    return Column(name, "level", "attribute")


def _number(
    name: str, low: float = -LARGEST_NUMBER, high: float = LARGEST_NUMBER, known_with: str | None = None
) -> Column:
    return Column(name, "number", "value", bounds=(low, high), known_with=known_with)


def _money(name: str, is_required: bool = False) -> Column:
    return Column(name, "money", "value", is_required=is_required, bounds=_NEVER_NEGATIVE)


def _events(name: str, time: str, *columns: Column) -> Table:
    return Table(name, (_ID, _time(time), _KNOWN_AT, _ROW_ID, *columns))


CANONICAL_TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table(
            "customers",
            (
                _ID,
                _time("signed_up_at"),
                _outcome("objected_at"),
                _text("account_id"),
                _text("name"),
                _text("language"),
            ),
        ),
        _events("logins", "happened_at"),
        _events("interactions", "happened_at", _level("kind"), _number("quantity", 0)),
        _events(
            "payments",
            "due_at",
            _money("amount", is_required=True),
            _outcome("paid_at"),
            _outcome("failed_at"),
            _scheduled("card_expires_at"),
            _text("invoice_id"),
        ),
        _events(
            "emails",
            "sent_at",
            _outcome("opened_at"),
            _outcome("clicked_at"),
            _outcome("unsubscribed_at"),
            _text("email_id"),
            _text("campaign"),
        ),
        _events(
            "surveys",
            "asked_at",
            _outcome("answered_at"),
            _number("rating", 0, 10, known_with="answered_at"),
            _text("comment", known_with="answered_at"),
        ),
        _events(
            "tickets",
            "opened_at",
            _outcome("first_reply_at"),
            _outcome("closed_at"),
            _number("satisfaction", known_with="closed_at"),
            _scheduled("due_at"),
        ),
        _events(
            "orders",
            "ordered_at",
            _money("amount", is_required=True),
            _outcome("returned_at"),
            _number("units", 0),
            _money("discount"),
        ),
        _events(
            "subscriptions",
            "started_at",
            _outcome("ended_at"),
            _level("plan"),
            _money("mrr"),
            _scheduled("renews_at"),
            Column("auto_renew", "boolean", "attribute"),
            _outcome("cancel_requested_at"),
            _text("reason", known_with="ended_at"),
        ),
        _events("referrals", "happened_at"),
        _events(
            "contacts",
            "contacted_at",
            _text("play"),
            _text("variant"),
            _text("arm"),
            _number("p_assign", 0, 1),
            _outcome("answered_at"),
        ),
    )
}


def events_table(name: str) -> Table:
    """Return the contract of an event table under `events:` in params.yaml."""
    return _events(name, "happened_at", _level("kind"), _number("value"))


def history_table(attribute: str, kind: Literal["level", "number"]) -> Table:
    """Return the contract of the history of a customer's attribute: one row for each value of the attribute.

    A value holds in `[valid_from, valid_to)`, or until a later row begins.
    """
    value: Column = _level("value") if kind == "level" else _number("value")
    columns = (_outcome("valid_to"), replace(value, is_required=True, may_be_emptied=True))
    return _events(f"{HISTORY_PREFIX}{attribute}", "valid_from", *columns)
