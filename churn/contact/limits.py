"""Which candidates a night contacts: the rules of rest, caps, budget, owners and channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.experiments.units import UnitKind
from churn.scoring.call_list import BELOW_BUDGET

Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Order = npt.NDArray[np.intp]
Texts = npt.NDArray[np.object_]


def same_unit_tonight(unit: UnitKind) -> str:
    """Return the reason not to contact a customer whose person or account is contacted under another id.

    >>> same_unit_tonight("person")
    'another customer of the same person is contacted tonight'
    """
    return f"another customer of the same {unit} is contacted tonight"


def rests_until(day: date) -> str:
    """Return the reason not to contact a unit that was contacted a short time ago.

    The reason names the first day on which the unit may be contacted again.

    >>> rests_until(date(2025, 1, 31))
    'rests until 2025-01-31'
    """
    return f"rests until {day}"


def cap_is_reached(contacts: int, days: int) -> str:
    """Return the reason not to contact a unit that already has as many contacts as the cap allows.

    The cap is the largest number of contacts in a period.

    >>> cap_is_reached(4, 182)
    '4 contacts in 182 days'
    """
    return f"{contacts} contact{'' if contacts == 1 else 's'} in {days} days"


def no_place_left_for(owner_or_channel: str) -> str:
    """Return the reason not to contact a customer: the play's owner or channel has no place left tonight.

    >>> no_place_left_for("customer success")
    'no place left for customer success'
    """
    return f"no place left for {owner_or_channel}"


def expiry_of(due_at: date, rest_days: int) -> date:
    """Return the first day on which a task counts as expired, in both arms; from then on its unit may be
    contacted again.

    The day is the due date plus the days of rest, but at least the day after the due date. So a task has not
    expired yet on its due date, and a unit has at most one unexpired task.

    >>> str(expiry_of(date(2025, 1, 3), 28)), str(expiry_of(date(2025, 1, 3), 0))
    ('2025-01-31', '2025-01-04')
    """
    return due_at + timedelta(days=_days_until_expiry(rest_days))


def _days_until_expiry(rest_days: int) -> int:
    return max(rest_days, 1)


@dataclass(frozen=True)
class Limits:
    """The limits on the contacts of a night.

    Attributes:
        rest_days: For this number of days after the due date of a unit's last contact, no play and no channel
            may contact the unit.
        max_contacts: The largest number of contacts that a unit may have within `max_contacts_days`.
        max_contacts_days: The number of days over which `max_contacts` counts.
        budget: The largest number of new contacts of the night; None for no limit.
        per_owner: The largest number of new contacts for each owner of plays in this night; an owner who is
            not named has no limit.
        per_channel: The largest number of new contacts through each channel in this night; a channel that is
            not named has no limit.
        unit: The kind of unit that is assigned to an arm, as in `experiments.unit`: `person`, `account` or
            `customer`. One of the reasons not to contact a customer names this kind of unit (see
            `same_unit_tonight`).
    """

    rest_days: int
    max_contacts: int
    max_contacts_days: int
    budget: int | None = None
    per_owner: Mapping[str, int] | None = None
    per_channel: Mapping[str, int] | None = None
    unit: UnitKind = "person"


@dataclass(frozen=True)
class Candidates:
    """The customers of both arms who have a play tonight and passed every check that comes before the limits.

    All arrays have the shape `[candidates]`.

    Attributes:
        customers: The ids of the customers; each occurs once.
        units: The unit of each customer: the person, account or customer who is assigned to an arm.
        owners: The owner of each customer's play.
        channels: The channel of each customer's play.
        expected_profit: The expected profit of the contact, NaN if unknown.
        probability: The churn probability. If a model of the effect of contacts is in use, this field instead
            shows how much a contact lowers the churn probability.
    """

    customers: Texts
    units: Texts
    owners: Texts
    channels: Texts
    expected_profit: Floats
    probability: Floats


@dataclass(frozen=True)
class EarlierTasks:
    """The tasks of earlier nights, in both arms. Shape `[tasks]`.

    Attributes:
        units: The unit (person, account or customer) to which the customer of each task belonged when the
            task was planned.
        units_tonight: The unit to which the customer of each task belongs tonight; None if the customer has
            no unit. The unit of a customer can change, for example when two customers turn out to be one
            person.
        due_at: The due dates, `datetime64[D]`.
    """

    units: Texts
    units_tonight: Texts
    due_at: Days

    @classmethod
    def of(cls, tasks: pd.DataFrame, unit_by_customer: Mapping[str, str]) -> EarlierTasks:
        """Take the units and due dates from the tasks of the ledger.

        Args:
            tasks: The tasks, with `unit`, `customer_id` and `due_at`.
            unit_by_customer: The unit (person, account or customer) to which each customer belongs tonight.
        """
        return cls(
            units=tasks["unit"].to_numpy(dtype=object),
            units_tonight=np.array([unit_by_customer.get(c) for c in tasks["customer_id"]], dtype=object),
            due_at=pd.to_datetime(tasks["due_at"]).to_numpy().astype("datetime64[D]"),
        )


@dataclass(frozen=True)
class Selection:
    """The candidates who are contacted in a night, and the reason for each candidate who is not.

    Attributes:
        contacts: The indices of the candidates to contact, in order of priority. Shape `[contacts]`.
        reasons: Why each candidate is not contacted; None for a candidate who is. Shape `[candidates]`.
        order: The indices of all candidates in order of priority. Shape `[candidates]`.
    """

    contacts: Order
    reasons: Texts
    order: Order


def order_of_contact(candidates: Candidates) -> Order:
    """Return the indices of the candidates in order of priority. Shape `[candidates]`.

    The highest expected profit comes first, and an unknown profit comes last. Candidates with equal profits
    are ordered by `probability`, the highest first and unknown ones last. Candidates with equal profits and
    probabilities are ordered by customer id.
    """
    profit, probability = (
        np.where(np.isnan(values), -np.inf, values)
        for values in (candidates.expected_profit, candidates.probability)
    )
    is_unknown = np.isnan(candidates.expected_profit)
    order = np.lexsort((-probability, -profit, is_unknown))
    keys = np.column_stack([is_unknown, profit, probability])[order]
    is_tied = np.zeros(len(order), dtype=bool)
    same_as_next = (keys[1:] == keys[:-1]).all(axis=1)
    is_tied[1:] |= same_as_next
    is_tied[:-1] |= same_as_next
    group = np.cumsum(np.append(True, ~same_as_next)) if len(order) else np.empty(0, dtype=int)
    # only the candidates with equal values need their ids; sorting a million texts is slow
    positions = np.flatnonzero(is_tied)
    ids = candidates.customers[order[positions]].astype(str)
    order[positions] = order[positions][np.lexsort((ids, group[positions]))]
    return order


def select_contacts(
    candidates: Candidates, earlier: EarlierTasks, limits: Limits, planned_on: date
) -> Selection:
    """Choose the contacts of a night, and give one reason for each candidate who is not contacted.

    The first of these rules that applies refuses a candidate:

    1. Rest: the unit has an earlier task that is not expired tonight (`expiry_of`). Tasks that are not due
       yet count too, so a unit has at most one unexpired task.
    2. Cap: the unit has `max_contacts` earlier tasks with `due_at > planned_on - max_contacts_days`.

    The remaining candidates are taken in order of priority (`order_of_contact`). These rules refuse
    a candidate:

    3. A unit has one contact in a night, so a candidate is refused if another customer of the unit is already
       contacted tonight.
    4. The owner of the play already has as many contacts as `per_owner` allows.
    5. The channel of the play already has as many contacts as `per_channel` allows.
    6. The night already has as many contacts as the budget allows.

    Args:
        candidates: The candidates.
        earlier: The tasks of earlier nights.
        limits: The limits.
        planned_on: The cutoff of the night.

    The function does not know the arm of a unit or the result of a task. So the budget, the days of rest and
    the cap apply to a control exactly as to a treated unit.
    """
    if len(pd.unique(candidates.customers)) < len(candidates.customers):
        raise ValueError("a customer is a candidate twice; a night has one play for each customer")
    order = order_of_contact(candidates)
    reasons = _reasons_of_earlier_tasks(candidates.units, earlier, limits, planned_on)
    open_order = order[pd.isna(reasons)[order]]
    contacts = _take_places(candidates, open_order, limits, reasons)
    return Selection(contacts, reasons, order)


def _reasons_of_earlier_tasks(units: Texts, earlier: EarlierTasks, limits: Limits, planned_on: date) -> Texts:
    """Return the reason not to contact each candidate whose unit still rests or has reached the largest
    number of contacts; None for the others. Shape `[candidates]`.
    """
    reasons = np.full(len(units), None, dtype=object)
    if not len(earlier.due_at):
        return reasons
    codes, names = pd.factorize(units)
    index = pd.Index(names)
    n_tasks = len(earlier.due_at)
    # A task counts for the unit that it had when it was planned and for its unit of tonight, but only once if
    # both are the same.
    pairs = pd.DataFrame(
        {
            "task": np.tile(np.arange(n_tasks), 2),
            "unit": np.concatenate(
                [index.get_indexer(pd.Index(values)) for values in (earlier.units, earlier.units_tonight)]
            ),
        }
    )
    pairs = pairs[pairs["unit"] >= 0].drop_duplicates()
    days = earlier.due_at.astype("datetime64[D]").astype(np.int64)[pairs["task"]]
    unit = pairs["unit"].to_numpy()
    tonight = int(np.datetime64(planned_on, "D").astype(np.int64))

    free_on = np.full(len(names), np.iinfo(np.int64).min, dtype=np.int64)
    np.maximum.at(free_on, unit, days + _days_until_expiry(limits.rest_days))
    n_contacts = np.bincount(unit[days > tonight - limits.max_contacts_days], minlength=len(names))
    at_cap = (n_contacts >= limits.max_contacts)[codes]
    reasons[at_cap] = cap_is_reached(limits.max_contacts, limits.max_contacts_days)
    for day in np.unique(free_on[free_on > tonight]):
        is_resting = (free_on == day)[codes]
        reasons[is_resting] = rests_until(planned_on + timedelta(days=int(day) - tonight))
    return reasons


def _take_places(candidates: Candidates, order: Order, limits: Limits, reasons: Texts) -> Order:
    """Choose the contacts in the given order; write into `reasons` why the other candidates are refused."""
    per_owner, per_channel = limits.per_owner or {}, limits.per_channel or {}
    budget = len(order) if limits.budget is None else limits.budget
    units, owners, channels = (
        values[order] for values in (candidates.units, candidates.owners, candidates.channels)
    )
    contacts: list[int] = []
    contacted_units: set[str] = set()
    n_by_owner: Counter[str] = Counter()
    n_by_channel: Counter[str] = Counter()
    n_seen = 0
    for unit, owner, channel in zip(units, owners, channels, strict=True):
        if len(contacts) >= budget:
            break
        reason = None
        if unit in contacted_units:
            reason = same_unit_tonight(limits.unit)
        elif n_by_owner[owner] >= per_owner.get(owner, budget):
            reason = no_place_left_for(owner)
        elif n_by_channel[channel] >= per_channel.get(channel, budget):
            reason = no_place_left_for(channel)
        else:
            contacts.append(n_seen)
            contacted_units.add(unit)
            n_by_owner[owner] += 1
            n_by_channel[channel] += 1
        reasons[order[n_seen]] = reason
        n_seen += 1
    # From here on the budget is spent, so the rules no longer depend on the order.
    late_reasons = np.full(len(order) - n_seen, BELOW_BUDGET, dtype=object)
    for values, places, taken in (
        (channels[n_seen:], per_channel, n_by_channel),
        (owners[n_seen:], per_owner, n_by_owner),
    ):
        for name, limit in places.items():
            if taken[name] >= limit:
                late_reasons[values == name] = no_place_left_for(name)
    is_same_unit = pd.Series(units[n_seen:], dtype=object).isin(contacted_units).to_numpy()
    late_reasons[is_same_unit] = same_unit_tonight(limits.unit)
    reasons[order[n_seen:]] = late_reasons
    return order[np.array(contacts, dtype=np.intp)]
