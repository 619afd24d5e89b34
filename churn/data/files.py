"""Write files and folders completely or not at all; protect them from other processes by locks and leases.

A lock lets only one process write an output: a second process is refused with a message, or waits.

A lease protects a folder. A folder is deleted only when no process holds a lease on the folder. When a
process ends, even by a crash, the operating system ends its leases and locks.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from churn.errors import BusyError

LEASE_FILE = ".held"
"""The file in a folder that every process that uses the folder locks."""

BYTES_PER_READ = 1 << 20


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that readers find the old content or the new content, never a part.

    The function writes the data to a temporary file in the folder of `path`, waits until the data are on the
    disk, and then renames the file. The temporary file is locked while it is written, so that
    `remove_leftovers` spares it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with temporary.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed processes left in a folder and in its sub-folders.

    The files of processes that are still writing are not removed.
    """
    for path in [*folder.glob(".*.new"), *folder.glob("*/.*.new"), *folder.glob("*/*/.*.new")]:
        if path.is_symlink() or not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
        except (BlockingIOError, FileNotFoundError):
            continue


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, in the form of `json_text`."""
    write_atomically(path, json_text(value).encode("utf-8"))


def json_text(value: Any) -> str:
    """Return JSON with sorted keys; numbers that are not finite become null.

    >>> json_text({"b": float("nan"), "a": 1}).split()
    ['{', '"a":', '1,', '"b":', 'null', '}']
    """
    return json.dumps(_finite(value), indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"


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


def sync_folder(folder: Path) -> None:
    """Wait until all files of a folder and its sub-folders, and the names of these files, are on the disk."""
    for parent, _, names in os.walk(folder):
        for path in (*(Path(parent) / name for name in names), Path(parent)):
            sync_path(path)


def sync_path(path: Path) -> None:
    """Wait until the content of a file, or the list of the names in a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checksum_of(path: Path) -> str:
    """Return the size and the CRC-32 of a file; a file that has not changed is read once per process.

    The checksum shows damage by a disk or by an unfinished copy. The checksum does not protect against an
    attacker.
    """
    stat = path.stat()
    return _checksum(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=10_000)
def _checksum(path: Path, inode: int, size: int, mtime_ns: int) -> str:
    checksum = 0
    with path.open("rb") as file:
        while part := file.read(BYTES_PER_READ):
            checksum = zlib.crc32(part, checksum)
    return f"{size} {checksum:08x}"


def dated_paths(folder: Path, prefix: str = "", suffix: str = "") -> dict[date, Path]:
    """Return, by date, the files and folders whose name is exactly the prefix, a date and the suffix.

    Args:
        folder: The folder; it need not exist.
        prefix: The part of the names before the date, such as `as_of=`.
        suffix: The part of the names after the date, such as `.json`.
    """
    paths = {}
    for path in folder.glob(f"{prefix}*{suffix}"):
        try:
            paths[date.fromisoformat(path.name.removeprefix(prefix).removesuffix(suffix))] = path
        except ValueError:
            continue
    return paths


def replace_folder(new_folder: Path, path: Path) -> None:
    """Move a finished folder to `path`; readers find the old folder, no folder or the new folder.

    Only the holder of a lock may call this function. Without a lock, two processes could give their old
    folders the same name during the move.
    """
    old_folder = _old_folder(path)
    restore_folder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.rename(old_folder)
    new_folder.rename(path)
    shutil.rmtree(old_folder, ignore_errors=True)


def restore_folder(path: Path) -> None:
    """Finish a killed `replace_folder`: if no new folder exists, restore the old one; otherwise remove it."""
    old_folder = _old_folder(path)
    if old_folder.is_dir() and not path.exists():
        old_folder.rename(path)
    shutil.rmtree(old_folder, ignore_errors=True)


def _old_folder(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


@contextmanager
def only_writer(path: Path, holder: str) -> Iterator[None]:
    """Hold a lock file alone until the `with` block ends; refuse if another process holds it.

    A process that already holds the lock may call this function again inside the block. The operating
    system releases the lock when the process ends, even after a crash.

    Args:
        path: The lock file.
        holder: The verb that holds the lock, such as `churn train`; a refused process shows this name.

    Raises:
        BusyError: Another process holds the lock.
    """
    path = path.resolve()
    if path in _HELD_LOCKS:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _busy(path, file) from None
        _write_holder(file, holder)
        _HELD_LOCKS.add(path)
        try:
            yield
        finally:
            _HELD_LOCKS.discard(path)


@contextmanager
def one_of_several(path: Path, holder: str) -> Iterator[None]:
    """Share a lock file with other processes until the `with` block ends, so that no process holds it alone.

    Args:
        path: The lock file.
        holder: The verb that shares the lock, such as `churn report`; a refused process shows this name.

    Raises:
        BusyError: Another process holds the lock alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _busy(path, file) from None
        _write_holder(file, holder)
        yield


_HELD_LOCKS: set[Path] = set()


def _busy(path: Path, file: IO[str]) -> BusyError:
    return BusyError(
        f"{path.parent}: {_holder_of(file)} is at work here. Wait until the other process ends, or stop "
        "that process; nothing was changed."
    )


def _write_holder(file: IO[str], holder: str) -> None:
    file.truncate(0)
    file.write(f"{holder} (process {os.getpid()})")
    file.flush()


def _holder_of(file: IO[str]) -> str:
    """Return the verb that has written a lock file, and the time at which it did so."""
    file.seek(0)
    holder = file.read(200).strip() or "another process"
    since = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime).strftime("%Y-%m-%d %H:%M:%S")
    return f"{holder}, since {since},"


@contextmanager
def exclusive_lock(
    path: Path, holder: str = "", on_wait: Callable[[str], object] | None = None
) -> Iterator[None]:
    """Wait until no other process holds the lock file, then hold it until the `with` block ends.

    Args:
        path: The lock file.
        holder: The verb that holds the lock, such as `churn check`; processes that wait or are refused show
            this name.
        on_wait: A function that is called once, with the present holder, if this process has to wait.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait:
                on_wait(_holder_of(file))
            fcntl.flock(file, fcntl.LOCK_EX)
        if holder:
            _write_holder(file, holder)
        yield


def lease_folder(folder: Path) -> IO[str]:
    """Take a lease on a folder; the lease ends when the returned file is closed.

    Raises:
        FileNotFoundError: The folder does not exist, or was removed in the meantime.
    """
    path = folder / LEASE_FILE
    try:
        file = path.open("a")
    except PermissionError:  # a read-only folder
        file = path.open()
    fcntl.flock(file, fcntl.LOCK_SH)
    if not path.exists():
        file.close()
        raise FileNotFoundError(folder)
    return file


def remove_unleased(folders: Iterable[Path]) -> None:
    """Remove each folder on which no process holds a lease."""
    for folder in folders:
        try:
            with (folder / LEASE_FILE).open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except (BlockingIOError, FileNotFoundError):
            continue


def create_folder(parent: Path, prefix: str) -> Path:
    """Create a folder with a unique name that starts with `prefix`."""
    folder = parent / f"{prefix}{uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    return folder


def private_folder(parent: Path, owner: object) -> Path:
    """Create a folder under `parent` that is removed as soon as Python frees the object `owner`.

    The function first removes private folders that killed processes left under `parent`.
    """
    with exclusive_lock(parent / ".lock"):
        remove_unleased(path for path in parent.iterdir() if path.is_dir())
        folder = create_folder(parent, "")
        lease = lease_folder(folder)
    weakref.finalize(owner, _remove, folder, lease, os.getpid())
    return folder


def _remove(folder: Path, lease: IO[str], creator_pid: int) -> None:
    if os.getpid() == creator_pid:  # a forked child runs this too, but its parent still uses the folder
        shutil.rmtree(folder, ignore_errors=True)
    lease.close()


class _Owner:
    """An object that owns a private folder while it exists."""


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Create a private folder under `parent` that exists until the `with` block ends."""
    parent.mkdir(parents=True, exist_ok=True)
    owner = _Owner()  # this local variable keeps the folder until the block ends
    yield private_folder(parent, owner)


def publish_folder(new_folder: Path, path: Path) -> None:
    """Let the symbolic link `path` point to a finished folder of the same parent, in one step.

    The files of the folder are on the disk before the link points to them.

    A reader with a lease on the earlier folder can still read it. The earlier folder is removed when no
    process holds a lease on it. The finished folder comes from
    `create_folder(path.parent, f".{path.name}-")`.
    """
    sync_folder(new_folder)
    link = path.with_name(f".{new_folder.name}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(new_folder.name)
    # The output is a copy, and the copy holds a folder in place of the link.
    if path.is_dir() and not path.is_symlink():
        path.rename(create_folder(path.parent, f".{path.name}-") / path.name)
    link.replace(path)
    sync_path(path.parent)
    earlier = path.parent.glob(f".{path.name}-*")
    remove_unleased(folder for folder in earlier if folder.is_dir() and folder.name != new_folder.name)
