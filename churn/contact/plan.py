"""Plan a night: who is on the call list, who is a control, and why everybody else is not contacted.

A night is planned in six steps. Each step may use only the decisions of the steps before it:

1. The health band of each customer, which depends on the bands of earlier nights.
2. The play that the playbook gives to each customer.
3. Which customers may be contacted. Consents, suppression lists, health bands and open tasks decide this.
4. The arms of the customers who may be contacted. An arm is drawn once and then kept.
5. The customers who get one of the night's places (the number of places limits the contacts). The rest
   period after a contact, the cap on contacts in a period and the budget exclude some customers. The arm
   makes no difference in this step: a control takes a place, has a rest period and counts towards the cap
   exactly like a treated customer.
6. The tasks. The task of a control is written only into the ledger.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.contact.arms import CONTROL_REASON
from churn.contact.choice import ContactChooser, explain_and_choose
from churn.contact.consent import contact_refusals
from churn.contact.listing import came_off, carried_tasks, listed_rows, open_tasks, with_states
from churn.contact.lists import advocates_list, gone_list
from churn.contact.memory import band_rows, bands_with_memory, holding_rows, nights_before
from churn.contact.new_tasks import PlannedContacts, new_tasks, task_rows
from churn.contact.rhythm import preference_counts
from churn.contact.side_list import ListNight, SideList
from churn.contact.terms import Acts, PlanTerms
from churn.experiments.ledger import Ledger
from churn.experiments.measured_effects import MeasuredEffects
from churn.params import CHURN_WORDS
from churn.scoring.dry_run import RuleCount, rule_counts
from churn.scoring.night import ContactPlan, NightModel, ScoredCohort
from churn.scoring.play import Play
from churn.scoring.playbook import Playbook, nights_in_a_row
from churn.scoring.reasons import Progress
from churn.scoring.scores import CONTROL_ARM, Task
from churn.uplift.night import EffectModel

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Objects = npt.NDArray[np.object_]


@dataclass(frozen=True)
class NightPlan:
    """The plan of a night.

    Attributes:
        contact: For each customer, the planned contact, or the reason why there is none.
        stages: The stage of each customer by the playbook, None if no condition of a stage is true; shape
            `[customers]`.
        ledger_rows: The new rows of the ledger, by table.
        rule_counts: For each rule of the playbook, how many customers the rule fits, how many get its play,
            and how many are planned for contact with this play.
        lists: The lists other than the call list, such as the list of lost customers; empty in a trial.
    """

    contact: ContactPlan
    stages: npt.NDArray[np.object_]
    ledger_rows: Mapping[str, pd.DataFrame]
    rule_counts: tuple[RuleCount, ...]
    lists: tuple[SideList, ...]


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
        model: The model that scores the night: the champion, or another model in a trial. The reasons for
            each customer's risk are computed from this model.
        playbook: The playbook.
        ledger: The decisions of earlier nights.
        own_assignments: The assignments to arms that an earlier scoring of this same night made.
        acts: What is known about customers and earlier contacts.
        terms: The settings of the plan.
        progress: A function that shows how far the computation of the reasons for the risks has come.
        is_trial: Whether the night is a trial. In a trial nobody is assigned to an arm, nothing is written
            into the ledger, and there is no list except the call list.
    """
    n = len(scores.frame)
    band = bands_with_memory(scores, ledger.bands)
    columns = _condition_columns(scores, band)
    is_of_list = ledger.tasks["play"].isin(playbook.measured_list_plays)
    earlier_tasks = with_states(ledger.tasks[~is_of_list], acts.states)
    open_by_row = open_tasks(earlier_tasks, scores.customers)
    holds = playbook.holds(columns, n)
    nights_held = nights_in_a_row(nights_before(ledger.holdings, playbook, scores.customers), holds)
    reasons, choice = explain_and_choose(
        ContactChooser(
            cutoff=cutoff,
            scores=scores,
            band=band,
            columns=columns,
            playbook=playbook,
            nights_held=nights_held,
            may_follow=playbook.follow_ups(earlier_tasks, scores.customers.tolist(), cutoff),
            open_rows=tuple(open_by_row),
            ledger=ledger,
            own_assignments=own_assignments,
            acts=acts,
            terms=terms,
            is_trial=is_trial,
        ),
        model,
        progress,
    )
    plays, channels, arms, because = choice.plays, choice.channels, choice.arms, choice.because
    contact_rows = choice.contact_rows
    units = acts.units.of(scores.customers)

    state = PlannedContacts(cutoff, scores, plays, channels, units, choice.profit, choice.families, arms)
    tasks = new_tasks(state, contact_rows, terms)
    for row in contact_rows:
        because[row] = CONTROL_REASON if arms.arm[row] == CONTROL_ARM else None
    ledger_tasks = task_rows(state, tasks, contact_rows, acts, terms)
    carried = carried_tasks(open_by_row, playbook, terms.language)
    for row, open_task in open_by_row.items():
        because[row] = _why_withheld(open_task, arms.arm[row], acts, terms)
        tasks[row] = carried[row] if because[row] is None else None
    on_list = listed_rows(tasks, contact_rows)
    lists: tuple[SideList, ...] = ()
    advocate_indices = playbook.choose(columns, n, audience="advocates", nights_held=nights_held)
    if not is_trial:
        night = ListNight(
            cutoff,
            playbook,
            pd.concat([ledger.assignments, arms.new_rows], ignore_index=True),
            pd.concat([ledger.tasks, ledger_tasks], ignore_index=True),
            with_states(ledger.tasks[is_of_list], acts.states),
            acts,
            terms,
        )
        on = {rule.play.audience for rule in playbook.rules if rule.play.pause is None}
        if "advocates" in on:
            lists += (advocates_list(scores, band, advocate_indices, choice.play_indices >= 0, night),)
        if "gone" in on:
            lists += (gone_list(scores, night),)
    new_assignments = _concat_rows([arms.new_rows, *(side_list.new_assignments for side_list in lists)])
    new_tasks_of_both = _concat_rows([ledger_tasks, *(side_list.new_tasks for side_list in lists)])
    contact = ContactPlan(
        band=band,
        plays=plays,
        reasons=reasons,
        tasks=tasks,
        listed_rows=on_list,
        not_contacted_because=because,
        facts={
            **_facts(playbook, choice.play_indices, set(columns), acts, terms),
            **_counts(tasks, on_list, because),
            **_preference_facts(playbook, plays, scores.customers, channels, acts, terms),
            "came_off": came_off(earlier_tasks, ledger.previous),
            "profit_curve": asdict(choice.curve),
            "lists": {side_list.audience: side_list.as_facts() for side_list in lists},
            **_uplift_facts(terms.effect_model, choice.is_left_alone),
            **_effect_facts(terms.measured_effects),
            **_cost_facts(terms.measured_effects),
        },
    )
    return NightPlan(
        contact,
        playbook.stages_of(columns, n),
        {
            "assignments": new_assignments.drop_duplicates(["experiment", "unit"], keep="last").sort_values(
                ["experiment", "unit"], ignore_index=True
            ),
            "tasks": new_tasks_of_both.sort_values("task_id", ignore_index=True),
            "bands": band_rows(scores, band),
            "holdings": holding_rows(playbook, nights_held, scores.customers),
        },
        rule_counts(
            playbook,
            holds,
            {"at risk": choice.play_indices, "advocates": advocate_indices},
            np.isin(np.arange(n), on_list),
            playbook.switched_off(columns.keys()),
            {side_list.audience: side_list.plan_counts() for side_list in lists},
        ),
        lists,
    )


def _uplift_facts(model: EffectModel | None, is_left_alone: Bools) -> dict[str, Any]:
    """Return the facts for the file `_night.json` about the night's effect model.

    If no effect model is in use, the result is empty, so the facts are the same as in older versions of this
    program, which had no such models.
    """
    if model is None:
        return {}
    return {
        "uplift": {
            "as_of": str(model.as_of),
            "model": model.digest,
            "do_not_disturb": int(is_left_alone.sum()),
        }
    }


def _effect_facts(effects: MeasuredEffects) -> dict[str, Any]:
    """Return the measured effects that replace assumed effects, as facts for the file `_night.json`.

    If all effects are assumed, the result is empty, so the facts are the same as in older versions of this
    program, which measured no effects.
    """
    shares = effects.accept_shares
    if not shares:
        return {}
    plays = {
        name: {"used": share, **effects.plays[name].kept_share.as_json()} for name, share in shares.items()
    }
    return {"measured_effects": {"as_of": str(effects.as_of), "plays": plays}}


def _cost_facts(effects: MeasuredEffects) -> dict[str, Any]:
    """Return the measured costs that replace assumed costs, as facts for the file `_night.json`.

    If all costs are assumed, the result is empty, so the facts are the same as in older versions of this
    program, which measured no costs.
    """
    parts = effects.costs.parts if effects.costs else ()
    costs = {
        part.play: part.cost.as_json() | {"contacts": part.contacts, "with_cost": part.with_cost}
        for part in parts
        if part.used_cost is not None
    }
    if not costs:
        return {}
    of_all = {"all_contacts": costs.pop(None)} if None in costs else {}
    return {"measured_costs": {"as_of": str(effects.as_of), **of_all, "plays": costs}}


def _concat_rows(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of several frames as one frame; empty frames are left out, because they would change
    the types of columns.
    """
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


def _condition_columns(scores: ScoredCohort, band: Floats) -> dict[str, npt.NDArray[Any]]:
    columns: dict[str, npt.NDArray[Any]] = {
        str(name): scores.frame[name].to_numpy() for name in scores.frame.columns if name != "customer_id"
    }
    columns |= {scores.words.probability: scores.probability}
    if scores.words != CHURN_WORDS:
        return columns
    return columns | {"health": band, "value_at_risk": scores.value_at_risk, **scores.sides}


def _why_withheld(task: Mapping[str, Any], arm: str | None, acts: Acts, terms: PlanTerms) -> str | None:
    """Return why a customer with an open task is not on the call list; None if the customer is on it.

    A contact that was allowed when it was planned may have become forbidden since then.
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


def _facts(
    playbook: Playbook, play_indices: Ints, columns: set[str], acts: Acts, terms: PlanTerms
) -> dict[str, Any]:
    """Return the facts for the file `_night.json` about the settings of the plan and about its plays."""
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


def _preference_facts(
    playbook: Playbook,
    plays: Sequence[Play | None],
    customers: Objects,
    channels: Sequence[str | None],
    acts: Acts,
    terms: PlanTerms,
) -> dict[str, Any]:
    """Count the customers whose answers to contacts decided their channel, and those with too few answers.

    The result is empty if no play has `channel: preferred`, which means that the channel in which a customer
    answers most often is tried first.
    """
    if not playbook.prefers_own_channel:
        return {}
    min_answers = terms.contact.rhythm.min_answers
    return {"own_channel": preference_counts(plays, customers.tolist(), channels, acts.answers, min_answers)}


def _counts(tasks: Sequence[Task | None], on_list: Ints, because: Objects) -> dict[str, Any]:
    """Return the numbers of contacted customers, controls and other customers, as facts for `_night.json`."""
    listed = [task for row in on_list.tolist() if (task := tasks[row]) is not None]
    status = Counter(task.status for task in listed)
    return {
        "contacted": len(listed),
        "tasks": {name: status.get(name, 0) for name in ("new", "open", "overdue")},
        "controls": sum(task is not None and task.arm == CONTROL_ARM for task in tasks),
        "not_contacted": dict(
            sorted(Counter(reason_without_day(reason) for reason in because if reason).items())
        ),
    }


def reason_without_day(reason: str) -> str:
    """Return a reason without the date in it, so that reasons that differ only by the date are counted
    together.
    """
    return re.sub(r" \d{4}-\d{2}-\d{2}$", " a later day", reason)
