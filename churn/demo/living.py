"""Simulate the days of a demo company after its history, both with and without contacts.

The days after the history are drawn one by one. The random numbers of a customer depend only on the seed,
the customer and the day. Each day, a random number is compared with the chance of a change, such as a request
to leave. Contacts change these chances, but not the random numbers. So a customer who is never contacted has
the same life, whoever else is contacted.

The company is simulated in two worlds at once: *untouched*, without any contact, and *as lived*, with the
contacts. As long as a customer has the same life in both worlds, the rows of the tables come from the
untouched world. From the day on which the two lives differ, the rows of this customer are drawn with separate
random numbers. So the rows of other customers do not change.

All rows of a company follow from its number of customers, its seed, its contacts and its last simulated day.
The state of the customers is not stored: `LiveCompany.open` simulates the company again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa

from churn.demo import contract_tables, event_tables
from churn.demo import world as w
from churn.demo.columns import Chunk, office_time, timestamps
from churn.demo.contact_effects import EffectsInForce, effects_by_channel
from churn.demo.life import INACTIVE, DailyDraws, Life, LifeState
from churn.demo.loyalty_tables import Earnings, earnings_of, loyalty_of
from churn.demo.troubles import PAYMENT_TROUBLE
from churn.demo.world import Values, seconds_at

NEVER = int(np.iinfo(np.int64).max)
"""A watermark that lies so late that it hides no outcome."""

DAILY_TABLES: Mapping[str, Callable[[Chunk], pa.Table]] = {
    "logins": event_tables.logins,
    "interactions": event_tables.interactions,
    "payments": contract_tables.payments,
    "emails": event_tables.emails,
    "surveys": event_tables.surveys,
    "tickets": event_tables.tickets,
    "orders": contract_tables.orders,
    "referrals": event_tables.referrals,
}
"""The tables of events. Each makes the rows of a day from a chunk that holds only this day."""

MEMORIES: Mapping[str, Callable[[Chunk, Mapping[str, pa.Table]], Values]] = {
    "stock": lambda chunk, tables: chunk.streams.get("stock").random(len(chunk.people)),
    "unsubscribed": lambda chunk, tables: _are_unsubscribed(chunk, tables["emails"]),
}
"""How to find what is remembered about each customer at the end of the history.

The functions that make the tables read and change `chunk.memory[name]`, an array [customer].
"""


@dataclass(frozen=True)
class Contact:
    """A contact that reached a customer on a day."""

    day: int
    customer: int
    channel: str
    play: str


class _World:
    """The lives of a chunk's customers in one world (with or without contacts).

    `memory` holds what is remembered about these customers from day to day (see `MEMORIES`).
    """

    def __init__(self, life: LifeState, memory: Mapping[str, Values]) -> None:
        self.life = life
        self.memory = {name: values.copy() for name, values in memory.items()}


class LivingChunk:
    """A chunk of customers who live on after the history, day by day.

    They live in two worlds: one without contacts, and one with contacts.
    """

    def __init__(self, history: Chunk, life: LifeState, tables: Mapping[str, pa.Table]) -> None:
        """Prepare to simulate the first day after the history.

        Args:
            history: The customers, and what happened to them on each day of the history.
            life: The state of the customers after the last day of the history.
            tables: The tables of the history, without bad rows. Their rows also hold what becomes known only
                after the history, such as the payment of a charge.
        """
        self.history = history
        memory = {name: make(history, tables) for name, make in MEMORIES.items()}
        self.untouched_world, self.lived_world = _World(life.copy(), memory), _World(life.copy(), memory)
        self.day = w.HISTORY_DAYS
        self.has_diverged = np.zeros(len(history.people), dtype=bool)
        self.effects = EffectsInForce(
            effects_by_channel(history.people, history.streams.get("contact effects"))
        )
        self._days: list[tuple[Values, Values]] = []
        self._earnings = [earnings_of(tables["orders"], tables["payments"], history.ids)]
        self._charges: dict[str, tuple[int, float]] = {}
        self._open_charges: dict[str, int] = {}
        self._note_open_charges(tables["payments"], since=life.start)
        self.late_payments: dict[str, int] = {}

    def live(self, contacts: Iterable[Contact], *, with_tables: bool = True) -> dict[str, pa.Table]:
        """Simulate the next day, and return the rows of this day, by table.

        Args:
            contacts: The contacts on this day; they have an effect from the next day on.
            with_tables: Whether the rows of the tables are made, in addition to the customers' lives.
        """
        day, people = self.day, self.history.people
        streams = self.history.streams.on(day)
        draws = DailyDraws(streams.get, len(people))
        untouched = self.untouched_world.life.step(day, draws)
        lived = self.lived_world.life.step(day, draws, self.effects.shift(day))
        self.has_diverged |= (untouched[0] != lived[0]) | (untouched[1] != lived[1])
        self._days.append((lived[0].copy(), lived[1].copy()))
        tables = self._tables(day, untouched, lived) if with_tables else {}
        if with_tables:
            self._collect_charges(day)
            self._note_open_charges(tables["payments"], since=self.lived_world.life.start)
            self._earnings.append(earnings_of(tables["orders"], tables["payments"], self.history.ids))
        for contact in contacts:
            if contact.day != day:
                raise ValueError(f"a contact of day {contact.day} on day {day}")
            self.effects.add(day, contact.customer, contact.channel, contact.play, self.lived_world.life)
        self.day = day + 1
        return tables

    def subscriptions(self) -> pa.Table:
        """Return all contracts up to the present day.

        The contracts come from the simulated world in which customers are contacted.
        """
        nothing = np.zeros((len(self.history.people), 0), dtype=np.uint8)
        life = Life(nothing, nothing, self.lived_world.life.spells(), ())
        chunk = replace(self.history, life=life, first_day=self.day, watermark_seconds=NEVER)
        return decode(contract_tables.subscriptions(chunk))

    def loyalty(self) -> pa.Table:
        """Return the bookings of the loyalty programme up to the present day.

        The bookings come from the simulated world in which customers are contacted.
        """
        invoices = list(self.late_payments)
        late = Earnings(*np.zeros((3, 0), dtype=np.int64))
        if invoices:
            charges = [self._charges[invoice] for invoice in invoices]
            paid = np.array([self.late_payments[invoice] for invoice in invoices], dtype=np.int64)
            payments = pa.table(
                {
                    "customer_id": self.history.ids.take(pa.array([customer for customer, _ in charges])),
                    "paid_at": timestamps(paid),
                    "amount": pa.array([amount for _, amount in charges]),
                }
            )
            orders = payments.rename_columns(["customer_id", "ordered_at", "amount"]).slice(0, 0)
            late = earnings_of(orders, payments, self.history.ids)
        parts = [*self._earnings, late]
        earnings = Earnings(
            *(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Earnings))
        )
        past = self.history.life
        status = np.column_stack([past.status, *(status for status, _ in self._days)])
        phases = np.column_stack([past.phases, *(phases for _, phases in self._days)])
        chunk = replace(self.history, life=Life(status, phases, past.spells, ()))
        return decode(loyalty_of(chunk, earnings))

    def spells(self) -> pa.Table:
        """Return a table with the start and end of each spell (unbroken contract).

        The column `world` is `untouched` for the world without contacts, and `as lived` for the world with
        contacts.
        """
        parts = []
        for name, world in (("untouched", self.untouched_world), ("as lived", self.lived_world)):
            spells = world.life.spells()
            rows = {
                "customer_id": self.history.customer_id(spells.customer),
                "world": pa.array([name] * len(spells.customer)),
                "started_on": _dates(spells.start),
                "ended_on": _dates(spells.end),
            }
            parts.append(decode(pa.table(rows)))
        return pa.concat_tables(parts)

    def _tables(
        self, day: int, untouched_day: tuple[Values, Values], lived_day: tuple[Values, Values]
    ) -> dict[str, pa.Table]:
        for name, values in self.lived_world.memory.items():
            values[~self.has_diverged] = self.untouched_world.memory[name][~self.has_diverged]
        streams = self.history.streams.on(day)
        chunk = self._chunk_of(day, *untouched_day, self.untouched_world.memory)
        contacted = None
        if self.has_diverged.any():
            status = np.where(self.has_diverged, lived_day[0], 0).astype(np.uint8)
            contacted = replace(
                self._chunk_of(day, status, lived_day[1], self.lived_world.memory),
                streams=replace(streams, name_suffix=" after contact"),
            )
        tables = {}
        for name, make in DAILY_TABLES.items():
            rows = make(chunk)
            if contacted is not None:
                rows = rows.filter(pa.array(~self.has_diverged[_customer_indices(rows)]))
                rows = pa.concat_tables([decode(rows), decode(make(contacted))])
            tables[name] = decode(rows)
        return tables

    def _chunk_of(self, day: int, status: Values, phases: Values, memory: Mapping[str, Values]) -> Chunk:
        life = Life(status[:, None], phases[:, None], self.history.life.spells, ())
        return replace(
            self.history,
            life=life,
            streams=self.history.streams.on(day),
            first_day=day,
            watermark_seconds=NEVER,
            memory=memory,
        )

    def _note_open_charges(self, payments: pa.Table, since: Values) -> None:
        """Note the failed charges that are not paid yet; charges of a spell that has ended are left out."""
        life = self.lived_world.life
        columns = payments.select(["customer_id", "due_at", "paid_at", "failed_at", "invoice_id", "amount"])
        row_of = self._row_of_id
        for customer_id, due_at, paid_at, failed_at, invoice, amount in zip(
            *(column.to_pylist() for column in columns.itercolumns()), strict=True
        ):
            if paid_at is None and failed_at is not None:
                customer = row_of[customer_id]
                is_present = life.state[customer] != INACTIVE
                if is_present and w.day_of(due_at.date()) >= since[customer]:
                    self._open_charges[invoice] = customer
                    self._charges[invoice] = (customer, amount)

    @property
    def _row_of_id(self) -> dict[str, int]:
        if not hasattr(self, "_rows"):
            self._rows = {name: row for row, name in enumerate(self.history.ids.to_pylist())}
        return self._rows

    def _collect_charges(self, day: int) -> None:
        """Mark the open charges that are paid today; if a customer has left, an open charge stays unpaid."""
        if not self._open_charges:
            return
        life = self.lived_world.life
        size = len(self.history.people)
        seconds = office_time(self.history.streams.on(day).get("late payments"), size)
        for invoice, customer in list(self._open_charges.items()):
            if life.state[customer] == INACTIVE:
                del self._open_charges[invoice]
            elif life.phase[PAYMENT_TROUBLE, customer] < contract_tables.UNPAID_PHASE:
                paid_at = seconds_at(np.array([day]), seconds[[customer]])
                self.late_payments[invoice] = int(paid_at[0])
                del self._open_charges[invoice]


def decode(table: pa.Table) -> pa.Table:
    """Return the table with each dictionary-encoded column replaced by a plain column."""
    fields = [
        pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _customer_indices(table: pa.Table) -> Values:
    column = table["customer_id"].combine_chunks()
    indices: Values = column.indices.to_numpy()
    return indices


def _are_unsubscribed(chunk: Chunk, emails: pa.Table) -> Values:
    ids = emails["customer_id"].filter(emails["unsubscribed_at"].is_valid())
    unsubscribed: Values = np.isin(np.array(chunk.ids.to_pylist()), np.array(ids.to_pylist(), dtype="U"))
    return unsubscribed


def _dates(days: Values) -> pa.Array:
    is_far = days >= w.FAR
    return pa.array((np.where(is_far, 0, days) + w.FIRST_DAY_NUMBER).astype(np.int32), mask=is_far).cast(
        pa.date32()
    )
