"""`churn evaluate` on drawn snapshots: what the run keeps, the baselines, and the champion as a candidate."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

from churn.errors import CallError, Stop
from churn.model.bundle import load_champion
from churn.model.registry import Registry
from churn.params import EvaluateParams, TrainParams
from churn.snapshots.read import read_snapshots
from churn.training.challenger import read_challenger
from churn.training.recipe import Recipe
from pipelines import evaluate, promote, train
from tests.snapshot_world import cutoff_number

pytestmark = pytest.mark.slow

WORLD = {"customers": 400, "cutoffs": 6}
LOGISTIC = TrainParams(candidates=("logistic",), calibration="none")


def test_the_run_keeps_what_is_needed_to_compare(trained) -> None:
    import mlflow

    params = trained(WORLD, "train", "evaluate")

    record = json.loads((params.output / "train" / "train.json").read_text())
    client = mlflow.MlflowClient(params.tracking.uri, params.tracking.uri)
    run = client.get_run(record["run_id"])
    paths = {
        item.path
        for top in client.list_artifacts(record["run_id"])
        for item in [top, *(client.list_artifacts(record["run_id"], top.path) if top.is_dir else [])]
    }
    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{record['run_id']}'"
    )
    judged = {"auc", "auc_low", "auc_high", "log_loss", "lift_at_contact_share"}
    assert {f"judged/{name}" for name in judged} <= set(run.data.metrics)
    assert run.data.params["data.snapshots_digest"] == record["snapshots_digest"]
    assert run.data.tags["looks_at_test"] == "1"
    assert run.data.params["label.kind"] == params.label.kind
    name = f"v{record['version']} {record['recipe']['candidate']} {read_snapshots(params).cutoffs[-1]}"
    assert run.info.run_name == name
    assert "paired/log_loss_challenger_minus_recency_high" in run.data.metrics
    assert "spread/auc_min" in run.data.metrics
    assert f"/runs/{record['run_id']}/artifacts/evaluate/report.html" in run.data.tags["mlflow.note.content"]
    version = client.get_model_version(params.tracking.model, record["version"])
    note, whole = run.data.tags["mlflow.note.content"], (params.output / "evaluate" / "card.md").read_text()
    assert note.endswith(version.description)
    assert len(version.description) <= 5000
    assert len(version.description) < len(whole)
    for part in ("model card", "## Label", "## Cohort", "| AUC |", "## Guards", "## Limits", "card.md"):
        assert part in version.description
    assert "Evaluated at " + run.data.params["evaluate.test_cutoffs"] in run.data.tags["mlflow.note.content"]
    assert run.data.params["evaluate.contact_share"] == "0.1"
    assert float(run.data.params["evaluate.contact_cost_in_currency"]) == 1
    recipes = {child.info.run_name: child.data.params for child in children}
    assert "recipe.rounds" in recipes["candidate trees"]
    assert "recipe.strength" not in recipes["candidate trees"]
    assert "recipe.rounds" not in recipes["candidate logistic"]
    assert {"signals.json", "evaluate/metrics.json", "plots/calibration.png", "plots/gain.svg"} <= paths
    names = {child.info.run_name for child in children}
    assert {f"judged {name}" for name in ("challenger", "recency", "base_rate", "logistic")} <= names
    assert {"fold", "candidate", "calibration"} <= {name.split()[0] for name in names}


def test_evaluating_again_measures_the_same_child_runs(trained, echo) -> None:
    import mlflow

    params = trained(WORLD, "train", "evaluate")

    evaluate.run(params, echo=echo)

    test_cutoff, *_ = json.loads((params.output / "evaluate" / "metrics.json").read_text())["cutoffs"]
    registry = Registry(params.tracking, params.models)
    runs = mlflow.MlflowClient(params.tracking.uri).search_runs([registry.experiment_id])
    names = [run.info.run_name for run in runs]
    assert names.count("judged challenger") == names.count("judged recency") == 1
    assert names.count(f"fold {test_cutoff}") == 1


def test_the_logistic_baseline_is_the_logistic_regression_that_would_be_the_candidate(
    make_params, write_world, echo
) -> None:
    predictions = {}
    for candidate in ("trees", "logistic"):
        params = make_params(train=TrainParams(candidates=(candidate,), max_rounds=20, calibration="none"))
        write_world(params, customers=400, cutoffs=8)
        train.run(params, echo=echo)
        evaluate.run(params, echo=echo)
        predictions[candidate] = pd.read_parquet(params.output / "evaluate" / "predictions.parquet")

    assert (
        read_challenger(params.output).recipe.strength != Recipe.start(params.train).strength
    )  # it was selected
    pd.testing.assert_series_equal(predictions["trees"]["logistic"], predictions["logistic"]["logistic"])
    np.testing.assert_allclose(
        predictions["trees"]["logistic"], predictions["logistic"]["challenger"], atol=1e-3
    )


def test_looks_at_the_same_cutoffs_are_counted_over_trainings(trained, echo) -> None:
    import mlflow

    def looks() -> str:
        client = mlflow.MlflowClient(params.tracking.uri)
        return client.get_run(read_challenger(params.output).run_id).data.tags["looks_at_test"]

    params = trained(WORLD, "train", "evaluate", train=LOGISTIC)
    counted = [looks()]
    last = read_snapshots(params).cutoffs[-1]
    other = params.model_copy(update={"evaluate": EvaluateParams(bootstrap=100, test_cutoffs=(last,))})
    for variant in (params, other):
        train.run(variant, echo=echo)
        evaluate.run(variant, echo=echo)
        counted.append(looks())
    with suppress(Stop):  # the page is written however it ends
        promote.run(other, echo=echo)

    assert counted == ["1", "1", "2"]  # the second is the first again
    sentence = "The test cutoffs of this label have been used 2 times."
    folder = params.output / "evaluate"
    assert any(sentence in line for line in echo.lines)
    assert sentence in (folder / "card.md").read_text()
    assert sentence in (folder / "promotion.html").read_text()


def test_a_champion_is_compared_once_new_cutoffs_have_come(trained) -> None:
    then = cutoff_number(5)

    params = trained(
        WORLD | {"cutoffs": 8},
        *(("train", then), ("evaluate", then), "promote", "train", "evaluate"),
        train=LOGISTIC,
    )

    cutoffs = read_snapshots(params).cutoffs
    evaluated = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    assert evaluated["candidates"]["champion"]["rows"] == 400 * 3
    assert "challenger_minus_champion" in evaluated["paired"]
    predictions = pd.read_parquet(params.output / "evaluate" / "predictions.parquet")
    expected = load_champion(params.champion).scorer
    assert np.isfinite(predictions["champion"]).all()
    assert expected.spec["trained_cutoffs"] == [str(day) for day in cutoffs[:5]]


def test_the_champion_trained_again_is_said_to_be_this_model(trained) -> None:
    params = trained(WORLD, *("train", "evaluate", "promote") * 2, train=LOGISTIC)

    evaluated = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    assert "champion" not in evaluated["candidates"]
    assert "is this model" in evaluated["notes"]["champion"]


def test_a_champion_that_saw_the_test_is_held_by_its_recipe_against_a_worse_model(trained, echo) -> None:
    good = trained({"customers": 800, "cutoffs": 8}, "train", "evaluate", "promote", train=LOGISTIC)
    stump = TrainParams(candidates=("trees",), max_rounds=10, num_leaves=2, learning_rate=0.01)
    worse = good.model_copy(update={"train": stump})

    train.run(worse, echo=echo)
    evaluate.run(worse, echo=echo)
    with pytest.raises(Stop, match="champion's recipe, refitted"):
        promote.run(worse, echo=echo)

    evaluated = json.loads((worse.output / "evaluate" / "metrics.json").read_text())
    assert "the champion's recipe" in evaluated["notes"]["champion"]
    assert load_champion(worse.champion).version == "1"


def test_a_test_cutoff_before_the_choices_were_made_is_refused(trained, echo) -> None:
    params = trained(WORLD, "train")
    early = read_snapshots(params).cutoffs[2]
    later = params.model_copy(update={"evaluate": EvaluateParams(bootstrap=100, test_cutoffs=(early,))})

    with pytest.raises(CallError, match=str(early)):
        evaluate.run(later, echo=echo)


def test_later_test_cutoffs_than_those_of_training_are_evaluated(trained, echo) -> None:
    params = trained(WORLD, "train")
    last = read_snapshots(params).cutoffs[-1]
    later = params.model_copy(update={"evaluate": EvaluateParams(bootstrap=100, test_cutoffs=(last,))})

    evaluate.run(later, echo=echo)

    evaluated = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    assert evaluated["cutoffs"] == [str(last)]
