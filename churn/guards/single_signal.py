"""Find single columns that predict who leaves, by their values or by their missing values.

`churn check` runs these guards on the data, `churn train` on the training rows (`guards/model/columns.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from churn.data.sql import identifier
from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.context import GuardContext
from churn.guards.statistics import Bools, Floats, auc_within, best_auc, level_scores
from churn.metrics.standard_errors import wilson_interval
from churn.params import LabelParams
from churn.snapshots.dataset import LabelledRows

Z_ONE_SIDED = 1.645
"""The number of standard errors of a one-sided 95 % bound."""


def auc_low(auc: float, churners: int) -> float:
    """Return the lower bound of an AUC: Wilson's bound for `auc * churners` successes in `churners` trials.

    The Wilson bound is lower than the usual bounds of an AUC; it stays below 1 even if few churners are
    ranked perfectly.

    >>> round(auc_low(1.0, 20), 2)
    0.88
    """
    return wilson_interval(auc * churners, churners, Z_ONE_SIDED)[0]


@dataclass(frozen=True)
class AucLimit:
    """A limit for the AUC of a column, and a limit for the lower bound of this AUC."""

    auc: float
    low: float

    def passed_by(self, auc: float, churners: int) -> bool:
        """Return whether the AUC of a column is above both limits; False for NaN.

        Args:
            auc: The AUC of the column.
            churners: The number of distinct churners in the rows.
        """
        return auc > self.auc and auc_low(auc, churners) > self.low

    def above(self, simple: float | None, part: float) -> AucLimit:
        """Return the limit for a column; it is higher in a company where a simple rule has a high AUC.

        Args:
            simple: The AUC of the best simple rule; None if there is no simple rule.
            part: Where the higher limit lies between the simple rule's AUC and 1, in `[0, 1]`; .5 is halfway.
        """
        if simple is None:
            return self
        simple = min(simple, MAX_SIMPLE_AUC)
        return AucLimit(max(self.auc, simple + part * (1 - simple)), self.low)


WARN_LIMIT, STOP_LIMIT = AucLimit(0.9, 0.85), AucLimit(0.98, 0.9)
"""The limits above which a column may be a leak of the label, and above which it almost certainly is one.

Whole honest models of monthly churn reach an AUC of about .85.
"""

WARN_PART, STOP_PART = 0.5, 0.75
"""How high a simple rule with a high AUC raises the limits of a warning and of a stop.

Each number says where the raised limit lies between the rule's AUC and 1; .5 is halfway.
"""

MAX_SIMPLE_AUC = 0.97
"""The largest AUC of a simple rule that raises the limits. A simple rule above it may be a leak itself."""

TENURE = "tenure_days"
TENURE_BAND_DAYS = 31
"""The width of the bands of tenure, in days. Contracts end after whole months and years."""


def tenure_auc(rows: LabelledRows) -> float | None:
    """Return the AUC of tenure alone; None if the rows have no tenure.

    The AUC compares only rows of the same cutoff. A row's score is the share of churners among other
    customers in the same band of tenure (`level_scores`). For example, if contracts end after a year, many
    customers leave in the band of one year, and the rows in this band get a high score.
    """
    if TENURE not in rows.names:
        return None
    bands = np.floor(rows.matrix[:, rows.names.index(TENURE)] / TENURE_BAND_DAYS)
    value = auc_within(rows.left, level_scores(rows.left, bands, rows.customer), rows.cutoff)
    return None if np.isnan(value) else value


def simple_auc(rows: LabelledRows, label: LabelParams) -> float | None:
    """Return the AUC of the best simple rule, which ranks customers by tenure, by recency or by frequency.

    If most customers come once and others come often, a simple rule predicts nearly everything without any
    leak. Recency and frequency are used only with a label of inactivity: with a contract label, customers may
    become less active after their cancellation.

    Args:
        rows: Labelled rows.
        label: The definition of the label.

    Returns:
        The AUC, or None if the rows have no signal for any of these rules.
    """
    names = TENURE
    if label.kind == "inactivity":
        names += rf"|{re.escape(label.core_table)}_(days_since_last|count_\d+d)"
    aucs = [tenure_auc(rows)]
    aucs += [
        best_auc(rows.left, rows.matrix[:, index], rows.cutoff)
        for index, name in enumerate(rows.names)
        if re.fullmatch(names, name)
    ]
    return max((value for value in aucs if value is not None and not np.isnan(value)), default=None)


MISSING_LIMIT = AucLimit(0.65, 0.5)
"""The limit above which missing values predict who leaves.

At an AUC of .65, the share of churners without the value is .30 higher than the share of other customers
without it.
"""


def ranking_finding(
    rows: LabelledRows, index: int, column_name: str, simple: float | None = None
) -> Finding | None:
    """Return the finding on a column that ranks churners nearly perfectly; None if it does not.

    Args:
        rows: Labelled rows.
        index: The index of the column in `rows.names`.
        column_name: The name of the column in messages.
        simple: The AUC of the best simple rule (`simple_auc`); None if there is no such rule. If this AUC is
            high, the column's AUC must be higher than usual for a finding.
    """
    name, values = rows.names[index], rows.matrix[:, index]
    if name in rows.levels:
        auc = auc_within(rows.left, level_scores(rows.left, values, rows.customer), rows.cutoff)
    else:
        auc = best_auc(rows.left, values, rows.cutoff)
    churners = len(np.unique(rows.customer[rows.left > 0]))
    warn_limit, stop_limit = WARN_LIMIT.above(simple, WARN_PART), STOP_LIMIT.above(simple, STOP_PART)
    if not warn_limit.passed_by(auc, churners):
        return None
    stop = stop_limit.passed_by(auc, churners)
    limit = stop_limit if stop else warn_limit
    comparison = (
        f" (a simple rule has AUC {simple:.3f})" if simple is not None and limit.auc > WARN_LIMIT.auc else ""
    )
    meaning = "the column is almost certainly a leak of the label" if stop else "a column is often a leak"
    return Finding(
        column_name,
        f"the column alone predicts who leaves: its AUC is {auc:.3f} ({churners:,} churners, lower bound "
        f"{auc_low(auc, churners):.2f}). With an AUC above {limit.auc:.3g}{comparison}, {meaning}.",
        "Find out where the values of the column come from, and whether the source fills them in after "
        "customers left. Leave the column out (signals.leave_out), or accept the finding (sign it off).",
        "stop" if stop else "warn",
        "alone",
        f"AUC {auc:.3f}",
    )


def missing_finding(
    rows: LabelledRows,
    is_missing: Bools,
    column_name: str,
    *,
    stop: AucLimit,
    among: Bools | None = None,
    simple: float | None = None,
) -> Finding | None:
    """Return the finding on missing values that predict who leaves; None if there is no such finding.

    Args:
        rows: Labelled rows.
        is_missing: Whether each row lacks the value, shape (rows,).
        column_name: The name of the column in messages.
        stop: The limit above which the finding is a stop.
        among: Whether each row counts, shape (rows,); by default all rows count.
        simple: The AUC of the best simple rule (`simple_auc`), if the column is a signal. Many signals are
            undefined for customers with few rows, so a missing value shows only that there are few rows.
            `simple` is None if the missing value comes from the source.
    """
    among = np.ones(len(rows), dtype=bool) if among is None else among
    left = rows.left[among]
    if not 0 < left.sum() < len(left) or not is_missing[among].any():
        return None
    auc = auc_within(left, is_missing[among].astype(np.float64), rows.cutoff[among])
    auc = max(auc, 1 - auc)
    churners = len(np.unique(rows.customer[among][left > 0]))
    limit = MISSING_LIMIT.above(simple, 0.0)
    if not limit.passed_by(auc, churners):
        return None
    return Finding(
        column_name,
        f"a missing value alone predicts who leaves: its AUC is {auc:.3f} ({churners:,} churners). With an "
        f"AUC above {limit.auc:.3g}, the column was probably emptied or filled in after customers left.",
        "Find out when the source empties the column or fills it in. Leave the column out, or accept the "
        "finding (sign it off).",
        "stop" if stop.passed_by(auc, churners) else "warn",
        "missing",
        f"AUC {auc:.3f}",
    )


def single_signal(context: GuardContext) -> Iterator[Finding]:
    """Look for a single signal or attribute that predicts who leaves nearly perfectly."""
    rows = context.labelled_rows
    if rows is None or rows.one_class:
        return
    simple = simple_auc(rows, context.label)
    for index, name in enumerate(rows.names):
        column_name = f"customers.{name}" if name in context.attributes else name
        if finding := ranking_finding(rows, index, column_name, simple):
            yield finding


def missing_values(context: GuardContext) -> Iterator[Finding]:
    """Look for missing values that predict who leaves, in attributes and in event tables.

    In an event table, only each customer's latest row before the cutoff counts. If a column is empty in
    this row, the source may have emptied the column later. Customers without any row do not count, because
    having no row is a valid signal and no leak.
    """
    rows = context.labelled_rows
    if rows is None or rows.one_class:
        return
    for index, name in enumerate(rows.names):
        if name in context.attributes:
            is_missing = np.isnan(rows.matrix[:, index])
            if finding := missing_finding(rows, is_missing, f"customers.{name}", stop=WARN_LIMIT):
                yield finding
    for table in context.event_tables:
        columns = context.tables[table].of_role("value", "attribute")
        stored_columns = context.store.tables[table].missing
        names = [column.name for column in columns if not column.known_with and column.name in stored_columns]
        latest = _latest_missing(context, rows, table, names) if names else {}
        for name, is_missing in latest.items():
            has_row = ~np.isnan(is_missing)
            if finding := missing_finding(
                rows, is_missing > 0, f"{table}.{name}", stop=WARN_LIMIT, among=has_row
            ):
                yield finding


def _latest_missing(
    context: GuardContext, rows: LabelledRows, table: str, names: list[str]
) -> dict[str, Floats]:
    """Return, for each column of an event table, whether its value is missing in a customer's latest row.

    The latest row is the last row of the table that happened and was known before the cutoff.

    Args:
        context: The company.
        rows: Labelled rows.
        table: The event table.
        names: The columns of the table.

    Returns:
        An array of shape (rows,) for each column: 1.0 if the value is missing, 0.0 if it is not, NaN if the
        customer has no row before the cutoff.
    """
    result = {name: np.full(len(rows), np.nan) for name in names}
    select_list = ", ".join(
        f'arg_max({identifier(name)} IS NULL, "at") AS m{number}' for number, name in enumerate(names)
    )
    days: dict[int, date] = {day_number(cutoff): cutoff for cutoff in context.cutoffs}
    for day in np.unique(rows.cutoff):
        visible = context.store.visible_before(table, days[int(day)])
        columns = context.fetch(
            f"SELECT customer, {select_list} FROM {context.store.scan(table)} WHERE {visible} GROUP BY 1"
        )
        at_cutoff = np.flatnonzero(rows.cutoff == day)
        for number, name in enumerate(names):
            is_missing = np.full(context.store.n_customers, np.nan)
            code = np.asarray(columns["customer"], dtype=np.int64)
            is_missing[code] = np.asarray(columns[f"m{number}"], dtype=np.float64)
            result[name][at_cutoff] = is_missing[rows.customer[at_cutoff]]
    return result
