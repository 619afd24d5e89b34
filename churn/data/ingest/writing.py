"""Write one table, or a part of it: its good rows to the store, its bad rows to the rejects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from churn.data.ingest.merging import StoredRows, reject_stored_keys
from churn.data.ingest.rules import CUSTOMER_CODES, rows_with_broken_rule
from churn.data.ingest.staging import StagedTable
from churn.data.sql import identifier, internal_name, literal
from churn.data.store import StoredTable
from churn.data.tables import EMPTIED_VALUE, STORED_UNITS, Column
from churn.params import digest_of

COPY_OPTIONS = "FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE 131072"


@dataclass(frozen=True)
class TablePart:
    """Which customers' rows are written, and what is known of the others'.

    Args:
        name: The file's name in the table's folder; parts of later customers have later names.
        first_code: The code of the part's first customer.
        levels: The names of each level column over all parts; None where this part is the whole.
        elsewhere: SQL of the keys whose first sound row stands in another part.
        before: The rows that an earlier night stored, to be written with the new ones.
    """

    name: str = "part-0"
    first_code: int = 0
    levels: Mapping[str, tuple[str, ...]] | None = None
    elsewhere: str | None = None
    before: StoredRows | None = None


class TableWriter:
    """Writes one staged table to the store and its bad rows to the rejects."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        staged: StagedTable,
        present: str | None,
        store: Path,
        rejects: Path,
        part: TablePart = TablePart(),
    ) -> None:
        self.connection = connection
        self.staged = staged
        self.table = staged.wanted.table
        self.part = part
        self.path = store / self.table.name / f"{part.name}.parquet"
        self.rejects = rejects / f"{self.table.name}.parquet"
        self.judged = rows_with_broken_rule(connection, staged, present, part.elsewhere)
        if part.before and staged.has("row_id"):
            self.judged = reject_stored_keys(
                connection, staged, self.judged, self._stored_columns(named=True), part.before
            )
        self.levels: Mapping[str, tuple[str, ...]] = {}

    def write(self) -> TableStats:
        """Write the good rows; where rows are missing then, write the bad ones too, counted by rule."""
        self.path.parent.mkdir(exist_ok=True)
        self.levels = self._levels_said() if self.part.levels is None else self.part.levels
        self._write_good()
        if self.part.levels is None and (used := self.levels_used()) != self.levels:
            self.levels = used  # only bad rows had the others
            self._write_good()
        before = self.part.before.count if self.part.before else 0
        read = before + self._count(f"SELECT count(*) FROM {self.staged.read}")
        rejects = self._write_rejects() if read > self._count(f"SELECT count(*) FROM {self._good}") else {}
        if self.table.name == "customers":
            self._remember_codes()
        return read_stats(self.connection, self._good, read, rejects)

    def _levels_said(self) -> dict[str, tuple[str, ...]]:
        said = levels_in_source(self.connection, self.staged)
        stored = self.part.before.levels if self.part.before else {}
        named = {name: {*said.get(name, ()), *stored.get(name, ())} for name in {*said, *stored}}
        return {name: tuple(sorted(names)) for name, names in sorted(named.items())}

    def levels_used(self) -> dict[str, tuple[str, ...]]:
        """Return the names of which the written rows hold the code."""
        used: dict[str, tuple[str, ...]] = {}
        for column, names in self.levels.items():
            rows = self.connection.execute(
                f"SELECT DISTINCT {identifier(column)} FROM {self._good}"
            ).fetchall()
            used[column] = tuple(names[code] for code in sorted(code for (code,) in rows if code is not None))
        return {column: names for column, names in used.items() if names}

    @property
    def _good(self) -> str:
        return f"read_parquet({literal(str(self.path))})"

    def _count(self, sql: str) -> int:
        row = self.connection.execute(sql).fetchone()
        return int(row[0]) if row else 0

    def _write_rejects(self) -> dict[str, int]:
        said = ", ".join(
            f"{identifier(c.name + '__said')}::VARCHAR AS {identifier(c.name)}" for c in self.staged.mapped
        )
        broken = (
            f"SELECT __broken AS rule, {said} FROM ({self.judged}) WHERE __broken IS NOT NULL ORDER BY ALL"
        )
        self._copy(broken, self.rejects)
        written = f"read_parquet({literal(str(self.rejects))})"
        counts = self.connection.execute(
            f"SELECT rule, count(*) FROM {written} GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
        return {str(rule): int(count) for rule, count in counts}

    def _write_good(self) -> None:
        self._number_levels()
        stored = self._stored_columns()
        selected = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in stored.items())
        # By day first: where clocks go back over midnight, a later row has an earlier day.
        order = 'customer, day, "at"' if self.table.name != "customers" else "customer_id"
        first = [name for name in ("known_day", "row_id") if name in stored]
        rest = [name for name in stored if name not in (*first, "customer", "customer_id", "day", "at")]
        ordering = ", ".join([order, *(identifier(name) for name in [*first, *rest])])
        rows = f"SELECT {selected} FROM ({self.judged}) WHERE __broken IS NULL"
        if self.table.name == "customers":
            rows = (
                f"SELECT (row_number() OVER (ORDER BY customer_id) - 1 + {self.part.first_code})::INTEGER "
                f"AS customer, * FROM ({rows})"
            )
        if self.part.before:
            new = internal_name(
                f"new_{self.table.name}"
            )  # the sort needs the memory of their joins, and the stored first
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {new} AS {rows}").fetchall()
            kept = self.part.before.with_codes(self.levels)
            rows = f"{kept} UNION ALL BY NAME SELECT * FROM {new}"
        self._copy(f"SELECT * FROM ({rows}) ORDER BY {ordering}", self.path)

    def _stored_columns(self, named: bool = False) -> dict[str, str]:
        """Return the SQL of each stored column over a judged row; levels as codes, or by name."""
        time = self.table.time
        customer = "customer_id" if self.table.name == "customers" else "customer"
        columns = {customer: customer, "at": identifier(time), "day": _day(time)}
        for column in self.staged.mapped:
            if column.type == "level":
                columns |= {column.name: _said(column)} if named else self._coded(column)
            else:
                columns |= _stored(column, time)
        return columns

    def _coded(self, column: Column) -> dict[str, str]:
        coded = f"enum_code({_said(column)}::{self._names_of(column.name)})::INTEGER"
        return {column.name: coded} if column.name in self.levels else {}

    def _number_levels(self) -> None:
        """Number the levels of each column in the order of their names; numbers are what the engine reads."""
        for name, names in self.levels.items():
            listed = ", ".join(literal(one) for one in names)
            self.connection.execute(f"DROP TYPE IF EXISTS {self._names_of(name)}").fetchall()
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TYPE {self._names_of(name)} AS ENUM ({listed})"
            ).fetchall()

    def _names_of(self, column: str) -> str:
        return internal_name(f"levels_of_{self.table.name}_{column}")

    def _remember_codes(self) -> None:
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {CUSTOMER_CODES} AS SELECT customer_id, customer FROM {self._good}"
        ).fetchall()

    def _copy(self, sql: str, path: Path) -> None:
        self.connection.execute(f"COPY ({sql}) TO {literal(str(path))} ({COPY_OPTIONS})").fetchall()


def levels_in_source(
    connection: duckdb.DuckDBPyConnection, staged: StagedTable
) -> dict[str, tuple[str, ...]]:
    """Return the names of each level column in all rows, in order: cheaper than in the good ones."""
    levels: dict[str, tuple[str, ...]] = {}
    for column in staged.mapped:
        if column.type == "level":
            found = connection.execute(
                f"SELECT DISTINCT {_said(column)} AS name FROM {staged.typed} "
                "WHERE name IS NOT NULL ORDER BY 1"
            ).fetchall()
            levels[column.name] = tuple(str(row[0]) for row in found)
    return {name: names for name, names in levels.items() if names}


def _stored(column: Column, time: str) -> dict[str, str]:
    name, day = identifier(column.name), _day(column.name)
    if column.role in ("id", "time"):
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


def _said(column: Column) -> str:
    """Return the SQL of a level's name; one that was emptied has the empty name."""
    name = identifier(column.name)
    return f"coalesce({name}, '')" if column.may_be_emptied else name


def _day(name: str) -> str:
    return f"({identifier(name + '__local')}::DATE - DATE '1970-01-01')::INTEGER"


@dataclass(frozen=True)
class TableStats:
    """Facts of the rows of a part that add up over parts of different customers.

    `content` is the sum of the rows' hashes: the same for the same rows, however they are divided.
    """

    columns: tuple[str, ...]
    rows: int
    rows_read: int
    customers: int
    first_day: int | None
    last_day: int | None
    content: int
    missing: Mapping[str, int] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)

    def table(self, levels: Mapping[str, tuple[str, ...]]) -> StoredTable:
        """Return what the store says of the table; the rule that most rows break comes first."""
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
            digest=digest_of([self.columns, levels, self.rows, self.content]),
        )


def read_stats(
    connection: duckdb.DuckDBPyConnection, part: str, rows_read: int, rejects: Mapping[str, int]
) -> TableStats:
    """Return the facts of a written part, read by the SQL `part`."""
    names = [str(row[0]) for row in connection.execute(f"DESCRIBE SELECT * FROM {part}").fetchall()]
    nulls = ", ".join(f"count(*) - count({identifier(name)})" for name in names)
    hashed = ", ".join(identifier(name) for name in names)
    row = connection.execute(
        f"SELECT count(*), count(DISTINCT customer), min(day), max(day), "
        f"coalesce(sum(hash({hashed})::HUGEINT), 0)::VARCHAR, {nulls} FROM {part}"
    ).fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    rows, customers, first, last, content, *missing = row
    return TableStats(
        columns=tuple(names),
        rows=rows,
        rows_read=rows_read,
        customers=customers,
        first_day=first,
        last_day=last,
        content=int(content),
        missing=dict(zip(names, missing, strict=True)),
        rejects=rejects,
    )


def add_stats(parts: Sequence[TableStats]) -> TableStats:
    """Add up the facts of the parts of one table, which hold different customers."""
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
        content=sum(part.content for part in parts),
        missing={name: missing[name] for name in parts[0].columns},
        rejects=dict(rejects),
    )
