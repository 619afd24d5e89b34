from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.kills import process
from benchmarks.kills.__main__ import table
from benchmarks.kills.disturbances import Outcome, moments, problems_of_signal
from benchmarks.kills.process import Ending, Verb
from benchmarks.kills.workshop import ProjectFiles

KILLED = "SIGKILL, any moment"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project after an undisturbed run, as the benchmark reads it."""
    store = tmp_path / "output" / ".store-0123456789ab"
    (store / "logins").mkdir(parents=True)
    (store / "logins" / "part-0.parquet").write_bytes(b"rows")
    (tmp_path / "output" / "store").symlink_to(store.name)
    (tmp_path / "mlflow.db").write_bytes(b"an id")
    return tmp_path


def test_a_store_under_another_drawn_name_and_another_database_are_no_difference(
    project: Path,
) -> None:
    expected = ProjectFiles.read(project)

    (project / "output" / "store").unlink()
    (project / "output" / ".store-0123456789ab").rename(project / "output" / ".store-ffffffffffff")
    (project / "output" / "store").symlink_to(".store-ffffffffffff")
    (project / "mlflow.db").write_bytes(b"another id")

    assert [*ProjectFiles.read(project).differences(expected)] == []


def test_other_bytes_a_missing_file_and_litter_are_differences(project: Path) -> None:
    expected = ProjectFiles.read(project)

    (project / "output" / "store" / "logins" / "part-0.parquet").write_bytes(b"row")
    (project / "output" / ".train.new").mkdir()
    (project / "mlflow.db").unlink()

    assert [*ProjectFiles.read(project).differences(expected)] == [
        "other bytes: output/store/logins/part-0.parquet",
        "litter: output/.train.new",
        "missing: mlflow.db",
    ]


@pytest.mark.parametrize(
    ("ending", "problem"),
    [
        (Ending(143, "churn: ended. The next call of `churn run` begins again from the start.", 1.0), ""),
        (Ending(-signal.SIGTERM, "", 1.0), ""),
        (Ending(0, "store: 2 customers", 1.0), "ended with 0"),
        (Ending(143, "", 1.0), "does not say what was left"),
        (Ending(1, "a bug: KeyError", 1.0), "says a bug"),
        (Ending(10, "Traceback (most recent call last):", 1.0), "shows a traceback"),
    ],
)
def test_a_stopped_verb_must_end_with_the_code_of_its_signal_and_with_words(
    ending: Ending, problem: str
) -> None:
    problems = [*problems_of_signal(ending, signal.SIGTERM)]

    assert bool(problems) == bool(problem)
    assert problem in " ".join(problems)


@pytest.mark.parametrize(("code", "problems"), [(0, []), (1, ["ended with 1: done"])])
def test_a_verb_that_had_ended_before_the_signal_must_have_ended_with_0(
    code: int, problems: list[str]
) -> None:
    assert [*problems_of_signal(Ending(code, "done", 1.0), None)] == problems


@pytest.mark.parametrize("is_running", [True, False])
def test_a_verb_gets_a_signal_only_if_it_has_not_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_running: bool
) -> None:
    monkeypatch.setattr(process, "_become", lambda *_: time.sleep(600) if is_running else os._exit(0))
    verb = Verb(tmp_path, "run")
    if not is_running:
        verb.wait_for(lambda: False)

    assert verb.send(signal.SIGTERM) == is_running
    assert verb.end().code == (-signal.SIGTERM if is_running else 0)


def test_moments_are_spread_evenly_and_drawn_by_a_seed() -> None:
    drawn = moments(10, 2.0, 4.0, seed=3)

    assert [int((moment - 2.0) / 0.2) for moment in drawn] == [*range(10)]
    assert drawn == moments(10, 2.0, 4.0, seed=3) != moments(10, 2.0, 4.0, seed=4)


def test_the_table_counts_codes_and_problems() -> None:
    whole = Outcome(KILLED, "after 1 CPU second", (-9,), ())
    broken = dataclasses.replace(whole, problems=("litter: .train.new", "missing: mlflow.db"))

    lines = [*table([whole, whole, broken], omissions=["disk full"])]

    assert lines[2:] == [
        f"| {KILLED} | 3 | -9: 3 | 1 |",
        "| disk full | 0 | left out: only root can mount a disk | |",
        "| **all** | 3 | | 1 |",
    ]


@pytest.mark.slow
def test_an_ingest_that_is_killed_or_stopped_is_repaired_by_the_next_one(tmp_path: Path, root: Path) -> None:
    rounds = [KILLED, "SIGTERM"]
    command = [sys.executable, "-m", "benchmarks.kills", "--verb", "ingest", "--share", "0.02"]

    ended = subprocess.run(
        [*command, "--folder", str(tmp_path), "--only", *rounds], cwd=root, capture_output=True, text=True
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"\n| {KILLED} | 3 | -9: " in ended.stdout  # an ingest may be over before the last moment
    assert "| **all** | 4 | | 0 |" in ended.stdout.splitlines()
    assert [*tmp_path.iterdir()] == []
