"""Tables from which those who left are missing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.stats import poisson

from churn.data.sql import literal
from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.context import Company
from churn.labels.outcomes import LEFT, STAYED

Counts = npt.NDArray[np.float64]

DANGLING = "customer_id is in customers"
"""The rule that rows of unknown customers break."""

WARN, STOP = 0.02, 0.05
"""Shares of histories without a customer: a few are everywhere, one in twenty is a join."""

FALLEN = 4
"""How many times fewer must have left than expected: seasons and growth move a rate by two."""

RARE = 1e-4
"""A chance below which so few old leavers are no accident, over all cutoffs at which the past may end."""

BAND_DAYS = 91
"""Customers are compared with those of their own age, in bands of a quarter: contracts of a year end late."""

BANDS = 13


def dangling(company: Company) -> Iterator[Finding]:
    """Look for histories of ids that are no customers: a join may have dropped those who left.

    A history has a third as many rows as a customer's, and three; single stray rows are dirt.
    """
    for name in company.event_tables:
        table = company.store.tables[name]
        if not table.rejects.get(DANGLING):
            continue
        path = literal(str(company.params.output / "rejects" / f"{name}.parquet"))
        least = max(3.0, table.rows / max(table.customers, 1) / 3)
        ((ids,),) = company.rows(
            f"SELECT count(*) FROM (SELECT customer_id FROM read_parquet({path}) "
            f"WHERE rule = {literal(DANGLING)} GROUP BY 1 HAVING count(*) >= {least})"
        )
        share = ids / (ids + table.customers)
        if share > WARN:
            yield Finding(
                name,
                f"{ids:,} ids ({share:.1%}) have whole histories here and are no customers; above {WARN:.0%} "
                "it is no dirt.",
                "See whether the customers come from a join or filter that drops those who left "
                "(an inner join with current accounts); read them from the table that keeps everybody.",
                "stop" if share > STOP else "warn",
                figure=f"{share:.1%}",
            )


def survivors(company: Company) -> Iterator[Finding]:
    """Stop where hardly anyone left up to some cutoff and many later: only survivors are in the tables.

    For each cutoff at which the past may end, the leavers up to it are held against those expected from the
    later rate of customers of the same age. Those who left last must still be there: at the newest cutoff
    half of that rate is asked for, so that one wave of leavers is no join.
    """
    left, at_risk = _by_age(company)
    if len(left) < 2 or not at_risk.sum(axis=1).all():
        return
    if not left.any():
        yield Finding(
            company.params.label.core_table,
            f"of {int(at_risk.sum()):,} customers at risk at {len(left)} cutoffs nobody left.",
            "See whether the tables hold only today's customers; read those who left, too.",
            "stop",
        )
        return
    for end in range(len(left) - 1, 0, -1):
        later = left[end:].sum(axis=0) / np.maximum(at_risk[end:].sum(axis=0), 1)
        expected, old = float((at_risk[:end] * later).sum()), int(left[:end].sum())
        usual = left[end:].sum() / at_risk[end:].sum()
        if left[-1].sum() < usual * at_risk[-1].sum() / 2:
            continue
        if old * FALLEN < expected and poisson.cdf(old, expected) < RARE / len(left):
            yield Finding(
                company.params.label.core_table,
                f"at the {end} cutoffs before {company.matured[end]} {old:,} customers left; as many as "
                "leave "
                f"from then on would be {expected:,.0f}: those who left long ago are missing.",
                "See whether a join, a filter or a deletion drops inactive customers; read everybody, or "
                "begin "
                "with the first cutoff for which those who left are still there (snapshot.first).",
                "stop",
            )
            return


def _by_age(company: Company) -> tuple[Counts, Counts]:
    """Count those who left and those at risk, by matured cutoff and age: shape (cutoffs, bands)."""
    left, at_risk = np.zeros((2, len(company.judged), BANDS))
    for place, (cohort, label) in enumerate(company.judged):
        age = day_number(cohort.cutoff) - company.customers.signed_up
        band = np.clip(age // BAND_DAYS, 0, BANDS - 1)
        at_risk[place] = np.bincount(band[cohort.members & (label >= STAYED)], minlength=BANDS)
        left[place] = np.bincount(band[cohort.members & (label == LEFT)], minlength=BANDS)
    return left, at_risk
