"""What the figures are computed from: the store, opened once, and facts that several sections share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from churn.data.store import Store, date_of_day
from churn.kpis.figure import Period
from churn.kpis.lives import FirstLives, read_first_lives
from churn.kpis.observed_churn import Outcomes, matured_months, read_outcomes
from churn.kpis.past_nights import NightReader
from churn.kpis.periods import CALENDAR_KINDS, complete_periods, latest_period
from churn.kpis.segments import Segmentation, all_customers, read_segmentations
from churn.kpis.spells import ActivitySpells, read_spells


@dataclass(frozen=True)
class Company:
    """The store as known at a cutoff. Each shared fact is read at most once.

    Attributes:
        store: The store.
        cutoff: Only what happened and was known before this midnight counts.
        nights: Reads the scored nights up to the cutoff; None without any.
    """

    store: Store
    cutoff: date
    nights: NightReader | None = None

    @cached_property
    def spells(self) -> ActivitySpells:
        """Return when each customer was active, by the definition of the label."""
        return read_spells(self.store, self.cutoff)

    @cached_property
    def first_lives(self) -> FirstLives:
        """Return the first spell of each customer, and from when on everybody who leaves is seen."""
        return read_first_lives(self.store, self.spells, self.cutoff)

    @cached_property
    def outcomes(self) -> Outcomes:
        """Return who left after the first day of each month of the last year whose label is matured."""
        params, first = self.store.params, date_of_day(self.first_lives.complete_from)
        months = matured_months(params.label, params.snapshot.late_days, first, self.cutoff)
        return read_outcomes(self.store, months)

    @cached_property
    def segmentations(self) -> tuple[Segmentation, ...]:
        """Return all customers as one part, then the division by each attribute of `kpis.segments`."""
        params = self.store.params
        parts = read_segmentations(self.store, params.kpis.segments, params.locate("kpis.segments"))
        return (all_customers(self.store.n_customers), *parts)

    @cached_property
    def retention_periods(self) -> Mapping[str, tuple[Period, ...]]:
        """Return the complete weeks, months and quarters since everybody who is active is seen."""
        return self.periods_since(date_of_day(self.spells.first_day))

    @property
    def latest_month(self) -> Period:
        """Return the latest complete month; figures that are missing as a whole are missing there."""
        return latest_period("month", self.cutoff)

    def periods_since(self, first: date) -> Mapping[str, tuple[Period, ...]]:
        """Return by kind the complete weeks, months and quarters from a first day to the cutoff."""
        return {kind: complete_periods(kind, first, self.cutoff) for kind in CALENDAR_KINDS}

    def first_day_of(self, table: str) -> date | None:
        """Return the day of the first row of a table before the cutoff; None if it has none."""
        first = self.store.tables[table].first_day if self.store.has(table) else None
        day = None if first is None else date_of_day(first)
        return day if day is not None and day < self.cutoff else None

    def periods_of_table(self, table: str) -> Mapping[str, tuple[Period, ...]]:
        """Return by kind the complete periods since the first row of a table; none for an empty table."""
        return self.periods_since(self.first_day_of(table) or self.cutoff)
