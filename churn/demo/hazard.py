"""How likely a customer asks to leave on a given day, apart from any trouble they are in."""

from __future__ import annotations

import numpy as np

from churn.demo.people import People
from churn.demo.world import FAR, YEAR_DAYS, Array, leaving_season

BASE_HAZARD = 0.00012
"""Hazard a day of leaving for no reason that any table could show, for an average customer."""
SETTLING_DAYS = 14
NOTICE_DAYS = (2, 14)
"""A request takes effect after 2..14 days, all equally likely, or when a yearly term ends before."""
RENEWAL_WINDOW_DAYS = 45


def appetite(people: People, start: Array, day: int) -> Array:
    """Return the factor on every hazard of asking to leave: who they are, how long they stay, what day it is.

    The first two weeks of a spell are free of it. A yearly contract is calm until its renewal comes near, and
    restless then. Shape [customer].
    """
    age = day - start
    settled = np.where(age < SETTLING_DAYS, 0.0, 1.0 + 1.4 * np.exp(-np.maximum(age, 0) / 80.0))
    ahead = next_renewal(people, start, day) - day
    near = np.where(people.auto_renew, 2.6, 4.2)
    term = np.where(~people.yearly, 1.1, np.where(ahead <= RENEWAL_WINDOW_DAYS, near, 0.45))
    factor: Array = people.frailty * settled * term * leaving_season(day)
    return factor


def next_renewal(people: People, start: Array, day: int) -> Array:
    """Return the first day after `day` on which a yearly term ends; `FAR` for monthly customers."""
    ahead = YEAR_DAYS - (day - start) % YEAR_DAYS
    renewal: Array = np.where(people.yearly, day + ahead, FAR)
    return renewal


def card_just_expired(people: People, day: int) -> Array:
    """Return whose card ran out in `[day - 31 d, day]`."""
    fresh: Array = (people.card_expires <= day) & (day < people.card_expires + 31)
    return fresh


def chance_of_notice_within(days: int) -> float:
    """Return the chance that the notice period is at most `days` days."""
    first, last = NOTICE_DAYS
    return min(max(days - first + 1, 0) / (last - first + 1), 1.0)
