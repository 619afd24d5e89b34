"""Compute health bands of customers, from 1 (about to leave) to 5 (healthy).

A customer has one band as a whole, and one for each of four sides: activity, support, sentiment, payment.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.model.value import health_band
from churn.scoring.reasons import SignalFacts

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

THIN_DAYS = 14
SIDES = {
    "health_activity": ("activity", "purchase"),
    "health_support": ("support",),
    "health_sentiment": ("sentiment",),
    "health_payment": ("payment",),
}


def health(probability: Floats, base_rate: float, thin: Bools) -> Floats:
    """Return the customers' health bands, from 1 to 5; 3 for a customer whose history is too short.

    The bands have the shape `[customers]`.

    Args:
        probability: The calibrated probabilities, shape `[customers]`; NaN gives a health of NaN.
        base_rate: The usual share of customers who leave within one horizon of the label, from the newest
            labelled cutoffs, 0 < base_rate < 1.
        thin: Whether the history of each customer is too short, shape `[customers]`.
    """
    band = health_band(probability, base_rate)
    return np.where(thin & ~np.isnan(probability), 3.0, band)


def is_thin(frame: pd.DataFrame) -> Bools:
    """Return for each row whether the customer joined less than `THIN_DAYS` days ago.

    The history of such a customer is too short for a health band.
    """
    if "tenure_days" not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    return (frame["tenure_days"] < THIN_DAYS).to_numpy(dtype=bool)


def sides(frame: pd.DataFrame, signals: Sequence[SignalFacts]) -> dict[str, Floats]:
    """Return each customer's health bands for activity, support, sentiment and payment, by column name.

    Each of these four sides has its own signals. A band is from 1 to 5, or NaN if the customer has no value
    in any signal of the side. For each signal, a customer has a percentile: the share of customers whose
    value means less risk, plus half the share with an equal value. So a low percentile means a low risk. The
    mean percentile over the signals of a side gives the customer's band for this side:

    - at most .2: band 5
    - at most .4: band 4
    - at most .6: band 3
    - at most .8: band 2
    - above .8: band 1

    If all customers have equal values, each percentile is .5 and each band is 3. Signals for which both high
    and low values mean risk do not count.
    """
    return {
        name: _side(frame, [s for s in signals if s.family in families]) for name, families in SIDES.items()
    }


def _side(frame: pd.DataFrame, signals: Sequence[SignalFacts]) -> Floats:
    total = np.zeros(len(frame))
    count = np.zeros(len(frame))
    for signal in signals:
        if not signal.has_side or signal.name not in frame.columns:
            continue
        percentile = _percentile_of_risk(frame[signal.name], signal.riskier_when)
        has_value = ~np.isnan(percentile)
        total[has_value] += percentile[has_value]
        count[has_value] += 1
    mean = np.divide(total, count, out=np.full(len(frame), np.nan), where=count > 0)
    band = 5.0 - np.searchsorted(np.array([0.2, 0.4, 0.6, 0.8]), mean, side="left")
    return np.where(np.isnan(mean), np.nan, band)


def _percentile_of_risk(values: pd.Series[float], riskier_when: str) -> Floats:
    """Return for each customer the share of customers with less risk, plus half the share with equal risk."""
    ranks = values.rank(method="average", ascending=riskier_when == "higher")
    share: Floats = (ranks.to_numpy(dtype=np.float64) - 0.5) / max(int(values.notna().sum()), 1)
    return share
