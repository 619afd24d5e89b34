"""The champion on the test cutoffs: what is compared, and the reason where nothing can be compared."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from churn.errors import ModelError
from churn.evaluation.champion import ChampionPredictions, champion_predictions
from churn.model.bundle import Champion
from churn.training.backtest import predict_out_of_time
from churn.training.recipe import Recipe, fit_recipe
from tests.unit.evaluation.conftest import LOGISTIC, draw_snapshots

SNAPSHOTS = draw_snapshots()
CUTOFFS = tuple(SNAPSHOTS.mature_on)
TEST = CUTOFFS[-2:]
PAST = predict_out_of_time(SNAPSHOTS, LOGISTIC, CUTOFFS[2:], 1)


def compared(recipe: dict[str, Any], *, learnt_by: date) -> ChampionPredictions:
    """Compare a challenger with a champion of this recipe that learnt from labels known by a day."""
    model = fit_recipe(SNAPSHOTS.rows.at(CUTOFFS[:3]), LOGISTIC, SNAPSHOTS.monotone, 1)
    scorer = model.scorer({"method": "none"}, 1)
    scorer.spec |= {"label_id": "label", "mature_on": learnt_by.isoformat(), "recipe": recipe}
    record: Any = SimpleNamespace(digest="challenger", recipe=LOGISTIC)
    return champion_predictions(Champion(scorer, "3", "champion"), SNAPSHOTS, record, PAST, TEST, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"depth": 3}, "depth"),
        ({"candidate": "forest"}, "candidate"),
        ({"rounds": "many"}, "rounds"),
        ({"calibration": "spline"}, "calibration"),
    ],
)
@pytest.mark.parametrize("learnt_by", [TEST[0], TEST[1], date(2030, 1, 1)])
def test_a_recipe_of_another_version_is_compared_only_where_it_need_not_be_refitted(
    change: dict[str, Any], words: str, learnt_by: date
) -> None:
    compared_with = compared(LOGISTIC.as_dict() | change, learnt_by=learnt_by)

    if learnt_by <= TEST[0]:
        assert set(compared_with.predictions) == {"champion"}
        assert not compared_with.notes
        return
    assert not compared_with.predictions
    note = compared_with.notes["champion"]
    assert note.startswith("The champion (version 3) has seen ")
    assert words in note
    assert "so the challenger is not compared with it: " in note
    assert note.endswith("another version of churn wrote the model.")
    assert compared_with.champion is not None


def test_a_recipe_without_a_setting_is_not_completed_in_silence() -> None:
    recipe = {name: value for name, value in LOGISTIC.as_dict().items() if name != "strength"}

    compared_with = compared(recipe, learnt_by=date(2030, 1, 1))

    assert not compared_with.predictions
    assert "strength" in compared_with.notes["champion"]


def test_a_recipe_of_this_version_is_refitted() -> None:
    compared_with = compared(LOGISTIC.as_dict(), learnt_by=date(2030, 1, 1))

    assert set(compared_with.predictions) == {"champion_recipe"}
    assert compared_with.notes["champion"].endswith(
        "the champion's recipe is fitted for each cutoff and compared with the challenger."
    )


def test_all_mistakes_of_a_recipe_are_named_at_once() -> None:
    with pytest.raises(ModelError, match=r"(?s)candidate.*rounds.*depth"):
        Recipe.of_spec({"recipe": LOGISTIC.as_dict() | {"candidate": "forest", "rounds": "many", "depth": 3}})


@pytest.mark.parametrize("calibration", ["none", "beta", "platt", "venn_abers", "shifted"])
def test_every_recipe_that_this_version_writes_is_read(calibration: str) -> None:
    recipe = LOGISTIC.with_calibration(calibration)

    assert Recipe.of_spec({"recipe": recipe.as_dict()}) == recipe
