"""Levels of attributes that only customers have who left."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from churn.data.sql import literal
from churn.finding import Finding
from churn.guards.as_of_today import WAY_OUT
from churn.guards.context import GONE, HERE, Company
from churn.guards.statistics import SURE
from churn.metrics.intervals import wilson_interval


def only_leavers(company: Company) -> Iterator[Finding]:
    """Stop at a level, or a lack of one, that only customers have who left: it was written when they did.

    A level that raises the risk is held by some who stay. Here hardly one does: the 99 % interval of the
    share that left lies above .8 and by .3 above everybody's.
    """
    state = company.ends.state
    known = (state == GONE) | (state == HERE)
    gone = state[known] == GONE
    base = float(gone.mean()) if known.any() else 1.0
    for name in company.attributes:
        levels = np.array(["" if level is None else str(level) for level in company.levels[name][known]])
        names, codes = np.unique(levels, return_inverse=True)
        count, left = np.bincount(codes), np.bincount(codes, gone)
        for place in np.argsort(-count, kind="stable"):
            low, _ = wilson_interval(left[place], count[place], SURE)
            if low <= max(0.8, base + 0.3):
                continue
            level = f"the value {literal(str(names[place]))}" if names[place] else "no value"
            yield Finding(
                f"customers.{name}",
                f"{int(left[place]):,} of the {int(count[place]):,} customers with {level} have left, "
                f"of all {base:.0%}: it was written, or emptied, when they did.",
                WAY_OUT,
                "stop",
                figure=f"{left[place] / count[place]:.0%} left",
            )
            break
