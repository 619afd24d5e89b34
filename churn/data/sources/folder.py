"""Read a folder as a source: decide which files are data, and which table each file belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import duckdb

from churn.data.sources.file_readers import FileFormat, TableFiles, read_table
from churn.data.sources.text_encoding import text_problem
from churn.data.sources.workbooks import read_workbook
from churn.data.sql import identifier, reason_of
from churn.errors import SourceError

SUFFIXES: Mapping[str, FileFormat] = {
    ".parquet": "parquet",
    **{f"{text}{packed}": "csv" for text in (".csv", ".tsv") for packed in ("", ".gz", ".zst")},
    **{f"{text}{packed}": "json" for text in (".jsonl", ".ndjson") for packed in ("", ".gz", ".zst")},
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), "workbook"),
}
"""The suffixes of the files that are read, in lower case; the case of a file's suffix does not matter."""

NOT_DATA = (".", "_", "~$")
"""The first characters in the names of copies, markers and lock files that are not data."""

DOCUMENT_SUFFIXES = {
    *(".md", ".rst", ".pdf", ".html", ".png", ".jpg", ".jpeg", ".svg", ".log", ".lock"),
    *(".yaml", ".yml", ".toml", ".ini", ".cfg", ".py", ".ipynb", ".sh", ".css", ".js"),
}
"""The suffixes of documents and programs; such a file holds no table, so no message names it."""

MIN_COMMON_SHARE = 0.5
"""The files of a folder are one table if at least this share of each file's columns is in all files."""

MAX_FILES_COMPARED = 20
"""If the files of a folder have different words in their names, the columns of at most this many files are
compared.
"""

MAX_NAMES_LISTED = 5
"""How many of the files that are not read for the same reason a message names; it counts the others."""


@dataclass(frozen=True)
class UnreadPath:
    """A file or a folder of the source that is not read.

    Args:
        path: The path within the source.
        reason: Why the file or folder is not read, and the way out if there is one.
        is_table: Whether the path certainly holds a table, for example a Delta Lake folder or a spreadsheet.
    """

    path: Path
    reason: str
    is_table: bool = False

    @property
    def table(self) -> str:
        """Return the name that the table of this path would have."""
        name = self.path.parts[0]
        return name.removesuffix(name[-len(suffix) :]) if (suffix := suffix_of(name)) else name


@dataclass(frozen=True)
class FolderScan:
    """The files of a folder.

    Args:
        files: The files of each table, sorted by path.
        unread: The files and folders that are not read.
    """

    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    unread: tuple[UnreadPath, ...] = ()


def scan_folder(folder: Path, exclude: tuple[Path, ...] = ()) -> FolderScan:
    """Find the data files of a folder, also those in its sub-folders and in linked folders.

    Args:
        folder: The source.
        exclude: Folders inside `folder` that are not part of the source, such as this program's output.

    Raises:
        SourceError: The folder cannot be listed, or it is itself a table of Delta Lake, Hudi or Iceberg.
    """
    if lake := _lake_format(folder):
        raise SourceError(f"source: {folder} {_lake_reason(lake)}")
    tables: dict[str, list[Path]] = {}
    unread: list[UnreadPath] = []
    for path in _walk(folder, {path.resolve() for path in exclude}, unread):
        relative = path.relative_to(folder)
        if reason := _reason_not_to_read(path):
            is_table = suffix_of(path.name) != "" and not path.name.startswith(NOT_DATA)
            unread.append(UnreadPath(relative, reason, is_table))
        elif (suffix := suffix_of(path.name)) and not path.name.startswith(NOT_DATA):
            parts = relative.parts
            name = parts[0] if len(parts) > 1 else path.name[: -len(suffix)]
            tables.setdefault(name, []).append(path)
    files = {name: _read_once(folder, paths, unread) for name, paths in sorted(tables.items())}
    return FolderScan(files, tuple(sorted(unread, key=lambda entry: entry.path)))


def _read_once(folder: Path, paths: list[Path], unread: list[UnreadPath]) -> tuple[Path, ...]:
    """Return the files of a table, sorted by path, each file once; further links to a file go to `unread`."""
    root = folder.resolve()
    targets: dict[Path, Path] = {}
    for path in sorted(paths, key=lambda path: (path.resolve() != root / path.relative_to(folder), path)):
        if targets.setdefault(path.resolve(), path) is not path:
            unread.append(UnreadPath(path.relative_to(folder), "is a link to a file that is read itself"))
    return tuple(sorted(targets.values()))


def suffix_of(name: str) -> str:
    """Return the lower-case suffix of a file if files with this suffix are read; otherwise ''.

    >>> suffix_of("TICKETS.CSV.GZ")
    '.csv.gz'
    """
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")


def _walk(folder: Path, excluded: set[Path], unread: list[UnreadPath]) -> Iterator[Path]:
    """Yield the files of a folder, sorted by name; add to `unread` the sub-folders that are not read."""

    def refuse(error: OSError) -> None:
        raise SourceError(
            f"source: {error.filename} cannot be listed: {error.strerror}. Give the program the right to "
            f"read this folder, or move the folder."
        )

    walked: set[Path] = set()
    for parent, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        here = Path(parent)
        walked.add(here.resolve())
        for name in sorted(folders):
            path = here / name
            relative, target = path.relative_to(folder), path.resolve()
            lake = _lake_format(path)
            if name.startswith(NOT_DATA) and not ("=" in name and name.startswith("_")):
                folders.remove(name)
                if len(relative.parts) > 1 or not name.startswith("."):
                    unread.append(UnreadPath(relative, _reason_of_name(name)))
            elif target in excluded:
                folders.remove(name)
            elif target in walked:  # following this link would never end, or would read rows twice
                folders.remove(name)
                unread.append(UnreadPath(relative, "is a link to a folder that is read itself"))
            elif lake:
                folders.remove(name)
                unread.append(UnreadPath(relative, _lake_reason(lake), is_table=True))
        folders.sort()
        yield from (here / name for name in sorted(names))


def _reason_not_to_read(path: Path) -> str:
    """Return why a file is not read; an empty string if the file is read, or needs no message."""
    suffix = suffix_of(path.name)
    if path.name.startswith(NOT_DATA):
        return _reason_of_name(path.name) if suffix and not path.name.startswith("~$") else ""
    if not path.exists():
        return "is a link to nothing" if suffix else ""
    if not path.is_file():
        return "is no file" if suffix else ""
    if not suffix:
        return "" if path.suffix.lower() in DOCUMENT_SUFFIXES else "is not of a kind that is read"
    if SUFFIXES[suffix] == "csv" and not path.stat().st_size:
        return "is empty and has not even the names of columns: export it again"
    if SUFFIXES[suffix] == "workbook" and find_spec("python_calamine") is None:
        return "is a spreadsheet: install its reader with `pip install 'churn[excel]'`, or save it as CSV"
    return ""


def _reason_of_name(name: str) -> str:
    start = next(start for start in NOT_DATA if name.startswith(start))
    return f"has a name that begins with {start}, which marks what is no data"


def _lake_format(folder: Path) -> str:
    """Return `Delta Lake`, `Hudi` or `Iceberg` if a folder is a table of this format; otherwise ''."""
    if (folder / "_delta_log").is_dir():
        return "Delta Lake"
    if (folder / ".hoodie").is_dir():
        return "Hudi"
    metadata = folder / "metadata"
    is_iceberg = metadata.is_dir() and any(metadata.glob("*.metadata.json"))
    return "Iceberg" if is_iceberg else ""


def _lake_reason(lake: str) -> str:
    return (
        f"is a table of {lake}: its files also hold rows that were removed from the table, and only the "
        "log of the table says which rows were removed. Read the table through Spark (source: spark://…), or "
        "export its current rows to a folder of Parquet files"
    )


def describe_unread(unread: tuple[UnreadPath, ...]) -> Iterator[str]:
    """Yield one line for each reason why files are not read; the line names the first of these files."""
    for reason in dict.fromkeys(entry.reason for entry in unread):
        names = [str(entry.path) for entry in unread if entry.reason == reason]
        further = f" and {len(names) - MAX_NAMES_LISTED} more" if len(names) > MAX_NAMES_LISTED else ""
        yield f"not read: {', '.join(names[:MAX_NAMES_LISTED])}{further} ({reason})"


def create_views(
    connection: duckdb.DuckDBPyConnection, folder: Path, scan: FolderScan, scratch: Path
) -> dict[str, TableFiles]:
    """Create a view for each table of a folder and return the files of the tables by name.

    Args:
        connection: The DuckDB in which the views are created.
        folder: The source.
        scan: The files of the source.
        scratch: The folder for copies of the files that DuckDB cannot read itself.

    Raises:
        SourceError: Some files cannot be read; the message lists all of them.
    """
    tables: dict[str, TableFiles] = {}
    problems = list(_name_problems(folder, scan))
    for name, paths in scan.files.items() if not problems else ():
        try:
            for table, files in _read(connection, folder, name, paths, scratch):
                connection.execute(f"CREATE VIEW {identifier(table)} AS {files.select()}").fetchall()
                tables[table] = files
        except SourceError as error:
            problems += error.problems
        except (duckdb.Error, OSError) as error:
            problems.append(
                text_problem(paths)
                or f"source: {_list_paths(folder, paths)} cannot be read: {reason_of(error)}. "
                "Write the file again, or remove it from the folder."
            )
    if problems:
        raise SourceError(*problems)
    return tables


def _read(
    connection: duckdb.DuckDBPyConnection, folder: Path, name: str, paths: tuple[Path, ...], scratch: Path
) -> Iterator[tuple[str, TableFiles]]:
    """Yield the tables of some files: one table, or a table for each sheet of a workbook."""
    file_format = SUFFIXES[suffix_of(paths[0].name)]
    if file_format == "workbook":
        for sheet, files in read_workbook(connection, folder, paths, scratch):
            yield (f"{name}_{sheet}" if sheet else name), files
    else:
        files = read_table(connection, folder, paths, file_format, scratch)
        _refuse_several_tables(connection, folder, name, paths, scratch)
        yield name, files


def _refuse_several_tables(
    connection: duckdb.DuckDBPyConnection, folder: Path, name: str, paths: tuple[Path, ...], scratch: Path
) -> None:
    """Refuse a folder whose files differ in their names and columns, because they are several tables.

    Args:
        connection: The DuckDB that reads the files.
        folder: The source.
        name: The name of the table.
        paths: Its files.
        scratch: The folder for copies in UTF-8 of text files with another encoding.

    Raises:
        SourceError: Most columns of the files differ.
    """
    by_words: dict[str, Path] = {}
    for path in paths:
        by_words.setdefault(re.sub(r"[^a-z]+", " ", path.name.lower()), path)
    if not 1 < len(by_words) <= MAX_FILES_COMPARED:
        return
    columns: dict[Path, list[str]] = {}
    for path in by_words.values():
        files = read_table(connection, folder, [path], SUFFIXES[suffix_of(path.name)], scratch)
        rows = connection.execute(f"DESCRIBE SELECT * FROM {files.scan}").fetchall()
        columns[path] = [str(row[0]) for row in rows]
    common = set.intersection(*map(set, columns.values()))
    if len(common) < MIN_COMMON_SHARE * max(map(len, columns.values())):
        listed = "; ".join(f"{path.name}: {', '.join(names[:4])}" for path, names in columns.items())
        raise SourceError(
            f"source: the files of the folder {name} do not have the same columns ({listed}), but a folder "
            "is one table. If each file is a table, name this folder as the source; if not, give each table "
            "its own folder next to this one."
        )


def _name_problems(folder: Path, scan: FolderScan) -> Iterator[str]:
    """Yield mistakes that the file names already show: several files where one table is expected."""
    spellings: dict[str, list[str]] = {}
    for name, paths in scan.files.items():
        spellings.setdefault(name.lower(), []).append(name)
        formats = {SUFFIXES[suffix_of(path.name)] for path in paths}
        at_top = [path for path in paths if path.parent == folder]
        if len(formats) > 1:
            yield (
                f"source: table '{name}' has files in two formats ({_list_paths(folder, paths)}). "
                "Keep one format."
            )
        elif at_top and len(paths) > 1:
            yield (
                f"source: table '{name}' exists twice ({_list_paths(folder, paths)}). Keep only one of "
                f"these files, or put all parts of one table into the folder {name}/."
            )
    for names in spellings.values():
        if len(names) > 1:
            yield f"source: the table names {' and '.join(names)} differ only in capital letters. Rename one."


def _list_paths(folder: Path, paths: tuple[Path, ...]) -> str:
    names = sorted({str(path.relative_to(folder)) for path in paths})
    further = f" and {len(names) - MAX_NAMES_LISTED} more" if len(names) > MAX_NAMES_LISTED else ""
    return f"{', '.join(names[:MAX_NAMES_LISTED])}{further}"
