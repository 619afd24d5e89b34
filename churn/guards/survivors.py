"""Guards of tables from which customers who left are missing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.stats import poisson

from churn.data.sql import literal
from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.context import GuardContext
from churn.labels.outcomes import LEFT, STAYED

Counts = npt.NDArray[np.float64]

DANGLING_RULE = "customer_id is in customers"
"""The rule that rows of unknown customers break."""

WARN_SHARE, STOP_SHARE = 0.02, 0.05
"""Shares of histories without a customer: a few are everywhere, one in twenty comes from a join."""

MIN_RATIO = 4
"""How many times fewer churners than expected: seasons and growth change a rate by two."""

RARE = 1e-4
"""The probability below which so few early churners are no accident, over all ends of the past."""

BAND_DAYS, BANDS = 91, 13
"""Customers are compared within bands of age of a quarter, because yearly contracts end late."""


def dangling_histories(context: GuardContext) -> Iterator[Finding]:
    """Look for histories of ids that are no customers: a join may have dropped the customers who left.

    A history has at least 3 rows, and at least a third as many as a customer has. Single stray rows are dirt.
    """
    for name in context.event_tables:
        table = context.store.tables[name]
        if not table.rejects.get(DANGLING_RULE):
            continue
        path = literal(str(context.rejects / f"{name}.parquet"))
        min_rows = max(3.0, table.rows / max(table.customers, 1) / 3)
        ((ids,),) = context.rows(
            f"SELECT count(*) FROM (SELECT customer_id FROM read_parquet({path}) "
            f"WHERE rule = {literal(DANGLING_RULE)} GROUP BY 1 HAVING count(*) >= {min_rows})"
        )
        share = ids / (ids + table.customers)
        if share > WARN_SHARE:
            yield Finding(
                name,
                f"{ids:,} ids ({share:.1%}) have whole histories here but are no customers; more than "
                f"{WARN_SHARE:.0%} is no dirt.",
                "Look for a join or filter that drops customers who left (such as an inner join with current "
                "accounts), and read the customers from the table that keeps all of them.",
                "stop" if share > STOP_SHARE else "warn",
                figure=f"{share:.1%}",
            )


def survivors(context: GuardContext) -> Iterator[Finding]:
    """Stop if hardly anybody left up to some cutoff and many left later: the tables hold only survivors.

    For each cutoff at which the past may end, the churners up to it are compared with the number that the
    later rate of customers of the same age gives. The latest churners must still be there: at the newest
    cutoff the guard asks for half of that rate, so that one wave of churners is not taken for a join.
    """
    churners, at_risk = _counts_by_age(context)
    if len(churners) < 2 or not at_risk.sum(axis=1).all():
        return
    if not churners.any():
        yield Finding(
            context.label.core_table,
            f"none of {int(at_risk.sum()):,} customers at risk at {len(churners)} cutoffs left.",
            "Look whether the tables hold only today's customers, and read also those who left.",
            "stop",
        )
        return
    for end in range(len(churners) - 1, 0, -1):
        later_rate = churners[end:].sum(axis=0) / np.maximum(at_risk[end:].sum(axis=0), 1)
        expected, early = float((at_risk[:end] * later_rate).sum()), int(churners[:end].sum())
        usual = churners[end:].sum() / at_risk[end:].sum()
        if churners[-1].sum() < usual * at_risk[-1].sum() / 2:
            continue
        if early * MIN_RATIO < expected and poisson.cdf(early, expected) < RARE / len(churners):
            yield Finding(
                context.label.core_table,
                f"{early:,} customers left at the {end} cutoffs before {context.cutoffs[end]}; at the rate "
                f"from then on {expected:,.0f} would have left: the customers who left long ago are missing.",
                "Look for a join, a filter or a deletion that drops inactive customers, and read all of "
                "them; or begin with the first cutoff for which those who left are still there "
                "(snapshot.first).",
                "stop",
            )
            return


def _counts_by_age(context: GuardContext) -> tuple[Counts, Counts]:
    """Count churners and customers at risk by matured cutoff and age, each of shape (cutoffs, bands)."""
    churners, at_risk = np.zeros((2, len(context.labelled_cohorts), BANDS))
    for row, (cohort, label) in enumerate(context.labelled_cohorts):
        age = day_number(cohort.cutoff) - context.customers.signed_up
        band = np.clip(age // BAND_DAYS, 0, BANDS - 1)
        at_risk[row] = np.bincount(band[cohort.members & (label >= STAYED)], minlength=BANDS)
        churners[row] = np.bincount(band[cohort.members & (label == LEFT)], minlength=BANDS)
    return churners, at_risk
