"""The first life of each customer: from joining to the first leaving, as far as the data show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.features.engine.cohort import read_customers
from churn.kpis.spells import ActivitySpells, first_recorded_end
from churn.labels.kaplan_meier import Lives

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FirstLives:
    """The first spell of activity of each customer. Each array has one value per spell.

    Attributes:
        customer: The customer code.
        joined_on: The day number of the customer's joining, on which the spell began.
        lives: The length of each spell, whether it ended, and the days from joining to the start of
            observation.
        complete_from: The first day number from which the data hold everybody who joined, also those who left
            soon.
        known_until: The day number up to which it is certain who left.
        n_left_out: The number of customers whose day of joining is not known; they are not in the arrays.

    A customer who joined after `known_until` has the length 0 and has not left.
    """

    customer: Ints
    joined_on: Ints
    lives: Lives
    complete_from: int
    known_until: int
    n_left_out: int

    @property
    def is_complete(self) -> Bools:
        """Return a mask of the lives that were observed from their first day."""
        return np.asarray(self.joined_on >= self.complete_from)

    @property
    def is_followed(self) -> Bools:
        """Return a mask of the lives that began before `known_until`."""
        return np.asarray(self.joined_on < self.known_until)

    @property
    def follow_days(self) -> Ints:
        """Return the days from each customer's joining to `known_until`, also if the customer left before."""
        return np.asarray(self.known_until - self.joined_on, dtype=np.int64)


def read_first_lives(store: Store, spells: ActivitySpells, cutoff: date) -> FirstLives:
    """Return the first life of each customer.

    The lives are computed from contracts if the label is of the kind `contract`. Otherwise they are computed
    from the events of the table that decides the label.

    Args:
        store: The store.
        spells: The periods in which each customer was active, as known at the cutoff.
        cutoff: The end of the data.
    """
    label, end = store.params.label, day_number(cutoff)
    if label.kind == "contract":
        return contract_lives(spells, end)
    signed_up = read_customers(store).signed_up.astype(np.int64)
    return activity_lives(spells, signed_up, first_event_day(store, cutoff), end)


def first_event_day(store: Store, cutoff: date) -> int:
    """Return the day number of the first event of the table that decides the label; if this table is empty,
    the day number of the cutoff.
    """
    first_event = store.tables[store.params.label.core_table].first_day
    return day_number(cutoff) if first_event is None else first_event


def contract_lives(spells: ActivitySpells, cutoff: int) -> FirstLives:
    """Return the first lives of customers whose activity is defined by contracts.

    The data of a company often have all contracts that run on a certain day, but not the contracts that ended
    before that day. Let D be the day of the first recorded end of a contract. Customers who left before D are
    missing. A customer who joined before D is observed only from D on (left truncation).

    Args:
        spells: The periods in which each customer was active.
        cutoff: The day number of the cutoff.
    """
    until = cutoff - spells.wait_days
    complete_from = first_recorded_end(spells.start, spells.end, until)
    customer, joined_on, end = _first_spells(spells, cutoff)
    seen_from = np.maximum(complete_from - 1 - joined_on, 0)
    is_seen = (seen_from == 0) | (end - joined_on > seen_from)
    return _lives(customer[is_seen], joined_on[is_seen], end[is_seen], complete_from, until, (~is_seen).sum())


def activity_lives(spells: ActivitySpells, signed_up: Ints, first_event: int, cutoff: int) -> FirstLives:
    """Return the first lives of customers whose activity is defined by events: from a customer's first event
    to the end of the customer's first spell.

    Customers who signed up before the first event of the whole table are left out, because their first event
    may lie before the data begin.

    Args:
        spells: The periods in which each customer was active.
        signed_up: The day number of the sign-up by customer code.
        first_event: The day number of the first event of the table that decides the label.
        cutoff: The day number of the cutoff.
    """
    until = cutoff - spells.wait_days
    customer, joined_on, end = _first_spells(spells, cutoff)
    is_seen = signed_up[customer] >= first_event
    return _lives(customer[is_seen], joined_on[is_seen], end[is_seen], first_event, until, (~is_seen).sum())


def _first_spells(spells: ActivitySpells, cutoff: int) -> tuple[Ints, Ints, Ints]:
    """Return customer, start and end of the first spell of each customer who joined before the cutoff."""
    first = np.flatnonzero(np.diff(spells.customer, prepend=-1) != 0)
    first = first[spells.start[first] < cutoff]
    return spells.customer[first], spells.start[first], spells.end[first]


def _lives(
    customer: Ints, joined_on: Ints, end: Ints, complete_from: int, until: int, n_left_out: int
) -> FirstLives:
    lives = Lives(
        days=np.maximum(np.minimum(end, until) - joined_on, 0),
        has_left=end < until,
        entry_days=np.maximum(complete_from - 1 - joined_on, 0),
    )
    return FirstLives(customer, joined_on, lives, complete_from, until, int(n_left_out))
