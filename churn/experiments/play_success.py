"""Whether plays reached their goal: the criterion of success, computed in both arms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from churn.data.acts import read_bills, read_event_days, read_ratings
from churn.data.store import Store
from churn.experiments.effect import MIN_CHURNERS, rate_difference, verdict_of
from churn.experiments.ledger import Ledger, read_bands
from churn.experiments.outside import IMPROVEMENTS, ArmOutcome, Improvement, NoImprovement
from churn.experiments.unit_outcomes import read_labels
from churn.metrics.interval import Interval, Part
from churn.scoring.playbook import Playbook
from churn.scoring.scores import CONTROL_ARM, TREATED_ARM
from churn.scoring.success import (
    BillsPaid,
    Criteria,
    Criterion,
    EventHappens,
    Happenings,
    HealthAtLeast,
    RatingAtLeast,
    Returns,
    Stays,
    SuccessRule,
    evaluate_success,
)

NO_CRITERION = "the playbook has only words for it, and no 'when'"
NO_TABLES = "the tables that it needs are not there"
NO_PLAY = "the play is no longer in the playbook"


class PlaySuccess(Part):
    """How often a play reached its criterion of success, among the units assigned to treatment and among the
    controls.

    The success of treated units is never shown without the success of the controls.

    Attributes:
        text: The criterion in the words of the playbook; empty if the playbook no longer has the play.
        within_days: The number of days, from the planning of a task, in which the criterion must be reached;
            None if the success is not computed.
        control: The successes of the controls; None if they are not computed.
        treatment: The successes of the treated units; None if they are not computed.
        difference: `success(treatment) - success(control)` with Newcombe's interval.
        verdict: What the interval of `difference` shows; None if there is no verdict.
        no_verdict_because: Why there is no verdict; None if there is one, or if nothing is computed.
        immature: The number of units whose time to reach the criterion is not over.
        undecided_count: The number of units for which the data do not show whether the criterion was reached.
        not_computed_because: The reason why the success is not computed; None if it is computed.
    """

    text: str
    within_days: int | None
    control: ArmOutcome | None
    treatment: ArmOutcome | None
    difference: Interval
    verdict: Improvement | None
    no_verdict_because: NoImprovement | None
    immature: int
    undecided_count: int
    not_computed_because: str | None


SuccessOf = Callable[[str, pd.DataFrame], PlaySuccess | None]
"""A function that returns the success of a play. It gets the play's units with `unit`, `arm`, `started_on`
and `customers`.
"""


@dataclass(frozen=True)
class SuccessReader:
    """Reads what happened after the tasks of a play were planned, and computes the criterion of success for
    both arms.

    Attributes:
        store: The store.
        output: The folder that holds the ledger; the health bands of later nights are read from it.
        ledger: The decisions of each night.
        playbook: The plays.
        watermark: The day up to which data are used.
    """

    store: Store
    output: Path
    ledger: Ledger
    playbook: Playbook
    watermark: date

    def __call__(self, play: str, units: pd.DataFrame) -> PlaySuccess | None:
        """Return how often the play reached its criterion in each arm; None if there are no units."""
        if units.empty:
            return None
        rule = next((rule for rule in self.playbook.rules if rule.play.name == play), None)
        if rule is None:
            return _not_computed("", NO_PLAY)
        if rule.success is None:
            return _not_computed(rule.play.success_in(self.store.params.score.language), NO_CRITERION)
        tasks = pd.DataFrame(
            {
                "task_id": units["unit"].to_numpy(dtype=object),
                "customer_id": [customers[0] for customers in units["customers"]],
                "planned_on": units["started_on"].to_numpy(dtype=object),
                "arm": units["arm"].to_numpy(dtype=object),
            }
        )
        happenings, tasks, immature = self._happenings(rule.success, tasks)
        if not rule.success.criterion.possible(happenings.tables):
            return _not_computed(rule.play.success_in(self.store.params.score.language), NO_TABLES)
        table = evaluate_success(rule.success, tasks, happenings)
        return compare_success(
            rule.play.success_in(self.store.params.score.language),
            rule.success.within_days,
            tasks["arm"].to_numpy(dtype=object),
            table,
            immature=immature,
            undecided_count=len(units) - len(tasks) - immature,
        )

    def _happenings(self, rule: SuccessRule, tasks: pd.DataFrame) -> tuple[Happenings, pd.DataFrame, int]:
        """Return what customers did, the tasks that can be evaluated, and the number of tasks that must wait.

        A task must wait if the criterion needs the label of the customer, and this label is not known yet.
        """
        parts, since = list(_parts_of(rule.criterion)), min(tasks["planned_on"])
        names = {name for part in parts if isinstance(part, EventHappens) for name in part.event}
        happenings = Happenings(
            # Rows may arrive late, by as many days as the label allows.
            known_until=self.watermark - timedelta(days=self.store.params.snapshot.late_days),
            events={name: self._events(name, since) for name in sorted(names) if self._has(name)},
            ratings=self._ratings(since) if any(isinstance(part, RatingAtLeast) for part in parts) else None,
            returns=self._returns(since) if any(isinstance(part, Returns) for part in parts) else None,
            bills=self._bills(since) if any(isinstance(part, BillsPaid) for part in parts) else None,
            bands=read_bands(self.output, self.ledger.nights)
            if any(isinstance(part, HealthAtLeast) for part in parts)
            else None,
        )
        if any(isinstance(part, HealthAtLeast) for part in parts):
            # If no night was scored in these days, nobody has a health band, so nothing is known about
            # anybody.
            nights = [night.cutoff for night in self.ledger.nights]
            days = timedelta(days=rule.within_days)
            has_night = [
                any(start < night <= start + days for night in nights) for start in tasks["planned_on"]
            ]
            is_open = [start + days > happenings.known_until for start in tasks["planned_on"]]
            tasks = tasks[np.array(has_night) | np.array(is_open)].reset_index(drop=True)
        if tasks.empty or not any(isinstance(part, Stays) for part in parts):
            return happenings, tasks, 0
        left, immature = self._left(tasks, rule.within_days)
        decided = tasks[~np.isnan(left)].reset_index(drop=True)
        leavers = tasks[left == 1]
        exits = pd.DataFrame(
            {"customer_id": leavers["customer_id"], "left_at": pd.to_datetime(leavers["planned_on"])}
        )
        return replace(happenings, exits=exits), decided, immature

    def _left(self, tasks: pd.DataFrame, within_days: int) -> tuple[np.ndarray, int]:
        """Return whether each customer left within `within_days` days of the planning; NaN if not known.

        The label defines what leaving is. The method also returns the number of tasks that must wait, because
        it is not known yet whether their customer left.
        """
        own = self.store.params.label
        # The rule of who is at risk does not change, although by default it depends on the horizon.
        active_days = own.days_active if own.kind == "inactivity" else None
        label = own.model_copy(
            update={"horizon_days": within_days, "gap_days": 0, "active_days": active_days}
        )
        store = replace(self.store, params=self.store.params.model_copy(update={"label": label}))
        labels = read_labels(store, set(tasks["planned_on"]), self.watermark)
        is_matured = labels.maturity.is_matured(tasks["planned_on"].tolist())
        left = np.full(len(tasks), np.nan)
        for night in sorted(set(tasks["planned_on"][is_matured])):
            rows = np.flatnonzero((tasks["planned_on"] == night).to_numpy())
            left[rows] = labels.left_at(night, tasks["customer_id"].iloc[rows].tolist())
        return left, int((~is_matured).sum())

    def _has(self, name: str) -> bool:
        table, _, column = name.partition(".")
        is_there = self.store.has(table)
        return is_there and (not column or f"{column}_day" in self.store.tables[table].columns)

    def _events(self, name: str, since: date) -> pd.DataFrame:
        table, _, column = name.partition(".")
        days = read_event_days(self.store, table, self.watermark, column or None, since=since).to_pandas()
        return pd.DataFrame({"customer_id": days["customer_id"], "happened_at": pd.to_datetime(days["day"])})

    def _returns(self, since: date) -> pd.DataFrame | None:
        """Return what counts as coming back: new contracts, or rows of the table that decides the label."""
        label = self.store.params.label
        table = "subscriptions" if label.kind == "contract" else label.core_table
        return self._events(table, since) if self._has(table) else None

    def _ratings(self, since: date) -> pd.DataFrame | None:
        rows = read_ratings(self.store, self.watermark, since=since)
        if rows is None:
            return None
        frame: pd.DataFrame = rows.to_pandas()
        return frame.assign(answered_at=pd.to_datetime(frame["answered_at"]))

    def _bills(self, since: date) -> pd.DataFrame | None:
        rows = read_bills(self.store, self.watermark, since=since)
        if rows is None:
            return None
        frame: pd.DataFrame = rows.to_pandas()
        return frame.assign(due_at=pd.to_datetime(frame["due_at"]), paid_at=pd.to_datetime(frame["paid_at"]))


def compare_success(
    text: str,
    within_days: int,
    arm: np.ndarray,
    table: pd.DataFrame,
    *,
    immature: int = 0,
    undecided_count: int = 0,
) -> PlaySuccess:
    """Compare the two arms: how often did the units of each arm reach the criterion of success?

    Args:
        text: The criterion of success in words.
        within_days: The number of days, from the planning of a task, in which the criterion must be reached.
        arm: The arm of each unit.
        table: The columns `matured` and `success` from `evaluate_success`, in the same order as `arm`.
        immature: The number of units that are not in `table` because their outcome is not known yet.
        undecided_count: The number of units that are not in `table` because the data do not show whether the
            criterion was reached.
    """
    is_matured = table["matured"].to_numpy(dtype=bool)
    is_known = is_matured & table["success"].notna().to_numpy()
    success = table["success"].fillna(False).to_numpy(dtype=bool)
    arms = []
    for name in (CONTROL_ARM, TREATED_ARM):
        rows = is_known & (arm == name)
        n, events = int(rows.sum()), int(success[rows].sum())
        arms.append(ArmOutcome(name=name, n=n, events=events, share=events / n if n else None))
    control, treatment = arms
    missed = [part.n - part.events for part in arms]
    difference = rate_difference(missed[0], control.n, missed[1], treatment.n).difference
    reason = None
    if not control.n or not treatment.n:
        reason = NoImprovement.EMPTY_ARM
    elif min(*missed, control.events, treatment.events) < MIN_CHURNERS:
        reason = NoImprovement.FEW_OUTCOMES
    low, high = difference.low, difference.high
    return PlaySuccess(
        text=text,
        within_days=within_days,
        control=control,
        treatment=treatment,
        difference=difference,
        verdict=None if reason or low is None or high is None else IMPROVEMENTS[verdict_of(low, high)],
        no_verdict_because=reason,
        immature=immature + int((~is_matured).sum()),
        undecided_count=undecided_count + int((is_matured & ~is_known).sum()),
        not_computed_because=None,
    )


def _not_computed(text: str, reason: str) -> PlaySuccess:
    return PlaySuccess(
        text=text,
        within_days=None,
        control=None,
        treatment=None,
        difference=Interval(value=None),
        verdict=None,
        no_verdict_because=None,
        immature=0,
        undecided_count=0,
        not_computed_because=reason,
    )


def _parts_of(criterion: Criterion) -> Iterator[Criterion]:
    if isinstance(criterion, Criteria):
        for part in criterion.parts:
            yield from _parts_of(part)
    else:
        yield criterion
