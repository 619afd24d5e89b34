"""Stores that differ from the user's own in a known way: fewer customers, no future, another future.

Signals of the past must be the same in all of them.
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
from churn.data.sql import identifier, literal
from churn.data.store import Store, StoredTable, day_number, write_manifest
from churn.data.tables import Table

Codes = npt.NDArray[np.int64]
Select = Callable[[str, tuple[str, ...]], str]
"""From a table's name and stored columns: the SQL of its altered rows."""

DAYS_AHEAD = 60
"""Rows of another future are dealt out over so many days from the cutoff on."""


def sampled(store: Store, codes: Codes, folder: Path) -> Store:
    """Write the store of some customers alone; they get new codes in the order of the old."""

    def select(name: str, columns: tuple[str, ...]) -> str:
        rest = ", ".join(identifier(column) for column in columns if column != "customer")
        return f"SELECT new AS customer, {rest} FROM {store.scan(name)} JOIN chosen ON customer = old"

    old = np.sort(codes)
    chosen = pa.table({"old": old.astype(np.int32), "new": np.arange(len(old), dtype=np.int32)})
    return _written(store, folder, select, {"chosen": chosen})


def truncated(store: Store, cutoff: date, folder: Path) -> Store:
    """Write the store as of a cutoff: later rows, late-known rows and later outcomes are physically gone.

    Every customer of the store must have signed up before the cutoff. Objections stay, as they count as of
    today.
    """
    day, tables = day_number(cutoff), _tables(store)

    def select(name: str, columns: tuple[str, ...]) -> str:
        if name == "customers":
            return f"SELECT * FROM {store.scan(name)}"
        blanked = _outcomes(tables[name], columns, lambda outcome: f"{outcome}_day < {day}")
        known = f" AND known_day < {day}" if "known_day" in columns else ""
        return f"SELECT {_replaced(columns, blanked)} FROM {store.scan(name)} WHERE day < {day}{known}"

    return _written(store, folder, select)


def with_another_future(store: Store, cutoff: date, folder: Path) -> Store:
    """Write the store with another future: nothing that was known before the cutoff is changed.

    A quarter of the rows comes again at or after the cutoff; a quarter comes again when it happened, but
    known only later; half of the outcomes that were open at the cutoff end after it.
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
            if (ended := f"{column.name}_day") in columns:
                open_still = f"coalesce({ended} >= {day}, true) AND {dice} % 2 = 0"
                ends[ended] = f"CASE WHEN {open_still} THEN {later} ELSE {ended} END"
                seconds = f"({later} - day)::BIGINT * 86400"
                after = f"{column.name}_after"
                ends[after] = f"CASE WHEN {open_still} THEN {seconds} ELSE {after} END"
        every = (*columns, "known_day") if "known_day" not in columns else columns
        shifted = {"at": f'"at" + to_days({later} - day)', "day": later, "known_day": later}
        late = {"known_day": later}
        parts = [
            f"SELECT {_replaced(every, ends)} FROM rows",
            f"SELECT {_replaced(every, shifted)} FROM rows WHERE {dice} % 4 = 1",
            f"SELECT {_replaced(every, late)} FROM rows WHERE {dice} % 4 = 2 AND day < {day}",
        ]
        return f"WITH rows AS ({rows}) {' UNION ALL '.join(parts)}"

    return _written(store, folder, select)


def _tables(store: Store) -> dict[str, Table]:
    return table_contracts(store.params)


def _outcomes(table: Table, columns: tuple[str, ...], known: Callable[[str], str]) -> dict[str, str]:
    """Return the SQL that keeps outcomes, and what is known with them, only where they are known."""
    kept = {}
    for outcome in table.of_role("outcome"):
        if f"{outcome.name}_day" in columns:
            own = [f"{outcome.name}_day", f"{outcome.name}_after"]
            own += [column.name for column in table.columns if column.known_with == outcome.name]
            for name in own:
                if name in columns:
                    kept[name] = f"CASE WHEN {known(outcome.name)} THEN {identifier(name)} END"
    return kept


def _replaced(columns: tuple[str, ...], changed: Mapping[str, str]) -> str:
    return ", ".join(f"{changed.get(name, identifier(name))} AS {identifier(name)}" for name in columns)


def _written(
    store: Store, folder: Path, select: Select, given: Mapping[str, pa.Table] | None = None
) -> Store:
    """Write a store of altered tables and open it as any other, so that whoever computes reads this one."""
    params = store.params.model_copy(
        update={
            "output": folder,
            "engine": store.params.engine.model_copy(update={"executor": "serial"}),
        }
    )
    tables: dict[str, StoredTable] = {}
    with store.connect() as connection:
        for name, rows in (given or {}).items():
            connection.register(name, rows)
        for name, table in store.tables.items():
            (folder / "store" / name).mkdir(parents=True)
            path = literal(str(folder / "store" / name / "part-0.parquet"))
            rows_sql = select(name, table.columns)
            described = connection.execute(f"DESCRIBE {rows_sql}").fetchall()
            columns = tuple(str(row[0]) for row in described)
            # The order of the store: customer, local day, time, then what tells equal times apart.
            first = [n for n in ("customer", "day", "at", "known_day", "row_id") if n in columns]
            order = ", ".join(identifier(n) for n in [*first, *(n for n in columns if n not in first)])
            connection.execute(f"COPY ({rows_sql} ORDER BY {order}) TO {path} (FORMAT parquet)").fetchall()
            row = connection.execute(
                f"SELECT count(*), count(DISTINCT customer), min(day), max(day) FROM read_parquet({path})"
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
