"""What the source holds of a table beyond what was read of it, if all that was read is still the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import duckdb

from churn.data.ingest.rules import MAX_DAYS_AHEAD
from churn.data.ingest.staging import Selection, StagedTable, column_types, query_over, raw_view
from churn.data.sources.folder import Files
from churn.data.sources.source import Source
from churn.data.sql import identifier, internal_name, literal
from churn.data.store import STORE_FORMAT, Store
from churn.errors import SourceError
from churn.params import Params, digest_of

MARKS_FILE = ".marks.json"
REJECTS_FOLDER = ".rejects"
TIES_FOLDER = ".ties"
"""What a store keeps for the next night, beside its tables."""


@dataclass(frozen=True)
class HighWaterMark:
    """How far one table was read, and what tells whether the rows up to there are still the same.

    Args:
        types: DuckDB's types of the columns that the source gave.
        checksum: Of the rows that cannot come anew: all of a file's, or those known before `known`.
        files: Name, size and time of change (nanoseconds) of each file, where the table is one of files.
        position: How many rows the only file held.
        known: The largest `known_at`, as SQL of the source, where rows are told by it.
        known_utc: The same in UTC.
    """

    types: Mapping[str, str]
    checksum: str
    files: tuple[tuple[str, int, int], ...] = ()
    position: int = 0
    known: str | None = None
    known_utc: str = ""


@dataclass(frozen=True)
class LastIngest:
    """The store that stands, made in the same way as tonight's, and how far it read the source."""

    store: Store
    present: str | None
    marks: Mapping[str, HighWaterMark] = field(default_factory=dict)

    @property
    def rejects(self) -> Path:
        """Return the folder of the rejects that belong to the store."""
        return self.store.folder / REJECTS_FOLDER

    @property
    def ties(self) -> Path:
        """Return the folder of the rows that were the last to be known, as the source said them."""
        return self.store.folder / TIES_FOLDER


def last_ingest(params: Params) -> LastIngest | None:
    """Return the last night, or None if there is none on which tonight can build."""
    try:
        store = Store.open(params)
        stated = json.loads((store.folder / MARKS_FILE).read_text())
    except (SourceError, OSError, ValueError):
        return None
    if stated["made_by"] != _made_by(params):
        return None
    marks = {
        name: HighWaterMark(**{**mark, "files": tuple((str(n), int(s), int(t)) for n, s, t in mark["files"])})
        for name, mark in stated["tables"].items()
    }
    return LastIngest(store, stated["present"], marks)


def write_marks(
    folder: Path, params: Params, present: str | None, marks: Mapping[str, HighWaterMark]
) -> None:
    """Write how far each table was read, for the next night."""
    tables = {name: asdict(mark) for name, mark in marks.items()}
    stated = {"made_by": _made_by(params), "present": present, "tables": tables}
    (folder / MARKS_FILE).write_text(json.dumps(stated, indent=1, sort_keys=True) + "\n")


def _made_by(params: Params) -> str:
    """Return a digest of all that decides which row becomes what: parameters, and the programs at work."""
    shaping = params.model_dump(mode="json", include={"source", "timezone", "tables", "events"})
    return digest_of([shaping, STORE_FORMAT, duckdb.__version__])


READABLE_TYPES = ("VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP", "UUID", "FLOAT", "DOUBLE", "DECIMAL", "HUGEINT")
"""Types (or how their names begin) whose text can be read back; so can those of whole numbers."""

TYPES_CHANGED = "its new rows have columns of other types"
"""Why rows cannot be read on where last night ended."""


class RewrittenError(Exception):
    """What was read of a table before is no longer so, or cannot be compared; the words say what."""

    @classmethod
    def past(cls, what: str) -> RewrittenError:
        """Return the error that says of the past what has changed."""
        return cls(f"the past was rewritten ({what})")


class NewRowsReader(Protocol):
    """Tells what is new in one table of the source."""

    def news(self, mark: HighWaterMark, ties: Path) -> str:
        """Return the SQL of the rows that came after a mark; `ties` is what was kept with it.

        Raises:
            RewrittenError: the rows up to the mark are not what they were.
        """

    def mark(
        self, staged: StagedTable, types: Mapping[str, str], present: str | None, before: HighWaterMark | None
    ) -> HighWaterMark | None:
        """Return how far the table is read tonight, or None if that cannot be told.

        `staged` holds the rows that are read tonight: those that came after `before`, or all.
        """

    def keep(self, mark: HighWaterMark, path: Path) -> None:
        """Keep in a file those rows that the next night needs beside the mark."""


def reader_for(source: Source, selection: Selection) -> NewRowsReader | None:
    """Return what tells news of a table, or None if it is read whole every night.

    Rows that change later, such as those with outcomes, are read whole, and so are tables of which equal rows
    are dropped.
    """
    wanted = selection.wanted
    table, origin = wanted.table, wanted.origin
    changing = any(column.name in selection.columns for column in table.of_role("outcome"))
    if table.name == "customers" or changing or origin.distinct:
        return None
    files = source.files.get((origin.from_ or table.name) if not origin.query else "")
    if files and _tells_positions(source, selection, files):
        return PositionReader(source, selection, files)
    return KnownTimeReader(source, selection) if "known_at" in selection.columns else None


def can_be_read_back(types: Mapping[str, str]) -> bool:
    """Tell whether the text of every column gives its value again, as judging rejects anew takes it."""
    return all(
        kind.startswith(READABLE_TYPES) or kind.endswith(("INT", "INTEGER")) for kind in types.values()
    )


def _tells_positions(source: Source, selection: Selection, files: Files) -> bool:
    """Tell whether each row of the files is judged by itself, and their columns hide none of DuckDB."""
    origin = selection.wanted.origin
    expressions = [*selection.expressions, *([origin.where] if origin.where else [])]
    columns = source.columns(files.reader)
    if {"filename", "file_row_number"} & {name.lower() for name in columns}:
        return False
    return is_rowwise(source.connection, expressions, columns)


@dataclass(frozen=True)
class PositionReader:
    """A table of files: new rows stand in new files, or behind the rows that the only file held."""

    source: Source
    selection: Selection
    files: Files

    def news(self, mark: HighWaterMark, ties: Path) -> str:
        """Return the SQL of the rows in new files, or behind the last row of the only one."""
        now = self._stats()
        names = {name for name, _, _ in mark.files}
        if set(mark.files) <= set(now):
            new = ", ".join(literal(name) for name, _, _ in now if name not in names)
            return self._rows(f"WHERE filename IN ({new})" if new else "WHERE false")
        changed = sorted(Path(name).name for name, _, _ in set(mark.files) - set(now))
        if len(mark.files) > 1 or names != {name for name, _, _ in now}:
            raise RewrittenError.past(f"{', '.join(changed)} changed or went away")
        if self._sum(self._until(mark.position)) != mark.checksum:
            raise RewrittenError.past(f"the first {mark.position:,} rows of {changed[0]} changed")
        return self._after(mark.position)

    def mark(
        self, staged: StagedTable, types: Mapping[str, str], present: str | None, before: HighWaterMark | None
    ) -> HighWaterMark | None:
        """Return the files and, where there is only one, how many rows it holds and their checksum."""
        mark = HighWaterMark(types=types, checksum="", files=self._stats())
        if len(mark.files) > 1:
            return mark
        row = self.source.connection.execute(f"SELECT count(*) FROM {self.files.reader}").fetchone()
        position = int(row[0]) if row else 0
        return replace(mark, position=position, checksum=self._sum(self.selection.query))

    def keep(self, mark: HighWaterMark, path: Path) -> None:
        """Keep nothing: positions tell the rows apart."""

    def _stats(self) -> tuple[tuple[str, int, int], ...]:
        stats = [(path, path.stat()) for path in self.files.paths]
        return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats)

    def _until(self, position: int) -> str:
        return self._rows(
            f"WHERE file_row_number < {position}" if self.files.are_parquet else f"LIMIT {position}"
        )

    def _after(self, position: int) -> str:
        return self._rows(
            f"WHERE file_row_number >= {position}" if self.files.are_parquet else f"OFFSET {position}"
        )

    def _rows(self, which: str) -> str:
        return query_over(self.source, self.selection, f"(SELECT * FROM {self.files.reader} {which})")

    def _sum(self, query: str) -> str:
        return self.source.checksum(query, self.selection.columns)


@dataclass(frozen=True)
class KnownTimeReader:
    """A table with a second clock: new rows became known after, or with, the last that were known before."""

    source: Source
    selection: Selection

    def news(self, mark: HighWaterMark, ties: Path) -> str:
        """Return the SQL of the rows known since, without those that were read with the last known."""
        if self._checksum(mark) != mark.checksum:
            raise RewrittenError.past(f"the rows known before {mark.known} changed")
        since, kept = internal_name(f"since_{self._name}"), f"read_parquet({literal(str(ties))})"
        self.source.view(since, self._query(self._since(mark)))
        if column_types(self.source.connection, since) != mark.types:
            raise RewrittenError(TYPES_CHANGED)
        gone = f"SELECT count(*) FROM (SELECT * FROM {kept} EXCEPT ALL SELECT * FROM {since})"
        if self.source.connection.execute(gone).fetchone() != (0,):
            raise RewrittenError.past(f"the rows known at {mark.known} changed")
        return f"SELECT * FROM {since} EXCEPT ALL SELECT * FROM {kept}"

    def mark(
        self, staged: StagedTable, types: Mapping[str, str], present: str | None, before: HighWaterMark | None
    ) -> HighWaterMark | None:
        """Return the time of the row that was known last, clock errors aside."""
        limit = f" WHERE known_at <= DATE '{present}' + {MAX_DAYS_AHEAD}" if present else ""
        row = self.source.connection.execute(
            "SELECT CAST(arg_max(known_at__said, known_at) AS VARCHAR), CAST(max(known_at) AS VARCHAR) "
            f"FROM {staged.typed}{limit}"
        ).fetchone()
        said, utc = row or (None, None)
        if before and (utc is None or utc <= before.known_utc):
            return replace(before, checksum=self._checksum(before))
        known = _as_sql(said, types["known_at"]) if said else None
        if known is None:
            return None
        mark = HighWaterMark(types=types, checksum="", known=known, known_utc=utc)
        return replace(mark, checksum=self._checksum(mark))

    def keep(self, mark: HighWaterMark, path: Path) -> None:
        """Keep the rows that were known last: others may come with the same time."""
        view = internal_name(f"last_known_{self._name}")
        self.source.view(view, self._query(self._since(mark)))
        path.parent.mkdir(exist_ok=True)
        self.source.connection.execute(
            f"COPY (SELECT * FROM {view}) TO {literal(str(path))} (FORMAT parquet)"
        ).fetchall()

    @property
    def _name(self) -> str:
        return self.selection.wanted.table.name

    def _checksum(self, mark: HighWaterMark) -> str:
        return self.source.checksum(self._query(f"NOT {self._since(mark)}"), self.selection.columns)

    def _since(self, mark: HighWaterMark) -> str:
        """Return the condition that a row was known when the last one was, or later; missing is before."""
        column = self.source.quote("known_at")
        return f"({column} IS NOT NULL AND {column} >= {mark.known})"

    def _query(self, condition: str) -> str:
        return f"SELECT * FROM ({self.selection.query}\n) AS asked WHERE {condition}"


def _as_sql(text: str, kind: str) -> str | None:
    """Return a time as SQL that the source compares with its own, or None for a type that is no time."""
    if kind == "VARCHAR":
        return literal(text)
    if kind == "DATE" or kind == "TIMESTAMP WITH TIME ZONE":
        return f"{'DATE' if kind == 'DATE' else 'TIMESTAMPTZ'} {literal(text)}"
    return f"TIMESTAMP {literal(text)}" if kind.startswith("TIMESTAMP") else None


def stage_new_rows(
    source: Source, selection: Selection, news: str, types: Mapping[str, str], rejects: Path
) -> None:
    """Make the table's raw view the new rows, and the old rejects to be judged again.

    A row that was from the future, or of an unknown customer, may be good tonight. `__lost` marks those that
    lost to another row of the same key: that one stands in the store.
    """
    parts = [f"SELECT *, false AS __lost FROM ({news})"]
    if rejects.exists():
        said = ", ".join(
            f"CAST({identifier(name)} AS {types[name]}) AS {identifier(name)}" for name in selection.columns
        )
        lost = "rule = 'row_id is not repeated' AS __lost"
        parts.append(f"SELECT {said}, {lost} FROM read_parquet({literal(str(rejects))})")
    view = raw_view(selection.wanted)
    source.connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {view} AS {' UNION ALL BY NAME '.join(parts)}"
    ).fetchall()


CROSS_ROW_CLASSES = ("WINDOW", "SUBQUERY")
"""Expressions that look at other rows."""

SETTING_FUNCTIONS = ("current_setting", "getvariable", "getenv")
"""Functions that DuckDB calls consistent, though they answer from outside the row."""


def is_rowwise(
    connection: duckdb.DuckDBPyConnection, expressions: Iterable[str], columns: Iterable[str]
) -> bool:
    """Tell whether each expression depends on its own row of `columns` alone: surely, not just perhaps."""
    there = {name.lower() for name in columns}
    selected = ", ".join(f"({sql}\n)" for sql in expressions)
    row = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {selected} FROM t"]).fetchone()
    parsed: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if parsed.get("error") or len(parsed["statements"]) != 1:
        return False
    nodes = list(_nodes(parsed["statements"][0]["node"]["select_list"]))
    if any(node["class"] in CROSS_ROW_CLASSES or _is_elsewhere(node, there) for node in nodes):
        return False
    called = {str(node["function_name"]) for node in nodes if node["class"] == "FUNCTION"}
    return called <= _consistent(connection, called)


def _is_elsewhere(node: dict[str, Any], columns: set[str]) -> bool:
    """Tell whether a name means no column; such a name may be the time at which the query runs."""
    return node["class"] == "COLUMN_REF" and not columns & {name.lower() for name in node["column_names"]}


def _consistent(connection: duckdb.DuckDBPyConnection, names: set[str]) -> set[str]:
    """Return those of the functions that give the same answer for the same row at any time."""
    rows = connection.execute(
        "SELECT function_name FROM duckdb_functions() WHERE function_name = ANY(?) GROUP BY 1 "
        "HAVING bool_and(function_type = 'scalar' AND stability = 'CONSISTENT')",
        [sorted(names - set(SETTING_FUNCTIONS))],
    ).fetchall()
    return {str(name) for (name,) in rows}


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every expression within a parsed statement."""
    if isinstance(value, dict):
        if "class" in value:
            yield value
        for part in value.values():
            yield from _nodes(part)
    elif isinstance(value, list):
        for part in value:
            yield from _nodes(part)
