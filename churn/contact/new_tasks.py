"""The new tasks of a night, and the profit that is expected from a contact.

The customers of the control group get tasks too, which the ledger records and nobody carries out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.contact.arms import Arms
from churn.contact.limits import expiry_of
from churn.contact.terms import Acts, PlanTerms
from churn.contact.working_days import DayRange, QuietHours, WorkingCalendar, not_before
from churn.experiments.assignment import hash_to_unit_interval
from churn.experiments.ledger import TABLES
from churn.metrics.profit import contact_profit
from churn.params import ContactParams, ProfitParams
from churn.scoring.night import ScoredCohort
from churn.scoring.play import Play
from churn.scoring.scores import Task

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Objects = npt.NDArray[np.object_]


@dataclass(frozen=True)
class PlannedContacts:
    """What is decided about the customers of the cohort before their tasks are written."""

    cutoff: date
    scores: ScoredCohort
    plays: Sequence[Play | None]
    channels: Sequence[str | None]
    units: Objects
    profit: Floats
    families: Sequence[str | None]
    arms: Arms


def new_tasks(state: PlannedContacts, contact_rows: Ints, terms: PlanTerms) -> list[Task | None]:
    """Return the new task of each customer, None for a customer without a new task."""
    calendar = working_calendar(terms.contact)
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
            action=play.action_in(terms.language),
            owner=play.owner,
            channel=channel,
            due_at=calendar.due_date(state.cutoff, play.due_in_days),
            success=play.success_in(terms.language),
            template=own.template if own and own.template else play.template,
            variant=variant,
            arm=state.arms.arm[row],
            planned_on=state.cutoff,
            status="new",
        )
    return tasks


def working_calendar(contact: ContactParams) -> WorkingCalendar:
    """Return the calendar of the days on which customers may be contacted."""
    announcements = [DayRange(period.first, period.last) for period in contact.announcements]
    return WorkingCalendar.of(contact.working_days, contact.holidays, announcements)


def task_rows(
    state: PlannedContacts, tasks: Sequence[Task | None], contact_rows: Ints, acts: Acts, terms: PlanTerms
) -> pd.DataFrame:
    """Return the new tasks, also of the control group, as rows of the ledger, ordered by id."""
    quiet = QuietHours.of(terms.contact.quiet_hours.begin, terms.contact.quiet_hours.end)
    scores = state.scores
    rows = []
    for row in contact_rows.tolist():
        task, play, customer = tasks[row], state.plays[row], str(scores.customers[row])
        if task is None or play is None:
            continue
        costs = terms.of_play(play)
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


def task_id(play: str, customer: str, planned_on: date) -> str:
    """Return the id of a task; it is the same each time the night is scored."""
    return hashlib.sha256(f"{planned_on}|{play}|{customer}".encode()).hexdigest()[:16]


def _variant_of(play: Play, unit: str, salt: str) -> str | None:
    point, reached = hash_to_unit_interval(salt, f"variant of {play.name}", unit), 0.0
    shares = play.variant_shares()
    for name, share in shares.items():
        reached += share
        if point < reached:
            return name
    return next(reversed(shares), None)  # the sum of the shares may differ from 1 by a rounding error


def expected_profit(
    scores: ScoredCohort,
    plays: Sequence[Play | None],
    terms_of: Callable[[Play], ProfitParams],
    effect: Floats | None = None,
) -> Floats:
    """Return the expected profit of contacting each customer with the customer's play, in currency.

    The formula is the formula of the profit metric, with the probability instead of the label. If a play
    states no incentive, its incentive costs nothing. The cost of a contact comes from the parameters and
    the playbook until enough costs are recorded; then their mean is used. The share of churners whom a
    contact keeps is an assumption until the control group of the play has measured it. If the effect of a
    contact on each customer is known, the formula uses it instead of `accept share x probability`.

    Args:
        scores: The scores of the cohort.
        plays: The play of each customer; a customer without a play gets NaN.
        terms_of: A function that returns, for a play, the costs and the effect of a contact.
        effect: By how much a contact lowers each customer's probability of leaving; None if it is not known.
    """
    profit = np.full(len(scores.probability), np.nan)
    plays_by_name = {play.name: play for play in plays if play is not None}
    names = np.array([play.name if play else "" for play in plays], dtype=object)
    for name, play in plays_by_name.items():
        rows = np.flatnonzero(names == name)
        p, value = scores.probability[rows], scores.residual_value[rows]
        terms = terms_of(play)
        profit[rows] = contact_profit(np.ones(len(rows)), p, p * value, terms)
        if effect is not None:
            assumed_effect = terms.accept_share * p
            profit[rows] += (effect[rows] - assumed_effect) * (value - terms.incentive_cost)
    return profit


@dataclass(frozen=True)
class ProfitCurve:
    """The profit expected from a number of contacts, if the customers with the highest profit come first.

    This computation ignores the days of rest between contacts, the caps on contacts, the limits of owners and
    channels, and the control group.

    Attributes:
        n_worth: The number of customers for whom a contact is expected to earn more than it costs.
        n_losing: The number of customers for whom a contact is expected to cost at least what it earns.
        n_unknown: The number of customers whose expected profit is not known.
        points: Pairs of a number of contacts and their expected profit in currency. If the night has room for
            `n` new contacts, the pairs are for `n // 2`, `n` and `2 * n` contacts, but never for more than
            `n_worth`.
    """

    n_worth: int
    n_losing: int
    n_unknown: int
    points: tuple[tuple[int, float], ...]

    @classmethod
    def of(cls, profit: Floats, n_places: int) -> ProfitCurve:
        """Return the curve for the customers who may be contacted under the rules.

        Args:
            profit: The expected profit of each customer who may be contacted under the rules, NaN if unknown.
            n_places: The number of new contacts that the night has room for.

        >>> ProfitCurve.of(np.array([5.0, -1.0, 2.0, 3.0, np.nan]), 2).points
        ((1, 5.0), (2, 8.0), (3, 10.0))
        """
        worth = np.sort(profit[profit > 0])[::-1]
        totals = np.concatenate([[0.0], np.cumsum(worth)])
        counts = [min(count, len(worth)) for count in (n_places // 2, n_places, 2 * n_places)]
        return cls(
            n_worth=len(worth),
            n_losing=int((profit <= 0).sum()),
            n_unknown=int(np.isnan(profit).sum()),
            points=tuple((count, round(float(totals[count]), 2)) for count in counts),
        )
