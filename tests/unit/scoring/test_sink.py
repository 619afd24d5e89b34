from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.scoring.sink import (
    calls_path,
    contacts_path,
    facts_path,
    night_files,
    one_night_at_a_time,
    scores_path,
    write_night,
)

NIGHT = date(2024, 1, 31)


def files_of(health):
    return night_files(
        pa.table({"customer_id": ["a"], "health": [health]}),
        f"rank\n{health}\n",
        pa.table({"rank": [health]}),
        {"night": health},
    )


def everything_under(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Killed(BaseException):
    """Stands for the process ending there and then."""


def test_a_night_is_four_files_and_the_link_to_its_calls(tmp_path):
    with one_night_at_a_time(tmp_path):
        write_night(tmp_path, NIGHT, files_of(1))

    assert set(everything_under(tmp_path)) == {
        ".night.lock",
        "calls/cutoff=2024-01-31/calls.csv",
        "scores/cutoff=2024-01-31/_calls.csv",
        "scores/cutoff=2024-01-31/_contacts.parquet",
        "scores/cutoff=2024-01-31/_night.json",
        "scores/cutoff=2024-01-31/scores.parquet",
    }
    assert pq.read_table(scores_path(tmp_path, NIGHT).parent)["health"].to_pylist() == [1]


def test_each_owner_has_a_link_and_an_owner_without_tasks_has_none(tmp_path):
    files = files_of(1)
    write_night(tmp_path, NIGHT, replace(files, owner_calls={"sales.csv": b"a", "support.csv": b"b"}))
    write_night(tmp_path, NIGHT, replace(files, owner_calls={"support.csv": b"c"}))

    calls = calls_path(tmp_path, NIGHT).parent
    assert sorted(path.name for path in calls.iterdir()) == ["calls.csv", "support.csv"]
    assert (calls / "support.csv").read_bytes() == b"c"
    assert (calls / "support.csv").is_symlink()
    assert not (scores_path(tmp_path, NIGHT).parent / "_calls_sales.csv").exists()


def test_the_same_night_again_writes_nothing(tmp_path):
    write_night(tmp_path, NIGHT, files_of(1))
    before = scores_path(tmp_path, NIGHT).stat().st_mtime_ns

    written = write_night(tmp_path, NIGHT, files_of(1))

    assert not written
    assert scores_path(tmp_path, NIGHT).stat().st_mtime_ns == before


def steps_of_writing(monkeypatch, stop_at):
    """Let the process die at the n-th step that touches the disk."""
    steps = {"left": stop_at}

    def counted(real):
        def call(*args, **kwargs):
            if steps["left"] == 0:
                raise Killed
            steps["left"] -= 1
            return real(*args, **kwargs)

        return call

    monkeypatch.setattr(os, "replace", counted(os.replace))
    monkeypatch.setattr(os, "rename", counted(os.rename))
    monkeypatch.setattr(os, "fsync", counted(os.fsync))


@pytest.mark.parametrize("stop_at", range(16))
def test_wherever_a_night_dies_the_old_night_is_whole_or_the_new_one_or_there_is_none(
    tmp_path, monkeypatch, stop_at
):
    old, new = files_of(1), files_of(2)
    write_night(tmp_path, NIGHT, old)

    with monkeypatch.context() as patch:
        steps_of_writing(patch, stop_at)
        with suppress(Killed):
            write_night(tmp_path, NIGHT, new)

    paths = [place(tmp_path, NIGHT) for place in (calls_path, contacts_path, facts_path, scores_path)]
    left = [path.read_bytes() if path.exists() else None for path in paths]
    whole = [[night.calls, night.contacts, night.facts, night.scores] for night in (old, new)]
    assert left in [*whole, [None] * 4]


@pytest.mark.parametrize("stop_at", range(16))
def test_the_next_night_clears_away_what_a_killed_one_left(tmp_path, monkeypatch, stop_at):
    with monkeypatch.context() as patch:
        steps_of_writing(patch, stop_at)
        with suppress(Killed):
            write_night(tmp_path, NIGHT, files_of(2))

    with one_night_at_a_time(tmp_path):
        half = {name for name in everything_under(tmp_path) if name != ".night.lock"}
        write_night(tmp_path, NIGHT, files_of(2))

    assert len(half) in (0, 5)
    assert not list(tmp_path.glob(".night-*"))
    assert scores_path(tmp_path, NIGHT).read_bytes() == files_of(2).scores


def test_a_night_inside_the_lock_of_its_own_process_runs_and_one_after_it_too(tmp_path):
    with one_night_at_a_time(tmp_path, "`churn run`"), one_night_at_a_time(tmp_path):
        pass

    with one_night_at_a_time(tmp_path):
        pass
