"""What customers do in the product: logins, interactions, referrals."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.columns import Cells, Chunk, known_later, labels, office_time, stamps
from churn.demo.life import AFTERGLOW
from churn.demo.world import Array, seconds_at

INTERACTIONS = ("search", "report", "export", "upload", "share", "comment", "dashboard", "api")
LATE_SHARE = 0.01


def logins(chunk: Chunk) -> pa.Table:
    """Return logins: fewer from the first days of trouble, hardly any once a request is made."""
    rng = chunk.streams.get("logins")
    cells = chunk.in_force()
    rate = _use(chunk, cells) * chunk.people.use_level.astype(np.float32)[cells.who]
    happened = _expand(rng, cells, rate)
    strays = chunk.flagged(AFTERGLOW)
    strays = strays.take(rng.random(len(strays)) < 0.004)
    who, day = np.concatenate([happened.who, strays.who]), np.concatenate([happened.day, strays.day])
    return _events(chunk, rng, who, day)


def interactions(chunk: Chunk) -> pa.Table:
    """Return interactions: with trouble they become fewer and of fewer kinds."""
    rng = chunk.streams.get("interactions")
    cells = chunk.in_force()
    level = 0.50 * chunk.people.use_level.astype(np.float32) ** 0.9
    happened = _expand(rng, cells, _use(chunk, cells) * level[cells.who])
    narrow = happened.by_phase("usage_fading", 1.0, 0.8, 0.6, 0.4)
    narrow = narrow * happened.by_phase("champion_lost", 1.0, 0.7, 0.45, 0.35)
    breadth = np.maximum(chunk.people.breadth[happened.who] * narrow, 1.0)
    rank = (rng.random(len(happened), dtype=np.float32) ** 1.6 * breadth).astype(np.int64)
    kind = (rank * 3 + chunk.people.name[happened.who]) % len(INTERACTIONS)
    quantity = 1 + rng.geometric(0.45, len(happened)) // 2
    table = _events(chunk, rng, happened.who, happened.day)
    return table.append_column("kind", labels(kind, INTERACTIONS)).append_column(
        "quantity", pa.array(quantity.astype(np.int32))
    )


def referrals(chunk: Chunk) -> pa.Table:
    """Return recommendations to others: none from those who had a bad experience."""
    rng = chunk.streams.get("referrals")
    cells = chunk.in_force()
    mood = np.clip(chunk.people.mood_level - 7.0, 0.2, 3.0).astype(np.float32)
    rate = 0.0011 * mood[cells.who] * cells.by_phase("bad_experience", 1.0, 0.2, 0.0, 0.0)
    made = cells.take(rng.random(len(cells), dtype=np.float32) < rate * ~cells.pending)
    return pa.table(
        {
            "customer_id": chunk.customer_id(made.who),
            "happened_at": stamps(seconds_at(made.day, office_time(rng, len(made)))),
        }
    )


def _use(chunk: Chunk, cells: Cells) -> Array:
    """Return how much of the usual use is left on each customer-day, with noise from week to week."""
    rng = chunk.streams.get("use")
    weeks = w.HISTORY_DAYS // 7 + 1
    noise = np.exp(rng.normal(-0.02, 0.20, (len(chunk.people), weeks)).astype(np.float32))
    use = w.USE_BY_DAY[cells.day] * noise[cells.who, cells.day // 7]
    use *= cells.by_phase("usage_fading", 1.0, 0.45, 0.22, 0.10)
    use *= cells.by_phase("champion_lost", 1.0, 0.45, 0.22, 0.10)
    use *= cells.by_phase("bad_experience", 1.0, 0.75, 0.55, 0.40)
    use *= cells.by_phase("away", 1.0, 0.10, 0.10, 0.10)
    use *= np.where(cells.pending, np.float32(0.45), np.float32(1.0))
    left: Array = use
    return left


def _expand(rng: np.random.Generator, cells: Cells, rate: Array) -> Cells:
    """Draw how often something happens in each cell, one row for each time."""
    return cells.take(np.repeat(np.arange(len(cells)), rng.poisson(rate)))


def _events(chunk: Chunk, rng: np.random.Generator, who: Array, day: Array) -> pa.Table:
    happened = seconds_at(day, office_time(rng, len(who)))
    known, late = known_later(rng, happened, LATE_SHARE)
    return pa.table(
        {
            "customer_id": chunk.customer_id(who),
            "happened_at": stamps(happened),
            "known_at": stamps(known),
            "late": pa.array(late),
        }
    )
