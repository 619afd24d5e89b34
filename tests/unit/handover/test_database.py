"""Nights of a drawn company in a database: handed over after their files, once, and never a trial."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from churn.contact.night import score_night
from churn.data.sinks.open_sink import open_sink
from churn.errors import BusyError, DeliveryError, SourceError
from churn.experiments.ledger import publish, read_ledger, stage
from churn.handover.database import check_database, delivery_lines, hand_over
from churn.handover.night_tables import night_schemas, read_night_tables
from churn.params import SinkParams
from churn.scoring.night import Trial
from churn.scoring.sink import night_files, write_night
from tests.night_company import CUTOFF, night_company

NEXT = CUTOFF + timedelta(days=1)
EARLIER = CUTOFF - timedelta(days=7)


@pytest.fixture
def company(tmp_path: Path) -> SimpleNamespace:
    return night_company(tmp_path / "output")


@pytest.fixture
def sink(tmp_path: Path) -> SinkParams:
    return SinkParams(connection=f"sqlite:///{tmp_path}/nights.sqlite")


def publish_night(
    company: SimpleNamespace,
    cutoff: date = CUTOFF,
    change_scores: Callable[[pa.Table], pa.Table] = lambda scores: scores,
    **changes: Any,
) -> bool:
    """Score a night and publish its files and its page of the ledger, as `churn score` does."""
    output = company.params.output
    values = vars(company) | {"cutoff": cutoff} | changes
    values["history"] = replace(company.history, ledger=read_ledger(output, cutoff))
    planned = score_night(**values)
    night = planned.night
    files = night_files(
        change_scores(night.scores), night.calls, night.contacts, night.facts, planned.owner_calls
    )
    if planned.ledger:
        stage(output, planned.ledger)
    is_new = write_night(output, cutoff, files)
    if planned.ledger:
        publish(output, cutoff)
    return is_new


def with_other_tasks(scores: pa.Table) -> pa.Table:
    position = scores.column_names.index("task_id")
    return scores.set_column(position, scores.schema.field(position), pa.array(["x"] * scores.num_rows))


def lines(
    company: SimpleNamespace, sink: SinkParams, cutoff: date = CUTOFF, is_new: bool = True
) -> list[str]:
    return [*delivery_lines(hand_over(company.params.output, cutoff, sink, "p.yaml"), cutoff, is_new=is_new)]


def query(tmp_path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(tmp_path / "nights.sqlite")) as connection:
        return connection.execute(sql).fetchall()


def test_the_database_holds_the_scores_and_the_calls_of_the_files_and_each_call_has_its_task(
    company: SimpleNamespace, sink: SinkParams, tmp_path: Path
) -> None:
    publish_night(company)

    words = lines(company, sink)

    tasks = {
        task["task_id"]: task for task in read_ledger(tmp_path / "output", NEXT).tasks.to_dict("records")
    }
    calls = query(
        tmp_path, "SELECT task_id, customer_id, due_at, owner, expires_on FROM churn_calls ORDER BY rank"
    )
    assert words == [
        f"database: 6 scores and {len(calls)} calls of the night of {CUTOFF} are in {sink.connection}"
    ]
    assert calls
    for task_id, customer, due_at, owner, expires_on in calls:
        task = tasks[task_id]
        expected = (task["customer_id"], str(task["due_at"]), task["owner"], str(task["expires_on"]))
        assert (customer, due_at, owner, expires_on) == expected
    assert query(tmp_path, "SELECT customer_id, churn_probability IS NULL FROM churn_scores_latest") == [
        *((customer, 0) for customer in ("ann", "bob", "cem", "dea", "eva")),
        ("fil", 1),
    ]
    assert query(tmp_path, "SELECT name FROM churn_calls WHERE customer_id = 'ann'") == [("Ann <b>",)]


def test_the_same_night_again_is_left_as_it_is(
    company: SimpleNamespace, sink: SinkParams, tmp_path: Path
) -> None:
    publish_night(company)
    lines(company, sink)
    before = (tmp_path / "nights.sqlite").read_bytes()

    assert not publish_night(company)
    words = lines(company, sink, is_new=False)

    assert words == [f"database: the night of {CUTOFF} is in {sink.connection} (the same as before)"]
    assert (tmp_path / "nights.sqlite").read_bytes() == before


def test_a_night_whose_call_was_killed_before_the_database_is_handed_over_by_the_next_call(
    company: SimpleNamespace, sink: SinkParams
) -> None:
    publish_night(company)

    (line,) = lines(company, sink, is_new=False)

    assert line.endswith("now; its files are from an earlier call of churn")


def test_another_night_of_the_same_cutoff_takes_the_place_of_the_first(
    company: SimpleNamespace, sink: SinkParams, tmp_path: Path
) -> None:
    publish_night(company)
    lines(company, sink)

    publish_night(company, stamp=replace(company.stamp, run_id="other"))
    (line,) = lines(company, sink)

    assert line.endswith("in place of those handed over before")
    assert query(tmp_path, "SELECT DISTINCT run_id FROM churn_scores") == [("other",)]
    assert query(tmp_path, "SELECT run_id FROM churn_nights") == [("other",)]


def test_rows_that_somebody_deleted_come_back(
    company: SimpleNamespace, sink: SinkParams, tmp_path: Path
) -> None:
    publish_night(company)
    lines(company, sink)
    with closing(sqlite3.connect(tmp_path / "nights.sqlite")) as connection, connection:
        connection.execute("DELETE FROM churn_scores WHERE customer_id = 'bob'")

    (line,) = lines(company, sink, is_new=False)

    assert line.endswith("because rows of this night were missing there")
    assert query(tmp_path, "SELECT count(*) FROM churn_scores") == [(6,)]


def test_a_backfilled_night_does_not_become_the_latest(
    company: SimpleNamespace, sink: SinkParams, tmp_path: Path
) -> None:
    publish_night(company)
    lines(company, sink)

    publish_night(company, EARLIER)
    words = lines(company, sink, EARLIER)

    assert words[1] == f"  `scores_latest` stays at the night of {CUTOFF}"
    assert query(tmp_path, "SELECT DISTINCT cutoff FROM churn_scores_latest") == [(str(CUTOFF),)]
    assert query(tmp_path, "SELECT cutoff FROM churn_nights ORDER BY 1") == [(str(EARLIER),), (str(CUTOFF),)]


def test_nights_that_the_database_missed_come_with_the_next_night_and_trials_do_not(
    company: SimpleNamespace, sink: SinkParams, tmp_path: Path
) -> None:
    publish_night(company)
    lines(company, sink)
    trial = Trial(("beats_rfm",), ("why",), ("rule",))
    publish_night(company, NEXT)
    publish_night(company, NEXT + timedelta(days=1), trial=trial)
    last = NEXT + timedelta(days=2)
    publish_night(company, last)

    words = lines(company, sink, last)

    assert [line.split(" are in ")[0].split()[-1] for line in words] == [str(NEXT), str(last)]
    assert words[0].endswith("which the database had missed")
    nights = query(tmp_path, "SELECT cutoff FROM churn_nights ORDER BY 1")
    assert nights == [(str(CUTOFF),), (str(NEXT),), (str(last),)]


def test_a_database_that_does_not_answer_after_the_scoring_leaves_the_files_and_says_what_hands_over(
    company: SimpleNamespace, tmp_path: Path
) -> None:
    publish_night(company)
    sink = SinkParams(connection="postgresql://ana:hunter22@127.0.0.1:1/x")

    with pytest.raises(DeliveryError) as error:
        lines(company, sink)

    assert error.value.exit_code == 17
    assert error.value.problems[1] == (
        f"The files of the night of {CUTOFF} are complete, but the database has not received the night. "
        f"Call `churn score --cutoff {CUTOFF}` to hand it over."
    )
    assert "hunter22" not in str(error.value)
    assert (tmp_path / "output" / "scores" / f"cutoff={CUTOFF}" / "scores.parquet").exists()


def test_a_file_that_another_program_holds_stays_busy_in_words(
    company: SimpleNamespace, sink: SinkParams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("churn.data.sinks.files.ANSWER_SECONDS", 0.1)
    publish_night(company)
    with closing(sqlite3.connect(tmp_path / "nights.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(BusyError, match="to hand it over"):
            lines(company, sink)
        with pytest.raises(BusyError, match="Nothing was scored"):
            check_database(sink, company.params.label, 3, "params.yaml")


def test_a_check_of_a_good_database_is_silent_and_leaves_nothing(
    company: SimpleNamespace, sink: SinkParams
) -> None:
    check_database(sink, company.params.label, 3, "params.yaml")

    with open_sink(sink, "params.yaml") as connection:
        assert connection.tables(["scores", "calls", "nights"]) == {}


def test_the_columns_known_before_the_scoring_are_those_of_the_night(company: SimpleNamespace) -> None:
    publish_night(company)

    tables = read_night_tables(company.params.output, CUTOFF).tables

    schemas = night_schemas(company.params.label, company.params.score.reasons)
    assert {name: table.schema for name, table in tables.items()} == schemas


# --- no contact without the ledger


def test_a_night_whose_page_of_the_ledger_is_not_published_is_not_handed_over(
    company: SimpleNamespace, sink: SinkParams, tmp_path: Path
) -> None:
    publish_night(company)
    page = tmp_path / "output" / "ledger" / f"cutoff={CUTOFF}"
    os.rename(page, page.with_name(".pending"))

    with pytest.raises(SourceError, match="this file of the ledger does not belong to the scores"):
        lines(company, sink)

    assert query(tmp_path, "SELECT name FROM sqlite_master") == []


def test_a_call_whose_task_is_not_in_the_ledger_is_not_handed_over(
    company: SimpleNamespace, sink: SinkParams, tmp_path: Path
) -> None:
    publish_night(company, change_scores=with_other_tasks)

    with pytest.raises(SourceError, match=r"1 calls have no task in the ledger \(first: x\)"):
        lines(company, sink)

    assert query(tmp_path, "SELECT name FROM sqlite_master") == []
