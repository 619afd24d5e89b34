"""Search all files of a folder for a customer: Parquet decoded, archives opened, other files as text.

The search reads every file, whatever its name and format, so it also finds a customer in files that the
erasure does not know.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sqlite3
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.data.own_files import PARQUET_ERRORS, parquet_damage
from churn.privacy.identifiers import ID_COLUMNS, Identifiers, cells_of

MAX_DEPTH = 4
"""How many archives may lie within each other."""

CSV_SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        files: The number of files that were searched.
        paths: The files that hold an identifier.
        unreadable: The files that could not be decoded; they were searched byte by byte.
    """

    files: int
    paths: tuple[Path, ...]
    unreadable: tuple[Path, ...]


def search(
    roots: Sequence[Path], identifiers: Identifiers, spared_paths: Sequence[Path] = ()
) -> SearchResult:
    """Search the files of folders, and single files, for a customer.

    Args:
        roots: The folders and files; a missing one is left out.
        identifiers: The texts by which the customer can be recognised.
        spared_paths: Files that are not searched.
    """
    n_files = 0
    places: list[Path] = []
    unreadable: list[Path] = []
    for path in files_below(roots):
        if path in spared_paths:
            continue
        n_files += 1
        try:
            is_found = holds(path.name, path.read_bytes(), identifiers)
        except FileNotFoundError:  # the file was removed meanwhile, when the last reader of its store ended
            continue
        except UNREADABLE as problem:
            parquet_damage(problem)
            unreadable.append(path)
            is_found = _holds_bytes(path.read_bytes(), identifiers)
        if is_found:
            places.append(path)
    return SearchResult(n_files, tuple(places), tuple(unreadable))


UNREADABLE = (*PARQUET_ERRORS, zipfile.BadZipFile, zlib.error, EOFError, sqlite3.Error, RuntimeError)
"""The errors that readers raise for a damaged file; an encrypted archive gives a `RuntimeError`."""


def files_below(roots: Sequence[Path]) -> Iterator[Path]:
    """Yield each file at or below `roots` once, hidden files too; a link yields the file it points to."""
    known: set[Path] = set()
    waiting = deque(Path(os.path.realpath(path)) for path in roots)
    while waiting:
        path = waiting.popleft()
        if path in known:
            continue
        known.add(path)
        if path.is_file():
            yield path
        elif path.is_dir():
            children = sorted(path.iterdir())
            waiting.extend(Path(os.path.realpath(name)) if name.is_symlink() else name for name in children)


def holds(name: str, data: bytes, identifiers: Identifiers, depth: int = 0) -> bool:
    """Return whether the content of a file holds an identifier.

    Args:
        name: The name of the file; its suffix tells whether a text file is JSON or CSV.
        data: The content.
        identifiers: The texts by which the customer can be recognised.
        depth: The number of archives around the file, one inside the other.
    """
    if data[:4] == b"PAR1":
        return _parquet_holds(data, identifiers)
    if data[:2] == b"\x1f\x8b" and depth < MAX_DEPTH:
        return holds(name.removesuffix(".gz"), gzip.decompress(data), identifiers, depth + 1)
    if data[:2] == b"PK" and depth < MAX_DEPTH:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(
                holds(member, archive.read(member), identifiers, depth + 1) for member in archive.namelist()
            )
    if data[:16] == b"SQLite format 3\x00":
        return _sqlite_holds(data, identifiers) or _holds_bytes(data, identifiers)
    if name.endswith((".json", ".jsonl")) and _json_holds(data, identifiers):
        return True
    if name.endswith(".csv") and _csv_holds(data, identifiers):
        return True
    return _holds_bytes(data, identifiers)


def parquet_cells(table: pa.Table) -> Iterator[tuple[str, Any]]:
    """Yield each different text of each column of a table, also within lists and records."""
    for field in table.schema:
        column = table[field.name]
        if pa.types.is_nested(field.type):
            for value in column.to_pylist():
                for cell in cells_of(value):
                    yield field.name, cell
        elif not (pa.types.is_primitive(field.type) or pa.types.is_boolean(field.type)):
            for value in pc.unique(column).to_pylist():
                yield field.name, value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _parquet_holds(data: bytes, identifiers: Identifiers) -> bool:
    """Return whether a Parquet file holds an identifier in its cells, its metadata or its statistics."""
    with pq.ParquetFile(io.BytesIO(data)) as file:
        for key, value in (file.metadata.metadata or {}).items():
            if identifiers.stands_in((key + b" " + value).decode("utf-8", "replace")):
                return True
        if any(identifiers.is_cell(column, value) for column, value in _statistics(file.metadata)):
            return True
        return any(
            identifiers.is_cell(column, value)
            for group in range(file.num_row_groups)
            for column, value in parquet_cells(file.read_row_group(group))
        )


def _statistics(metadata: pq.FileMetaData) -> Iterator[tuple[str, Any]]:
    """Yield the smallest and the largest value of each column of each row group, from the file's footer."""
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for index in range(row_group.num_columns):
            column = row_group.column(index)
            statistics = column.statistics
            if statistics is not None and statistics.has_min_max:
                name = column.path_in_schema.partition(".")[0]
                yield name, statistics.min
                yield name, statistics.max


def _json_holds(data: bytes, identifiers: Identifiers) -> bool:
    """Return whether a JSON text, which is a file or a line of a file, has an identifier as key or value."""
    text = data.decode("utf-8", "replace")
    for part in [text] if text.lstrip().startswith(("{", "[")) and is_json(text) else text.split("\n"):
        if is_json(part) and _value_holds(json.loads(part), "", identifiers):
            return True
    return False


def is_json(text: str) -> bool:
    """Return whether a text is JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _value_holds(value: Any, key: str, identifiers: Identifiers) -> bool:
    if isinstance(value, dict):
        return any(
            identifiers.is_cell(key, name) or _value_holds(part, name, identifiers)
            for name, part in value.items()
        )
    if isinstance(value, list):
        return any(_value_holds(part, key, identifiers) for part in value)
    return identifiers.is_cell(key, value)


def csv_rows(text: str) -> tuple[str, list[str], list[list[str]]]:
    """Return the separator, the header and the rows of a CSV file that has a column of ids.

    The header is empty if no separator gives a column of ids.

    Args:
        text: The file, with or without a byte order mark.
    """
    for separator in CSV_SEPARATORS:
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator))
        if rows and ID_COLUMNS & set(rows[0]):
            return separator, rows[0], rows[1:]
    return ",", [], []


def _csv_holds(data: bytes, identifiers: Identifiers) -> bool:
    _, header, rows = csv_rows(data.decode("utf-8", "replace"))
    return any(
        identifiers.is_cell(column, cell) for row in rows for column, cell in zip(header, row, strict=False)
    )


def _sqlite_holds(data: bytes, identifiers: Identifiers) -> bool:
    """Return whether a SQLite file has an identifier in a cell."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            quoted = table.replace('"', '""')
            cursor = connection.execute(f'SELECT * FROM "{quoted}"')
            columns = [part[0] for part in cursor.description]
            for row in cursor:
                if any(identifiers.is_cell(name, cell) for name, cell in zip(columns, row, strict=True)):
                    return True
    return False


def _holds_bytes(data: bytes, identifiers: Identifiers) -> bool:
    """Return whether the bytes hold an identifier that nobody can confuse with a common word or number."""
    if identifiers.stands_in(data.decode("utf-8", "replace")):
        return True
    # UTF-16 writes a zero beside each letter of the Latin alphabet.
    return b"\x00" in data and identifiers.stands_in(data.replace(b"\x00", b"").decode("utf-8", "replace"))
