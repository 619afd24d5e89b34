"""Damage to a file of any kind: bits, bytes and length, and what can stand in the place of a file."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path, random.Random], str]
"""A function that damages a file and says how."""


def damage_bytes(path: Path, rng: random.Random) -> str:
    """Change some bytes of a file, or its length."""
    data = bytearray(path.read_bytes())
    if not data:
        return "left an empty file"
    position = rng.randrange(len(data))
    length = min(rng.choice((1, 8, 64, 200)), len(data) - position)
    operation = rng.choice(("flip", "flip", "flip", "zero", "random", "truncate", "insert", "remove"))
    if operation == "flip":
        for _ in range(rng.choice((1, 1, 3))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif operation == "zero":
        data[position : position + length] = bytes(length)
    elif operation == "random":
        data[position : position + length] = rng.randbytes(length)
    elif operation == "truncate":
        del data[position:]
    elif operation == "insert":
        data[position:position] = rng.choice(
            (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\n\n", rng.randbytes(9))
        )
    else:
        del data[position : position + length]
    replace_bytes(path, bytes(data))
    return f"{operation} at byte {position}"


def damage_place(path: Path, rng: random.Random) -> str:
    """Remove a file, empty it, or put something else in its place."""
    operation = rng.choice(("delete", "empty", "folder", "dangling link", "no permission", "zeros", "noise"))
    size = path.stat().st_size
    path.unlink()
    if operation == "empty":
        path.touch()
    elif operation == "folder":
        path.mkdir()
    elif operation == "dangling link":
        path.symlink_to(path.with_name("nowhere"))
    elif operation == "no permission":
        path.touch(0o000)
    elif operation == "zeros":
        path.write_bytes(bytes(size))
    elif operation == "noise":
        path.write_bytes(rng.randbytes(size))
    return operation


def replace_bytes(path: Path, data: bytes) -> None:
    """Write a file anew, so that no other link to the old file sees the change."""
    path.unlink()
    path.write_bytes(data)


def replace_text(path: Path, text: str) -> None:
    """Write a text file anew, in UTF-8."""
    replace_bytes(path, text.encode("utf-8", "surrogatepass"))


def damage_folder(folder: Path, rng: random.Random) -> str:
    """Remove a folder, or put a file in its place."""
    shutil.rmtree(folder)
    if rng.random() < 0.5:
        folder.write_bytes(b"a file")
        return "a file in the place of the folder"
    return "no folder"
