"""Which facts about the scored nights the figures need; a class in `churn/scoring` reads these facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol


class NightReader(Protocol):
    """Reads the scored nights of an output folder."""

    @property
    def nights(self) -> Sequence[date]:
        """Return the nights, the earliest first."""

    def counts(self, night: date) -> tuple[int, Mapping[str, int]]:
        """Return the number of scored customers of a night, and the number of customers who were not scored,
        by reason.
        """

    def first_families(self, night: date) -> Mapping[str, str | None]:
        """Return the signal family of each scored customer's first reason; None if there is no reason."""
