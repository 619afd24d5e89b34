"""Tables from which those who left are missing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import binomtest

from churn.data.finding import Finding
from churn.data.sql import literal
from churn.training.guards.company import Company
from churn.training.label import LEFT, STAYED

DANGLING = "customer_id is in customers"
"""The rule that rows of unknown customers break."""

WARN, STOP = 0.02, 0.05
"""Shares of histories without a customer: a few are everywhere, one in twenty is a join."""

FALLEN = 4
"""How many times lower the old rate of leaving must be: seasons and growth move a rate by two."""

RARE = 1e-4
"""A chance below which so few old leavers are no accident."""


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
            )


def survivors(company: Company) -> Iterator[Finding]:
    """Stop where hardly anyone left at the old cutoffs and many at the new: only survivors are in the tables.

    The older half of the matured cutoffs is held against the newest that decide a third of the leavers.
    """
    at_risk = np.array([((label >= STAYED) & cohort.members).sum() for cohort, label in company.judged])
    left = np.array([((label == LEFT) & cohort.members).sum() for cohort, label in company.judged])
    if len(left) < 4 or not at_risk.all():
        return
    if not left.any():
        yield Finding(
            company.params.label.core_table,
            f"of {at_risk.sum():,} customers at risk at {len(left)} cutoffs nobody left.",
            "See whether the tables hold only today's customers; read those who left, too.",
            "stop",
        )
        return
    half = len(left) // 2
    rates = left / at_risk
    recent = int(np.argmax(rates[half:])) + half
    usual = float(left[half:].sum() / at_risk[half:].sum())
    old, risk = int(left[:half].sum()), int(at_risk[:half].sum())
    if old * FALLEN < usual * risk and binomtest(old, risk, usual, "less").pvalue < RARE:
        yield Finding(
            company.params.label.core_table,
            f"of {risk:,} customers at risk at the {half} oldest cutoffs {old / risk:.2%} left, at the "
            "others "
            f"{usual:.2%} (at {company.matured[recent]} {rates[recent]:.2%}): those who left long ago are "
            "missing.",
            "See whether a join, a filter or a deletion drops inactive customers; read everybody, or begin "
            "with the first cutoff for which those who left are still there (snapshot.first).",
            "stop",
        )
