"""Files that appear whole or not at all."""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4


@contextmanager
def exclusive_lock(lock: Path) -> Iterator[None]:
    """Wait until no other process holds the lock file, then hold it.

    The lock belongs to the process: the system frees it whatever way the process ends.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def replace_folder(new: Path, place: Path) -> None:
    """Put a finished folder in its place; a reader finds the old one, none, or the new one, never a mix."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file aside, flush it to disk and rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


LEASE_FILE = ".held"
"""The file in a folder that its users lock; the system frees it when they end."""


def lease_folder(folder: Path) -> IO[str]:
    """Hold a folder until the file that is returned is closed.

    Raises:
        FileNotFoundError: the folder is not there, or was removed meanwhile.
    """
    try:
        file = (folder / LEASE_FILE).open("a")
    except PermissionError:  # a folder that is only read
        file = (folder / LEASE_FILE).open()
    fcntl.flock(file, fcntl.LOCK_SH)
    if not (folder / LEASE_FILE).exists():
        file.close()
        raise FileNotFoundError(folder)
    return file


def remove_unleased(folders: Iterable[Path]) -> None:
    """Remove those folders that nobody holds."""
    for folder in folders:
        try:
            with (folder / LEASE_FILE).open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except (BlockingIOError, FileNotFoundError):
            continue


def private_folder(place: Path, owner: object) -> Path:
    """Make a folder under `place` that is the owner's alone, and is removed with it.

    What a killed process left is removed first.
    """
    with exclusive_lock(place / ".lock"):
        remove_unleased(path for path in place.iterdir() if path.is_dir())
        folder = new_folder(place, "")
        file = lease_folder(folder)
    weakref.finalize(owner, _remove, folder, file, os.getpid())
    return folder


class _Holder:
    """Owns a folder for a while."""


@contextmanager
def scratch_folder(place: Path) -> Iterator[Path]:
    """Make a folder under `place` that is the caller's alone until the block ends."""
    place.mkdir(parents=True, exist_ok=True)
    holder = _Holder()  # lives as long as this block
    yield private_folder(place, holder)


def new_folder(place: Path, prefix: str) -> Path:
    """Make a folder whose name was never used."""
    folder = place / f"{prefix}{uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    return folder


def publish_folder(new: Path, place: Path) -> None:
    """Let the name `place` mean a finished folder beside it, in one step.

    Whoever holds the folder that it meant before reads on there; once nobody does, it is removed. Both have
    the name of `place` in theirs, as `new_folder(place.parent, f".{place.name}-")` makes it.
    """
    link = place.with_name(f".{new.name}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(new.name)
    if place.is_dir() and not place.is_symlink():  # a copy, whose links have become folders
        place.rename(new_folder(place.parent, f".{place.name}-") / place.name)
    link.replace(place)
    others = place.parent.glob(f".{place.name}-*")
    remove_unleased(path for path in others if path.is_dir() and path.name != new.name)


def _remove(folder: Path, file: IO[str], maker: int) -> None:
    if os.getpid() == maker:  # a forked child holds what its parent uses
        shutil.rmtree(folder, ignore_errors=True)
    file.close()


def json_text(value: Any) -> str:
    """Return JSON with sorted keys; numbers that are not finite become null.

    >>> json_text({"b": float("nan"), "a": 1}).split()
    ['{', '"a":', '1,', '"b":', 'null', '}']
    """
    return json.dumps(_finite(value), indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write JSON aside and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.aside")
    aside.write_text(json_text(value), encoding="utf-8")
    aside.replace(path)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
