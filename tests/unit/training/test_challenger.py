from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from churn.training.challenger import base_rate


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
