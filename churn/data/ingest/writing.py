"""Write the good rows of a table, or of a part of it, to the store and the bad rows to the rejects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from churn.data.ingest.merging import EarlierRows, reject_stored_keys
from churn.data.ingest.rules import CUSTOMER_CODES, rows_with_broken_rule
from churn.data.ingest.staging import StagedTable, UnreadColumns
from churn.data.sql import identifier, internal_name, literal, parquet_rows
from churn.data.store import StoredTable, day_number_sql
from churn.data.tables import EMPTIED_VALUE, STORED_UNITS, Column
from churn.params import digest_of

COPY_OPTIONS = "FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE 131072"


@dataclass(frozen=True)
class TableStats:
    """The row counts and other facts of one part of a table; `add_stats` adds up the facts of all parts.

    Args:
        columns: The stored columns.
        rows: The number of the part's rows in the store.
        rows_read: The number of all rows of the part, rejects included.
        customers: The number of customers with at least one row.
        first_day: The local day of the earliest row, in days since 1970-01-01; None if there are no rows.
        last_day: The local day of the latest row, in days since 1970-01-01; None if there are no rows.
        row_hashes: The sum of the hashes of the rows; this sum is the same however the rows are split into
            parts.
        missing: The number of missing values in each column.
        rejects: For each rule, the number of rows that it rejects.
    """

    columns: tuple[str, ...]
    rows: int
    rows_read: int
    customers: int
    first_day: int | None
    last_day: int | None
    row_hashes: int
    missing: Mapping[str, int] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)

    def stored_table(
        self, levels: Mapping[str, tuple[str, ...]], unread_columns: UnreadColumns
    ) -> StoredTable:
        """Return the table's entry in the store; in `rejects`, the rule that most rows break comes first."""
        by_count = sorted(self.rejects.items(), key=lambda item: (-item[1], item[0]))
        return StoredTable(
            rows=self.rows,
            rows_read=self.rows_read,
            customers=self.customers,
            first_day=self.first_day,
            last_day=self.last_day,
            columns=self.columns,
            missing={name: count for name, count in self.missing.items() if count},
            rejects=dict(by_count),
            levels=dict(levels),
            unused_columns=unread_columns.unused_names,
            near_names=dict(unread_columns.near_names),
            digest=digest_of([self.columns, levels, self.rows, self.row_hashes]),
        )


def read_stats(
    connection: duckdb.DuckDBPyConnection, rows_sql: str, rows_read: int, rejects: Mapping[str, int]
) -> TableStats:
    """Compute the facts of one part of a table from the rows that were written to the store.

    Args:
        connection: The DuckDB that reads the part.
        rows_sql: The SQL that reads the part.
        rows_read: The number of all rows of the part, rejects included.
        rejects: For each rule, the number of rows that it rejects.
    """
    names = [str(row[0]) for row in connection.execute(f"DESCRIBE SELECT * FROM {rows_sql}").fetchall()]
    nulls = ", ".join(f"count(*) - count({identifier(name)})" for name in names)
    values = ", ".join(identifier(name) for name in names)
    row = connection.execute(
        f"SELECT count(*), count(DISTINCT customer), min(day), max(day), "
        f"coalesce(sum(hash({values})::HUGEINT), 0)::VARCHAR, {nulls} FROM {rows_sql}"
    ).fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    rows, customers, first_day, last_day, row_hashes, *missing = row
    return TableStats(
        columns=tuple(names),
        rows=rows,
        rows_read=rows_read,
        customers=customers,
        first_day=first_day,
        last_day=last_day,
        row_hashes=int(row_hashes),
        missing=dict(zip(names, missing, strict=True)),
        rejects=rejects,
    )


def add_stats(parts: Sequence[TableStats]) -> TableStats:
    """Add up the facts of the parts of one table; no customer may have rows in two parts."""
    rejects: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for part in parts:
        rejects.update(part.rejects)
        missing.update(part.missing)
    return replace(
        parts[0],
        rows=sum(part.rows for part in parts),
        rows_read=sum(part.rows_read for part in parts),
        customers=sum(part.customers for part in parts),
        first_day=min((part.first_day for part in parts if part.first_day is not None), default=None),
        last_day=max((part.last_day for part in parts if part.last_day is not None), default=None),
        row_hashes=sum(part.row_hashes for part in parts),
        missing={name: missing[name] for name in parts[0].columns},
        rejects=dict(rejects),
    )


@dataclass(frozen=True)
class TablePart:
    """One part of a table, and what its writer must know about the rest of the table.

    Args:
        name: The file's name in the table's folder; the names of the parts follow the order of the customer
            codes.
        first_code: The code of the part's first customer; each customer has a code, which is an integer.
        levels: The levels (text values) of each column of the type `level`, over all parts; None if this part
            is the whole table.
        keys_elsewhere: SQL that gives the keys (ids of rows or customers) whose first good row is in another
            part.
        stored_rows: The rows of an earlier ingest, which are written together with the new rows.
    """

    name: str = "part-0"
    first_code: int = 0
    levels: Mapping[str, tuple[str, ...]] | None = None
    keys_elsewhere: str | None = None
    stored_rows: EarlierRows | None = None


class TableWriter:
    """Writes one staged table to the store and its bad rows to the rejects."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        staged_table: StagedTable,
        present: str | None,
        store: Path,
        rejects: Path,
        part: TablePart = TablePart(),
    ) -> None:
        """Check the rows.

        Args:
            connection: The DuckDB that holds the staged table.
            staged_table: The table.
            present: The approximate last date of the data, or None if it is unknown.
            store: The folder of the store's tables.
            rejects: The folder of the rejects.
            part: The part of the table that the staged rows form; by default the whole table.
        """
        self.connection = connection
        self.staged_table = staged_table
        self.table = staged_table.spec.table
        self.part = part
        self.path = store / self.table.name / f"{part.name}.parquet"
        self.rejects_path = rejects / f"{self.table.name}.parquet"
        self.checked_rows = rows_with_broken_rule(connection, staged_table, present, part.keys_elsewhere)
        if part.stored_rows and staged_table.has("row_id"):
            self.checked_rows = reject_stored_keys(
                connection,
                staged_table,
                self.checked_rows,
                self._stored_columns(levels_by_name=True),
                part.stored_rows,
            )
        self.levels: Mapping[str, tuple[str, ...]] = {}

    def write(self) -> TableStats:
        """Write the good rows, and the bad rows if there are any; return the facts of the part."""
        self.path.parent.mkdir(exist_ok=True)
        self.levels = self._levels_of_all_rows() if self.part.levels is None else self.part.levels
        self._write_good_rows()
        if self.part.levels is None and (levels := self.levels_of_good_rows()) != self.levels:
            self.levels = levels  # the missing levels occur only in bad rows
            self._write_good_rows()
        rows_read = self._count(f"SELECT count(*) FROM {self.staged_table.rows_view}")
        rows_read += self.part.stored_rows.count if self.part.stored_rows else 0
        has_bad_rows = rows_read > self._count(f"SELECT count(*) FROM {self._good_rows}")
        rejects = self._write_rejects() if has_bad_rows else {}
        if self.table.name == "customers":
            self._create_customer_codes()
        return read_stats(self.connection, self._good_rows, rows_read, rejects)

    def _levels_of_all_rows(self) -> dict[str, tuple[str, ...]]:
        new = levels_in_source(self.connection, self.staged_table)
        old = self.part.stored_rows.levels if self.part.stored_rows else {}
        union = {name: {*new.get(name, ()), *old.get(name, ())} for name in {*new, *old}}
        return {name: tuple(sorted(names)) for name, names in sorted(union.items())}

    def levels_of_good_rows(self) -> dict[str, tuple[str, ...]]:
        """Return the levels (text values) in the good rows, for each column of the type `level`."""
        levels: dict[str, tuple[str, ...]] = {}
        for column, names in self.levels.items():
            rows = self.connection.execute(
                f"SELECT DISTINCT {identifier(column)} FROM {self._good_rows}"
            ).fetchall()
            codes = sorted(code for (code,) in rows if code is not None)
            levels[column] = tuple(names[code] for code in codes)
        return {column: names for column, names in levels.items() if names}

    @property
    def _good_rows(self) -> str:
        return parquet_rows(self.path)

    def _count(self, sql: str) -> int:
        row = self.connection.execute(sql).fetchone()
        return int(row[0]) if row else 0

    def _write_rejects(self) -> dict[str, int]:
        raw_values = ", ".join(
            f"{identifier(column.name + '__raw')}::VARCHAR AS {identifier(column.name)}"
            for column in self.staged_table.columns
            if column.is_kept
        )
        bad_rows = (
            f"SELECT __broken AS rule, {raw_values} FROM ({self.checked_rows}) "
            "WHERE __broken IS NOT NULL ORDER BY ALL"
        )
        self._copy(bad_rows, self.rejects_path)
        rejects = parquet_rows(self.rejects_path)
        counts = self.connection.execute(
            f"SELECT rule, count(*) FROM {rejects} GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
        return {str(rule): int(count) for rule, count in counts}

    def _write_good_rows(self) -> None:
        self._create_level_types()
        columns = self._stored_columns()
        select_list = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in columns.items())
        # Order by day before time, because clocks that go back over midnight give a later row an earlier day.
        order = 'customer, day, "at"' if self.table.name != "customers" else "customer_id"
        keys = [name for name in ("known_day", "row_id") if name in columns]
        values = [name for name in columns if name not in (*keys, "customer", "customer_id", "day", "at")]
        order = ", ".join([order, *(identifier(name) for name in [*keys, *values])])
        rows = f"SELECT {select_list} FROM ({self.checked_rows}) WHERE __broken IS NULL"
        if self.table.name == "customers":
            rows = (
                f"SELECT (row_number() OVER (ORDER BY customer_id) - 1 + {self.part.first_code})::INTEGER "
                f"AS customer, * FROM ({rows})"
            )
        if self.part.stored_rows:
            # This is a table, not a view: the joins of the new rows must free their memory before the sort.
            new_rows = internal_name(f"new_{self.table.name}")
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {new_rows} AS {rows}").fetchall()
            old_rows = self.part.stored_rows.with_codes(self.levels)
            rows = f"{old_rows} UNION ALL BY NAME SELECT * FROM {new_rows}"
        self._copy(f"SELECT * FROM ({rows}) ORDER BY {order}", self.path)

    def _stored_columns(self, levels_by_name: bool = False) -> dict[str, str]:
        """Return, for the name of each stored column, the SQL that computes its values from checked rows.

        In a column of the type `level`, each level becomes its code, unless `levels_by_name` is true.
        """
        time = self.table.time
        customer = "customer_id" if self.table.name == "customers" else "customer"
        columns = {customer: customer, "at": identifier(time), "day": _day(time)}
        for column in self.staged_table.columns:
            if column.type == "level":
                columns |= {column.name: _level_name(column)} if levels_by_name else self._level_code(column)
            else:
                columns |= _stored_columns_of(column, time)
        return columns

    def _level_code(self, column: Column) -> dict[str, str]:
        if column.name not in self.levels:
            return {}
        return {column.name: f"enum_code({_level_name(column)}::{self._level_type(column.name)})::INTEGER"}

    def _create_level_types(self) -> None:
        """Create an SQL enum for each column of levels; the position of a level in the enum is its code."""
        for column, names in self.levels.items():
            level_type = self._level_type(column)
            self.connection.execute(f"DROP TYPE IF EXISTS {level_type}").fetchall()
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TYPE {level_type} AS ENUM ({', '.join(map(literal, names))})"
            ).fetchall()

    def _level_type(self, column: str) -> str:
        return internal_name(f"levels_of_{self.table.name}_{column}")

    def _create_customer_codes(self) -> None:
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {CUSTOMER_CODES} AS "
            f"SELECT customer_id, customer FROM {self._good_rows}"
        ).fetchall()

    def _copy(self, sql: str, path: Path) -> None:
        self.connection.execute(f"COPY ({sql}) TO {literal(str(path))} ({COPY_OPTIONS})").fetchall()


def levels_in_source(
    connection: duckdb.DuckDBPyConnection, staged_table: StagedTable
) -> dict[str, tuple[str, ...]]:
    """Return the levels (text values) that occur in each column of the type `level`, sorted.

    Levels from bad rows are included, because it takes longer to read only the good rows.
    """
    levels: dict[str, tuple[str, ...]] = {}
    for column in staged_table.columns:
        if column.type == "level":
            rows = connection.execute(
                f"SELECT DISTINCT {_level_name(column)} AS name FROM {staged_table.typed_view} "
                "WHERE name IS NOT NULL ORDER BY 1"
            ).fetchall()
            levels[column.name] = tuple(str(row[0]) for row in rows)
    return {name: names for name, names in levels.items() if names}


def _stored_columns_of(column: Column, time: str) -> dict[str, str]:
    name, day = identifier(column.name), _day(column.name)
    if column.role in ("id", "time") or not column.is_kept:
        return {}
    if column.role == "known":
        return {"known_day": f"coalesce({day}, {_day(time)})"}
    if column.role == "outcome":
        after = f"(epoch({name}) - epoch({identifier(time)}))::BIGINT"
        return {f"{column.name}_day": day, f"{column.name}_after": after}
    if column.role == "scheduled":
        return {f"{column.name}_day": day}
    if column.type in STORED_UNITS:
        units = f"round({name} * {STORED_UNITS[column.type]})::BIGINT"
        return {column.name: f"coalesce({units}, {EMPTIED_VALUE})" if column.may_be_emptied else units}
    return {column.name: name}


def _level_name(column: Column) -> str:
    """Return the SQL of the level (text value) in a column of the type `level`.

    If an empty cell in this column means that the customer no longer has a level, the SQL gives an empty text
    for the cell.
    """
    name = identifier(column.name)
    return f"coalesce({name}, '')" if column.may_be_emptied else name


def _day(name: str) -> str:
    return f"{day_number_sql(identifier(name + '__local'))}::INTEGER"
