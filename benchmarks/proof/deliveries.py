"""Whether contacts are handed over once although nights are killed.

Each round begins with the same small company, kills `churn score` by SIGKILL at one of the moments that are
spread evenly over a whole night with its delivery, and calls `churn score` again. The receiver is a process
of its own. It notes each request, as a receiver does that looks at no id, and it keeps each event once by its
`webhook-id`, as the example of a receiver does.
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
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from benchmarks.kills.process import Verb, import_what_verbs_import, run_verb
from benchmarks.kills.world import write_project, write_source
from churn.experiments.ledger import TASKS, ledger_nights, read_night
from churn.handover.journal import NO_RECORD, EventRecord, open_journal
from churn.handover.outbox import outbox_folder, read_all_events

ROOT = Path(__file__).parents[2]
SECRET = "whsec_" + "Q2h1cm4gaGFuZHMgY29udGFjdHMgb3Zlci4uLi4uLi4u"
CONTACTS = 60
PLAYBOOK: dict[str, Any] = {
    "plays": [
        {
            "name": "say-hello",
            "when": {"churn_probability": {"at_least": 0.001}},
            "action": "Write a mail",
            "owner": "customer success",
            "channel": "email",
            "due_in_days": 3,
            "success": "An answer",
        }
    ]
}
HEAD = (
    "| killed | rounds | half-written outboxes | contacts without ledger | contacts of controls "
    "| contacts lost | contacts that a receiver with ids has twice "
    "| requests that a receiver without ids has twice | attempts without an answer in the journal |"
)


@dataclass(frozen=True)
class Round:
    """What a killed night and the night after it did.

    Attributes:
        phase: Where the night was killed.
        problems: The number of mistakes of each kind.
        n_repeats: The requests beyond the first of each event.
        n_unknown: The attempts without an answer, by the journal.
    """

    phase: str
    problems: Mapping[str, int]
    n_repeats: int
    n_unknown: int


PHASES = (
    "before the outbox was there",
    "before the first request",
    "while sending",
    "after the last request",
)
KINDS = ("half-written", "without ledger", "of controls", "lost", "twice")


def table(n_moments: int, seed: int) -> Iterator[str]:
    """Yield the lines of the table: a row for each phase in which nights were killed.

    Args:
        n_moments: The number of nights that are killed.
        seed: Not used: the moments are evenly spaced.
    """
    yield HEAD
    yield "|" + "---|" * HEAD.count(" |")
    rounds = list(killed_nights(n_moments))
    for phase in (*PHASES, "all"):
        own = [entry for entry in rounds if phase in (entry.phase, "all")]
        cells = [len(own), *(sum(entry.problems[kind] for entry in own) for kind in KINDS)]
        cells += [sum(entry.n_repeats for entry in own), sum(entry.n_unknown for entry in own)]
        yield f"| {phase} | " + " | ".join(map(str, cells)) + " |"


def killed_nights(n_moments: int) -> Iterator[Round]:
    """Kill a night at each of the evenly spaced moments, and yield what it and the next night did.

    Raises:
        RuntimeError: a whole night fails, or the journal contradicts the requests of the receiver.
    """
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        with _Receiver(folder / "received") as receiver:
            company = _Company(folder, receiver)
            for moment in range(1, n_moments + 1):
                entry = company.kill_after(moment / n_moments, f"round{moment}")
                print(f"{moment} of {n_moments}: {entry}", file=sys.stderr, flush=True)
                yield entry


class _Company:
    """A small company whose model is trained, and which has no night yet."""

    def __init__(self, folder: Path, receiver: _Receiver) -> None:
        self._receiver = receiver
        self._project = folder / "project"
        self._before = folder / "before"
        source = folder / "source"
        write_source(source)
        write_project(self._project, source)
        path = self._project / "params.yaml"
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
        params["score"] = {"budget": {"contacts": CONTACTS}}
        params["contact"] = {
            "outbox": {"url": "${CHURN_WEBHOOK_URL}", "secret": SECRET, "backoff_seconds": 0.01}
        }
        path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
        (self._project / "playbook.yaml").write_text(yaml.safe_dump(PLAYBOOK), encoding="utf-8")
        receiver.begin("training")
        _run_to_its_end(self._project, "run")
        for name in ("scores", "calls", "ledger", "outbox"):
            shutil.rmtree(self._project / "output" / name)
        shutil.copytree(self._project / "output", self._before, symlinks=True)
        import_what_verbs_import(self._project, "score")
        self._begin("whole")
        self._seconds = self._time_night()
        self._outbox = self._outbox_bytes()
        self._ids = [event.id for event in read_all_events(self._output)]
        if len(self._ids) < CONTACTS // 2:
            raise RuntimeError(f"the night plans only {len(self._ids)} contacts")

    @property
    def _output(self) -> Path:
        return self._project / "output"

    def kill_after(self, share: float, name: str) -> Round:
        """Kill a night after a share of its time, call the next one, and compare files, ledger and requests.

        The time is that of the last whole night, because a busy machine is not always equally busy.
        """
        self._begin(name)
        verb = Verb(self._project, "score")
        time.sleep(share * self._seconds)
        verb.send(signal.SIGKILL)
        verb.end()
        problems = Counter(self._problems())
        phase = self._phase()
        self._seconds = self._time_night()
        problems.update(self._problems())
        requests, ids = self._receiver.requests(), self._receiver.event_ids()
        problems["half-written"] += self._outbox_bytes() != self._outbox
        problems["lost"] += len(set(self._ids) - set(requests))
        problems["twice"] += len(ids) - len(set(ids)) + len(set(ids) ^ set(self._ids))
        records = self._records()
        for event in self._ids:
            record = records.get(event, NO_RECORD)
            if not record.attempts - record.n_unknown <= requests[event] <= record.attempts:
                raise RuntimeError(f"{event}: {requests[event]} requests, and the journal says {record}")
        n_repeats = sum(count - 1 for count in requests.values())
        return Round(phase, problems, n_repeats, sum(record.n_unknown for record in records.values()))

    def _begin(self, name: str) -> None:
        shutil.rmtree(self._output)
        shutil.copytree(self._before, self._output, symlinks=True)
        self._receiver.begin(name)

    def _time_night(self) -> float:
        start = time.perf_counter()
        _run_to_its_end(self._project, "score")
        return time.perf_counter() - start

    def _outbox_bytes(self) -> bytes:
        files = sorted(outbox_folder(self._output).glob("cutoff=*.jsonl"))
        return b"".join(path.read_bytes() for path in files)

    def _records(self) -> Mapping[str, EventRecord]:
        if not outbox_folder(self._output).is_dir():
            return {}
        with open_journal(outbox_folder(self._output)) as journal:
            return dict(journal.records)

    def _problems(self) -> Iterator[str]:
        """Yield the kind of each mistake that the files and the receiver show now."""
        if self._outbox_bytes() not in (b"", self._outbox):
            yield "half-written"
        arms = {
            task["task_id"]: task["arm"]
            for night in ledger_nights(self._output)
            for task in read_night(self._output, night).tasks[TASKS.names].to_dict("records")
        }
        handed_over = [event.data.task_id for event in read_all_events(self._output)]
        for task_id in {*handed_over, *self._receiver.tasks()}:
            if task_id not in arms:
                yield "without ledger"
            elif arms[task_id] != "treated":
                yield "of controls"

    def _phase(self) -> str:
        if not self._outbox_bytes():
            return PHASES[0]
        records = self._records()
        if not records:
            return PHASES[1]
        is_over = len(records) == len(self._ids) and all(record.is_delivered for record in records.values())
        return PHASES[3] if is_over else PHASES[2]


def _run_to_its_end(project: Path, verb: str) -> None:
    ending = run_verb(project, verb)
    if ending.code:
        raise RuntimeError(f"a whole {verb} ended with {ending.code}:\n{ending.text}")


class _Receiver:
    """A receiver in a process of its own; each round has a path and a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = ""

    def __enter__(self) -> _Receiver:
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
            is_signed = example.is_signed(SECRET, self.headers, body, datetime.now(UTC).timestamp())
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
