"""What contacts cost, as the company recorded it in the table `contacts`: the mean cost by play and over all
plays of the call list.

The rows of one task are the attempts of one contact, such as two calls without an answer and a third call
with an answer. The costs of these rows are added. A row without `task_id` is a contact of its own. If the
cost of an attempt is missing, the cost of the contact is unknown; it is not the sum of the other costs.

A mean cost replaces the assumed cost only if all of these conditions are true:

- at least 30 contacts have a recorded cost, so that the 95 % interval of the mean is valid also for skewed
  costs;
- these are at least 90 % of the contacts, because nobody knows whether the other contacts cost the same;
- the mean has a 95 % interval, which needs the costs of at least two customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy.stats import t as student

from churn.data.acts import read_contact_costs
from churn.data.store import Store
from churn.data.tables import COST, STORED_UNITS
from churn.experiments.effect import ALPHA
from churn.experiments.ledger import Ledger
from churn.metrics.interval import Interval, Part
from churn.metrics.standard_errors import clustered_mean

MIN_RECORDED = 30
"""The smallest number of contacts with a recorded cost whose mean is used."""

MIN_RECORDED_SHARE = 0.9
"""The smallest share of contacts with a recorded cost for which the mean cost is used."""


class WhyAssumed(StrEnum):
    """Why the mean of the recorded costs does not replace the assumed cost."""

    FEW_RECORDED = f"fewer than {MIN_RECORDED} contacts have a recorded cost"
    PARTLY_RECORDED = f"less than {MIN_RECORDED_SHARE:.0%} of the contacts have a recorded cost"
    ONE_CUSTOMER = "all recorded costs are those of one customer"


class ContactCost(Part):
    """What the contacts of a play cost.

    Attributes:
        play: The play; None for the contacts of all plays of the call list.
        contacts: The number of contacts.
        with_cost: The number of contacts whose cost is recorded.
        cost: The mean cost of the contacts with a recorded cost, in currency, with its 95 % interval; without
            a value if no cost is recorded.
    """

    play: str | None
    contacts: int
    with_cost: int
    cost: Interval

    @property
    def not_used_because(self) -> WhyAssumed | None:
        """Return why the assumed cost is used instead of the mean cost; None if the mean cost is used."""
        if self.with_cost < MIN_RECORDED:
            return WhyAssumed.FEW_RECORDED
        if self.with_cost < MIN_RECORDED_SHARE * self.contacts:
            return WhyAssumed.PARTLY_RECORDED
        return WhyAssumed.ONE_CUSTOMER if self.cost.low is None else None

    @property
    def used_cost(self) -> float | None:
        """Return the mean cost in currency if it replaces the assumed cost, otherwise None."""
        return None if self.not_used_because else self.cost.value


class ContactCosts(Part):
    """The costs of contacts, as far as the company recorded them.

    Attributes:
        all_contacts: The cost of the contacts of all plays of the call list together.
        plays: The cost of the contacts of each play, sorted by the play's name; only plays of the ledger that
            have a contact.
        other_rows: The number of rows of `contacts` that belong to no play of the ledger and so do not count.
    """

    all_contacts: ContactCost
    plays: tuple[ContactCost, ...]
    other_rows: int

    @property
    def parts(self) -> tuple[ContactCost, ...]:
        """Return the cost of all contacts of the call list together, then the cost of each play."""
        return (self.all_contacts, *self.plays)

    @property
    def used_costs(self) -> Mapping[str, float]:
        """Return the measured mean costs that a night uses, by the name of the play."""
        costs = {str(part.play): part.used_cost for part in self.plays}
        return {play: cost for play, cost in costs.items() if cost is not None}


def read_costs(store: Store, ledger: Ledger, day: date) -> ContactCosts | None:
    """Return the costs of the contacts before a day; None if params.yaml maps no column of costs.

    Args:
        store: The store.
        ledger: The ledger of the nights before the day.
        day: Only contacts that happened and were known before this day count.
    """
    rows = read_contact_costs(store, day)
    return None if rows is None else measure_costs(rows.to_pandas(), ledger)


def measure_costs(rows: pd.DataFrame, ledger: Ledger) -> ContactCosts:
    """Return the mean cost of a contact, by play and over all plays of the call list.

    The task of a contact decides to which play the contact belongs. If the contact has no task in the ledger,
    its column `play` decides.

    Args:
        rows: The rows of `contacts` as `churn.data.acts.read_contact_costs` returns them.
        ledger: The decisions of the nights, which hold the play of each task.
    """
    tasks, plays = ledger.tasks, set(ledger.tasks["play"])
    keys = zip(tasks["customer_id"], tasks["task_id"], strict=True)
    play_of = dict(zip(keys, tasks["play"], strict=True))
    own = [
        play_of.get((customer, task), play)
        for customer, task, play in zip(rows["customer_id"], rows["task_id"], rows["play"], strict=True)
    ]
    rows = rows.assign(play=pd.Series(own, index=rows.index, dtype=object)).reset_index(drop=True)
    is_of_play = rows["play"].isin(plays).to_numpy(dtype=bool)
    contacts = _contacts(rows[is_of_play])
    list_plays = {play for night in ledger.nights for play in night.list_plays}
    return ContactCosts(
        all_contacts=_cost_of(None, contacts[~contacts["play"].isin(list_plays)]),
        plays=tuple(_cost_of(str(play), own_rows) for play, own_rows in contacts.groupby("play")),
        other_rows=int((~is_of_play).sum()),
    )


def _contacts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each contact, with the columns `customer_id`, `play` and `cost`.

    A contact may take several attempts, such as two calls; each attempt is a row of `rows`. The cost of the
    contact is the sum of the costs of its attempts. It is NaN if the cost of an attempt was not recorded.
    """
    has_task = rows["task_id"].notna()
    task = rows["task_id"].where(has_task, rows.index.astype(str))
    keys = [rows["customer_id"], rows["play"], has_task.rename("has_task"), task.rename("task")]
    return rows.groupby(keys)[COST].sum(skipna=False).reset_index()


def _cost_of(play: str | None, contacts: pd.DataFrame) -> ContactCost:
    known_costs = contacts[contacts[COST].notna()]
    return ContactCost(
        play=play,
        contacts=len(contacts),
        with_cost=len(known_costs),
        cost=_mean(known_costs[COST].to_numpy(dtype=np.float64), known_costs["customer_id"]),
    )


def _mean(costs: np.ndarray, customers: pd.Series[str]) -> Interval:
    """Return the mean cost with an interval that is valid even if the contacts of one customer depend on each
    other.

    The store keeps costs in thousandths of the currency, and these whole numbers are summed. So if all costs
    are equal, their mean is exactly this cost. No cost is below 0, so the lower end of the interval is not
    below 0 either.
    """
    if not len(costs):
        return Interval(value=None)
    unit = STORED_UNITS["number"]
    thousandths = np.rint(costs * unit)
    codes, names = pd.factorize(customers)
    if len(names) < 2:
        return Interval(value=float(thousandths.mean()) / unit)
    mean, error = clustered_mean(thousandths, codes)
    half = float(student.ppf(1 - ALPHA / 2, len(names) - 1)) * error
    return Interval(value=mean / unit, low=max(mean - half, 0.0) / unit, high=(mean + half) / unit)
