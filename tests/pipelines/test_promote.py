"""`churn promote` on drawn snapshots: who becomes the champion, who does not, and the way back."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress

import pytest

from churn.data.own_files import write_own_json
from churn.errors import CallError, Stop
from churn.model.bundle import bundle_digest, load_champion
from churn.model.registry import Aliases, Registry
from churn.params import EvaluateParams, PromoteParams, TrainParams
from churn.snapshots.read import read_snapshots
from churn.training.challenger import read_challenger
from pipelines import evaluate, promote, train
from tests.run_folders import bytes_in
from tests.snapshot_world import cutoff_number

pytestmark = pytest.mark.slow

WORLD = {"customers": 400, "cutoffs": 6}


LOGISTIC = TrainParams(candidates=("logistic",), calibration="none")


LEAK = {
    "guard": "only_leavers",
    "place": "customers.plan",
    "found": "31 of the 31 customers with the value 'ended' have left.",
    "way_out": "Take it out.",
    "severity": "stop",
}


VERSION_1 = (WORLD, "train", "evaluate", "promote")
VERSION_2 = (*VERSION_1, WORLD | {"cutoffs": 7}, "train", "evaluate")


@pytest.fixture
def two_versions(trained):
    """Version 1 is trained, evaluated and promoted; version 2, of later labels, is trained and evaluated."""
    return trained(*VERSION_2, promote=PromoteParams(margin=1), train=LOGISTIC)


def champion_in_metrics(params) -> dict[str, str] | None:
    return json.loads((params.output / "evaluate" / "metrics.json").read_text())["champion"]


def test_a_planted_signal_is_found_and_promoted(trained) -> None:
    params = trained(*VERSION_1)

    champion = load_champion(params.champion)
    evaluated = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    page = json.loads((params.output / "evaluate" / "promotion.json").read_text())
    assert Registry(params.tracking, params.models).aliases() == Aliases(champion=champion.version)
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


@pytest.mark.parametrize("section", ["check", "evaluate"])
def test_a_stop_of_a_guard_of_the_data_refuses_promotion_until_a_person_signs_it_off(
    trained, echo, section: str
) -> None:
    guards = {"looked": ["only_leavers", "alone"], "found": [LEAK]}
    params = trained(WORLD | {"guards": guards}, "train", "evaluate", train=LOGISTIC)
    accept = {"customers.plan": "a plan nobody else may choose"}
    section_params = getattr(params, section).model_copy(update={"accept": accept})

    with pytest.raises(Stop, match=r"only_leavers: customers\.plan: 31 of the 31 customers"):
        promote.run(params, echo=echo)
    promote.run(params.model_copy(update={section: section_params}), echo=echo)

    guards = json.loads((params.output / "evaluate" / "metrics.json").read_text())["guards"]
    page = (params.output / "evaluate" / "promotion.html").read_text()
    assert guards["looked"][0] == "only_leavers"
    assert guards["looked"].count("alone") == 1
    assert [one["place"] for one in guards["found"] if one["severity"] == "stop"] == ["customers.plan"]
    assert "stop: only_leavers: customers.plan" in (params.output / "evaluate" / "card.md").read_text()
    assert "a plan nobody else may choose" in page
    assert "findings of `churn snapshot`: 1 say stop (only_leavers)" in " ".join(echo.lines)


def test_snapshots_that_no_guard_of_the_data_has_seen_train_but_do_not_promote(trained, echo) -> None:
    params = trained(WORLD | {"guards": {}}, "train", "evaluate", train=LOGISTIC)

    with pytest.raises(Stop, match=r"not_looked: snapshots: .* Run `churn snapshot` and `churn train` again"):
        promote.run(params, echo=echo)


def test_random_labels_are_refused_and_the_champion_stays(trained, write_world, echo) -> None:
    params = trained(*VERSION_1, train=LOGISTIC)
    before = bytes_in(params.champion / "artifacts" / "bundle")
    write_world(params, **WORLD, shuffled=True, seed=1)
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
    assert bytes_in(params.champion / "artifacts" / "bundle") == before
    assert Registry(params.tracking, params.models).aliases().champion == "1"


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({}, True),
        ({"candidates": ("trees",), "max_rounds": 10, "num_leaves": 2, "learning_rate": 0.01}, False),
    ],
    ids=["the same recipe", "a worse recipe"],
)
def test_a_month_later_the_same_recipe_follows_the_champion_and_a_worse_one_does_not(
    trained, make_params, echo, changes: dict[str, object], accepted: bool
) -> None:
    month, world = cutoff_number(8), {"customers": 800, "cutoffs": 9}
    trained(world, ("train", month), ("evaluate", month), "promote", train=LOGISTIC)
    later = make_params(train=LOGISTIC.model_copy(update=changes))

    train.run(later, echo=echo)
    evaluate.run(later, echo=echo)
    with nullcontext() if accepted else pytest.raises(Stop, match="champion's recipe, refitted"):
        promote.run(later, echo=echo)

    evaluated = json.loads((later.output / "evaluate" / "metrics.json").read_text())
    page = json.loads((later.output / "evaluate" / "promotion.json").read_text())
    assert (
        "has seen some of these cutoffs; instead, a model with the champion's recipe"
        in evaluated["notes"]["champion"]
    )
    assert evaluated["freshness"]["champion"] < evaluated["freshness"]["challenger"]
    assert {"champion_recipe", "lift_at_contact_share"} <= {gate["name"] for gate in page["gates"]}
    assert all("challenger_minus_champion_recipe" in plan for plan in evaluated["segments"]["plan"])
    assert (evaluated["health_bands"]["changed"] == 0) is accepted
    assert load_champion(later.champion).version == ("2" if accepted else "1")


def test_rollback_puts_the_previous_champion_back(two_versions, echo) -> None:
    params = two_versions
    promote.run(params, echo=echo)

    promote.run(params, rollback=True, echo=echo)

    assert load_champion(params.champion).version == "1"
    assert Registry(params.tracking, params.models).aliases() == Aliases(champion="1", previous="2")


def test_the_same_model_trained_again_does_not_become_its_own_previous(trained, echo) -> None:
    params = trained(*VERSION_1, "train", "evaluate", "promote", train=LOGISTIC)

    aliases = Registry(params.tracking, params.models).aliases()
    assert (aliases.champion, aliases.previous) == ("1", None)
    assert any("version 1 is already the champion" in line for line in echo.lines)
    assert load_champion(params.champion).version == "1"


def test_a_refusal_is_kept_in_the_run_it_refused_and_in_no_other(trained, write_world, echo) -> None:
    import mlflow

    params = trained(WORLD | {"shuffled": True}, "train", "evaluate", train=LOGISTIC)
    run_ids = [read_challenger(params.output).run_id]
    with pytest.raises(Stop):
        promote.run(params, echo=echo)

    write_world(params, **WORLD, shuffled=True, seed=1)
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)
    run_ids.append(read_challenger(params.output).run_id)

    client = mlflow.MlflowClient(params.tracking.uri)
    held = [{item.path for item in client.list_artifacts(run_id, "evaluate")} for run_id in run_ids]
    pages = {"evaluate/promotion.json", "evaluate/promotion.md", "evaluate/promotion.html"}
    assert pages <= held[0]
    assert not pages & held[1]
    assert not (params.output / "evaluate" / "promotion.json").exists()


@pytest.mark.parametrize("shuffled", [False, True], ids=["accepted", "refused"])
def test_all_again_unchanged_is_no_look_at_the_test_no_second_run_and_keeps_the_pages(
    trained, echo, shuffled: bool
) -> None:
    import mlflow

    def state() -> tuple[object, ...]:
        runs = client.search_runs([registry.experiment_id])
        names = sorted(run.info.run_name for run in runs)
        tags = client.get_registered_model(params.tracking.model).tags
        looks = {key: value for key, value in tags.items() if key.startswith("looks_at_test")}
        pages = {path.name: path.read_bytes() for path in (params.output / "evaluate").glob("promotion.*")}
        return names, looks, pages, read_challenger(params.output)

    world = WORLD | {"shuffled": True} if shuffled else WORLD
    params = trained(world, "train", "evaluate", train=LOGISTIC)
    registry, client = Registry(params.tracking, params.models), mlflow.MlflowClient(params.tracking.uri)
    with suppress(Stop):
        promote.run(params, echo=echo)
    first = state()

    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)
    evaluated_again = state()
    with suppress(Stop):
        promote.run(params, echo=echo)

    names, looks, pages, _ = first
    assert len(set(names)) == len(names)
    assert set(looks.values()) == {"1"}
    assert set(pages) == {"promotion.json", "promotion.md", "promotion.html"}
    assert evaluated_again == first
    assert state() == first


def test_promoting_twice_changes_nothing(trained, echo) -> None:
    params = trained(*VERSION_1)

    promote.run(params, echo=echo)

    assert Registry(params.tracking, params.models).aliases() == Aliases(champion="1")


def test_a_signal_that_tells_all_is_a_warning_then_a_stop_until_signed(trained, echo) -> None:
    params = trained(WORLD | {"strength": 8}, "train", "evaluate", train=LOGISTIC)

    with pytest.raises(Stop, match="leak"):
        promote.run(params, echo=echo)
    signed = params.model_copy(
        update={"evaluate": EvaluateParams(bootstrap=100, accept={"too_good": "the world is easy"})}
    )
    promote.run(signed, echo=echo)

    assert any("leak" in warning for warning in echo.warnings)
    assert load_champion(params.champion).version == "1"


def test_an_evaluation_without_a_champion_names_none(trained) -> None:
    assert champion_in_metrics(trained(*VERSION_1[:3])) is None


def test_an_evaluation_says_which_champion_the_challenger_was_held_against(two_versions) -> None:
    expected = {"version": "1", "digest": load_champion(two_versions.champion).digest}

    assert champion_in_metrics(two_versions) == expected


def test_a_challenger_follows_only_the_champion_it_was_held_against(two_versions, write_world, echo) -> None:
    params = two_versions
    promote.run(params, echo=echo)
    write_world(params, customers=400, cutoffs=8)
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)
    promote.run(params, rollback=True, echo=echo)
    before = bytes_in(params.output / "evaluate")

    with pytest.raises(CallError, match=r"champion version 2, .* version 1\. Run `churn evaluate` again"):
        promote.run(params, echo=echo)
    unchanged = bytes_in(params.output / "evaluate") == before
    evaluate.run(params, echo=echo)
    promote.run(params, echo=echo)

    assert unchanged
    assert champion_in_metrics(params)["version"] == "1"
    assert Registry(params.tracking, params.models).aliases() == Aliases(champion="3", previous="1")


def test_a_challenger_evaluated_before_there_was_a_champion_does_not_follow_one(two_versions, echo) -> None:
    path = two_versions.output / "evaluate" / "metrics.json"
    write_own_json(path, json.loads(path.read_text()) | {"champion": None})

    with pytest.raises(CallError, match=r"no champion, .* version 1\. Run `churn evaluate` again"):
        promote.run(two_versions, echo=echo)

    assert load_champion(two_versions.champion).version == "1"


def test_a_champion_damaged_beyond_repair_may_still_be_followed(two_versions, echo) -> None:
    champion = two_versions.champion / "artifacts" / "bundle" / "spec.json"
    logged = two_versions.models.parent / "mlartifacts"
    digest = load_champion(two_versions.champion).digest
    for folder in [path.parent for path in logged.rglob("bundle/spec.json")]:
        if bundle_digest(folder) == digest:
            (folder / "spec.json").unlink()
    champion.unlink()

    promote.run(two_versions, echo=echo)

    assert "spec.json cannot be read" in " ".join(echo.warnings)
    assert load_champion(two_versions.champion).version == "2"


def test_a_model_rolled_back_may_follow_again_the_champion_it_was_held_against(two_versions, echo) -> None:
    promote.run(two_versions, echo=echo)
    promote.run(two_versions, rollback=True, echo=echo)

    promote.run(two_versions, echo=echo)

    assert Registry(two_versions.tracking, two_versions.models).aliases() == Aliases(
        champion="2", previous="1"
    )


def test_a_champion_evaluated_and_promoted_again_keeps_its_page_its_card_and_its_verdict(
    trained, echo
) -> None:
    import mlflow

    def shown() -> tuple[dict[str, bytes], str, str]:
        folder = params.output / "evaluate"
        client = mlflow.MlflowClient(params.tracking.uri, params.tracking.uri)
        pages = {path.name: path.read_bytes() for path in folder.glob("promotion.*")}
        card = (folder / "card.md").read_text()
        return pages, card, client.get_model_version(params.tracking.model, "1").description

    params = trained(*VERSION_1, train=LOGISTIC)
    promoted = shown()
    tests = read_snapshots(params).cutoffs[-2:]
    fewer = params.model_copy(
        update={
            "evaluate": EvaluateParams(bootstrap=100, test_cutoffs=tests),
            "promote": PromoteParams(observed_expected=(9, 10)),
        }
    )
    evaluate.run(fewer, echo=echo)
    evaluated = shown()
    echo.lines.clear()

    promote.run(fewer, echo=echo)

    assert echo.lines == ["version 1 is already the champion: nothing changes."]
    assert evaluated[0] == promoted[0]
    assert shown() == evaluated
    assert "Accepted when it was promoted.\n\n- passed: signal" in evaluated[1]


def test_the_champion_evaluated_without_the_page_of_its_promotion_is_told_to_be_the_champion(
    two_versions, write_world, echo
) -> None:
    params = two_versions
    write_world(params, customers=400, cutoffs=6)
    train.run(params, echo=echo)

    evaluate.run(params, echo=echo)

    assert not (params.output / "evaluate" / "promotion.json").exists()
    assert "The model is the champion" in (params.output / "evaluate" / "card.md").read_text()
