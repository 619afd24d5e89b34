"""Simulate the lives of customers day by day: contract spells, requests to leave, unpaid bills (dunning) and
returns of customers who had left.

A customer can have troubles, such as a bad experience. Each trouble has phases, from 0 (no trouble) to 3; see
`churn.demo.troubles`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from churn.demo import troubles
from churn.demo import world as w
from churn.demo.people import People
from churn.demo.world import FAR, YEAR_DAYS, Values, leaving_season

BASE_HAZARD = 0.00012
"""The daily hazard that an average customer without any trouble leaves; no table shows it."""
SETTLING_DAYS = 14
"""The number of days at the start of a spell in which nobody asks to leave."""
NOTICE_DAYS = (2, 14)
"""The smallest and the largest notice: a request takes effect after 2..14 days, all equally likely, or at the
end of a yearly term if that is earlier.
"""
RENEWAL_WINDOW_DAYS = 45

INACTIVE, IN_FORCE, PENDING = 0, 1, 2
CHARGE, AFTERGLOW, STARTING = 4, 8, 16
START_SECOND = 22 * 3600
"""The second of the day at which a spell begins; the events of the customer begin on the next day."""
AFTERGLOW_DAYS = 14
"""The number of days in which a customer who left still gets e-mails."""

QUICK_RETURN = (0.02, 5, 28)
LATE_RETURN = (0.14, 45, 150)
"""The probability of a late return, and the shortest and the longest absence in days. After a quick
return, the old and the new spell are merged (`Spells.merged_end`).
"""

_SHIFTS = (2 * np.arange(len(troubles.TROUBLES), dtype=np.uint16))[:, None]


def hazard_factor(people: People, start: Values, day: int) -> Values:
    """Return the factor on each customer's hazard of asking to leave; it depends on customer, tenure and
    season. Shape [customer].

    The factor is 0 in the first two weeks of a spell. With a yearly contract the factor is low until the
    renewal is near, and then high.

    Args:
        people: The customers of the chunk.
        start: The first day of each customer's spell, shape [customer].
        day: The day, counted from the first day of the history.
    """
    age = day - start
    tenure_factor = np.where(age < SETTLING_DAYS, 0.0, 1.0 + 1.4 * np.exp(-np.maximum(age, 0) / 80.0))
    days_ahead = next_renewal(people, start, day) - day
    renewal_factor = np.where(people.auto_renew, 2.6, 4.2)
    term_factor = np.where(
        ~people.yearly, 1.1, np.where(days_ahead <= RENEWAL_WINDOW_DAYS, renewal_factor, 0.45)
    )
    factor: Values = people.frailty * tenure_factor * term_factor * leaving_season(day)
    return factor


def next_renewal(people: People, start: Values, day: int) -> Values:
    """Return the first day after `day` on which a yearly term ends; `FAR` for customers with a monthly
    contract.
    """
    days_ahead = YEAR_DAYS - (day - start) % YEAR_DAYS
    renewal: Values = np.where(people.yearly, day + days_ahead, FAR)
    return renewal


def card_just_expired(people: People, day: int) -> Values:
    """Return whether each customer's card expired in the last month, `[day - 31 d, day]`. Shape
    [customer].
    """
    just_expired: Values = (people.card_expires <= day) & (day < people.card_expires + 31)
    return just_expired


def chance_of_notice_within(days: int) -> float:
    """Return the probability that the notice period is at most `days` days."""
    first, last = NOTICE_DAYS
    return min(max(days - first + 1, 0) / (last - first + 1), 1.0)


@dataclass(frozen=True)
class Spells:
    """Contract spells (unbroken contracts), ordered by customer and start. Shape [spell].

    `start`, `end` and `request_day` are days, counted from the first day of the history. `FAR` as the end or
    the request day means that there is none yet. `cause` is the index into `TROUBLES` of the trouble that led
    to the end, -1 for none.
    """

    customer: Values
    start: Values
    end: Values
    request_day: Values
    by_dunning: Values
    cause: Values

    def merged_end(self) -> Values:
        """Return the end of each spell; merged spells have the same end. Shape [spell].

        Two spells of a customer are merged if the gap between them is at most `LABEL_GRACE_DAYS` days. Both
        then have the end of the later spell.
        """
        if len(self.customer) == 0:
            return self.end
        returns_soon = np.zeros(len(self.customer), dtype=bool)
        same_customer = self.customer[1:] == self.customer[:-1]
        returns_soon[:-1] = same_customer & (self.start[1:] - self.end[:-1] <= w.LABEL_GRACE_DAYS)
        # Find the last spell of each merged group; the very last spell always ends a group.
        last_spell = np.where(returns_soon, len(returns_soon), np.arange(len(returns_soon)))
        last_spell = np.minimum.accumulate(last_spell[::-1])[::-1]
        merged_end: Values = self.end[last_spell]
        return merged_end


@dataclass(frozen=True)
class CutoffState:
    """The hidden state at the midnight of a cutoff, for customers whose contract runs and who have not asked
    to leave.

    `customer` holds the indices of these customers, [customer]. `start` holds the first day of each
    customer's spell, [customer]. `phase` holds the phase of each trouble of each customer, from 0 (no
    trouble) to 3, [trouble, customer].
    """

    day: int
    customer: Values
    start: Values
    phase: Values


@dataclass(frozen=True)
class Life:
    """The simulated lives of the customers of a chunk.

    `status` uint8 [customer, day]: INACTIVE, IN_FORCE or PENDING. A day can also have the flags CHARGE,
    STARTING and AFTERGLOW (has left, but still gets e-mails). `phases` uint16 [customer, day]: the phase
    (0..3) of each kind of trouble (see `TROUBLES`), two bits for each kind.
    """

    status: Values
    phases: Values
    spells: Spells
    cutoff_states: tuple[CutoffState, ...]


class LifeDraws(Protocol):
    """The random numbers that decide what happens to customers on each day."""

    def troubles(self, shape: tuple[int, int]) -> Values:
        """Draw a uniform random number in `[0, 1)` for each trouble of each customer, [trouble, customer].

        The number decides whether the trouble begins, grows, ends or stays as it is.
        """

    def chances(self, purpose: str, customer: Values) -> Values:
        """Draw a uniform random number in `[0, 1)` for each customer, [customer]."""

    def days(self, purpose: str, customer: Values, first: int, last: int) -> Values:
        """Draw for each customer a random number of days from `first` to `last` (included), [customer]."""


@dataclass(frozen=True)
class HistoryDraws:
    """The random numbers for the days of the simulated history: all are drawn one after another from one
    generator.
    """

    rng: np.random.Generator

    def troubles(self, shape: tuple[int, int]) -> Values:
        """Draw a uniform random number in `[0, 1)` for each trouble of each customer, [trouble, customer]."""
        return self.rng.random(shape, dtype=np.float32)

    def chances(self, purpose: str, customer: Values) -> Values:
        """Draw a uniform random number in `[0, 1)` for each customer, [customer]."""
        return self.rng.random(len(customer))

    def days(self, purpose: str, customer: Values, first: int, last: int) -> Values:
        """Draw for each customer a random number of days from `first` to `last` (included), [customer]."""
        return self.rng.integers(first, last + 1, len(customer))


@dataclass(frozen=True)
class DailyDraws:
    """The random numbers for one day after the simulated history: a customer's numbers depend only on seed,
    customer and day.

    So a contact with a customer changes no random number, neither of this customer nor of other customers.
    """

    get: Callable[[str], np.random.Generator]
    size: int

    def troubles(self, shape: tuple[int, int]) -> Values:
        """Draw a uniform random number in `[0, 1)` for each trouble of each customer, [trouble, customer]."""
        return self.get("life troubles").random(shape, dtype=np.float32)

    def chances(self, purpose: str, customer: Values) -> Values:
        """Return a uniform random number in `[0, 1)` for each customer, [customer]."""
        numbers: Values = self.get(f"life {purpose}").random(self.size)[customer]
        return numbers

    def days(self, purpose: str, customer: Values, first: int, last: int) -> Values:
        """Return for each customer a random number of days from `first` to `last` (included), [customer]."""
        numbers: Values = self.get(f"life {purpose}").integers(first, last + 1, self.size)[customer]
        return numbers


@dataclass(frozen=True)
class Shift:
    """How contacts change the hazards of one day. A factor of 1 changes nothing.

    Attributes:
        leave_factor: The factor on the hazard that a customer asks to leave, [customer].
        dunning_factor: The factor on the hazard that a customer loses the contract because of an unpaid bill,
            [customer].
        heal_factor: The factor on the probability that a trouble heals, [trouble, customer].
    """

    leave_factor: Values
    dunning_factor: Values
    heal_factor: Values


class LifeState:
    """The state of all customers of a chunk between two days; `step` simulates one day."""

    def __init__(self, people: People) -> None:
        size = len(people)
        self.people = people
        self.state = np.zeros(size, dtype=np.uint8)
        self.phase = np.zeros((len(troubles.TROUBLES), size), dtype=np.uint8)
        self.start = np.full(size, w.FAR)
        self.request_day, self.end_day = self.start.copy(), self.start.copy()
        self.cause = np.full(size, -1)
        self.start_day = np.maximum(people.first_start, -w.BURN_IN_DAYS)
        self.bill_day = np.zeros(size, dtype=np.int64)
        self.last_end = np.full(size, -w.FAR)
        self.ended_spells: list[tuple[Values, ...]] = []

    def copy(self) -> LifeState:
        """Return a copy of the state; simulating the copy does not change the original."""
        other = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(other, name, value.copy())
        other.ended_spells = list(self.ended_spells)
        return other

    def step(self, day: int, draws: LifeDraws, shift: Shift | None = None) -> tuple[Values, Values]:
        """Simulate one day; return the columns of this day for `Life.status` and `Life.phases`, [customer].

        Args:
            day: The day to simulate; in the burn-in (before the history) nobody leaves.
            draws: The random numbers for this day.
            shift: How the contacts change the hazards of this day; None if nobody was contacted.
        """
        people, phase, everybody = self.people, self.phase, np.arange(len(self.people))
        starters = np.flatnonzero(self.start_day == day)
        first_time = self.start[starters] == w.FAR
        self.start[starters] = np.where(first_time, people.first_start[starters], day)
        self.bill_day[starters] = billing_day(self.start[starters])
        self.state[starters], phase[:, starters] = IN_FORCE, 0
        self.request_day[starters], self.end_day[starters], self.cause[starters] = w.FAR, w.FAR, -1

        in_force = self.state == IN_FORCE
        billing = self.bill_day == w.day_of_month(day)
        before = phase.copy()
        healing = None if shift is None else shift.heal_factor
        card_expired = card_just_expired(people, day)
        troubles.advance_phases(
            phase, people.onset, draws.troubles(phase.shape), billing, card_expired, healing
        )
        phase[:, ~in_force] = before[:, ~in_force]
        phases = (phase.astype(np.uint16) << _SHIFTS).sum(axis=0, dtype=np.uint16)
        if day < 0:
            return self.state.copy(), phases

        churners = np.flatnonzero(self.end_day == day)
        self._end_spells(churners, day, draws, by_dunning=False)
        self.end_day[churners] = w.FAR
        chance = self._chance_of_request(day, shift)
        requesters = np.flatnonzero(in_force & (draws.chances("request", everybody) < chance))
        self.state[requesters], self.request_day[requesters] = PENDING, day
        self.cause[requesters] = _cause(phase[:, requesters], draws.chances("cause", requesters))
        notice = draws.days("notice", requesters, *NOTICE_DAYS)
        renewal = next_renewal(people, self.start, day)[requesters]
        self.end_day[requesters] = np.minimum(day + notice, renewal)
        dunning = troubles.HAZARD[troubles.PAYMENT_TROUBLE].take(phase[troubles.PAYMENT_TROUBLE])
        if shift is not None:
            dunning = dunning * shift.dunning_factor
        is_dunned = draws.chances("dunning", everybody) < -np.expm1(-dunning)
        dunned_customers = np.flatnonzero((self.state == IN_FORCE) & is_dunned)
        self.cause[dunned_customers] = troubles.PAYMENT_TROUBLE
        self._end_spells(dunned_customers, day, draws, by_dunning=True)

        status = self.state.copy()
        status[(self.state != INACTIVE) & billing & (self.start < day)] |= CHARGE
        status[(self.state != INACTIVE) & (self.start == day)] |= CHARGE | STARTING
        status[(self.state == INACTIVE) & (day - self.last_end < AFTERGLOW_DAYS)] |= AFTERGLOW
        return status, phases

    def spells(self) -> Spells:
        """Return all spells until now; a spell that still lasts has no end."""
        current = np.flatnonzero(self.state != INACTIVE)
        no_end, not_dunned = np.full(len(current), w.FAR), np.zeros(len(current), dtype=bool)
        last = (current, self.start[current], no_end, self.request_day[current], not_dunned)
        parts = [*self.ended_spells, (*last, self.cause[current])]
        columns = [np.concatenate(part) for part in zip(*parts, strict=True)]
        order = np.lexsort((columns[1], columns[0]))
        return Spells(*(column[order] for column in columns))

    def _end_spells(self, customer: Values, day: int, draws: LifeDraws, *, by_dunning: bool) -> None:
        is_dunned, end = np.full(len(customer), by_dunning), np.full(len(customer), day)
        columns = (customer, self.start[customer], end, self.request_day[customer], is_dunned)
        self.ended_spells.append((*columns, self.cause[customer]))
        self.state[customer] = INACTIVE
        self.last_end[customer] = day
        self.start_day[customer] = _return_day(day, customer, draws)

    def _chance_of_request(self, day: int, shift: Shift | None) -> Values:
        """Return each customer's probability of asking today to leave, [customer]."""
        hazard_sum = np.full(len(self.people), BASE_HAZARD)
        for kind in range(len(troubles.TROUBLES)):
            if kind != troubles.PAYMENT_TROUBLE:
                hazard_sum += troubles.HAZARD[kind].take(self.phase[kind])
        factor = hazard_factor(self.people, self.start, day)
        if shift is not None:
            factor = factor * shift.leave_factor
        chance: Values = -np.expm1(-factor * hazard_sum)
        return chance


def simulate_life(people: People, rng: np.random.Generator) -> tuple[Life, LifeState]:
    """Simulate each day of the history for all customers of a chunk; return the lives and the state after the
    last day.
    """
    size = len(people)
    status_by_day = np.zeros((w.HISTORY_DAYS, size), dtype=np.uint8)
    phases_by_day = np.zeros((w.HISTORY_DAYS, size), dtype=np.uint16)
    state, draws = LifeState(people), HistoryDraws(rng)
    cutoff_states: list[CutoffState] = []
    cutoff_days = {w.day_of(cutoff) for cutoff in w.truth_cutoffs()}
    for day in range(-w.BURN_IN_DAYS, w.HISTORY_DAYS + 1):
        if day in cutoff_days:
            at_risk = np.flatnonzero(state.state == IN_FORCE)
            cutoff_states.append(CutoffState(day, at_risk, state.start[at_risk], state.phase[:, at_risk]))
        if day == w.HISTORY_DAYS:
            break
        status, phases = state.step(day, draws)
        if day >= 0:
            status_by_day[day], phases_by_day[day] = status, phases
    status, phases = np.ascontiguousarray(status_by_day.T), np.ascontiguousarray(phases_by_day.T)
    return Life(status, phases, state.spells(), tuple(cutoff_states)), state


def billing_day(start: Values) -> Values:
    """Return the day of the month, 1..28, on which a spell is charged; the spell began on day `start`."""
    dates = np.datetime64(w.FIRST_DAY) + start.astype(np.int64)
    month_day = (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1
    billing: Values = np.minimum(month_day, 28)
    return billing


def _cause(phase: Values, chances: Values) -> Values:
    """Draw the trouble that caused each request to leave; -1 means that no trouble caused it.

    The probability of each trouble is in proportion to the hazard of leaving that this trouble adds.
    """
    weights = np.stack([troubles.HAZARD[kind].take(phase[kind]) for kind in range(len(phase))])
    weights[troubles.PAYMENT_TROUBLE] = 0.0
    edges = np.cumsum(np.vstack([np.full((1, phase.shape[1]), BASE_HAZARD), weights]), axis=0)
    cause: Values = (chances * edges[-1] >= edges[:-1]).sum(axis=0) - 1
    return cause


def _return_day(day: int, customer: Values, draws: LifeDraws) -> Values:
    chance = draws.chances("return", customer)
    early, late = QUICK_RETURN, LATE_RETURN
    early_day = day + draws.days("early return", customer, early[1], early[2])
    late_day = day + draws.days("late return", customer, late[1], late[2])
    late_or_never = np.where(chance < early[0] + late[0], late_day, w.FAR)
    return_day: Values = np.where(chance < early[0], early_day, late_or_never)
    return return_day
