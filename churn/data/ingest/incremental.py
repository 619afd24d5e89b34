"""Find the rows of a table that are new since the last ingest, if all older rows are unchanged.

Each ingest writes a high-water mark of each table into the folder of the store. The mark says how far the
table was read, and holds a checksum of the rows up to this position. The next ingest computes the checksum
again. If both checksums are equal, the ingest reads only the rows after the mark. Otherwise the ingest reads
the whole table again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import duckdb

from churn.data.forgotten import NO_CUSTOMERS, ForgottenCustomers, read_forgotten
from churn.data.ingest.rules import MAX_DAYS_AHEAD
from churn.data.ingest.staging import (
    REPEATS_STORED_KEY,
    StagedTable,
    TableQuery,
    column_types,
    query_over,
    raw_view,
)
from churn.data.ingest.type_casts import typed_text
from churn.data.sources.file_readers import TableFiles
from churn.data.sources.source import Source
from churn.data.sql import identifier, internal_name, is_rowwise, literal, parquet_rows
from churn.data.store import STORE_FORMAT, Store, has_records_of_ingest
from churn.errors import SourceError
from churn.params import Params, digest_of
from churn.secrets import without_password

MARKS_FILE = ".marks.json"
REJECTS_FOLDER = ".rejects"
TIES_FOLDER = ".ties"
"""The file and the folders that the next ingest reads; they are in the folder of a store."""

READABLE_TYPES = ("VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP", "UUID", "FLOAT", "DOUBLE", "DECIMAL", "HUGEINT")
"""Types whose text can be cast back to the same value, by their first letters; whole numbers can be, too."""

TYPES_CHANGED = "its new rows have columns of other types"


@dataclass(frozen=True)
class HighWaterMark:
    """How far one table was read, and a checksum that shows whether the rows up to the mark are unchanged.

    Args:
        types: DuckDB's types of the columns of the source.
        checksum: The checksum of the rows that must not change: all rows of a single file, or all rows that
            became known before the mark's `known_at`. Empty if the table has several files.
        files: The name, size and time of change (nanoseconds) of each file of the table.
        position: The number of rows, if `PositionReader` reads the table from a single file; otherwise 0.
        known_at: The largest `known_at`, as a SQL literal that the source can compare; None if the reader
            finds new rows by their file and position.
        known_at_utc: The largest `known_at` in UTC.
    """

    types: Mapping[str, str]
    checksum: str
    files: tuple[tuple[str, int, int], ...] = ()
    position: int = 0
    known_at: str | None = None
    known_at_utc: str = ""

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> HighWaterMark:
        """Read an entry of the file of marks."""
        return cls(
            types=entry["types"],
            checksum=entry["checksum"],
            files=tuple((str(name), int(size), int(mtime_ns)) for name, size, mtime_ns in entry["files"]),
            position=entry["position"],
            known_at=entry["known"],
            known_at_utc=entry["known_utc"],
        )

    def as_json(self) -> dict[str, Any]:
        """Return this mark as an entry of the file of marks."""
        return {
            "types": dict(self.types),
            "checksum": self.checksum,
            "files": self.files,
            "position": self.position,
            "known": self.known_at,
            "known_utc": self.known_at_utc,
        }


@dataclass(frozen=True)
class LastIngest:
    """The last ingest, if it had the same parameters as this one: its store, and how far it read the source.

    Args:
        store: The store.
        present: The approximate last date of the data in the store.
        marks: The high-water mark of each table that has one.
    """

    store: Store
    present: str | None
    marks: Mapping[str, HighWaterMark] = field(default_factory=dict)

    def rejects(self, table: str) -> Path:
        """Return the file with the rejected rows of a table."""
        return self.store.folder / REJECTS_FOLDER / f"{table}.parquet"

    def ties(self, table: str) -> Path:
        """Return the file for a table's rows with the largest `known_at`, as the source gave them."""
        return self.store.folder / TIES_FOLDER / f"{table}.parquet"


def last_ingest(params: Params) -> LastIngest | None:
    """Return the last ingest, or None if a new ingest has to read all rows."""
    try:
        store = Store.open(params)
        if not has_records_of_ingest(store):
            return None
        entries = json.loads((store.folder / MARKS_FILE).read_text())
    except (SourceError, OSError, ValueError):
        return None
    if entries["made_by"] != _shaping_digest(params):
        return None
    marks = {name: HighWaterMark.from_json(entry) for name, entry in entries["tables"].items()}
    return LastIngest(store, entries["present"], marks)


def write_marks(
    folder: Path, params: Params, present: str | None, marks: Mapping[str, HighWaterMark]
) -> None:
    """Write how far each table was read, for the next ingest.

    Args:
        folder: The folder of the store.
        params: The parameters of this ingest.
        present: The approximate last date of the data.
        marks: The high-water mark of each table that has one.
    """
    tables = {name: mark.as_json() for name, mark in marks.items()}
    entries = {"made_by": _shaping_digest(params), "present": present, "tables": tables}
    (folder / MARKS_FILE).write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n")


def _shaping_digest(params: Params) -> str:
    """Return a digest of the parameters and program versions that determine how a row is stored."""
    shaping = params.model_dump(mode="json", include={"source", "timezone", "tables", "events"})
    shaping["source"] = without_password(params.source)
    shaping |= {"mood": True} if params.signals.mood else {}
    forgotten = read_forgotten(params.output).digest
    return digest_of([shaping, STORE_FORMAT, duckdb.__version__, *([forgotten] if forgotten else [])])


class RewrittenError(Exception):
    """Rows that were read before have changed or cannot be compared; the message gives the reason."""

    @classmethod
    def past(cls, change: str) -> RewrittenError:
        """Return the error for rows that have changed since the last ingest."""
        return cls(f"the past was rewritten ({change})")


class NewRowsReader(Protocol):
    """Finds the new rows of one table of the source."""

    def new_rows(self, mark: HighWaterMark, ties: Path) -> str:
        """Return the SQL of the rows after a mark; `ties` is the file that `write_ties` wrote for this mark.

        Raises:
            RewrittenError: The rows up to the mark have changed.
        """

    def new_mark(
        self,
        staged_table: StagedTable,
        types: Mapping[str, str],
        present: str | None,
        old_mark: HighWaterMark | None,
    ) -> HighWaterMark | None:
        """Return the mark up to which the table is read now, or None if it is unknown.

        Args:
            staged_table: The rows that this ingest reads: the rows after `old_mark`, or all rows.
            types: DuckDB's types of the columns of the source.
            present: The approximate last date of the data.
            old_mark: The mark of the last ingest, if only the rows after this mark are read; otherwise None.
        """

    def write_ties(self, mark: HighWaterMark, path: Path) -> None:
        """Write the rows, if any, that the next ingest needs in addition to the mark."""


def reader_for(
    source: Source, query: TableQuery, forgotten: ForgottenCustomers = NO_CUSTOMERS
) -> NewRowsReader | None:
    """Return the reader of the new rows of a table, or None if each ingest reads the whole table.

    The whole table is read each time if its rows can change later, as a bill does when it is paid. The
    whole table is also read if `distinct` in params.yaml drops repeated rows.
    """
    table, origin = query.spec.table, query.spec.origin
    has_outcome = any(column.name in query.columns for column in table.of_role("outcome"))
    if table.name == "customers" or has_outcome or origin.distinct:
        return None
    files = source.files.get((origin.from_ or table.name) if not origin.query else "")
    if files and files.has_positions and _has_positions(source, query, files):
        return PositionReader(source, query, files)
    return KnownTimeReader(source, query, forgotten) if "known_at" in query.columns else None


def can_be_read_back(types: Mapping[str, str]) -> bool:
    """Return whether all values can be cast to text and back without change; rejects are stored as text."""
    names = types.values()
    return all(name.startswith(READABLE_TYPES) or name.endswith(("INT", "INTEGER")) for name in names)


def _has_positions(source: Source, query: TableQuery, files: TableFiles) -> bool:
    """Return whether the new rows of a table can be found by their positions in the files.

    Two conditions must be true. No column of the files has the name that DuckDB gives its row numbers. The
    query computes each of its rows from a single row of the files.
    """
    origin = query.spec.origin
    expressions = [*query.expressions, *([origin.where] if origin.where else [])]
    columns = source.columns(files.reader)
    if {"filename", "file_row_number"} & {name.lower() for name in columns}:
        return False
    return is_rowwise(source.connection, expressions, columns)


@dataclass(frozen=True)
class PositionReader:
    """Finds the new rows of a table in files: the rows of new files, or the rows added to a single file."""

    source: Source
    query: TableQuery
    files: TableFiles

    def new_rows(self, mark: HighWaterMark, ties: Path) -> str:
        """Return the SQL of the rows in new files, or of the rows added at the end of a single file."""
        now = self._file_stats()
        old_names = {name for name, _, _ in mark.files}
        if set(mark.files) <= set(now):
            new = ", ".join(literal(name) for name, _, _ in now if name not in old_names)
            return self._rows(f"WHERE filename IN ({new})" if new else "WHERE false")
        changed_files = sorted(Path(name).name for name, _, _ in set(mark.files) - set(now))
        if len(mark.files) > 1 or old_names != {name for name, _, _ in now}:
            raise RewrittenError.past(f"{', '.join(changed_files)} changed or disappeared")
        if self._checksum(self._rows_before(mark.position)) != mark.checksum:
            raise RewrittenError.past(f"the first {mark.position:,} rows of {changed_files[0]} changed")
        return self._rows_from(mark.position)

    def new_mark(
        self,
        staged_table: StagedTable,
        types: Mapping[str, str],
        present: str | None,
        old_mark: HighWaterMark | None,
    ) -> HighWaterMark | None:
        """Return a mark with the size and time of change of each file.

        For a single file, the mark also holds the number of its rows and their checksum.
        """
        mark = HighWaterMark(types=types, checksum="", files=self._file_stats())
        if len(mark.files) > 1:
            return mark
        row = self.source.connection.execute(f"SELECT count(*) FROM {self.files.reader}").fetchone()
        position = int(row[0]) if row else 0
        return replace(mark, position=position, checksum=self._checksum(self.query.query))

    def write_ties(self, mark: HighWaterMark, path: Path) -> None:
        """Write nothing: to find the new rows, the next ingest needs only the mark."""

    def _file_stats(self) -> tuple[tuple[str, int, int], ...]:
        stats = [(path, path.stat()) for path in self.files.paths]
        return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats)

    def _rows_before(self, position: int) -> str:
        return self._rows(f"WHERE file_row_number < {position}" if self._is_parquet else f"LIMIT {position}")

    def _rows_from(self, position: int) -> str:
        return self._rows(
            f"WHERE file_row_number >= {position}" if self._is_parquet else f"OFFSET {position}"
        )

    def _rows(self, condition: str) -> str:
        return query_over(self.source, self.query, f"({self.files.select(condition)})")

    @property
    def _is_parquet(self) -> bool:
        return self.files.file_format == "parquet"

    def _checksum(self, query: str) -> str:
        return self.source.checksum(query, self.query.columns)


@dataclass(frozen=True)
class KnownTimeReader:
    """Finds the new rows of a table with `known_at`: rows that became known at or after the last mark."""

    source: Source
    query: TableQuery
    forgotten: ForgottenCustomers = NO_CUSTOMERS

    def new_rows(self, mark: HighWaterMark, ties: Path) -> str:
        """Return the SQL of the rows known since the mark, without the rows that `write_ties` wrote."""
        if self._checksum(mark) != mark.checksum:
            raise RewrittenError.past(f"the rows known before {mark.known_at} changed")
        since, old_ties = internal_name(f"since_{self._name}"), parquet_rows(ties)
        self.source.view(since, self._where(self._is_known_since(mark)))
        if column_types(self.source.connection, since) != mark.types:
            raise RewrittenError(TYPES_CHANGED)
        missing_ties = f"SELECT count(*) FROM (SELECT * FROM {old_ties} EXCEPT ALL SELECT * FROM {since})"
        if self.source.connection.execute(missing_ties).fetchone() != (0,):
            raise RewrittenError.past(f"the rows known at {mark.known_at} changed")
        return f"SELECT * FROM {since} EXCEPT ALL SELECT * FROM {old_ties}"

    def new_mark(
        self,
        staged_table: StagedTable,
        types: Mapping[str, str],
        present: str | None,
        old_mark: HighWaterMark | None,
    ) -> HighWaterMark | None:
        """Return how far the table is read: to the largest `known_at`; times of broken clocks are ignored."""
        limit = f" WHERE known_at <= DATE '{present}' + {MAX_DAYS_AHEAD}" if present else ""
        row = self.source.connection.execute(
            "SELECT CAST(arg_max(known_at__raw, known_at) AS VARCHAR), CAST(max(known_at) AS VARCHAR) "
            f"FROM {staged_table.typed_view}{limit}"
        ).fetchone()
        raw, utc = row or (None, None)
        if old_mark and (utc is None or utc <= old_mark.known_at_utc):
            return replace(old_mark, checksum=self._checksum(old_mark))
        known_at = _as_sql(raw, types["known_at"]) if raw else None
        if known_at is None:
            return None
        mark = HighWaterMark(types=types, checksum="", known_at=known_at, known_at_utc=utc)
        return replace(mark, checksum=self._checksum(mark))

    def write_ties(self, mark: HighWaterMark, path: Path) -> None:
        """Write the rows with the largest `known_at`; the next ingest may find more rows with this time."""
        view = internal_name(f"last_known_{self._name}")
        self.source.view(view, self._where(self._is_known_since(mark)))
        customer_id = typed_text("customer_id", column_types(self.source.connection, view)["customer_id"])
        is_kept = f"NOT {self.forgotten.condition(customer_id)}"
        path.parent.mkdir(exist_ok=True)
        self.source.connection.execute(
            f"COPY (SELECT * FROM {view} WHERE {is_kept}) TO {literal(str(path))} (FORMAT parquet)"
        ).fetchall()

    @property
    def _name(self) -> str:
        return self.query.spec.table.name

    def _checksum(self, mark: HighWaterMark) -> str:
        return self.source.checksum(self._where(f"NOT {self._is_known_since(mark)}"), self.query.columns)

    def _is_known_since(self, mark: HighWaterMark) -> str:
        """Return SQL that is true for rows known at or after the mark; missing times count as earlier."""
        column = self.source.quote("known_at")
        return f"({column} IS NOT NULL AND {column} >= {mark.known_at})"

    def _where(self, condition: str) -> str:
        return f"SELECT * FROM ({self.query.query}\n) AS all_rows WHERE {condition}"


def _as_sql(text: str, duckdb_type: str) -> str | None:
    """Return a time as SQL that the source can compare with its own times; None for an unsupported type."""
    if duckdb_type == "VARCHAR":
        return literal(text)
    if duckdb_type == "DATE" or duckdb_type == "TIMESTAMP WITH TIME ZONE":
        return f"{'DATE' if duckdb_type == 'DATE' else 'TIMESTAMPTZ'} {literal(text)}"
    return f"TIMESTAMP {literal(text)}" if duckdb_type.startswith("TIMESTAMP") else None


def stage_new_rows(
    source: Source, query: TableQuery, new_rows: str, types: Mapping[str, str], rejects: Path
) -> None:
    """Create the raw view of a table from its new rows and its old rejects, which are checked again.

    An old reject may be good now, for example if its customer was unknown before. An old reject that has the
    same key as a stored row stays a reject; a column of the view marks such rejects.

    Args:
        source: The source.
        query: The table's query.
        new_rows: The SQL of the new rows.
        types: DuckDB's types of the columns of the source.
        rejects: The file of the table's old rejects; it may not exist.
    """
    parts = [f"SELECT *, false AS {REPEATS_STORED_KEY} FROM ({new_rows})"]
    if rejects.exists():
        values = ", ".join(
            f"CAST({identifier(name)} AS {types[name]}) AS {identifier(name)}" for name in query.columns
        )
        repeats = f"rule = 'row_id is not repeated' AS {REPEATS_STORED_KEY}"
        parts.append(f"SELECT {values}, {repeats} FROM {parquet_rows(rejects)}")
    source.connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {raw_view(query.spec)} AS {' UNION ALL BY NAME '.join(parts)}"
    ).fetchall()
