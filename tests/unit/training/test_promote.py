"""Promotion as it depends on the champion that stands."""

from __future__ import annotations

import json

import pytest

from churn.errors import CallError
from churn.model.bundle import bundle_digest
from churn.model.champion import load_champion
from churn.model.registry import Registry
from churn.params import EvaluateParams, PromoteParams, TrainParams
from churn.snapshots.read import read_snapshots
from pipelines import evaluate, promote, train

pytestmark = pytest.mark.usefixtures("few_charts")

QUICK = TrainParams(candidates=("logistic",), calibration="none")


def bytes_of(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.fixture
def two_versions(make_params, write_world, echo):
    """Train, evaluate and promote version 1, then train and evaluate version 2, of later labels."""
    params = make_params(promote=PromoteParams(margin=1), train=QUICK)
    for month in range(2):
        write_world(params, customers=400, cutoffs=6 + month)
        train.run(params, echo=echo)
        evaluate.run(params, echo=echo)
        if month == 0:
            promote.run(params, echo=echo)
    return params


def champion_in_metrics(params) -> dict[str, str] | None:
    return json.loads((params.output / "evaluate" / "metrics.json").read_text())["champion"]


def test_an_evaluation_says_which_champion_the_challenger_was_held_against(
    make_params, write_world, echo
) -> None:
    params = make_params(train=QUICK)
    write_world(params, customers=400, cutoffs=6)
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)
    first = champion_in_metrics(params)
    promote.run(params, echo=echo)
    write_world(params, customers=400, cutoffs=7)
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)

    assert first is None
    assert champion_in_metrics(params) == {"version": "1", "digest": load_champion(params).digest}


def test_a_challenger_follows_only_the_champion_it_was_held_against(two_versions, write_world, echo) -> None:
    params = two_versions
    promote.run(params, echo=echo)
    write_world(params, customers=400, cutoffs=8)
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)
    promote.run(params, rollback=True, echo=echo)
    before = bytes_of(params.output / "evaluate")

    with pytest.raises(
        CallError, match=r"beside champion version 2, .* version 1\. Run `churn evaluate` again"
    ):
        promote.run(params, echo=echo)
    unchanged = bytes_of(params.output / "evaluate") == before
    evaluate.run(params, echo=echo)
    promote.run(params, echo=echo)

    assert unchanged
    assert champion_in_metrics(params)["version"] == "1"
    assert Registry(params).aliases() == {"champion": "3", "previous": "1"}


def test_a_challenger_evaluated_before_there_was_a_champion_does_not_follow_one(two_versions, echo) -> None:
    place = two_versions.output / "evaluate" / "metrics.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"champion": None}))

    with pytest.raises(CallError, match=r"beside no champion, .* version 1\. Run `churn evaluate` again"):
        promote.run(two_versions, echo=echo)

    assert load_champion(two_versions).version == "1"


def test_a_champion_damaged_beyond_repair_may_still_be_followed(two_versions, echo) -> None:
    champion = two_versions.champion / "artifacts" / "bundle" / "spec.json"
    logged = two_versions.models.parent / "mlartifacts"
    digest = load_champion(two_versions).digest
    for folder in [path.parent for path in logged.rglob("bundle/spec.json")]:
        if bundle_digest(folder) == digest:
            (folder / "spec.json").unlink()
    champion.unlink()

    promote.run(two_versions, echo=echo)

    assert "spec.json cannot be read" in " ".join(echo.warnings)
    assert load_champion(two_versions).version == "2"


def test_a_model_rolled_back_may_follow_again_the_champion_it_was_held_against(two_versions, echo) -> None:
    promote.run(two_versions, echo=echo)
    promote.run(two_versions, rollback=True, echo=echo)

    promote.run(two_versions, echo=echo)

    assert Registry(two_versions).aliases() == {"champion": "2", "previous": "1"}


def test_a_champion_evaluated_and_promoted_again_keeps_its_page_its_card_and_its_verdict(
    make_params, write_world, echo
) -> None:
    import mlflow

    def shown() -> tuple[dict[str, bytes], str, str]:
        folder = params.output / "evaluate"
        client = mlflow.MlflowClient(params.tracking.uri)
        pages = {path.name: path.read_bytes() for path in folder.glob("promotion.*")}
        card = (folder / "card.md").read_text()
        return pages, card, client.get_model_version(params.tracking.model, "1").description

    params = make_params(train=QUICK)
    write_world(params, customers=600, cutoffs=6)
    train.run(params, echo=echo)
    evaluate.run(params, echo=echo)
    promote.run(params, echo=echo)
    promoted = shown()
    tests = read_snapshots(params).cutoffs[-2:]
    fewer = params.model_copy(
        update={
            "evaluate": EvaluateParams(bootstrap=200, test_cutoffs=tests),
            "promote": PromoteParams(observed_expected=(9, 10)),
        }
    )
    evaluate.run(fewer, echo=echo)
    evaluated = shown()
    echo.lines.clear()

    promote.run(fewer, echo=echo)

    assert echo.lines == ["version 1 is champion already: nothing changes."]
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
    assert "It is the champion" in (params.output / "evaluate" / "card.md").read_text()
