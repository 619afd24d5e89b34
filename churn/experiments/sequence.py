"""The interval of the effect, and a test of the arms' sizes, if the results are looked at every night.

The interval and the test are valid for all looks together. A usual 95 % interval is valid for one look only:
among experiments without an effect, 30 to 80 % have a night on which this interval excludes 0. The interval
of this module counts only if each arm has at least 20 churners. With this rule, at most 5 % of the
experiments without an effect have a night on which the interval of this module excludes 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, xlogy
from scipy.stats import chisquare

from churn.experiments.effect import (
    ALPHA,
    MIN_CHURNERS,
    NO_DIFFERENCE,
    NoVerdict,
    Verdict,
    verdict_of,
)
from churn.metrics.interval import Interval, Part
from churn.metrics.metrics import Floats, Ints

Bools = npt.NDArray[np.bool_]

RATIO_ALPHA = 0.001
"""The allowed share of sound experiments in which the test of the arms' sizes raises an alarm."""

RATIO_PRIOR = 100.0
"""The weight of the prior distribution around the planned share, in units, in the test of the arms' sizes at
each look.

The test is valid with any weight. With this weight, the Bayes factor of a departure by four standard errors
is 4 to 17 times as large as with a uniform prior, for 1,000 to 100,000 units and shares of 5 to 50 %.
"""


@dataclass(frozen=True)
class DifferenceSequence:
    """The effect of contact at each look, with an interval that is valid for all looks together.

    All arrays have the same shape; the last axis has one entry for each look.

    Attributes:
        difference: `churn(control) - churn(treatment)`; NaN as long as an arm is empty.
        low: The lower end of the interval; NaN where the difference is NaN.
        high: The upper end of the interval; NaN where the difference is NaN.
        has_enough_churners: Whether each arm has at least 20 churners.
    """

    difference: Floats
    low: Floats
    high: Floats
    has_enough_churners: Bools

    @property
    def alarms(self) -> Bools:
        """Return the looks at which the interval excludes 0 and each arm has enough churners."""
        excludes_0: Bools = (self.low > 0) | (self.high < 0)
        return excludes_0 & self.has_enough_churners


class NightlyEffect(Part):
    """The latest effect of contact in an experiment whose results are looked at every night.

    Attributes:
        difference: `churn(control) - churn(treatment)` with an interval that is valid for all looks together.
        verdict: What the interval shows; None if there is no verdict.
        no_verdict_because: Why there is no verdict; None if there is one.
    """

    difference: Interval
    verdict: Verdict | None = None
    no_verdict_because: NoVerdict | None = None


class SampleRatio(Part):
    """The sizes of the arms, compared with the planned share of the control group.

    Attributes:
        n_control: The number of units in the control group.
        n_treatment: The number of units in the arm that is contacted.
        control_share: The planned share of units in the control group.
        p_value: The probability that chance alone moves the control group's share this far, or further, from
            the planned share; None if there are no units.
        alarm: Whether the p-value is below .001; then units are missing from an arm, or are in the wrong arm.
    """

    n_control: int
    n_treatment: int
    control_share: float
    p_value: float | None
    alarm: bool


def anytime_half_width(standard_error: Floats, n: Ints | Floats, n_target: float, alpha: float) -> Floats:
    """Return half the width of an interval that stays valid if somebody looks at it every night.

    The formula uses `standard_error x sqrt(n)`, the standard error that the estimate would have with a single
    unit. The formula is valid only for large numbers of units (asymptotic). Therefore an interval counts only
    if each arm has at least 20 churners.

    Args:
        standard_error: The standard error of the estimate at each look.
        n: The number of units at each look, both arms together.
        n_target: The number of units at which the interval is narrowest, for example the planned number.
        alpha: The allowed probability that at least one interval excludes 0 although there is no effect.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Time-uniform central limit theory and
        asymptotic confidence sequences, Annals of Statistics 52, 2613-2640, equations 9 and 17.

    >>> anytime_half_width(np.array([0.01]), np.array([1000]), 1000, 0.05).round(4)
    array([0.0304])
    """
    _check_share(alpha, "alpha")
    if not n_target > 0:
        raise ValueError(f"n_target is a number of units above 0, not {n_target}")
    r2 = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / n_target
    growth = n * r2 + 1
    half: Floats = standard_error * np.sqrt(2 * growth / (n * r2) * np.log(np.sqrt(growth) / alpha))
    return half


def difference_sequence(
    churners_control: Ints,
    n_control: Ints,
    churners_treatment: Ints,
    n_treatment: Ints,
    *,
    n_target: float,
    alpha: float = ALPHA,
) -> DifferenceSequence:
    """Return the difference of two churn rates at each look, with an interval for all looks together.

    Args:
        churners_control: The number of churners in the control group up to each look, shape `[..., looks]`.
        n_control: The number of units with a known outcome in the control group up to each look.
        churners_treatment: The number of churners in the contacted arm up to each look.
        n_treatment: The number of units with a known outcome in the contacted arm up to each look.
        n_target: The number of units, both arms together, at which the interval is narrowest.
        alpha: The allowed probability that at least one interval excludes 0 although there is no effect.
    """
    n = n_control + n_treatment
    with np.errstate(divide="ignore", invalid="ignore"):
        control, treatment = churners_control / n_control, churners_treatment / n_treatment
        # The variance of outcomes that are weighted by the inverse of the probability of their arm; each
        # outcome is centred on the mean of its arm.
        variance = control * (1 - control) / n_control + treatment * (1 - treatment) / n_treatment
        half = anytime_half_width(np.sqrt(variance * n / (n - 1)), n, n_target, alpha)
        difference = control - treatment
    return DifferenceSequence(
        difference=difference,
        low=difference - half,
        high=difference + half,
        has_enough_churners=np.minimum(churners_control, churners_treatment) >= MIN_CHURNERS,
    )


def nightly_effect(sequence: DifferenceSequence) -> NightlyEffect:
    """Return the last effect in the sequence of one experiment, with its verdict.

    >>> counts = [np.array([count]) for count in (60, 600, 300, 5400)]
    >>> effect = nightly_effect(difference_sequence(*counts, n_target=6000))
    >>> str(effect.verdict)
    'fewer leave'
    """
    value, low, high = (float(ends[-1]) for ends in (sequence.difference, sequence.low, sequence.high))
    if not np.isfinite([value, low, high]).all():
        return NightlyEffect(difference=NO_DIFFERENCE, no_verdict_because=NoVerdict.EMPTY_ARM)
    difference = Interval(value=value, low=low, high=high)
    if not sequence.has_enough_churners[-1]:
        return NightlyEffect(difference=difference, no_verdict_because=NoVerdict.FEW_CHURNERS)
    return NightlyEffect(difference=difference, verdict=verdict_of(low, high))


def sample_ratio(n_control: int, n_treatment: int, control_share: float) -> SampleRatio:
    """Return whether the sizes of the arms agree with the planned share.

    The p-value is valid only if it is computed once. If it is computed every night, use
    `sample_ratio_sequence`.

    Args:
        n_control: The number of units in the control group.
        n_treatment: The number of units in the arm that is contacted.
        control_share: The planned share of units in the control group, between 0 and 1.

    >>> sample_ratio(1000, 9000, 0.1).alarm, sample_ratio(1000, 8000, 0.1).alarm
    (False, True)
    """
    _check_share(control_share, "control_share")
    n = n_control + n_treatment
    p_value = None
    if n:
        expected = [n * control_share, n * (1 - control_share)]
        p_value = float(chisquare([n_control, n_treatment], expected).pvalue)
    return SampleRatio(
        n_control=n_control,
        n_treatment=n_treatment,
        control_share=control_share,
        p_value=p_value,
        alarm=p_value is not None and p_value < RATIO_ALPHA,
    )


def sample_ratio_sequence(n_control: Ints, n_treatment: Ints, control_share: float) -> Floats:
    """Return the p-value of the arms' sizes at each look; it is valid for all looks together.

    Each look has a Bayes factor. A large factor means that other shares of controls explain the arms' sizes
    better than the planned share. The p-value of a look is one divided by the largest factor up to this look.
    In at most .1 % of sound experiments, the p-value falls below .001 at some look.

    Args:
        n_control: The number of units in the control group up to each look, shape `[..., looks]`.
        n_treatment: The number of units in the contacted arm up to each look.
        control_share: The planned share of units in the control group, between 0 and 1.

    Source: Howard, Ramdas, McAuliffe and Sekhon (2021), Time-uniform, nonparametric, nonasymptotic confidence
        sequences, Annals of Statistics 49, 1055-1080: the beta-binomial mixture.

    >>> control, treatment = np.array([100, 1000, 2000]), np.array([900, 9000, 16000])
    >>> sample_ratio_sequence(control, treatment, 0.1).round(4)
    array([1.e+00, 1.e+00, 1.e-04])
    """
    _check_share(control_share, "control_share")
    a, b = RATIO_PRIOR * control_share, RATIO_PRIOR * (1 - control_share)
    log_any_share = betaln(a + n_control, b + n_treatment) - betaln(a, b)
    log_design = xlogy(n_control, control_share) + xlogy(n_treatment, 1 - control_share)
    largest = np.maximum.accumulate(log_any_share - log_design, axis=-1)
    p_values: npt.NDArray[np.float64] = np.exp(-np.maximum(largest, 0.0))
    return p_values


def _check_share(share: float, name: str) -> None:
    if not 0 < share < 1:
        raise ValueError(f"{name} is a share between 0 and 1, not {share}")
