"""Experiments without an effect: how often does one of many nightly looks find one?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from benchmarks.proof.cells import CELLS, Cell
from churn.experiments.sequence import RATIO_ALPHA, difference_sequence, sample_ratio_sequence
from churn.metrics.standard_errors import Z_95

LOOKS = 66
UNITS_PER_NIGHT = (300, 3000)
TITLES = (
    "churn",
    "control",
    "units",
    "experiments with 20 churners an arm",
    "plain 95 % interval",
    "formula without the rule",
    "**formula with the rule**",
    "chi-square of the arms",
    "**sequence of the arms**",
)


@dataclass(frozen=True)
class FalseAlarms:
    """The shares of experiments without an effect in which any of the looks raised an alarm.

    Attributes:
        cell: The kind of experiment.
        n: The number of units after all looks.
        enough: The share of experiments with 20 churners in each arm at the last look.
        plain: The share with an alarm of the plain 95 % interval.
        without_rule: The share with an alarm of the anytime-valid interval, without the rule.
        with_rule: The share with an alarm of the anytime-valid interval with the rule of 20 churners.
        chi_square: The share in which a chi-square test of the sizes of the arms has p below .001.
        ratio_sequence: The share in which the sequence of sample ratios has p below .001.
    """

    cell: Cell
    n: int
    enough: float
    plain: float
    without_rule: float
    with_rule: float
    chi_square: float
    ratio_sequence: float


def false_alarms(cell: Cell, units_per_night: int, experiments: int, seed: int) -> FalseAlarms:
    """Simulate experiments without an effect, and look at each after every night.

    Args:
        cell: The kind of experiment.
        units_per_night: The number of units whose outcome matures each night.
        experiments: The number of experiments.
        seed: The seed of the random numbers.
    """
    rng = np.random.default_rng(seed)
    shape = (experiments, LOOKS)
    night_control = rng.binomial(units_per_night, cell.control_share, shape)
    night_treatment = units_per_night - night_control
    churners_control = rng.binomial(night_control, cell.churn).cumsum(axis=1)
    churners_treatment = rng.binomial(night_treatment, cell.churn).cumsum(axis=1)
    n_control, n_treatment = night_control.cumsum(axis=1), night_treatment.cumsum(axis=1)

    n = units_per_night * LOOKS
    sequence = difference_sequence(churners_control, n_control, churners_treatment, n_treatment, n_target=n)
    control, treatment = churners_control / n_control, churners_treatment / n_treatment
    variance = control * (1 - control) / n_control + treatment * (1 - treatment) / n_treatment
    expected = cell.control_share * (n_control + n_treatment)
    squares = (n_control - expected) ** 2 / (expected * (1 - cell.control_share))
    ratios = sample_ratio_sequence(n_control, n_treatment, cell.control_share)

    def share(alarms: np.ndarray) -> float:
        return float(alarms.any(axis=1).mean())

    return FalseAlarms(
        cell=cell,
        n=n,
        enough=float(sequence.has_enough_churners[:, -1].mean()),
        plain=share(np.abs(control - treatment) > Z_95 * np.sqrt(variance)),
        without_rule=share((sequence.low > 0) | (sequence.high < 0)),
        with_rule=share(sequence.alarms),
        chi_square=share(squares > chi2.isf(RATIO_ALPHA, 1)),
        ratio_sequence=share(ratios < RATIO_ALPHA),
    )


def table(experiments: int, seed: int) -> Iterator[str]:
    """Yield the lines of the table of all kinds of experiments."""
    yield f"| {' | '.join(TITLES)} |"
    yield f"|{'---:|' * len(TITLES)}"
    for units_per_night in UNITS_PER_NIGHT:
        for number, cell in enumerate(CELLS):
            yield row(false_alarms(cell, units_per_night, experiments, seed + number))


def row(alarms: FalseAlarms) -> str:
    """Return a line of the table.

    >>> row(FalseAlarms(Cell(0.01, 0.1), 19800, 0.5, 0.6, 0.171, 0.0012, 0.0125, 0.0004))
    '| 1 % | 10 % | 19,800 | 50.0 % | 60.0 % | 17.1 % | **0.1 %** | 1.25 % | **0.04 %** |'
    """
    shares = [f"{100 * share:.1f} %" for share in (alarms.enough, alarms.plain, alarms.without_rule)]
    cells = [
        f"{100 * alarms.cell.churn:.0f} %",
        f"{100 * alarms.cell.control_share:.0f} %",
        f"{alarms.n:,}",
        *shares,
        f"**{100 * alarms.with_rule:.1f} %**",
        f"{100 * alarms.chi_square:.2f} %",
        f"**{100 * alarms.ratio_sequence:.2f} %**",
    ]
    return f"| {' | '.join(cells)} |"
