"""What the Brier score is made of."""

from __future__ import annotations

import numpy as np

from churn.metrics.metrics import BINS, Floats, Ints, equal_count_bins, weights_or_ones

PARTS = ("brier_reliability", "brier_resolution", "brier_uncertainty", "brier_within_bin")


def brier_parts(left: Floats, probability: Floats, weight: Floats | None = None) -> dict[str, float]:
    """Return reliability, resolution, uncertainty and the within-bin term of the Brier score.

    `brier = reliability - resolution + uncertainty + within_bin`, exactly. Ten bins hold about equally
    many rows. Reliability is the squared distance of predicted from observed rates (0 is best), resolution
    the squared distance of observed rates from the base rate (more is better), uncertainty what predicting
    the base rate would score. The within-bin term is there because the predictions of a bin differ: their
    variance less twice their covariance with the outcome.

    Even perfect predictions have observed rates off by chance; that share is taken out of reliability and
    resolution, so that both are right on average and reliability may fall below 0 by chance.

    Source: Murphy (1973), A new vector partition of the probability score, Journal of Applied Meteorology
        12; Stephenson, Coelho and Jolliffe (2008), Two extra components in the Brier score decomposition,
        Weather and Forecasting 23; Ferro and Fricker (2012), A bias-corrected decomposition of the Brier
        score, Quarterly Journal of the Royal Meteorological Society 138.
    """
    weight = weights_or_ones(left, weight)
    bins = equal_count_bins(probability)
    sums = np.concatenate(
        [np.bincount(bins, weight * each, BINS) for each in (1 + 0 * left, left, probability)]
    )
    total = float(weight @ (left - probability) ** 2)
    return {name: float(part[0]) for name, part in parts_of(sums[None, :], np.array([total])).items()}


def bin_sums(left: Floats, probability: Floats, bins: Ints, group: Ints, groups: int) -> Floats:
    """Return rows, leavers and summed probabilities by bin for each group: shape (groups, 3 * bins)."""
    cell = group * BINS + bins
    return np.column_stack(
        [
            np.bincount(cell, each, groups * BINS).reshape(groups, BINS)
            for each in (np.ones(len(left)), left, probability)
        ]
    )


def parts_of(sums: Floats, total: Floats, noises: int = 1) -> dict[str, Floats]:
    """Return the parts from sums as of `bin_sums`, one per line of `sums`.

    Args:
        sums: Rows, leavers and summed probabilities by bin, shape (lines, 3 * bins).
        total: The summed Brier score of each line.
        noises: How often the rows' chance is in the sums: once in the rows themselves, twice in rows that
            were drawn from them.
    """
    rows, left, expected = np.split(sums, 3, axis=1)
    n = rows.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        base = left.sum(axis=1) / n
        observed = np.where(rows > 0, left / rows, 0.0)
        predicted = np.where(rows > 0, expected / rows, 0.0)
        chance = np.where(rows > 1, observed * (1 - observed) / (rows - 1), 0.0)
        noise = noises * (rows * chance).sum(axis=1) / n
        noise_of_base = noises * base * (1 - base) / (n - 1)
        reliability = (rows * (predicted - observed) ** 2).sum(axis=1) / n
        resolution = (rows * (observed - base[:, None]) ** 2).sum(axis=1) / n
        uncertainty = base * (1 - base)
        within = total / n - reliability + resolution - uncertainty
    corrected = reliability - noise, resolution - noise + noise_of_base, uncertainty + noise_of_base, within
    return dict(zip(PARTS, corrected, strict=True))
