"""Write one table: its good rows to the store, its bad rows to the rejects."""

from __future__ import annotations

from pathlib import Path

from churn.data.rules import rules_of
from churn.data.source import Source
from churn.data.sql import internal, literal, quoted
from churn.data.staging import Staged
from churn.data.store import StoredTable
from churn.data.tables import EMPTIED, UNITS_PER, Column
from churn.params import digest_of

ROWS_PER_GROUP = 131_072
CODES = internal("codes")
"""The customers' codes, once their table is written."""


class TableWriter:
    """Writes one staged table to the store and its bad rows to the rejects."""

    def __init__(
        self, source: Source, staged: Staged, present: str | None, store: Path, rejects: Path
    ) -> None:
        self.rules = rules_of(staged, present)
        self.connection = source.connection
        self.staged = staged
        self.table = staged.wanted.table
        self.folder = store / self.table.name
        self.rejects = rejects / f"{self.table.name}.parquet"
        self.levels: dict[str, tuple[str, ...]] = {}

    def write(self) -> StoredTable:
        """Write the good rows; where rows are missing then, write the bad ones too, counted by rule."""
        self.folder.mkdir()
        judged = self._judged()
        self._write_good(judged)
        read = self._count(f"SELECT count(*) FROM {self.staged.read}")
        rejects = (
            self._write_rejects(judged) if read > self._count(f"SELECT count(*) FROM {self._good}") else {}
        )
        if self.table.name == "customers":
            self._remember_codes()
        return self._seen(rejects, read)

    def _judged(self) -> str:
        """Return the SQL of every row with `__broken`: the first rule it breaks, or NULL."""
        cases = " ".join(f"WHEN {sql} THEN {literal(rule)}" for rule, sql in self.rules)
        if self.table.name == "customers":
            rows = f"SELECT t.*, CASE {cases} END AS __broken FROM {self.staged.typed} t"
        else:
            rows = (
                f"SELECT t.*, c.customer, CASE {cases} END AS __broken "
                f"FROM {self.staged.typed} t LEFT JOIN {CODES} c USING (customer_id)"
            )
        key = "customer_id" if self.table.name == "customers" else "row_id"
        return self._without_repeats(rows, key) if self.staged.has(key) else rows

    def _without_repeats(self, rows: str, key: str) -> str:
        """Mark all but the first sound row of each key as broken.

        First by time, then by when it was known, then by all that the source said: whatever the order of the
        source or the number of threads, the same row stays. Only rows of repeated keys are sorted.
        """
        names = [column.name for column in self.staged.mapped if column.role == "known"]
        names += [f"{column.name}__said" for column in self.staged.mapped]
        order = ", ".join(quoted(name) for name in [self.table.time, *names])
        rule = literal(f"{key} is not repeated")
        nth = f"row_number() OVER (PARTITION BY {key} ORDER BY {order})"
        return (
            f"(WITH judged AS MATERIALIZED ({rows}), sound AS (SELECT * FROM judged WHERE __broken IS NULL), "
            f"repeated AS (SELECT {key} FROM sound WHERE {key} IS NOT NULL GROUP BY 1 HAVING count(*) > 1) "
            "SELECT * FROM judged WHERE __broken IS NOT NULL "
            f"UNION ALL BY NAME SELECT * FROM sound ANTI JOIN repeated USING ({key}) "
            f"UNION ALL BY NAME SELECT * REPLACE (CASE WHEN {nth} > 1 THEN {rule} END AS __broken) "
            f"FROM sound SEMI JOIN repeated USING ({key}))"
        )

    @property
    def _good(self) -> str:
        return f"read_parquet({literal(str(self.folder / 'part-0.parquet'))})"

    def _count(self, sql: str) -> int:
        row = self.connection.execute(sql).fetchone()
        return int(row[0]) if row else 0

    def _write_rejects(self, judged: str) -> dict[str, int]:
        said = ", ".join(
            f"{quoted(c.name + '__said')}::VARCHAR AS {quoted(c.name)}" for c in self.staged.mapped
        )
        broken = f"SELECT __broken AS rule, {said} FROM ({judged}) WHERE __broken IS NOT NULL ORDER BY ALL"
        self._copy(broken, self.rejects)
        written = f"read_parquet({literal(str(self.rejects))})"
        counts = self.connection.execute(
            f"SELECT rule, count(*) FROM {written} GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
        return {str(rule): int(count) for rule, count in counts}

    def _write_good(self, judged: str) -> None:
        self._name_levels(judged)
        stored = self._stored_columns()
        selected = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in stored)
        order = 'customer, "at"' if self.table.name != "customers" else "customer_id"
        first = [name for name in ("known_day", "row_id") if name in dict(stored)]
        rest = [name for name, _ in stored if name not in (*first, "customer", "customer_id", "at")]
        ordering = ", ".join([order, *(quoted(name) for name in [*first, *rest])])
        rows = f"SELECT {selected} FROM ({judged}) WHERE __broken IS NULL"
        if self.table.name == "customers":
            rows = (
                f"SELECT (row_number() OVER (ORDER BY customer_id) - 1)::INTEGER AS customer, * FROM ({rows})"
            )
        self._copy(f"{rows} ORDER BY {ordering}", self.folder / "part-0.parquet")

    def _stored_columns(self) -> list[tuple[str, str]]:
        time = quoted(self.table.time)
        customer = "customer_id" if self.table.name == "customers" else "customer"
        columns = [(customer, customer), ("at", time), ("day", _day(self.table.time))]
        for column in self.staged.mapped:
            columns += self._stored(column, time)
        return columns

    def _stored(self, column: Column, time: str) -> list[tuple[str, str]]:
        name = quoted(column.name)
        if column.role in ("id", "time"):
            return []
        if column.role == "known":
            return [("known_day", f"coalesce({_day(column.name)}, {_day(self.table.time)})")]
        if column.role == "outcome":
            after = f"(epoch({name}) - epoch({time}))::BIGINT"
            return [(f"{column.name}_day", _day(column.name)), (f"{column.name}_after", after)]
        if column.role == "scheduled":
            return [(f"{column.name}_day", _day(column.name))]
        if column.type == "level":
            coded = f"enum_code({_said(column)}::{self._names_of(column)})::INTEGER"
            return [(column.name, coded)] if column.name in self.levels else []
        if column.type in UNITS_PER:
            units = f"round({name} * {UNITS_PER[column.type]})::BIGINT"
            return [(column.name, f"coalesce({units}, {EMPTIED})" if column.may_be_emptied else units)]
        return [(column.name, name)]

    def _name_levels(self, judged: str) -> None:
        """Number the levels of a column in the order of their names; numbers are what the engine reads."""
        for column in self.staged.mapped:
            if column.type != "level":
                continue
            rows = self.connection.execute(
                f"SELECT DISTINCT {_said(column)} AS name FROM ({judged}) "
                "WHERE __broken IS NULL AND name IS NOT NULL ORDER BY 1"
            ).fetchall()
            if rows:
                self.levels[column.name] = names = tuple(str(row[0]) for row in rows)
                listed = ", ".join(literal(name) for name in names)
                self.connection.execute(f"CREATE TYPE {self._names_of(column)} AS ENUM ({listed})").fetchall()

    def _names_of(self, column: Column) -> str:
        return internal(f"levels_of_{self.table.name}_{column.name}")

    def _remember_codes(self) -> None:
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {CODES} AS SELECT customer_id, customer FROM {self._good}"
        ).fetchall()

    def _seen(self, rejects: dict[str, int], rows_read: int) -> StoredTable:
        part = self._good
        names = [str(row[0]) for row in self.connection.execute(f"DESCRIBE SELECT * FROM {part}").fetchall()]
        nulls = ", ".join(f"count(*) - count({quoted(name)})" for name in names)
        hashed = ", ".join(quoted(name) for name in names)
        row = self.connection.execute(
            f"SELECT count(*), count(DISTINCT customer), min(day), max(day), "
            f"sum(hash({hashed})::HUGEINT)::VARCHAR, {nulls} FROM {part}"
        ).fetchone()
        assert row is not None  # an aggregate without GROUP BY always gives one row
        rows, customers, first, last, content, *missing = row
        return StoredTable(
            rows=rows,
            rows_read=rows_read,
            customers=customers,
            first_day=first,
            last_day=last,
            columns=tuple(names),
            missing={name: n for name, n in zip(names, missing, strict=True) if n},
            rejects=rejects,
            levels=self.levels,
            digest=digest_of([names, self.levels, rows, content]),
        )

    def _copy(self, sql: str, path: Path) -> None:
        options = f"FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE {ROWS_PER_GROUP}"
        self.connection.execute(f"COPY ({sql}) TO {literal(str(path))} ({options})").fetchall()


def _said(column: Column) -> str:
    """Return the SQL of a level's name; one that was emptied has the empty name."""
    name = quoted(column.name)
    return f"coalesce({name}, '')" if column.may_be_emptied else name


def _day(name: str) -> str:
    return f"({quoted(name + '__local')}::DATE - DATE '1970-01-01')::INTEGER"
