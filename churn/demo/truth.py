"""Compute each customer's true probability of leaving, and the troubles that raise it.

In a real company nobody knows these facts. The tables of the truth are written to a folder outside the folder
of the company. Only tests and benchmarks read this folder.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn.demo import troubles
from churn.demo import world as w
from churn.demo.columns import Chunk, categories
from churn.demo.life import (
    BASE_HAZARD,
    QUICK_RETURN,
    CutoffState,
    billing_day,
    card_just_expired,
    chance_of_notice_within,
    hazard_factor,
    next_renewal,
)
from churn.demo.world import Values

_TROUBLES_BY_FAMILY = {
    family: [index for index, trouble in enumerate(troubles.TROUBLES) if family in trouble.families]
    for family in troubles.TROUBLE_FAMILIES
}


def true_probabilities(chunk: Chunk) -> pa.Table:
    """Return one row for each customer and cutoff, with the probability of leaving in
    `[cutoff, cutoff + 31 d)`.

    The rows are the customers whose contract runs at the cutoff and who have not asked to leave. For each
    family of signals, a column says whether the customer has a trouble that shows in this family. `left` is
    the outcome; it is missing until the grace period after the window has passed.
    """
    return pa.concat_tables([_probabilities_at(chunk, state) for state in chunk.life.cutoff_states])


def _probabilities_at(chunk: Chunk, state: CutoffState) -> pa.Table:
    by_request, by_dunning = chance_of_leaving(chunk, state)
    left, matured = _outcome(chunk, state)
    trouble_shows = {
        family: pa.array((state.phase[indices] > 0).any(axis=0))
        for family, indices in _TROUBLES_BY_FAMILY.items()
    }
    size = len(state.customer)
    return pa.table(
        {
            "customer_id": chunk.customer_id(state.customer),
            "cutoff": pa.array([w.date_of(state.day)] * size, type=pa.date32()),
            "probability": pa.array(by_request + by_dunning),
            "probability_request": pa.array(by_request),
            "probability_payment": pa.array(by_dunning),
            **trouble_shows,
            "left": pa.array(left.astype(np.int8), mask=np.full(size, not matured)),
        }
    )


def chance_of_leaving(chunk: Chunk, state: CutoffState) -> tuple[Values, Values]:
    """Return the exact probabilities that each customer leaves in the window after the cutoff: by a request,
    and by unpaid bills (dunning).

    Each trouble has four phases, from 0 (no trouble) to 3. The probability of each phase is computed day by
    day. Troubles are independent and their hazards add up, so the probability of staying is a product with
    one factor for each trouble. A request to leave counts only if the contract ends inside the window. A
    customer who returns soon has not left.

    Args:
        chunk: The chunk of customers.
        state: The hidden state of the customers at a cutoff.

    Returns:
        The probabilities of leaving by a request, and those of leaving by unpaid bills; each array has one
        number for each customer in `state`.
    """
    people, customer, start = chunk.people, state.customer, state.start
    size, indices = len(customer), range(len(troubles.TROUBLES))
    phases = range(troubles.PHASES)
    shares = [np.stack([state.phase[k] == phase for phase in phases]).astype(float) for k in indices]
    base, no_request, no_dunning = np.zeros(size), np.ones(size), np.ones(size)
    by_request, by_dunning = np.zeros(size), np.zeros(size)
    bill_day, last = billing_day(start), state.day + w.LABEL_HORIZON_DAYS - 1
    start_of = np.full(len(people), w.FAR)
    start_of[customer] = start
    for day in range(state.day, last + 1):
        billing = bill_day == w.day_of_month(day)
        card_expired = card_just_expired(people, day)[customer]
        factor = hazard_factor(people, start_of, day)[customer]
        base += factor * BASE_HAZARD
        no_request_today = np.exp(-base)
        for k in indices:
            onset = people.onset[k, customer]
            shares[k] = troubles.advance_shares(k, shares[k], onset, billing, card_expired)
            scale = 1.0 if k == troubles.PAYMENT_TROUBLE else factor
            shares[k] = shares[k] * np.exp(-np.multiply.outer(troubles.HAZARD[k], scale * np.ones(size)))
            if k != troubles.PAYMENT_TROUBLE:
                no_request_today = no_request_today * shares[k].sum(axis=0)
        no_dunning_today = shares[troubles.PAYMENT_TROUBLE].sum(axis=0)
        renewal = next_renewal(people, start_of, day)[customer]
        in_time = np.where(renewal <= last, 1.0, chance_of_notice_within(last - day))
        by_request += no_dunning * (no_request - no_request_today) * in_time
        by_dunning += no_request_today * (no_dunning - no_dunning_today)
        no_request, no_dunning = no_request_today, no_dunning_today
    final = 1.0 - QUICK_RETURN[0]
    return by_request * final, by_dunning * final


def _outcome(chunk: Chunk, state: CutoffState) -> tuple[Values, bool]:
    spells = chunk.life.spells
    merged_end = spells.merged_end()
    spell_number = np.searchsorted(_key(spells.customer, spells.start), _key(state.customer, state.day))
    end = merged_end[spell_number - 1]
    matured = state.day + w.LABEL_HORIZON_DAYS + w.LABEL_GRACE_DAYS <= w.HISTORY_DAYS
    return (end >= state.day) & (end < state.day + w.LABEL_HORIZON_DAYS), matured


def _key(customer: Values, day: Values | int) -> Values:
    """Return a number for each pair of customer and day; it orders the pairs by customer, then by day."""
    key: Values = customer.astype(np.int64) * 10_000 + (day + 5_000)
    return key


def episodes(chunk: Chunk) -> pa.Table:
    """Return each episode of a trouble: its first day, its end (missing if it still lasts) and its worst
    phase.
    """
    parts = []
    for k in range(len(troubles.TROUBLES)):
        phase = ((chunk.life.phases >> np.uint16(2 * k)) & 3).astype(np.int8)
        phase[(chunk.life.status & 3) == 0] = 0
        # A day without trouble is added at both ends, so that no episode continues into the next customer.
        with_margins = np.pad(phase, ((0, 0), (1, 1)))
        active = (with_margins > 0).astype(np.int8).ravel()
        begins, ends = np.flatnonzero(np.diff(active) > 0) + 1, np.flatnonzero(np.diff(active) < 0) + 1
        width = w.HISTORY_DAYS + 2
        customer, first = begins // width, begins % width - 1
        until = ends % width - 1
        worst = (
            np.maximum.reduceat(with_margins.ravel(), begins) if len(begins) else np.zeros(0, dtype=np.int8)
        )
        parts.append(
            pa.table(
                {
                    "customer_id": chunk.customer_id(customer),
                    "kind": categories(np.full(len(customer), k), troubles.TROUBLE_NAMES),
                    "began_on": _dates(first),
                    "over_on": _dates(until, missing=until >= w.HISTORY_DAYS),
                    "worst_phase": pa.array(worst),
                }
            )
        )
    return pa.concat_tables(parts)


def churned_spells(chunk: Chunk) -> pa.Table:
    """Return one row for each spell (unbroken contract) that ended.

    A row holds the day of the request to leave, the end of the spell and the cause. If unpaid bills ended the
    spell, the day of the request is missing.
    """
    spells = chunk.life.spells
    rows = np.flatnonzero(spells.end < w.FAR)
    request_day = spells.request_day[rows]
    causes = ("no trouble", *troubles.TROUBLE_NAMES)
    return pa.table(
        {
            "customer_id": chunk.customer_id(spells.customer[rows]),
            "requested_on": _dates(request_day, missing=request_day >= w.FAR),
            "ended_on": _dates(spells.end[rows]),
            "for_good": pa.array(spells.merged_end()[rows] == spells.end[rows]),
            "by_payment": pa.array(spells.by_dunning[rows]),
            "cause": categories(spells.cause[rows] + 1, causes),
        }
    )


def _dates(days: Values, missing: Values | None = None) -> pa.Array:
    safe = days if missing is None else np.where(missing, 0, days)
    since_1970 = (safe + w.FIRST_DAY_NUMBER).astype(np.int32)
    return pa.array(since_1970, mask=missing).cast(pa.date32())
