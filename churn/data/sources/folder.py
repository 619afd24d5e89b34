"""A folder as a source: each Parquet or CSV file, or each sub-folder of them, is a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from churn.data.sql import first_line, identifier, literal
from churn.errors import SourceError

TABLE_SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")

MISREAD_TESTS = {
    "DATE": "NOT regexp_full_match($, '[0-9]{4}-[0-9]{2}-[0-9]{2}')",
    "TIMESTAMP": "NOT regexp_full_match($, '[0-9]{4}-[0-9]{2}-[0-9]{2}([ T].*)?')",
    "TIMESTAMP WITH TIME ZONE": "NOT regexp_full_match($, '.*:[0-9]{2}[0-9.]*[ ]?(Z|UTC|GMT|[+-][0-9:]+)')",
    "TIME": "$ IS NOT NULL",
    "BOOLEAN": "$ NOT IN ('true', 'false')",
    "BIGINT": "$ <> TRY_CAST($ AS BIGINT)::VARCHAR",
    "HUGEINT": "$ <> TRY_CAST($ AS HUGEINT)::VARCHAR",
    "DOUBLE": "regexp_full_match($, '[0-9]+[eE][0-9]+|[0-9]{16,}')",
}
"""For each type that DuckDB may guess for a CSV column: a test whether this type would change the text `$`.

A date with the day first needs `time_format`. A time without a zone is local. The texts 007, 12e3 and t may
be ids.
"""


@dataclass(frozen=True)
class TableFiles:
    """The files of one table in order, and the SQL after FROM that reads their rows."""

    paths: tuple[Path, ...]
    reader: str

    @property
    def are_parquet(self) -> bool:
        """Return whether the files are Parquet, not CSV."""
        return _format(self.paths[0]) == "parquet"


def create_views(
    connection: duckdb.DuckDBPyConnection, folder: Path, exclude: tuple[Path, ...] = ()
) -> dict[str, TableFiles]:
    """Create a view for each table of a folder and return the files of the tables by name.

    Args:
        connection: Where the views are created.
        folder: The source.
        exclude: Folders inside `folder` that do not belong to the source, such as this program's output.

    Raises:
        SourceError: Some files cannot be read; the message lists all of them.
    """
    tables: dict[str, TableFiles] = {}
    problems: list[str] = []
    for name, paths in sorted(_tables_in(folder, exclude).items()):
        if len({_format(path) for path in paths}) > 1:
            names = ", ".join(sorted({path.name for path in paths}))
            problems.append(f"source: table '{name}' has files in two formats ({names}). Keep one format.")
            continue
        try:
            files = TableFiles(tuple(paths), _reader(connection, paths))
            connection.execute(f"CREATE VIEW {identifier(name)} AS SELECT * FROM {files.reader}").fetchall()
            tables[name] = files
        except duckdb.Error as error:
            problems.append(
                f"source: {paths[0].name} cannot be read: {first_line(error)}. "
                "Write the file again, or remove it from the folder."
            )
    if problems:
        raise SourceError(*problems)
    return tables


def source_files(folder: Path, exclude: tuple[Path, ...]) -> list[Path]:
    """Return all files of a folder in order, without those inside the folders of `exclude`."""
    excluded_folders = tuple(path.resolve() for path in exclude)
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path
        for path in files
        if not any(path.resolve().is_relative_to(parent) for parent in excluded_folders)
    )


def _tables_in(folder: Path, exclude: tuple[Path, ...]) -> dict[str, list[Path]]:
    tables: dict[str, list[Path]] = {}
    for path in source_files(folder, exclude):
        if suffix := _suffix(path):
            parts = path.relative_to(folder).parts
            name = parts[0] if len(parts) > 1 else path.name.removesuffix(suffix)
            tables.setdefault(name, []).append(path)
    return tables


def _suffix(path: Path) -> str:
    return next((suffix for suffix in TABLE_SUFFIXES if path.name.endswith(suffix)), "")


def _format(path: Path) -> str:
    return "parquet" if _suffix(path) == ".parquet" else "csv"


def _reader(connection: duckdb.DuckDBPyConnection, paths: list[Path]) -> str:
    files = "[" + ", ".join(literal(str(path)) for path in paths) + "]"
    if _format(paths[0]) == "parquet":
        return f"read_parquet({files}, union_by_name = true)"
    options = "union_by_name = true, sample_size = -1"
    text_columns = _columns_read_as_text(connection, files, options)
    types = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in text_columns) + "}"
    return f"read_csv({files}, {options}{f', types = {types}' if text_columns else ''})"


def _columns_read_as_text(connection: duckdb.DuckDBPyConnection, files: str, options: str) -> list[str]:
    """Return the columns for which the guessed type would change a value."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM read_csv({files}, {options})").fetchall()
    tests = {str(name): MISREAD_TESTS[str(kind)] for name, kind, *_ in rows if str(kind) in MISREAD_TESTS}
    if not tests:
        return []
    columns = [
        f"coalesce(bool_or({test.replace('$', identifier(name))}), false)" for name, test in tests.items()
    ]
    texts = f"read_csv({files}, {options}, all_varchar = true)"
    row = connection.execute(f"SELECT {', '.join(columns)} FROM {texts}").fetchone()
    return [name for name, is_misread in zip(tests, row or (), strict=True) if is_misread]
