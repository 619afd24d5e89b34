"""What customers say: surveys and support tickets."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.columns import Chunk, office_time, so_far, stamps
from churn.demo.world import Array, seconds_at

PRAISE = (
    "Works well for us.",
    "Quick and friendly.",
    "We use it daily.",
    "Gute Bedienung.",
    "Sehr zufrieden.",
)
BLAME = ("Too many errors.", "Not worth the price.", "Nobody answers.", "Leider oft langsam.", "Enttäuscht.")
COMMENT_SHARE = 0.3


def surveys(chunk: Chunk) -> pa.Table:
    """Return surveys about every six weeks; half are answered, and bad experiences pull the rating down."""
    rng = chunk.streams.get("surveys")
    cells = chunk.in_force()
    rate = cells.by_phase("bad_experience", 1 / 30, 1 / 12, 1 / 12, 1 / 12)
    asked = cells.take(rng.random(len(cells), dtype=np.float32) < rate * ~cells.pending)
    size = len(asked)
    answered = rng.random(size) < asked.by_phase("bad_experience", 0.58, 0.58, 0.55, 0.52)
    drop = asked.by_phase("bad_experience", 0.0, 3.0, 4.4, 5.2)
    drop += asked.by_phase("slow_support", 0.0, 1.6, 2.2, 2.6)
    rating = np.clip(np.round(chunk.people.mood_level[asked.who] - drop + rng.normal(0.0, 1.1, size)), 0, 10)
    asked_at = seconds_at(asked.day, office_time(rng, size))
    answered_at = so_far(asked_at + rng.integers(600, 4 * w.DAY_SECONDS, size), answered)
    silent = answered_at < 0
    return pa.table(
        {
            "customer_id": chunk.customer_id(asked.who),
            "asked_at": stamps(asked_at),
            "answered_at": stamps(answered_at),
            "rating": pa.array(rating.astype(np.int32), mask=silent),
            "comment": _comments(rng, rating, silent),
        }
    )


def tickets(chunk: Chunk) -> pa.Table:
    """Return support tickets: slow support answers late and brings more of them."""
    rng = chunk.streams.get("tickets")
    cells = chunk.in_force()
    rate = 0.011 * (0.4 + 0.6 * w.USE_BY_DAY[cells.day])
    rate *= cells.by_phase("slow_support", 1.0, 6.0, 8.0, 9.0)
    rate *= cells.by_phase("bad_experience", 1.0, 3.0, 4.0, 4.0)
    opened = cells.take(rng.random(len(cells), dtype=np.float32) < rate * ~cells.pending)
    size = len(opened)
    opened_at = seconds_at(opened.day, office_time(rng, size))
    slower = opened.by_phase("slow_support", 1.0, 4.5, 8.0, 10.0)
    reply_hours = np.minimum(np.exp(rng.normal(1.3, 0.8, size)) * slower, 480.0)
    replied_at = opened_at + (reply_hours * 3600).astype(np.int64)
    closed_at = replied_at + (np.exp(rng.normal(2.6, 1.0, size)) * np.sqrt(slower) * 3600).astype(np.int64)
    closes = rng.random(size) < np.where(slower > 1, 0.85, 0.97)
    rates = closes & (rng.random(size) < 0.4)
    sore = opened.by_phase("bad_experience", 0.0, 1.2, 1.8, 2.0)
    sore += opened.by_phase("slow_support", 0.0, 0.7, 1.2, 1.4)
    satisfaction = np.clip(np.round(4.3 - sore + rng.normal(0.0, 0.8, size)), 1, 5)
    closed_at = so_far(closed_at, closes)
    return pa.table(
        {
            "customer_id": chunk.customer_id(opened.who),
            "opened_at": stamps(opened_at),
            "first_reply_at": stamps(so_far(replied_at)),
            "closed_at": stamps(closed_at),
            "satisfaction": pa.array(satisfaction.astype(np.int32), mask=~rates | (closed_at < 0)),
            "due_at": stamps(opened_at + w.DAY_SECONDS),
        }
    )


def _comments(rng: np.random.Generator, rating: Array, silent: Array) -> pa.Array:
    words = PRAISE + BLAME
    picked = rng.integers(0, len(PRAISE), len(rating)) + np.where(rating <= 6, len(PRAISE), 0)
    missing = silent | (rng.random(len(rating)) >= COMMENT_SHARE)
    return pa.DictionaryArray.from_arrays(pa.array(picked.astype(np.int32), mask=missing), pa.array(words))
