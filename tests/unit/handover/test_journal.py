"""The journal: what it knows after each line, and how it heals."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from churn.errors import SourceError
from churn.handover.journal import JOURNAL, JournalLine
from tests.drawn_outbox import journal_in


def attempt(number: int = 1) -> JournalLine:
    return JournalLine(at=1.0, kind="attempt", event="e", attempt=number)


def result(what: str, number: int = 1, **changes: object) -> JournalLine:
    values = {"at": 2.0, "kind": "result", "event": "e", "attempt": number, "result": what}
    return JournalLine.model_validate(values | changes)


def after(folder: Path, *lines: JournalLine) -> tuple[int, int, bool, bool]:
    with journal_in(folder) as journal:
        for line in lines:
            journal.append(line)
    with journal_in(folder) as journal:
        record = journal.record_of("e")
        return record.attempts, record.n_unknown, record.is_delivered, record.is_dead


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([attempt()], (1, 1, False, False)),
        ([attempt(), result("delivered")], (1, 0, True, False)),
        ([attempt(), attempt(2), result("delivered", 2)], (2, 1, True, False)),
        ([attempt(), result("unknown")], (1, 1, False, False)),
        ([attempt(), result("failed")], (1, 0, False, False)),
        ([attempt(), result("refused")], (1, 0, False, True)),
        ([attempt(), result("given up")], (1, 1, False, True)),
        ([attempt(), result("unknown"), result("given up")], (1, 1, False, True)),
        ([attempt(), result("refused"), JournalLine(at=3.0, kind="retry", event="e")], (1, 0, False, False)),
    ],
    ids=[
        *("killed before the answer", "delivered", "killed once, then delivered", "no answer", "failed"),
        *("refused", "given up after a kill", "given up after no answer", "tried again"),
    ],
)
def test_attempts_and_unknown_answers_are_counted_exactly(
    tmp_path: Path, lines: list[JournalLine], expected: tuple[int, int, bool, bool]
) -> None:
    assert after(tmp_path, *lines) == expected


def test_each_line_is_on_the_disk_before_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    with journal_in(tmp_path) as journal:
        monkeypatch.setattr(os, "fsync", lambda descriptor: sizes.append(os.fstat(descriptor).st_size))
        for line in (attempt(), result("delivered")):
            journal.append(line)
            assert sizes[-1:] == [(tmp_path / JOURNAL).stat().st_size]

    assert len(sizes) == 2


def test_a_torn_last_line_is_cut_off_and_the_attempt_before_it_has_no_answer(tmp_path: Path) -> None:
    after(tmp_path, attempt(), result("delivered"))
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    first_line = whole.index(b"\n") + 1

    for length in range(first_line, len(whole)):
        path.write_bytes(whole[:length])

        assert after(tmp_path) == (1, 1, False, False)
        assert path.read_bytes() == whole[:first_line]


def test_a_torn_attempt_was_never_sent(tmp_path: Path) -> None:
    after(tmp_path, attempt())
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes()[:-1])

    assert after(tmp_path) == (0, 0, False, False)


def test_a_damaged_line_in_the_middle_is_named_and_nothing_is_changed(tmp_path: Path) -> None:
    after(tmp_path, attempt(), result("delivered"))
    path = tmp_path / JOURNAL
    damaged = path.read_bytes().replace(b'"kind":"attempt"', b'"kind":"attemqt"')
    path.write_bytes(damaged)

    with pytest.raises(SourceError, match=r"journal.jsonl:1: .* Restore"):
        after(tmp_path)

    assert path.read_bytes() == damaged
