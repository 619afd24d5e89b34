"""Read all rows of one customer, from the store and from the rejects, in a form that people can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from churn.data.own_files import read_own_parquet
from churn.data.sources.table_specs import table_contracts
from churn.data.sql import identifier
from churn.data.store import Store, date_of_day
from churn.data.tables import EMPTIED_VALUE, STORED_UNITS, Table
from churn.errors import SourceError

Cell = str | float | bool | None


@dataclass(frozen=True)
class CustomerRows:
    """The rows of one table that belong to one customer.

    Attributes:
        table: The name of the table.
        rows: The values by column; times are in the company's time zone.
    """

    table: str
    rows: tuple[Mapping[str, Cell], ...]


def read_customer_rows(store: Store, customer: str) -> tuple[CustomerRows, ...]:
    """Return a customer's rows in each table of the store, `customers` first; empty for an unknown id.

    Raises:
        SourceError: the store has a table that the parameter file no longer names.
    """
    contracts, zone = table_contracts(store.params), ZoneInfo(store.params.timezone)
    if unnamed := sorted(set(store.tables) - set(contracts)):
        raise SourceError(
            f"{store.params.output / 'store'}: the store has tables that {store.params.file} does not name: "
            f"{', '.join(unnamed)}. Name these tables again, or run `churn ingest` to write the store "
            f"without these tables."
        )
    names = sorted(store.tables, key=lambda name: (name != "customers", name))
    rows_by_table: list[CustomerRows] = []
    with store.connect() as connection:
        code = connection.execute(
            f"SELECT customer FROM {store.scan('customers')} WHERE customer_id = ?", [customer]
        ).fetchone()
        if code is None:
            return ()
        for name in names:
            if not store.has(name):
                continue
            table = connection.execute(
                f'SELECT * FROM {store.scan(name)} WHERE customer = ? ORDER BY day, "at"', [code[0]]
            ).to_arrow_table()
            levels = store.tables[name].levels
            rows = tuple(_as_read(row, contracts[name], levels, zone) for row in table.to_pylist())
            rows_by_table.append(CustomerRows(name, rows))
    return tuple(rows_by_table)


def read_column(store: Store, column: str, without: str) -> tuple[str, ...]:
    """Return a column of the table `customers` without one customer's value; empty if the column is missing.

    Args:
        store: The store.
        column: The column.
        without: The id of the customer who is left out.
    """
    table = store.tables["customers"]
    if column not in table.columns or not store.has("customers"):
        return ()
    name = identifier(column)
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT {name} FROM {store.scan('customers')} WHERE {name} IS NOT NULL AND customer_id <> ?",
            [without],
        ).fetchall()
    levels = table.levels.get(column)
    return tuple(str(levels[value]) if levels else str(value) for (value,) in rows)


def read_rejected_rows(rejects: Path, customer: str) -> tuple[CustomerRows, ...]:
    """Return the rows of a customer that `ingest` rejected, as the source wrote them, with the broken rule.

    Args:
        rejects: The folder of the rejected rows.
        customer: The id; blanks around an id in the source are ignored.

    Raises:
        SourceError: a file of rejected rows is damaged.
    """
    rows_by_table: list[CustomerRows] = []
    for path in sorted(rejects.glob("*.parquet")):
        table = read_own_parquet(path, ["rule"], way_out="Run `churn ingest` to write the store again.")
        if "customer_id" not in table.column_names:
            continue
        is_own = [is_id_of(value, customer) for value in table["customer_id"].to_pylist()]
        rows = table.filter(pa.array(is_own, pa.bool_())).to_pylist()
        rows_by_table += [CustomerRows(path.stem, tuple(rows))] if rows else []
    return tuple(rows_by_table)


def is_id_of(value: object, customer: str) -> bool:
    """Return whether a value is a text that holds the given id; the id 7 may also be written as `7.0`.

    >>> is_id_of(" 7.0 ", "7"), is_id_of("07", "7"), is_id_of(None, "None")
    (True, False, False)
    """
    if not isinstance(value, str):
        return False
    text = value.strip()
    return text == customer or (customer.isdecimal() and text == f"{customer}.0")


def _as_read(
    row: Mapping[str, Any], contract: Table, levels: Mapping[str, tuple[str, ...]], zone: ZoneInfo
) -> dict[str, Cell]:
    """Return a stored row in a form that people can read.

    Times are local, codes are replaced by names, and cents or thousandths are converted to whole units.
    """
    return dict(_cells(row, contract, levels, zone))


def _cells(
    row: Mapping[str, Any], contract: Table, levels: Mapping[str, tuple[str, ...]], zone: ZoneInfo
) -> Iterator[tuple[str, Cell]]:
    for column_name, value in row.items():
        if column_name in ("customer", "day") or _is_part(contract, column_name, "_after"):
            # These columns are for the program only: the code of the customer, the day of `at`, and the
            # second part of an outcome.
            continue
        if column_name == "at":
            yield contract.time, _local(value, zone)
        elif column_name == "known_day":
            yield "known_on", _day(value)
        elif _is_part(contract, column_name, "_day"):
            name = column_name.removesuffix("_day")
            after: int | None = row.get(f"{name}_after")
            if after is None:
                yield name, _day(value)
            else:
                yield name, _local(row["at"] + timedelta(seconds=after), zone)
        else:
            yield column_name, _value(value, contract, levels.get(column_name), column_name)


def _is_part(contract: Table, column_name: str, ending: str) -> bool:
    """Return whether a column's name is the name of an outcome or of a scheduled time, plus `ending`.

    For example, the outcome `paid_at` is stored in two parts, `paid_at_day` and `paid_at_after`.
    """
    dated = {f"{column.name}{ending}" for column in contract.of_role("outcome", "scheduled")}
    return column_name in dated


def _value(value: Any, contract: Table, names: tuple[str, ...] | None, column_name: str) -> Cell:
    column = contract.column(column_name)
    if value is None or (column is not None and column.may_be_emptied and value == EMPTIED_VALUE):
        return None
    if names is not None:
        return str(names[value])
    if column is not None and column.type in STORED_UNITS:
        return float(value) / STORED_UNITS[column.type]
    if isinstance(value, date):
        return value.isoformat()
    plain: Cell = value if isinstance(value, bool | int | float) else str(value)
    return plain


def _local(value: datetime, zone: ZoneInfo) -> str:
    return value.replace(tzinfo=UTC).astimezone(zone).isoformat(sep=" ")


def _day(number: int | None) -> str | None:
    return None if number is None else date_of_day(number).isoformat()
