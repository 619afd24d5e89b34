"""Read the files that this program wrote itself, and raise a clear error if a file is damaged.

A JSON file holds a checksum of its content. A Parquet file has its checksum in a JSON file of its folder. The
checksum shows a changed byte even if the file can still be read.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from churn.data.files import checksum_of, json_text, write_atomically
from churn.errors import ChurnError, SourceError

CHECKSUM = "checksum"
"""The key of the checksum in a JSON file."""

MAX_REASON_LENGTH = 160

T = TypeVar("T")


def write_own_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object atomically, with a checksum of its content."""
    write_atomically(path, own_json_text(content).encode("utf-8"))


def own_json_text(content: Mapping[str, Any]) -> str:
    """Return a JSON object with a checksum of its content.

    >>> own_json_text({"b": 1}).split()
    ['{', '"b":', '1,', '"checksum":', '"be7062ef"', '}']
    """
    content = {key: value for key, value in content.items() if key != CHECKSUM}
    return json_text({**content, CHECKSUM: _checksum_of_content(content)})


def checksum_of_bytes(data: bytes) -> str:
    """Return the checksum of a file with these bytes, as `checksum_of` returns it."""
    return f"{len(data)} {zlib.crc32(data):08x}"


def read_own_json(path: Path, kind: type[T], *, way_out: str, error: type[ChurnError] = SourceError) -> T:
    """Read a JSON object that `write_own_json` has written.

    Args:
        path: The file.
        kind: The type of the content: a pydantic model, a dataclass or a mapping.
        way_out: The sentence that says which verb writes the file again.
        error: The class of the error for a damaged file.

    Raises:
        FileNotFoundError: there is no such file.
        ChurnError: the file is damaged, or another version of the program wrote it. The class is `error`.
    """
    data = _read_bytes(path, way_out, error)
    try:
        content = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise _damage_error(path, "it is not JSON" if data else "it is empty", way_out, error) from None
    if not isinstance(content, dict):
        raise _damage_error(
            path, f"it holds no JSON object, but {_shorten(json.dumps(content))}", way_out, error
        )
    checksum = content.pop(CHECKSUM, None)
    try:
        value = TypeAdapter(kind).validate_json(json.dumps(content))
    except ValidationError as problems:
        first = problems.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise error(
            f"{path}: {key}: {first['msg']}. Another version of churn wrote the file, or it is damaged. "
            f"{way_out}"
        ) from None
    if checksum is None:
        raise error(
            f"{path}: it has no checksum. Another version of churn wrote the file, or it is damaged. "
            f"{way_out}"
        )
    if not _is_as_written(data, checksum) and checksum != _checksum_of_content(content):
        raise _damage_error(path, "its content is not what churn wrote: its checksum differs", way_out, error)
    return value


def lacks_checksum(path: Path) -> bool:
    """Return whether a file is a JSON object without a checksum, such as earlier versions of churn wrote."""
    try:
        content = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and bool(content) and CHECKSUM not in content


@contextmanager
def open_own_parquet(
    path: Path,
    columns: Iterable[str],
    *,
    way_out: str,
    checksum: str | None = None,
    error: type[ChurnError] = SourceError,
) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file that this program has written. If the file is damaged, a clear error is raised.

    Args:
        path: The file.
        columns: The columns that the file must have.
        way_out: The sentence that says which verb writes the file again.
        checksum: The checksum of the file as it was written; None if it is not recorded.
        error: The class of the error for a damaged file.

    Raises:
        FileNotFoundError: there is no such file.
        ChurnError: the file is damaged, or it lacks a column. The class is `error`.
    """
    check_own_file(path, checksum, way_out=way_out, error=error)
    try:
        with pq.ParquetFile(path) as file:
            present = set(file.schema_arrow.names)
            if missing := [name for name in columns if name not in present]:
                raise _damage_error(path, f"it has no column {', '.join(missing[:3])}", way_out, error)
            yield file
    except PARQUET_ERRORS as problem:
        damage = parquet_damage(problem)
        raise _damage_error(path, f"it cannot be read: {damage}", way_out, error) from None


PARQUET_ERRORS = (pa.ArrowException, OSError, UnicodeDecodeError)
"""The errors of a reader of Parquet files; `parquet_damage` tells which of them mean a damaged file."""


def parquet_damage(problem: Exception) -> str:
    """Return what is wrong with a damaged Parquet file; raise the error again if the file is not the cause.

    Args:
        problem: The error of the reader, one of `PARQUET_ERRORS`.
    """
    if isinstance(problem, MemoryError) or (isinstance(problem, OSError) and problem.errno is not None):
        raise problem
    return _shorten(str(problem))


def read_own_parquet(
    path: Path,
    columns: Iterable[str],
    *,
    way_out: str,
    checksum: str | None = None,
    only: bool = False,
    error: type[ChurnError] = SourceError,
) -> pa.Table:
    """Read a Parquet file that this program has written.

    Args:
        path: The file.
        columns: The columns to read, which the file must have.
        way_out: The sentence that says which verb writes the file again.
        checksum: The checksum of the file as it was written; None if it is not recorded.
        only: Whether to read only `columns`; by default, all columns are read.
        error: The class of the error for a damaged file.

    Raises:
        FileNotFoundError: there is no such file.
        ChurnError: the file is damaged, or it lacks a column. The class is `error`.
    """
    names = list(columns)
    with open_own_parquet(path, names, way_out=way_out, checksum=checksum, error=error) as file:
        table: pa.Table = file.read(columns=names if only else None)
        table.validate(full=True)
        return table


def check_own_file(
    path: Path, checksum: str | None = None, *, way_out: str, error: type[ChurnError] = SourceError
) -> None:
    """Check that a file exists and has the recorded checksum.

    Args:
        path: The file.
        checksum: The checksum of the file as it was written; None if it is not recorded.
        way_out: The sentence that says which verb writes the file again.
        error: The class of the error for a damaged file.

    Raises:
        FileNotFoundError: there is no such file.
        ChurnError: the file has changed, or a folder or a broken link is in its place. The class is `error`.
    """
    _check_place(path, way_out, error)
    if checksum is not None and checksum_of(path) != checksum:
        raise _damage_error(path, "it is not what churn wrote: its checksum differs", way_out, error)


def _read_bytes(path: Path, way_out: str, error: type[ChurnError]) -> bytes:
    _check_place(path, way_out, error)
    return path.read_bytes()


def _check_place(path: Path, way_out: str, error: type[ChurnError]) -> None:
    """Check that a path leads to a file, through folders and links that exist.

    Raises:
        FileNotFoundError: nothing exists at the path, not even a folder or a link.
        ChurnError: A link leads nowhere, a folder is in the place of the file, or a file is in the place of a
            folder. The class is `error`.
    """
    if path.is_file():
        return
    if path.is_dir():
        raise error(
            f"{path}: this is a folder, but it should be a file. Move or delete the folder. {way_out}"
        )
    for part in (path, *path.parents):
        if part.is_symlink() and not part.exists():
            raise error(
                f"{part}: the link points to a file that does not exist. Correct or delete the "
                f"link. {way_out}"
            )
        if part != path and part.exists() and not part.is_dir():
            raise error(
                f"{part}: this is a file, but it should be a folder. Move or delete the file. {way_out}"
            )
    path.stat()  # no permission, or a link to itself
    raise error(f"{path}: it is no file. Move or delete it. {way_out}")


def _damage_error(path: Path, damage: str, way_out: str, error: type[ChurnError]) -> ChurnError:
    return error(f"{path}: the file is damaged: {damage}. {way_out}")


def _is_as_written(data: bytes, checksum: Any) -> bool:
    """Return whether the bytes of a JSON file, without the line that holds the checksum, have this checksum.

    The function is faster than `_checksum_of_content`, which must write the content as JSON again. An intact
    file can also give False, if another program changed its line breaks or if the checksum is the last key.
    The function finds the line of the checksum only if a comma ends the line; no comma follows the last key.
    """
    line = f' "{CHECKSUM}": "{checksum}",\n'.encode()
    return data.count(line) == 1 and f"{zlib.crc32(data.replace(line, b'')):08x}" == checksum


def _checksum_of_content(content: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(json_text(content).encode('utf-8')):08x}"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _shorten(text: str) -> str:
    line = " ".join(text.split()).rstrip(" .")
    return line if len(line) <= MAX_REASON_LENGTH else f"{line[:MAX_REASON_LENGTH]}…"
