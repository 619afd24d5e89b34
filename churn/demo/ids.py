"""Customer ids that give nothing away."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn.demo.world import Array


def customer_ids(numbers: Array, customers: int) -> pa.Array:
    """Return ids such as C000123: distinct, shuffled, and all of one length.

    Numbers are multiplied modulo a power of ten by a number without the factors 2 and 5, which maps them one
    to one. Numbers from `customers` on give ids that no customer has.
    """
    room = places(customers)
    shuffled = (numbers.astype(np.int64) * 618_033 + 271_829) % room
    return pa.array([f"C{number:0{len(str(room)) - 1}d}" for number in shuffled.tolist()])


def places(customers: int) -> int:
    """Return how many ids there are: a power of ten, at least a million and ten times the customers."""
    room = 1_000_000
    while room < 10 * customers:
        room *= 10
    return room
