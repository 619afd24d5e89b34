"""A folder as a source: each Parquet or CSV file, or each sub-folder of them, is a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from churn.data.sql import first_line, identifier, literal
from churn.errors import SourceError

TABLE_SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")


@dataclass(frozen=True)
class Files:
    """The files of one table in order, and the SQL after FROM that reads their rows."""

    paths: tuple[Path, ...]
    reader: str

    @property
    def are_parquet(self) -> bool:
        """Tell whether the files are Parquet, and not CSV."""
        return _format(self.paths[0]) == "parquet"


def create_views(
    connection: duckdb.DuckDBPyConnection, folder: Path, ours: tuple[Path, ...] = ()
) -> dict[str, Files]:
    """Create a view per table of a folder and return their files by name.

    Args:
        connection: Where the views are created.
        folder: The source.
        ours: Folders inside it that are not the source's, such as our output.

    Raises:
        SourceError: files cannot be read; all are named.
    """
    tables: dict[str, Files] = {}
    problems: list[str] = []
    for name, paths in sorted(_tables_in(folder, ours).items()):
        if len({_format(path) for path in paths}) > 1:
            there = ", ".join(sorted({path.name for path in paths}))
            problems.append(f"source: table '{name}' stands there in two formats ({there}); keep one.")
            continue
        try:
            files = Files(tuple(paths), _reader(connection, paths))
            connection.execute(f"CREATE VIEW {identifier(name)} AS SELECT * FROM {files.reader}").fetchall()
            tables[name] = files
        except duckdb.Error as error:
            problems.append(
                f"source: {paths[0].name} cannot be read: {first_line(error)}. "
                "Write the file again, or take it out of the folder."
            )
    if problems:
        raise SourceError(*problems)
    return tables


def source_files(folder: Path, ours: tuple[Path, ...]) -> list[Path]:
    """Return all files of the source in order, without those in our own folders."""
    own = tuple(path.resolve() for path in ours)
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not any(path.resolve().is_relative_to(place) for place in own))


def _tables_in(folder: Path, ours: tuple[Path, ...]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in source_files(folder, ours):
        if suffix := _suffix(path):
            inside = path.relative_to(folder).parts
            name = inside[0] if len(inside) > 1 else path.name.removesuffix(suffix)
            found.setdefault(name, []).append(path)
    return found


def _suffix(path: Path) -> str:
    return next((suffix for suffix in TABLE_SUFFIXES if path.name.endswith(suffix)), "")


def _format(path: Path) -> str:
    return "parquet" if _suffix(path) == ".parquet" else "csv"


def _reader(connection: duckdb.DuckDBPyConnection, paths: list[Path]) -> str:
    files = "[" + ", ".join(literal(str(path)) for path in paths) + "]"
    if _format(paths[0]) == "parquet":
        return f"read_parquet({files}, union_by_name = true)"
    options = "union_by_name = true, sample_size = -1"
    texts = _kept_as_text(connection, files, options)
    types = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in texts) + "}"
    return f"read_csv({files}, {options}{f', types = {types}' if texts else ''})"


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
"""By the type that was guessed for a CSV column: what shows that the text `$` was not meant so.

A day-first date must wait for `time_format`, a time without a zone is local, and 007, 12e3 or t may be ids.
"""


def _kept_as_text(connection: duckdb.DuckDBPyConnection, files: str, options: str) -> list[str]:
    """Find the columns of which a value says that the guessed type would change what was written."""
    columns = connection.execute(f"DESCRIBE SELECT * FROM read_csv({files}, {options})").fetchall()
    guessed = {
        str(name): MISREAD_TESTS[str(kind)] for name, kind, *_ in columns if str(kind) in MISREAD_TESTS
    }
    if not guessed:
        return []
    tests = [
        f"coalesce(bool_or({test.replace('$', identifier(name))}), false)" for name, test in guessed.items()
    ]
    texts = f"read_csv({files}, {options}, all_varchar = true)"
    row = connection.execute(f"SELECT {', '.join(tests)} FROM {texts}").fetchone()
    return [name for name, misread in zip(guessed, row or (), strict=True) if misread]
