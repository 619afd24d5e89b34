"""The section `activation`: what customers do soon after the sign-up, and whether they stay afterwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, date_of_day
from churn.features.engine.matrix import cohorts_without_objections
from churn.kpis.activation import (
    LEVEL,
    WITHIN_DAYS,
    Bools,
    Candidate,
    EventCounts,
    FollowUp,
    Ints,
    Search,
    search_activation,
)
from churn.kpis.acts import LONGEST_DAYS, WEEK_DAYS, Joiners
from churn.kpis.company import Company
from churn.kpis.figure import Finite
from churn.kpis.section import SectionResult
from churn.labels.labels import labels_at
from churn.labels.outcomes import LEFT, STAYED, label_window
from churn.metrics.interval import Part
from churn.metrics.standard_errors import customer_wilson_interval

N_WINDOWS = 3
"""The number of label windows in which a customer is followed."""

LABELS_AT_ONCE = 100_000_000
"""Approximately the number of labels (cutoffs x customers) that are in memory at a time."""

DEFINITION = (
    "an early event: customers with this event stay more often than customers without it. A customer has the "
    "event if it occurs at least m times within d days of the customer's sign-up. All customers who can "
    f"still leave are followed for {N_WINDOWS} label windows. The first window follows a weekly cutoff that "
    f"lies {LONGEST_DAYS} to {LONGEST_DAYS + WEEK_DAYS - 1} days after the customer's sign-up. In these "
    f"{N_WINDOWS} windows, customers with the event must leave less often than customers without the event. "
    "The customers are split by the day of their sign-up into an earlier and a later half. The event is "
    "chosen on the earlier half. It is then tested once on the later half, with a one-sided test at the "
    f"level {LEVEL}. Within each label window, customers are "
    "compared only with customers who joined in the same month. The event is correlated with "
    "staying, but the data do not show that the event causes staying"
)


class Side(Part):
    """One of two groups of later joiners (see `ActivationResult`), and how often its customers leave.

    One group has the customers who had the event, the other group those who did not have it.

    Attributes:
        n: The number of customers in the group.
        share: Of all label windows of these customers, the share in which the customer left.
        low, high: The 95 % Wilson interval of `share`.
    """

    n: int
    share: float
    low: float
    high: float


class Activation(Part):
    """The early event that is correlated with staying a customer.

    Attributes:
        event: The name of the event: a table, or a table and a kind of its rows.
        at_least: The least number of times that the event must happen soon after the sign-up.
        within_days: The number of days, counted from the sign-up, in which the event must happen that often.
        text: The event in words.
        share_done: The share of the followed customers who had the event. Customers for whom the data cannot
            show the event are left out.
        with_event, without_event: The later joiners (see `ActivationResult`) in two groups: customers who had
            the activation event, and customers who did not have it.
        difference: How much more often customers without the event leave in a label window than customers
            with it. Within each label window, customers are compared only with customers who joined in the
            same month.
        low, high: The ends of the 95 % interval of `difference`.
        p_value: The one-sided p-value of the event, from the test on the later joiners.
        decides_label: Whether the label is computed from the event's table. If so,
            staying is correlated with the event partly because both are computed from the same table.
    """

    event: str
    at_least: int
    within_days: int
    text: str
    share_done: float
    with_event: Side
    without_event: Side
    difference: float
    low: float
    high: float
    p_value: float
    decides_label: bool


class ActivationResult(SectionResult):
    """The activation event, or the reason why none is reported.

    Attributes:
        definition: What an activation event is, and how it was searched for.
        population: Which customers the search used, in words.
        n: The number of customers who were followed (see `follow`).
        n_left: The number of followed customers who left.
        joined_from, split_at, joined_until: The earlier joiners signed up in `[joined_from, split_at)`, the
            later joiners in `[split_at, joined_until)`.
        events: The names of the events among which the activation event was searched.
        n_tried: The number of candidates for the activation event that were compared.
        activation: The activation event; None if no event is confirmed.
        reason: Why there is no activation event.
        earlier_p_value: The p-value of the best candidate for the activation event, computed on the earlier
            joiners. It is not corrected for the number of candidates.
    """

    definition: str
    population: str
    n: int
    n_left: int
    joined_from: date | None
    split_at: date | None
    joined_until: date | None
    events: tuple[str, ...]
    n_tried: int
    activation: Activation | None
    reason: str | None
    earlier_p_value: Finite


def activation_section(company: Company) -> ActivationResult:
    """Compute the section."""
    store, cutoff = company.store, company.cutoff
    joiners, events = company.joiners, company.shared_rows.early_events
    follow_up = follow(store, joiners, cutoff)
    is_followed = np.zeros(len(joiners.code), dtype=bool)
    is_followed[follow_up.customer] = True
    signed_up = joiners.signed_up[is_followed]
    split = int(np.median(signed_up)) if len(signed_up) else 0
    is_later = joiners.signed_up >= split
    search = search_activation(events, follow_up.of(~is_later), follow_up.of(is_later))
    return ActivationResult(
        definition=DEFINITION,
        population="customers who signed up since everybody who leaves is in the data, and could still leave "
        "at the cutoff after the longest time window; also those who objected to being contacted",
        n=int(is_followed.sum()),
        n_left=int(follow_up.has_left.sum()),
        joined_from=date_of_day(int(signed_up.min())) if len(signed_up) else None,
        split_at=date_of_day(split) if len(signed_up) else None,
        joined_until=date_of_day(int(signed_up.max()) + 1) if len(signed_up) else None,
        events=tuple(event.event for event in events),
        n_tried=search.n_tried,
        activation=_activation(search, events, follow_up, is_later, store.params.label.core_table),
        reason=search.reason,
        earlier_p_value=search.earlier.p_value if search.earlier else None,
    )


def follow(store: Store, joiners: Joiners, cutoff: date) -> FollowUp:
    """Follow each joiner over `N_WINDOWS` label windows, or until the joiner leaves.

    Each window belongs to a past cutoff. The first of these cutoffs is the joiner's landmark: the first
    weekly cutoff that is at least `LONGEST_DAYS` days after the sign-up. A window counts only if its outcomes
    are known at `cutoff`. The data known at the window's own cutoff must also show that the customer can
    still leave. A window begins `gap_days` days after its own cutoff. If the contract ends or the label's
    event happens between this cutoff and the window, the window does not count. After a window that does not
    count, the joiner is followed no further.
    """
    label, late_days = store.params.label, store.params.snapshot.late_days
    step = WEEK_DAYS * math.ceil((label.gap_days + label.horizon_days) / WEEK_DAYS)
    starts = joiners.landmark[None, :] + step * np.arange(N_WINDOWS)[:, None]
    days = [
        day
        for day in np.unique(starts).tolist()
        if label_window(date_of_day(day), label, late_days).mature_on <= cutoff
    ]
    is_there = np.ones(len(joiners.code), dtype=bool)
    months = np.array([_month(day) for day in joiners.signed_up.tolist()], dtype=np.int64)
    states = dict(zip(days, _states(store, [date_of_day(day) for day in days], joiners.code), strict=True))
    parts: list[tuple[Ints, Ints, Bools]] = []
    for number in range(N_WINDOWS):
        state = np.full(len(joiners.code), -1, dtype=np.int8)
        for day in np.unique(starts[number]).tolist():
            if day in states:
                has_day = starts[number] == day
                state[has_day] = states[day][has_day]
        is_there &= state >= 0
        rows = np.flatnonzero(is_there)
        parts.append((rows, months[rows] * N_WINDOWS + number, state[rows] == LEFT))
        is_there &= state == STAYED
    customer, stratum, has_left = (np.concatenate(column) for column in zip(*parts, strict=True))
    return FollowUp(customer, stratum, has_left)


def _month(day: int) -> int:
    when = date_of_day(day)
    return when.year * 12 + when.month


def _states(store: Store, cutoffs: list[date], codes: Ints) -> list[npt.NDArray[np.int8]]:
    """Return for each cutoff the labels of the customers in `codes`: `LEFT`, `STAYED`, or -1 if the label
    does not count.
    """
    result, step = [], max(LABELS_AT_ONCE // max(store.n_customers, 1), 1)
    for first in range(0, len(cutoffs), step):
        chunk = cutoffs[first : first + step]
        cohorts = cohorts_without_objections(store, chunk)
        for cohort, labels in zip(cohorts, labels_at(store, chunk), strict=True):
            is_counted = cohort.members & np.isin(labels, (LEFT, STAYED))
            result.append(np.where(is_counted, labels, -1).astype(np.int8)[codes])
    return result


def _activation(
    search: Search, events: Sequence[EventCounts], follow_up: FollowUp, is_later: Bools, label_table: str
) -> Activation | None:
    """Return the event that the search found, and how often customers with and without this event leave.

    Return None if the search found no event, or if the test on the later joiners did not confirm the event.
    """
    if search.best is None or search.later is None or search.reason is not None:
        return None
    best: Candidate = search.best
    event = next(event for event in events if event.event == best.event)
    has_done = event.counts[WITHIN_DAYS.index(best.within_days)] >= best.at_least
    followed_codes = np.unique(follow_up.of(event.is_covered).customer)
    later = follow_up.of(is_later & event.is_covered)
    low, high = search.later.interval
    return Activation(
        event=best.event,
        at_least=best.at_least,
        within_days=best.within_days,
        text=str(best),
        share_done=float(has_done[followed_codes].mean()),
        with_event=_side(later.of(has_done)),
        without_event=_side(later.of(~has_done)),
        difference=search.later.difference,
        low=low,
        high=high,
        p_value=search.later.p_value,
        decides_label=best.event.split(":")[0] == label_table,
    )


def _side(rows: FollowUp) -> Side:
    left = rows.has_left.astype(np.float64)
    low, high = customer_wilson_interval(left, rows.customer)
    return Side(n=len(np.unique(rows.customer)), share=float(left.mean()), low=low, high=high)
