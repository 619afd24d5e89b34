"""Whether labels had ripened when they were counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
from scipy.stats import binom

from churn.finding import Finding
from churn.labels.outcomes import label_window
from churn.params import Params
from churn.snapshots.read import Snapshots

TIMES, FAR = 2.0, 4.0
"""How many times higher, or lower, the odds of leaving are than before it to warn, and to stop."""

RARE = 1e-4
"""A break must be rarer than this by chance alone."""

BEFORE = 3
"""So many earlier cutoffs are needed to know what is usual."""


def maturity(snapshots: Snapshots, params: Params) -> Iterator[Finding]:
    """Look for labels that were counted before their window, grace and late days were over.

    The dates of the snapshots are computed anew from params.yaml. What no date tells shows in the share
    that left: where the data end before the watermark that params.yaml states, the newest cutoffs seem to
    lose nobody (contracts), or everybody (inactivity).
    """
    watermark = date.fromisoformat(str(snapshots.watermark))
    for day, known in sorted(snapshots.mature_on.items()):
        ripe = label_window(params, day).mature_on
        if known < ripe or ripe > watermark:
            yield Finding(
                f"cutoff {day}",
                f"its label is counted as known on {known}, but is known on {ripe}, with data complete up to "
                f"{watermark}.",
                "Run `churn snapshot` again.",
                "stop",
            )
    yield from _breaks(snapshots)


def _breaks(snapshots: Snapshots) -> Iterator[Finding]:
    cutoffs, rows = snapshots.cutoffs, snapshots.rows
    here = [rows.at([day]) for day in cutoffs]
    left, size = np.array([one.churners for one in here]), np.array([len(one) for one in here])
    odds = (left + 0.5) / (size - left + 0.5)
    for place in range(max(BEFORE, len(cutoffs) - BEFORE), len(cutoffs)):
        before, n = odds[:place], int(size[place])
        usual = float(np.median(before))
        share = usual / (1 + usual)
        times = max(odds[place] / usual, usual / odds[place])
        beyond = max(odds[place] / before.max(), before.min() / odds[place])
        fewer, more = binom.cdf(left[place], n, share), binom.sf(left[place] - 1, n, share)
        if times < TIMES or beyond < TIMES**0.5 or min(fewer, more) > RARE:
            continue
        yield Finding(
            f"cutoff {cutoffs[place]}",
            f"{left[place] / n:.1%} left, at the cutoffs before {share:.1%}: the odds are {times:.1f} times "
            f"as far, more than {TIMES:.0f}, and rarer than 1 in 10,000. If the data end before "
            f"{snapshots.watermark}, labels were counted that are not known.",
            "Compare the last days of the label's table with snapshot.watermark; set it to the day up to "
            "which the table is complete.",
            "stop" if times > FAR else "warn",
            figure=f"{left[place] / n:.1%} left",
        )
