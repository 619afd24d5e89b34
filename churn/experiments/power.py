"""The size of an experiment before its start: the number of units, the power, the smallest effect that can be
detected, and the number of days.

Power is the probability that a two-sided test finds an effect and gives it the right sign. The test computes
its standard error from the churn of both arms together (pooled). Without pooling, arms of equal size need two
or three fewer units each. If the sizes of the arms differ, pooling may change the number of units by more
than a tenth, up or down.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq
from statsmodels.stats.proportion import power_proportions_2indep, samplesize_proportions_2indep_onetail

from churn.experiments.effect import ALPHA
from churn.metrics.interval import Part

POWER = 0.8
"""The power for which an experiment is planned: the probability that it finds its effect."""


class SampleSize(Part):
    """The number of units that an experiment needs in each arm.

    Attributes:
        n_control: The number of units in the control group.
        n_treatment: The number of units in the arm that is contacted.
    """

    n_control: int
    n_treatment: int

    @property
    def n(self) -> int:
        """Return the number of units in both arms together."""
        return self.n_control + self.n_treatment


class DetectableEffect(Part):
    """The smallest effect that an experiment of a given size finds.

    Attributes:
        n_control: The number of units in the control group.
        n_treatment: The number of units in the arm that is contacted.
        churn: The rate of churn, or of the wanted event, in the control group.
        effect: The smallest `churn(control) - churn(treatment)` that is found with the probability `power`.
            If the outcome is a wanted event, the effect is the smallest gain in the event's rate. The effect
            is None if the experiment cannot find even the largest possible effect.
        power: The probability of finding the effect.
        is_gain: Whether the outcome is a wanted event, such as an upgrade; the effect is then a gain in the
            event's rate.
    """

    n_control: int
    n_treatment: int
    churn: float
    effect: float | None
    power: float
    is_gain: bool = False

    def in_words(self) -> str:
        """Return the effect in a sentence.

        >>> with_effect, found = smallest_effect(0.03, 300, 2700).in_words().split(" is found ")
        >>> with_effect
        'With n = 3,000 (300 in the control), an effect of at least 2.10 percentage points'
        >>> found
        'in 80% of experiments.'
        >>> smallest_effect(0.03, 30, 270).in_words()
        'With n = 300 (30 in the control), no effect on a churn rate of 3.0% can be detected.'
        """
        n = f"n = {self.n_control + self.n_treatment:,} ({self.n_control:,} in the control)"
        if self.effect is None:
            rate = "event rate" if self.is_gain else "churn rate"
            return f"With {n}, no effect on a {rate} of {100 * self.churn:.1f}% can be detected."
        points = math.ceil(10_000 * self.effect) / 100
        cases = f"{100 * self.power:.0f}% of experiments"
        return f"With {n}, an effect of at least {points:.2f} percentage points is found in {cases}."


def units_needed(
    churn_control: float,
    churn_treatment: float,
    *,
    control_share: float = 0.5,
    power: float = POWER,
    alpha: float = ALPHA,
) -> SampleSize:
    """Return the number of units that an experiment needs in each arm to find a difference of churn.

    Args:
        churn_control: The churn in the control group, between 0 and 1.
        churn_treatment: The churn in the arm that is contacted, between 0 and 1.
        control_share: The share of the units that are in the control group, between 0 and 1.
        power: The probability of finding the difference.
        alpha: The share of experiments without an effect in which the test still finds an effect.

    Source: Fleiss, Levin and Paik (2003), Statistical methods for rates and proportions, 3rd edition, section
        4.2, without the correction for continuity.

    >>> units_needed(0.10, 0.08).n_control
    3213
    """
    _check_shares(churn_control=churn_control, churn_treatment=churn_treatment, control_share=control_share)
    _check_shares(power=power, alpha=alpha)
    if churn_control == churn_treatment:
        raise ValueError(f"no number of units finds a difference between {churn_control} and itself")
    ratio = (1 - control_share) / control_share
    # If the two rates are exchanged, the variance stays the same only if both arms have the same size. So the
    # control comes first.
    n_control = samplesize_proportions_2indep_onetail(
        churn_control - churn_treatment,
        churn_treatment,
        power,
        ratio=ratio,
        alpha=alpha,
        alternative="two-sided",
    )
    return SampleSize(n_control=math.ceil(n_control), n_treatment=math.ceil(n_control * ratio))


def power_of(
    churn_control: float, churn_treatment: float, n_control: int, n_treatment: int, *, alpha: float = ALPHA
) -> float:
    """Return the probability that an experiment finds a difference of churn.

    Args:
        churn_control: The churn in the control group, between 0 and 1.
        churn_treatment: The churn in the arm that is contacted, between 0 and 1.
        n_control: The number of units in the control group.
        n_treatment: The number of units in the arm that is contacted.
        alpha: The share of experiments without an effect in which the test still finds an effect.

    >>> round(power_of(0.03, 0.02, 300, 2700), 2)
    0.24
    """
    _check_shares(churn_control=churn_control, churn_treatment=churn_treatment, alpha=alpha)
    if min(n_control, n_treatment) < 1:
        return 0.0
    difference = churn_control - churn_treatment
    power = power_proportions_2indep(
        difference,
        churn_treatment,
        n_control,
        ratio=n_treatment / n_control,
        alpha=alpha / 2,
        alternative="larger" if difference >= 0 else "smaller",
        return_results=False,
    )
    return float(power)


def smallest_effect(
    churn: float,
    n_control: int,
    n_treatment: int,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    is_gain: bool = False,
) -> DetectableEffect:
    """Return the smallest reduction of churn, or gain in the rate of an event, that an experiment finds.

    Args:
        churn: The rate of churn, or of the wanted event, in the control group.
        n_control: The number of units in the control group.
        n_treatment: The number of units in the arm that is contacted.
        power: The probability of finding the effect.
        alpha: The share of experiments without an effect in which the test still finds an effect.
        is_gain: Whether the outcome is a wanted event, such as an upgrade; the effect is then a gain in the
            event's rate.

    >>> smallest_effect(0.1, 3213, 3213).effect.__round__(4)
    0.02
    >>> smallest_effect(0.08, 3213, 3213, is_gain=True).effect.__round__(4)
    0.02
    """
    _check_shares(churn=churn, power=power, alpha=alpha)
    sign, room = (1, 1 - churn) if is_gain else (-1, churn)

    def excess_power(effect: float) -> float:
        return power_of(churn, churn + sign * effect, n_control, n_treatment, alpha=alpha) - power

    least, most = room * 1e-9, room * (1 - 1e-9)
    effect = None
    if excess_power(most) >= 0:
        effect = float(brentq(excess_power, least, most))
    return DetectableEffect(
        n_control=n_control,
        n_treatment=n_treatment,
        churn=churn,
        effect=effect,
        power=power,
        is_gain=is_gain,
    )


def days_until_answer(n: int, units_per_night: float, maturity_days: int) -> int | None:
    """Return the days from the start until enough units are assigned and their outcomes have matured.

    Args:
        n: The number of units that are needed, both arms together.
        units_per_night: The number of units that enter the experiment each night.
        maturity_days: The days from an assignment until its outcome is known: gap plus horizon.

    Returns:
        The number of days; None if no new units enter.

    >>> days_until_answer(6426, 100, 35)
    99
    """
    if units_per_night <= 0:
        return None
    # The units of the first night are assigned on day 0.
    return math.ceil(n / units_per_night) - 1 + maturity_days


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 < share < 1:
            raise ValueError(f"{name} is a share between 0 and 1, not {share}")
