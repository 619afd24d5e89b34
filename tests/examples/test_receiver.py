"""The example of a receiver: what it takes, what it refuses, and the answers that churn reads."""

from __future__ import annotations

import csv
import importlib.util
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from churn.data.tables import CANONICAL_TABLES
from churn.handover.webhook import Endpoint, send, sign
from churn.params import OutboxParams
from churn.params.outbox import signing_keys
from tests.drawn_outbox import OTHER_SECRET, SECRET, contact_planned, contact_withdrawn

FILE = Path(__file__).parents[2] / "examples" / "receiver" / "receiver.py"


@pytest.fixture(scope="module")
def receiver() -> ModuleType:
    spec = importlib.util.spec_from_file_location("receiver", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Running:
    """A receiver that runs, and its folder."""

    folder: Path
    port: int

    def send(self, event, secret: str = SECRET, now: float | None = None) -> int | None:
        url = f"http://127.0.0.1:{self.port}/"
        moment = datetime.now(UTC).timestamp() if now is None else now
        return send(Endpoint.of(OutboxParams(url=url, secret=secret)), event.id, event.body, moment).status

    @property
    def ids(self) -> list[str]:
        path = self.folder / "events.jsonl"
        return [json.loads(line)["id"] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def running(receiver: ModuleType, tmp_path: Path) -> Iterator[Running]:
    handler = receiver.handler_of(receiver.Inbox(tmp_path), SECRET)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Running(tmp_path, server.server_port)
        finally:
            server.shutdown()
            thread.join()


def test_an_event_is_kept_once_however_often_it_comes(running: Running) -> None:
    event, other = contact_planned("t1"), contact_planned("t2")

    statuses = [running.send(event), running.send(event), running.send(other), running.send(event)]

    assert statuses == [204] * 4
    assert running.ids == [event.id, other.id]


def test_a_request_without_the_secret_or_an_old_one_is_refused(running: Running) -> None:
    event = contact_planned("t1")
    now = datetime.now(UTC).timestamp()

    statuses = [running.send(event, OTHER_SECRET), running.send(event, now=now - 3600)]

    assert statuses == [401, 401]
    assert running.ids == []


def test_one_of_two_secrets_is_enough_while_one_replaces_the_other(receiver: ModuleType) -> None:
    body = b"{}"
    headers = {
        "webhook-id": "e",
        "webhook-timestamp": "100",
        "webhook-signature": sign(signing_keys(f"{OTHER_SECRET} {SECRET}"), "e", 100, body),
    }

    assert receiver.is_signed(SECRET, headers, body, 101.0)
    assert not receiver.is_signed(SECRET, headers, b"{ }", 101.0)
    assert not receiver.is_signed(SECRET, headers | {"webhook-id": "f"}, body, 101.0)
    assert not receiver.is_signed(SECRET, headers, body, 1000.0)


def test_a_line_that_a_crash_has_cut_off_was_never_confirmed_and_comes_again(
    receiver: ModuleType, tmp_path: Path
) -> None:
    event = json.loads(contact_planned("t1").body)
    receiver.Inbox(tmp_path).add("e1", event)
    path = tmp_path / "events.jsonl"
    path.write_bytes(path.read_bytes() + b'{"id": "e2", "ty')

    inbox = receiver.Inbox(tmp_path)

    assert (inbox.add("e1", event), inbox.add("e2", event)) == (False, True)
    assert [entry["id"] for entry in inbox.events()] == ["e1", "e2"]


def test_looking_at_the_contacts_loses_no_event_that_comes_meanwhile(
    receiver: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, serving = json.loads(contact_planned("t1").body), receiver.Inbox(tmp_path)
    serving.add("e1", event)
    read = Path.read_bytes

    def read_while_an_event_comes(path: Path) -> bytes:
        data = read(path)
        serving.add("e2", event)
        return data

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", read_while_an_event_comes)
        receiver.Inbox(tmp_path)

    assert [entry["id"] for entry in serving.events()] == ["e1", "e2"]


def test_an_event_that_a_full_disk_has_torn_does_not_spoil_the_next_one(
    receiver: ModuleType, tmp_path: Path
) -> None:
    event, inbox = json.loads(contact_planned("t1").body), receiver.Inbox(tmp_path)
    inbox.add("e1", event)
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"id": "e2", "ty')

    inbox.add("e3", event)

    assert [entry["id"] for entry in receiver.Inbox(tmp_path).events()] == ["e1", "e3"]


@pytest.mark.parametrize("letter", ["\u2028", "\u2029", "\x85", "\r", "\x0c"])
def test_a_name_with_a_line_end_of_a_text_stays_one_line(
    receiver: ModuleType, tmp_path: Path, letter: str
) -> None:
    name = f"Ann{letter}Lee"
    receiver.Inbox(tmp_path).add("e1", json.loads(contact_planned("t1", name=name).body))

    contacts = receiver.Inbox(tmp_path).contacts(date(2024, 2, 1))

    assert [contact["name"] for contact in contacts] == [name]


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "\xb2", "1" * 5000])
def test_a_time_that_is_no_number_is_refused(receiver: ModuleType, timestamp: str) -> None:
    headers = {"webhook-id": "e", "webhook-timestamp": timestamp, "webhook-signature": "v1,x"}

    assert not receiver.is_signed(SECRET, headers, b"{}", 1.0)


def test_contacts_are_those_that_are_planned_and_not_withdrawn_or_expired(
    receiver: ModuleType, tmp_path: Path
) -> None:
    inbox = receiver.Inbox(tmp_path)
    events = [
        contact_planned("t1"),
        contact_planned("t2", due_at=date(2024, 2, 3)),
        contact_planned("t3"),
        contact_withdrawn("t1"),
        contact_withdrawn("t3"),
        contact_planned("t3", 2),
        contact_planned("t4", expires_on=date(2024, 2, 10)),
        contact_withdrawn("t5"),
    ]
    for event in events:
        inbox.add(event.id, json.loads(event.body))

    assert [contact["task_id"] for contact in inbox.contacts(date(2024, 2, 10))] == ["t2", "t3"]


def test_answers_are_the_table_contacts(receiver: ModuleType, tmp_path: Path) -> None:
    inbox, now = receiver.Inbox(tmp_path), datetime(2024, 2, 5, 9, tzinfo=UTC)
    for task in ("t1", "t2"):
        inbox.add(task, json.loads(contact_planned(task).body))

    receiver.write_answer(tmp_path, "t1", "done", None, now)
    receiver.write_answer(tmp_path, "t2", "snoozed", "2024-02-20", now)

    rows = list(csv.DictReader((tmp_path / "contacts.csv").read_text().splitlines()))
    known = {"customer_id", *(column.name for column in CANONICAL_TABLES["contacts"].columns)}
    assert set(rows[0]) <= known
    assert [(row["customer_id"], row["task_id"], row["result"], row["snoozed_until"]) for row in rows] == [
        ("c-t1", "t1", "done", ""),
        ("c-t2", "t2", "snoozed", "2024-02-20"),
    ]


@pytest.mark.parametrize(("task", "result", "until"), [("t9", "done", None), ("t1", "snoozed", None)])
def test_an_answer_that_says_nothing_is_refused(
    receiver: ModuleType, tmp_path: Path, task: str, result: str, until: str | None
) -> None:
    receiver.Inbox(tmp_path).add("e1", json.loads(contact_planned("t1").body))

    with pytest.raises(SystemExit):
        receiver.write_answer(tmp_path, task, result, until, datetime(2024, 2, 5, tzinfo=UTC))

    assert not (tmp_path / "contacts.csv").exists()
