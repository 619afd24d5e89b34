"""Find labels that count as known although their outcomes are still unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np
from scipy.stats import binom

from churn.finding import Finding
from churn.snapshots.read import Snapshots

WARN_RATIO, STOP_RATIO = 2.0, 4.0
"""The factor by which the odds of leaving must differ from those at earlier cutoffs for a warning, and for a
stop.
"""

MAX_CHANCE_OF_BREAK = 1e-4
"""A break is a finding if the probability of such a break by chance is below this number."""

EARLIER_CUTOFFS = 3
"""The number of earlier cutoffs needed to know the usual odds, and the number of newest cutoffs checked."""


def label_maturity(snapshots: Snapshots, mature_on: Mapping[date, date]) -> Iterator[Finding]:
    """Look for labels that count as known before their label window, grace days and late days are over.

    The guard computes from params.yaml the day on which the labels of each cutoff are known. The snapshot
    must not state an earlier day. The watermark (the day up to which the data are complete) must not be
    before the computed day.

    The guard also compares the share of churners at the newest cutoffs with the share at earlier cutoffs. If
    the data end before the watermark of params.yaml, outcomes at the newest cutoffs are still unknown. With a
    label of kind `inactivity`, all customers at such cutoffs seem to leave. With any other label, no customer
    seems to leave.

    Args:
        snapshots: The snapshots.
        mature_on: The day on which the labels of each cutoff are known, from params.yaml.
    """
    watermark = date.fromisoformat(str(snapshots.watermark))
    for cutoff, stated_day in sorted(snapshots.mature_on.items()):
        true_day = mature_on[cutoff]
        if stated_day < true_day or true_day > watermark:
            yield Finding(
                f"cutoff {cutoff}",
                f"the labels of this cutoff are counted as known on {stated_day}, but they are known only "
                f"on {true_day}; the data are complete up to {watermark}.",
                "Run `churn snapshot` again.",
                "stop",
            )
    yield from _breaks(snapshots)


def _breaks(snapshots: Snapshots) -> Iterator[Finding]:
    """Among the newest cutoffs, find those at which the share of churners is far from the earlier shares."""
    cutoffs = snapshots.cutoffs
    rows_at = [snapshots.rows.at([cutoff]) for cutoff in cutoffs]
    left, size = np.array([rows.churners for rows in rows_at]), np.array([len(rows) for rows in rows_at])
    odds = (left + 0.5) / (size - left + 0.5)
    for index in range(max(EARLIER_CUTOFFS, len(cutoffs) - EARLIER_CUTOFFS), len(cutoffs)):
        before, n = odds[:index], int(size[index])
        usual = float(np.median(before))
        share = usual / (1 + usual)
        ratio = max(odds[index] / usual, usual / odds[index])
        beyond = max(odds[index] / before.max(), before.min() / odds[index])
        low_tail, high_tail = binom.cdf(left[index], n, share), binom.sf(left[index] - 1, n, share)
        if ratio < WARN_RATIO or beyond < WARN_RATIO**0.5 or min(low_tail, high_tail) > MAX_CHANCE_OF_BREAK:
            continue
        yield Finding(
            f"cutoff {cutoffs[index]}",
            f"{left[index] / n:.1%} of the customers left; at earlier cutoffs, {share:.1%} is usual. The "
            f"odds of leaving differ by a factor of {ratio:.1f}, and the limit is {WARN_RATIO:.0f}. Chance "
            "alone gives such a difference less than once in 10,000 times. If the data end before "
            f"{snapshots.watermark}, some labels of this cutoff are not known yet.",
            "Look at the last days in the label's table, and set snapshot.watermark to the day up to which "
            "the table is complete.",
            "stop" if ratio > STOP_RATIO else "warn",
            figure=f"{left[index] / n:.1%} left",
        )
