"""Who left in `[cutoff + gap, cutoff + gap + horizon)`.

Labels look at what happened and ignore when it became known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.features.cohort import Cohort
from churn.features.rows import NEVER
from churn.features.timeline import IntArray
from churn.params import Params

LEFT, STAYED, ENDS_IN_GAP = 1, 0, -1
DROPPED = {ENDS_IN_GAP: "contract ends in the gap"}
"""Labels that keep a row out of training, counted and said."""

Labels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class LabelWindow:
    """When a cutoff's label is decided: `[start, end)`, and the date from which it may be learnt from."""

    start: date
    end: date
    mature_on: date


def window_of(params: Params, cutoff: date) -> LabelWindow:
    """Return the label window of a cutoff.

    A contract's end is certain only once the grace for renewing has passed, so maturity waits for it too.
    """
    label = params.label
    start = cutoff + timedelta(days=label.gap_days)
    end = start + timedelta(days=label.horizon_days)
    grace = label.grace_days if label.kind == "contract" else 0
    return LabelWindow(start, end, end + timedelta(days=params.snapshot.late_days + grace))


def labels(store: Store, cutoffs: Sequence[date]) -> list[Labels]:
    """Return per cutoff one label per customer code: left, stayed, or a reason to drop the row.

    The labels of an immature cutoff mean nothing; ask `window_of` first. Nor do those of customers outside
    the cohort.
    """
    if store.params.label.kind == "contract":
        return _contract_labels(store, cutoffs)
    return _inactivity_labels(store, cutoffs)


def _inactivity_labels(store: Store, cutoffs: Sequence[date]) -> list[Labels]:
    """Left: no event of the label's table in the window; what happens in the gap does not matter."""
    tests = []
    for number, cutoff in enumerate(cutoffs):
        window = window_of(store.params, cutoff)
        inside = f"day >= {day_number(window.start)} AND day < {day_number(window.end)}"
        tests.append(f"bool_or({inside}) AS c{number}")
    with store.connect() as connection:
        found = connection.execute(
            f"SELECT customer, {', '.join(tests)} FROM {store.scan(store.params.label.core_table)} GROUP BY 1"
        ).fetchnumpy()
    result = []
    for number in range(len(cutoffs)):
        left = np.full(store.n_customers, LEFT, dtype=np.int8)
        left[found["customer"][np.asarray(found[f"c{number}"], dtype=bool)]] = STAYED
        result.append(left)
    return result


def truth_sheet(store: Store, judged: Sequence[Cohort]) -> list[str]:
    """Return a line per cutoff: at risk, left, dropped, left out and why."""
    lines = []
    for cohort, found in zip(judged, labels(store, [cohort.cutoff for cohort in judged]), strict=True):
        window = window_of(store.params, cohort.cutoff)
        own = found[cohort.members]
        parts = [f"{len(own):,} at risk"]
        if window.mature_on <= store.watermark:
            kept = own >= STAYED
            left = int((own == LEFT).sum())
            share = f" ({left / kept.sum():.1%})" if kept.any() else ""
            parts.append(f"{left:,} left{share}")
            parts += [
                f"{int((own == code).sum()):,} dropped: {why}"
                for code, why in DROPPED.items()
                if (own == code).any()
            ]
        else:
            parts.append(f"label matures on {window.mature_on}")
        parts += [f"{count:,} left out: {why}" for why, count in cohort.excluded().items()]
        lines.append(f"{cohort.cutoff}: {', '.join(parts)}")
    return lines


@dataclass(frozen=True)
class Spells:
    """Merged contract spells, ordered by (customer, start): `[start, end)` in local day numbers."""

    customer: IntArray
    start: IntArray
    end: IntArray


def spells(store: Store) -> Spells:
    """Merge contracts that overlap or lie no more than `grace_days` apart into spells."""
    ended = "ended_at_day" if "ended_at_day" in store.tables["subscriptions"].columns else "NULL"
    with store.connect() as connection:
        found = connection.execute(
            f"SELECT customer, day AS started, coalesce({ended}, {NEVER})::INTEGER AS ended "
            f"FROM {store.scan('subscriptions')} ORDER BY 1, 2, 3"
        ).fetchnumpy()
    customer = np.asarray(found["customer"], dtype=np.int64)
    start, end = (np.asarray(found[name], dtype=np.int64) for name in ("started", "ended"))
    if len(customer) == 0:
        empty = np.zeros(0, dtype=np.int32)
        return Spells(empty, empty, empty)
    # One running maximum serves all customers: each customer's ends lie above all ends of those before.
    above = customer << 33
    latest_end = np.maximum.accumulate(above + end) - above
    new = np.ones(len(customer), dtype=bool)
    apart = start[1:] - latest_end[:-1] > store.params.label.grace_days
    new[1:] = (customer[1:] != customer[:-1]) | apart
    first = np.flatnonzero(new)
    return Spells(
        customer=customer[first].astype(np.int32),
        start=start[first].astype(np.int32),
        end=np.maximum.reduceat(end, first).astype(np.int32),
    )


def _contract_labels(store: Store, cutoffs: Sequence[date]) -> list[Labels]:
    """Left: the end of the spell that runs at the cutoff lies in the window.

    A member of the cohort has such a spell: the contract in force then is part of it. What became known late
    cannot move its end before the cutoff, as spells only grow.
    """
    merged = spells(store)
    result = []
    for cutoff in cutoffs:
        window = window_of(store.params, cutoff)
        begun = np.flatnonzero(merged.start < day_number(cutoff))
        ends = np.full(store.n_customers, -1, dtype=np.int64)
        ends[merged.customer[begun]] = merged.end[begun]  # in order, so each customer's latest spell stays
        label = np.full(store.n_customers, STAYED, dtype=np.int8)
        label[(ends >= day_number(cutoff)) & (ends < day_number(window.start))] = ENDS_IN_GAP
        label[(ends >= day_number(window.start)) & (ends < day_number(window.end))] = LEFT
        result.append(label)
    return result
