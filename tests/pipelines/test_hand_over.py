"""`churn score` hands its night over to the database of `score.sink`, after the night's files."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines import cli
from tests.pipelines.night_files import NIGHT, SCORES, night_in
from tests.run_folders import copy_finished_run


@pytest.fixture
def shop(small_run: Path, tmp_path: Path) -> Path:
    """A company with a champion and a store, and no night."""
    folder = copy_finished_run(small_run, tmp_path / "shop")
    for name in ("scores", "calls", "ledger"):
        shutil.rmtree(folder / "output" / name, ignore_errors=True)
    return folder


def score(folder: Path, *options: str) -> int:
    return cli.main("score", ["--params", str(folder / "params.yaml"), *options])


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_a_night_is_handed_over_and_a_repeated_night_is_left_as_it_is(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = ("--set", "score.sink.connection=sqlite:///nights.sqlite")

    codes = [score(shop, *sink)]
    first = capsys.readouterr().out
    codes.append(score(shop, *sink))
    second = capsys.readouterr().out

    scores = pq.read_table(shop / "output" / SCORES.format(NIGHT))
    path = shop / "nights.sqlite"
    assert codes == [0, 0]
    assert f"database: {scores.num_rows:,} scores" in first
    assert f"database: the night of {NIGHT} is in" in second
    assert query(path, "SELECT count(*) FROM churn_scores_latest") == [(scores.num_rows,)]
    assert query(path, "SELECT run_id FROM churn_nights") == [(scores["run_id"][0].as_py(),)]
    assert query(path, "SELECT count(*) > 0, min(task_id IS NOT NULL) FROM churn_calls") == [(1, 1)]


def test_a_database_that_does_not_answer_costs_no_scoring(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = score(shop, "--set", "score.sink.connection=postgresql://ana:hunter22@127.0.0.1:1/nights")

    words = capsys.readouterr().err
    assert code == 17
    assert "postgresql://127.0.0.1:1/nights: the database cannot be opened" in words
    assert "Nothing was scored" in words
    assert "hunter22" not in words
    assert night_in(shop / "output") == {}


def test_a_dry_run_does_not_look_at_the_database(shop: Path) -> None:
    code = score(shop, "--dry-run", "--set", "score.sink.connection=sqlite:///nights.sqlite")

    assert code == 0
    assert not (shop / "nights.sqlite").exists()
