"""One signal that alone tells who leaves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from churn.data.sql import identifier
from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.context import Company
from churn.guards.statistics import auc_within, best_auc, level_scores
from churn.metrics.standard_errors import wilson_interval
from churn.snapshots.dataset import LabelledRows

STOP, WARN = 0.98, 0.9
"""AUC of one signal above which it is no signal but the answer, and above which it deserves a look."""

STOP_LOW, WARN_LOW = 0.9, 0.85
"""What the lower end of the interval must pass, too: whole honest models of monthly churn reach about .85."""

MISSING = 0.65
"""AUC of the lack of a value above which the lack is no chance: .30 more of the leavers lack it."""

WAY_OUT = (
    "See where its table gets it from, and whether it is filled in after the fact; leave it out "
    "(signals.leave_out) or sign it off."
)

ONE_SIDED = 1.645
"""Standard errors of a one-sided 95 % bound."""


def low_of(area: float, leavers: int) -> float:
    """Return the lower bound of an AUC, as if each distinct leaver were ranked right or wrong as a whole.

    It is wider than the usual intervals and stays below 1 for a perfect ranking of few: 20 leavers give .88.

    >>> round(low_of(1.0, 20), 2)
    0.88
    """
    return wilson_interval(area * leavers, leavers, ONE_SIDED)[0]


def alone(company: Company) -> Iterator[Finding]:
    """Warn of a signal, or an attribute, that alone ranks leavers above .90; stop above .98."""
    rows = company.labelled
    if rows is None or rows.one_class:
        return
    leavers = _leavers(rows)
    for place, name in enumerate(rows.names):
        values = rows.matrix[:, place]
        if name in rows.levels:
            area = auc_within(rows.left, level_scores(rows.left, values, rows.customer), rows.cutoff)
        else:
            area = best_auc(rows.left, values, rows.cutoff)
        low = low_of(area, leavers)
        if not area > WARN or low <= WARN_LOW:
            continue
        stop = area > STOP and low > STOP_LOW
        yield Finding(
            f"customers.{name}" if name in company.attributes else name,
            f"alone it tells who leaves with AUC {area:.3f} ({leavers:,} leavers, at least {low:.2f}); "
            f"above {STOP if stop else WARN} it is {'the answer' if stop else 'rarely honest'}.",
            WAY_OUT,
            "stop" if stop else "warn",
            figure=f"AUC {area:.3f}",
        )


def _leavers(rows: LabelledRows) -> int:
    return len(np.unique(rows.customer[rows.left > 0]))


def missing(company: Company) -> Iterator[Finding]:
    """Look at values whose mere lack tells who leaves, in attributes and in each customer's latest row.

    Having no row at all is a signal; a row with a hole where others have a value is a hole made later.
    """
    rows = company.labelled
    if rows is None or rows.one_class:
        return
    for place, name in enumerate(rows.names):
        if name in company.attributes:
            yield from _judged(
                rows, np.isnan(rows.matrix[:, place]), f"customers.{name}", np.ones(len(rows)) > 0
            )
    for table in company.event_tables:
        contract = company.tables[table]
        names = [column.name for column in contract.of_role("value", "attribute") if not column.known_with]
        names = [name for name in names if name in company.store.tables[table].missing]
        if not names:
            continue
        held = _latest_lack(company, rows, table, names)
        for name in names:
            lack = held[name]
            yield from _judged(rows, lack > 0, f"{table}.{name}", ~np.isnan(lack))


def _latest_lack(company: Company, rows: LabelledRows, table: str, names: list[str]) -> dict[str, np.ndarray]:
    """Return per row of the snapshots whether the customer's latest visible row lacks each column."""
    found = {name: np.full(len(rows), np.nan) for name in names}
    asked = ", ".join(
        f'arg_max({identifier(name)} IS NULL, "at") AS l{place}' for place, name in enumerate(names)
    )
    for day in np.unique(rows.cutoff):
        cutoff = next(each for each in company.matured if day_number(each) == day)
        visible = company.store.visible_before(table, cutoff)
        told = company.fetch(
            f"SELECT customer, {asked} FROM {company.store.scan(table)} WHERE {visible} GROUP BY 1"
        )
        here = np.flatnonzero(rows.cutoff == day)
        for place, name in enumerate(names):
            lacks = np.full(company.store.n_customers, np.nan)
            lacks[np.asarray(told["customer"], dtype=np.int64)] = np.asarray(
                told[f"l{place}"], dtype=np.float64
            )
            found[name][here] = lacks[rows.customer[here]]
    return found


def _judged(rows: LabelledRows, lacks: np.ndarray, place: str, among: np.ndarray) -> Iterator[Finding]:
    left, lack, cutoff = rows.left[among], lacks[among].astype(np.float64), rows.cutoff[among]
    if not 0 < left.sum() < len(left) or not lack.any():
        return
    area = auc_within(left, lack, cutoff)
    area = max(area, 1 - area)
    leavers = len(np.unique(rows.customer[among][left > 0]))
    if area > MISSING and low_of(area, leavers) > 0.5:
        yield Finding(
            place,
            f"that it is missing alone tells who leaves with AUC {area:.3f} ({leavers:,} leavers); above "
            f"{MISSING} the hole was made, or filled, after the fact.",
            "See when the source empties or fills it; leave it out, or sign it off.",
            "stop" if area > WARN and low_of(area, leavers) > WARN_LOW else "warn",
            figure=f"AUC {area:.3f}",
        )
