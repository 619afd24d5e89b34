"""Experiments with a known effect: how often does the interval of one look contain it?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from benchmarks.proof.cells import CELLS, Cell
from churn.experiments.effect import MIN_CHURNERS, rate_difference
from churn.metrics.standard_errors import Z_95

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

KEPT_SHARE = 0.25
"""The share of the churners whom contact keeps."""

CHURNERS = (20, 40)
"""The expected number of churners in the arm with fewer."""

N_SCORES = 10
CONCENTRATION = 5.0
"""The weight of the beta distribution of the scores: the smaller, the more a score tells."""

TITLES = (
    "churners",
    "churn",
    "control",
    "units",
    "effect",
    "Wald",
    "**Newcombe**",
    "**adjusted**",
    "Newcombe with a verdict",
)


@dataclass(frozen=True)
class Coverage:
    """The shares of experiments whose interval contains the true effect.

    Attributes:
        churners: The expected number of churners in the arm with fewer.
        cell: The kind of experiment.
        n: The number of units.
        effect: The true effect.
        wald: The share of the Wald intervals.
        newcombe: The share of Newcombe's intervals.
        adjusted_share: The share of the intervals of the difference that is adjusted by the score.
        with_verdict: The share of Newcombe's intervals where each arm has at least 20 churners.
    """

    churners: int
    cell: Cell
    n: int
    effect: float
    wald: float
    newcombe: float
    adjusted_share: float
    with_verdict: float


@dataclass(frozen=True)
class ScoredArm:
    """The units of one arm by score; each row is an experiment, each column a score.

    Attributes:
        units: The number of units.
        churners: The number of churners.
    """

    units: Ints
    churners: Ints


def score_levels(churn: float) -> Floats:
    """Return equally frequent scores whose mean is the churn, shape (scores,)."""
    middles = (np.arange(N_SCORES) + 0.5) / N_SCORES
    levels = beta(CONCENTRATION * churn, CONCENTRATION * (1 - churn)).ppf(middles)
    return np.asarray(levels * churn / levels.mean())


def draw_arm(n: int, scores: Floats, factor: float, experiments: int, rng: np.random.Generator) -> ScoredArm:
    """Draw the units of an arm, who leave with a probability of the score times a factor."""
    units = rng.multinomial(n, np.full(len(scores), 1 / len(scores)), experiments)
    return ScoredArm(units, rng.binomial(units, scores * factor))


def coverage(cell: Cell, churners: int, experiments: int, seed: int) -> Coverage:
    """Simulate experiments with an effect and look once at each.

    Args:
        cell: The kind of experiment.
        churners: The expected number of churners in the arm with fewer.
        experiments: The number of experiments.
        seed: The seed of the random numbers.
    """
    rng = np.random.default_rng(seed)
    share, contacted_churn = cell.control_share, cell.churn * (1 - KEPT_SHARE)
    n = math.ceil(max(churners / (cell.churn * share), churners / (contacted_churn * (1 - share))))
    n_control = round(n * share)
    n_treatment = n - n_control
    effect = cell.churn - contacted_churn
    scores = score_levels(cell.churn)
    control = draw_arm(n_control, scores, 1, experiments, rng)
    treatment = draw_arm(n_treatment, scores, 1 - KEPT_SHARE, experiments, rng)

    pairs = list(
        zip(control.churners.sum(axis=1).tolist(), treatment.churners.sum(axis=1).tolist(), strict=True)
    )
    ends = {pair: newcombe_ends(pair, n_control, n_treatment) for pair in set(pairs)}
    hits = np.array([ends[pair][0] <= effect <= ends[pair][1] for pair in pairs])
    has_verdict = np.array(pairs).min(axis=1) >= MIN_CHURNERS
    p, q = np.array(pairs).T / np.array([[n_control], [n_treatment]])
    wald = Z_95 * np.sqrt(p * (1 - p) / n_control + q * (1 - q) / n_treatment)
    low, high = adjusted_ends(control, treatment, scores)
    return Coverage(
        churners=churners,
        cell=cell,
        n=n,
        effect=effect,
        wald=float((np.abs(p - q - effect) <= wald).mean()),
        newcombe=float(hits.mean()),
        adjusted_share=float(((low <= effect) & (effect <= high)).mean()),
        with_verdict=float(hits[has_verdict].mean()),
    )


def newcombe_ends(churners: tuple[int, int], n_control: int, n_treatment: int) -> tuple[float, float]:
    """Return the ends of the interval that the product gives for the churners of both arms."""
    difference = rate_difference(churners[0], n_control, churners[1], n_treatment).difference
    if difference.low is None or difference.high is None:
        raise ValueError(f"no interval for {churners} churners")
    return difference.low, difference.high


def adjusted_ends(control: ScoredArm, treatment: ScoredArm, scores: Floats) -> tuple[Floats, Floats]:
    """Return the ends of the interval of Lin's difference for many experiments at once.

    This is `churn.experiments.regression.adjusted_difference` from counts, as a test shows. 180,000
    regressions on up to 80,000 units would take hours.
    """
    n = control.units.sum(axis=1) + treatment.units.sum(axis=1)
    middle = ((control.units + treatment.units) @ scores / n)[:, None]
    (p, p_low, p_high), (q, q_low, q_high) = (
        with_ends(*line_at_zero(arm, scores[None, :] - middle)) for arm in (control, treatment)
    )
    return p - q - np.hypot(p - p_low, q_high - q), p - q + np.hypot(p_high - p, q - q_low)


def with_ends(rate: Floats, variance: Floats) -> tuple[Floats, Floats, Floats]:
    """Return rates with the ends of Wilson's interval, for as many units as give a rate this variance."""
    z2_by_n = Z_95**2 * variance / (rate * (1 - rate))
    middle = (rate + z2_by_n / 2) / (1 + z2_by_n)
    half = np.sqrt(rate * (1 - rate) * z2_by_n + z2_by_n**2 / 4) / (1 + z2_by_n)
    return rate, middle - half, middle + half


def line_at_zero(arm: ScoredArm, x: Floats) -> tuple[Floats, Floats]:
    """Return the height at x = 0 of each experiment's line through one arm, and its HC2 variance.

    Args:
        arm: The units of the arm.
        x: The centred scores, shape (experiments, scores).
    """
    n = arm.units.sum(axis=1)
    mean_x = (arm.units * x).sum(axis=1) / n
    from_mean = x - mean_x[:, None]
    squares = (arm.units * from_mean**2).sum(axis=1)
    mean_y = arm.churners.sum(axis=1) / n
    slope = (arm.churners * from_mean).sum(axis=1) / squares
    # The height is a weighted sum of the outcomes; its variance sums the squared weights times residuals.
    weights = 1 / n[:, None] - mean_x[:, None] * from_mean / squares[:, None]
    leverage = 1 / n[:, None] + from_mean**2 / squares[:, None]
    line = mean_y[:, None] + slope[:, None] * from_mean
    stayed = arm.units - arm.churners
    residuals = (arm.churners * (1 - line) ** 2 + stayed * line**2) / (1 - leverage)
    return mean_y - slope * mean_x, (weights**2 * residuals).sum(axis=1)


def table(experiments: int, seed: int) -> Iterator[str]:
    """Yield the lines of the table of all kinds of experiments."""
    yield f"| {' | '.join(TITLES)} |"
    yield f"|{'---:|' * len(TITLES)}"
    for churners in CHURNERS:
        for number, cell in enumerate(CELLS):
            yield row(coverage(cell, churners, experiments, seed + number))


def row(result: Coverage) -> str:
    """Return a line of the table.

    >>> row(Coverage(20, Cell(0.01, 0.1), 20000, 0.0025, 0.931, 0.952, 0.949, 0.943))
    '| 20 | 1 % | 10 % | 20,000 | 0.25 points | 93.1 % | **95.2 %** | **94.9 %** | 94.3 % |'
    """
    cells = [
        str(result.churners),
        f"{100 * result.cell.churn:.0f} %",
        f"{100 * result.cell.control_share:.0f} %",
        f"{result.n:,}",
        f"{100 * result.effect:.2f} points",
        f"{100 * result.wald:.1f} %",
        f"**{100 * result.newcombe:.1f} %**",
        f"**{100 * result.adjusted_share:.1f} %**",
        f"{100 * result.with_verdict:.1f} %",
    ]
    return f"| {' | '.join(cells)} |"
