"""The canonical tables: their columns, which of these hold times, and the bounds of the values."""

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

COST = "cost"
"""The column with what a contact cost."""

CONTACT_RESULTS = ("done", "no answer", "declined", "snoozed")
"""The results of a contact, as the company writes them into `contacts.result`."""

HISTORY_PREFIX = "customers."
"""The first part of the name of an attribute's history table; no other table has a dot in its name."""


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    Args:
        name: The name of the column.
        type: The type of the values. A `level` is one of a few names; `money` and `number` have bounds.
        role: What the column is used for. An `outcome` is the time of a later event, such as the opening of
            an e-mail, and is unknown until this event happens. A `scheduled` value is a time in the future
            that is known as soon as the row is known.
        is_required: Whether the source must have the column.
        bounds: The smallest and the largest allowed value, both included.
        known_with: The column, of role `outcome`, that says when this value becomes known. For `rating` this
            is `answered_at`.
        may_be_emptied: Whether an empty cell means that the customer no longer has a value. Otherwise an
            empty cell only means that the value is unknown.
        meaning: What the column holds; docs/your-data.md shows this text.
        names: The allowed values of a column of type `level`, if only certain values are allowed; a signal
            may select rows by one of these values.
        is_kept: Whether the values are written to the store and to the file of rejected rows. The words of
            customers are only read to compute a mood, and are not kept.
    """

    name: str
    type: ColumnType
    role: ColumnRole
    is_required: bool = False
    bounds: tuple[float, float] | None = None
    known_with: str | None = None
    may_be_emptied: bool = False
    meaning: str = ""
    names: tuple[str, ...] = ()
    is_kept: bool = True

    @property
    def is_money(self) -> bool:
        """Return whether the values are amounts of money.

        The store keeps `cost` as a number with three decimals, because an e-mail costs less than a cent.
        """
        return self.type == "money" or self.name == COST


@dataclass(frozen=True)
class Table:
    """A canonical table: its name, its columns, and the column that gives the time of a row."""

    name: str
    columns: tuple[Column, ...]

    @property
    def time(self) -> str:
        """Return the name of the column with the time at which the row happened."""
        return next(column.name for column in self.columns if column.role == "time")

    @property
    def is_history(self) -> bool:
        """Return whether the rows hold the values that an attribute of a customer had over time."""
        return self.name.startswith(HISTORY_PREFIX)

    @property
    def names(self) -> list[str]:
        """Return the names of the columns that a source may fill.

        E-mails and histories may have one column that is not in `columns`: `kind` or `changed_at`.
        """
        names = [column.name for column in self.columns]
        return names + (["kind"] if self.name == "emails" else ["changed_at"] if self.is_history else [])

    def column(self, name: str) -> Column | None:
        """Return the column with this name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def of_role(self, *roles: ColumnRole) -> tuple[Column, ...]:
        """Return the columns with one of these roles, in the order of the table."""
        return tuple(column for column in self.columns if column.role in roles)


_NEVER_NEGATIVE = (0.0, LARGEST_NUMBER)
_ID = Column("customer_id", "text", "id", is_required=True, meaning="the customer")
_KNOWN_AT = Column("known_at", "instant", "known", meaning="when the row first appeared in your systems")
_ROW_ID = Column("row_id", "text", "row", meaning="what identifies the row; a repeated row is rejected")


def _time(name: str, meaning: str) -> Column:
    return Column(name, "instant", "time", is_required=True, meaning=meaning)


def _outcome(name: str, meaning: str) -> Column:
    return Column(name, "instant", "outcome", meaning=meaning)


def _scheduled(name: str, meaning: str) -> Column:
    return Column(name, "instant", "scheduled", meaning=meaning)


def _text(name: str, meaning: str, known_with: str | None = None) -> Column:
    return Column(name, "text", "attribute", known_with=known_with, meaning=meaning)


def _level(name: str, meaning: str) -> Column:
    return Column(name, "level", "attribute", meaning=meaning)


def _number(
    name: str,
    meaning: str,
    low: float = -LARGEST_NUMBER,
    high: float = LARGEST_NUMBER,
    known_with: str | None = None,
) -> Column:
    return Column(name, "number", "value", bounds=(low, high), known_with=known_with, meaning=meaning)


def _money(name: str, meaning: str, is_required: bool = False) -> Column:
    return Column(name, "money", "value", is_required=is_required, bounds=_NEVER_NEGATIVE, meaning=meaning)


def _mood(known_with: str | None = None) -> Column:
    meaning = (
        "how the customer's words sound, from -1 (bad) to 1 (good); `signals.mood` fills it from the words"
    )
    return _number("mood", meaning, -1, 1, known_with=known_with)


def _message() -> Column:
    return replace(
        _text("message", "the words of the customer; only read, for `signals.mood`"), is_kept=False
    )


def _events(name: str, time: Column, *columns: Column) -> Table:
    return Table(name, (_ID, time, _KNOWN_AT, _ROW_ID, *columns))


LOYALTY_KINDS = ("earn", "redeem", "expire", "tier")
"""What happens in a loyalty programme: points are earned, redeemed or expire, or the tier is set."""

CANONICAL_TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table(
            "customers",
            (
                _ID,
                _time("signed_up_at", "when the customer signed up"),
                _outcome("objected_at", "when the customer objected to being contacted"),
                _text("account_id", "the company or household that the customer belongs to"),
                _text("name", "the name on the call list"),
                _text("language", "the language of the customer, such as de or en"),
                _text("email", "the e-mail address; customers with the same address are one person"),
                _text(
                    "person_id", "the person behind several customer ids; by default the e-mail address tells"
                ),
                _text("timezone", "the time zone of the customer for quiet hours, such as Europe/Berlin"),
            ),
        ),
        _events("logins", _time("happened_at", "when the customer logged in")),
        _events(
            "interactions",
            _time("happened_at", "when the customer did it"),
            _level("kind", "what the customer did, such as the feature that was used"),
            _number("quantity", "how much of it", 0),
            _message(),
            _mood(),
        ),
        _events(
            "payments",
            _time("due_at", "when the bill is due"),
            _money("amount", "the amount of the bill", is_required=True),
            _outcome("paid_at", "when the bill was paid"),
            _outcome("failed_at", "when the payment failed"),
            _scheduled("card_expires_at", "when the card of the payment expires"),
            _text("invoice_id", "the number of the bill"),
        ),
        _events(
            "emails",
            _time("sent_at", "when the e-mail was sent"),
            _outcome("opened_at", "when it was first opened"),
            _outcome("clicked_at", "when a link in it was first clicked"),
            _outcome("unsubscribed_at", "when the customer unsubscribed through it"),
            _text("email_id", "the e-mail; needed if the source has one row per event with a column `kind`"),
            _text("campaign", "the campaign of the e-mail"),
        ),
        _events(
            "surveys",
            _time("asked_at", "when the customer was asked; by default `answered_at`"),
            _outcome("answered_at", "when the customer answered"),
            _number("rating", "the answer", 0, 10, known_with="answered_at"),
            _text("comment", "the words of the answer", known_with="answered_at"),
            _mood(known_with="answered_at"),
        ),
        _events(
            "tickets",
            _time("opened_at", "when the customer asked for help"),
            _outcome("first_reply_at", "when support first replied"),
            _outcome("closed_at", "when the ticket was closed"),
            _number("satisfaction", "the customer's rating of the help", known_with="closed_at"),
            _scheduled("due_at", "until when support promised to reply"),
            _message(),
            _mood(),
        ),
        _events(
            "orders",
            _time("ordered_at", "when the customer ordered"),
            _money("amount", "the value of the order", is_required=True),
            _outcome("returned_at", "when the order was returned"),
            _number("units", "the number of pieces", 0),
            _money("discount", "the discount on the order, in money"),
        ),
        _events(
            "subscriptions",
            _time("started_at", "when the contract began"),
            _outcome("ended_at", "when the contract ended; empty while it runs"),
            _level("plan", "the plan"),
            _money("mrr", "the revenue per month"),
            _scheduled("renews_at", "when the contract renews next"),
            Column("auto_renew", "boolean", "attribute", meaning="whether it renews without an action"),
            _outcome("cancel_requested_at", "when the customer gave notice"),
            _text("reason", "why the contract ended", known_with="ended_at"),
            _outcome("paused_at", "when the contract was paused; a row holds its latest pause"),
            _outcome("resumed_at", "when it went on after the pause; empty while it is paused"),
        ),
        _events("referrals", _time("happened_at", "when the customer recommended you to another person")),
        _events(
            "contacts",
            _time("contacted_at", "when the customer was contacted, or would have been"),
            _text("play", "the play of the contact"),
            _text("variant", "the variant of the play"),
            _text("arm", "treated or control"),
            _number("p_assign", "the probability with which the arm was assigned", 0, 1),
            _outcome("answered_at", "when the customer answered"),
            _text(
                "task_id", "the task of the call list that this contact answers; see `task_id` in the ledger"
            ),
            _level("result", "what came of it: done, no answer, declined, snoozed"),
            _scheduled("snoozed_until", "until when the task rests, if the result is snoozed"),
            _level("channel", "the channel of the contact, such as phone or email"),
            _number(
                COST,
                "the cost of the contact in your currency, without the cost of an offer (such as a "
                "discount); empty if unknown",
                0,
            ),
        ),
        _events(
            "consents",
            _time("given_at", "when the customer gave consent"),
            replace(_level("channel", "the channel of the consent, such as phone"), is_required=True),
            replace(_level("purpose", "the purpose of the consent, such as marketing"), is_required=True),
            _outcome("withdrawn_at", "when the customer withdrew the consent"),
            _text("evidence", "where the proof of the consent is kept"),
        ),
        _events(
            "loyalty",
            _time("happened_at", "when it happened"),
            replace(
                _level("kind", "what happened: `earn`, `redeem`, `expire` or `tier`, in these words"),
                is_required=True,
                names=LOYALTY_KINDS,
            ),
            _number("points", "the points that were earned, redeemed or lost; never negative", 0),
            _scheduled(
                "expires_at", "when the earned points expire, empty if never; or until when the tier is kept"
            ),
            _number("balance", "the points of the customer after this row", 0),
            _level("tier", "the tier that the customer reached, kept or fell to; in rows of the kind `tier`"),
        ),
    )
}

MOOD_TEXTS: Mapping[str, str] = {"surveys": "comment", "tickets": "message", "interactions": "message"}
"""The column that holds the words of customers, by table; `signals.mood` turns it into the column `mood`."""

NO_EVENTS = ("contacts", "consents")
"""Tables in which the company records its own acts; no generic signals are made from them."""

NOT_MADE: Mapping[str, tuple[str, str]] = {"contacts": ("arm", "control")}
"""The rows that no signal counts, by table: a column and its value. Controls were not contacted."""


def events_table(name: str) -> Table:
    """Describe an event table under `events:` in params.yaml."""
    time = _time("happened_at", "when it happened")
    return _events(name, time, _level("kind", "what happened"), _number("value", "a number of the event"))


def history_table(attribute: str, kind: Literal["level", "number"]) -> Table:
    """Describe the history table of a customer's attribute: one row for each value of the attribute.

    A value holds in `[valid_from, valid_to)`; if several values of a customer hold at once, the one that
    began last counts.
    """
    meaning = "the value; the source's column may also have the name of the attribute"
    value: Column = _level("value", meaning) if kind == "level" else _number("value", meaning)
    begins = _time("valid_from", "when the value began to hold; `changed_at` in a log of changes")
    ends = _outcome("valid_to", "the first moment at which the value no longer holds; empty while it holds")
    columns = (ends, replace(value, is_required=True, may_be_emptied=True))
    return _events(f"{HISTORY_PREFIX}{attribute}", begins, *columns)
