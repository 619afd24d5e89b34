"""What came of the customers of each health band on the test cutoffs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from churn.evaluation.evaluate import customer_wilson
from churn.reporting.quality import Number
from churn.scoring.health import health

MOST = 5


@dataclass(frozen=True)
class BandOutcome:
    """One health band: how many rows were in it, which share was to leave and which share left."""

    band: int
    rows: int
    predicted: float
    observed: Number


@dataclass(frozen=True)
class BandOutcomes:
    """The bands from 1 to 5, empty ones left out, and whether fewer left from each to the next."""

    bands: tuple[BandOutcome, ...]
    falls: bool


def band_outcomes(tested: pd.DataFrame | None, base_rate: float) -> BandOutcomes | None:
    """Return what came of each band; None where there was no test.

    Nobody is taken for too new to judge here: a test row tells no tenure.

    Args:
        tested: `customer_id, left, challenger`, one row per customer and test cutoff.
        base_rate: the night's, so that a band means what it means on the call list.
    """
    if tested is None:
        return None
    known = tested.dropna(subset=["challenger", "left"])
    if known.empty:
        return None
    probability = known["challenger"].to_numpy(dtype=np.float64)
    of = health(probability, base_rate, np.zeros(len(known), dtype=bool))
    left = known["left"].to_numpy(dtype=np.float64)
    names = known["customer_id"].to_numpy()
    found, shares = [], []
    for band in range(1, MOST + 1):
        here = of == band
        if not here.any():
            continue
        shares.append(float(left[here].mean()))
        found.append(
            BandOutcome(
                band, int(here.sum()), float(probability[here].mean()), _share(left[here], names[here])
            )
        )
    return BandOutcomes(tuple(found), all(one > other for one, other in pairwise(shares)))


def _share(left: np.ndarray, customers: np.ndarray) -> Number:
    low, high = customer_wilson(left, customers)
    return Number(f"{left.mean():.1%}", f"{low:.1%} to {high:.1%}")
