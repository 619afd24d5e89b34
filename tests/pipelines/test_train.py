"""`churn train` on drawn snapshots: what it measures and keeps, and when it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from churn.errors import CallError, ModelError, ParamsError, Stop
from churn.metrics.metrics import auc
from churn.model.bundle import load_champion
from churn.model.registry import Registry
from churn.params import EngineParams, EvaluateParams, Params, TrainParams
from churn.reporting.mlflow_log import EXPOSURE_FILE
from churn.snapshots.read import read_snapshots
from churn.training import trees
from churn.training.challenger import read_challenger, read_out_of_time
from churn.training.split import CutoffPlan, plan_cutoffs
from pipelines import cli, evaluate, promote, train
from tests.run_folders import bytes_in, copy_finished_run

pytestmark = pytest.mark.slow

WORLD = {"customers": 400, "cutoffs": 6}
SEARCH = TrainParams.model_validate(
    {"max_rounds": 40, "search": {"trials": 3}, "candidates": ("trees", "extra_trees"), "num_leaves": 9}
)


def plan_of(params: Params) -> CutoffPlan:
    snapshots = read_snapshots(params)
    return plan_cutoffs(snapshots.rows, snapshots.mature_on, (), params.label.horizon_days)


def test_training_measures_nothing_at_the_test_cutoffs_and_evaluating_adds_them(trained, echo) -> None:
    import mlflow

    def folds() -> dict[str, set[str]]:
        """Return by cutoff what its child run measured."""
        runs = client.search_runs([registry.experiment_id], "attributes.run_name LIKE 'fold %'")
        return {run.info.run_name.removeprefix("fold "): set(run.data.metrics) for run in runs}

    params = trained(WORLD, "train")
    cutoffs = plan_of(params)
    registry, client = Registry(params.tracking, params.models), mlflow.MlflowClient(params.tracking.uri)
    folds_of_training, run_id = folds(), read_challenger(params.output).run_id
    before = client.get_run(run_id).data.metrics["out_of_time/auc"]
    evaluate.run(params, echo=echo)

    predictions = read_out_of_time(params.output, read_snapshots(params))
    past = predictions.at(cutoffs.choice)
    assert set(folds_of_training) == {str(day) for day in cutoffs.choice} != set()
    assert before == pytest.approx(auc(past.left, past.logits), abs=1e-6)
    assert set(folds()) == {str(day) for day in (*cutoffs.choice, *cutoffs.test)}
    assert all("within_fold/auc" in measured for measured in folds().values())
    assert client.get_run(run_id).data.metrics["out_of_time/auc"] == before


def test_training_again_gives_the_same_bytes_whatever_the_threads(
    make_params, write_world, echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "SMALL", 0)  # else so few rows are fitted by one thread in any case
    params = make_params()
    write_world(params, customers=400, cutoffs=5)
    train.run(params, echo=echo)
    first = bytes_in(params.output / "train" / "bundle")
    evaluate.run(params, echo=echo)
    measured = (params.output / "evaluate" / "metrics.json").read_text()

    single = params.model_copy(update={"engine": EngineParams(threads=1)})
    train.run(single, echo=echo)
    evaluate.run(single, echo=echo)

    again = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    was = json.loads(measured)
    assert bytes_in(params.output / "train" / "bundle") == first
    assert again["candidates"]["challenger"] == was["candidates"]["challenger"]
    assert again["model"]["digest"] == was["model"]["digest"]


def test_a_training_that_dies_leaves_the_old_record_whole(trained, write_world, echo, monkeypatch) -> None:
    params = trained(WORLD, "train")
    folder = params.output / "train"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_world(params, **WORLD, seed=2)

    def die(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Registry, "register", die)
    with pytest.raises(RuntimeError):
        train.run(params, echo=echo)

    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_training_keeps_every_trial_and_uses_the_one_that_was_chosen(trained, echo) -> None:
    import mlflow

    params = trained(WORLD, "train", train=SEARCH)

    search = json.loads((params.output / "train" / "search.json").read_text())
    record = json.loads((params.output / "train" / "train.json").read_text())
    runs = mlflow.search_runs([Registry(params.tracking, params.models).experiment_id], output_format="list")
    trials = {run.info.run_name: run for run in runs if run.info.run_name.startswith("trial ")}
    assert sorted(trials) == ["trial 00", "trial 01", "trial 02"]
    assert {run.data.tags["mlflow.parentRunId"] for run in trials.values()} == {record["run_id"]}
    assert trials["trial 02"].data.metrics["tried/log_loss"] == pytest.approx(search["trials"][2]["log_loss"])
    recipe = search["trials"][search["chosen"]]["recipe"]
    assert record["recipe"] == recipe | {"calibration": record["recipe"]["calibration"]}
    assert any(line.startswith("search: 3 trials") for line in echo.lines)


@pytest.mark.parametrize(
    "world",
    [{"customers": 1}, {"customers": 15, "cutoffs": 3}, {"customers": 200, "cutoffs": 0}],
    ids=["one customer", "few customers", "nothing matured"],
)
def test_too_little_to_learn_from_is_a_stop(make_params, write_world, echo, world: dict[str, int]) -> None:
    params = make_params()
    write_world(params, **world)

    with pytest.raises(Stop):
        train.run(params, echo=echo)

    assert not (params.output / "train").exists()


@pytest.mark.parametrize("left", [0, 1])
def test_a_single_class_is_a_stop(make_params, write_world, echo, left: int) -> None:
    params = make_params()
    write_world(params, customers=100, cutoffs=4)
    for path in (params.output / "snapshots").glob("cutoff=*/part.parquet"):
        frame = pd.read_parquet(path, partitioning=None)
        frame["left"] = frame["left"].where(frame["left"].isna(), left).astype("Int8")
        frame.to_parquet(path, index=False)

    with pytest.raises(Stop):
        train.run(params, echo=echo)


def test_one_cutoff_trains_but_cannot_be_evaluated(make_params, write_world, echo) -> None:
    params = make_params()
    write_world(params, customers=400, cutoffs=1)

    train.run(params, echo=echo)

    assert echo.warnings
    with pytest.raises(Stop):
        evaluate.run(params, echo=echo)


@pytest.mark.parametrize("sections", [{"rule": {"signal": "login", "at_least": 1}}, {"segments": ["noise"]}])
def test_a_slip_in_the_rule_or_the_segments_is_told_before_training(
    make_params, write_world, echo, sections
) -> None:
    params = make_params(evaluate=EvaluateParams(**sections))
    write_world(params, customers=60, cutoffs=3)

    with pytest.raises(ParamsError, match=r"evaluate\."):
        train.run(params, echo=echo)


def test_missing_files_are_named_where_params_put_them(make_params, write_world, echo) -> None:
    params = make_params("elsewhere")

    with pytest.raises(CallError, match=str(params.output / "snapshots")):
        train.run(params, echo=echo)
    with pytest.raises(CallError, match=str(params.output / "train")):
        promote.run(params, echo=echo)
    with pytest.raises(ModelError, match=str(params.champion)):
        load_champion(params.champion)


def test_verbs_called_out_of_order_say_which_comes_first(make_params, write_world, echo) -> None:
    params = make_params()
    write_world(params, **WORLD)

    with pytest.raises(CallError, match="churn train"):
        evaluate.run(params, echo=echo)
    with pytest.raises(CallError, match="churn train"):
        promote.run(params, echo=echo)
    with pytest.raises(ModelError):
        promote.run(params, rollback=True, echo=echo)
    train.run(params, echo=echo)
    with pytest.raises(CallError, match="churn evaluate"):
        promote.run(params, echo=echo)


def test_an_evaluation_of_an_older_challenger_does_not_promote_a_newer_one(
    trained, write_world, echo
) -> None:
    params = trained(WORLD, "train", "evaluate")
    write_world(params, **WORLD, seed=2)

    with pytest.raises(CallError, match="churn train"):
        evaluate.run(params, echo=echo)
    train.run(params, echo=echo)
    with pytest.raises(CallError, match="churn evaluate"):
        promote.run(params, echo=echo)


@pytest.mark.parametrize("has_git", [True, False])
def test_a_run_names_its_data_set_and_the_git_commit_around_its_output(
    trained, write_world, echo, monkeypatch: pytest.MonkeyPatch, has_git: bool
) -> None:
    import mlflow

    params = trained(WORLD)
    folder = params.output.parent
    commit = None
    if has_git:
        git = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run([*git, "init", "-q"], check=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "parameters"], check=True)
        command = [*git, "rev-parse", "HEAD"]
        commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    logistic = TrainParams(candidates=("logistic",), calibration="none")
    params = params.model_copy(update={"train": logistic})

    train.run(params, echo=echo)

    run = mlflow.MlflowClient(params.tracking.uri).get_run(read_challenger(params.output).run_id)
    (data,) = [entry.dataset for entry in run.inputs.dataset_inputs]
    assert run.data.tags.get("mlflow.source.git.commit") == commit
    assert (data.name, data.digest) == ("snapshots", read_snapshots(params).digest[:36])
    assert str(params.output / "snapshots") in data.source


def test_a_night_in_the_label_windows_stops_a_training_without_controls_and_is_left_out_with_them(
    small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def train_after_a_night(*control: str) -> int:
        shutil.rmtree(folder / "output" / "ledger")
        settings = [word for setting in control for word in ("--set", f"experiments.control.{setting}")]
        assert cli.main("score", [*params, "--cutoff", "2025-06-15", *settings]) == 0
        return cli.main("train", params)

    folder = copy_finished_run(small_run, tmp_path / "company")
    params = ["--params", str(folder / "params.yaml")]
    before = read_challenger(folder / "output").digest

    without_controls = train_after_a_night("share=0", "because=a pilot")

    assert without_controls == 15
    assert "treated customers at 2025-06-01" in " ".join(capsys.readouterr().err.split())
    assert read_challenger(folder / "output").digest == before

    with_controls = train_after_a_night("share=0.5")

    assert with_controls == 0
    assert "were treated in their label window and are left out" in " ".join(capsys.readouterr().out.split())
    counts = json.loads((folder / "output" / "train" / EXPOSURE_FILE).read_text())["cutoffs"]
    assert [own["cutoff"] for own in counts] == ["2025-06-01", "2025-07-01"]
    assert all(own["stand_for"] > own["control_rows"] > 0 for own in counts)
    assert read_challenger(folder / "output").digest != before
