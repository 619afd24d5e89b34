"""Whether a killed night is handed over whole and once: to a database, an outbox and a receiver together.

`churn score` with a PostgreSQL sink and an outbox gets SIGKILL at moments that are spread evenly over the CPU
time of a whole night with its deliveries; then it is called again. The night is the one of
`benchmarks.kills.night`, which looks at files and database; the outbox and the receiver are looked at here.
The receiver is a process of its own. It notes each request, as a receiver does that looks at no id, and it
keeps each event once by its `webhook-id`, as the example of a receiver does.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks.kills.night import (
    MONDAY,
    STARTS,
    Database,
    KilledNight,
    NightWorkshop,
    Server,
    SqliteFiles,
    digest_of,
)
from churn.experiments.ledger import TASKS, ledger_nights, read_night
from churn.handover.journal import JOURNAL, NO_RECORD, EventRecord, open_journal
from churn.handover.outbox import outbox_folder, read_all_events
from tests.servers import running_postgresql

ROOT = Path(__file__).parents[2]
SECRET = "whsec_" + "Q2h1cm4gaGFuZHMgY29udGFjdHMgb3Zlci4uLi4uLi4u"
CONTACTS = 60
SETTINGS: dict[str, Any] = {
    "score": {"budget": {"contacts": CONTACTS}},
    "contact": {"outbox": {"url": "${CHURN_WEBHOOK_URL}", "secret": SECRET, "backoff_seconds": 0.01}},
}
NEW_NIGHT = next(iter(STARTS))

PHASES = (
    "before the outbox was there",
    "before the first request",
    "while sending",
    "after the last request",
)
HEAD = (
    "| killed | rounds | files, then database, after the kill | problems "
    "| requests that a receiver without ids has twice | attempts without an answer in the journal |"
)


@dataclass(frozen=True)
class Repeats:
    """The requests beyond the first of each event, and the attempts without an answer by the journal."""

    n_requests: int = 0
    n_unknown: int = 0


@dataclass(frozen=True)
class Round:
    """What a killed night and the night after it did.

    Attributes:
        phase: Where the night was killed, one of `PHASES`.
        night: What was left in files, database, outbox and with the receiver.
        repeats: What a receiver has twice after the next night.
    """

    phase: str
    night: KilledNight
    repeats: Repeats


def table(n_moments: int, seed: int) -> Iterator[str]:
    """Yield the lines of the table: a row for each phase in which nights were killed, and what was checked.

    Args:
        n_moments: The number of nights that are killed.
        seed: Not used: the moments are evenly spaced.
    """
    yield HEAD
    yield "|---|---:|---|---:|---:|---:|"
    rounds: list[Round] = []
    with (
        tempfile.TemporaryDirectory(prefix="deliveries-") as text,
        _databases(Path(text)) as databases,
        _Endpoint(Path(text) / "received") as endpoint,
    ):
        outbox = OutboxReceiver(endpoint)
        workshop = NightWorkshop(Path(text) / "night", databases, [outbox], SETTINGS)
        seconds = workshop.cpu_seconds[NEW_NIGHT]
        for number in range(n_moments):
            night = workshop.kill(NEW_NIGHT, seconds * (number + 0.5) / n_moments)
            rounds.append(Round(outbox.phase, night, outbox.repeats))
            print(f"{number + 1} of {n_moments}: {rounds[-1]}", file=sys.stderr, flush=True)
    for phase in (*PHASES, "all"):
        own = [entry for entry in rounds if phase in (entry.phase, "all")]
        states = Counter(f"{entry.night.files}, {entry.night.database}" for entry in own)
        cells = [
            len(own),
            "; ".join(f"{state}: {count}" for state, count in sorted(states.items())),
            sum(len(entry.night.problems) for entry in own),
            sum(entry.repeats.n_requests for entry in own),
            sum(entry.repeats.n_unknown for entry in own),
        ]
        yield f"| {phase} | " + " | ".join(map(str, cells)) + " |"
    n_killed = sum(entry.night.code == -signal.SIGKILL for entry in rounds)
    yield ""
    yield (
        f"The database was {databases.kind}. {n_killed} of {n_moments} nights were killed, the others had "
        f"ended before; they left {workshop.n_calls_after} different states, and the next night was called "
        f"for each of these. An undisturbed night takes {seconds:.1f} CPU seconds."
    )
    for problem, count in sorted(Counter(p for entry in rounds for p in entry.night.problems).items()):
        yield f"\nPROBLEM {problem}: {count}"


@contextmanager
def _databases(folder: Path) -> Iterator[Database]:
    """Give the databases of a PostgreSQL server, or SQLite files where there is none."""
    try:
        server = running_postgresql()
        address = server.__enter__()
    except pytest.skip.Exception:
        (folder / "sqlite").mkdir()
        yield SqliteFiles(folder / "sqlite")
        return
    try:
        yield Server(address)
    finally:
        server.__exit__(None, None, None)


class OutboxReceiver:
    """The outbox of a night and the receiver of its events, as `NightWorkshop` looks at them.

    Attributes:
        phase: Where the last night was killed.
    """

    def __init__(self, endpoint: _Endpoint) -> None:
        self._endpoint = endpoint
        self._n_rounds = 0
        self._outbox: dict[str, bytes] = {}
        self._ids: dict[str, list[str]] = {}
        self._start = NEW_NIGHT
        self._project = Path()
        self._repeats_of_state: dict[str, Repeats] = {}
        self._state = ""
        self.phase = ""

    @property
    def repeats(self) -> Repeats:
        """Return what a receiver has twice after the night that followed the last state."""
        return self._repeats_of_state[self._state]

    def reset(self, start: str) -> None:
        """Let the next night send to a new address."""
        self._start = start
        self._n_rounds += 1
        self._endpoint.begin(f"round{self._n_rounds}")

    def note_whole_night(self, start: str, project: Path) -> None:
        """Keep the outbox and the events of an undisturbed night.

        Raises:
            RuntimeError: the night has too few contacts, or the receiver did not get each of them once.
        """
        self._outbox[start] = _outbox_bytes(project)
        self._ids[start] = sorted(self._endpoint.event_ids())
        if start != NEW_NIGHT:
            return
        planned = [
            event.id for event in read_all_events(project / "output") if str(event.timestamp.date()) >= MONDAY
        ]
        if len(planned) < CONTACTS // 2 or sorted(planned) != self._ids[start]:
            raise RuntimeError(f"{len(planned)} events, and the receiver has {len(self._ids[start])}")

    def problems_after_kill(self, project: Path) -> Iterator[str]:
        """Yield the mistakes that the outbox and the receiver show right after the kill."""
        self._project = project
        self.phase = self._phase()
        yield from self._problems_now()

    def problems_after_next(self, project: Path) -> Iterator[str]:
        """Yield the mistakes after the next night, and keep what a receiver has twice."""
        yield from self._problems_now()
        requests, ids = self._endpoint.requests(), self._endpoint.event_ids()
        expected = self._ids[self._start]
        if _outbox_bytes(project) != self._outbox[self._start]:
            yield "the outbox after the next night is not that of an undisturbed night"
        if missing := set(expected) - set(requests):
            yield f"{len(missing)} contacts never reached the receiver"
        if sorted(ids) != expected:
            yield "a receiver that looks at ids does not have each contact once"
        records = _records(project)
        for event in expected:
            record = records.get(event, NO_RECORD)
            if not record.attempts - record.n_unknown <= requests[event] <= record.attempts:
                yield f"{requests[event]} requests for an event, and the journal says {record}"
        self._repeats_of_state[self._state] = Repeats(
            sum(count - 1 for count in requests.values()),
            sum(records[event].n_unknown for event in expected if event in records),
        )

    def state(self) -> str:
        """Return a digest of outbox, journal and requests; times are left out."""
        records = _records(self._project)
        attempts = sorted(
            (event, record.attempts, record.n_unknown, record.is_delivered, record.is_open)
            for event, record in records.items()
        )
        files = sorted(path.name for path in outbox_folder(self._project / "output").glob("*"))
        requests = sorted(self._endpoint.requests().items())
        self._state = digest_of(files, _outbox_bytes(self._project).hex(), attempts, requests)
        return self._state

    def _problems_now(self) -> Iterator[str]:
        """Yield the mistakes that the files and the receiver show now."""
        output = self._project / "output"
        if self._start == NEW_NIGHT and _outbox_bytes(self._project) not in (b"", self._outbox[self._start]):
            yield "the outbox is half-written"
        arms = {
            task["task_id"]: task["arm"]
            for night in ledger_nights(output)
            for task in read_night(output, night).tasks[TASKS.names].to_dict("records")
        }
        handed_over = {event.data.task_id for event in read_all_events(output)} | self._endpoint.tasks()
        if unknown := handed_over - set(arms):
            yield f"{len(unknown)} contacts have no row in the ledger"
        if controls := [task for task in handed_over if arms.get(task, "treated") != "treated"]:
            yield f"{len(controls)} contacts of controls were handed over"

    def _phase(self) -> str:
        if not _outbox_bytes(self._project):
            return PHASES[0]
        own = set(self._ids[self._start])
        records = [record for event, record in _records(self._project).items() if event in own]
        if not records:
            return PHASES[1]
        is_over = len(records) == len(own) and all(record.is_delivered for record in records)
        return PHASES[3] if is_over else PHASES[2]


def _outbox_bytes(project: Path) -> bytes:
    """Return the events of the night that is killed; empty without them."""
    path = outbox_folder(project / "output") / f"cutoff={MONDAY}.jsonl"
    return path.read_bytes() if path.exists() else b""


def _records(project: Path) -> Mapping[str, EventRecord]:
    """Return the records of the journal; a copy is read, because opening a journal mends it."""
    journal_file = outbox_folder(project / "output") / JOURNAL
    if not journal_file.exists():
        return {}
    with tempfile.TemporaryDirectory() as text:
        shutil.copy(journal_file, text)
        with open_journal(Path(text)) as journal:
            return dict(journal.records)


class _Endpoint:
    """A receiver in a process of its own; each round has a path and a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = ""

    def __enter__(self) -> _Endpoint:
        listening = socket.create_server(("127.0.0.1", 0))
        self._port = listening.getsockname()[1]
        self._pid = os.fork()
        if not self._pid:
            _serve(listening, self._folder)
        listening.close()
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def begin(self, name: str) -> None:
        """Begin a round: verbs that start from now on send to its path."""
        self._name = name
        os.environ["CHURN_WEBHOOK_URL"] = f"http://127.0.0.1:{self._port}/{name}"

    def requests(self) -> Counter[str]:
        """Return how often each event came in this round."""
        path = self._folder / self._name / "requests"
        return Counter(path.read_text().split() if path.exists() else [])

    def event_ids(self) -> list[str]:
        """Return the ids of the events that a receiver without repeats holds of this round."""
        return [event["id"] for event in self._events()]

    def tasks(self) -> set[str]:
        """Return the tasks of the events of this round."""
        return {event["data"]["task_id"] for event in self._events()}

    def _events(self) -> list[dict[str, Any]]:
        path = self._folder / self._name / "events.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _serve(listening: socket.socket, folder: Path) -> None:
    """Serve until the process is killed."""
    spec = importlib.util.spec_from_file_location("receiver", ROOT / "examples" / "receiver" / "receiver.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    inboxes: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            own_folder = folder / self.path.strip("/")
            inbox = inboxes.setdefault(self.path, None) or example.Inbox(own_folder)
            inboxes[self.path] = inbox
            body = self.rfile.read(int(self.headers["content-length"]))
            # A night that is killed has a clock that stands still, so the age of a request is not looked at.
            sent_at = float(self.headers["webhook-timestamp"])
            is_signed = example.is_signed(SECRET, self.headers, body, sent_at)
            if is_signed:
                with (own_folder / "requests").open("a") as file:
                    file.write(f"{self.headers['webhook-id']}\n")
                inbox.add(self.headers["webhook-id"], json.loads(body))
            self.send_response(204 if is_signed else 401)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.serve_forever()
