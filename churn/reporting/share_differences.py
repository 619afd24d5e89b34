"""Differences of shares with their intervals, in the form in which the page and the lines of `churn measure`
show them.

A difference of two shares lies between -1 and 1. Its interval may go beyond -1 or 1, because the formula of
the interval is valid only for many customers (asymptotic). No reader should see a bound that no difference
can reach.
"""

from __future__ import annotations

from churn.metrics.interval import HasInterval, Interval

LOWEST_DIFFERENCE, HIGHEST_DIFFERENCE = -1.0, 1.0
"""The ends between which every difference of two shares lies."""

LOWEST, HIGHEST = "lowest possible", "highest possible"
"""The texts that replace a bound that no difference of shares can reach."""

CANNOT_BE_SAID = "cannot be said yet"
"""The text that replaces an interval that says nothing."""


def possible_part(interval: HasInterval) -> Interval | None:
    """Return the part of an interval that lies between -1 and 1, where every difference of shares lies.

    The formula of some intervals is valid only for many customers (asymptotic). With few customers, such
    an interval may go beyond -1 or 1. The true difference always lies between -1 and 1, so cutting the
    interval there never removes the true difference. If nobody or everybody left, the formula gives an
    interval without width, although the difference is not known exactly.

    Returns:
        The interval, cut at -1 and 1. The result is None if the interval says nothing, because it covers the
        whole range from -1 to 1 or has no width.

    >>> possible_part(Interval(value=0.3, low=-0.6, high=1.2))
    Interval(value=0.3, low=-0.6, high=1.0)
    >>> possible_part(Interval(value=0.3, low=-1.7, high=2.3)) is None
    True
    """
    if interval.low is None or interval.high is None:
        return Interval(value=interval.value, low=interval.low, high=interval.high)
    low, high = max(interval.low, LOWEST_DIFFERENCE), min(interval.high, HIGHEST_DIFFERENCE)
    if interval.low == interval.high or (low == LOWEST_DIFFERENCE and high == HIGHEST_DIFFERENCE):
        return None
    return Interval(value=interval.value, low=low, high=high)


def is_cut(interval: HasInterval) -> bool:
    """Return whether an interval has a bound below -1 or above 1, which no difference of shares can reach."""
    low, high = interval.low, interval.high
    return low is not None and high is not None and (low < LOWEST_DIFFERENCE or high > HIGHEST_DIFFERENCE)


def points(difference: HasInterval) -> str:
    """Return a difference of shares with its interval, as text in percentage points.

    >>> points(Interval(value=0.011, low=0.002, high=0.02))
    '+1.10 points [+0.20, +2.00]'
    >>> points(Interval(value=0.3, low=-0.6, high=1.2))
    '+30.00 points [-60.00, highest possible]'
    >>> points(Interval(value=-0.3, low=-1.2, high=0.6))
    '-30.00 points [lowest possible, +60.00]'
    """
    value, low, high = difference.value, difference.low, difference.high
    if value is None:
        return "not defined"
    if low is None or high is None:
        return f"{_signed(value)} points"
    first = LOWEST if low < LOWEST_DIFFERENCE else _signed(low)
    last = HIGHEST if high > HIGHEST_DIFFERENCE else _signed(high)
    return f"{_signed(value)} points [{first}, {last}]"


def _signed(share: float) -> str:
    return f"{100 * share:+z.2f}"
