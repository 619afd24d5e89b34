"""Guards of one column: it predicts on its own who leaves, by its values or by its missing values.

`churn check` runs them on the data, `churn train` on the training rows (`guards/model/columns.py`).
"""

from __future__ import annotations

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
from churn.snapshots.dataset import LabelledRows

Z_ONE_SIDED = 1.645
"""Standard errors of a one-sided 95 % bound."""


def auc_low(auc: float, churners: int) -> float:
    """Return the lower bound of an AUC, as if each distinct churner were ranked right or wrong as a whole.

    It is wider than the usual intervals and stays below 1 for a perfect ranking of few churners.

    >>> round(auc_low(1.0, 20), 2)
    0.88
    """
    return wilson_interval(auc * churners, churners, Z_ONE_SIDED)[0]


@dataclass(frozen=True)
class AucLimit:
    """A limit that the AUC of one column passes only if its lower bound passes one, too."""

    auc: float
    low: float

    def passed_by(self, auc: float, churners: int) -> bool:
        """Return whether an AUC over so many distinct churners lies above the limit; NaN never does."""
        return auc > self.auc and auc_low(auc, churners) > self.low


WARN, STOP = AucLimit(0.9, 0.85), AucLimit(0.98, 0.9)
"""Above the first a column deserves a look (whole honest models of monthly churn reach about .85), above the
second it is almost certainly a leak."""

MISSING = AucLimit(0.65, 0.5)
"""Above it, a missing value is no chance: .30 more of the churners lack the value."""


def ranking_finding(rows: LabelledRows, index: int, column_name: str) -> Finding | None:
    """Return the finding on a column that ranks churners nearly perfectly; None where it does not.

    Args:
        rows: Labelled rows.
        index: The column.
        column_name: The name of the column in messages.
    """
    name, values = rows.names[index], rows.matrix[:, index]
    if name in rows.levels:
        auc = auc_within(rows.left, level_scores(rows.left, values, rows.customer), rows.cutoff)
    else:
        auc = best_auc(rows.left, values, rows.cutoff)
    churners = len(np.unique(rows.customer[rows.left > 0]))
    if not WARN.passed_by(auc, churners):
        return None
    stop = STOP.passed_by(auc, churners)
    meaning = "it is almost certainly a leak of the label" if stop else "a column is rarely honest"
    return Finding(
        column_name,
        f"on its own it predicts who leaves with AUC {auc:.3f} ({churners:,} churners, lower bound "
        f"{auc_low(auc, churners):.2f}); above {STOP.auc if stop else WARN.auc} {meaning}.",
        "Find out where its table gets it from, and whether it is filled in after the fact. Leave it out "
        "(signals.leave_out), or sign it off.",
        "stop" if stop else "warn",
        "alone",
        f"AUC {auc:.3f}",
    )


def missing_finding(
    rows: LabelledRows, is_missing: Bools, column_name: str, *, stop: AucLimit, among: Bools | None = None
) -> Finding | None:
    """Return the finding on missing values that predict who leaves; None where they do not.

    Args:
        rows: Labelled rows.
        is_missing: Whether each row lacks the value, shape (rows,).
        column_name: The name of the column in messages.
        stop: The limit above which the finding is a stop.
        among: The rows that count, shape (rows,); by default all.
    """
    among = np.ones(len(rows), dtype=bool) if among is None else among
    left = rows.left[among]
    if not 0 < left.sum() < len(left) or not is_missing[among].any():
        return None
    auc = auc_within(left, is_missing[among].astype(np.float64), rows.cutoff[among])
    auc = max(auc, 1 - auc)
    churners = len(np.unique(rows.customer[among][left > 0]))
    if not MISSING.passed_by(auc, churners):
        return None
    return Finding(
        column_name,
        f"on its own a missing value predicts who leaves with AUC {auc:.3f} ({churners:,} churners); above "
        f"{MISSING.auc} it was probably blanked or filled in after they left.",
        "Find out when the source blanks or fills it. Leave it out, or sign it off.",
        "stop" if stop.passed_by(auc, churners) else "warn",
        "missing",
        f"AUC {auc:.3f}",
    )


def single_signal(context: GuardContext) -> Iterator[Finding]:
    """Look for a signal, or an attribute, that on its own predicts who leaves."""
    rows = context.labelled_rows
    if rows is None or rows.one_class:
        return
    for index, name in enumerate(rows.names):
        column_name = f"customers.{name}" if name in context.attributes else name
        if finding := ranking_finding(rows, index, column_name):
            yield finding


def missing_values(context: GuardContext) -> Iterator[Finding]:
    """Look for missing values that predict who leaves, in attributes and in each customer's latest row.

    A customer without any row is a signal. A row without a value, where others have one, is a value that was
    blanked later.
    """
    rows = context.labelled_rows
    if rows is None or rows.one_class:
        return
    for index, name in enumerate(rows.names):
        if name in context.attributes:
            is_missing = np.isnan(rows.matrix[:, index])
            if finding := missing_finding(rows, is_missing, f"customers.{name}", stop=WARN):
                yield finding
    for table in context.event_tables:
        columns = context.tables[table].of_role("value", "attribute")
        stored_columns = context.store.tables[table].missing
        names = [column.name for column in columns if not column.known_with and column.name in stored_columns]
        latest = _latest_missing(context, rows, table, names) if names else {}
        for name, is_missing in latest.items():
            has_row = ~np.isnan(is_missing)
            if finding := missing_finding(rows, is_missing > 0, f"{table}.{name}", stop=WARN, among=has_row):
                yield finding


def _latest_missing(
    context: GuardContext, rows: LabelledRows, table: str, names: list[str]
) -> dict[str, Floats]:
    """Return for each column whether a customer's latest visible row lacks it, per row of the snapshots.

    Args:
        context: The company.
        rows: Labelled rows.
        table: The event table.
        names: Its columns.

    Returns:
        Each of shape (rows,): 1.0 where the value is missing, 0.0 where not, NaN without a visible row.
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
