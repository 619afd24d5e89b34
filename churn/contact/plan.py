"""Plan a night: who is on the call list, who is a control, and why everybody else is not contacted.

The steps have this order, because each step may use only what the steps before it decided:

1. The health bands, with the memory of earlier nights.
2. The plays of the customers.
3. Who may be contacted: consent, suppression, health, open tasks.
4. The arms of those who may be contacted. An arm is drawn once and kept.
5. The places of the night: rest, caps, budget. The arm plays no part in it, so a control spends a place, a
   cap and a rest exactly like a treated customer.
6. The tasks. The task of a control is in the ledger only.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.contact.consent import Consents, contact_refusals
from churn.contact.limits import Candidates, EarlierTasks, Limits, expiry_of, select_contacts
from churn.contact.listing import came_off, carried_tasks, listed_rows, open_tasks, with_states
from churn.contact.memory import band_rows, bands_with_memory, holding_rows, nights_before
from churn.contact.tasks import TaskStates
from churn.contact.working_days import DayRange, QuietHours, WorkingCalendar, not_before
from churn.experiments.assignment import ASSIGNMENT_COLUMNS, UNIVERSAL, Draw, assign, hash_to_unit_interval
from churn.experiments.ledger import TABLES, Ledger
from churn.experiments.units import Units
from churn.metrics.profit import contact_profit
from churn.params import ContactParams, ExperimentsParams, ProfitParams
from churn.scoring.call_list import NO_PLAY, rank_customers
from churn.scoring.dry_run import RuleCount, rule_counts
from churn.scoring.night import ContactPlan, NightModel, ScoredCohort
from churn.scoring.play import Play
from churn.scoring.playbook import Playbook, nights_in_a_row
from churn.scoring.reasons import Progress, compute_reasons, rows_to_explain
from churn.scoring.scores import CONTROL_ARM, TREATED_ARM, Task

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Objects = npt.NDArray[np.object_]

CONTROL_REASON = "control group: nobody contacts this customer"
LOSES_MONEY = "a contact costs more than it is expected to save"


@dataclass(frozen=True)
class PlanTerms:
    """The settings of a plan.

    Attributes:
        experiments: The control group, the unit and the salt.
        contact: The rules of contacts.
        n_places: The number of new tasks of a night, of both arms.
        profit: The costs and the effect of a contact, for what a play does not state.
        n_reasons: The largest number of reasons for a customer.
        language: The language of the reasons.
        timezone: The time zone of the company.
    """

    experiments: ExperimentsParams
    contact: ContactParams
    n_places: int
    profit: ProfitParams
    n_reasons: int
    language: str
    timezone: str


@dataclass(frozen=True)
class Acts:
    """What is known about customers and earlier contacts, beside the signals.

    Attributes:
        units: The unit of each customer.
        consents: The consents as of the cutoff.
        suppressed_ids: The customers on suppression lists, and other customers of the same persons.
        objected_ids: The customers who objected, as known today, and other customers of the same persons.
        zones: The time zone of each customer who has another one than the company, by id.
        states: The states of the earlier tasks.
        warnings: Sentences about what is probably not meant.
    """

    units: Units
    consents: Consents
    suppressed_ids: frozenset[str]
    objected_ids: frozenset[str]
    zones: Mapping[str, str]
    states: TaskStates
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class NightPlan:
    """The plan of a night.

    Attributes:
        contact: What the night plans for each customer.
        ledger_rows: The new rows of the ledger, by table.
        rule_counts: The number of customers of each rule of the playbook.
    """

    contact: ContactPlan
    ledger_rows: Mapping[str, pd.DataFrame]
    rule_counts: tuple[RuleCount, ...]


def plan_night(
    cutoff: date,
    scores: ScoredCohort,
    model: NightModel,
    playbook: Playbook,
    ledger: Ledger,
    own_assignments: pd.DataFrame,
    acts: Acts,
    terms: PlanTerms,
    progress: Progress,
    *,
    is_trial: bool = False,
) -> NightPlan:
    """Plan the contacts of a night.

    Args:
        cutoff: The cutoff of the night.
        scores: The scores of the cohort.
        model: The champion's scorer, for the reasons.
        playbook: The playbook.
        ledger: The earlier nights.
        own_assignments: The assignments that this night made when it was scored before.
        acts: What is known about customers and earlier contacts.
        terms: The settings.
        progress: A function that shows the progress of the reasons.
        is_trial: Whether the night is a trial: then nobody gets an arm, and nothing goes into the ledger.
    """
    n = len(scores.frame)
    band = bands_with_memory(scores, ledger.bands)
    columns = _condition_columns(scores, band)
    may_be_called = ~(band > terms.contact.max_health)
    earlier_tasks = with_states(ledger.tasks, acts.states)
    open_by_row = open_tasks(earlier_tasks, scores.customers)

    reasons = compute_reasons(
        scores.frame,
        _rows_to_explain(scores, band, may_be_called, list(open_by_row), terms.n_places),
        model,
        scores.signals,
        terms.language,
        terms.n_reasons,
        progress,
    )
    families = [customer_reasons[0].family if customer_reasons else None for customer_reasons in reasons]
    holds = playbook.holds(columns, n)
    nights_held = nights_in_a_row(nights_before(ledger.holdings, playbook, scores.customers), holds)
    play_indices = playbook.choose(
        columns,
        n,
        first_families=families,
        nights_held=nights_held,
        may_follow=playbook.follow_ups(earlier_tasks, scores.customers.tolist(), cutoff),
    )
    plays = [playbook.rules[index].play if index >= 0 else None for index in play_indices]

    channels, because = _permissions(scores, plays, may_be_called, acts, terms)
    profit = expected_profit(scores, plays, terms.profit)
    is_eligible = np.array([channel is not None for channel in channels], dtype=bool)
    is_eligible[list(open_by_row)] = False
    loses_money = is_eligible & (profit <= 0)
    because[loses_money] = LOSES_MONEY
    is_eligible &= ~loses_money

    arms = _Arms(np.full(n, None, dtype=object), np.full(n, None, dtype=object), own_assignments)
    if not is_trial:
        earlier = pd.concat([ledger.assignments, own_assignments], ignore_index=True)
        arms = _draw_arms(cutoff, scores, plays, is_eligible, list(open_by_row), earlier, acts.units, terms)
    rows = np.flatnonzero(is_eligible)
    units = acts.units.of(scores.customers)
    selection = select_contacts(
        Candidates(
            customers=scores.customers[rows],
            units=units[rows],
            owners=np.array([play.owner if play else "" for play in plays], dtype=object)[rows],
            channels=np.array(channels, dtype=object)[rows],
            expected_profit=profit[rows],
            probability=scores.probability[rows],
        ),
        EarlierTasks.of(ledger.tasks, acts.units.unit_of),
        _limits(terms),
        cutoff,
    )
    because[rows] = selection.reasons
    contact_rows = rows[selection.contacts]

    state = _PlanState(cutoff, scores, plays, channels, units, profit, families, arms)
    tasks = _new_tasks(state, contact_rows, terms)
    for row in contact_rows:
        because[row] = CONTROL_REASON if arms.arm[row] == CONTROL_ARM else None
    task_rows = _task_rows(state, tasks, contact_rows, acts, terms)
    carried = carried_tasks(open_by_row, playbook)
    for row, open_task in open_by_row.items():
        because[row] = _why_withheld(open_task, arms.arm[row], acts, terms)
        tasks[row] = carried[row] if because[row] is None else None
    on_list = listed_rows(tasks, contact_rows)
    contact = ContactPlan(
        band=band,
        plays=plays,
        reasons=reasons,
        tasks=tasks,
        listed_rows=on_list,
        not_contacted_because=because,
        facts={
            **_facts(playbook, play_indices, set(columns), acts, terms),
            **_counts(tasks, on_list, because),
            "came_off": came_off(earlier_tasks, ledger.previous),
        },
    )
    return NightPlan(
        contact,
        {
            "assignments": arms.new_rows.sort_values(["experiment", "unit"], ignore_index=True),
            "tasks": task_rows,
            "bands": band_rows(scores, band),
            "holdings": holding_rows(playbook, nights_held, scores.customers),
        },
        rule_counts(
            playbook,
            holds,
            {"at risk": play_indices},
            np.isin(np.arange(n), on_list),
            playbook.switched_off(columns.keys()),
        ),
    )


def _condition_columns(scores: ScoredCohort, band: Floats) -> dict[str, npt.NDArray[Any]]:
    columns: dict[str, npt.NDArray[Any]] = {
        str(name): scores.frame[name].to_numpy() for name in scores.frame.columns if name != "customer_id"
    }
    columns |= {"churn_probability": scores.probability, "health": band}
    return columns | {"value_at_risk": scores.value_at_risk, **scores.sides}


@dataclass(frozen=True)
class _Arms:
    """The arm of each customer, None if nobody was drawn, the experiment of a control, and the new rows."""

    arm: Objects
    control_of: Objects
    new_rows: pd.DataFrame


def _draw_arms(
    cutoff: date,
    scores: ScoredCohort,
    plays: Sequence[Play | None],
    is_eligible: Bools,
    open_rows: Sequence[int],
    earlier: pd.DataFrame,
    units: Units,
    terms: PlanTerms,
) -> _Arms:
    """Draw the arms of the units that may be contacted, and of those with an open task.

    A unit with an open task has an arm already; it is looked up because a larger control group may have taken
    the unit since then.
    """
    names = units.of(scores.customers)
    members = _members(units, scores.customers)
    arm = np.full(len(names), None, dtype=object)
    control_of = np.full(len(names), None, dtype=object)
    rows = np.union1d(np.flatnonzero(is_eligible), np.array(open_rows, dtype=np.intp)).astype(np.intp)
    arm[rows] = TREATED_ARM
    new_rows = []
    for experiment, (share, own) in _experiments(plays, rows, is_eligible, terms.experiments).items():
        draw = Draw(terms.experiments.salt, experiment, cutoff)
        drawn, new = assign(_unit_table(names, own, scores, members), earlier, share=share, draw=draw)
        new_rows.append(new)
        controls = set(drawn.loc[drawn["arm"] == CONTROL_ARM, "unit"])
        is_new_control = np.array([name in controls for name in names[own]], dtype=bool)
        is_new_control &= arm[own] == TREATED_ARM
        arm[own[is_new_control]] = CONTROL_ARM
        control_of[own[is_new_control]] = experiment
    own_rows = earlier[earlier["assigned_on"] == cutoff]
    table = pd.concat([own_rows, *new_rows], ignore_index=True)[list(ASSIGNMENT_COLUMNS)]
    return _Arms(arm, control_of, table.drop_duplicates(["experiment", "unit"], keep="last"))


def _members(units: Units, customers: Objects) -> dict[str, list[str]]:
    """Return all customers of each unit, also those outside the cohort, in order."""
    members: dict[str, list[str]] = {}
    for customer, unit in units.unit_of.items():
        members.setdefault(unit, []).append(customer)
    for customer in customers:
        if customer not in units.unit_of:
            members.setdefault(str(customer), []).append(str(customer))
    return {unit: sorted(own) for unit, own in members.items()}


@dataclass(frozen=True)
class _PlanState:
    """What is decided about the customers of the cohort before their tasks are written."""

    cutoff: date
    scores: ScoredCohort
    plays: Sequence[Play | None]
    channels: Sequence[str | None]
    units: Objects
    profit: Floats
    families: Sequence[str | None]
    arms: _Arms


def _new_tasks(state: _PlanState, contact_rows: Ints, terms: PlanTerms) -> list[Task | None]:
    """Return the new task of each customer, None without one."""
    contact = terms.contact
    calendar = WorkingCalendar.of(
        contact.working_days,
        contact.holidays,
        [DayRange(period.first, period.last) for period in contact.announcements],
    )
    tasks: list[Task | None] = [None] * len(state.plays)
    for row in contact_rows.tolist():
        play, channel = state.plays[row], state.channels[row]
        if play is None or channel is None:
            raise ValueError("a customer without a play cannot be selected")
        variant = _variant_of(play, str(state.units[row]), terms.experiments.salt)
        own = play.variants[variant] if variant else None
        tasks[row] = Task(
            task_id=task_id(play.name, str(state.scores.customers[row]), state.cutoff),
            play=play.name,
            action=play.action,
            owner=play.owner,
            channel=channel,
            due_at=calendar.due_date(state.cutoff, play.due_in_days),
            success=play.success_text,
            template=own.template if own and own.template else play.template,
            variant=variant,
            arm=state.arms.arm[row],
            planned_on=state.cutoff,
            status="new",
        )
    return tasks


def _task_rows(
    state: _PlanState, tasks: Sequence[Task | None], contact_rows: Ints, acts: Acts, terms: PlanTerms
) -> pd.DataFrame:
    """Return the new tasks of both arms as rows of the ledger, ordered by id."""
    quiet = QuietHours.of(terms.contact.quiet_hours.begin, terms.contact.quiet_hours.end)
    scores = state.scores
    rows = []
    for row in contact_rows.tolist():
        task, play, customer = tasks[row], state.plays[row], str(scores.customers[row])
        if task is None or play is None:
            continue
        costs = play.terms(_without_incentive(terms.profit))
        shared = ("task_id", "play", "variant", "arm", "owner", "channel", "template", "planned_on", "due_at")
        rows.append(
            {name: getattr(task, name) for name in shared}
            | {
                "customer_id": customer,
                "unit": str(state.units[row]),
                "control_of": state.arms.control_of[row],
                "expires_on": expiry_of(task.due_at, terms.contact.rest_days),
                "not_before": not_before(task.due_at, acts.zones.get(customer, terms.timezone), quiet),
                "churn_probability": float(scores.probability[row]),
                "expected_profit": float(state.profit[row]),
                "residual_value": float(scores.residual_value[row]),
                "cost": costs.contact_cost,
                "incentive": costs.incentive_cost,
                "first_reason_family": state.families[row],
            }
        )
    return pd.DataFrame(rows, columns=TABLES["tasks"].names).sort_values("task_id", ignore_index=True)


def _why_withheld(task: Mapping[str, Any], arm: str | None, acts: Acts, terms: PlanTerms) -> str | None:
    """Return why the customer of an open task is not on the call list; None if the customer is.

    What allowed a contact when it was planned may have ended since then.
    """
    if CONTROL_ARM in (task["arm"], arm):
        return CONTROL_REASON
    if task["state"] == "snoozed":
        return f"snoozed until {task['snoozed_until'].date()}"
    customer = task["customer_id"]
    refusals = contact_refusals(
        np.array([customer], dtype=object),
        np.array([task["channel"]], dtype=object),
        has_objected=np.array([customer in acts.objected_ids]),
        is_suppressed=np.array([customer in acts.suppressed_ids]),
        consents=acts.consents,
        consent_channels=terms.contact.consent_channels,
    )
    refusal: str | None = refusals[0]
    return refusal


def expected_profit(scores: ScoredCohort, plays: Sequence[Play | None], defaults: ProfitParams) -> Floats:
    """Return the expected profit of contacting each customer with the customer's play, in currency.

    It is the formula of the profit metric, with the probability in the place of the label. A play that states
    no incentive gives none. Costs and effects are assumptions until a control group has measured them.

    Args:
        scores: The scores of the cohort.
        plays: The play of each customer; None gives NaN.
        defaults: The costs and the effect for what a play does not state.
    """
    profit = np.full(len(scores.probability), np.nan)
    plays_by_name = {play.name: play for play in plays if play is not None}
    names = np.array([play.name if play else "" for play in plays], dtype=object)
    for name, play in plays_by_name.items():
        rows = np.flatnonzero(names == name)
        p = scores.probability[rows]
        profit[rows] = contact_profit(
            np.ones(len(rows)),
            p,
            p * scores.residual_value[rows],
            play.terms(_without_incentive(defaults)),
        )
    return profit


def _without_incentive(defaults: ProfitParams) -> ProfitParams:
    return defaults.model_copy(update={"incentive_cost": 0.0})


def task_id(play: str, customer: str, planned_on: date) -> str:
    """Return the id of a task; equal in each repeat of the night."""
    return hashlib.sha256(f"{planned_on}|{play}|{customer}".encode()).hexdigest()[:16]


def _variant_of(play: Play, unit: str, salt: str) -> str | None:
    point, reached = hash_to_unit_interval(salt, f"variant of {play.name}", unit), 0.0
    shares = play.variant_shares()
    for name, share in shares.items():
        reached += share
        if point < reached:
            return name
    return next(reversed(shares), None)  # the shares sum to 1 but for their last bit


def _limits(terms: PlanTerms) -> Limits:
    contact = terms.contact
    return Limits(
        rest_days=contact.rest_days,
        max_contacts=contact.per_customer.contacts,
        max_contacts_days=contact.per_customer.days,
        budget=terms.n_places,
        per_owner=contact.per_owner,
        per_channel=contact.per_channel,
        unit=terms.experiments.unit,
    )


def _rows_to_explain(
    scores: ScoredCohort, band: Floats, may_be_called: Bools, open_rows: Sequence[int], n_places: int
) -> Ints:
    """Return the rows that get reasons: open tasks, the likely contacts, and the riskiest others.

    The play may follow the first reason, so reasons are needed before the plays are known: for twice as many
    customers as there are places, by value at risk.
    """
    order = rank_customers(scores.customers, scores.value_at_risk, scores.probability)
    likely = order[may_be_called[order]][: 2 * n_places + 10]
    rows = np.array(list(dict.fromkeys([*open_rows, *likely.tolist()])), dtype=np.intp)
    return rows_to_explain(rows, band, scores.probability)


def _permissions(
    scores: ScoredCohort,
    plays: Sequence[Play | None],
    may_be_called: Bools,
    acts: Acts,
    terms: PlanTerms,
) -> tuple[list[str | None], Objects]:
    """Return the channel in which each customer may be contacted, and why others may not.

    Of the channels of a play, the first one that is allowed is taken.
    """
    n = len(plays)
    because = np.full(n, NO_PLAY, dtype=object)
    channels: list[str | None] = [None] * n
    has_play = np.array([play is not None for play in plays], dtype=bool)
    too_healthy = has_play & ~may_be_called
    because[too_healthy] = f"health is above {terms.contact.max_health}"
    waiting = np.flatnonzero(has_play & may_be_called)
    preference = 0
    while len(waiting):
        wanted_channels = [_channel(plays[row], preference) for row in waiting.tolist()]
        has_channel = np.array([name is not None for name in wanted_channels], dtype=bool)
        waiting = waiting[has_channel]
        names: Objects = np.array([name for name in wanted_channels if name is not None], dtype=object)
        if not len(waiting):
            break
        customers = scores.customers[waiting]
        refusals = contact_refusals(
            customers,
            names,
            has_objected=np.array([customer in acts.objected_ids for customer in customers], dtype=bool),
            is_suppressed=np.array([customer in acts.suppressed_ids for customer in customers], dtype=bool),
            consents=acts.consents,
            consent_channels=terms.contact.consent_channels,
        )
        for row, name, refusal in zip(waiting, names, refusals, strict=True):
            if refusal is None:
                channels[row], because[row] = str(name), None
            elif preference == 0:
                because[row] = refusal
        waiting = waiting[[refusal is not None for refusal in refusals]]
        preference += 1
    return channels, because


def _channel(play: Play | None, preference: int) -> str | None:
    order = play.channel_order if play else ()
    return order[preference] if preference < len(order) else None


def _experiments(
    plays: Sequence[Play | None], rows: Ints, is_eligible: Bools, terms: ExperimentsParams
) -> dict[str, tuple[float, Ints]]:
    """Return the share of the control group and the rows of each experiment, by name.

    The universal experiment comes first, so that a customer in its control group counts as its control. A
    play with a control group of its own assigns all its eligible customers, also those of the universal
    group.
    """
    experiments = {UNIVERSAL: (terms.control.share, rows)}
    names = np.array([play.name if play else "" for play in plays], dtype=object)
    shares = {play.name: play.control for play in plays if play is not None and play.control}
    for name in sorted(shares):
        experiments[name] = (float(shares[name] or 0.0), np.flatnonzero(is_eligible & (names == name)))
    return {name: (share, own) for name, (share, own) in experiments.items() if len(own)}


def _unit_table(
    names: Objects, rows: Ints, scores: ScoredCohort, members: Mapping[str, list[str]]
) -> pd.DataFrame:
    """Return the units of some rows: the highest probability, the sum of the values, and all customers."""
    frame = pd.DataFrame(
        {
            "unit": names[rows],
            "score": scores.probability[rows],
            "value": scores.residual_value[rows],
        }
    )
    groups = frame.groupby("unit", sort=True)
    units = list(groups.groups)
    return pd.DataFrame(
        {
            "unit": units,
            "score": groups["score"].max().to_numpy(),
            "value": groups["value"].sum(min_count=1).to_numpy(),
            "customers": [members[str(unit)] for unit in units],
        }
    )


def _facts(
    playbook: Playbook, play_indices: Ints, columns: set[str], acts: Acts, terms: PlanTerms
) -> dict[str, Any]:
    """Return the settings and the plays of a plan, for the facts of the night."""
    control = terms.experiments.control
    return {
        "places": terms.n_places,
        "control_share": control.share,
        "no_control_because": control.because if control.share == 0 else None,
        "answers_are_assumed": acts.states.is_assumed,
        "contacted_controls": list(acts.states.contacted_controls),
        "shared_addresses": acts.units.shared_addresses,
        "merged_units": len(acts.units.merged_units),
        "plays": {
            rule.play.name: int((play_indices == index).sum()) for index, rule in enumerate(playbook.rules)
        },
        "switched_off": {name: list(keys) for name, keys in playbook.switched_off(columns).items()},
        "paused": dict(playbook.pause_reasons),
    }


def _counts(tasks: Sequence[Task | None], on_list: Ints, because: Objects) -> dict[str, Any]:
    """Return the counts of a plan, for the facts of the night."""
    listed = [task for row in on_list.tolist() if (task := tasks[row]) is not None]
    status = Counter(task.status for task in listed)
    return {
        "contacted": len(listed),
        "tasks": {name: status.get(name, 0) for name in ("new", "open", "overdue")},
        "controls": sum(task is not None and task.arm == CONTROL_ARM for task in tasks),
        "not_contacted": dict(sorted(Counter(_kind_of(reason) for reason in because if reason).items())),
    }


def _kind_of(reason: str) -> str:
    """Return a reason without its date, so that equal reasons are counted together."""
    return re.sub(r" \d{4}-\d{2}-\d{2}$", " a later day", reason)
