"""The experiments that are simulated: churn without contact, share of the control, number of units."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

CHURN = (0.01, 0.03, 0.10)
CONTROL_SHARES = (0.05, 0.10, 0.50)


class Cell(NamedTuple):
    """A kind of experiment.

    Attributes:
        churn: The churn without contact.
        control_share: The share of the control.
    """

    churn: float
    control_share: float


CELLS = tuple(Cell(*pair) for pair in product(CHURN, CONTROL_SHARES))
