"""Simulate the lives of customers day by day: spells, requests to leave, dunning and returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churn.demo import troubles
from churn.demo import world as w
from churn.demo.people import People
from churn.demo.world import FAR, YEAR_DAYS, Values, leaving_season

BASE_HAZARD = 0.00012
"""The daily hazard of an average customer to leave without any trouble; no table shows it."""
SETTLING_DAYS = 14
"""Nobody asks to leave in the first days of a spell."""
NOTICE_DAYS = (2, 14)
"""A request takes effect after 2..14 days, all equally likely, or at the end of a yearly term if earlier."""
RENEWAL_WINDOW_DAYS = 45

INACTIVE, IN_FORCE, PENDING = 0, 1, 2
CHARGE, AFTERGLOW, STARTING = 4, 8, 16
START_SECOND = 22 * 3600
"""The second of the day at which a spell begins; the customer's events begin the day after."""
AFTERGLOW_DAYS = 14
"""For how many days a churner still gets e-mails."""

QUICK_RETURN = (0.02, 5, 28)
LATE_RETURN = (0.14, 45, 150)
"""(probability, shortest, longest) absence in days. Only a late return starts a new spell."""


def hazard_factor(people: People, start: Values, day: int) -> Values:
    """Return the factor on each hazard of asking to leave, by customer, tenure and season. Shape [customer].

    It is 0 in the first two weeks of a spell. For a yearly contract it is low until the renewal is near, and
    high then.

    Args:
        people: The customers of the chunk.
        start: The first day of each customer's spell, [customer].
        day: The day, counted from the first day of history.
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
    """Return the first day after `day` on which a yearly term ends; `FAR` for monthly customers."""
    days_ahead = YEAR_DAYS - (day - start) % YEAR_DAYS
    renewal: Values = np.where(people.yearly, day + days_ahead, FAR)
    return renewal


def card_just_expired(people: People, day: int) -> Values:
    """Return whether each customer's card expired in `[day - 31 d, day]`. Shape [customer]."""
    just_expired: Values = (people.card_expires <= day) & (day < people.card_expires + 31)
    return just_expired


def chance_of_notice_within(days: int) -> float:
    """Return the probability that the notice period is at most `days` days."""
    first, last = NOTICE_DAYS
    return min(max(days - first + 1, 0) / (last - first + 1), 1.0)


@dataclass(frozen=True)
class Spells:
    """Contract spells, ordered by customer and start, in days. Shape [spell].

    `FAR` is a day that has not come. `cause` is the index in `TROUBLES` of the trouble that led to the end,
    -1 for none.
    """

    customer: Values
    start: Values
    end: Values
    request_day: Values
    by_dunning: Values
    cause: Values

    def merged_end(self) -> Values:
        """Return the end of each spell, shape [spell]; spells at most `LABEL_GRACE_DAYS` apart are merged."""
        if len(self.customer) == 0:
            return self.end
        returns_soon = np.zeros(len(self.customer), dtype=bool)
        same_customer = self.customer[1:] == self.customer[:-1]
        returns_soon[:-1] = same_customer & (self.start[1:] - self.end[:-1] <= w.LABEL_GRACE_DAYS)
        # Find the last spell of each merged spell. Nothing follows the last spell of all.
        last_spell = np.where(returns_soon, len(returns_soon), np.arange(len(returns_soon)))
        last_spell = np.minimum.accumulate(last_spell[::-1])[::-1]
        merged_end: Values = self.end[last_spell]
        return merged_end


@dataclass(frozen=True)
class CutoffState:
    """The hidden state at the midnight of a cutoff, of the customers in force without a pending request.

    `customer` holds their indices, [customer]; `start` has shape [customer], `phase` [trouble, customer].
    """

    day: int
    customer: Values
    start: Values
    phase: Values


@dataclass(frozen=True)
class Life:
    """The simulated lives of the customers of a chunk.

    `status` uint8 [customer, day]: INACTIVE, IN_FORCE or PENDING; with flags CHARGE, AFTERGLOW and STARTING.
    `phases` uint16 [customer, day]: two bits for each trouble.
    """

    status: Values
    phases: Values
    spells: Spells
    cutoff_states: tuple[CutoffState, ...]


def simulate_life(people: People, rng: np.random.Generator) -> Life:
    """Simulate each day of history for all customers of a chunk."""
    size, kinds = len(people), len(troubles.TROUBLES)
    status_by_day = np.zeros((w.HISTORY_DAYS, size), dtype=np.uint8)
    phases_by_day = np.zeros((w.HISTORY_DAYS, size), dtype=np.uint16)
    state = np.zeros(size, dtype=np.uint8)
    phase = np.zeros((kinds, size), dtype=np.uint8)
    start = np.full(size, w.FAR)
    request_day, end_day, cause = start.copy(), start.copy(), np.full(size, -1)
    start_day = np.maximum(people.first_start, -w.BURN_IN_DAYS)
    bill_day = np.zeros(size, dtype=np.int64)
    last_end = np.full(size, -w.FAR)
    spell_columns: list[tuple[Values, ...]] = []
    cutoff_states: list[CutoffState] = []
    cutoff_days = {w.day_of(cutoff) for cutoff in w.truth_cutoffs()}
    shifts = (2 * np.arange(kinds, dtype=np.uint16))[:, None]

    def end_spells(customer: Values, day: int, by_dunning: bool) -> None:
        is_dunned = np.full(len(customer), by_dunning)
        end = np.full(len(customer), day)
        columns = (customer, start[customer], end, request_day[customer], is_dunned, cause[customer])
        spell_columns.append(columns)
        state[customer] = INACTIVE
        last_end[customer] = day
        start_day[customer] = _return_day(day, len(customer), rng)

    for day in range(-w.BURN_IN_DAYS, w.HISTORY_DAYS + 1):
        if day in cutoff_days:
            at_risk = np.flatnonzero(state == IN_FORCE)
            cutoff_states.append(CutoffState(day, at_risk, start[at_risk], phase[:, at_risk]))
        if day == w.HISTORY_DAYS:
            break

        starters = np.flatnonzero(start_day == day)
        first_time = start[starters] == w.FAR
        start[starters] = np.where(first_time, people.first_start[starters], day)
        bill_day[starters] = billing_day(start[starters])
        state[starters], phase[:, starters] = IN_FORCE, 0
        request_day[starters], end_day[starters], cause[starters] = w.FAR, w.FAR, -1

        in_force = state == IN_FORCE
        billing = bill_day == w.day_of_month(day)
        before = phase.copy()
        draws = rng.random((kinds, size), dtype=np.float32)
        troubles.advance_phases(phase, people.onset, draws, billing, card_just_expired(people, day))
        phase[:, ~in_force] = before[:, ~in_force]

        if day >= 0:
            churners = np.flatnonzero(end_day == day)
            end_spells(churners, day, by_dunning=False)
            end_day[churners] = w.FAR
            requesters = _draw_requests(people, start, phase, in_force, day, rng)
            state[requesters], request_day[requesters] = PENDING, day
            cause[requesters] = _cause(phase[:, requesters], rng)
            notice = rng.integers(NOTICE_DAYS[0], NOTICE_DAYS[1] + 1, len(requesters))
            end_day[requesters] = np.minimum(day + notice, next_renewal(people, start, day)[requesters])
            dunning = troubles.HAZARD[troubles.PAYMENT_TROUBLE].take(phase[troubles.PAYMENT_TROUBLE])
            dunned_customers = np.flatnonzero((state == IN_FORCE) & (rng.random(size) < -np.expm1(-dunning)))
            cause[dunned_customers] = troubles.PAYMENT_TROUBLE
            end_spells(dunned_customers, day, by_dunning=True)
            status_by_day[day] = state
            status_by_day[day, (state != INACTIVE) & billing & (start < day)] |= CHARGE
            status_by_day[day, (state != INACTIVE) & (start == day)] |= CHARGE | STARTING
            status_by_day[day, (state == INACTIVE) & (day - last_end < AFTERGLOW_DAYS)] |= AFTERGLOW
            phases_by_day[day] = (phase.astype(np.uint16) << shifts).sum(axis=0, dtype=np.uint16)

    current = np.flatnonzero(state != INACTIVE)
    no_end, not_dunned = np.full(len(current), w.FAR), np.zeros(len(current), dtype=bool)
    spell_columns.append((current, start[current], no_end, request_day[current], not_dunned, cause[current]))
    columns = [np.concatenate(parts) for parts in zip(*spell_columns, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    spells = Spells(*(column[order] for column in columns))
    status, phases = np.ascontiguousarray(status_by_day.T), np.ascontiguousarray(phases_by_day.T)
    return Life(status, phases, spells, tuple(cutoff_states))


def billing_day(start: Values) -> Values:
    """Return the day of the month, 1..28, on which a spell that began on day `start` is charged."""
    dates = np.datetime64(w.FIRST_DAY) + start.astype(np.int64)
    month_day = (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1
    billing: Values = np.minimum(month_day, 28)
    return billing


def _draw_requests(
    people: People,
    start: Values,
    phase: Values,
    in_force: Values,
    day: int,
    rng: np.random.Generator,
) -> Values:
    """Draw the indices of the customers who ask today to leave."""
    hazard_sum = np.full(len(people), BASE_HAZARD)
    for kind in range(len(troubles.TROUBLES)):
        if kind != troubles.PAYMENT_TROUBLE:
            hazard_sum += troubles.HAZARD[kind].take(phase[kind])
    chance = -np.expm1(-hazard_factor(people, start, day) * hazard_sum)
    return np.flatnonzero(in_force & (rng.random(len(people)) < chance))


def _cause(phase: Values, rng: np.random.Generator) -> Values:
    """Draw the trouble that caused each request, in proportion to the hazards; -1 means none of them."""
    weights = np.stack([troubles.HAZARD[kind].take(phase[kind]) for kind in range(len(phase))])
    weights[troubles.PAYMENT_TROUBLE] = 0.0
    edges = np.cumsum(np.vstack([np.full((1, phase.shape[1]), BASE_HAZARD), weights]), axis=0)
    cause: Values = (rng.random(phase.shape[1]) * edges[-1] >= edges[:-1]).sum(axis=0) - 1
    return cause


def _return_day(day: int, size: int, rng: np.random.Generator) -> Values:
    draw = rng.random(size)
    early, late = QUICK_RETURN, LATE_RETURN
    early_day = day + rng.integers(early[1], early[2] + 1, size)
    late_day = day + rng.integers(late[1], late[2] + 1, size)
    late_or_never = np.where(draw < early[0] + late[0], late_day, w.FAR)
    return_day: Values = np.where(draw < early[0], early_day, late_or_never)
    return return_day
