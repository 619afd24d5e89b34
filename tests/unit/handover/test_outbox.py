"""The files of the outbox: whole or not there, never without the ledger, never for a backfill."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from churn.contact.night import History, PlannedNight, score_night
from churn.contact.tasks import task_states
from churn.errors import SourceError
from churn.experiments.ledger import (
    ledger_nights,
    night_folder,
    publish,
    read_ledger,
    recover,
    stage,
    tasks_of,
)
from churn.handover.events import EventTerms, NightFacts
from churn.handover.outbox import (
    StagedEvents,
    night_path,
    outbox_folder,
    publish_events,
    read_all_events,
    read_events,
    recover_events,
    stage_night,
)
from tests.drawn_outbox import company_in
from tests.night_company import CUTOFF, acts_of

TERMS = EventTerms("en", "UTC")
NEXT = date(2024, 2, 1)


class Killed(BaseException):
    """A SIGKILL, for a test: nothing of this program runs after it."""


def planned_night(output: Path, cutoff: date = CUTOFF) -> tuple[PlannedNight, NightFacts]:
    company = company_in(output)
    company.cutoff = cutoff
    planned = score_night(**vars(company))
    assert planned.ledger is not None
    return planned, NightFacts(
        cutoff=cutoff,
        new_tasks=tasks_of(planned.ledger),
        earlier_tasks=company.history.ledger.tasks,
        states=company.acts.states,
        scores=planned.night.scores,
        signals=company.frame,
        names=company.names,
        playbook=company.playbook,
    )


def hand_over(output: Path, planned: PlannedNight, facts: NightFacts) -> StagedEvents:
    """Do what `churn score` does with ledger and outbox; the scores stand for the file `scores`."""
    page = planned.ledger
    assert page is not None
    scores = output / f"scores-{facts.cutoff}"
    recover(output, lambda night: (output / f"scores-{night}").read_text() if scores.exists() else None)
    recover_events(output)
    stage(output, page)
    staged = stage_night(output, facts, TERMS, read_ledger(output, facts.cutoff), page.digest)
    new = output / ".scores.new"
    new.write_text(page.digest)
    os.replace(new, scores)
    publish(output, facts.cutoff)
    if staged.is_staged:
        publish_events(output, facts.cutoff, page.digest)
    return staged


@contextmanager
def killed_at_step(step: int) -> Iterator[list[int]]:
    """Kill what runs in the block before its n-th call of a function that publishes or removes."""
    calls = [0]

    def counted(function):
        def call(*args, **kwargs):
            calls[0] += 1
            if calls[0] == step:
                raise Killed
            if calls[0] > step:
                raise Killed  # a killed process does not clean up
            return function(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "rename", "unlink", "fsync"):
            patch.setattr(os, name, counted(getattr(os, name)))
        yield calls


def assert_each_event_has_its_ledger(output: Path) -> None:
    for event in read_all_events(output):
        night = date.fromisoformat(str(event.timestamp.date()))
        tasks = read_ledger(output, date.max).tasks
        assert night in ledger_nights(output)
        assert event.data.task_id in set(tasks["task_id"])


def test_a_night_killed_at_any_step_leaves_no_event_without_ledger_and_the_next_one_ends_it(
    tmp_path: Path,
) -> None:
    planned, facts = planned_night(tmp_path / "reference")
    hand_over(tmp_path / "reference", planned, facts)
    expected = night_path(tmp_path / "reference", CUTOFF).read_bytes()
    step, was_killed = 0, True

    while was_killed:
        step += 1
        output = tmp_path / str(step)
        output.mkdir()
        with killed_at_step(step) as calls, suppress(Killed):
            hand_over(output, planned, facts)
        was_killed = calls[0] >= step
        assert_each_event_has_its_ledger(output)
        path = night_path(output, CUTOFF)
        assert not path.exists() or path.read_bytes() == expected

        hand_over(output, planned, facts)

        assert path.read_bytes() == expected
        assert [file.name for file in outbox_folder(output).iterdir()] == [path.name]
    assert step > 8
    assert len(expected.splitlines()) == 2


def test_a_night_killed_before_its_events_are_published_is_ended_by_the_night_after(tmp_path: Path) -> None:
    planned, facts = planned_night(tmp_path)
    page = planned.ledger
    assert page is not None
    stage(tmp_path, page)
    stage_night(tmp_path, facts, TERMS, read_ledger(tmp_path, CUTOFF), page.digest)
    publish(tmp_path, CUTOFF)
    assert read_all_events(tmp_path) == []

    recover_events(tmp_path)

    assert len(read_all_events(tmp_path)) == 2


def test_pending_events_of_a_night_that_never_came_to_be_are_dropped(tmp_path: Path) -> None:
    planned, facts = planned_night(tmp_path)
    page = planned.ledger
    assert page is not None
    stage_night(tmp_path, facts, TERMS, read_ledger(tmp_path, CUTOFF), page.digest)

    recover_events(tmp_path)

    assert list(outbox_folder(tmp_path).iterdir()) == []


def test_pending_events_of_another_page_of_the_night_are_dropped(tmp_path: Path) -> None:
    planned, facts = planned_night(tmp_path)
    hand_over(tmp_path, planned, facts)
    before = night_path(tmp_path, CUTOFF).read_bytes()
    (outbox_folder(tmp_path) / f".pending-cutoff={CUTOFF}.1-00.jsonl").write_bytes(before[:-1] + b" \n")

    recover_events(tmp_path)

    assert [path.name for path in outbox_folder(tmp_path).iterdir()] == [f"cutoff={CUTOFF}.jsonl"]
    assert night_path(tmp_path, CUTOFF).read_bytes() == before


def test_a_repeat_writes_nothing(tmp_path: Path) -> None:
    planned, facts = planned_night(tmp_path)
    first = hand_over(tmp_path, planned, facts)
    inode = night_path(tmp_path, CUTOFF).stat().st_ino

    second = hand_over(tmp_path, planned, facts)

    assert (first.is_staged, second.is_staged) == (True, False)
    assert (second.n_planned, second.n_changed) == (2, 0)
    assert night_path(tmp_path, CUTOFF).stat().st_ino == inode


def test_a_backfill_hands_nothing_over(tmp_path: Path) -> None:
    hand_over(tmp_path, *planned_night(tmp_path))

    staged = hand_over(tmp_path, *planned_night(tmp_path, date(2024, 1, 3)))

    assert staged == StagedEvents(is_backfill=True)
    assert not night_path(tmp_path, date(2024, 1, 3)).exists()
    assert night_folder(tmp_path, date(2024, 1, 3)).is_dir()


def night_after(output: Path, objected: frozenset[str] = frozenset()) -> tuple[PlannedNight, NightFacts]:
    """Return the night after `CUTOFF`, whose page is in the ledger; some customers have objected since."""
    ledger = read_ledger(output, NEXT)
    company = company_in(output)
    exits = pd.DataFrame(columns=["customer_id", "happened_on", "why"], dtype=object)
    company.cutoff = NEXT
    company.history = History(ledger, ledger.assignments.iloc[:0])
    company.acts = acts_of(states=task_states(ledger.tasks, None, exits, NEXT), objected_ids=objected)
    planned = score_night(**vars(company))
    assert planned.ledger is not None
    return planned, NightFacts(
        cutoff=NEXT,
        new_tasks=tasks_of(planned.ledger),
        earlier_tasks=ledger.tasks,
        states=company.acts.states,
        scores=planned.night.scores,
        signals=company.frame,
        names=company.names,
        playbook=company.playbook,
    )


def test_a_night_knows_what_the_files_of_earlier_nights_planned(tmp_path: Path) -> None:
    hand_over(tmp_path, *planned_night(tmp_path))

    staged = hand_over(tmp_path, *night_after(tmp_path, frozenset(("ann",))))

    first = {event.data.customer_id: event.data.task_id for event in read_events(tmp_path, CUTOFF)}
    [event] = read_events(tmp_path, NEXT)
    assert (event.type, event.data.task_id) == ("contact.withdrawn", first["ann"])
    assert (staged.n_planned, staged.n_withdrawn, staged.n_never_planned) == (0, 1, 0)


def test_the_events_of_a_night_that_a_later_one_follows_stay_as_they_are(tmp_path: Path) -> None:
    planned, facts = planned_night(tmp_path)
    hand_over(tmp_path, planned, facts)
    hand_over(tmp_path, *night_after(tmp_path))
    path = night_path(tmp_path, CUTOFF)
    path.write_bytes(path.read_bytes().replace(b"Write a mail", b"Write a note"))
    before = path.read_bytes()

    staged = hand_over(tmp_path, planned, facts)

    assert path.read_bytes() == before
    assert staged == StagedEvents(n_planned=2)


def test_the_deleted_file_of_a_night_that_a_later_one_follows_is_written_again(tmp_path: Path) -> None:
    planned, facts = planned_night(tmp_path)
    hand_over(tmp_path, planned, facts)
    hand_over(tmp_path, *night_after(tmp_path))
    before = night_path(tmp_path, CUTOFF).read_bytes()
    night_path(tmp_path, CUTOFF).unlink()

    hand_over(tmp_path, planned, facts)

    assert night_path(tmp_path, CUTOFF).read_bytes() == before


def test_contacts_that_a_repeat_words_otherwise_are_counted(tmp_path: Path) -> None:
    planned, facts = planned_night(tmp_path)
    hand_over(tmp_path, planned, facts)
    path = night_path(tmp_path, CUTOFF)
    path.write_bytes(path.read_bytes().replace(b"Write a mail", b"Write a note", 1))

    assert hand_over(tmp_path, planned, facts).n_changed == 1


def test_a_damaged_file_is_named_with_its_line(tmp_path: Path) -> None:
    planned, facts = planned_night(tmp_path)
    hand_over(tmp_path, planned, facts)
    path = night_path(tmp_path, CUTOFF)
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(SourceError, match=r"cutoff=2024-01-31.jsonl:2: .*`churn score --cutoff 2024-01-31`"):
        read_all_events(tmp_path)
