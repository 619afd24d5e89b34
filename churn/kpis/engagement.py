"""The engagement score: the activity of a customer compared with customers of the same plan and band of
tenure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.data.table_rows import RowBatch
from churn.features.engine.cohort import peers_of, read_customers
from churn.features.language.reader import NEVER
from churn.kpis.figure import Figure, Period, in_slice, missing_figure
from churn.kpis.section import SectionResult
from churn.kpis.segments import Segmentation
from churn.kpis.spells import ActivitySpells
from churn.kpis.table_pass import RowReader
from churn.kpis.value import mean_with_interval

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

WINDOW_DAYS = 28
ACTIVITY_TABLES = ("logins", "interactions", "orders")
MAILS = "emails"


class EngagementResult(SectionResult):
    """The engagement score of all active customers and of each segment."""


@dataclass(frozen=True)
class Scores:
    """Each customer's score, from 0 to 100; NaN if no activity of the customer is known.

    `coverage` is the share of the families in which the customer's activity is known. A family is a table
    such as logins or mails.
    """

    score: Floats
    coverage: Floats


def engagement_scores(activity: Mapping[str, Floats], peers: Ints) -> Scores:
    """Return the engagement score of each customer.

    Args:
        activity: The activity of each customer, `[customers]`, by family (a table such as logins or mails).
            The activity is NaN where none is possible, for example if no mail was sent to the customer.
        peers: The number of the peer group to which each customer belongs, `[customers]`.
    """
    percentiles = np.array([percentile_among(values, peers) for values in activity.values()])
    is_known = ~np.isnan(percentiles)
    n_known = is_known.sum(axis=0)
    total = np.where(is_known, percentiles, 0.0).sum(axis=0)
    score = np.where(n_known > 0, 100 * total / np.maximum(n_known, 1), np.nan)
    return Scores(score, n_known / len(activity))


def percentile_among(values: Floats, peers: Ints) -> Floats:
    """Return the percentile of each value among the known values of its peer group, from 0 to 1; equal values
    get the mean of their ranks.

    >>> percentile_among(np.array([1.0, 3.0, 3.0, np.nan, 9.0]), np.array([0, 0, 0, 0, 1])).round(2)
    array([0.17, 0.67, 0.67,  nan, 0.5 ])
    """
    result = np.full(len(values), np.nan)
    rows = np.flatnonzero(~np.isnan(values))
    order = rows[np.lexsort((values[rows], peers[rows]))]
    group, sorted_values = peers[order], values[order]
    _, first, size = np.unique(group, return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, size)
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (group[1:] != group[:-1]) | (sorted_values[1:] != sorted_values[:-1])
    tie = begins.cumsum() - 1
    middle = np.bincount(tie, weights=rank)[tie] / np.bincount(tie)[tie] if len(order) else rank
    result[order] = (middle + 0.5) / np.repeat(size, size)
    return result


def engagement_section(
    activity: Mapping[str, Floats],
    peers: Ints,
    is_active: Bools,
    segmentations: Sequence[Segmentation],
    window: Period,
) -> EngagementResult:
    """Compute the mean engagement score of all active customers and of each segment.

    Args:
        activity: The activity of each customer in the window, `[customers]`, by family (a table such as
            logins or mails).
        peers: The peer group of each customer.
        is_active: Whether each customer is active at the end of the window.
        segmentations: The divisions of the customers into segments; the first has a single segment with
            all customers.
        window: The days in which the activity is counted.
    """
    if not activity:
        reason = "no table of activity: map logins, interactions, orders, emails or events"
        return EngagementResult(figures=(missing_figure("engagement", window, reason),))
    rows = np.flatnonzero(is_active)
    scores = engagement_scores({name: values[rows] for name, values in activity.items()}, peers[rows])
    figures: list[Figure] = []
    for segmentation in segmentations:
        code = segmentation.code[rows]
        for part in range(len(segmentation.levels)):
            members = (code == part) & ~np.isnan(scores.score)
            piece = segmentation.slice_of(part)
            if piece is None or members.any():
                figure = _mean_figure(scores, members, tuple(activity), window)
                figures += [figure] if piece is None else in_slice([figure], piece)
    return EngagementResult(figures=tuple(figures))


def _mean_figure(scores: Scores, members: Bools, families: tuple[str, ...], window: Period) -> Figure:
    if not members.any():
        return missing_figure("engagement", window, "nobody is active at the cutoff")
    value, low, high = mean_with_interval(scores.score[members])
    return Figure(
        name="engagement",
        period=window,
        value=value,
        low=low,
        high=high,
        n=int(members.sum()),
        notes=(
            f"families: {', '.join(families)}",
            f"coverage {scores.coverage[members].mean():.0%}",
        ),
    )


class ActivityCounts(RowReader):
    """Counts each customer's rows in the 28 days before the cutoff, or computes the share of opened mails."""

    def __init__(self, n_customers: int, cutoff: date, opened_column: str | None = None) -> None:
        """Begin without a row.

        Args:
            n_customers: The number of customers.
            cutoff: A row counts only if it happened and was known before this midnight.
            opened_column: The column with the day on which a mail was opened; None if the table holds no
                mails.
        """
        self._cutoff, self._opened_column = day_number(cutoff), opened_column
        self._rows, self._n_opened = np.zeros(n_customers), np.zeros(n_customers)
        self.columns = [] if opened_column is None else [opened_column]

    def add(self, rows: RowBatch) -> None:
        """Count some rows."""
        is_counted = (rows.day >= self._cutoff - WINDOW_DAYS) & (rows.visible_from < self._cutoff)
        customer = rows.customer[is_counted]
        if not len(customer):
            return
        own = slice(int(customer[0]), int(customer[-1]) + 1)
        size = own.stop - own.start
        self._rows[own] += np.bincount(customer - own.start, minlength=size)
        if self._opened_column is not None:
            is_opened = rows.column(self._opened_column, NEVER)[is_counted] < self._cutoff
            self._n_opened[own] += np.bincount(customer[is_opened] - own.start, minlength=size)

    def values(self) -> Floats:
        """Return each customer's number of rows; for mails, the share opened, or NaN if there was no mail."""
        if self._opened_column is None:
            return self._rows
        share = self._n_opened / np.maximum(self._rows, 1)
        return np.where(self._rows > 0, share, np.nan)


def activity_readers(store: Store, cutoff: date) -> dict[str, ActivityCounts]:
    """Return for each table of events, by its name, the object that counts the activity of each customer."""
    n, tables = store.n_customers, (*ACTIVITY_TABLES, *sorted(store.params.events))
    readers = {table: ActivityCounts(n, cutoff) for table in tables if store.has(table)}
    if store.has(MAILS) and "opened_at_day" in store.tables[MAILS].columns:
        readers[MAILS] = ActivityCounts(n, cutoff, "opened_at_day")
    return readers


def read_peers(store: Store, cutoff: date) -> Ints:
    """Read the peer group of each customer at the cutoff: the plan and the band of tenure."""
    plans = None
    if store.has("subscriptions") and "plan" in store.tables["subscriptions"].columns:
        with store.connect() as connection:
            rows = connection.execute(
                f"SELECT customer, max(plan) AS plan FROM {store.scan('subscriptions')} "
                f"WHERE {store.in_force(cutoff)} AND plan IS NOT NULL GROUP BY 1"
            ).fetchnumpy()
        plans = np.full(store.n_customers, np.nan)
        plans[rows["customer"]] = rows["plan"]
    return peers_of(day_number(cutoff), read_customers(store).signed_up, plans)


def active_at(spells: ActivitySpells, cutoff: date, n_customers: int) -> Bools:
    """Return which customers are active at a cutoff."""
    day = day_number(cutoff)
    result = np.zeros(n_customers, dtype=bool)
    result[spells.customer[(spells.start < day) & (day <= spells.end)]] = True
    return result


def window_before(cutoff: date) -> Period:
    """Return the days before a cutoff in which activity counts."""
    return Period(kind="window", start=cutoff - timedelta(WINDOW_DAYS), end=cutoff)
