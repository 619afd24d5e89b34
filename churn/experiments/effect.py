"""The effect of contact: a difference of rates, its verdict, and what contact saved or gained.

An effect above 0 is good. The effect is `churn(control) - churn(treatment)`; it is above 0 if fewer of the
contacted customers leave. If the label counts an event, such as an upgrade, the effect is
`rate(treatment) - rate(control)`, which `as_gain` computes. This effect is above 0 if more of the contacted
customers have the event. Each unit counts in the arm to which it was assigned, whether it was contacted or
not.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from statsmodels.stats.proportion import confint_proportions_2indep

from churn.metrics.interval import Interval, Part

MIN_CHURNERS = 20
"""There is no verdict before each arm has this number of churners: with fewer churners, the intervals are too
short.
"""

ALPHA = 0.05
"""Among experiments without an effect, the share whose interval may exclude 0."""


class Verdict(StrEnum):
    """What an interval shows about the effect of contact."""

    FEWER_LEAVE = "fewer leave"
    MORE_LEAVE = "more leave"
    MORE_HAVE_EVENT = "more have the event"
    FEWER_HAVE_EVENT = "fewer have the event"
    NOT_SHOWN = "no difference shown"

    @property
    def is_help(self) -> bool:
        """Return whether contact is shown to help."""
        return self in (Verdict.FEWER_LEAVE, Verdict.MORE_HAVE_EVENT)

    @property
    def is_harm(self) -> bool:
        """Return whether contact is shown to harm."""
        return self in (Verdict.MORE_LEAVE, Verdict.FEWER_HAVE_EVENT)


class NoVerdict(StrEnum):
    """Why there is no verdict on the effect of contact."""

    EMPTY_ARM = "no units in an arm"
    FEW_CHURNERS = f"fewer than {MIN_CHURNERS} churners in an arm"
    NO_SCORE = "no two units with different scores from before their first assignment"
    FEW_UNITS = "too few units in an arm for a regression"


class IntervalMethod(StrEnum):
    """How the interval of a difference is computed."""

    NEWCOMBE = "Newcombe"
    HC2 = "HC2"
    CLUSTERS = "robust for accounts"


class ArmChurn(Part):
    """The churn in one arm or, if the label counts an event, the rate of the event in one arm.

    Attributes:
        n: The number of units that were assigned to the arm.
        churners: The number of units that left, or had the event.
        churn: `churners / n`; None if there are no units.
    """

    n: int
    churners: int
    churn: float | None


class Effect(Part):
    """The effect of contact on churn, or on the rate of an event.

    Attributes:
        difference: The effect with its interval. If the effect is above 0, fewer of the contacted customers
            leave, or more of them have the event. The difference has no value if an arm is empty.
        method: How the interval is computed.
        verdict: What the interval shows; None if there is no verdict.
        no_verdict_because: Why there is no verdict; None if there is one.
    """

    difference: Interval
    method: IntervalMethod
    verdict: Verdict | None = None
    no_verdict_because: NoVerdict | None = None


class RateDifference(Effect):
    """The effect of contact, computed as the difference of two churn rates.

    Attributes:
        control: The counts and the churn rate of the control group.
        treatment: The counts and the churn rate of the arm that is contacted.
    """

    control: ArmChurn
    treatment: ArmChurn


class AdjustedDifference(Effect):
    """The effect of contact, adjusted by the churn score that each unit had before its first assignment.

    Attributes:
        n: The number of units.
        units_without_score: The number of units that have no such score.
        standard_error: The standard error of the difference; None if there is no difference.
    """

    n: int
    units_without_score: int
    standard_error: float | None = None


NO_DIFFERENCE = Interval(value=None, low=None, high=None)
"""The difference that is reported if it cannot be computed."""


class SavedCustomers(Part):
    """The number of customers, and the money, that contact saved; negative numbers mean that contact lost
    them.

    Attributes:
        customers: `effect x treated units`, with its interval.
        money: `saved customers x residual value of a customer`, with its interval.
    """

    customers: Interval
    money: Interval


def rate_difference(
    churners_control: int, n_control: int, churners_treatment: int, n_treatment: int, *, alpha: float = ALPHA
) -> RateDifference:
    """Return the difference of two churn rates with Newcombe's interval.

    The interval is valid only if somebody looks at it once, when all outcomes are known, not every night.

    Args:
        churners_control: The number of churners in the control group.
        n_control: The number of units in the control group.
        churners_treatment: The number of churners in the arm that is contacted.
        n_treatment: The number of units in the arm that is contacted.
        alpha: One minus the confidence level of the interval.

    Raises:
        ValueError: If an arm has more churners than units, or a negative number of churners.

    Source: Newcombe (1998), Interval estimation for the difference between independent proportions,
        Statistics in Medicine 17, 873-890, method 10.

    >>> result = rate_difference(30, 300, 160, 2700)
    >>> round(result.difference.value, 4), str(result.verdict)
    (0.0407, 'fewer leave')
    >>> str(rate_difference(3, 300, 60, 2700).no_verdict_because)
    'fewer than 20 churners in an arm'
    """
    control, treatment = arm_churn(churners_control, n_control), arm_churn(churners_treatment, n_treatment)
    if control.churn is None or treatment.churn is None:
        return RateDifference(
            control=control,
            treatment=treatment,
            difference=NO_DIFFERENCE,
            method=IntervalMethod.NEWCOMBE,
            no_verdict_because=NoVerdict.EMPTY_ARM,
        )
    low, high = confint_proportions_2indep(
        churners_control, n_control, churners_treatment, n_treatment, method="newcomb", alpha=alpha
    )
    difference = Interval(value=control.churn - treatment.churn, low=float(low), high=float(high))
    verdict, reason = judge(difference, churners_control, churners_treatment)
    return RateDifference(
        control=control,
        treatment=treatment,
        difference=difference,
        method=IntervalMethod.NEWCOMBE,
        verdict=verdict,
        no_verdict_because=reason,
    )


def arm_churn(churners: int, n: int) -> ArmChurn:
    """Return the counts and the churn rate of one arm; raise ValueError if the counts are impossible."""
    if not 0 <= churners <= n:
        raise ValueError(f"an arm of {n} units cannot have {churners} churners")
    return ArmChurn(n=n, churners=churners, churn=churners / n if n else None)


def judge(
    difference: Interval, churners_control: int, churners_treatment: int
) -> tuple[Verdict | None, NoVerdict | None]:
    """Return the verdict on the effect, or the reason why there is no verdict."""
    if min(churners_control, churners_treatment) < MIN_CHURNERS:
        return None, NoVerdict.FEW_CHURNERS
    if difference.low is None or difference.high is None:
        return None, NoVerdict.FEW_UNITS
    return verdict_of(difference.low, difference.high), None


def verdict_of(low: float, high: float) -> Verdict:
    """Return what an interval `[low, high]` of the effect shows.

    >>> [str(verdict_of(*ends)) for ends in ((0.01, 0.05), (-0.05, -0.01), (-0.01, 0.05))]
    ['fewer leave', 'more leave', 'no difference shown']
    """
    if low > 0:
        return Verdict.FEWER_LEAVE
    return Verdict.MORE_LEAVE if high < 0 else Verdict.NOT_SHOWN


AnyEffect = TypeVar("AnyEffect", bound=Part)
"""An effect with `difference` and `verdict`, whether somebody looks at it a single time or every night."""

_VERDICT_OF_EVENT = {
    Verdict.FEWER_LEAVE: Verdict.FEWER_HAVE_EVENT,
    Verdict.MORE_LEAVE: Verdict.MORE_HAVE_EVENT,
}


def as_gain(effect: AnyEffect) -> AnyEffect:
    """Return the effect on a wanted event; `effect` was computed as if the event were unwanted, like leaving.

    Args:
        effect: The effect whose sign is changed; it has `difference` and `verdict`.

    >>> gain = as_gain(rate_difference(30, 300, 400, 2700))
    >>> round(gain.difference.value, 4), str(gain.verdict)
    (0.0481, 'more have the event')
    """
    difference: Interval = effect.difference  # type: ignore[attr-defined]
    verdict: Verdict | None = effect.verdict  # type: ignore[attr-defined]
    value, low, high = (
        None if end is None else -end for end in (difference.value, difference.high, difference.low)
    )
    return effect.model_copy(
        update={
            "difference": Interval(value=value, low=low, high=high),
            "verdict": None if verdict is None else _VERDICT_OF_EVENT.get(verdict, verdict),
        }
    )


def saved_customers(difference: Interval, n_treatment: int, residual_value: float) -> SavedCustomers:
    """Return the number of customers, and the money, that contact saved.

    Args:
        difference: The effect with its interval.
        n_treatment: The number of units in the arm that is contacted.
        residual_value: The money that one customer would still pay, in the currency of the company.

    >>> saved = saved_customers(Interval(value=0.02, low=-0.01, high=0.05), 1000, 300.0)
    >>> saved.customers.as_json(), saved.money.value
    ({'value': 20.0, 'low': -10.0, 'high': 50.0}, 6000.0)
    """
    customers = scale_interval(difference, n_treatment)
    return SavedCustomers(customers=customers, money=scale_interval(customers, residual_value))


def scale_interval(interval: Interval, factor: float) -> Interval:
    """Return an interval multiplied by a number of at least 0."""
    if factor < 0:
        raise ValueError(f"an interval cannot be scaled by {factor}: its ends would change places")
    ends = (interval.value, interval.low, interval.high)
    value, low, high = (None if end is None else end * factor for end in ends)
    return Interval(value=value, low=low, high=high)
