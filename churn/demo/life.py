"""What becomes of the customers: the company is lived day by day, for all customers of a chunk at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churn.demo import episodes, hazard
from churn.demo import world as w
from churn.demo.people import People
from churn.demo.world import Array

GONE, IN_FORCE, PENDING = 0, 1, 2
BILLED, AFTERGLOW, STARTING = 4, 8, 16
START_SECOND = 22 * 3600
"""Second of the day of signing at which a spell begins; what customers do begins the day after."""
AFTERGLOW_DAYS = 14
"""How long mails still go out to somebody who has left."""

QUICK_RETURN = (0.02, 5, 28)
LATE_RETURN = (0.14, 45, 150)
"""(chance, shortest, longest) absence in days: a quick return mends the spell, a late one begins another."""


@dataclass(frozen=True)
class Spells:
    """Contract spells ordered by customer and start. Days; `FAR` where not (yet) happened. Shape [spell].

    `cause` is the position in `episodes.KINDS` that tipped the scales, -1 for none of them.
    """

    who: Array
    start: Array
    end: Array
    requested: Array
    by_dunning: Array
    cause: Array

    def merged_end(self) -> Array:
        """Return the end of the spell once spells at most `GRACE_DAYS` apart are one. Shape [spell]."""
        if len(self.who) == 0:
            return self.end
        mends = np.zeros(len(self.who), dtype=bool)
        mends[:-1] = (self.who[1:] == self.who[:-1]) & (self.start[1:] - self.end[:-1] <= w.GRACE_DAYS)
        # The next spell that does not run on into another one; the last spell never does.
        last = np.where(mends, len(mends), np.arange(len(mends)))
        last = np.minimum.accumulate(last[::-1])[::-1]
        merged: Array = self.end[last]
        return merged


@dataclass(frozen=True)
class Standing:
    """The hidden state at the midnight that begins a cutoff, of customers in force with no request pending.

    `who` [customer], `start` [customer], `phase` [kind, customer].
    """

    day: int
    who: Array
    start: Array
    phase: Array


@dataclass(frozen=True)
class Life:
    """The course of one chunk.

    `status` uint8 [customer, day]: GONE, IN_FORCE or PENDING, plus the flags
    BILLED, AFTERGLOW and STARTING.
    `phases` uint16 [customer, day]: two bits for each kind of trouble.
    """

    status: Array
    phases: Array
    spells: Spells
    standings: tuple[Standing, ...]


def live(people: People, rng: np.random.Generator) -> Life:
    """Live through the history and return what happened."""
    size, kinds = len(people), len(episodes.KINDS)
    status_by_day = np.zeros((w.HISTORY_DAYS, size), dtype=np.uint8)
    phases_by_day = np.zeros((w.HISTORY_DAYS, size), dtype=np.uint16)
    state = np.zeros(size, dtype=np.uint8)
    phase = np.zeros((kinds, size), dtype=np.uint8)
    start = np.full(size, w.FAR)
    requested, leaves, cause = start.copy(), start.copy(), np.full(size, -1)
    comes = np.maximum(people.first_start, -w.BURN_IN_DAYS)
    bill_day = np.zeros(size, dtype=np.int64)
    last_end = np.full(size, -w.FAR)
    closed: list[tuple[Array, ...]] = []
    standings: list[Standing] = []
    cutoff_days = {w.day_of(cutoff) for cutoff in w.truth_cutoffs()}
    shifts = (2 * np.arange(kinds, dtype=np.uint16))[:, None]

    def close(who: Array, day: int, by_dunning: bool) -> None:
        dunned = np.full(len(who), by_dunning)
        closed.append((who, start[who], np.full(len(who), day), requested[who], dunned, cause[who]))
        state[who] = GONE
        last_end[who] = day
        comes[who] = _return_day(day, len(who), rng)

    for day in range(-w.BURN_IN_DAYS, w.HISTORY_DAYS + 1):
        if day in cutoff_days:
            standing = np.flatnonzero(state == IN_FORCE)
            standings.append(Standing(day, standing, start[standing], phase[:, standing]))
        if day == w.HISTORY_DAYS:
            break

        joining = np.flatnonzero(comes == day)
        first_time = start[joining] == w.FAR
        start[joining] = np.where(first_time, people.first_start[joining], day)
        bill_day[joining] = billing_day(start[joining])
        state[joining], phase[:, joining] = IN_FORCE, 0
        requested[joining], leaves[joining], cause[joining] = w.FAR, w.FAR, -1

        in_force = state == IN_FORCE
        billing = bill_day == w.day_of_month(day)
        before = phase.copy()
        draws = rng.random((kinds, size), dtype=np.float32)
        episodes.roll(phase, people.onset, draws, billing, hazard.card_just_expired(people, day))
        phase[:, ~in_force] = before[:, ~in_force]

        if day >= 0:
            done = np.flatnonzero(leaves == day)
            close(done, day, by_dunning=False)
            leaves[done] = w.FAR
            asking = _ask(people, start, phase, in_force, day, rng)
            state[asking], requested[asking] = PENDING, day
            cause[asking] = _cause(phase[:, asking], rng)
            notice = rng.integers(hazard.NOTICE_DAYS[0], hazard.NOTICE_DAYS[1] + 1, len(asking))
            leaves[asking] = np.minimum(day + notice, hazard.next_renewal(people, start, day)[asking])
            dunning = episodes.HAZARD[episodes.PAYMENT].take(phase[episodes.PAYMENT])
            dunned = np.flatnonzero((state == IN_FORCE) & (rng.random(size) < -np.expm1(-dunning)))
            cause[dunned] = episodes.PAYMENT
            close(dunned, day, by_dunning=True)
            status_by_day[day] = state
            status_by_day[day, (state != GONE) & billing & (start < day)] |= BILLED
            status_by_day[day, (state != GONE) & (start == day)] |= BILLED | STARTING
            status_by_day[day, (state == GONE) & (day - last_end < AFTERGLOW_DAYS)] |= AFTERGLOW
            phases_by_day[day] = (phase.astype(np.uint16) << shifts).sum(axis=0, dtype=np.uint16)

    still = np.flatnonzero(state != GONE)
    never, open_ = np.full(len(still), w.FAR), np.zeros(len(still), dtype=bool)
    closed.append((still, start[still], never, requested[still], open_, cause[still]))
    who, begun, ended, asked, dunned, why = (np.concatenate(column) for column in zip(*closed, strict=True))
    order = np.lexsort((begun, who))
    spells = Spells(who[order], begun[order], ended[order], asked[order], dunned[order], why[order])
    return Life(
        np.ascontiguousarray(status_by_day.T), np.ascontiguousarray(phases_by_day.T), spells, tuple(standings)
    )


def billing_day(start: Array) -> Array:
    """Return the day of the month, 1..28, on which a spell begun on day `start` is charged."""
    dates = np.datetime64(w.FIRST_DAY) + start.astype(np.int64)
    month_day = (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1
    capped: Array = np.minimum(month_day, 28)
    return capped


def _ask(
    people: People, start: Array, phase: Array, in_force: Array, day: int, rng: np.random.Generator
) -> Array:
    """Draw who asks today to leave."""
    added = np.full(len(people), hazard.BASE_HAZARD)
    for kind in range(len(episodes.KINDS)):
        if kind != episodes.PAYMENT:
            added += episodes.HAZARD[kind].take(phase[kind])
    chance = -np.expm1(-hazard.appetite(people, start, day) * added)
    return np.flatnonzero(in_force & (rng.random(len(people)) < chance))


def _cause(phase: Array, rng: np.random.Generator) -> Array:
    """Draw which of the competing causes it was, in proportion to their hazards; -1 is none of the kinds."""
    weights = np.stack([episodes.HAZARD[kind].take(phase[kind]) for kind in range(len(phase))])
    weights[episodes.PAYMENT] = 0.0
    edges = np.cumsum(np.vstack([np.full((1, phase.shape[1]), hazard.BASE_HAZARD), weights]), axis=0)
    drawn: Array = (rng.random(phase.shape[1]) * edges[-1] >= edges[:-1]).sum(axis=0) - 1
    return drawn


def _return_day(day: int, size: int, rng: np.random.Generator) -> Array:
    draw = rng.random(size)
    quick, late = QUICK_RETURN, LATE_RETURN
    soon = day + rng.integers(quick[1], quick[2] + 1, size)
    later = day + rng.integers(late[1], late[2] + 1, size)
    back: Array = np.where(draw < quick[0], soon, np.where(draw < quick[0] + late[0], later, w.FAR))
    return back
