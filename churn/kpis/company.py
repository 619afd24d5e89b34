"""What the figures are computed from: the store, and the facts that several sections of figures need.

The store is opened once, and each fact is read at most once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from churn.data.store import Store, date_of_day, day_number
from churn.kpis.activity import month_bounds, week_bounds
from churn.kpis.acts import Joiners, nobody_joined, read_joiners
from churn.kpis.figure import Period
from churn.kpis.lives import FirstLives, first_event_day, read_first_lives
from churn.kpis.observed_churn import Outcomes, matured_months, read_outcomes
from churn.kpis.orders import OrderTally, OrderTerms
from churn.kpis.past_nights import NightReader
from churn.kpis.periods import CALENDAR_KINDS, complete_periods, latest_period
from churn.kpis.segments import Segmentation, all_customers, read_segmentations
from churn.kpis.shared_rows import PassTerms, SharedRows, read_shared_rows
from churn.kpis.spells import ActivitySpells, read_contract_spells
from churn.kpis.stages import StagesOfPlaybook, read_stages
from churn.kpis.voice_rows import Answers, ContactDays, Tickets, read_answers, read_contacts, read_tickets


@dataclass(frozen=True)
class Company:
    """The store of the company, as it was known at a cutoff.

    A fact that several sections of figures need is read at most once.

    Attributes:
        store: The store.
        cutoff: Only what happened and was known before this midnight counts.
        nights: Reads the scored nights up to the cutoff; None if there are no nights.
    """

    store: Store
    cutoff: date
    nights: NightReader | None = None

    @cached_property
    def spells(self) -> ActivitySpells:
        """Return when each customer was active, by the definition of the label; call this only if the label
        defines who is active.
        """
        spells = self.known_spells
        # this is None only if every customer can have the label's event
        assert spells is not None
        return spells

    @cached_property
    def known_spells(self) -> ActivitySpells | None:
        """Return when each customer was active; None if the label does not define who is active.

        If every customer can have the label's event, the label does not define who is active.
        """
        if self.store.params.label.active_table == "subscriptions" and self.has_contracts:
            return read_contract_spells(self.store, self.cutoff)
        return self.shared_rows.spells

    @property
    def has_contracts(self) -> bool:
        """Return whether contracts decide which customers are active."""
        label = self.store.params.label
        return label.active_table == "subscriptions" and label.kind != "inactivity"

    @cached_property
    def first_lives(self) -> FirstLives:
        """Return the first spell of activity of each customer.

        The result also holds `complete_from`, the first day of complete data.
        """
        return read_first_lives(self.store, self.spells, self.cutoff)

    @cached_property
    def complete_from(self) -> date:
        """Return the first day of complete data: from this day on, the data show each customer who leaves."""
        if self.store.params.label.kind == "contract":
            return date_of_day(self.first_lives.complete_from)
        return date_of_day(first_event_day(self.store, self.cutoff))

    @cached_property
    def months(self) -> tuple[date, ...]:
        """Return the past cutoffs with a matured label: first days of months, at most the latest twelve."""
        params = self.store.params
        return matured_months(params.label, params.snapshot.late_days, self.complete_from, self.cutoff)

    @cached_property
    def month_bounds(self) -> tuple[date, ...]:
        """Return the first day of each of the last complete months, then the day after the last month.

        Days for which it is not yet certain who was active are left out.
        """
        return month_bounds(self.complete_from, self.cutoff, self._wait_days)

    @cached_property
    def week_bounds(self) -> tuple[date, ...]:
        """Return the first day of each of the last complete weeks, then the day after the last week.

        Days for which it is not yet certain who was active are left out.
        """
        return week_bounds(self.complete_from, self.cutoff, self._wait_days)

    @property
    def _wait_days(self) -> int:
        """Return the number of days to wait after a day until it is certain who was active on that day."""
        params = self.store.params
        return self.spells.wait_days if params.label.kind == "contract" else params.snapshot.late_days

    @cached_property
    def outcomes(self) -> Outcomes:
        """Return which customers left after each cutoff of `months`."""
        return read_outcomes(self.store, self.months)

    @cached_property
    def joiners(self) -> Joiners:
        """Return the customers who signed up on or after the first day of complete data."""
        return read_joiners(self.store, day_number(self.complete_from), self.cutoff)

    @cached_property
    def shared_rows(self) -> SharedRows:
        """Read the rows of the store, and return the facts that several sections of figures need.

        If the label is of kind event, the facts about leaving are not read, because such a label does not say
        who leaves.
        """
        is_event = self.store.params.label.is_event
        terms = PassTerms(
            cutoff=self.cutoff,
            months=() if is_event else self.months,
            bounds=() if is_event else self.month_bounds,
            joiners=nobody_joined() if is_event else self.joiners,
            orders=self._order_tally(),
        )
        return read_shared_rows(self.store, terms)

    def _order_tally(self) -> OrderTally | None:
        first = self.first_day_of("orders")
        if first is None:
            return None
        terms, columns = self.store.params.kpis, self.store.tables["orders"].columns
        return OrderTally(
            self.periods_of_table("orders"),
            self.segmentations,
            OrderTerms(
                revenue=terms.revenue,
                repeat_days=terms.repeat_days,
                return_days=terms.return_days,
                has_returns="returned_at_day" in columns,
                has_units="units" in columns,
            ),
            first=first,
            cutoff=self.cutoff,
        )

    @cached_property
    def stages(self) -> StagesOfPlaybook:
        """Return the stage in which the playbook puts each customer, on each day that the figures need.

        The properties `month_bounds`, `week_bounds` and `months` list these days.
        """
        days = tuple(sorted({*self.month_bounds, *self.week_bounds, *self.months}))
        return read_stages(self.store, days)

    @cached_property
    def answers(self) -> Answers | None:
        """Return the ratings given before the cutoff; None if there are none."""
        return read_answers(self.store, self.cutoff)

    @cached_property
    def tickets(self) -> Tickets | None:
        """Return the tickets opened before the cutoff; None if there are none."""
        return read_tickets(self.store, self.cutoff)

    @cached_property
    def contacts(self) -> ContactDays | None:
        """Return the days on which customers were contacted; None if the store has no contacts."""
        return read_contacts(self.store, self.cutoff)

    @cached_property
    def segmentations(self) -> tuple[Segmentation, ...]:
        """Return the divisions of the customers into segments.

        The first division is a single segment of all customers; then comes one division by each attribute of
        `kpis.segments`.
        """
        params = self.store.params
        parts = read_segmentations(self.store, params.kpis.segments, params.locate("kpis.segments"))
        return (all_customers(self.store.n_customers), *parts)

    @cached_property
    def retention_periods(self) -> Mapping[str, tuple[Period, ...]]:
        """Return the complete weeks, months and quarters for figures about retention.

        The periods begin on the first day on which the data show two things: which customers are active, and
        which customers leave.
        """
        return self.periods_since(date_of_day(self.spells.first_day))

    @property
    def event_periods(self) -> Mapping[str, tuple[Period, ...]]:
        """Return the complete weeks, months and quarters for the figures of the label's event.

        The periods begin on the first day on which the data show two things: which customers can have the
        event, and which customers have it.
        """
        label, first_days = self.store.params.label, [self.first_day_of(self.store.params.label.core_table)]
        if label.active_table is not None:
            active_from = self.first_day_of(label.active_table)
            waits = active_from is not None and not self.has_contracts
            first_days.append(
                active_from + timedelta(label.days_active) if waits and active_from else active_from
            )
        known = [day for day in first_days if day is not None]
        return self.periods_since(max(known) if len(known) == len(first_days) else self.cutoff)

    @property
    def latest_month(self) -> Period:
        """Return the latest complete month. A figure without a value for any period is reported as missing
        for this month.
        """
        return latest_period("month", self.cutoff)

    def periods_since(self, first: date) -> Mapping[str, tuple[Period, ...]]:
        """Return the complete weeks, months and quarters from the day `first` to the cutoff, by kind of
        period.
        """
        return {kind: complete_periods(kind, first, self.cutoff) for kind in CALENDAR_KINDS}

    def first_day_of(self, table: str) -> date | None:
        """Return the day of a table's first row before the cutoff; None if the table has no such row."""
        first = self.store.tables[table].first_day if self.store.has(table) else None
        day = None if first is None else date_of_day(first)
        return day if day is not None and day < self.cutoff else None

    def periods_of_table(self, table: str) -> Mapping[str, tuple[Period, ...]]:
        """Return the complete periods since the first row of a table, by kind of period; none for an empty
        table.
        """
        return self.periods_since(self.first_day_of(table) or self.cutoff)
