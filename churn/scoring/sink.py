"""Write the files of a night: either all files or no file, and only one night at a time."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.files import only_writer
from churn.data.own_files import checksum_of_bytes, own_json_text

NIGHT_LOCK = ".night.lock"
STAGING = ".night-"
CALLS = "_calls.csv"
SCORES = "scores.parquet"
CONTACTS = "_contacts.parquet"
CALLS_LINK = "calls.csv"


@dataclass(frozen=True)
class NightFiles:
    """The bytes of a night's files.

    The files of facts and calls are in the folder of the scores. Their names begin with an underscore, so
    that programs that read the folder as a table skip these files.

    Attributes:
        calls: The call list as CSV, for spreadsheets.
        contacts: The order, the ids and the names of the call list as Parquet, for the report.
        facts: The settings, versions and counts of the night as JSON.
        scores: The score table as Parquet.
    """

    calls: bytes
    contacts: bytes
    facts: bytes
    scores: bytes


def night_files(scores: pa.Table, calls: str, contacts: pa.Table, facts: Mapping[str, Any]) -> NightFiles:
    """Return the files of a night as bytes; an equal night gives equal bytes.

    Args:
        scores: The score table.
        calls: The call list as CSV.
        contacts: `rank`, `customer_id` and `name` of the call list, in order.
        facts: The settings, versions and counts of the night.
    """
    contacts_bytes, scores_bytes = _parquet(contacts), _parquet(scores)
    files = {CONTACTS: checksum_of_bytes(contacts_bytes), SCORES: checksum_of_bytes(scores_bytes)}
    return NightFiles(
        calls=calls.encode("utf-8"),
        contacts=contacts_bytes,
        facts=own_json_text({**facts, "files": files}).encode("utf-8"),
        scores=scores_bytes,
    )


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", version="2.6", store_schema=False)
    return buffer.getvalue()


def scores_path(output: Path, cutoff: date) -> Path:
    """Return the path of a night's scores; if the file exists, the night is complete."""
    return output / "scores" / f"cutoff={cutoff}" / SCORES


def facts_path(output: Path, cutoff: date) -> Path:
    """Return the path of the facts of a night: settings, versions and counts."""
    return output / "scores" / f"cutoff={cutoff}" / "_night.json"


def contacts_path(output: Path, cutoff: date) -> Path:
    """Return the path of the contacts of a night: the call list as programs read it."""
    return output / "scores" / f"cutoff={cutoff}" / CONTACTS


def calls_path(output: Path, cutoff: date) -> Path:
    """Return the path at which users open the call list. The path is a link into the night's folder."""
    return output / "calls" / f"cutoff={cutoff}" / CALLS_LINK


@contextmanager
def one_night_at_a_time(output: Path, holder: str = "`churn score`") -> Iterator[None]:
    """Hold the lock of the nights of the output folder, and delete the leftovers of a killed night.

    Raises:
        BusyError: Another night is being scored.
    """
    with only_writer(output / NIGHT_LOCK, holder):
        _clear_leftovers(output)
        yield


def write_night(output: Path, cutoff: date, files: NightFiles) -> bool:
    """Write a night's folder under another name, then rename it in one step.

    The call list is in the night's folder, and users open a link to the call list. So scores and calls appear
    and disappear together: at any time there is the old night, no night, or the complete new night. If all
    files already have the same bytes, nothing is written.

    Args:
        output: The output folder.
        cutoff: The cutoff of the night.
        files: The bytes of the night's files.

    Returns:
        Whether files were written.
    """
    targets = {
        calls_path(output, cutoff): files.calls,
        contacts_path(output, cutoff): files.contacts,
        facts_path(output, cutoff): files.facts,
        scores_path(output, cutoff): files.scores,
    }
    if all(path.is_file() and path.read_bytes() == content for path, content in targets.items()):
        return False
    staging = output / f"{STAGING}{os.getpid()}"
    night = staging / "night"
    night.mkdir(parents=True)
    for path, content in targets.items():
        _write_through(night / (CALLS if path.name == CALLS_LINK else path.name), content)
    _sync_folder(night)
    target, link = scores_path(output, cutoff).parent, calls_path(output, cutoff)
    for folder in (target.parent, link.parent):
        folder.mkdir(parents=True, exist_ok=True)
    (staging / CALLS_LINK).symlink_to(Path("..", "..", "scores", target.name, CALLS))
    os.replace(staging / CALLS_LINK, link)
    _sync_folder(link.parent)
    if target.exists():
        os.rename(target, staging / "before")
    os.rename(night, target)
    _sync_folder(target.parent)
    shutil.rmtree(staging)
    return True


def _clear_leftovers(output: Path) -> None:
    for staging in output.glob(f"{STAGING}*"):
        if staging.is_dir():
            shutil.rmtree(staging)
    for folder in [*output.glob("calls/cutoff=*"), *output.glob("scores/cutoff=*")]:
        if not (output / "scores" / folder.name / "scores.parquet").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
