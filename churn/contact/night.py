"""Score all customers for one night, plan the contacts, and make the call list and the night's page of the
ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from churn.contact.consent import plain_channel
from churn.contact.list_file import list_csv
from churn.contact.notes import add_notes
from churn.contact.plan import NightPlan, Objects, plan_night
from churn.contact.rhythm import NO_HOUR
from churn.contact.side_list import SideList
from churn.contact.terms import Acts, PlanTerms
from churn.experiments.ledger import Ledger, LedgerFacts, LedgerNight, keep_history, ledger_night, salt_digest
from churn.experiments.measured_effects import NOT_MEASURED, MeasuredEffects
from churn.params import Params, RhythmParams
from churn.scoring.call_list import ExtraColumns, calls_csv, contact_count
from churn.scoring.dry_run import PlannedContact, dry_run_lines
from churn.scoring.night import (
    Floats,
    Night,
    NightModel,
    Stamp,
    Trial,
    complete_night,
    no_progress,
    score_cohort,
)
from churn.scoring.playbook import Playbook
from churn.scoring.reasons import Progress
from churn.uplift.night import EffectModel


@dataclass(frozen=True)
class History:
    """What earlier nights decided, as far as the plan of a night needs it.

    Attributes:
        ledger: The decisions of the nights before this night.
        own_assignments: The assignments from an earlier scoring of this night; empty if there was none.
    """

    ledger: Ledger
    own_assignments: pd.DataFrame


@dataclass(frozen=True)
class PlannedNight:
    """A scored night and its page of the ledger.

    Attributes:
        night: The scores, the call list, and the settings and counts of the night.
        ledger: The page of the ledger, with the night's decisions; None in a trial, which assigns nobody to
            an arm.
        owner_calls: The part of the call list that each owner of a play gets, as CSV, by the owner's name.
        lists: The other lists of the night, such as the list of lost customers, as CSV, by name.
        side_lists: For each list in `lists`, the `SideList` with its customers and new tasks.
        dry_run: The lines that say what the night would do.
    """

    night: Night
    ledger: LedgerNight | None
    owner_calls: Mapping[str, str]
    lists: Mapping[str, str]
    side_lists: tuple[SideList, ...]
    dry_run: tuple[str, ...]


def score_night(
    params: Params,
    cutoff: date,
    frame: pd.DataFrame,
    roster: pd.DataFrame,
    model: NightModel,
    playbook: Playbook,
    monthly_money: Floats,
    names: Mapping[str, str],
    stamp: Stamp,
    history: History,
    acts: Acts,
    progress: Progress = no_progress,
    trial: Trial | None = None,
    effect_model: EffectModel | None = None,
    measured_effects: MeasuredEffects = NOT_MEASURED,
) -> PlannedNight:
    """Score each customer of the cohort and plan the contacts.

    Reasons are computed for the customers who may come onto the call list, and for up to
    `MAX_EXPLAINED_BEYOND_LIST` other customers in health bands 1 and 2, the most likely churners first. All
    other customers get no reasons, because a reason takes a hundred times as much time as a score.

    Args:
        params: The parameters.
        cutoff: The cutoff of the night.
        frame: The cohort: `customer_id` and the signals.
        roster: All known customers: `customer_id` and `excluded_because`.
        model: The model that scores the night: the champion, or another model in a trial.
        playbook: The playbook.
        monthly_money: For each row of `frame`, the money that the customer pays per month, net of returns;
            NaN if unknown.
        names: The known names of customers, by id.
        stamp: The ids that stand in each row of the score table.
        history: What earlier nights decided about the customers.
        acts: What is known about customers and earlier contacts.
        progress: A function that shows how many reasons are computed so far.
        trial: The reason why the night is a trial; None for a night of the champion. In a trial, nobody is
            assigned to an arm. The column `arm` of the scores is then always `none`, so that other systems
            can recognize the trial.
        effect_model: The model of the effect of a contact on each customer; None if the night ranks customers
            by risk.
        measured_effects: The effects and the costs of plays that were measured before this night.

    Raises:
        ModelError: The signals do not fit the model. The error lists all problems.
        Stop: Later nights already build on this night, and its plan would be different today.
    """
    scores = score_cohort(frame, model, monthly_money, params.label, params.score.value)
    terms = PlanTerms(
        experiments=params.experiments,
        contact=params.contact,
        n_places=contact_count(params.score.budget, len(frame)),
        profit=params.evaluate.profit,
        n_reasons=params.score.reasons,
        language=params.score.language,
        timezone=params.timezone,
        effect_model=effect_model,
        measured_effects=measured_effects,
    )
    plan = plan_night(
        cutoff,
        scores,
        model,
        playbook,
        history.ledger,
        history.own_assignments,
        acts,
        terms,
        progress,
        is_trial=trial is not None,
    )
    extra = _rhythm_columns(plan, scores.customers, playbook, acts, params.contact.rhythm)
    page = None if trial else _ledger_page(params, cutoff, history.ledger, stamp, plan, playbook)
    night = complete_night(
        params,
        cutoff,
        roster,
        scores,
        plan.contact,
        model,
        names,
        stamp,
        trial,
        ledger_digest=page.digest if page else None,
        extra=extra,
    )
    listed_rows = plan.contact.listed_rows.tolist()
    listed_tasks = [task for row in listed_rows if (task := plan.contact.tasks[row]) is not None]
    notes = add_notes(
        night.contacts,
        listed_tasks,
        [plan.contact.reasons[row] for row in listed_rows],
        plan.stages[listed_rows].tolist(),
        night.scores,
        frame,
        playbook,
        params.score.language,
        params.events,
    )
    night = replace(night, contacts=notes)
    thin = scores.customers[scores.thin].tolist()
    listed = [(plan.contact.tasks[row], str(scores.customers[row])) for row in plan.contact.listed_rows]
    owners = sorted({task.owner for task, _ in listed if task is not None})
    owner_calls = {
        owner: calls_csv(
            night.scores,
            [customer for task, customer in listed if task is not None and task.owner == owner],
            names,
            thin,
            params.score.reasons,
            form=params.score.csv,
            language=params.score.language,
            trial_mark=trial.mark(stamp.model_version) if trial else None,
            extra=extra,
            words=params.label.words,
        )
        for owner in owners
    }
    contacts = [
        PlannedContact(customer, task.play, task.owner, task.channel, task.due_at)
        for task, customer in listed
        if task is not None
    ]
    lists = {
        str(side_list.audience): list_csv(side_list, names, params.score.language, params.score.csv)
        for side_list in plan.lists
    }
    return PlannedNight(
        night, page, owner_calls, lists, plan.lists, tuple(dry_run_lines(plan.rule_counts, contacts))
    )


def _rhythm_columns(
    plan: NightPlan, customers: Objects, playbook: Playbook, acts: Acts, rhythm: RhythmParams
) -> ExtraColumns | None:
    """Return the columns on each customer's preferred channel and best hour; None if neither is used.

    `channel_answers` is empty if the customer has too few answers for the choice of the channel.
    """
    has_answers, hours = playbook.prefers_own_channel, acts.best_hours
    if not has_answers and hours is None:
        return None
    hour_names = () if hours is None else ("best_hour", "best_hour_events")
    names = (*(("channel_answers",) if has_answers else ()), *hour_names)
    own_plays = {rule.play.name for rule in playbook.rules if rule.play.prefers_own_channel}
    cells: dict[str, tuple[str | int | None, ...]] = {}
    for row in plan.contact.listed_rows.tolist():
        customer, task = str(customers[row]), plan.contact.tasks[row]
        own: tuple[str | int | None, ...] = ()
        if has_answers:
            channel = task.channel if task and task.play in own_plays else ""
            count = acts.answers.get((customer, plain_channel(channel)), 0)
            own += (count if count >= rhythm.min_answers else None,)
        if hours is not None:
            best = hours.get(customer, NO_HOUR)
            own += (best.clock, best.n_events)
        cells[customer] = own
    return ExtraColumns(names, cells)


def _ledger_page(
    params: Params, cutoff: date, ledger: Ledger, stamp: Stamp, plan: NightPlan, playbook: Playbook
) -> LedgerNight:
    control = params.experiments.control
    facts = LedgerFacts(
        cutoff=cutoff,
        previous=ledger.previous,
        run_id=stamp.run_id,
        salt_digest=salt_digest(params.experiments.salt),
        unit=params.experiments.unit,
        control_share=control.share,
        no_control_because=control.because if control.share == 0 else None,
        files={},
        list_plays=tuple(sorted(playbook.measured_list_plays & set(plan.ledger_rows["tasks"]["play"]))),
    )
    return keep_history(params.output, ledger_night(facts, plan.ledger_rows))
