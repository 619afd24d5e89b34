"""`churn train --refresh` on drawn snapshots."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from churn.errors import Stop
from churn.model.bundle import load_champion
from churn.params import EvaluateParams, PromoteParams, TrainParams
from churn.snapshots.read import read_snapshots
from pipelines import evaluate, promote, train
from tests.snapshot_world import cutoff_number

pytestmark = pytest.mark.slow

WORLD = {"customers": 400, "cutoffs": 6}


@pytest.fixture
def old_champion(trained):
    """Return parameters over a world whose champion is as old as its cutoff 5."""
    then = cutoff_number(5)

    def make(cutoffs: int):
        return trained(
            {"customers": 600, "cutoffs": cutoffs},
            *(("train", then), ("evaluate", then), "promote"),
            train=TrainParams(candidates=("trees",)),
            promote=PromoteParams(margin=0.1),
        )

    return make


def test_a_refreshed_champion_is_judged_and_promoted_like_any_other(old_champion, echo) -> None:
    params = old_champion(cutoffs=10)
    cutoffs = read_snapshots(params).cutoffs
    first = load_champion(params.champion)
    more_leave(params, cutoffs[5:])
    tests = params.evaluate.model_copy(update={"test_cutoffs": cutoffs[-3:]})
    later = params.model_copy(update={"evaluate": tests})

    with pytest.raises(Stop):
        train.run(
            params.model_copy(update={"evaluate": EvaluateParams(test_cutoffs=cutoffs[4:])}),
            refresh=True,
            echo=echo,
        )
    train.run(later, refresh=True, echo=echo)
    evaluate.run(later, echo=echo)
    promote.run(later, echo=echo)

    second = load_champion(params.champion)
    evaluated = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    some = pd.read_parquet(params.output / "snapshots" / f"cutoff={cutoffs[-1]}" / "part.parquet")
    was, now = (np.log(p / (1 - p)) for p in (one.scorer.predict(some) for one in (first, second)))
    shift = second.scorer.spec["refreshed"]["by"]
    assert second.scorer.spec["refreshed"]["from_version"] == first.version
    assert shift > 0.2
    assert now - was == pytest.approx(np.full(len(some), shift))
    assert evaluated["paired"]["challenger_minus_champion"]["log_loss"]["high"] < 0
    assert "moved by" in (params.output / "evaluate" / "card.md").read_text()


def test_a_champion_whose_level_holds_stays_alone(old_champion, echo) -> None:
    params = old_champion(cutoffs=8)
    before = (params.output / "train" / "train.json").read_bytes()

    train.run(params, refresh=True, echo=echo)

    assert (params.output / "train" / "train.json").read_bytes() == before
    assert "level of the champion's probabilities is still right" in echo.lines[-1]


def more_leave(params, cutoffs) -> None:
    """Let a quarter of those who stayed leave too."""
    rng = np.random.default_rng(5)
    for cutoff in cutoffs:
        path = params.output / "snapshots" / f"cutoff={cutoff}" / "part.parquet"
        frame = pd.read_parquet(path)
        also = rng.random(len(frame)) < 0.25
        frame["left"] = np.maximum(frame["left"].to_numpy(dtype=float), also).astype("int8")
        frame.to_parquet(path, index=False)
