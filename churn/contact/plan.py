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
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.contact.consent import Consents, contact_refusals
from churn.contact.limits import Candidates, EarlierTasks, Limits, select_contacts
from churn.contact.tasks import TaskStates
from churn.contact.working_days import DayRange, QuietHours, WorkingCalendar, not_before
from churn.experiments.assignment import ASSIGNMENT_COLUMNS, UNIVERSAL, Draw, assign, hash_to_unit_interval
from churn.experiments.ledger import TABLES, Ledger
from churn.experiments.units import Units
from churn.metrics.profit import contact_profit
from churn.model.value import health_band
from churn.params import ContactParams, ExperimentsParams, ProfitParams
from churn.scoring.call_list import NO_PLAY, rank_customers
from churn.scoring.night import ContactPlan, NightModel, ScoredCohort
from churn.scoring.play import Play
from churn.scoring.playbook import Playbook, nights_in_a_row
from churn.scoring.reasons import Progress, compute_reasons, rows_to_explain
from churn.scoring.scores import CONTROL_ARM, TREATED_ARM, Task, TaskStatus

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Objects = npt.NDArray[np.object_]

BAND_MARGIN = 1.1
"""How far the odds ratio must pass the edge of a band, so that the band changes after one night."""

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
        suppressed: The customers on suppression lists.
        objected: The customers who objected, as known today.
        zones: The time zone of each customer who has another one than the company, by id.
        states: The states of the earlier tasks.
        warnings: Sentences about what is probably not meant.
    """

    units: Units
    consents: Consents
    suppressed: frozenset[str]
    objected: frozenset[str]
    zones: Mapping[str, str]
    states: TaskStates
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class NightPlan:
    """The plan of a night, and the new rows of the ledger by table."""

    contact: ContactPlan
    ledger_rows: Mapping[str, pd.DataFrame]


def plan_night(
    cutoff: date,
    scored: ScoredCohort,
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
        scored: The scores of the cohort.
        model: The champion's scorer, for the reasons.
        playbook: The playbook.
        ledger: The earlier nights.
        own_assignments: The assignments that this night made when it was scored before.
        acts: What is known about customers and earlier contacts.
        terms: The settings.
        progress: A function that shows the progress of the reasons.
        is_trial: Whether the night is a trial: then nobody gets an arm, and nothing goes into the ledger.
    """
    n = len(scored.frame)
    band = bands_with_memory(scored, ledger.bands)
    columns: dict[str, npt.NDArray[Any]] = {
        str(name): scored.frame[name].to_numpy() for name in scored.frame.columns if name != "customer_id"
    }
    columns |= {"churn_probability": scored.probability, "health": band}
    columns |= {"value_at_risk": scored.value_at_risk, **scored.sides}
    may_be_called = ~(band > terms.contact.max_health)

    earlier_tasks = with_states(ledger.tasks, acts.states)
    open_tasks = _open_tasks(earlier_tasks, scored.customers)
    explained_rows = _rows_to_explain(scored, band, may_be_called, open_tasks, terms.n_places)
    reasons = compute_reasons(
        scored.frame, explained_rows, model, scored.signals, terms.language, terms.n_reasons, progress
    )
    families = [customer_reasons[0].family if customer_reasons else None for customer_reasons in reasons]

    nights_held = nights_in_a_row(
        _nights_before(ledger.holdings, playbook, scored.customers), playbook.holding(columns, n)
    )
    play_indices = playbook.choose(
        columns,
        n,
        first_families=families,
        nights_held=nights_held,
        may_follow=playbook.follow_ups(earlier_tasks, scored.customers.tolist(), cutoff),
    )
    plays: list[Play | None] = [playbook.rules[index].play if index >= 0 else None for index in play_indices]

    channels, because = _permissions(scored, plays, may_be_called, acts, terms)
    units = acts.units.of(scored.customers)
    is_eligible = np.array([channel is not None for channel in channels], dtype=bool)
    is_eligible[list(open_tasks)] = False
    profit = expected_profit(scored, plays, terms.profit)
    loses_money = is_eligible & (profit <= 0)
    because[loses_money] = LOSES_MONEY
    is_eligible &= ~loses_money

    draw_salt = terms.experiments.salt
    new_assignments = [own_assignments]
    arms = np.full(n, TREATED_ARM, dtype=object)
    control_of = np.full(n, None, dtype=object)
    if not is_trial:
        earlier = pd.concat([ledger.assignments, own_assignments], ignore_index=True)
        experiments = _experiments(plays, is_eligible, terms.experiments)
        for experiment, (share, rows) in experiments.items():
            drawn = Draw(draw_salt, experiment, cutoff)
            arm_of, new_rows = assign(_unit_table(units, rows, scored), earlier, share=share, draw=drawn)
            new_assignments.append(new_rows)
            controls = set(arm_of.loc[arm_of["arm"] == CONTROL_ARM, "unit"])
            is_control = np.array([unit in controls for unit in units[rows]], dtype=bool)
            chosen = rows[is_control & (arms[rows] == TREATED_ARM)]
            arms[chosen] = CONTROL_ARM
            control_of[chosen] = experiment

    rows = np.flatnonzero(is_eligible)
    candidates = Candidates(
        customers=scored.customers[rows],
        units=units[rows],
        owners=np.array([play.owner if play else "" for play in plays], dtype=object)[rows],
        channels=np.array(channels, dtype=object)[rows],
        expected_profit=profit[rows],
        probability=scored.probability[rows],
    )
    selection = select_contacts(
        candidates, EarlierTasks.of(ledger.tasks, acts.units.unit_of), _limits(terms), cutoff
    )
    because[rows] = selection.reasons
    accepted = rows[selection.contacts]
    calendar = WorkingCalendar.of(
        terms.contact.working_days,
        terms.contact.holidays,
        [DayRange(period.first, period.last) for period in terms.contact.announcements],
    )
    quiet = QuietHours.of(terms.contact.quiet_hours.begin, terms.contact.quiet_hours.end)
    tasks: list[Task | None] = [None] * n
    rows_of_ledger: list[dict[str, Any]] = []
    for row in accepted:
        play = plays[row]
        assert play is not None
        customer, unit = str(scored.customers[row]), str(units[row])
        due_at = calendar.due_date(cutoff, play.due_in_days)
        task = Task(
            task_id=task_id(play.name, customer, cutoff),
            play=play.name,
            action=play.action,
            owner=play.owner,
            channel=str(channels[row]),
            due_at=due_at,
            success=play.success_text,
            template=None,
            variant=_variant_of(play, unit, draw_salt),
            arm=None if is_trial else str(arms[row]),
            planned_on=cutoff,
            status="new",
        )
        task = _with_template(task, play)
        tasks[row] = task
        because[row] = CONTROL_REASON if task.arm == CONTROL_ARM else None
        costs = play.terms(_without_incentive(terms.profit))
        rows_of_ledger.append(
            {
                "task_id": task.task_id,
                "customer_id": customer,
                "unit": unit,
                "play": play.name,
                "variant": task.variant,
                "arm": task.arm,
                "control_of": control_of[row] if task.arm == CONTROL_ARM else None,
                "owner": play.owner,
                "channel": task.channel,
                "template": task.template,
                "planned_on": cutoff,
                "due_at": due_at,
                "expires_on": due_at + timedelta(days=terms.contact.rest_days),
                "not_before": not_before(due_at, acts.zones.get(customer, terms.timezone), quiet),
                "churn_probability": float(scored.probability[row]),
                "expected_profit": float(profit[row]),
                "residual_value": float(scored.residual_value[row]),
                "cost": costs.contact_cost,
                "incentive": costs.incentive_cost,
                "first_reason_family": families[row],
            }
        )
    for row, carried_task in _carried(open_tasks, playbook).items():
        tasks[row] = carried_task
    listed_rows = _listed_rows(tasks, accepted)
    for row, open_task in open_tasks.items():
        because[row] = _why_not_listed(open_task)

    came_off = _came_off(earlier_tasks, ledger.previous)
    contact = ContactPlan(
        band=band,
        plays=plays,
        reasons=reasons,
        tasks=tasks,
        listed_rows=listed_rows,
        not_contacted_because=because,
        facts=_facts(playbook, play_indices, columns, (tasks, listed_rows, because), came_off, acts, terms),
    )
    assignments = pd.concat(new_assignments, ignore_index=True)[list(ASSIGNMENT_COLUMNS)]
    assignments = assignments.drop_duplicates(["experiment", "unit"], keep="last")
    ledger_rows = {
        "assignments": assignments.sort_values(["experiment", "unit"], ignore_index=True),
        "tasks": pd.DataFrame(rows_of_ledger, columns=TABLES["tasks"].names).sort_values(
            "task_id", ignore_index=True
        ),
        "bands": _band_rows(scored, band),
        "holdings": _holding_rows(playbook, nights_held, scored.customers),
    }
    return NightPlan(contact, ledger_rows)


def bands_with_memory(scored: ScoredCohort, earlier: pd.DataFrame) -> Floats:
    """Return the health bands, which do not change because of a single night near the edge of a band.

    A band changes if the bands of two nights in a row lie on the same side of it. It changes after one night
    if the odds ratio lies at least 10 % beyond the edge. A customer without an earlier band, or with a
    history too short for a band, gets the band of this night.

    Args:
        scored: The scores of the cohort.
        earlier: The bands of the night before: `customer_id`, `raw_band` and `band`.
    """
    by_customer = earlier.drop_duplicates("customer_id").set_index("customer_id")
    raw = scored.raw_band
    raw_before = by_customer["raw_band"].reindex(scored.customers).to_numpy(dtype=np.float64)
    band_before = by_customer["band"].reindex(scored.customers).to_numpy(dtype=np.float64)
    odds = scored.probability / (1 - scored.probability)
    cautious_if_worse = health_band(_probability_of(odds / BAND_MARGIN), scored.base_rate)
    cautious_if_better = health_band(_probability_of(odds * BAND_MARGIN), scored.base_rate)
    # Of the two ways to change, the one that goes further counts.
    worse = np.minimum(np.maximum(raw, raw_before), cautious_if_worse)
    better = np.maximum(np.minimum(raw, raw_before), cautious_if_better)
    band = np.where(raw < band_before, np.minimum(worse, band_before), np.maximum(better, band_before))
    has_memory = ~np.isnan(band_before) & ~np.isnan(raw) & ~scored.thin
    return np.where(has_memory & (raw != band_before), band, np.where(has_memory, band_before, raw))


def _probability_of(odds: Floats) -> Floats:
    return np.where(np.isinf(odds), 1.0, odds / (1 + odds))


def expected_profit(scored: ScoredCohort, plays: Sequence[Play | None], defaults: ProfitParams) -> Floats:
    """Return the expected profit of contacting each customer with the customer's play, in currency.

    It is the formula of the profit metric, with the probability in the place of the label. A play that states
    no incentive gives none. Costs and effects are assumptions until a control group has measured them.

    Args:
        scored: The scores of the cohort.
        plays: The play of each customer; None gives NaN.
        defaults: The costs and the effect for what a play does not state.
    """
    profit = np.full(len(scored.probability), np.nan)
    plays_by_name = {play.name: play for play in plays if play is not None}
    names = np.array([play.name if play else "" for play in plays], dtype=object)
    for name, play in plays_by_name.items():
        rows = np.flatnonzero(names == name)
        p = scored.probability[rows]
        profit[rows] = contact_profit(
            np.ones(len(rows)),
            p,
            p * scored.residual_value[rows],
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


def _with_template(task: Task, play: Play) -> Task:
    variant = play.variants.get(task.variant) if task.variant else None
    template = variant.template if variant and variant.template else play.template
    return Task(**{**vars(task), "template": template})


def _limits(terms: PlanTerms) -> Limits:
    contact = terms.contact
    return Limits(
        rest_days=contact.rest_days,
        max_contacts=contact.per_customer.contacts,
        max_contacts_days=contact.per_customer.days,
        budget=terms.n_places,
        per_owner=contact.per_owner,
        per_channel=contact.per_channel,
    )


def _rows_to_explain(
    scored: ScoredCohort, band: Floats, may_be_called: Bools, open_tasks: Mapping[int, Any], n_places: int
) -> Ints:
    """Return the rows that get reasons: open tasks, the likely contacts, and the riskiest others.

    The play may follow the first reason, so reasons are needed before the plays are known: for twice as many
    customers as there are places, by value at risk.
    """
    order = rank_customers(scored.customers, scored.value_at_risk, scored.probability)
    likely = order[may_be_called[order]][: 2 * n_places + 10]
    rows = np.array(list(dict.fromkeys([*open_tasks, *likely.tolist()])), dtype=np.intp)
    return rows_to_explain(rows, band, scored.probability)


def _permissions(
    scored: ScoredCohort,
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
        names = np.array([_channel(plays[row], preference) for row in waiting], dtype=object)
        has_channel = np.array([name is not None for name in names], dtype=bool)
        waiting, names = waiting[has_channel], names[has_channel]
        if not len(waiting):
            break
        customers = scored.customers[waiting]
        refusals = contact_refusals(
            customers,
            names,
            has_objected=np.array([customer in acts.objected for customer in customers], dtype=bool),
            is_suppressed=np.array([customer in acts.suppressed for customer in customers], dtype=bool),
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
    plays: Sequence[Play | None], is_eligible: Bools, terms: ExperimentsParams
) -> dict[str, tuple[float, Ints]]:
    """Return the share of the control group and the eligible rows of each experiment, by name.

    The universal experiment comes first, so that a customer in its control group counts as its control. A
    play with a control group of its own assigns all its eligible customers, also those of the universal
    group.
    """
    rows = np.flatnonzero(is_eligible)
    experiments = {UNIVERSAL: (terms.control.share, rows)}
    names = np.array([play.name if play else "" for play in plays], dtype=object)
    shares = {play.name: play.control for play in plays if play is not None and play.control}
    for name in sorted(shares):
        experiments[name] = (float(shares[name] or 0.0), rows[names[rows] == name])
    return {name: (share, own) for name, (share, own) in experiments.items() if len(own)}


def _unit_table(units: Objects, rows: Ints, scored: ScoredCohort) -> pd.DataFrame:
    """Return the units of some rows: the highest probability, the sum of the values, and the customers."""
    frame = pd.DataFrame(
        {
            "unit": units[rows],
            "score": scored.probability[rows],
            "value": scored.residual_value[rows],
            "customer_id": scored.customers[rows],
        }
    ).sort_values(["unit", "customer_id"])
    groups = frame.groupby("unit", sort=True)
    return pd.DataFrame(
        {
            "unit": list(groups.groups),
            "score": groups["score"].max().to_numpy(),
            "value": groups["value"].sum(min_count=1).to_numpy(),
            "customers": groups["customer_id"].agg(list).to_list(),
        }
    )


def _nights_before(holdings: pd.DataFrame, playbook: Playbook, customers: Objects) -> Ints:
    """Return for how many nights in a row each play has held up to the night before, [plays, customers]."""
    nights = np.zeros((len(playbook.rules), len(customers)), dtype=np.intp)
    row_of = {customer: row for row, customer in enumerate(customers)}
    index_of = {rule.play.name: index for index, rule in enumerate(playbook.rules)}
    for customer, play, count in zip(
        holdings["customer_id"], holdings["play"], holdings["nights"], strict=True
    ):
        if customer in row_of and play in index_of:
            nights[index_of[play], row_of[customer]] = int(count)
    return nights


def _holding_rows(playbook: Playbook, nights_held: Ints, customers: Objects) -> pd.DataFrame:
    rows = [
        (str(customers[row]), rule.play.name, int(nights_held[index, row]))
        for index, rule in enumerate(playbook.rules)
        if rule.play.for_nights > 1
        for row in np.flatnonzero(nights_held[index])
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "play", "nights"])
    return frame.sort_values(["customer_id", "play"], ignore_index=True)


def _band_rows(scored: ScoredCohort, band: Floats) -> pd.DataFrame:
    frame = pd.DataFrame({"customer_id": scored.customers, "raw_band": scored.raw_band, "band": band})
    return frame.sort_values("customer_id", ignore_index=True)


def with_states(tasks: pd.DataFrame, states: TaskStates) -> pd.DataFrame:
    """Return the tasks with their states; `result` is what the customer answered, None without an answer."""
    frame = tasks.merge(states.states, on="task_id", how="left", validate="one_to_one")
    is_answered = frame["state"].isin(("done", "declined")) & (not states.is_assumed)
    frame["result"] = frame["state"].where(is_answered, None)
    for name in ("planned_on", "due_at", "expires_on"):
        frame[name] = pd.to_datetime(frame[name])
    return frame


def _open_tasks(tasks: pd.DataFrame, customers: Objects) -> dict[int, dict[str, Any]]:
    """Return the open and overdue tasks of customers in the cohort, by row. Controls have them too."""
    row_of = {customer: row for row, customer in enumerate(customers)}
    is_open = tasks["state"].isin(("open", "overdue", "snoozed"))
    return {
        row_of[task["customer_id"]]: task
        for task in tasks[is_open].sort_values(["planned_on", "task_id"]).to_dict("records")
        if task["customer_id"] in row_of
    }


def _carried(open_tasks: Mapping[int, Mapping[str, Any]], playbook: Playbook) -> dict[int, Task]:
    """Return the tasks of earlier nights that stay on the call list, by row."""
    plays = {rule.play.name: rule.play for rule in playbook.rules}
    carried: dict[int, Task] = {}
    for row, task in open_tasks.items():
        if task["state"] == "snoozed" or task["arm"] == CONTROL_ARM:
            continue
        play = plays.get(task["play"])
        status: TaskStatus = "overdue" if task["state"] == "overdue" else "open"
        carried[row] = Task(
            task_id=task["task_id"],
            play=task["play"],
            action=play.action if play else None,
            owner=task["owner"],
            channel=task["channel"],
            due_at=task["due_at"].date(),
            success=play.success_text if play else None,
            template=task["template"],
            variant=task["variant"],
            arm=task["arm"],
            planned_on=task["planned_on"].date(),
            status=status,
        )
    return carried


def _listed_rows(tasks: Sequence[Task | None], accepted: Ints) -> Ints:
    """Return the rows of the call list in order: the overdue tasks, the open tasks, then the new tasks.

    Earlier tasks are in the order of their due dates, new tasks in the order of priority.
    """
    carried = [
        (task.status != "overdue", task.due_at, task.task_id, row)
        for row, task in enumerate(tasks)
        if task is not None and task.status != "new"
    ]
    new = [row for row in accepted.tolist() if (task := tasks[row]) is not None and task.is_listed]
    return np.array([row for *_, row in sorted(carried)] + new, dtype=np.intp)


def _came_off(tasks: pd.DataFrame, previous: date | None) -> dict[str, int]:
    """Count the treated tasks that ended since the night before, by what became of them."""
    if previous is None:
        return {}
    ended = tasks[
        (tasks["arm"] == TREATED_ARM)
        & ~tasks["state"].isin(("open", "overdue", "snoozed"))
        & (tasks["since"] >= pd.Timestamp(previous))
    ]
    words = ended["state"].where(ended["why"].isna(), ended["state"] + ": " + ended["why"].fillna(""))
    return dict(sorted(Counter(words).items()))


def _why_not_listed(task: Mapping[str, Any]) -> str | None:
    """Return why the customer of an open task is not on the call list; None if the customer is."""
    if task["arm"] == CONTROL_ARM:
        return CONTROL_REASON
    if task["state"] == "snoozed":
        return f"snoozed until {task['snoozed_until'].date()}"
    return None


def _facts(
    playbook: Playbook,
    play_indices: Ints,
    columns: Mapping[str, Any],
    contact: tuple[Sequence[Task | None], Ints, Objects],
    came_off: Mapping[str, int],
    acts: Acts,
    terms: PlanTerms,
) -> dict[str, Any]:
    """Return the counts of a plan for the facts of the night.

    Args:
        playbook: The playbook.
        play_indices: The index of the rule of each customer, -1 without one.
        columns: The columns that conditions may use.
        contact: The tasks, the rows of the call list and the reasons for not being contacted.
        came_off: The number of tasks that came off the list since the night before, by what became of them.
        acts: What is known about customers and earlier contacts.
        terms: The settings.
    """
    tasks, listed_rows, because = contact
    listed = [task for row in listed_rows if (task := tasks[row]) is not None]
    status = Counter(task.status for task in listed)
    n_controls = sum(task is not None and task.arm == CONTROL_ARM and task.status == "new" for task in tasks)
    control = terms.experiments.control
    return {
        "places": terms.n_places,
        "contacted": len(listed),
        "tasks": {name: status.get(name, 0) for name in ("new", "open", "overdue")},
        "controls": n_controls,
        "control_share": control.share,
        "no_control_because": control.because if control.share == 0 else None,
        "not_contacted": dict(sorted(Counter(_kind_of(reason) for reason in because if reason).items())),
        "came_off": came_off,
        "answers_are_assumed": acts.states.is_assumed,
        "shared_addresses": acts.units.shared_addresses,
        "merged_units": len(acts.units.merged_units),
        "plays": {
            rule.play.name: int((play_indices == index).sum()) for index, rule in enumerate(playbook.rules)
        },
        "switched_off": {name: list(keys) for name, keys in playbook.switched_off(columns.keys()).items()},
        "switched_off_because": dict(playbook.off_because),
    }


def _kind_of(reason: str) -> str:
    """Return a reason without its date, so that equal reasons are counted together."""
    return re.sub(r" \d{4}-\d{2}-\d{2}$", " a later day", reason)
