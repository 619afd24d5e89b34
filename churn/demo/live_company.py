"""A demo company that lives on, day by day, after the history with which it starts."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.data.files import replace_folder, write_atomically
from churn.data.tables import CANONICAL_TABLES, Table, events_table
from churn.demo import world as w
from churn.demo.bad_rows import add_bad_rows
from churn.demo.living import NEVER, Contact, LivingChunk, decode
from churn.demo.relation_tables import CONTACTS
from churn.demo.write import (
    LIVED_UNTIL,
    STAMP_FILE,
    TABLE_MAKERS,
    chunk_sizes,
    empty_folder_beside,
    make_chunk,
    stamp,
    unknown_ids_of,
    write_json,
)

EFFECTIVE_RESULT = "done"
"""The result of a contact that has an effect, which means that the customer was reached."""
SPELLS_FILE = "spells.parquet"


@dataclass
class LiveTable:
    """A table that grows: the rows of the history, the rows that arrived since then, and the rows that are
    still on their way.
    """

    name: str
    history: pa.Table
    coming_rows: list[pa.Table] = field(default_factory=list)
    arrived_rows: list[pa.Table] = field(default_factory=list)

    def arrive(self, before: int) -> None:
        """Move the coming rows that become known before the moment `before` to `arrived_rows`, in order.

        Args:
            before: The moment, in seconds since 1970.
        """
        waiting = []
        for rows in self.coming_rows:
            is_here = pc.less(_known_time(self.name, rows), _time(before))
            self.arrived_rows.append(rows.filter(is_here))
            if len(rest := rows.filter(pc.invert(is_here))):
                waiting.append(rest)
        self.coming_rows = waiting

    def rows(self) -> pa.Table:
        """Return the rows of the history, and then the arrived rows, with a `row_id` for each arrived row.

        Outcomes that are not yet known are still in these rows; `hide_outcomes` removes them.
        """
        parts = [rows for rows in self.arrived_rows if len(rows)]
        if not parts:
            return self.history
        later = pa.concat_tables(parts)
        numbers = np.arange(len(self.history), len(self.history) + len(later), dtype=np.int64)
        later = later.append_column("row_id", pa.array(numbers))
        return pa.concat_tables([self.history, later.select(self.history.column_names)])


class LiveCompany:
    """A demo company that lives on after its history.

    All its rows follow from its number of customers, its seed, its contacts and its last simulated day.
    """

    def __init__(self, customers: int, seed: int) -> None:
        """Simulate the history of the company.

        Some facts of the history, such as a late payment, become known only after its last day. They are
        simulated here too, and `export` shows them once they are known.

        Args:
            customers: The number of customers, past and present together.
            seed: The seed of the random numbers. With the same `customers` and `seed`, this class and
                `churn demo` make the same history.
        """
        self.customers, self.seed = customers, seed
        self.chunks: list[LivingChunk] = []
        self.contacts = CONTACTS.empty_table()
        parts: dict[str, list[pa.Table]] = {}
        waiting: dict[str, list[pa.Table]] = {}
        n_rows = dict.fromkeys(TABLE_MAKERS, 0)
        for number, first, size in chunk_sizes(customers):
            chunk, life = make_chunk(number, first, size, customers, seed)
            chunk = replace(chunk, watermark_seconds=NEVER)
            good: dict[str, pa.Table] = {}
            for name, make in TABLE_MAKERS.items():
                rows = _without_late(make(chunk))
                is_here = pc.less(_known_time(name, rows), _time(w.WATERMARK_SECONDS))
                dirty = add_bad_rows(
                    name,
                    rows.filter(is_here),
                    n_rows[name],
                    unknown_ids_of(customers),
                    chunk.streams.get(f"dirt {name}"),
                )
                n_rows[name] += dirty.table.num_rows
                parts.setdefault(name, []).append(decode(dirty.table))
                waiting.setdefault(name, []).append(decode(rows.filter(pc.invert(is_here))))
                good[name] = decode(rows)
            self.chunks.append(LivingChunk(chunk, life, good))
        self.tables = {
            name: LiveTable(name, pa.concat_tables(tables), waiting[name]) for name, tables in parts.items()
        }
        self._place_of = {
            name: (number, row)
            for number, chunk in enumerate(self.chunks)
            for row, name in enumerate(chunk.history.ids.to_pylist())
        }

    @classmethod
    def open(cls, folder: Path) -> LiveCompany:
        """Return the company whose tables lie in a folder, simulated again up to the end of these tables.

        Args:
            folder: The folder of a company; its stamp (the file of its settings) must have been checked.
        """
        facts = json.loads((folder / STAMP_FILE).read_text(encoding="utf-8"))
        company = cls(int(facts["customers"]), int(facts["seed"]))
        contacts = pq.read_table(folder / "contacts.parquet").select(CONTACTS.names).cast(CONTACTS)
        company.live(date.fromisoformat(facts.get(LIVED_UNTIL, facts["watermark"])), contacts)
        return company

    @property
    def until(self) -> date:
        """Return the first day that is not yet simulated; nothing about this day is known."""
        return w.date_of(self.chunks[0].day)

    def live(self, until: date, contacts: pa.Table, *, with_tables: bool = True) -> None:
        """Simulate the next days of the company.

        Args:
            until: The first day that is not simulated.
            contacts: The contacts on the simulated days, with the columns of `CONTACTS`.
            with_tables: Whether the rows of the tables are made, in addition to the customers' lives.

        Raises:
            ValueError: a contact is not on one of the simulated days, or the days go beyond the calendar of
                the demo company.
        """
        if w.day_of(until) > w.CALENDAR_DAYS:
            raise ValueError(f"{until} lies after {w.date_of(w.CALENDAR_DAYS)}, the end of the calendar")
        days = contacts["contacted_at"].cast(pa.date32()).to_pylist()
        if outside := [day for day in days if not self.until <= day < until]:
            raise ValueError(f"a contact on {outside[0]} lies outside {self.until} to {until}")
        by_place = self._contacts_by_place(contacts)
        self.contacts = pa.concat_tables([self.contacts, contacts.cast(CONTACTS)])
        for day in range(w.day_of(self.until), w.day_of(until)):
            for number, chunk in enumerate(self.chunks):
                rows = chunk.live(by_place.get((number, day), []), with_tables=with_tables)
                for name, table in rows.items():
                    self.tables[name].coming_rows.append(_without_late(table))
            if with_tables:
                for table in self.tables.values():
                    table.arrive(_midnight(day + 1))

    def export(self) -> dict[str, pa.Table]:
        """Return the tables, by name, as an export on the last day would show them."""
        midnight = _midnight(w.day_of(self.until))
        late_payments = {key: at for chunk in self.chunks for key, at in chunk.late_payments.items()}
        tables = {}
        for name, table in self.tables.items():
            rows = table.rows()
            if name == "payments":
                rows = _with_payments(rows, late_payments)
            elif name == "subscriptions":
                rows = _with_contracts(rows, pa.concat_tables([c.subscriptions() for c in self.chunks]))
            elif name == "loyalty":
                rows = _with_bookings(rows, pa.concat_tables([c.loyalty() for c in self.chunks]))
            elif name == "contacts":
                numbers = pa.array(np.arange(len(self.contacts), dtype=np.int64))
                rows = self.contacts.append_column("row_id", numbers)
            tables[name] = hide_outcomes(name, rows, midnight)
        return tables

    def spells(self) -> pa.Table:
        """Return the spells (the times from joining to leaving) of all customers: as they are with the
        contacts, and as they would be without any contact.
        """
        return pa.concat_tables([chunk.spells() for chunk in self.chunks])

    def write(self, folder: Path, truth: Path) -> dict[str, int]:
        """Write the company's tables to `folder` in one step, and the table of `spells` to `truth`.

        Args:
            folder: The company's folder.
            truth: The folder for the table that `spells` returns.

        Returns:
            The number of rows of each table.
        """
        tables, new = self.export(), empty_folder_beside(folder)
        for name, table in tables.items():
            path = new / f"{name}.parquet"
            pq.write_table(table, path, compression="zstd", store_schema=False, row_group_size=262_144)
        facts = {**stamp(self.customers, self.seed), LIVED_UNTIL: self.until.isoformat()}
        write_json(new / STAMP_FILE, facts)
        # The truth is written first. If the call is killed, the next call simulates the last days again with
        # the same result.
        buffer = io.BytesIO()
        pq.write_table(self.spells(), buffer, compression="zstd", store_schema=False)
        write_atomically(truth / SPELLS_FILE, buffer.getvalue())
        replace_folder(new, folder)
        return {name: len(table) for name, table in tables.items()}

    def _contacts_by_place(self, contacts: pa.Table) -> dict[tuple[int, int], list[Contact]]:
        """Return the contacts that reached a customer, by day and by chunk (customers simulated together)."""
        by_place: dict[tuple[int, int], list[Contact]] = {}
        for row in contacts.to_pylist():
            if row["result"] == EFFECTIVE_RESULT:
                number, customer = self._place_of[row["customer_id"]]
                day = w.day_of(row["contacted_at"].date())
                contact = Contact(day, customer, row["channel"], row["play"])
                by_place.setdefault((number, day), []).append(contact)
        return by_place


def contract_of(name: str) -> Table:
    """Return the definition of a table; every table outside `CANONICAL_TABLES` is a table of events."""
    return CANONICAL_TABLES[name] if name in CANONICAL_TABLES else events_table(name)


def hide_outcomes(name: str, rows: pa.Table, midnight: int) -> pa.Table:
    """Hide the values of a table that become known at `midnight` (in seconds since 1970) or later."""
    contract = contract_of(name)
    for outcome in contract.of_role("outcome"):
        if outcome.name not in rows.column_names:
            continue
        at = rows[outcome.name]
        is_hidden = pc.fill_null(pc.greater_equal(at, _time(midnight)), fill_value=False)
        hidden = [outcome.name, *(c.name for c in contract.columns if c.known_with == outcome.name)]
        for column in hidden:
            if column in rows.column_names:
                values = rows[column]
                seen = pc.if_else(is_hidden, pa.scalar(None, values.type), values)
                rows = rows.set_column(rows.column_names.index(column), column, seen)
    return rows


def _with_payments(rows: pa.Table, paid_at: Mapping[str, int]) -> pa.Table:
    """Return the table of payments; a failed charge that was paid later gets its payment time from `paid_at`.

    A row and a payment time belong together if they have the same invoice.
    """
    invoices = pa.array(list(paid_at), type=pa.string())
    times = pa.array(np.array(list(paid_at.values()), dtype=np.int64) * 1_000_000).cast(pa.timestamp("us"))
    late = times.take(pc.index_in(rows["invoice_id"], invoices).combine_chunks())
    paid = pc.coalesce(rows["paid_at"], late)
    return rows.set_column(rows.column_names.index("paid_at"), "paid_at", paid)


def _with_bookings(rows: pa.Table, bookings: pa.Table) -> pa.Table:
    """Return the bookings of the loyalty programme in the history and after it, in order of time."""
    later = bookings.filter(pc.greater_equal(bookings["happened_at"], _time(w.WATERMARK_SECONDS)))
    at = later["happened_at"].cast(pa.int64()).to_numpy()
    later = later.take(pa.array(np.argsort(at, kind="stable")))
    numbers = np.arange(len(rows), len(rows) + len(later), dtype=np.int64)
    later = later.append_column("row_id", pa.array(numbers)).select(rows.column_names)
    return pa.concat_tables([rows, later])


def _with_contracts(rows: pa.Table, contracts: pa.Table) -> pa.Table:
    """Return the contracts in `rows`, updated from `contracts`, and then the contracts that `rows` lacks."""
    keys, known = _contract_keys(contracts), _contract_keys(rows)
    index = pc.index_in(known, keys)
    is_found = index.is_valid()
    for name in ("ended_at", "cancel_requested_at", "reason"):
        now = pc.if_else(is_found, contracts[name].take(index), rows[name])
        rows = rows.set_column(rows.column_names.index(name), name, now)
    later = contracts.filter(pc.invert(pc.is_in(keys, known)))
    days = later["started_at"].cast(pa.date32()).cast(pa.int32()).to_numpy()
    later = later.take(pa.array(np.argsort(days, kind="stable")))
    numbers = np.arange(len(rows), len(rows) + len(later), dtype=np.int64)
    later = later.append_column("row_id", pa.array(numbers)).select(rows.column_names)
    return pa.concat_tables([rows, later])


def _contract_keys(rows: pa.Table) -> pa.Array:
    """Return the key of each contract: customer and start; NULL if the customer or the start is missing."""
    starts = rows["started_at"].cast(pa.int64()).cast(pa.string())
    return pc.binary_join_element_wise(rows["customer_id"], starts, "|").combine_chunks()


def _without_late(rows: pa.Table) -> pa.Table:
    return rows.drop_columns(["late"]) if "late" in rows.column_names else rows


def _known_time(name: str, rows: pa.Table) -> pa.ChunkedArray:
    """Return when each row of a table reaches the warehouse."""
    return rows["known_at" if "known_at" in rows.column_names else contract_of(name).time]


def _midnight(day: int) -> int:
    return (day + w.FIRST_DAY_NUMBER) * w.DAY_SECONDS


def _time(seconds: int) -> pa.Scalar:
    return pa.scalar(seconds * 1_000_000).cast(pa.timestamp("us"))


def contact_rows(rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Return contacts as a table with the columns of `CONTACTS`; values that are not given are missing."""
    return pa.Table.from_pylist([{name: row.get(name) for name in CONTACTS.names} for row in rows], CONTACTS)
