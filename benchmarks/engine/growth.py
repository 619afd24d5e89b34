"""How the engine's cost grows: a power fitted through the sizes, and what one more unit costs."""

from __future__ import annotations

import math
from collections.abc import Sequence


def power(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the exponent `b` of `cost = a * size^b`, by least squares on logarithms."""
    return _slope([math.log(size) for size in sizes], [math.log(cost) for cost in costs])


def per_unit(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return what one more unit costs, by least squares on a straight line."""
    return _slope(sizes, costs)


def _slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - x_mean) ** 2 for x in xs)
