"""The benchmark of killed nights sees each fault that an outbox or a receiver may have."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.kills.night import SqliteFiles
from benchmarks.proof import deliveries
from benchmarks.proof.deliveries import MONDAY, NEW_NIGHT, PHASES, OutboxReceiver


class FakeEndpoint:
    """A receiver whose requests a test draws."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def begin(self, name: str) -> None:
        self.ids = []

    def requests(self) -> Counter[str]:
        return Counter(self.ids)

    def event_ids(self) -> list[str]:
        return list(dict.fromkeys(self.ids))

    def tasks(self) -> set[str]:
        return set()


@pytest.fixture
def endpoint() -> FakeEndpoint:
    return FakeEndpoint()


@pytest.fixture
def outbox(endpoint: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OutboxReceiver:
    """An outbox whose undisturbed night has the events `a` and `b`."""
    monkeypatch.setattr(deliveries, "read_all_events", lambda output: [])
    receiver = OutboxReceiver(endpoint)  # type: ignore[arg-type]
    receiver._outbox = {NEW_NIGHT: b"a\nb\n"}
    receiver._ids = {NEW_NIGHT: ["a", "b"]}
    receiver.reset(NEW_NIGHT)
    (tmp_path / "output" / "outbox").mkdir(parents=True)
    (tmp_path / "output" / "ledger").mkdir()
    return receiver


def write(project: Path, events: str, journal: str = "") -> None:
    folder = project / "output" / "outbox"
    (folder / f"cutoff={MONDAY}.jsonl").write_text(events)
    (folder / "journal.jsonl").write_text(journal)


def attempt(event: str, result: str | None = None) -> str:
    line = f'{{"at":1,"kind":"attempt","event":"{event}","attempt":1}}\n'
    if result:
        line += f'{{"at":1,"kind":"result","event":"{event}","attempt":1,"result":"{result}"}}\n'
    return line


DONE_B = attempt("b", "delivered")


def problems(outbox: OutboxReceiver, project: Path) -> str:
    after_kill = [*outbox.problems_after_kill(project)]
    outbox.state()
    return "; ".join([*after_kill, *outbox.problems_after_next(project)])


def test_a_whole_night_has_no_problem(outbox: OutboxReceiver, endpoint: FakeEndpoint, tmp_path: Path) -> None:
    write(tmp_path, "a\nb\n", attempt("a", "delivered") + attempt("b", "delivered"))
    endpoint.ids = ["a", "b"]

    assert problems(outbox, tmp_path) == ""
    assert (outbox.phase, outbox.repeats.n_requests) == (PHASES[3], 0)


def test_a_repeat_after_a_lost_answer_is_counted_and_no_problem(
    outbox: OutboxReceiver, endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    twice = attempt("b") + attempt("b", "delivered").replace('"attempt":1', '"attempt":2')
    write(tmp_path, "a\nb\n", attempt("a", "delivered") + twice)
    endpoint.ids = ["a", "b", "b"]

    assert problems(outbox, tmp_path) == ""
    assert (outbox.repeats.n_requests, outbox.repeats.n_unknown) == (1, 1)


@pytest.mark.parametrize(
    ("events", "journal", "requests", "words"),
    [
        ("a\n", "", [], "the outbox is half-written"),
        ("a\nb\n", attempt("a", "delivered"), ["a"], "1 contacts never reached the receiver"),
        ("a\nb\n", attempt("a", "delivered") + DONE_B, ["a", "b", "b"], "2 requests for"),
        (
            "a\nb\n",
            attempt("a", "delivered") + attempt("b", "delivered"),
            ["a", "b", "c"],
            "each contact once",
        ),
    ],
)
def test_each_fault_is_a_problem(
    outbox: OutboxReceiver,
    endpoint: FakeEndpoint,
    tmp_path: Path,
    events: str,
    journal: str,
    requests: list[str],
    words: str,
) -> None:
    write(tmp_path, events, journal)
    endpoint.ids = requests

    assert words in problems(outbox, tmp_path)


def test_a_contact_without_a_row_of_the_ledger_is_a_problem(
    outbox: OutboxReceiver, endpoint: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a\nb\n")
    monkeypatch.setattr(endpoint, "tasks", lambda: {"t"})

    assert "1 contacts have no row in the ledger" in problems(outbox, tmp_path)


def test_a_copied_sqlite_file_has_the_same_rows_and_no_journal_of_a_killed_writer(tmp_path: Path) -> None:
    files = SqliteFiles(tmp_path)
    (tmp_path / "night.sqlite-journal").write_bytes(b"x")
    files.copy("night", "template1")

    assert files.dump("night") == {}
    assert [*tmp_path.iterdir()] == []
