"""The outbox: files with the events of each night as JSON lines, `output/outbox/cutoff=D.jsonl`.

The events of a night are first written to a hidden file. The file is renamed to `cutoff=D.jsonl` only after
the ledger of the night is published. So an event exists only if the ledger has the row of its task. If the
process is killed in between, the next night, whatever its cutoff is, renames or removes the hidden file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from churn.data.files import remove_leftovers, sync_path, write_atomically
from churn.data.own_files import checksum_of_bytes
from churn.errors import SourceError
from churn.experiments.ledger import FACTS, Ledger, ledger_nights, night_folder, read_whole_ledger
from churn.handover.event import (
    CONTACT_PLANNED,
    Event,
    LastEvent,
    last_events,
)
from churn.handover.events import EventTerms, NightFacts, night_events

FOLDER = "outbox"
PENDING = ".pending-"
NIGHT_PREFIX = "cutoff="
SUFFIX = ".jsonl"


@dataclass(frozen=True)
class StagedEvents:
    """What a night writes into the outbox.

    Attributes:
        is_staged: Whether new events are pending; otherwise the published events stay as they are.
        is_backfill: Whether a later night was scored before this night was. The later night does not know
            the decisions of this night, so it is too late to write events for this night.
        n_planned: The number of contacts that are planned.
        n_withdrawn: The number of contacts that are withdrawn.
        n_changed: The number of events that an earlier run of this night wrote with other contents.
        n_never_planned: The number of open tasks for which the outbox never had an event.
        message_problems: For each reason why a template cannot be filled, the number of customers whose
            message has this problem.
    """

    is_staged: bool = False
    is_backfill: bool = False
    n_planned: int = 0
    n_withdrawn: int = 0
    n_changed: int = 0
    n_never_planned: int = 0
    message_problems: Mapping[str, int] = field(default_factory=dict)


def outbox_folder(output: Path) -> Path:
    """Return the folder of the outbox."""
    return output / FOLDER


def night_path(output: Path, cutoff: date) -> Path:
    """Return the path of the file with the events of a night."""
    return outbox_folder(output) / f"{NIGHT_PREFIX}{cutoff}{SUFFIX}"


def read_all_events(output: Path) -> list[Event]:
    """Return the events of all nights, the earliest first.

    Raises:
        SourceError: a file of the outbox is damaged.
    """
    files = outbox_folder(output).glob(f"{NIGHT_PREFIX}*{SUFFIX}")
    return [event for path in sorted(files) for event in _events_of(path)]


def read_events(output: Path, cutoff: date) -> tuple[Event, ...]:
    """Return the events of a night; there are none if the night has no file.

    Raises:
        SourceError: the file is damaged.
    """
    path = night_path(output, cutoff)
    if not path.exists():
        return ()
    return tuple(_events_of(path))


def _events_of(path: Path) -> Iterator[Event]:
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line:
            continue
        try:
            yield Event.model_validate_json(line)
        except ValidationError:
            raise SourceError(
                f"{path}:{number}: the line is not an event that churn wrote. Restore the file from a "
                "copy, or delete the file and score the night again: `churn score --cutoff "
                f"{path.stem.removeprefix(NIGHT_PREFIX)}`."
            ) from None


def stage_night(
    output: Path, facts: NightFacts, terms: EventTerms, ledger: Ledger, ledger_digest: str
) -> StagedEvents:
    """Write the events of a night as pending; they count only after `publish_events`.

    If a later night was already scored without the decisions of this night, it is too late to write events.
    If a later night was scored with these decisions, the events of this night stay as they are, because the
    later events depend on them. The file of this night is then written again only if someone has deleted it.

    Args:
        output: The output folder.
        facts: What the night knows about customers and tasks.
        terms: The language of the messages, and the time zone of the nights.
        ledger: The nights before this night; the earlier events of a task are read only from these nights.
        ledger_digest: The digest of the night's page in the ledger; the events count only if the ledger has
            this page.

    Raises:
        SourceError: a file of the outbox is damaged.
    """
    cutoff = facts.cutoff
    if _is_backfill(output, cutoff):
        return StagedEvents(is_backfill=True)
    own = read_events(output, cutoff)
    if own and cutoff < ledger_nights(output)[-1]:
        return _counts(own, own)
    own_by_task = {event.data.task_id: event for event in own}
    night = night_events(facts, terms, _earlier_events(output, cutoff, ledger), own_by_task)
    return replace(
        _counts(night.events, own),
        is_staged=_stage(output, cutoff, night.events, ledger_digest),
        n_never_planned=night.n_never_planned,
        message_problems=night.message_problems,
    )


def _counts(events: Sequence[Event], before: Sequence[Event]) -> StagedEvents:
    old = {event.id: event for event in before}
    return StagedEvents(
        n_planned=sum(event.type == CONTACT_PLANNED for event in events),
        n_withdrawn=sum(event.type != CONTACT_PLANNED for event in events),
        n_changed=sum(event.id in old and event != old[event.id] for event in events),
    )


def _earlier_events(output: Path, cutoff: date, ledger: Ledger) -> dict[str, LastEvent]:
    """Return the last event of each task in earlier nights; nights whose tasks have all expired are not
    read.
    """
    tasks = ledger.tasks
    days = zip(tasks["planned_on"], tasks["expires_on"], strict=True)
    first = min((planned_on for planned_on, end in days if end > cutoff), default=cutoff)
    nights = [night.cutoff for night in ledger.nights if night.cutoff >= first]
    return last_events(event for night in nights for event in read_events(output, night))


def _is_backfill(output: Path, cutoff: date) -> bool:
    """Return whether a later night was scored before the night of `cutoff` was.

    The later night does not know the decisions of the night of `cutoff`. So it is too late to hand over the
    contacts of the night of `cutoff`.
    """
    known = ledger_nights(output)
    if not known or cutoff >= known[-1]:
        return False
    return cutoff not in {night.cutoff for night in read_whole_ledger(output).nights}


def _stage(output: Path, cutoff: date, events: Iterable[Event], ledger_digest: str) -> bool:
    """Write events as pending if they differ from the published events; return whether they differ."""
    data = "".join(f"{event.line}\n" for event in events).encode("utf-8")
    path = night_path(output, cutoff)
    if path.is_file() and path.read_bytes() == data:
        return False
    write_atomically(_pending(output, cutoff, ledger_digest), data)
    return True


def publish_events(output: Path, cutoff: date, ledger_digest: str) -> None:
    """Publish the pending events of a night: give their file its final name."""
    folder = outbox_folder(output)
    os.replace(_pending(output, cutoff, ledger_digest), night_path(output, cutoff))
    sync_path(folder)


def recover_events(output: Path) -> None:
    """Publish or delete the pending events that a killed process left.

    The name of a pending file holds the digest of the night's page in the ledger. If the ledger has this
    page, the events are published; otherwise they are deleted. The ledger must be recovered before this
    function is called; see `churn.experiments.ledger.recover`.
    """
    folder = outbox_folder(output)
    if not folder.is_dir():
        return
    remove_leftovers(folder)
    for path in folder.glob(f"{PENDING}{NIGHT_PREFIX}*{SUFFIX}"):
        day, _, digest = path.stem.removeprefix(f"{PENDING}{NIGHT_PREFIX}").partition(".")
        facts = night_folder(output, date.fromisoformat(day)) / FACTS
        if facts.is_file() and _as_name(checksum_of_bytes(facts.read_bytes())) == digest:
            publish_events(output, date.fromisoformat(day), digest)
        else:
            path.unlink()


def _pending(output: Path, cutoff: date, ledger_digest: str) -> Path:
    return outbox_folder(output) / f"{PENDING}{NIGHT_PREFIX}{cutoff}.{_as_name(ledger_digest)}{SUFFIX}"


def _as_name(digest: str) -> str:
    return digest.replace(" ", "-")
