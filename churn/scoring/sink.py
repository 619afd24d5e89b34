"""Write the files of a night: either all files or no file, and only one night at a time."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.files import only_writer, sync_path
from churn.data.own_files import checksum_of_bytes, own_json_text

NIGHT_LOCK = ".night.lock"
STAGING = ".night-"
CALLS = "_calls.csv"
SCORES = "scores.parquet"
CONTACTS = "_contacts.parquet"
CALLS_LINK = "calls.csv"
LIST_FILES = ("advocates.csv", "gone.csv")
"""The file names of the two lists beside the call list: satisfied customers and lost customers.

If the call list of an owner would get such a file name, it gets another one.
"""


@dataclass(frozen=True)
class NightFiles:
    """The bytes of a night's files.

    All files of a night are in one folder. Except for the score table, their names begin with an underscore,
    so programs that read the folder as a table skip them.

    Attributes:
        calls: The call list as CSV, for spreadsheets.
        owner_calls: The part of the call list for each owner (the person or the team who acts), and the lists
            of `LIST_FILES`, as CSV; the keys are file names.
        contacts: The rank, the id and the name of each customer on the call list. This Parquet file is for
            the report.
        facts: The settings, versions and counts of the night as JSON.
        scores: The score table as Parquet.
    """

    calls: bytes
    owner_calls: Mapping[str, bytes]
    contacts: bytes
    facts: bytes
    scores: bytes


def night_files(
    scores: pa.Table,
    calls: str,
    contacts: pa.Table,
    facts: Mapping[str, Any],
    owner_calls: Mapping[str, str] | None = None,
    lists: Mapping[str, str] | None = None,
) -> NightFiles:
    """Return the files of a night as bytes; the same night gives the same bytes.

    Args:
        scores: The score table.
        calls: The call list as CSV.
        contacts: `rank`, `customer_id` and `name` of the call list, in order.
        facts: The settings, versions and counts of the night.
        owner_calls: The part of the call list for each owner (the person or the team who acts), as CSV; the
            keys are the names of the owners.
        lists: The lists of `LIST_FILES` as CSV; the keys are the file names without `.csv`.
    """
    contacts_bytes, scores_bytes = _parquet(contacts), _parquet(scores)
    files = {CONTACTS: checksum_of_bytes(contacts_bytes), SCORES: checksum_of_bytes(scores_bytes)}
    return NightFiles(
        calls=calls.encode("utf-8"),
        owner_calls={
            name: content.encode("utf-8")
            for name, content in {
                **owner_files(owner_calls or {}),
                **{f"{name}.csv": content for name, content in (lists or {}).items()},
            }.items()
        },
        contacts=contacts_bytes,
        facts=own_json_text({**facts, "files": files}).encode("utf-8"),
        scores=scores_bytes,
    )


def owner_files(owner_calls: Mapping[str, str]) -> Mapping[str, str]:
    """Return each owner's call list; its key is a file name made from the owner's name.

    Characters that a file system may refuse are replaced, and a name that is taken gets a number.

    >>> dict(owner_files({"Customer success": "a", "calls": "b", "../x": "c", "X": "d"}))
    {'customer-success.csv': 'a', 'calls-2.csv': 'b', 'x.csv': 'c', 'x-2.csv': 'd'}
    """
    files: dict[str, str] = {}
    for owner, content in owner_calls.items():
        slug = re.sub(r"[^\w]+", "-", owner.casefold()).strip("-_")[:60] or "owner"
        name, number = f"{slug}.csv", 2
        while name in files or name in (CALLS_LINK, *LIST_FILES):
            name, number = f"{slug}-{number}.csv", number + 1
        files[name] = content
    return files


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", version="2.6", store_schema=False)
    return buffer.getvalue()


def scores_path(output: Path, cutoff: date) -> Path:
    """Return the path of a night's scores; if the file exists, the night is complete."""
    return output / "scores" / f"cutoff={cutoff}" / SCORES


def facts_path(output: Path, cutoff: date) -> Path:
    """Return the path of a night's facts: settings, versions and counts."""
    return output / "scores" / f"cutoff={cutoff}" / "_night.json"


def side_list_path(output: Path, cutoff: date, list_file: str) -> Path:
    """Return the path of one of a night's lists; `list_file` is one of `LIST_FILES`."""
    return facts_path(output, cutoff).parent / f"_calls_{list_file}"


def ledger_digest(output: Path, cutoff: date) -> str | None:
    """Return the checksum of the night's part of the ledger, as `_night.json` states it; None if missing."""
    try:
        facts = json.loads(facts_path(output, cutoff).read_bytes())
    except (OSError, ValueError):
        return None
    digest = facts.get("ledger") if isinstance(facts, dict) else None
    return digest if isinstance(digest, str) else None


def contacts_path(output: Path, cutoff: date) -> Path:
    """Return the path of a night's contacts: the call list in the form for programs."""
    return output / "scores" / f"cutoff={cutoff}" / CONTACTS


def calls_path(output: Path, cutoff: date) -> Path:
    """Return the path at which users open the call list. The path is a link into the night's folder."""
    return output / "calls" / f"cutoff={cutoff}" / CALLS_LINK


@contextmanager
def one_night_at_a_time(output: Path, holder: str = "`churn score`") -> Iterator[None]:
    """Hold the lock that lets only one night at a time write into the output folder, and delete the
    unfinished files of a run that was killed.

    Raises:
        BusyError: Another night is being scored.
    """
    with only_writer(output / NIGHT_LOCK, holder):
        _clear_leftovers(output)
        yield


def write_night(output: Path, cutoff: date, files: NightFiles) -> bool:
    """Write a night's folder under another name, then rename it in one step.

    The folder holds the scores and the call list; users open the call list through a link into the folder. So
    scores and calls appear and disappear together. At any time the output folder holds the old night, no
    night, or the complete new night. If all files already have the same bytes, nothing is written.

    Args:
        output: The output folder.
        cutoff: The cutoff of the night.
        files: The bytes of the night's files.

    Returns:
        True if files were written.
    """
    links = calls_path(output, cutoff).parent
    lists = {CALLS_LINK: files.calls, **files.owner_calls}
    targets = {
        **{links / name: content for name, content in lists.items()},
        contacts_path(output, cutoff): files.contacts,
        facts_path(output, cutoff): files.facts,
        scores_path(output, cutoff): files.scores,
    }
    old_links = {path for path in links.glob("*.csv") if path.name not in lists}
    if not old_links and all(
        path.is_file() and path.read_bytes() == content for path, content in targets.items()
    ):
        return False
    staging = output / f"{STAGING}{os.getpid()}"
    night = staging / "night"
    night.mkdir(parents=True)
    for path, content in targets.items():
        _write_through(night / (_name_in_night(path.name) if path.parent == links else path.name), content)
    sync_path(night)
    target = scores_path(output, cutoff).parent
    for folder in (target.parent, links):
        folder.mkdir(parents=True, exist_ok=True)
    for name in lists:
        (staging / name).symlink_to(Path("..", "..", "scores", target.name, _name_in_night(name)))
        os.replace(staging / name, links / name)
    for path in old_links:  # the link of an owner who has nothing to do tonight
        path.unlink()
    sync_path(links)
    if target.exists():
        os.rename(target, staging / "before")
    os.rename(night, target)
    sync_path(target.parent)
    shutil.rmtree(staging)
    return True


def _name_in_night(list_name: str) -> str:
    """Return the file name of a call list in the night's folder; programs that read the folder as a table
    skip this name.
    """
    return CALLS if list_name == CALLS_LINK else f"_calls_{list_name}"


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
