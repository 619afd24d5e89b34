"""Samples with a known effect: whom a contact helps is independent of who is at risk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churn.snapshots.dataset import LabelledRows
from churn.uplift.sample import Sample, make_sample

Floats = npt.NDArray[np.float64]

NAMES = ("helped_by", "noise", "risk")


def drawn_sample(
    seed: int,
    *,
    n: int = 4000,
    effect: float = 0.3,
    drives_away: float = 0.0,
    propensity: float = 0.5,
    is_wanted: bool = False,
) -> tuple[Sample, Floats]:
    """Return a sample and the true effect on each row, above 0 if it is good.

    Without a contact the outcome has the probability .25 to .55, by `risk`. A contact helps the half with a
    high `helped_by` by `effect`, and drives the others away by `drives_away`.
    """
    rng = np.random.default_rng(seed)
    matrix = rng.random((n, len(NAMES)))
    true_effect = np.where(matrix[:, 0] > 0.5, effect, -drives_away)
    in_treatment = rng.random(n) < propensity
    bad = 0.25 + 0.3 * matrix[:, 2] - np.where(in_treatment, true_effect, 0.0)
    happened = rng.random(n) < (1 - bad if is_wanted else bad)
    rows = LabelledRows(
        names=NAMES,
        levels={},
        matrix=matrix,
        left=happened.astype(np.float64),
        customer=np.arange(n),
        cutoff=np.zeros(n, dtype=np.int64),
    )
    customers = [f"{seed}-{row}" for row in range(n)]
    sample = make_sample(rows, customers, in_treatment, np.full(n, propensity), is_wanted=is_wanted)
    return sample, true_effect
