"""What five policies earn with the same number of contacts, from the same random numbers."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from churn.contact.acts import Permissions, read_permissions
from churn.contact.consent import plain_channel
from churn.contact.new_tasks import task_id
from churn.data.acts import read_reach
from churn.data.store import Store
from churn.demo import troubles
from churn.demo import world as w
from churn.demo.contact_effects import DRIVEN_AWAY, HELP, LEAVING_IF_HELPED, fitting_troubles
from churn.demo.life import BASE_HAZARD, IN_FORCE, INACTIVE, hazard_factor
from churn.demo.live_company import EFFECTIVE_RESULT, LiveCompany
from churn.demo.living import Contact, LivingChunk
from churn.demo.relation_tables import CONTACTS
from churn.demo.team import ListedTask, work_off
from churn.experiments.assignment import UNIVERSAL, hash_to_unit_interval
from churn.experiments.ledger import Ledger, read_whole_ledger
from churn.experiments.units import Units, find_units
from churn.params import ExperimentsParams, Params, load_params
from churn.scoring.play import Play
from churn.scoring.scores import CONTROL_ARM
from churn.scoring.sink import scores_path
from pipelines.score import check_inputs

Floats = npt.NDArray[np.float64]

REST_DAYS = 28
DAYS_AFTER = 180
"""How long customers are watched after the last night, without contacts; the calendar may end before."""
CONTACT_COST = 1.0
DAYS_PER_MONTH = 365.25 / 12
DEFAULT_PLAY, DEFAULT_CHANNEL = "check-in", "email"
"""The play and its channel for a customer for whom the playbook has none."""
FINAL_RESULTS = ("done", "declined")
LIST_HEALTH = 3
"""The best health of a customer on the call list, `contact.max_health` of the demo company."""


@dataclass(frozen=True)
class PolicyProfit:
    """What a policy earns.

    Attributes:
        profit: The profit of each customer.
        contacts: The number of contacts.
        driven_away: The contacts of customers whom a contact in this channel drives away.
    """

    profit: Floats
    contacts: int
    driven_away: int = 0


@dataclass(frozen=True)
class Candidates:
    """The customers whom a policy may choose tonight. Arrays [candidate]."""

    night: date
    customer_id: npt.NDArray[np.object_]
    row: npt.NDArray[np.intp]
    play: npt.NDArray[np.object_]
    channel: npt.NDArray[np.object_]
    probability: Floats
    value_at_risk: Floats
    health: Floats
    has_play: npt.NDArray[np.bool_]


Ranking = Callable[[Candidates, LivingChunk], Floats]
"""Returns the rank of each candidate, the highest first; NaN for one whom the policy never contacts."""


def rank_randomly(candidates: Candidates, chunk: LivingChunk) -> Floats:
    """Return numbers that depend on nothing but the night."""
    return np.random.default_rng([11, candidates.night.toordinal()]).random(len(chunk.history.people))[
        candidates.row
    ]


def rank_by_risk(candidates: Candidates, chunk: LivingChunk) -> Floats:
    """Return the churn probabilities of the night."""
    return candidates.probability


def rank_by_value(candidates: Candidates, chunk: LivingChunk) -> Floats:
    """Return the values at risk of the night, the churn probability times the residual value."""
    return candidates.value_at_risk


def rank_the_unhealthy(candidates: Candidates, chunk: LivingChunk) -> Floats:
    """Return the values at risk of customers whose health is that of the call list."""
    return np.where(candidates.health <= LIST_HEALTH, candidates.value_at_risk, np.nan)


def rank_those_with_a_play(candidates: Candidates, chunk: LivingChunk) -> Floats:
    """Return the values at risk of customers for whom the playbook has a play."""
    return np.where(candidates.has_play, candidates.value_at_risk, np.nan)


def rank_by_truth(candidates: Candidates, chunk: LivingChunk) -> Floats:
    """Return the revenue that a contact saves in a day: the oracle knows troubles, hazards and effects."""
    life, people = chunk.lived_world.life, chunk.history.people
    hazard = np.full(len(people), BASE_HAZARD)
    for kind in range(len(troubles.TROUBLES)):
        if kind != troubles.PAYMENT_TROUBLE:
            hazard += troubles.HAZARD[kind].take(life.phase[kind])
    hazard *= hazard_factor(people, life.start, chunk.day)
    dunning = troubles.HAZARD[troubles.PAYMENT_TROUBLE].take(life.phase[troubles.PAYMENT_TROUBLE])
    price = people.price_on(np.arange(len(people)), np.full(len(people), chunk.day))
    gain = np.full(len(candidates.row), np.nan)
    for number, (row, play, channel) in enumerate(
        zip(candidates.row, candidates.play, candidates.channel, strict=True)
    ):
        effects = chunk.effects.effects
        fits = fitting_troubles(str(play), life.phase[:, row])
        if effects[channel if channel in effects else "email"][row] == HELP and fits.any():
            saved = hazard[row] + dunning[row] * fits[troubles.PAYMENT_TROUBLE]
            gain[number] = (1 - LEAVING_IF_HELPED) * saved * price[row]
    return gain


POLICIES: dict[str, Ranking] = {
    "random": rank_randomly,
    "top risk": rank_by_risk,
    "risk x value": rank_by_value,
    f"risk x value, health of {LIST_HEALTH} or worse": rank_the_unhealthy,
    "risk x value, with a play": rank_those_with_a_play,
    "oracle": rank_by_truth,
}


def policy_profits(folder: Path) -> dict[str, PolicyProfit]:
    """Return what each policy earns on the nights of a run.

    Each policy lives its own life from the same random numbers. It may choose each customer whom the night
    scored, who did not object, whose consent the channel of the play has, and who is in no control group. It
    plans as many contacts a night as the run gave to treated customers, with the same rest. Risk is what the
    nights of the run predicted. The profit of a customer is the revenue above that of the untouched life,
    until `DAYS_AFTER` days after the last night, minus `CONTACT_COST` for each contact.

    Args:
        folder: The folder of the run.
    """
    names = ("ours", *POLICIES)
    with ProcessPoolExecutor(min(len(names), os.cpu_count() or 1)) as pool:
        return dict(zip(names, pool.map(_profit_of, [folder] * len(names), names), strict=True))


def _profit_of(folder: Path, name: str) -> PolicyProfit:
    """Return what one policy earns on the nights of a run."""
    stamp = json.loads((folder / "data" / "company" / "demo.json").read_text(encoding="utf-8"))
    company = LiveCompany(int(stamp["customers"]), int(stamp["seed"]))
    if len(company.chunks) != 1:
        raise ValueError("a company of several chunks is too large for this comparison")
    until = date.fromisoformat(stamp["lived_until"])
    fresh = company.chunks[0]
    if name == "ours":
        contacts = pq.read_table(folder / "data" / "company" / "contacts.parquet").select(CONTACTS.names)
    else:
        run = NightRun.read(folder)
        contacts = _contacts_of_policy(copy.deepcopy(fresh), run, until, POLICIES[name])
    return _earn(fresh, contacts, until)


def _earn(chunk: LivingChunk, contacts: pa.Table, until: date) -> PolicyProfit:
    """Live with some contacts, and return the profit of each customer."""
    people = chunk.history.people
    everybody, days = np.arange(len(people)), _contacts_by_day(chunk, contacts)
    revenue = np.zeros(len(people))
    while chunk.day < min(w.day_of(until) + DAYS_AFTER, w.CALENDAR_DAYS):
        chunk.live(days.get(chunk.day, []), with_tables=False)
        price = people.price_on(everybody, np.full(len(people), chunk.day)) / DAYS_PER_MONTH
        is_there = (chunk.lived_world.life.state != INACTIVE).astype(float)
        revenue += price * (is_there - (chunk.untouched_world.life.state != INACTIVE))
    rows = {name: row for row, name in enumerate(chunk.history.ids.to_pylist())}
    customer = np.array([rows[name] for name in contacts["customer_id"].to_pylist()], dtype=np.intp)
    cost = np.bincount(customer, minlength=len(people)) * CONTACT_COST
    effects = chunk.effects.effects
    driven_away = sum(
        int(effects[channel if channel in effects else "email"][row] == DRIVEN_AWAY)
        for channel, row in zip(contacts["channel"].to_pylist(), customer.tolist(), strict=True)
    )
    return PolicyProfit(revenue - cost, len(contacts), driven_away)


def _contacts_by_day(chunk: LivingChunk, contacts: pa.Table) -> dict[int, list[Contact]]:
    rows = {name: row for row, name in enumerate(chunk.history.ids.to_pylist())}
    days: dict[int, list[Contact]] = {}
    for entry in contacts.to_pylist():
        if entry["result"] == EFFECTIVE_RESULT:
            day = w.day_of(entry["contacted_at"].date())
            contact = Contact(day, rows[entry["customer_id"]], entry["channel"], entry["play"])
            days.setdefault(day, []).append(contact)
    return days


@dataclass(frozen=True)
class NightRun:
    """The nights of a run, and the rules that hold for each policy.

    Attributes:
        params: The parameters of the run.
        store: The store of the run.
        ledger: The ledger of the run.
        plays: The plays of the playbook, by name.
        controls: The customers whom no policy contacts.
    """

    params: Params
    store: Store
    ledger: Ledger
    plays: Mapping[str, Play]
    controls: frozenset[str]

    @classmethod
    def read(cls, folder: Path) -> NightRun:
        """Read the run of a folder."""
        params = load_params(folder / "params.yaml")
        store, ledger = Store.open(params), read_whole_ledger(params.output)
        units = find_units(read_reach(store).to_pandas(), params.experiments.unit, ledger.unit_of)
        plays = {rule.play.name: rule.play for rule in check_inputs(params).rules}
        return cls(params, store, ledger, plays, control_customers(ledger, units, params.experiments))

    def permissions(self, night: date) -> Permissions:
        """Return whom the company may contact at a night."""
        return read_permissions(self.store, night, self.params.contact)

    def channel_order(self, play: str | None) -> tuple[str, ...]:
        """Return the channels of a play in the order of preference; those of the default without a play."""
        return self.plays[play].channel_order if play else (DEFAULT_CHANNEL,)


def allowed_channel(
    channels: Sequence[str], customer: str, permissions: Permissions, consent_channels: Sequence[str]
) -> str | None:
    """Return the first channel in which the customer may be contacted; None if there is none.

    The scores of a night have a channel only for the customers of its call list, so the rules of consent are
    applied again: a policy that chooses others must not call customers who never agreed to be called.

    Args:
        channels: The channels of the play in the order of preference.
        customer: The customer.
        permissions: Whom the company may contact.
        consent_channels: The channels that need consent.
    """
    if customer in permissions.objected_ids or customer in permissions.suppressed_ids:
        return None
    needing = {plain_channel(channel) for channel in consent_channels}
    for channel in channels:
        name = plain_channel(channel)
        if name not in needing or customer in permissions.consents.customers_by_channel.get(name, ()):
            return channel
    return None


def control_customers(ledger: Ledger, units: Units, experiments: ExperimentsParams) -> frozenset[str]:
    """Return the customers whom no policy contacts: the control group of the run, and a share of the others.

    The run drew arms for the units that it might contact. If only these had controls, a policy that chooses
    others would have no control group there, and would seem to be better than it is.

    Args:
        ledger: The ledger of the run.
        units: The unit of each customer.
        experiments: The share of the control group, and the salt.
    """
    rows = ledger.assignments[ledger.assignments["experiment"] == UNIVERSAL]
    own = rows[rows["arm"] == CONTROL_ARM]
    controls = {*own["unit"]}
    known = {*rows["unit"]}
    share, salt = experiments.control.share, experiments.salt
    return frozenset(
        customer
        for customer, unit in units.unit_of.items()
        if unit in controls or (unit not in known and hash_to_unit_interval(salt, UNIVERSAL, unit) < share)
    ) | {name for names in own["customers"] for name in names}


def _contacts_of_policy(chunk: LivingChunk, run: NightRun, until: date, ranking: Ranking) -> pa.Table:
    """Return the contacts of a policy, night by night, with the same team."""
    ledger, output = run.ledger, run.params.output
    nights = [night.cutoff for night in ledger.nights]
    rows = {name: row for row, name in enumerate(chunk.history.ids.to_pylist())}
    treated = ledger.tasks[ledger.tasks["arm"] == "treated"]
    planned_on = pd.to_datetime(treated["planned_on"]).dt.date
    free_on: dict[str, date] = {}
    open_tasks: dict[str, tuple[ListedTask, date]] = {}
    tables = []
    for night, next_night in zip(nights, [*nights[1:], until], strict=True):
        scores = pd.read_parquet(scores_path(output, night))
        candidates = _candidates(scores, night, rows, run, chunk, free_on)
        rank = ranking(candidates, chunk)
        order = np.lexsort((candidates.customer_id, -rank))
        # The tasks of the lists beside the call list are no places: they have no row in the scores.
        n_places = int(treated["task_id"][planned_on == night].isin(scores["task_id"]).sum())
        for number in [n for n in order.tolist() if not np.isnan(rank[n])][:n_places]:
            task = _task(candidates, number)
            free_on[task.customer_id] = task.due_at + timedelta(REST_DAYS)
            open_tasks[task.task_id] = (task, night)
        is_open = [
            task
            for task, waits_until in open_tasks.values()
            if waits_until <= night
            and night < task.due_at + timedelta(REST_DAYS)
            and chunk.lived_world.life.state[rows[task.customer_id]] == IN_FORCE
        ]
        contacts = work_off(is_open, night, next_night)
        for entry in contacts.to_pylist():
            if entry["result"] in FINAL_RESULTS:
                del open_tasks[entry["task_id"]]
            elif entry["snoozed_until"]:
                task, _ = open_tasks[entry["task_id"]]
                open_tasks[entry["task_id"]] = (task, entry["snoozed_until"].date())
        days = _contacts_by_day(chunk, contacts)
        while chunk.day < w.day_of(next_night):
            chunk.live(days.get(chunk.day, []), with_tables=False)
        tables.append(contacts)
    return pa.concat_tables(tables)


def _candidates(
    scores: pd.DataFrame,
    night: date,
    rows: dict[str, int],
    run: NightRun,
    chunk: LivingChunk,
    free_on: dict[str, date],
) -> Candidates:
    """Return the customers whom a policy may choose in its own world: scored, in force and not resting."""
    is_scored = scores["excluded_because"].isna() & scores["churn_probability"].notna()
    names = scores["customer_id"]
    is_there = chunk.lived_world.life.state[[rows[name] for name in names]] == IN_FORCE
    is_free = np.array([free_on.get(name, night) <= night for name in names])
    chosen = scores[is_scored & is_there & is_free & ~names.isin(run.controls)]
    permissions = run.permissions(night)
    play = [name if isinstance(name, str) else None for name in chosen["play"]]
    channel = [
        allowed_channel(run.channel_order(name), customer, permissions, run.params.contact.consent_channels)
        for name, customer in zip(play, chosen["customer_id"], strict=True)
    ]
    is_allowed = np.array([name is not None for name in channel], dtype=bool)
    chosen = chosen[is_allowed]
    return Candidates(
        night,
        chosen["customer_id"].to_numpy(dtype=object),
        np.array([rows[name] for name in chosen["customer_id"]], dtype=np.intp),
        np.array([name or DEFAULT_PLAY for name in play], dtype=object)[is_allowed],
        np.array(channel, dtype=object)[is_allowed],
        chosen["churn_probability"].to_numpy(dtype=np.float64),
        chosen["value_at_risk"].to_numpy(dtype=np.float64),
        chosen["health"].to_numpy(dtype=np.float64),
        chosen["play"].notna().to_numpy(),
    )


def _task(candidates: Candidates, number: int) -> ListedTask:
    customer, play = str(candidates.customer_id[number]), str(candidates.play[number])
    night = candidates.night
    return ListedTask(
        task_id(play, customer, night),
        customer,
        play,
        None,
        str(candidates.channel[number]),
        night + timedelta(3),
    )
