"""The journal of the outbox: each attempt to deliver an event, and its result.

This journal is a file of JSON lines. Lines are only appended, and each line is on the disk before the
delivery goes on. An attempt is written before its request is sent, and its result is written after the
answer. So an attempt without a result means: the process was killed in between, and nobody knows whether the
receiver has the event. The event is then delivered again with the same id. The journal holds ids of events
and no data of customers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from churn.data.files import sync_path
from churn.errors import SourceError

JOURNAL = "journal.jsonl"

Result = Literal["delivered", "not sent", "unknown", "failed", "refused", "stopped", "given up"]
"""The result of an attempt to deliver an event.

- delivered: the receiver accepted the event.
- not sent: there was no connection, so the receiver got nothing.
- unknown: the event was sent, but no answer came.
- failed: the receiver answered that it could not accept the event at this time.
- refused: the receiver answered that it will never accept the event.
- stopped: the receiver answered that it accepts no event at all.
- given up: the last allowed attempt did not deliver the event. This line comes after the result of the
  attempt.
"""


class JournalLine(BaseModel):
    """A line of the journal.

    Attributes:
        at: The time at which the line was written, in seconds since 1970 (UTC).
        kind: What the line says: an attempt begins (`attempt`), an attempt has a result (`result`), or new
            attempts are allowed (`retry`). A `retry` with an event allows new attempts for this
            event, which was refused or given up. A `retry` without an event allows new requests to a receiver
            that answered 410 Gone.
        event: The id of the event; None for a line about the receiver.
        attempt: The number of the attempt for this event, counted from 1.
        result: The result of the attempt.
        status: The status code of the HTTP answer.
        because: What was wrong, as a text.
        not_before: The earliest time of the next attempt for this event.
        rest_until: The receiver asked for a pause until this time, in seconds since 1970.
        receiver: The digest of the receiver's address, if this line is about an answer 410 (the receiver no
            longer exists).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float
    kind: Literal["attempt", "result", "retry"]
    event: str | None = None
    attempt: int | None = None
    result: Result | None = None
    status: int | None = None
    because: str | None = None
    not_before: float | None = None
    rest_until: float | None = None
    receiver: str | None = None


@dataclass(frozen=True)
class EventRecord:
    """What the journal says about an event.

    Attributes:
        attempts: The number of all attempts to deliver the event.
        tries: The number of attempts since the last `retry`; only these count towards the largest allowed
            number of attempts.
        n_unknown: The number of all attempts whose answer is not known.
        is_delivered: Whether the receiver accepted the event.
        is_dead: Whether the receiver refused the event, or the last allowed attempt failed.
        is_open: Whether the last attempt has no result in the journal yet.
        because: What was wrong with the last attempt.
        not_before: The earliest time of the next attempt, in seconds since 1970.
        last_at: The time at which the last line about the event was written.
    """

    attempts: int = 0
    tries: int = 0
    n_unknown: int = 0
    is_delivered: bool = False
    is_dead: bool = False
    is_open: bool = False
    because: str | None = None
    not_before: float = 0.0
    last_at: float = 0.0

    def after(self, line: JournalLine) -> EventRecord:
        """Return the record as it is after one more line of the journal.

        Until the journal has the result of an attempt, the answer of the receiver counts as unknown.
        """
        record = replace(self, last_at=line.at)
        if line.kind == "attempt":
            return replace(
                record,
                attempts=self.attempts + 1,
                tries=self.tries + 1,
                n_unknown=self.n_unknown + 1,
                is_open=True,
                because="the answer is unknown",
            )
        if line.kind == "retry":
            return replace(record, tries=0, is_dead=False, not_before=0.0)
        return replace(
            record,
            tries=self.tries - (line.result == "stopped"),
            n_unknown=self.n_unknown - (self.is_open and line.result not in ("unknown", "given up")),
            is_open=False,
            is_delivered=self.is_delivered or line.result == "delivered",
            is_dead=line.result in ("refused", "given up"),
            because=line.because or self.because,
            not_before=line.not_before or 0.0,
        )


NO_RECORD = EventRecord()


class Journal:
    """The journal of an outbox, open for appending.

    Attributes:
        records: What is known about each event, by id.
        rest_until: The receiver asked for a pause until this time, in seconds since 1970.
        gone_receiver: The digest of the receiver's address, if there was an answer 410 (the receiver no
            longer exists); otherwise None.
    """

    def __init__(self, lines: Iterator[JournalLine], file: IO[bytes]) -> None:
        self.records: dict[str, EventRecord] = {}
        self.rest_until = 0.0
        self.gone_receiver: str | None = None
        self._file = file
        for line in lines:
            self._note(line)

    def record_of(self, event: str) -> EventRecord:
        """Return what the journal says about an event."""
        return self.records.get(event, NO_RECORD)

    def append(self, line: JournalLine) -> EventRecord:
        """Write a line to the disk, and return the new record of its event."""
        self._file.write(line.model_dump_json(exclude_none=True).encode("utf-8") + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._note(line)
        return self.record_of(line.event or "")

    def _note(self, line: JournalLine) -> None:
        if line.rest_until is not None:
            self.rest_until = line.rest_until
        if line.event is not None:
            self.records[line.event] = self.record_of(line.event).after(line)
        if line.kind == "retry":
            self.gone_receiver, self.rest_until = None, 0.0
        elif line.receiver is not None:
            self.gone_receiver = line.receiver


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """Open the journal of an outbox; only the process that holds the lock of the outbox may do this.

    If a process was killed or a disk was full, the last line may be incomplete; it is then removed. If the
    incomplete line was an attempt, its request was not yet sent. If the incomplete line was a result, the
    answer to its attempt is unknown.

    Raises:
        SourceError: a line of the journal is damaged.
    """
    path = folder / JOURNAL
    folder.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("ab") as file:
        if is_new:
            sync_path(folder)
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            file.truncate(len(whole))
            os.fsync(file.fileno())
        yield Journal(_lines_of(path, whole), file)


def _lines_of(path: Path, data: bytes) -> Iterator[JournalLine]:
    for number, text in enumerate(data.splitlines(), 1):
        try:
            yield JournalLine.model_validate_json(text)
        except ValidationError:
            raise SourceError(
                f"{path}:{number}: the line differs from what churn wrote. Restore the file from a copy: "
                "without this file, nobody knows which contacts were delivered, and churn would deliver "
                "them again."
            ) from None
