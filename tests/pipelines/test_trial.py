"""The first night on a company whose model is refused: a trial, marked wherever people and programs look."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import mlflow
import pyarrow.parquet as pq
import pytest

from churn.training.challenger import read_challenger
from pipelines import cli
from tests.pipelines.night_files import CALLS, NIGHT, SCORES
from tests.run_folders import copy_finished_run

pytestmark = pytest.mark.slow

REFUSING = ("--set", "promote.observed_expected=[9, 10]")


def call(folder: Path, verb: str, *options: str) -> int:
    return cli.main(verb, ["--params", str(folder / "params.yaml"), *options])


@pytest.fixture
def first_day(small_run: Path, tmp_path: Path, migrated: Path) -> Path:
    """A company that has a store, and neither a model nor a night."""
    folder = copy_finished_run(small_run, tmp_path / "first")
    for name in ("models", "mlartifacts", "output/evaluate", "output/train", "output/scores", "output/calls"):
        shutil.rmtree(folder / name)
    shutil.copy(migrated, folder / "mlflow.db")
    return folder


def test_a_refused_first_model_scores_the_night_as_a_trial_until_a_model_passes(
    first_day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = first_day / "output"

    database = ("--set", "score.sink.connection=sqlite:///nights.sqlite")
    refused = call(first_day, "run", *REFUSING, *database)
    said, refusal = capsys.readouterr()
    waiting = call(first_day, "score", *REFUSING)
    advice = capsys.readouterr().err
    trial = pq.read_table(output / SCORES.format(NIGHT)).to_pylist()
    lines = list(csv.DictReader((output / CALLS.format(NIGHT)).read_text("utf-8-sig").splitlines()))
    report = (output / "report" / "index.html").read_text()
    record = read_challenger(output)
    tags = mlflow.MlflowClient(f"sqlite:///{first_day / 'mlflow.db'}").get_run(record.run_id).data.tags

    assert refused == 15
    for page in ("promotion.html", "report.html"):
        assert str(output / "evaluate" / page) in refusal
        assert (output / "evaluate" / page).is_file()
    assert "as a trial (observed_expected)" in " ".join(refusal.split())
    assert {(row["trial"], row["trial_because"], row["arm"]) for row in trial} == {
        (True, "observed_expected", "none")
    }
    assert lines
    assert all("TRIAL: model version 1" in line["trial"] for line in lines)
    assert "A trial, not a call list to work from." in report
    assert (tags["trial"], tags["trial_because"]) == (NIGHT, "observed_expected")
    assert "[9.0, 10.0]" in tags["trial_why"] + tags["trial_requirements"]
    assert not (first_day / "models" / "champion").exists()
    assert "database: a trial is not handed over" in said
    with closing(sqlite3.connect(first_day / "nights.sqlite")) as nights:
        assert nights.execute("SELECT name FROM sqlite_master").fetchall() == []

    assert waiting == 13
    assert "Version 1 is trained and waits in" in advice
    assert "promotion.html" in advice

    assert call(first_day, "promote") == 0
    assert call(first_day, "score") == 0
    champions = pq.read_table(output / SCORES.format(NIGHT)).to_pylist()
    assert {(row["trial"], row["trial_because"]) for row in champions} == {(False, None)}
    assert {row["arm"] for row in champions} - {"control"} == {"none", "treated"}
    facts = json.loads((output / SCORES.format(NIGHT)).with_name("_night.json").read_text())
    assert facts["trial"] is None


def test_a_model_that_cannot_be_evaluated_scores_the_night_as_a_trial(
    first_day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cutoffs = ("--set", "snapshot={cutoffs: [2025-08-01], watermark: 2025-10-01}")

    code = call(first_day, "run", *cutoffs, "--set", "evaluate.test_cutoffs=[]")

    rows = pq.read_table(first_day / "output" / SCORES.format(NIGHT)).to_pylist()
    assert code == 15
    assert "Add earlier cutoffs" in capsys.readouterr().err
    assert {row["trial_because"] for row in rows} == {"not_evaluated"}


def test_beside_a_champion_of_another_label_the_new_model_scores_the_night_as_a_trial(
    first_day: Path, small_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    champion = first_day / "models" / "champion"
    shutil.copytree(small_run / "models" / "champion", champion)
    label = ("--set", "label.horizon_days=30")
    cutoffs = ("--set", "snapshot={cutoffs: [2025-08-01], watermark: 2025-10-01}")

    code = call(first_day, "run", *label, *cutoffs, "--set", "evaluate.test_cutoffs=[]")
    refusal = " ".join(capsys.readouterr().err.split())
    by_hand = call(first_day, "score", *label)
    advice = " ".join(capsys.readouterr().err.split())

    rows = pq.read_table(first_day / "output" / SCORES.format(NIGHT)).to_pylist()
    assert code == 15
    assert "the champion cannot score, so version 1 scored the night" in refusal
    assert {(row["trial"], row["trial_because"], row["arm"]) for row in rows} == {
        (True, "not_evaluated", "none")
    }
    assert "The champion cannot score this night" in (first_day / "output/report/index.html").read_text()
    assert champion.is_dir()

    assert by_hand == 13
    assert "Version 1 is trained and waits in" in advice
    for text in (refusal, advice):
        assert "the champion learnt label" in text
        assert "Restore label, timezone and the mapping" in text
