"""What a night takes from earlier nights: health bands, and how long conditions of plays have been true."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.model.value import health_band
from churn.scoring.night import ScoredCohort
from churn.scoring.playbook import Playbook

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Objects = npt.NDArray[np.object_]

BAND_MARGIN = 1.1
"""How far the odds ratio must be beyond the edge of a band so that the band changes after a single night."""


def bands_with_memory(scores: ScoredCohort, earlier: pd.DataFrame) -> Floats:
    """Return the health bands; a score just beyond the edge of a band for one night does not change the band.

    Each band is a range of the odds ratio: the customer's odds of leaving, divided by the usual odds. The raw
    band of a night follows from the scores of that night alone. A customer keeps the band of the night
    before, unless one of two rules changes it. First, the band changes if the raw bands of this night and of
    the night before are both better, or both worse, than the customer's band. Second, the band changes if
    this night's odds ratio is at least 10 % beyond the edge of the customer's band. A customer who has no
    earlier band, or who joined too recently, gets the raw band of this night.

    Args:
        scores: The scores of the cohort.
        earlier: The bands of the night before: `customer_id`, `raw_band` and `band`.
    """
    by_customer = earlier.drop_duplicates("customer_id").set_index("customer_id")
    raw = scores.raw_band
    raw_before = by_customer["raw_band"].reindex(scores.customers).to_numpy(dtype=np.float64)
    band_before = by_customer["band"].reindex(scores.customers).to_numpy(dtype=np.float64)
    with np.errstate(divide="ignore"):  # the odds of a certain churner are infinite
        odds = scores.probability / (1 - scores.probability)
    cautious_if_worse = health_band(_probability_of(odds / BAND_MARGIN), scores.base_rate)
    cautious_if_better = health_band(_probability_of(odds * BAND_MARGIN), scores.base_rate)
    # If both rules change the band, the larger change counts.
    worse = np.minimum(np.maximum(raw, raw_before), cautious_if_worse)
    better = np.maximum(np.minimum(raw, raw_before), cautious_if_better)
    band = np.where(raw < band_before, np.minimum(worse, band_before), np.maximum(better, band_before))
    has_memory = ~np.isnan(band_before) & ~np.isnan(raw) & ~scores.thin
    return np.where(has_memory & (raw != band_before), band, np.where(has_memory, band_before, raw))


def _probability_of(odds: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(odds), 1.0, odds / (1 + odds))


def nights_before(holdings: pd.DataFrame, playbook: Playbook, customers: Objects) -> Ints:
    """Return the number of nights in a row, up to the night before, in which the condition of each play was
    true, `[plays, customers]`.
    """
    nights = np.zeros((len(playbook.rules), len(customers)), dtype=np.intp)
    row_of = {customer: row for row, customer in enumerate(customers)}
    index_of = {rule.play.name: index for index, rule in enumerate(playbook.rules)}
    for customer, play, count in zip(
        holdings["customer_id"], holdings["play"], holdings["nights"], strict=True
    ):
        if customer in row_of and play in index_of:
            nights[index_of[play], row_of[customer]] = int(count)
    return nights


def holding_rows(playbook: Playbook, nights_held: Ints, customers: Objects) -> pd.DataFrame:
    """Return the rows of the ledger for the plays whose condition must be true for several nights."""
    rows = [
        (str(customers[row]), rule.play.name, int(nights_held[index, row]))
        for index, rule in enumerate(playbook.rules)
        if rule.play.for_nights > 1
        for row in np.flatnonzero(nights_held[index])
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "play", "nights"])
    return frame.sort_values(["customer_id", "play"], ignore_index=True)


def band_rows(scores: ScoredCohort, band: Floats) -> pd.DataFrame:
    """Return the rows of the ledger with the health bands of this night."""
    frame = pd.DataFrame({"customer_id": scores.customers, "raw_band": scores.raw_band, "band": band})
    return frame.sort_values("customer_id", ignore_index=True)
