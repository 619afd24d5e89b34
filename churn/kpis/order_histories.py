"""The order history of each customer: the days with orders, the time between them, and the money spent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn.features.language.reader import NEVER
from churn.kpis.order_rows import Orders

Floats = npt.NDArray[np.float64]

CENTS = 100


@dataclass(frozen=True)
class OrderHistories:
    """The order histories of the customers who have an order, `[customers]` each; orders of one day count as
    one.

    Attributes:
        repeats: The number of days with orders after the customer's first day with orders.
        recency: The days from the first day with orders to the last.
        age: The days from the first day with orders to the cutoff.
        paid_repeats: The number of days counted in `repeats` on which the customer spent more than 0. Orders
            that were returned count as 0.
        mean: The mean money spent on a day counted in `paid_repeats`, in currency; 0 if there is no such day.
    """

    repeats: Floats
    recency: Floats
    age: Floats
    paid_repeats: Floats
    mean: Floats

    def sample(self, size: int) -> OrderHistories:
        """Return every k-th customer, so that at most `size` remain."""
        step = max(1, -(-len(self.repeats) // size))
        return OrderHistories(
            self.repeats[::step],
            self.recency[::step],
            self.age[::step],
            self.paid_repeats[::step],
            self.mean[::step],
        )


class HistoryTally:
    """Collects the order histories of customers."""

    def __init__(self, cutoff: int) -> None:
        """Begin without an order; `cutoff` is the day number of the cutoff."""
        self._cutoff = cutoff
        self._pieces: list[tuple[Floats, ...]] = []

    def add(self, orders: Orders) -> None:
        """Add a batch of orders; it must hold all orders of its customers."""
        self._pieces.append(_histories_of(orders, self._cutoff))

    def histories(self) -> OrderHistories:
        """Return the histories of all customers."""
        if not self._pieces:
            empty = np.zeros(0)
            return OrderHistories(empty, empty, empty, empty, empty)
        return OrderHistories(*(np.concatenate(column) for column in zip(*self._pieces, strict=True)))


def _histories_of(orders: Orders, cutoff: int) -> tuple[Floats, ...]:
    money = np.where(orders.returned_on < NEVER, 0, orders.cents)
    begins = np.ones(len(orders), dtype=bool)
    begins[1:] = (orders.customer[1:] != orders.customer[:-1]) | (orders.day[1:] != orders.day[:-1])
    rows = np.flatnonzero(begins)
    customer, day = orders.customer[rows], orders.day[rows]
    money = np.add.reduceat(money, rows)
    is_first = np.ones(len(day), dtype=bool)
    is_first[1:] = customer[1:] != customer[:-1]
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], len(day)) - 1
    is_paid_repeat = ~is_first & (money > 0)
    count = np.add.reduceat(is_paid_repeat.astype(np.int64), first)
    total = np.add.reduceat(np.where(is_paid_repeat, money, 0), first) / CENTS
    return (
        (last - first).astype(np.float64),
        (day[last] - day[first]).astype(np.float64),
        (cutoff - day[first]).astype(np.float64),
        count.astype(np.float64),
        total / np.maximum(count, 1),
    )
