"""Write altered copies of the user's store: with fewer customers, with no future, or with another future.

The future is all that was not known at a cutoff. A signal at this cutoff must have the same value with the
real future, with no future and with another future.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from churn.data.sources.table_specs import table_contracts
from churn.data.sql import identifier, literal, parquet_rows
from churn.data.store import Store, StoredTable, day_number, write_manifest
from churn.data.tables import Table

CustomerCodes = npt.NDArray[np.int64]
Select = Callable[[str, tuple[str, ...]], str]
"""A function that returns the SQL of the altered rows of a table, from its name and its stored columns."""

DAYS_AHEAD = 60
"""The number of days, from the cutoff on, over which the rows of another future are spread."""


def write_sample(store: Store, codes: CustomerCodes, folder: Path) -> Store:
    """Write a store with only some of the customers; their new codes keep the order of the old codes.

    Args:
        store: The store.
        codes: The codes of the customers to keep, shape (customers,).
        folder: The folder to write to.
    """

    def select(name: str, columns: tuple[str, ...]) -> str:
        other_columns = ", ".join(identifier(column) for column in columns if column != "customer")
        return (
            f"SELECT new AS customer, {other_columns} FROM {store.scan(name)} JOIN sample ON customer = old"
        )

    old = np.sort(codes)
    sample = pa.table({"old": old.astype(np.int32), "new": np.arange(len(old), dtype=np.int32)})
    return _write_store(store, folder, select, {"sample": sample})


def write_past(store: Store, cutoff: date, folder: Path) -> Store:
    """Write the store as it was at a cutoff.

    Only rows that are dated before the cutoff, and were known before it, are kept. Outcomes at or after the
    cutoff are emptied. Every customer of the store must have signed up before the cutoff. Objections to being
    contacted stay in the store, because a customer who has objected by today is left out at every cutoff.

    Args:
        store: The store.
        cutoff: The cutoff.
        folder: The folder to write to.
    """
    day, tables = day_number(cutoff), _tables(store)

    def select(name: str, columns: tuple[str, ...]) -> str:
        if name == "customers":
            return f"SELECT * FROM {store.scan(name)}"
        outcomes = _masked_outcomes(tables[name], columns, day)
        is_known = f" AND known_day < {day}" if "known_day" in columns else ""
        return f"SELECT {_selection(columns, outcomes)} FROM {store.scan(name)} WHERE day < {day}{is_known}"

    return _write_store(store, folder, select)


def write_other_future(store: Store, cutoff: date, folder: Path) -> Store:
    """Write the store with another future: nothing that was known before the cutoff is changed.

    A quarter of the rows is copied, and the copies get a time at or after the cutoff. Of a second quarter,
    only the rows before the cutoff are copied. These copies keep their times, but the data say that they
    became known only at or after the cutoff. Half of the outcomes that had not happened before the cutoff,
    such as the end of a subscription, get a day at or after the cutoff.

    Args:
        store: The store.
        cutoff: The cutoff.
        folder: The folder to write to.
    """
    day, tables = day_number(cutoff), _tables(store)

    def select(name: str, columns: tuple[str, ...]) -> str:
        if name == "customers":
            return f"SELECT * FROM {store.scan(name)}"
        dice = f'hash(customer, "at", {day})'
        later = f"({day} + {dice} % {DAYS_AHEAD})::INTEGER"
        rows = f"SELECT *{'' if 'known_day' in columns else ', day AS known_day'} FROM {store.scan(name)}"
        ends: dict[str, str] = {}
        for column in tables[name].of_role("outcome"):
            if (end_day := f"{column.name}_day") in columns:
                is_open = f"coalesce({end_day} >= {day}, true) AND {dice} % 2 = 0"
                ends[end_day] = f"CASE WHEN {is_open} THEN {later} ELSE {end_day} END"
                seconds = f"({later} - day)::BIGINT * 86400"
                after = f"{column.name}_after"
                ends[after] = f"CASE WHEN {is_open} THEN {seconds} ELSE {after} END"
        all_columns = (*columns, "known_day") if "known_day" not in columns else columns
        at_later = {"at": f'"at" + to_days({later} - day)', "day": later, "known_day": later}
        known_later = {"known_day": later}
        parts = [
            f"SELECT {_selection(all_columns, ends)} FROM rows",
            f"SELECT {_selection(all_columns, at_later)} FROM rows WHERE {dice} % 4 = 1",
            f"SELECT {_selection(all_columns, known_later)} FROM rows WHERE {dice} % 4 = 2 AND day < {day}",
        ]
        return f"WITH rows AS ({rows}) {' UNION ALL '.join(parts)}"

    return _write_store(store, folder, select)


def _tables(store: Store) -> dict[str, Table]:
    return table_contracts(store.params)


def _masked_outcomes(table: Table, columns: tuple[str, ...], day: int) -> dict[str, str]:
    """Return the SQL of each column that holds outcomes; outcomes not known before `day` are emptied.

    Values that become known together with an outcome are emptied in the same way.
    """
    expressions = {}
    for outcome in table.of_role("outcome"):
        if f"{outcome.name}_day" in columns:
            names = [f"{outcome.name}_day", f"{outcome.name}_after"]
            names += [column.name for column in table.columns if column.known_with == outcome.name]
            for name in names:
                if name in columns:
                    expressions[name] = f"CASE WHEN {outcome.name}_day < {day} THEN {identifier(name)} END"
    return expressions


def _selection(columns: tuple[str, ...], expressions: Mapping[str, str]) -> str:
    return ", ".join(f"{expressions.get(name, identifier(name))} AS {identifier(name)}" for name in columns)


def _write_store(
    store: Store, folder: Path, select: Select, extra_tables: Mapping[str, pa.Table] | None = None
) -> Store:
    """Write a store of altered tables, and open it as any other store is opened.

    Args:
        store: The store.
        folder: The folder to write to.
        select: The function that returns the SQL of the altered rows.
        extra_tables: Further tables, by name, that the SQL of `select` reads.
    """
    params = store.params.model_copy(
        update={
            "output": folder,
            "engine": store.params.engine.model_copy(update={"executor": "serial"}),
        }
    )
    tables: dict[str, StoredTable] = {}
    with store.connect() as connection:
        for name, rows in (extra_tables or {}).items():
            connection.register(name, rows)
        for name, table in store.tables.items():
            (folder / "store" / name).mkdir(parents=True)
            path = folder / "store" / name / "part-0.parquet"
            sql = select(name, table.columns)
            columns = tuple(str(row[0]) for row in connection.execute(f"DESCRIBE {sql}").fetchall())
            # The order of the store: customer, local day, time, then the other columns, to order equal times.
            first = [n for n in ("customer", "day", "at", "known_day", "row_id") if n in columns]
            order = ", ".join(identifier(n) for n in [*first, *(n for n in columns if n not in first)])
            connection.execute(
                f"COPY ({sql} ORDER BY {order}) TO {literal(str(path))} (FORMAT parquet)"
            ).fetchall()
            row = connection.execute(
                f"SELECT count(*), count(DISTINCT customer), min(day), max(day) FROM {parquet_rows(path)}"
            ).fetchone()
            assert row is not None  # an aggregate without GROUP BY always gives one row
            tables[name] = replace(
                table, rows=row[0], customers=row[1], first_day=row[2], last_day=row[3], columns=columns
            )
    write_manifest(
        folder / "store",
        tables,
        watermark=store.watermark,
        digest=f"{store.digest} altered",
        fingerprint=store.fingerprint,
    )
    return Store.open(params)
