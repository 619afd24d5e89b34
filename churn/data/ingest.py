"""Read the source once: check every row, keep the good, store the bad apart, write the store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb

from churn.data.files import replace_folder
from churn.data.source import Source, fingerprint, first_line, literal, open_source, quoted
from churn.data.staging import Staged, stage
from churn.data.store import Store, StoredTable, day_of, write_manifest
from churn.data.tables import UNITS_PER, Column, wanted_tables
from churn.errors import SourceError
from churn.params import Params, digest_of

ROWS_PER_GROUP = 131_072


def is_fresh(params: Params) -> bool:
    """Tell whether the store stands and the source and its parameters are what they were."""
    try:
        return Store.open(params).fingerprint == fingerprint(params)
    except SourceError:
        return False


def ingest(params: Params, tell: Callable[[str], None]) -> Store:
    """Write the store under `params.output` from the source, aside first and then renamed.

    Bad rows are counted by named rule and written to `output/rejects/<table>.parquet`.

    Raises:
        ParamsError: params.yaml names no fitting table or column.
        SourceError: a table or column is missing, a needed table is empty, or more rows than
            `check.max_rejects` break a rule.
    """
    wanted = wanted_tables(params)
    output = params.output
    aside, bad = output / ".store.new", output / ".rejects.new"
    for folder in (aside, bad):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    watermark = params.snapshot.watermark
    with open_source(params, output / ".scratch") as source:
        staged = _stage_all(source, params)
        tables: dict[str, StoredTable] = {}
        problems: list[str] = []
        for one in staged:
            name = one.wanted.table.name
            try:
                tables[name] = _Writer(source, one, aside, bad).write()
            except duckdb.Error as error:
                raise SourceError(
                    f"{name}: cannot be read as params.yaml says: {first_line(error)}"
                ) from None
            problems += _verdict(params, name, tables[name])
            tell(_told(name, tables[name]))
        last = tables[params.label.core_table].last_day
    replace_folder(bad, output / "rejects")
    if problems or last is None or len(tables) != len(wanted):
        shutil.rmtree(aside)
        raise SourceError(*problems)
    stated = {
        "watermark": (watermark or day_of(last)).isoformat(),
        "fingerprint": fingerprint(params),
        "digest": digest_of({name: table.digest for name, table in tables.items()}),
    }
    write_manifest(aside, stated, tables)
    replace_folder(aside, output / "store")
    return Store.open(params)


def _stage_all(source: Source, params: Params) -> list[Staged]:
    """Stage every table, so that all that is missing is said at once."""
    staged: list[Staged] = []
    problems: list[str] = []
    watermark = params.snapshot.watermark
    for wanted in wanted_tables(params):
        try:
            staged.append(
                stage(source, wanted, params.timezone, watermark.isoformat() if watermark else None)
            )
        except SourceError as error:
            problems += error.problems
    if problems:
        raise SourceError(*problems)
    return staged


def _verdict(params: Params, name: str, table: StoredTable) -> list[str]:
    rejected = sum(table.rejects.values())
    if table.rows_read and rejected > params.check.max_rejects * table.rows_read:
        rules = ", ".join(f"{count:,} break '{rule}'" for rule, count in table.rejects.items())
        share = rejected / table.rows_read
        return [
            f"{name}: {rejected:,} of {table.rows_read:,} rows ({share:.1%}) are unfit, more than "
            f"check.max_rejects ({params.check.max_rejects:.1%}): {rules}. "
            f"See {params.output.name}/rejects/{name}.parquet; mend the source or its mapping."
        ]
    if table.rows == 0 and name in ("customers", params.label.core_table):
        return [
            f"{name}: the table is empty, and nothing can be said without it. Mend 'source' or the mapping."
        ]
    return []


def _told(name: str, table: StoredTable) -> str:
    rejected = sum(table.rejects.values())
    line = f"  {name}: {table.rows:,} rows of {table.customers:,} customers"
    return f"{line}, {rejected:,} rows rejected" if rejected else line


class _Writer:
    """Writes one staged table to the store and its bad rows to the rejects."""

    def __init__(self, source: Source, staged: Staged, store: Path, rejects: Path) -> None:
        self.connection = source.connection
        self.staged = staged
        self.table = staged.wanted.table
        self.folder = store / self.table.name
        self.rejects = rejects / f"{self.table.name}.parquet"
        self.kinds: tuple[str, ...] = ()

    def write(self) -> StoredTable:
        """Judge every row, then write the good and the bad."""
        self.folder.mkdir()
        judged = self._judged()
        counts = self.connection.execute(
            f"SELECT broken, count(*) FROM ({judged}) GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
        rejects = {str(rule): int(n) for rule, n in counts if rule is not None}
        if rejects:
            self._write_rejects(judged)
        self._write_good(judged)
        if self.table.name == "customers":
            self._remember_codes()
        return self._seen(rejects, sum(int(n) for _, n in counts))

    def _judged(self) -> str:
        """Return the SQL of every row with `broken`: the first rule it breaks, or NULL."""
        if self.table.name == "customers":
            order = "t.customer_id ORDER BY t.signed_up_at"
            extra = [("customer_id is not repeated", self._repeated(order))]
            tables = f"{self.staged.typed} t"
        else:
            time = f"t.{quoted(self.table.time)}"
            extra = [("row_id is not repeated", self._repeated(f"t.row_id ORDER BY {time}"))]
            extra = extra if self.staged.has("row_id") else []
            tables = f"{self.staged.typed} t LEFT JOIN codes c USING (customer_id)"
        cases = " ".join(f"WHEN {sql} THEN {literal(rule)}" for rule, sql in [*self.staged.rules, *extra])
        code = "" if self.table.name == "customers" else ", c.customer"
        return f"SELECT t.*{code}, CASE {cases} END AS broken FROM {tables}"

    @staticmethod
    def _repeated(partition: str) -> str:
        key = partition.split(" ORDER BY ")[0]
        return f"{key} IS NOT NULL AND row_number() OVER (PARTITION BY {partition}) > 1"

    def _write_rejects(self, judged: str) -> None:
        said = ", ".join(f"{quoted(c.name + '__text')} AS {quoted(c.name)}" for c in self.staged.mapped)
        self._copy(
            f"SELECT broken AS rule, {said} FROM ({judged}) WHERE broken IS NOT NULL ORDER BY ALL",
            self.rejects,
        )

    def _write_good(self, judged: str) -> None:
        self._name_kinds(judged)
        stored = self._stored_columns()
        selected = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in stored)
        order = 'customer, "at"' if self.table.name != "customers" else "customer_id"
        first = [name for name in ("known_day", "row_id") if name in dict(stored)]
        rest = [name for name, _ in stored if name not in (*first, "customer", "customer_id", "at")]
        ordering = ", ".join([order, *(quoted(name) for name in [*first, *rest])])
        rows = f"SELECT {selected} FROM ({judged}) WHERE broken IS NULL"
        if self.table.name == "customers":
            rows = (
                f"SELECT (row_number() OVER (ORDER BY customer_id) - 1)::INTEGER AS customer, * FROM ({rows})"
            )
        self._copy(f"{rows} ORDER BY {ordering}", self.folder / "part-0.parquet")

    def _stored_columns(self) -> list[tuple[str, str]]:
        time = quoted(self.table.time)
        customer = "customer_id" if self.table.name == "customers" else "customer"
        columns = [(customer, customer), ("at", f"timezone('UTC', {time})"), ("day", _day(self.table.time))]
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
        if column.name == "kind":
            return [("kind", f"enum_code({name}::{self._kinds})::INTEGER")] if self.kinds else []
        if column.type in UNITS_PER:
            return [(column.name, f"round({name} * {UNITS_PER[column.type]})::BIGINT")]
        return [(column.name, name)]

    def _name_kinds(self, judged: str) -> None:
        """Number the kinds in the order of their names; numbers are what counting them needs."""
        if not self.staged.has("kind"):
            return
        distinct = (
            f"SELECT DISTINCT kind FROM ({judged}) WHERE broken IS NULL AND kind IS NOT NULL ORDER BY 1"
        )
        self.kinds = tuple(str(row[0]) for row in self.connection.execute(distinct).fetchall())
        if self.kinds:
            self.connection.execute(
                f"CREATE TYPE {self._kinds} AS ENUM ({', '.join(literal(kind) for kind in self.kinds)})"
            ).fetchall()

    @property
    def _kinds(self) -> str:
        return quoted(f"kinds_of_{self.table.name}")

    def _remember_codes(self) -> None:
        part = literal(str(self.folder / "part-0.parquet"))
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE codes AS SELECT customer_id, customer FROM read_parquet({part})"
        ).fetchall()

    def _seen(self, rejects: dict[str, int], rows_read: int) -> StoredTable:
        part = f"read_parquet({literal(str(self.folder / 'part-0.parquet'))})"
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
            kinds=self.kinds,
            digest=digest_of([names, self.kinds, rows, content]),
        )

    def _copy(self, sql: str, path: Path) -> None:
        options = f"FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE {ROWS_PER_GROUP}"
        self.connection.execute(f"COPY ({sql}) TO {literal(str(path))} ({options})").fetchall()


def _day(name: str) -> str:
    return f"({quoted(name + '__local')}::DATE - DATE '1970-01-01')::INTEGER"
