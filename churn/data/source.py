"""Connections to the company's raw tables; the only place that knows how a source is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from churn.errors import SourceError, did_you_mean
from churn.params import EngineParams, Params, digest_of

FILE_READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".csv.gz": "read_csv",
    ".tsv": "read_csv",
    ".tsv.gz": "read_csv",
}


def quoted(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def connect(engine: EngineParams, scratch: Path) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB within the engine's limits; it sorts in `scratch` when memory is short."""
    scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "memory_limit": engine.memory_limit,
            "threads": engine.threads,
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": False,
        }
    )
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false").fetchall()
    return connection


@dataclass(frozen=True)
class Source:
    """An open source: its tables are views or tables of `connection`."""

    connection: duckdb.DuckDBPyConnection
    tables: tuple[str, ...]
    place: str

    def require(self, name: str, asked_by: str) -> str:
        """Return the quoted name of a table of the source.

        Raises:
            SourceError: the source has no such table.
        """
        if name in self.tables:
            return quoted(name)
        there = ", ".join(self.tables) or "nothing"
        raise SourceError(
            f"{asked_by}: the source {self.place} has no table '{name}'.{did_you_mean(name, self.tables)} "
            f"It holds: {there}. Mend 'from', or remove the table from params.yaml to go without it."
        )


@contextmanager
def open_source(params: Params, scratch: Path) -> Iterator[Source]:
    """Open the source that params.yaml names: a folder of Parquet and CSV, or a DuckDB file.

    Raises:
        SourceError: there is no such folder or file, or a file cannot be read.
    """
    connection = connect(params.engine, scratch)
    try:
        if params.source.startswith("duckdb:///"):
            yield _duckdb(connection, Path(params.source.removeprefix("duckdb:///")))
        elif "://" in params.source:
            scheme = params.source.split("://")[0]
            raise SourceError(
                f"source: '{scheme}://' is not a source this version reads; "
                "give a folder of Parquet or CSV files, or duckdb:///file.duckdb."
            )
        else:
            yield _folder(connection, Path(params.source))
    finally:
        connection.close()


def fingerprint(params: Params) -> str:
    """Return a digest of the source's files and of the parameters that shape the store."""
    place = Path(params.source.removeprefix("duckdb:///"))
    files = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
    seen = [
        (str(path.relative_to(place)), path.stat().st_size, path.stat().st_mtime_ns)
        for path in files
        if path.exists()
    ]
    shaping = params.model_dump(
        mode="json", include={"source", "timezone", "tables", "events", "label", "check"}
    )
    return digest_of([seen, shaping, params.snapshot.watermark])


def _duckdb(connection: duckdb.DuckDBPyConnection, path: Path) -> Source:
    if not path.is_file():
        raise SourceError(f"source: no DuckDB file at {path}. Mend 'source' in params.yaml.")
    try:
        connection.execute(f"ATTACH {literal(str(path))} AS source_database (READ_ONLY)").fetchall()
    except duckdb.Error as error:
        raise SourceError(f"source: {path} cannot be opened: {first_line(error)}") from None
    connection.execute("USE source_database").fetchall()
    rows = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'source_database' ORDER BY 1"
    ).fetchall()
    return Source(connection, tuple(str(row[0]) for row in rows), str(path))


def _folder(connection: duckdb.DuckDBPyConnection, folder: Path) -> Source:
    if not folder.is_dir():
        raise SourceError(
            f"source: no folder at {folder}. Mend 'source', or write a company there with `churn demo`."
        )
    tables: list[str] = []
    problems: list[str] = []
    for name, paths in sorted(_tables_in(folder).items()):
        try:
            connection.execute(f"CREATE VIEW {quoted(name)} AS {_reader(connection, paths)}").fetchall()
            tables.append(name)
        except duckdb.Error as error:
            problems.append(f"source: {paths[0].name} cannot be read: {first_line(error)}")
    if problems:
        raise SourceError(*problems)
    return Source(connection, tuple(tables), str(folder))


def _tables_in(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            parts = sorted(path for path in entry.rglob("*") if _suffix(path))
            if parts:
                found.setdefault(entry.name, []).extend(parts)
        elif suffix := _suffix(entry):
            found.setdefault(entry.name.removesuffix(suffix), []).append(entry)
    return found


def _suffix(path: Path) -> str:
    return next((suffix for suffix in FILE_READERS if path.name.endswith(suffix)), "")


def _reader(connection: duckdb.DuckDBPyConnection, paths: list[Path]) -> str:
    files = "[" + ", ".join(literal(str(path)) for path in paths) + "]"
    if _suffix(paths[0]) == ".parquet":
        return f"SELECT * FROM read_parquet({files}, union_by_name = true)"
    options = "union_by_name = true, sample_size = -1"
    texts = _codes_with_leading_zeros(connection, files, options)
    types = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in texts) + "}"
    return f"SELECT * FROM read_csv({files}, {options}{f', types = {types}' if texts else ''})"


def _codes_with_leading_zeros(connection: duckdb.DuckDBPyConnection, files: str, options: str) -> list[str]:
    """Find integer-like columns that hold codes such as 00123, which a number would cut to 123."""
    columns = connection.execute(f"DESCRIBE SELECT * FROM read_csv({files}, {options})").fetchall()
    numbers = [str(name) for name, kind, *_ in columns if kind in ("BIGINT", "INTEGER", "HUGEINT")]
    if not numbers:
        return []
    tests = ", ".join(f"coalesce(bool_or({quoted(name)} SIMILAR TO '0[0-9]+'), false)" for name in numbers)
    row = connection.execute(
        f"SELECT {tests} FROM read_csv({files}, {options}, all_varchar = true)"
    ).fetchone()
    return [name for name, coded in zip(numbers, row or (), strict=True) if coded]


def first_line(error: Exception) -> str:
    """Return the first line of a database's message, without the picture under it."""
    return str(error).strip().split("\n")[0]
