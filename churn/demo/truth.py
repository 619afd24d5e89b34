"""What only a simulation can know: each customer's true chance of leaving, and the troubles behind it.

Written apart from the company's folder, and read by tests only.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from churn.demo import episodes, hazard
from churn.demo import world as w
from churn.demo.columns import Chunk, labels
from churn.demo.life import QUICK_RETURN, Standing, billing_day
from churn.demo.world import Array

_KINDS_OF = {
    family: [position for position, kind in enumerate(episodes.KINDS) if family in kind.families]
    for family in episodes.FAMILIES
}


def probabilities(chunk: Chunk) -> pa.Table:
    """Return one row a customer and cutoff: the chance to leave in `[cutoff, cutoff + 31 d)`, the troubles.

    Only customers in force at the cutoff with no request pending. `left` is what came of it, missing where
    the grace period after the window has not passed.
    """
    return pa.concat_tables([_at(chunk, standing) for standing in chunk.life.standings])


def _at(chunk: Chunk, standing: Standing) -> pa.Table:
    requested, dunned = chance_of_leaving(chunk, standing)
    left, matured = _realised(chunk, standing)
    raised = {
        family: pa.array((standing.phase[kinds] > 0).any(axis=0)) for family, kinds in _KINDS_OF.items()
    }
    size = len(standing.who)
    return pa.table(
        {
            "customer_id": chunk.customer_id(standing.who),
            "cutoff": pa.array([w.date_of(standing.day)] * size, type=pa.date32()),
            "probability": pa.array(requested + dunned),
            "probability_request": pa.array(requested),
            "probability_payment": pa.array(dunned),
            **raised,
            "left": pa.array(left.astype(np.int8), mask=np.full(size, not matured)),
        }
    )


def chance_of_leaving(chunk: Chunk, standing: Standing) -> tuple[Array, Array]:
    """Return the exact chances that the merged spell ends in the window, by request and by dunning.

    The distribution over phases of every kind is carried forward day by day. Kinds are independent and their
    hazards add up, so the chance of still being here is the product of the kinds' chances. A request counts
    only if its notice runs out inside the window, and an end only if no quick return mends the spell.
    Both have shape [customer of the standing].
    """
    people, who, start = chunk.people, standing.who, standing.start
    size, kinds = len(who), range(len(episodes.KINDS))
    shares = [np.stack([standing.phase[k] == p for p in range(episodes.PHASES)]).astype(float) for k in kinds]
    base, staying, paying = np.zeros(size), np.ones(size), np.ones(size)
    requested, dunned = np.zeros(size), np.zeros(size)
    bill_day, last = billing_day(start), standing.day + w.HORIZON_DAYS - 1
    begun = np.full(len(people), w.FAR)
    begun[who] = start
    for day in range(standing.day, last + 1):
        billing = bill_day == w.day_of_month(day)
        expired = hazard.card_just_expired(people, day)[who]
        appetite = hazard.appetite(people, begun, day)[who]
        base += appetite * hazard.BASE_HAZARD
        stay = np.exp(-base)
        for k in kinds:
            shares[k] = episodes.spread(k, shares[k], people.onset[k, who], billing, expired)
            strength = 1.0 if k == episodes.PAYMENT else appetite
            shares[k] = shares[k] * np.exp(-np.multiply.outer(episodes.HAZARD[k], strength * np.ones(size)))
            if k != episodes.PAYMENT:
                stay = stay * shares[k].sum(axis=0)
        pay = shares[episodes.PAYMENT].sum(axis=0)
        renewal = hazard.next_renewal(people, begun, day)[who]
        in_time = np.where(renewal <= last, 1.0, hazard.chance_of_notice_within(last - day))
        requested += paying * (staying - stay) * in_time
        dunned += stay * (paying - pay)
        staying, paying = stay, pay
    final = 1.0 - QUICK_RETURN[0]
    return requested * final, dunned * final


def _realised(chunk: Chunk, standing: Standing) -> tuple[Array, bool]:
    spells = chunk.life.spells
    merged = spells.merged_end()
    after = np.searchsorted(_key(spells.who, spells.start), _key(standing.who, standing.day))
    end = merged[after - 1]
    matured = standing.day + w.HORIZON_DAYS + w.GRACE_DAYS <= w.HISTORY_DAYS
    return (end >= standing.day) & (end < standing.day + w.HORIZON_DAYS), matured


def _key(who: Array, day: Array | int) -> Array:
    """Return numbers that order by customer, then day."""
    key: Array = who.astype(np.int64) * 10_000 + (day + 5_000)
    return key


def troubles(chunk: Chunk) -> pa.Table:
    """Return every episode: its first day, the day it was over (missing while it lasts), its worst phase."""
    parts = []
    for k in range(len(episodes.KINDS)):
        phase = ((chunk.life.phases >> np.uint16(2 * k)) & 3).astype(np.int8)
        phase[(chunk.life.status & 3) == 0] = 0
        # One quiet column at either end: an episode never runs on into the next customer.
        edged = np.pad(phase, ((0, 0), (1, 1)))
        active = (edged > 0).astype(np.int8).ravel()
        begins, ends = np.flatnonzero(np.diff(active) > 0) + 1, np.flatnonzero(np.diff(active) < 0) + 1
        width = w.HISTORY_DAYS + 2
        who, first = begins // width, begins % width - 1
        until = ends % width - 1
        worst = np.maximum.reduceat(edged.ravel(), begins) if len(begins) else np.zeros(0, dtype=np.int8)
        parts.append(
            pa.table(
                {
                    "customer_id": chunk.customer_id(who),
                    "kind": labels(np.full(len(who), k), episodes.NAMES),
                    "began_on": _dates(first),
                    "over_on": _dates(until, missing=until >= w.HISTORY_DAYS),
                    "worst_phase": pa.array(worst),
                }
            )
        )
    return pa.concat_tables(parts)


def leavers(chunk: Chunk) -> pa.Table:
    """Return every spell that ended: when that was asked for (missing for dunning), when it was, and why."""
    spells = chunk.life.spells
    gone = np.flatnonzero(spells.end < w.FAR)
    asked = spells.requested[gone]
    causes = ("no trouble", *episodes.NAMES)
    return pa.table(
        {
            "customer_id": chunk.customer_id(spells.who[gone]),
            "requested_on": _dates(asked, missing=asked >= w.FAR),
            "ended_on": _dates(spells.end[gone]),
            "for_good": pa.array(spells.merged_end()[gone] == spells.end[gone]),
            "by_payment": pa.array(spells.by_dunning[gone]),
            "cause": labels(spells.cause[gone] + 1, causes),
        }
    )


def _dates(days: Array, missing: Array | None = None) -> pa.Array:
    safe = days if missing is None else np.where(missing, 0, days)
    since_1970 = (safe + (w.FIRST_DAY - date(1970, 1, 1)).days).astype(np.int32)
    return pa.array(since_1970, mask=missing).cast(pa.date32())
