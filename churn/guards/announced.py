"""Events that announce the leaving: who has one is gone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from churn.data.sql import identifier, literal
from churn.finding import Finding
from churn.guards.as_of_today import WAY_OUT
from churn.guards.context import GONE, HERE, Company
from churn.guards.names import speaks_of_leaving
from churn.guards.statistics import SURE
from churn.metrics.standard_errors import wilson_interval

FEWEST = 10
"""Fewer leavers than this show nothing."""


def announced(company: Company) -> Iterator[Finding]:
    """Stop at a table, or a kind of row, that only customers have who then left; warn where its name says so.

    A complaint raises the risk, but many who complain stay. Here hardly anyone does: the 99 % interval of the
    share that left lies above .8 and by .3 above everybody's. Rows at or after the end do not count, as no
    cutoff before it sees them.
    """
    state = company.ends.state
    here, gone = int((state == HERE).sum()), int((state == GONE).sum())
    if not here or not gone:
        return
    base = gone / (here + gone)
    core = company.params.label.core_table
    for table in company.event_tables:
        groups = [] if table == core else [("''", "")]
        groups += [
            (identifier(c), c) for c in company.store.tables[table].levels if c in ("kind", "campaign")
        ]
        for sql, column in groups:
            before = "true" if company.params.label.kind == "inactivity" else "(gone = 0 OR day < end_day)"
            rows = company.rows(
                f"SELECT {sql} AS code, count(DISTINCT customer) AS n, "
                "count(DISTINCT customer) FILTER (WHERE gone = 1) AS l, "
                "median(end_day - day) FILTER (WHERE gone = 1) AS lead "
                f"FROM {company.store.scan(table)} JOIN people USING (customer) "
                f"WHERE gone >= 0 AND {before} GROUP BY 1 HAVING code IS NOT NULL ORDER BY 1"
            )
            for code, n, left, lead in rows:
                level = company.store.tables[table].levels[column][code] if column else ""
                place = f"{table}.{column}: {level}" if column else table
                low, _ = wilson_interval(left, n, SURE)
                told = (
                    f"{left:,} of the {n:,} customers with such a row have left, of all {base:.0%}, half "
                    "of them "
                    f"within {lead or 0:.0f} days"
                )
                way_out = (
                    f"Leave these rows out with a 'where' at {table}; an asked-for end belongs in "
                    "subscriptions.cancel_requested_at, which takes the customer out of the cohort."
                )
                figure = f"{left / n:.0%} left"
                if left >= FEWEST and low > max(0.8, base + 0.3):
                    said = f"{told}: it announces the leaving."
                    yield Finding(place, said, way_out, "stop", figure=figure)
                elif left >= FEWEST and low > base and (word := speaks_of_leaving(level or table)):
                    said = f"its name speaks of leaving ('{word}'), and {told}."
                    yield Finding(place, said, way_out, figure=figure)


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
