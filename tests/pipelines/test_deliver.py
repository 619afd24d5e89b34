"""The verb deliver on a shop of three customers with a loopback receiver: words, exit codes, and secrets."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from churn.experiments.ledger import empty_ledger
from churn.handover.event import Event
from churn.handover.journal import open_journal
from churn.handover.outbox import night_path
from pipelines import cli
from tests.drawn_ledger import drawn, publish_page
from tests.drawn_outbox import NIGHT, SECRET, contact_planned
from tests.lock_holder import held_by_another_process
from tests.run_folders import copy_finished_run

PATH = "hooks/very-secret-path"
DAY = ("--cutoff", "2024-02-01")
EVENTS = [contact_planned(str(number)) for number in range(1, 4)]
PARAMS = """
source: raw
timezone: Europe/Berlin
tables: {customers: {}, orders: {}}
label: {kind: inactivity, table: orders, horizon_days: 28, active_days: 28}
contact:
  outbox:
    url: ${CHURN_WEBHOOK_URL}
    secret: ${CHURN_WEBHOOK_SECRET}
    backoff_seconds: 0.000001
    wait_seconds: 0
"""


@dataclass
class Loopback:
    """A receiver on this machine.

    Attributes:
        url: Its address.
        statuses: The statuses of its next answers; after them it answers 204.
        bodies: What it got.
    """

    url: str
    statuses: list[int] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def customers(self) -> list[str]:
        return [body["data"]["customer_id"] for body in self.bodies]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            loopback.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(loopback.statuses.pop(0) if loopback.statuses else 204)
            self.send_header("retry-after", "3600")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        loopback = Loopback(f"http://127.0.0.1:{server.server_port}/{PATH}")
        monkeypatch.setenv("CHURN_WEBHOOK_URL", loopback.url)
        monkeypatch.setenv("CHURN_WEBHOOK_SECRET", SECRET)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield loopback
        finally:
            server.shutdown()
            thread.join()


Verb = Callable[..., tuple[int, str, str]]


@pytest.fixture
def verb(tmp_path: Path, receiver: Loopback, capsys: pytest.CaptureFixture[str]) -> Verb:
    """Call a verb in the shop, whose outbox holds a contact of each of the customers c-1, c-2 and c-3."""
    raw = tmp_path / "raw"
    raw.mkdir()
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    write_customers(tmp_path)
    orders = "".join(f"c-{number},2024-01-{number:02d} 10:00:00,5\n" for number in range(1, 4))
    (raw / "orders.csv").write_text(f"customer_id,ordered_at,amount\n{orders}", encoding="utf-8")
    write_outbox(tmp_path / "output", EVENTS)

    def call(name: str, *arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(name, [*arguments, "--params", str(tmp_path / "params.yaml")])
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


def write_customers(folder: Path, objected: str = "", numbers: tuple[int, ...] = (1, 2, 3)) -> None:
    rows = (
        f"c-{number},2023-01-01 10:00:00,{'2024-02-01 05:00:00' if objected == f'c-{number}' else ''}\n"
        for number in numbers
    )
    text = "customer_id,signed_up_at,objected_at\n" + "".join(rows)
    (folder / "raw" / "customers.csv").write_text(text, encoding="utf-8")


def write_outbox(output: Path, events: list[Event], controls: tuple[str, ...] = ()) -> None:
    """Write the events of a night, and its page of the ledger with a task for each event."""
    empty = empty_ledger()
    rows = [
        dict.fromkeys(empty.tasks.columns)
        | event.data.model_dump(include=set(empty.tasks.columns))
        | {"unit": event.data.customer_id, "arm": "control" if event.data.task_id in controls else "treated"}
        for event in events
    ]
    publish_page(output, NIGHT, None, drawn([], rows))
    path = night_path(output, NIGHT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{event.line}\n" for event in events), encoding="utf-8")


def test_all_contacts_are_delivered_once_and_the_answer_is_0(verb: Verb, receiver: Loopback) -> None:
    code, out, err = verb("deliver", *DAY)
    again, out_again, _ = verb("deliver", *DAY)

    assert (code, again, err.count("warning")) == (0, 0, 0)
    assert receiver.customers == ["c-1", "c-2", "c-3"]
    assert "deliver: 3 events delivered to " in out
    assert "0 before" in out
    assert "0 events delivered" in out_again
    assert "3 before" in out_again


def test_what_waits_and_what_is_dead_is_said_with_17_and_comes_back(
    verb: Verb, receiver: Loopback, tmp_path: Path
) -> None:
    receiver.statuses = [204, 400, 503]

    code, _, err = verb("deliver", *DAY)
    code_later, _, err_later = verb("deliver", *DAY)
    dead = (tmp_path / "output" / "outbox" / "dead.jsonl").read_text()
    code_at_last, out, _ = verb("deliver", "--retry-dead", *DAY)

    assert (code, code_later, code_at_last) == (17, 17, 0)
    assert "1 event waits" in err
    assert "answer 503" in err
    assert "1 event is dead" in err_later
    assert "--retry-dead" in err_later
    assert [json.loads(line)["task_id"] for line in dead.splitlines()] == ["2"]
    assert "attempts again: 1" in out
    assert receiver.customers == ["c-1", "c-2", "c-3", "c-2", "c-3"]  # the second call lets the receiver rest
    assert not (tmp_path / "output" / "outbox" / "dead.jsonl").exists()


def test_a_receiver_that_is_gone_is_said_and_gets_no_more_requests(verb: Verb, receiver: Loopback) -> None:
    receiver.statuses = [410]

    code, _, err = verb("deliver", *DAY)
    code_later, _, err_later = verb("deliver", *DAY)

    assert (code, code_later, receiver.customers) == (17, 17, ["c-1"])
    assert "takes no events: answer 410 Gone. 3 events wait." in err
    assert "410" in err_later


def test_a_customer_who_objected_since_the_night_is_not_contacted(
    verb: Verb, receiver: Loopback, tmp_path: Path
) -> None:
    verb("ingest")
    write_customers(tmp_path, objected="c-2")

    code, out, _ = verb("deliver", *DAY)

    assert (code, receiver.customers) == (0, ["c-1", "c-3"])
    assert "1 not sent: objected to being contacted" in out


def test_a_customer_who_is_suppressed_or_gone_since_the_night_is_not_contacted(
    verb: Verb, receiver: Loopback, tmp_path: Path
) -> None:
    verb("ingest")
    write_customers(tmp_path, numbers=(1, 2))
    (tmp_path / "stop.csv").write_text("customer_id\nc-1\n")

    code, out, _ = verb(
        "deliver", "--set", "contact.suppression=[stop.csv]", "--set", "check.max_rejects=1", *DAY
    )

    assert (code, receiver.customers) == (0, ["c-2"])
    assert "1 not sent: on a suppression list" in out
    assert "1 not sent: no longer a customer in the data" in out


def test_a_channel_that_needs_a_consent_which_nobody_gave_is_not_used(verb: Verb, receiver: Loopback) -> None:
    code, out, _ = verb("deliver", "--set", "contact.consent_channels=[email]", *DAY)

    assert (code, receiver.customers) == (0, [])
    assert "3 not sent: no consent for email" in out


def test_the_task_of_a_control_is_never_sent(verb: Verb, receiver: Loopback, tmp_path: Path) -> None:
    write_outbox(tmp_path / "output", EVENTS, controls=("2",))

    code, out, _ = verb("deliver", *DAY)

    assert (code, receiver.customers) == (0, ["c-1", "c-3"])
    assert "1 not sent: the ledger has no such task of a treated customer" in out


@pytest.mark.parametrize(("arguments", "sent"), [((), 0), (("--cutoff", "2024-03-03"), 3)])
def test_an_expired_contact_is_not_sent_by_the_day_of_the_clock_or_of_the_call(
    verb: Verb, receiver: Loopback, arguments: tuple[str, ...], sent: int
) -> None:
    code, out, _ = verb("deliver", *arguments)

    assert (code, len(receiver.bodies)) == (0, sent)
    assert ("3 not sent: the task has expired (today is " in out) == (sent == 0)


def test_an_answered_task_is_not_sent(verb: Verb, receiver: Loopback, tmp_path: Path) -> None:
    rows = ("c-1,2024-01-31 09:00:00,1,done", "c-2,2024-01-31 09:00:00,2,no answer")
    head = "customer_id,contacted_at,task_id,result"
    (tmp_path / "raw" / "contacts.csv").write_text("\n".join([head, *rows, ""]))
    settings = ("--set", "tables.contacts={}", "--set", "snapshot.watermark=2024-02-02")

    code, out, _ = verb("deliver", *settings, *DAY)

    assert (code, receiver.customers) == (0, ["c-2", "c-3"])
    assert "1 not sent: the task is answered already" in out


def test_neither_secret_nor_address_nor_contact_is_shown(
    verb: Verb, receiver: Loopback, tmp_path: Path
) -> None:
    receiver.statuses = [400, 307]

    texts = [*verb("deliver", *DAY)[1:], *verb("deliver", "--debug", *DAY)[1:]]

    folder = tmp_path / "output" / "outbox"
    texts += [(folder / name).read_text() for name in ("journal.jsonl", "dead.jsonl")]
    for text in texts:
        for private in (PATH, SECRET.removeprefix("whsec_"), "Ann", "c-1", "40 days"):
            assert private not in text


def test_without_a_receiver_the_way_out_is_said(verb: Verb, receiver: Loopback, tmp_path: Path) -> None:
    for outbox in ("null", "{}"):
        code, _, err = verb("deliver", "--set", f"contact.outbox={outbox}")

        assert code == 10
        assert "contact.outbox.url names no receiver" in err
    assert receiver.bodies == []


def test_a_second_delivery_at_the_same_time_is_refused(
    verb: Verb, receiver: Loopback, tmp_path: Path
) -> None:
    with held_by_another_process(tmp_path / "output" / "outbox" / ".lock", "`churn deliver`"):
        code, _, err = verb("deliver", *DAY)

    assert code == 16
    assert "`churn deliver`" in err
    assert receiver.bodies == []


def test_a_damaged_journal_stops_before_anything_is_sent(
    verb: Verb, receiver: Loopback, tmp_path: Path
) -> None:
    (tmp_path / "output" / "outbox" / "journal.jsonl").write_text("{}\n")

    code, _, err = verb("deliver", *DAY)

    assert (code, receiver.bodies) == (11, [])
    assert "journal.jsonl:1" in err


class Killed(BaseException):
    """A SIGKILL, for a test: nothing of this program writes after it."""


def kill_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Kill the process before its n-th line of the journal is on the disk, and let it write nothing later."""
    sync, calls = os.fsync, [0]

    def count(descriptor: int) -> None:
        calls[0] += 1
        if calls[0] >= step:
            raise Killed
        sync(descriptor)

    patch.setattr(os, "fsync", count)


@pytest.mark.parametrize("step", range(1, 9))
def test_a_delivery_killed_at_any_step_loses_no_contact_and_repeats_only_where_the_answer_was_lost(
    verb: Verb, receiver: Loopback, tmp_path: Path, step: int
) -> None:
    verb("ingest")
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, step)
        with suppress(Killed):
            verb("deliver", *DAY)

    code, out, _ = verb("deliver", *DAY)

    with open_journal(tmp_path / "output" / "outbox") as journal:
        records = journal.records
    requests = Counter(receiver.customers)
    assert code == 0
    assert set(requests) == {"c-1", "c-2", "c-3"}
    for task, record in ((event.data.task_id, records[event.id]) for event in EVENTS):
        assert record.attempts - record.n_unknown <= requests[f"c-{task}"] <= record.attempts
        assert record.is_delivered
    n_unknown = sum(record.n_unknown for record in records.values())
    assert sum(requests.values()) - 3 <= n_unknown <= 1
    assert ("without a known answer" in out) == bool(n_unknown)


# --- after a night


def _kill(*_: object) -> None:
    raise Killed


@pytest.mark.slow
def test_a_night_hands_over_its_treated_contacts_and_a_repeat_hands_over_nothing(
    small_run: Path, tmp_path: Path, receiver: Loopback, capsys: pytest.CaptureFixture[str]
) -> None:
    work = copy_finished_run(small_run, tmp_path / "work")
    night = date(2025, 10, 1)
    outbox = "contact.outbox={url: '${CHURN_WEBHOOK_URL}', secret: '${CHURN_WEBHOOK_SECRET}'}"
    call = ["--params", str(work / "params.yaml"), "--set", outbox]
    path = night_path(work / "output", night)
    assert not path.parent.exists()  # off by default
    for name in ("ledger", "scores", "calls"):
        shutil.rmtree(work / "output" / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.score.publish", _kill)
        with suppress(Killed):
            cli.main("score", call)
    assert not path.exists()  # the ledger of the night is not published
    assert receiver.bodies == []

    code = cli.main("score", call)
    out = capsys.readouterr().out
    data = path.read_bytes()
    again = cli.main("score", call)

    tasks = pq.read_table(work / "output" / "ledger" / f"cutoff={night}" / "tasks.parquet").to_pylist()
    treated = {task["task_id"] for task in tasks if task["arm"] == "treated"}
    assert {"advocates", "win-back"} & {task["play"] for task in tasks}
    assert (code, again, path.read_bytes() == data) == (0, 0, True)
    assert len(treated) < len(tasks)
    assert {body["data"]["task_id"] for body in receiver.bodies} == treated
    assert len(receiver.bodies) == len(treated)
    assert all(body["data"]["message"] for body in receiver.bodies if body["data"]["template"])
    assert f"outbox: {len(treated):,} contacts planned" in out
    assert datetime.fromisoformat(receiver.bodies[0]["timestamp"]) < datetime(2025, 10, 1, 1, tzinfo=UTC)
