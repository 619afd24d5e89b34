"""What the company mails, and what becomes of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.columns import Cells, Chunk, labels, so_far, stamps
from churn.demo.world import Array, seconds_at

TUESDAY = 1
CAMPAIGNS = ("newsletter", "product_news", "tips", "invitation")


def emails(chunk: Chunk) -> pa.Table:
    """Return a newsletter most Tuesdays and a few others; whoever unsubscribes gets no more.

    Mails go on for two weeks after somebody has left, and are then rarely opened.
    """
    rng = chunk.streams.get("emails")
    cells = chunk.mailable()
    newsletter = w.WEEKDAY[cells.day] == TUESDAY
    sent = cells.take(rng.random(len(cells), dtype=np.float32) < np.where(newsletter, 0.85, 0.075))
    size = len(sent)
    opened = rng.random(size) < _chance_to_open(chunk, sent)
    clicked = opened & (rng.random(size) < 0.30)
    annoyed = sent.by_phase("mail_fatigue", 0.0006, 0.004, 0.010, 0.020)
    unsubscribed = rng.random(size) < annoyed * np.where(opened, 1.0, 0.35)
    kept = ~_earlier(sent.who, unsubscribed)
    sent, opened, clicked, unsubscribed = sent.take(kept), opened[kept], clicked[kept], unsubscribed[kept]
    size = len(sent)

    number = np.where(w.WEEKDAY[sent.day] == TUESDAY, 0, rng.integers(1, len(CAMPAIGNS), size))
    sent_at = seconds_at(sent.day, 7 * 3600 + rng.integers(0, 1800, size))
    opened_at = sent_at + (np.exp(rng.normal(9.6, 1.3, size))).astype(np.int64).clip(40, 12 * w.DAY_SECONDS)
    clicked_at = opened_at + rng.integers(5, 900, size)
    unsubscribed_at = np.where(opened, opened_at, sent_at + 3600) + 60
    return pa.table(
        {
            "customer_id": chunk.customer_id(sent.who),
            "sent_at": stamps(sent_at),
            "opened_at": stamps(so_far(opened_at, opened)),
            "clicked_at": stamps(so_far(clicked_at, clicked)),
            "unsubscribed_at": stamps(so_far(unsubscribed_at, unsubscribed)),
            "campaign": labels(number, CAMPAIGNS),
        }
    )


def _chance_to_open(chunk: Chunk, sent: Cells) -> Array:
    chance = chunk.people.open_level.astype(np.float32)[sent.who]
    chance = chance * sent.by_phase("mail_fatigue", 1.0, 0.30, 0.10, 0.04)
    chance *= sent.by_phase("champion_lost", 1.0, 0.60, 0.30, 0.18)
    chance *= sent.by_phase("away", 1.0, 0.35, 0.35, 0.35)
    left = (sent.status & 3) == 0
    chance *= np.where(left, 0.25, np.where(sent.pending, 0.6, 1.0))
    return chance


def _earlier(who: Array, event: Array) -> Array:
    """Return whether the same customer had the event in an earlier row; rows are ordered by customer."""
    before = np.cumsum(event) - event
    first_row = np.concatenate([[True], who[1:] != who[:-1]]) if len(who) else np.zeros(0, dtype=bool)
    at_first = np.maximum.accumulate(np.where(first_row, before, 0))
    earlier: Array = before > at_first
    return earlier
