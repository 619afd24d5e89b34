from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.errors import CallError
from churn.training.calibration import CalibrationChoice
from churn.training.challenger import Challenger, base_rate
from churn.training.recipe import Recipe

FIRST_TEST = date(2024, 6, 1)
RECIPE = Recipe("logistic", 1, "none", 0, 0.1, None, extra_trees=False, strength=1.0)


def challenger(snapshots_digest: str, chosen_by: date | None) -> Challenger:
    return Challenger(
        model="churn",
        version="1",
        run_id="run",
        digest="digest",
        snapshots_digest=snapshots_digest,
        recipe=RECIPE,
        calibration=CalibrationChoice("none"),
        chosen_by=chosen_by,
        choice_cutoffs=(),
        scores=(),
        logistic=RECIPE,
        importance={},
    )


@pytest.mark.parametrize(
    ("chosen_by", "words"),
    [
        (date(2024, 6, 2), "became known after this day, up to 2024-06-02. Run"),
        (None, "became known after this day. Run"),
    ],
)
def test_a_challenger_that_was_selected_after_the_first_test_cutoff_is_not_evaluated(
    snapshots_of, chosen_by: date | None, words: str
) -> None:
    snapshots = snapshots_of(customers=10, cutoffs=2)

    with pytest.raises(CallError, match=words):
        challenger(snapshots.digest, chosen_by).check_fits(
            snapshots, FIRST_TEST, Path("train"), "evaluate.test_cutoffs"
        )


def test_a_challenger_fits_the_snapshots_from_which_it_learnt_and_no_others(snapshots_of) -> None:
    snapshots = snapshots_of(customers=10, cutoffs=2)

    challenger(snapshots.digest, FIRST_TEST).check_fits(snapshots, FIRST_TEST, Path("train"), "key")
    with pytest.raises(CallError, match="learnt from other snapshots"):
        challenger("another", FIRST_TEST).check_fits(snapshots, FIRST_TEST, Path("train"), "key")


@pytest.mark.parametrize(
    ("leaving", "rate", "cutoffs"),
    [
        # churners among 500 at each cutoff, the oldest first
        ([400, 300, 100, 100, 100], 100 / 500, 2),
        ([400, 50, 50, 200], 200 / 500, 1),
        ([400, 50, 50, 199], 249 / 1000, 2),
        ([10, 20, 30], 60 / 1500, 3),
    ],
)
def test_the_base_rate_is_that_of_the_newest_cutoffs_with_200_churners(
    snapshots_of, leaving: list[int], rate: float, cutoffs: int
) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=len(leaving))
    left = np.concatenate([np.arange(500) < churners for churners in leaving]).astype(float)
    drawn = replace(snapshots, rows=replace(snapshots.rows, left=left))

    assert base_rate(drawn) == (pytest.approx(rate), cutoffs)
