"""Guards that look for leaks, ids and dates in the columns of the training rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from churn.finding import Finding
from churn.guards.single_signal import STOP_LIMIT, missing_finding, ranking_finding, simple_auc
from churn.guards.statistics import explained_share
from churn.params import LabelParams
from churn.snapshots.dataset import Floats, Ints, LabelledRows, cutoffs_of, thin_customers

MAX_CHECKED_ROWS = 40_000
"""The largest number of rows to check, drawn by whole customers; they are enough to see an AUC of .9."""

ID_SHARE = 0.9
"""A column that never changes identifies the customer if more than this share of its values is distinct."""

CALENDAR_SHARE = 0.9
"""A signal tells the date if the cutoff explains more than this share of the variance of its ranks."""

MIN_VALUE_SHARE = 0.9
"""A column can be an id or a date only if at least this share of the rows has a value."""

MIN_CUTOFFS = 3


def check_columns(
    rows: LabelledRows, attributes: Collection[str] = (), *, label: LabelParams
) -> Iterator[Finding]:
    """Check each column of the training rows by itself.

    Args:
        rows: The training rows.
        attributes: The static attributes. The findings of `churn check` and `churn train` use the same name
            for an attribute, so that one sign-off counts for both.
        label: The definition of the label.
    """
    rows = thin_customers(rows, MAX_CHECKED_ROWS)
    if rows.one_class:
        return
    simple = simple_auc(rows, label)
    for index, name in enumerate(rows.names):
        column_name = f"customers.{name}" if name in attributes else name
        values = rows.matrix[:, index]
        present = values[~np.isnan(values)]
        varies = len(present) > 0 and not (present == present[0]).all()
        findings = [
            ranking_finding(rows, index, column_name, simple) if varies else None,
            missing_finding(
                rows,
                np.isnan(values),
                column_name,
                stop=STOP_LIMIT,
                simple=None if name in attributes else simple,
            ),
        ]
        if varies and name not in rows.levels:
            findings += [_id_finding(rows, values, column_name), _calendar_finding(rows, values, column_name)]
        yield from (finding for finding in findings if finding)


def _id_finding(rows: LabelledRows, values: Floats, column_name: str) -> Finding | None:
    has_value = ~np.isnan(values)
    if has_value.mean() < MIN_VALUE_SHARE:
        return None
    lowest, highest, count = _ranges(values[has_value], rows.customer[has_value])
    if not (count > 1).any() or (lowest != highest).any():
        return None
    share = len(np.unique(lowest)) / len(lowest)
    if share <= ID_SHARE:
        return None
    return Finding(
        column_name,
        f"the column never changes, and {share:.0%} of the customers have a value that no other customer "
        "has: the column identifies the customer, and a model would only memorise single customers.",
        "Leave the column out (signals.leave_out). If the source overwrites the column when a value "
        "changes, map a table with all values and their dates instead.",
        "warn",
        "id_like",
        f"{share:.0%}",
    )


def _ranges(values: Floats, customer: Ints) -> tuple[Floats, Floats, Ints]:
    """Return for each customer the lowest value, the highest value, and the number of rows."""
    order = np.argsort(customer, kind="stable")
    start = np.flatnonzero(np.diff(customer[order], prepend=-1))
    sorted_values = values[order]
    count = np.diff(np.append(start, len(order)))
    return np.minimum.reduceat(sorted_values, start), np.maximum.reduceat(sorted_values, start), count


def _calendar_finding(rows: LabelledRows, values: Floats, column_name: str) -> Finding | None:
    has_value = ~np.isnan(values)
    cutoffs = cutoffs_of(rows.cutoff[has_value])
    if has_value.mean() < MIN_VALUE_SHARE or len(cutoffs) < MIN_CUTOFFS:
        return None
    _, group = np.unique(rows.cutoff[has_value], return_inverse=True)
    share = explained_share(group.astype(np.int64), values[has_value])
    if share <= CALENDAR_SHARE:
        return None
    return Finding(
        column_name,
        f"the column describes the date, not the customer: the cutoff explains {share:.0%} of the variance "
        "of the ranks of its values. A model learns only from past dates, so it cannot use this column for "
        "future dates.",
        "Leave the column out (signals.leave_out), or replace the date by the number of days between the "
        "date and the cutoff.",
        "warn",
        "calendar_like",
        f"{share:.0%}",
    )
