"""Find tables in which the customers who left are missing."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.stats import poisson

from churn.data.ingest.rules import DANGLING_RULE
from churn.data.sql import literal, parquet_rows
from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.context import GuardContext
from churn.labels.outcomes import LEFT, STAYED

CountsByAge = npt.NDArray[np.float64]

WARN_SHARE, STOP_SHARE = 0.02, 0.05
"""The shares of histories without a customer; a larger share is a warning, or a stop."""

MIN_RATIO = 4
"""Churners are too few if this factor times their number is below the expected number. Seasons and growth
change a rate only by a factor of two.
"""

MAX_CHANCE_OF_FEW_CHURNERS = 1e-4
"""A low number of early churners is no chance if its probability, over all tested cutoffs, is below this
number.
"""

BAND_DAYS, BANDS = 91, 13
"""The days of a band of age, and the number of bands.

Rates are compared within bands, because yearly contracts end late.
"""


def dangling_histories(context: GuardContext) -> Iterator[Finding]:
    """Look for histories without a customer: a join may have dropped the customers who left.

    The guard counts ids that are not in the table of customers and have many rows. Many means at least 3
    rows, and at least a third of the rows of an average customer. Fewer rows are not reported, because they
    may be single errors in the data.
    """
    for name in context.event_tables:
        table = context.store.tables[name]
        if not table.rejects.get(DANGLING_RULE):
            continue
        rejects = parquet_rows(context.rejects / f"{name}.parquet")
        min_rows = max(3.0, table.rows / max(table.customers, 1) / 3)
        ((ids,),) = context.rows(
            f"SELECT count(*) FROM (SELECT customer_id FROM {rejects} "
            f"WHERE rule = {literal(DANGLING_RULE)} GROUP BY 1 HAVING count(*) >= {min_rows})"
        )
        share = ids / (ids + table.customers)
        if share > WARN_SHARE:
            yield Finding(
                name,
                f"{ids:,} ids ({share:.1%} of the ids in this table) have many rows each but are not in the "
                f"table of customers. A share above {WARN_SHARE:.0%} means that customers are missing, not "
                "that a few rows are wrong.",
                "Look for a join or filter that drops customers who left (such as an inner join with current "
                "accounts), and read the customers from the table that keeps all of them.",
                "stop" if share > STOP_SHARE else "warn",
                figure=f"{share:.1%}",
            )


def survivors(context: GuardContext) -> Iterator[Finding]:
    """Stop if there are so few churners before some cutoff that the data must lack the customers who left.

    For each cutoff C, the guard compares the number of churners at the cutoffs before C with an expected
    number. To compute the expected number, the guard takes the churn rate over C and all later cutoffs
    together. It multiplies this rate by the number of customers at the cutoffs before C. It does so
    separately for each band of age, and adds the results.

    The guard also computes two churn rates of customers of all ages: at the newest cutoff, and over C and all
    later cutoffs. It skips C if the first rate is less than half of the second. In this case, churn was high
    for a time at C or later, and then fell. The high churn makes the expected number for the cutoffs before C
    too high, even if no customers are missing.

    If label windows overlap, the same churner counts at several cutoffs. So the guard divides the counted and
    the expected churners by this number of cutoffs: the days of a label window divided by the days between
    two cutoffs. Then it computes the probability of so few churners.
    """
    words = context.label.words
    churners, at_risk = _counts_by_age(context)
    if len(churners) < 2 or not at_risk.sum(axis=1).all():
        return
    if not churners.any():
        yield Finding(
            context.label.core_table,
            f"no customer {words.happened} at any of {len(churners)} cutoffs, out of "
            f"{int(at_risk.sum()):,} customers {words.candidates}.",
            "Check label.table and label.where: no label window holds a row of the table that meets the "
            "condition."
            if context.label.is_event
            else "Check whether the tables hold only today's customers. If so, use a source that "
            "also holds the customers who left.",
            "stop",
        )
        return
    if context.label.is_event:  # an event can be new and become more frequent, and nobody deletes its rows
        return
    days = np.array([day_number(cutoff) for cutoff in context.cutoffs])
    windows = max(1.0, context.label.horizon_days / float(np.median(np.diff(days))))
    for end in range(len(churners) - 1, 0, -1):
        later_rate = churners[end:].sum(axis=0) / np.maximum(at_risk[end:].sum(axis=0), 1)
        expected, early = float((at_risk[:end] * later_rate).sum()), int(churners[:end].sum())
        usual = churners[end:].sum() / at_risk[end:].sum()
        if churners[-1].sum() < usual * at_risk[-1].sum() / 2:
            continue
        chance = poisson.cdf(math.ceil(early / windows), expected / windows)
        if early * MIN_RATIO < expected and chance < MAX_CHANCE_OF_FEW_CHURNERS / len(churners):
            yield Finding(
                context.label.core_table,
                f"{early:,} customers left within the label windows of the {end} cutoffs before "
                f"{context.cutoffs[end]}. At the churn rate of the later cutoffs, {expected:,.0f} "
                "would have left: the customers who left long ago are missing.",
                "Look for a join, a filter or a deletion that drops inactive customers, and read all "
                "customers. Or set snapshot.first to the first cutoff whose churners are still in the data.",
                "stop",
            )
            return


def _counts_by_age(context: GuardContext) -> tuple[CountsByAge, CountsByAge]:
    """Count the churners, and all labelled customers, for each cutoff and band of age.

    Both results have the shape `[cutoffs, bands]`; only cutoffs whose labels are known have a row.
    """
    churners, at_risk = np.zeros((2, len(context.labelled_cohorts), BANDS))
    for row, (cohort, label) in enumerate(context.labelled_cohorts):
        age = day_number(cohort.cutoff) - context.customers.signed_up
        band = np.clip(age // BAND_DAYS, 0, BANDS - 1)
        at_risk[row] = np.bincount(band[cohort.members & (label >= STAYED)], minlength=BANDS)
        churners[row] = np.bincount(band[cohort.members & (label == LEFT)], minlength=BANDS)
    return churners, at_risk
