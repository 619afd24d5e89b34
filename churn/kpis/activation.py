"""Find an event soon after the sign-up that is a sign that the customer will stay.

Three effects can make an event look like a sign of staying although it is none. The search avoids all three:

1. A customer who leaves early has time for few events only. So a large number of events looks like a sign of
   staying. The search counts the events of the first 28 days. It compares only customers who can still leave
   at a weekly cutoff 28 to 34 days after the sign-up, and counts only leaving after this cutoff.
2. If many candidate events are tried, the best event looks good by chance. So the event is chosen on the
   customers who joined earlier, and tested once on those who joined later.
3. The month of joining may affect both what customers do and how often they leave. So customers are compared
   only with customers who joined in the same month, and only at the same age (the time since the sign-up).

Source: Mantel, Evaluation of survival data and two new rank order statistics, Cancer Chemotherapy Reports 50
(1966). The stratified test comes from this paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

WITHIN_DAYS = (1, 3, 7, 14, 28)
"""The time windows that are tried, in days from the sign-up."""

AT_LEAST = (1, 2, 3, 5, 10, 20)
"""The numbers of events that are tried."""

LEVEL = 0.025
"""The one-sided level of the test on the later joiners. At this level, a confirmed event has a 95 % interval
without the difference 0.
"""

MIN_LEFT = 20
"""The least number of customers who left, needed among the earlier joiners and among the later joiners."""

MIN_SHARE, MIN_CUSTOMERS = 0.05, 30
"""The least share, and the least number, of earlier joiners with a candidate, and of earlier joiners without
it.
"""


@dataclass(frozen=True)
class EventCounts:
    """How often each customer did something soon after the sign-up.

    Attributes:
        event: The name of the event, such as `interactions: report`.
        counts: The number of events within each of `WITHIN_DAYS`, `[windows, customers]`.
        is_covered: Whether the data of the event's table begin on or before the customer's sign-up,
            `[customers]`.
    """

    event: str
    counts: npt.NDArray[np.integer]
    is_covered: Bools


@dataclass(frozen=True)
class FollowUp:
    """The label windows in which customers were followed: one row for each customer and window.

    A customer who left has no rows after the window in which the customer left. Each array has the shape
    `[rows]`.

    Attributes:
        customer: The customer, an index into the arrays of `EventCounts`.
        stratum: A number that identifies the row's stratum. The rows of a stratum have the same
            month of joining and the same age of the customer (the time since the sign-up). Only rows of the
            same stratum are compared with each other.
        has_left: Whether the customer left in the window.
    """

    customer: Ints
    stratum: Ints
    has_left: Bools

    def of(self, mask: Bools) -> FollowUp:
        """Return the rows of the customers in `mask`, which has the shape `[customers]`."""
        rows = mask[self.customer]
        return FollowUp(self.customer[rows], self.stratum[rows], self.has_left[rows])


@dataclass(frozen=True)
class Candidate:
    """A candidate for the activation event: at least `at_least` events within `within_days` days of
    the sign-up.
    """

    event: str
    at_least: int
    within_days: int

    def __str__(self) -> str:
        """Return the candidate in words."""
        times = "once" if self.at_least == 1 else f"{self.at_least} times"
        days = "on the day" if self.within_days == 1 else f"within {self.within_days} days"
        return f"{self.event} at least {times} {days} of the sign-up"


@dataclass(frozen=True)
class Comparison:
    """How often customers with a candidate event leave, compared with customers without it in the same
    stratum.

    Attributes:
        z: The standard normal statistic; positive if customers with the event leave less often.
        difference: The share of customers without the event who leave in a window, minus the share of
            customers with it; a weighted mean over the strata.
    """

    z: float
    difference: float

    @property
    def p_value(self) -> float:
        """Return the one-sided p-value of the hypothesis that the event makes no difference for leaving."""
        return float(norm.sf(self.z))

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of `difference`, computed from the test statistic `z`.

        Source: Miettinen, Estimability and estimation in case-referent studies, American Journal of
            Epidemiology 103 (1976).
        """
        half = float(norm.ppf(1 - LEVEL)) * abs(self.difference / self.z) if self.z else float("inf")
        return self.difference - half, self.difference + half


@dataclass(frozen=True)
class Search:
    """The result of the search for an activation event.

    Attributes:
        n_tried: The number of candidates that were compared on the earlier joiners.
        best: The candidate with the largest `Comparison.z` over the customers who joined earlier; None if no
            `z` is above 0.
        earlier, later: How often customers with the event `best` leave, compared with customers without it:
            `earlier` for the earlier joiners, `later` for the later joiners.
        reason: Why there is no activation event; None if `best` is the activation event. `best` is
            the activation event only if the difference in `later` is significant.
    """

    n_tried: int
    best: Candidate | None
    earlier: Comparison | None
    later: Comparison | None
    reason: str | None


def search_activation(events: Sequence[EventCounts], earlier: FollowUp, later: FollowUp) -> Search:
    """Choose the event with the clearest link to staying among earlier joiners; test it on later joiners.

    The chosen event has the largest `Comparison.z` over the earlier joiners. It is tested only once.

    Args:
        events: How often each customer had each event soon after the sign-up.
        earlier: The label windows of the customers who joined earlier.
        later: The label windows of the customers who joined later; no customer is in both groups.
    """
    n_left = (int(earlier.has_left.sum()), int(later.has_left.sum()))
    if min(n_left) < MIN_LEFT:
        too_few = (
            f"{n_left[0]} of the customers who joined earlier and {n_left[1]} of those who joined later left "
            f"in the windows that were followed; {MIN_LEFT} of each are needed"
        )
        return Search(0, None, None, None, too_few)
    n_tried, best, best_comparison = 0, None, None
    followed_codes = np.unique(earlier.customer)
    for event in events:
        for row, within_days in enumerate(WITHIN_DAYS):
            for at_least in AT_LEAST:
                has_done = event.counts[row] >= at_least
                if not _is_common(has_done[followed_codes], event.is_covered[followed_codes]):
                    continue
                comparison = compare(has_done, event.is_covered, earlier)
                if comparison is None:
                    continue
                n_tried += 1
                if comparison.z > (best_comparison.z if best_comparison else 0.0):
                    best, best_comparison = Candidate(event.event, at_least, within_days), comparison
    if best is None or best_comparison is None:
        return Search(n_tried, None, None, None, _why_none(n_tried))
    counts = next(event for event in events if event.event == best.event)
    has_done = counts.counts[WITHIN_DAYS.index(best.within_days)] >= best.at_least
    confirmation = compare(has_done, counts.is_covered, later)
    reason: str | None = None
    if confirmation is None:
        reason = f"{best}: it cannot be compared among the customers who joined later"
    elif confirmation.p_value > LEVEL:
        reason = (
            f"{best}: it is the best sign of staying among the customers who joined earlier, and is not "
            f"confirmed among those who joined later (p = {confirmation.p_value:.3f}, one-sided; {LEVEL} is "
            "needed)"
        )
    return Search(n_tried, best, best_comparison, confirmation, reason)


def _why_none(n_tried: int) -> str:
    if not n_tried:
        return "no event is done by some customers, and not by others, soon after the sign-up"
    return f"none of {n_tried} candidates is a sign of staying among the customers who joined earlier"


def _is_common(has_done: Bools, is_covered: Bools) -> bool:
    """Return whether enough customers have the event, and enough do not have it, to compare the groups."""
    n, n_done = int(is_covered.sum()), int((has_done & is_covered).sum())
    fewest = min(n_done, n - n_done)
    return fewest >= max(MIN_CUSTOMERS, MIN_SHARE * n)


def compare(has_done: Bools, is_covered: Bools, follow_up: FollowUp) -> Comparison | None:
    """Compare customers with and without an event, within strata; None if no stratum holds customers of both
    kinds.

    Args:
        has_done: Whether each customer had the event, `[customers]`.
        is_covered: Whether the data show if the customer had the event, `[customers]`.
        follow_up: The label windows in which customers were followed.
    """
    rows = follow_up.of(is_covered)
    strata, stratum = np.unique(rows.stratum, return_inverse=True)
    is_exposed = has_done[rows.customer]
    size = len(strata)
    n_all = np.bincount(stratum, minlength=size)
    n_with = np.bincount(stratum[is_exposed], minlength=size)
    has_both = (n_with > 0) & (n_with < n_all)
    if not has_both.any():
        return None
    n, n_exposed = n_all[has_both].astype(np.float64), n_with[has_both].astype(np.float64)
    left = np.bincount(stratum[rows.has_left], minlength=size)[has_both].astype(np.float64)
    left_exposed = np.bincount(stratum[rows.has_left & is_exposed], minlength=size)[has_both].astype(
        np.float64
    )
    n_other = n - n_exposed
    expected = left * n_exposed / n
    variance = left * (n - left) * n_exposed * n_other / (n * n * np.maximum(n - 1, 1))
    if variance.sum() <= 0:
        return None
    weight = n_exposed * n_other / n
    difference = (weight * ((left - left_exposed) / n_other - left_exposed / n_exposed)).sum() / weight.sum()
    return Comparison(
        z=float((expected - left_exposed).sum() / np.sqrt(variance.sum())), difference=float(difference)
    )
