"""What customers pay and buy: payments and orders."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.columns import STATUS_BITS, Cells, Chunk, known_later, office_time, so_far, stamps
from churn.demo.episodes import NAMES
from churn.demo.life import BILLED, GONE, START_SECOND, STARTING
from churn.demo.world import Array, seconds_at

LATE_SHARE = 0.01
UNPAID_PHASE = 2
"""From this phase of payment trouble on a charge has failed and is not recovered yet."""


def payments(chunk: Chunk) -> pa.Table:
    """Return one invoice a month: late in early trouble, failed and open while it is not recovered."""
    rng = chunk.streams.get("payments")
    due = chunk.flagged(BILLED)
    size = len(due)
    phase = due.phase("payment_trouble")
    unpaid = phase >= UNPAID_PHASE
    recovered = _recovery_day(chunk, due, unpaid)
    punctual = rng.gamma(1.2, 0.8, size)
    careless = np.where(rng.random(size) < 0.05, rng.uniform(3.0, 11.0, size), punctual)
    delay_days = np.where(phase == 1, rng.uniform(4.0, 22.0, size), careless)
    due_at = seconds_at(due.day, np.where(due.status & STARTING, START_SECOND, 0))
    paid_in_time = due_at + (delay_days * w.DAY_SECONDS).astype(np.int64) + 6 * 3600
    paid_late = seconds_at(recovered, office_time(rng, size))
    # Every charge may fail once and go through on the second try: noise that means nothing.
    hiccup = ~unpaid & (rng.random(size) < np.where(phase == 1, 0.35, 0.008))
    failed = due_at + rng.integers(5 * 3600, 8 * 3600, size)
    paid = np.where(unpaid, paid_late, np.maximum(paid_in_time, failed + hiccup * w.DAY_SECONDS))
    return pa.table(
        {
            "customer_id": chunk.customer_id(due.who),
            "due_at": stamps(due_at),
            "amount": pa.array(chunk.people.price_on(due.who, due.day)),
            "paid_at": stamps(so_far(paid, ~unpaid | (recovered < w.FAR))),
            "failed_at": stamps(so_far(failed, unpaid | hiccup)),
            "card_expires_at": stamps(seconds_at(_card_on_file(chunk, due, phase))),
            "invoice_id": _invoice_ids(chunk, due),
        }
    )


def orders(chunk: Chunk) -> pa.Table:
    """Return orders of extras: fewer when spending shrinks, more often sent back after a bad experience."""
    rng = chunk.streams.get("orders")
    cells = chunk.in_force()
    rate = chunk.people.order_level.astype(np.float32)[cells.who] * (0.5 + 0.5 * w.USE_BY_DAY[cells.day])
    rate *= cells.by_phase("spending_less", 1.0, 0.35, 0.12, 0.05)
    rate *= cells.by_phase("champion_lost", 1.0, 0.60, 0.35, 0.25)
    # Stock runs down by an uneven amount a day, and whenever one unit is used up an order falls due: orders
    # come at a rhythm of the customer's own. A few are skipped.
    used = np.cumsum(rng.gamma(0.25, 4.0, len(cells)) * rate * np.where(cells.pending, 0.2, 1.0))
    falls_due = np.floor(used) > np.floor(np.concatenate([[0.0], used[:-1]]))
    made = cells.take(falls_due & (rng.random(len(cells)) < 0.92))
    size = len(made)
    shrunk = made.by_phase("spending_less", 1.0, 0.8, 0.6, 0.5)
    full = chunk.people.basket_level[made.who] * shrunk * np.exp(rng.normal(0.0, 0.45, size))
    reduced = rng.random(size) < 0.18
    discount = np.where(reduced, np.round(full * rng.uniform(0.05, 0.25, size), 2), 0.0)
    ordered = seconds_at(made.day, office_time(rng, size))
    known, late = known_later(rng, ordered, LATE_SHARE)
    back = rng.random(size) < made.by_phase("bad_experience", 0.035, 0.10, 0.14, 0.16)
    returned = ordered + rng.integers(3 * w.DAY_SECONDS, 25 * w.DAY_SECONDS, size)
    return pa.table(
        {
            "customer_id": chunk.customer_id(made.who),
            "ordered_at": stamps(ordered),
            "amount": pa.array(np.round(np.maximum(full - discount, 1.0), 2)),
            "returned_at": stamps(so_far(returned, back)),
            "units": pa.array(rng.geometric(0.4, size).astype(np.int32)),
            "discount": pa.array(discount),
            "known_at": stamps(known),
            "late": pa.array(late),
        }
    )


def _recovery_day(chunk: Chunk, due: Cells, unpaid: Array) -> Array:
    """Return the first day after the due day without an open charge; `FAR` if the customer is gone first."""
    day = np.full(len(due), w.FAR)
    waiting = np.flatnonzero(unpaid)
    shift = np.uint16(2 * NAMES.index("payment_trouble"))
    at = due.day[waiting].astype(np.int64)
    while len(waiting):
        at += 1
        inside = at < w.HISTORY_DAYS
        waiting, at = waiting[inside], at[inside]
        who = due.who[waiting]
        gone = (chunk.life.status[who, at] & STATUS_BITS) == GONE
        fine = ~gone & (((chunk.life.phases[who, at] >> shift) & 3) < UNPAID_PHASE)
        day[waiting[fine]] = at[fine]
        waiting, at = waiting[~gone & ~fine], at[~gone & ~fine]
    return day


def _card_on_file(chunk: Chunk, due: Cells, phase: Array) -> Array:
    """Return the last day of the card charged: the old one while trouble lasts, else renewed in time."""
    first = chunk.people.card_expires[due.who]
    stale = (phase > 0) & (due.day < first + 120)
    card: Array = np.where((due.day < first) | stale, first, first + 4 * w.YEAR_DAYS)
    return card


def _invoice_ids(chunk: Chunk, due: Cells) -> pa.Array:
    numbers = chunk.people.number[due.who].astype(np.int64) * 1000 + due.day
    return pa.array(np.char.add("I", numbers.astype("U12")).astype(object), type=pa.string())
