"""Convert text files to UTF-8 if a byte-order mark states the encoding; refuse other files not in UTF-8."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from churn.errors import SourceError

BYTES_PER_READ = 1 << 20

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The first bytes of a text file that state its encoding; the mark of UTF-32 begins with that of UTF-16."""


def as_utf8(path: Path, copy: Path) -> Path:
    """Return the path of a text file in UTF-8: the file itself, or a converted copy if a byte-order mark
    states another encoding.

    Raises:
        SourceError: The file contains bytes of value 0, and no byte-order mark says which encoding this is.
    """
    if path.suffix.lower() == ".zst":  # only DuckDB can unpack this file, and it reads only UTF-8
        return path
    with _open(path) as file:
        start = file.read(4096)
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), None)
    if encoding is None:
        if b"\0" in start:
            raise SourceError(
                f"source: {path.name} is not UTF-8: it holds bytes of value 0, as texts in the encoding "
                f"UTF-16 do, but no byte-order mark. {_way_out(path, 'UTF-16')}"
            )
        return path
    # Use a folder of its own, because the plain text may lie beside the packed text.
    if is_packed(path):
        copy = copy / copy.name.removesuffix(path.suffix)
    copy.parent.mkdir(parents=True, exist_ok=True)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with _open(path) as file, copy.open("wb") as text:
            while part := file.read(BYTES_PER_READ):
                text.write(decoder.decode(part).encode())
            text.write(decoder.decode(b"", final=True).encode())
    except UnicodeError as error:
        raise SourceError(
            f"source: {path.name} is no valid text in the encoding {encoding.upper()}: {error}. "
            "Write the file again."
        ) from None
    return copy


def text_problem(paths: Sequence[Path]) -> str | None:
    """Return the message for the first file that is not UTF-8, or None if all files are UTF-8."""
    for path in paths:
        if path.suffix.lower() in (".parquet", ".zst"):
            continue
        decoder = codecs.getincrementaldecoder("utf-8")()
        line = 1
        try:
            with _open(path) as file:
                while part := file.read(BYTES_PER_READ):
                    decoder.decode(part)
                    line += part.count(b"\n")
                decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            byte = error.object[error.start]
            return (
                f"source: {path.name} is not UTF-8 (line {line}, byte {byte:#04x}), so its encoding is "
                f"unknown; older programs write Windows-1252. {_way_out(path, 'WINDOWS-1252')}"
            )
        except (OSError, EOFError):
            continue
    return None


def _way_out(path: Path, encoding: str) -> str:
    name, convert = path.name, f"iconv -f {encoding} -t UTF-8"
    command = f"gzip -dc {name} | {convert} | gzip" if is_packed(path) else f"{convert} {name}"
    return (
        f"Save the file as UTF-8, or convert it: {command} > .new && mv .new {name}. Then look at a name "
        "with an accent: if it is wrong, the file has another encoding"
    )


def is_packed(path: Path) -> bool:
    """Return whether the suffix of a file says that it is packed by gzip."""
    return path.suffix.lower() == ".gz"


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if is_packed(path) else path.open("rb")
