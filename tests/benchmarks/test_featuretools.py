from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import featuretools
from benchmarks.engine.jobs import run_job
from benchmarks.engine.measure import Measurement
from benchmarks.engine.world import World, cutoffs
from benchmarks.featuretools import LOCK, compare


def test_the_cohort_asked_of_featuretools_is_the_engines(tmp_path: Path) -> None:
    world = World(tmp_path, customers=100, events=4000)
    run_job("generate", world)
    run_job("ingest", world)

    run_job("cohort 3", world)
    computed = run_job("engine 3", world)["answer"]

    asked = pd.read_parquet(tmp_path / "cohort.parquet")
    assert len(asked) == computed["rows"]
    assert sorted(asked["time"].dt.date.unique()) == cutoffs(3)
    assert not asked.duplicated().any()


@pytest.mark.parametrize(("name", "differs"), [("visits_count_28d", True), ("emails_days_since_last", False)])
def test_sums_that_differ_stop_the_comparison(name: str, differs: bool) -> None:
    other = {"visits_days_since_last": (3, 5.0)}
    ours = Measurement(1.0, 1.0, 1.0, {"features": {**other, name: (3, 7.0)}})
    theirs = Measurement(1.0, 1.0, 1.0, {"features": {**other, name: (3, 8.0)}})

    if differs:
        with pytest.raises(RuntimeError, match=name):
            compare(ours, theirs)
    else:
        compare(ours, theirs)


def test_its_lock_holds_hashes_and_an_older_pandas_and_no_addresses() -> None:
    text = LOCK.read_text()

    pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert any(line.startswith("pandas==2.") for line in pinned)
    assert "://" not in text


def test_one_of_two_that_ask_for_the_environment_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def slowly(folder: Path, **_: object) -> None:
        made.append(folder)
        time.sleep(0.2)
        folder.mkdir()

    monkeypatch.setattr(featuretools.venv, "create", slowly)
    monkeypatch.setattr(featuretools.subprocess, "run", lambda *_, **__: None)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(featuretools.environment, [tmp_path / "own"] * 2))

    assert made == [tmp_path / "own"]
