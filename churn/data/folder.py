"""A folder as a source: each Parquet or CSV file, or each sub-folder of them, is a table."""

from __future__ import annotations

from pathlib import Path

import duckdb

from churn.data.sql import first_line, literal, quoted
from churn.errors import SourceError

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")


def create_views(connection: duckdb.DuckDBPyConnection, folder: Path) -> tuple[str, ...]:
    """Create a view per table of a folder and return their names.

    Raises:
        SourceError: files cannot be read; all are named.
    """
    tables: list[str] = []
    problems: list[str] = []
    for name, paths in sorted(_tables_in(folder).items()):
        try:
            connection.execute(f"CREATE VIEW {quoted(name)} AS {_reader(connection, paths)}").fetchall()
            tables.append(name)
        except duckdb.Error as error:
            problems.append(
                f"source: {paths[0].name} cannot be read: {first_line(error)}. "
                "Write the file again, or take it out of the folder."
            )
    if problems:
        raise SourceError(*problems)
    return tuple(tables)


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
    return next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), "")


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
