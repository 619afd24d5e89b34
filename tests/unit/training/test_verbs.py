from __future__ import annotations

import json
from contextlib import nullcontext, suppress

import numpy as np
import pandas as pd
import pytest

from churn.errors import CallError, ModelError, ParamsError, Stop
from churn.metrics.metrics import auc
from churn.model.champion import load_champion
from churn.model.registry import Registry
from churn.params import EngineParams, EvaluateParams, PromoteParams, TrainParams
from churn.snapshots.read import read_snapshots
from churn.training import trees
from churn.training.challenger import read_out_of_time, read_record
from churn.training.recipe import Recipe
from churn.training.split import Plan, plan
from pipelines import evaluate, promote, train

pytestmark = pytest.mark.usefixtures("few_charts")


def bytes_of(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_planted_signal_is_found_and_promoted(make_params, write_world, echo) -> None:
    params = make_params()
    write_world(params, customers=600, cutoffs=6)

    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)
    promote.run(params, echo=echo)

    champion = load_champion(params)
    evaluated = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    page = json.loads((params.output / "evaluate" / "promotion.json").read_text())
    assert Registry(params).aliases() == {"champion": champion.version}
    assert champion.scorer.spec["label_id"] == params.label_id
    assert len(champion.scorer.spec["trained_cutoffs"]) == 6
    assert page["accepted"]
    assert evaluated["before"][-1]["cutoff"] < evaluated["cutoffs"][0]
    assert set(evaluated["candidates"]) == {"challenger", "logistic", "recency", "rfm", "base_rate"}
    assert evaluated["candidates"]["challenger"]["auc"]["low"] > 0.6
    assert evaluated["paired"]["challenger_minus_recency"]["log_loss"]["high"] < 0
    card = (params.output / "evaluate" / "card.md").read_text()
    assert card.startswith("# Model card")
    assert "- passed: signal: AUC" in card
    assert (params.champion / "README.md").read_text() == card
    assert {"maturity", "shuffled"} <= set(evaluated["guards"]["looked"])
    assert [one for one in evaluated["guards"]["found"] if one["severity"] == "stop"] == []


LEAK = {
    "guard": "only_leavers",
    "place": "customers.plan",
    "found": "31 of the 31 customers with the value 'ended' have left.",
    "way_out": "Take it out.",
    "severity": "stop",
}


@pytest.mark.parametrize("section", ["check", "evaluate"])
def test_a_stop_of_a_guard_of_the_data_refuses_promotion_until_a_person_signs_it_off(
    make_params, write_world, echo, section: str
) -> None:
    params = make_params()
    write_world(
        params, customers=600, cutoffs=6, guards={"looked": ["only_leavers", "alone"], "found": [LEAK]}
    )
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)
    accept = {"customers.plan": "a plan nobody else may choose"}
    asked = getattr(params, section).model_copy(update={"accept": accept})

    with pytest.raises(Stop, match=r"only_leavers: customers\.plan: 31 of the 31 customers"):
        promote.run(params, echo=echo)
    promote.run(params.model_copy(update={section: asked}), echo=echo)

    guards = json.loads((params.output / "evaluate" / "metrics.json").read_text())["guards"]
    page = (params.output / "evaluate" / "promotion.html").read_text()
    assert guards["looked"][0] == "only_leavers"
    assert guards["looked"].count("alone") == 1
    assert [one["place"] for one in guards["found"] if one["severity"] == "stop"] == ["customers.plan"]
    assert "stop: only_leavers: customers.plan" in (params.output / "evaluate" / "card.md").read_text()
    assert "a plan nobody else may choose" in page
    assert "guards of `churn snapshot`: 1 say stop (only_leavers)" in " ".join(echo.lines)


def test_snapshots_that_no_guard_of_the_data_has_seen_train_but_do_not_promote(
    make_params, write_world, echo
) -> None:
    params = make_params()
    write_world(params, customers=600, cutoffs=6, guards={})
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)

    with pytest.raises(Stop, match=r"not_looked: snapshots: .* Run `churn snapshot` and `churn train` again"):
        promote.run(params, echo=echo)


def test_random_labels_are_refused_and_the_champion_stays(make_params, write_world, echo) -> None:
    params = make_params()
    write_world(params, customers=600, cutoffs=6)
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)
    promote.run(params, echo=echo)
    before = bytes_of(params.champion / "artifacts" / "bundle")
    write_world(params, customers=600, cutoffs=6, shuffled=True, seed=1)
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)

    with pytest.raises(Stop) as stopped:
        promote.run(params, echo=echo)

    evaluated = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    auc = evaluated["candidates"]["challenger"]["auc"]
    assert auc["low"] - 0.01 <= 0.5 <= auc["high"] + 0.01
    assert evaluated["signal"]["found"] == "no signal"
    assert stopped.value.problems[0].startswith("promote: no signal: AUC ")
    assert not json.loads((params.output / "evaluate" / "promotion.json").read_text())["accepted"]
    assert bytes_of(params.champion / "artifacts" / "bundle") == before
    assert Registry(params).aliases()["champion"] == "1"


def test_training_again_gives_the_same_bytes_whatever_the_threads(
    make_params, write_world, echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "SMALL", 0)  # else so few rows are fitted by one thread in any case
    params = make_params()
    write_world(params, customers=400, cutoffs=5)
    train.run(params, echo=echo)
    first = bytes_of(params.output / "train" / "bundle")
    evaluate.run(params, echo=echo)
    measured = (params.output / "evaluate" / "metrics.json").read_text()

    single = params.model_copy(update={"engine": EngineParams(threads=1)})
    train.run(single, echo=echo)
    evaluate.run(single, echo=echo)

    again = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    was = json.loads(measured)
    assert bytes_of(params.output / "train" / "bundle") == first
    assert again["candidates"]["challenger"] == was["candidates"]["challenger"]
    assert again["model"]["digest"] == was["model"]["digest"]


def test_the_run_keeps_what_is_needed_to_compare(make_params, write_world, echo) -> None:
    import mlflow

    params = make_params()
    write_world(params, customers=400, cutoffs=7)

    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)

    record = json.loads((params.output / "train" / "train.json").read_text())
    client = mlflow.MlflowClient(params.tracking.uri)
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
    for part in ("# Model card", "## Label", "## Cohort", "| AUC |", "## Guards", "## Limits", "card.md"):
        assert part in version.description
    assert "Judged on " + run.data.params["evaluate.test_cutoffs"] in run.data.tags["mlflow.note.content"]
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


def test_training_measures_nothing_at_the_test_cutoffs_and_evaluating_adds_them(
    make_params, write_world, echo
) -> None:
    import mlflow

    def folds() -> dict[str, set[str]]:
        """Return by cutoff what its child run measured."""
        runs = client.search_runs([registry.experiment_id], "attributes.run_name LIKE 'fold %'")
        return {run.info.run_name.removeprefix("fold "): set(run.data.metrics) for run in runs}

    params = make_params()
    write_world(params, customers=400, cutoffs=7)
    cutoffs = plan_of(params)
    registry, client = Registry(params), mlflow.MlflowClient(params.tracking.uri)

    train.run(params, echo=echo)
    trained, run_id = folds(), read_record(params).run_id
    before = client.get_run(run_id).data.metrics["out_of_time/auc"]
    evaluate.run(params, echo=echo)

    kept = read_out_of_time(params, read_snapshots(params))
    past = kept.at(cutoffs.choice)
    assert set(trained) == {str(day) for day in cutoffs.choice}
    assert before == pytest.approx(auc(past.left, past.logits), abs=1e-6)
    assert set(folds()) == {str(day) for day in (*cutoffs.choice, *cutoffs.test)}
    assert all("within_fold/auc" in measured for measured in folds().values())
    assert client.get_run(run_id).data.metrics["out_of_time/auc"] == before


def plan_of(params) -> Plan:
    snapshots = read_snapshots(params)
    return plan(snapshots.rows, snapshots.mature_on, (), params.label.horizon_days)


def test_evaluating_again_measures_the_same_child_runs(make_params, write_world, echo) -> None:
    import mlflow

    params = make_params()
    write_world(params, customers=400, cutoffs=5)
    train.run(params, echo=echo)

    for _ in range(2):
        evaluate.run(params, echo=echo)

    registry = Registry(params)
    runs = mlflow.MlflowClient(params.tracking.uri).search_runs([registry.experiment_id])
    names = [run.info.run_name for run in runs]
    assert names.count("judged challenger") == names.count("judged recency") == 1
    assert names.count(f"fold {plan_of(params).test[0]}") == 1


def test_the_logistic_baseline_is_the_logistic_regression_that_would_be_the_candidate(
    make_params, write_world, echo
) -> None:
    made = {}
    for candidate in ("trees", "logistic"):
        params = make_params(train=TrainParams(candidates=(candidate,), max_rounds=20, calibration="none"))
        write_world(params, customers=400, cutoffs=8)
        train.run(params, echo=echo)
        evaluate.run(params, echo=echo)
        made[candidate] = pd.read_parquet(params.output / "evaluate" / "predictions.parquet")

    assert read_record(params).recipe.strength != Recipe.start(params.train).strength  # it was chosen
    pd.testing.assert_series_equal(made["trees"]["logistic"], made["logistic"]["logistic"])
    np.testing.assert_allclose(made["trees"]["logistic"], made["logistic"]["challenger"], atol=1e-3)


def test_looks_at_the_same_cutoffs_are_counted_over_trainings(make_params, write_world, echo) -> None:
    import mlflow

    params = make_params()
    write_world(params, customers=400, cutoffs=5)
    last = read_snapshots(params).cutoffs[-1]
    other = params.model_copy(update={"evaluate": EvaluateParams(bootstrap=200, test_cutoffs=(last,))})
    looks = []
    for asked in (params, params, other):
        train.run(asked, echo=echo)
        evaluate.run(asked, echo=echo)
        run_id = read_record(params).run_id
        looks.append(mlflow.MlflowClient(params.tracking.uri).get_run(run_id).data.tags["looks_at_test"])
    with suppress(Stop):  # the page is written however it ends
        promote.run(other, echo=echo)

    assert looks == ["1", "2", "3"]
    told = "The test cutoffs of this label have been looked at 3 times."
    folder = params.output / "evaluate"
    assert any(told in line for line in echo.lines)
    assert told in (folder / "card.md").read_text()
    assert told in (folder / "promotion.html").read_text()


def test_missing_files_are_named_where_params_put_them(make_params, write_world, echo) -> None:
    params = make_params("elsewhere")

    with pytest.raises(CallError, match=str(params.output / "snapshots")):
        train.run(params, echo=echo)
    with pytest.raises(CallError, match=str(params.output / "train")):
        promote.run(params, echo=echo)
    with pytest.raises(ModelError, match=str(params.champion)):
        load_champion(params)


def test_a_champion_is_compared_once_new_cutoffs_have_come(make_params, write_world, echo) -> None:
    params = make_params()
    write_world(params, customers=400, cutoffs=8)
    cutoffs = read_snapshots(params).cutoffs
    train.run(params, cutoff=cutoffs[5], echo=echo)
    evaluate.run(params, cutoff=cutoffs[5], echo=echo)
    promote.run(params, echo=echo)

    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)

    evaluated = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    assert evaluated["candidates"]["champion"]["rows"] == 400 * 3
    assert "challenger_minus_champion" in evaluated["paired"]
    predictions = pd.read_parquet(params.output / "evaluate" / "predictions.parquet")
    expected = load_champion(params).scorer
    assert np.isfinite(predictions["champion"]).all()
    assert expected.spec["trained_cutoffs"] == [str(day) for day in cutoffs[:5]]


def test_the_champion_trained_again_is_said_to_be_this_model(make_params, write_world, echo) -> None:
    params = make_params()
    write_world(params, customers=400, cutoffs=6)
    for _ in range(2):
        train.run(params, echo=echo)
        evaluate.run(params, echo=echo)
        promote.run(params, echo=echo)

    evaluated = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    assert "champion" not in evaluated["candidates"]
    assert "is this model" in evaluated["notes"]["champion"]


def test_a_champion_that_saw_the_test_is_held_by_its_recipe_against_a_worse_model(
    make_params, write_world, echo
) -> None:
    good = make_params(train=TrainParams(candidates=("logistic",)))
    write_world(good, customers=800, cutoffs=8)
    train.run(good, echo=echo)
    evaluate.run(good, echo=echo)
    promote.run(good, echo=echo)
    stump = TrainParams(candidates=("trees",), max_rounds=10, num_leaves=2, learning_rate=0.01)
    worse = good.model_copy(update={"train": stump})

    train.run(worse, echo=echo)
    evaluate.run(worse, echo=echo)
    with pytest.raises(Stop, match="champion's recipe fitted anew"):
        promote.run(worse, echo=echo)

    evaluated = json.loads((worse.output / "evaluate" / "metrics.json").read_text())
    assert "its recipe, fitted anew for each, stands for it" in evaluated["notes"]["champion"]
    assert load_champion(worse).version == "1"


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({}, True),
        ({"candidates": ("trees",), "max_rounds": 10, "num_leaves": 2, "learning_rate": 0.01}, False),
    ],
    ids=["the same recipe", "a worse recipe"],
)
def test_a_month_later_the_same_recipe_follows_the_champion_and_a_worse_one_does_not(
    make_params, write_world, echo, changes: dict[str, object], accepted: bool
) -> None:
    first = make_params(train=TrainParams(candidates=("logistic",)))
    write_world(first, customers=800, cutoffs=9)
    month = read_snapshots(first).cutoffs[8]
    train.run(first, cutoff=month, echo=echo)
    evaluate.run(first, cutoff=month, echo=echo)
    promote.run(first, echo=echo)
    later = make_params(train=TrainParams(**{"candidates": ("logistic",)} | changes))

    train.run(later, echo=echo)
    evaluate.run(later, echo=echo)
    with nullcontext() if accepted else pytest.raises(Stop, match="champion's recipe fitted anew"):
        promote.run(later, echo=echo)

    evaluated = json.loads((later.output / "evaluate" / "metrics.json").read_text())
    page = json.loads((later.output / "evaluate" / "promotion.json").read_text())
    assert "has seen some of these cutoffs; its recipe" in evaluated["notes"]["champion"]
    assert evaluated["freshness"]["champion"] < evaluated["freshness"]["challenger"]
    assert {"champion_recipe", "lift_at_contact_share"} <= {gate["name"] for gate in page["gates"]}
    assert all("challenger_minus_champion_recipe" in plan for plan in evaluated["segments"]["plan"])
    assert (evaluated["health_bands"]["changed"] == 0) is accepted
    assert load_champion(later).version == ("2" if accepted else "1")


def test_rollback_puts_the_previous_champion_back(make_params, write_world, echo) -> None:
    params = make_params(promote=PromoteParams(margin=1))
    for month in range(2):
        write_world(params, customers=400, cutoffs=6 + month)
        train.run(params, echo=echo)
        evaluate.run(params, echo=echo)
        promote.run(params, echo=echo)

    promote.run(params, rollback=True, echo=echo)

    assert load_champion(params).version == "1"
    assert Registry(params).aliases() == {"champion": "1", "previous": "2"}


def test_the_same_model_trained_again_does_not_become_its_own_previous(
    make_params, write_world, echo
) -> None:
    params = make_params()
    write_world(params, customers=400, cutoffs=6)
    for _ in range(2):
        train.run(params, echo=echo)
        evaluate.run(params, echo=echo)
        promote.run(params, echo=echo)

    aliases = Registry(params).aliases()
    assert (aliases["champion"], "previous" in aliases) == ("1", False)
    assert any("version 1 is champion already" in line for line in echo.lines)
    assert load_champion(params).version == "1"


def test_a_refusal_is_kept_in_the_run_it_refused_and_in_no_other(make_params, write_world, echo) -> None:
    import mlflow

    params = make_params()
    write_world(params, customers=400, cutoffs=6, shuffled=True)
    run_ids = []
    for _ in range(2):
        train.run(params, echo=echo)
        run_ids.append(json.loads((params.output / "train" / "train.json").read_text())["run_id"])
        evaluate.run(params, echo=echo)
        if len(run_ids) == 1:
            with pytest.raises(Stop):
                promote.run(params, echo=echo)

    client = mlflow.MlflowClient(params.tracking.uri)
    held = [{item.path for item in client.list_artifacts(run_id, "evaluate")} for run_id in run_ids]
    pages = {"evaluate/promotion.json", "evaluate/promotion.md", "evaluate/promotion.html"}
    assert pages <= held[0]
    assert not pages & held[1]
    assert not (params.output / "evaluate" / "promotion.json").exists()


def test_a_training_that_dies_leaves_the_old_record_whole(
    make_params, write_world, echo, monkeypatch
) -> None:
    params = make_params()
    write_world(params, customers=400, cutoffs=5)
    train.run(params, echo=echo)
    folder = params.output / "train"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_world(params, customers=400, cutoffs=5, seed=2)

    def die(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Registry, "register", die)
    with pytest.raises(RuntimeError):
        train.run(params, echo=echo)

    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_promoting_twice_changes_nothing(make_params, write_world, echo) -> None:
    params = make_params()
    write_world(params, customers=400, cutoffs=6)
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)
    promote.run(params, echo=echo)

    promote.run(params, echo=echo)

    assert Registry(params).aliases() == {"champion": "1"}


def test_a_signal_that_tells_all_is_a_warning_then_a_stop_until_signed(
    make_params, write_world, echo
) -> None:
    params = make_params()
    write_world(params, customers=800, cutoffs=6, strength=8)
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)

    with pytest.raises(Stop, match="leak"):
        promote.run(params, echo=echo)
    signed = params.model_copy(
        update={"evaluate": EvaluateParams(bootstrap=200, accept={"too_good": "the world is easy"})}
    )
    promote.run(signed, echo=echo)

    assert any("leak" in warning for warning in echo.warnings)
    assert load_champion(params).version == "1"


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


def test_verbs_called_out_of_order_say_which_comes_first(make_params, write_world, echo) -> None:
    params = make_params()
    write_world(params, customers=400, cutoffs=5)

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
    make_params, write_world, echo
) -> None:
    params = make_params()
    write_world(params, customers=400, cutoffs=5)
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)
    write_world(params, customers=400, cutoffs=5, seed=2)

    with pytest.raises(CallError, match="churn train"):
        evaluate.run(params, echo=echo)
    train.run(params, echo=echo)
    with pytest.raises(CallError, match="churn evaluate"):
        promote.run(params, echo=echo)


def test_a_test_cutoff_before_the_choices_were_made_is_refused(make_params, write_world, echo) -> None:
    params = make_params()
    write_world(params, customers=400, cutoffs=6)
    early = read_snapshots(params).cutoffs[2]
    train.run(params, echo=echo)
    asked = params.model_copy(update={"evaluate": EvaluateParams(bootstrap=200, test_cutoffs=(early,))})

    with pytest.raises(CallError, match=str(early)):
        evaluate.run(asked, echo=echo)


def test_later_test_cutoffs_than_those_of_training_are_evaluated(make_params, write_world, echo) -> None:
    params = make_params()
    write_world(params, customers=400, cutoffs=6)
    last = read_snapshots(params).cutoffs[-1]
    train.run(params, echo=echo)
    asked = params.model_copy(update={"evaluate": EvaluateParams(bootstrap=200, test_cutoffs=(last,))})

    evaluate.run(asked, echo=echo)

    evaluated = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    assert evaluated["cutoffs"] == [str(last)]


@pytest.mark.parametrize("asked", [{"rule": {"signal": "login", "at_least": 1}}, {"segments": ["noise"]}])
def test_a_slip_in_the_rule_or_the_segments_is_told_before_training(
    make_params, write_world, echo, asked
) -> None:
    params = make_params(evaluate=EvaluateParams(**asked))
    write_world(params, customers=60, cutoffs=3)

    with pytest.raises(ParamsError, match=r"evaluate\."):
        train.run(params, echo=echo)
