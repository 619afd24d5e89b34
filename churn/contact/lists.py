"""The lists beside the call list: advocates, and customers who are gone.

A list names candidates. It plans no task and draws no arm, so the ledger does not know it and no effect of it
is measured. The comparisons of the call list stay fair all the same, for two reasons:

1. A unit of any control group is on no list, from the night on in which it was drawn. Before its first
   assignment a unit may be on a list; the arm is drawn later and does not depend on it.
2. A unit with a task, of either arm, is on no list until its rest is over.

Consent, objections and suppression lists hold as for the call list. A customer whom the table `contacts`
names is on no list for the days of rest.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.contact.arms import CONTROL_REASON
from churn.contact.channels import permitted_channels
from churn.contact.terms import Acts, PlanTerms
from churn.experiments.units import UnitKind
from churn.params import CsvParams
from churn.scoring.call_list import header_of, safe_cell
from churn.scoring.night import ScoredCohort
from churn.scoring.play import Audience, Play
from churn.scoring.playbook import Playbook
from churn.scoring.scores import CONTROL_ARM

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Objects = npt.NDArray[np.object_]

HAS_TASK = "on the call list, or rests after it"
HAS_CALL_PLAY = "a play of the call list applies"
STILL_A_CUSTOMER = "still a customer under another id"

LIST_COLUMNS: Mapping[Audience, tuple[str, ...]] = {
    "advocates": ("health", "tenure_days"),
    "gone": ("left_on", "days_since_left", "monthly_value", "tenure_days"),
}
"""The columns of each list about the customer; the columns of the play follow."""

PLAY_COLUMNS = ("play", "action", "owner", "channel", "success", "template")


@dataclass(frozen=True)
class ListEntry:
    """A customer on a list, with the play and the channel; what a list does not know is None."""

    customer_id: str
    play: Play
    channel: str
    tenure_days: float | None
    health: float | None = None
    left_on: date | None = None
    days_since_left: float | None = None
    monthly_value: float | None = None


@dataclass(frozen=True)
class SideList:
    """A list of a night.

    Attributes:
        audience: The list.
        entries: The customers in order.
        plays: The number of customers of each play before anybody is withheld.
        withheld: The number of customers who are not on the list, by reason.
    """

    audience: Audience
    entries: tuple[ListEntry, ...]
    plays: Mapping[str, int]
    withheld: Mapping[str, int]

    def plan_counts(self) -> dict[str, tuple[int, int]]:
        """Return for each play the customers who have it, and those of them on the list."""
        listed = Counter(entry.play.name for entry in self.entries)
        return {play: (count, listed[play]) for play, count in self.plays.items()}

    def as_facts(self) -> dict[str, Any]:
        """Return the counts of the list, for the facts of the night."""
        return {
            "customers": len(self.entries),
            "plays": dict(self.plays),
            "withheld": dict(self.withheld),
            "effect": "not measured: a list has no control group of its own",
        }


def units_with_tasks(tasks: pd.DataFrame, cutoff: date, acts: Acts) -> set[str]:
    """Return the units whose latest task, of either arm, has not expired at the cutoff."""
    live = tasks[pd.to_datetime(tasks["expires_on"]) > pd.Timestamp(cutoff)]
    return {*live["unit"], *acts.units.of(live["customer_id"].to_numpy(dtype=object))}


def control_units(assignments: pd.DataFrame, acts: Acts) -> set[str]:
    """Return the units that were ever drawn into a control group, also units that were merged since then."""
    own = assignments[assignments["arm"] == CONTROL_ARM]
    customers = [customer for members in own["customers"] for customer in members]
    return {*own["unit"], *acts.units.of(customers)}


def advocates_list(
    scores: ScoredCohort,
    band: Floats,
    play_indices: Ints,
    has_call_play: Bools,
    playbook: Playbook,
    busy_units: set[str],
    controls: set[str],
    acts: Acts,
    terms: PlanTerms,
) -> SideList:
    """Return the list of advocates.

    The best health comes first, then the lowest probability of leaving, then the id.

    Args:
        scores: The scores of the cohort.
        band: The health bands.
        play_indices: The index of the rule of each customer's play for advocates, -1 without one.
        has_call_play: Whether a play of the call list applies to each customer.
        playbook: The playbook.
        busy_units: The units with a task that has not expired, of either arm.
        controls: The units of all control groups.
        acts: What is known about customers and earlier contacts.
        terms: The settings.
    """
    rows = np.flatnonzero(play_indices >= 0)
    call_units = set(acts.units.of(scores.customers[has_call_play]))
    order = np.lexsort((scores.customers[rows].astype(str), scores.probability[rows], -band[rows]))
    rows = rows[order]
    tenure = scores.frame["tenure_days"].to_numpy() if "tenure_days" in scores.frame else None
    candidates = [
        ListEntry(
            customer_id=str(scores.customers[row]),
            play=playbook.rules[play_indices[row]].play,
            channel="",
            tenure_days=_number_or_none(tenure[row]) if tenure is not None else None,
            health=_number_or_none(band[row]),
        )
        for row in rows.tolist()
    ]
    return _side_list("advocates", candidates, call_units, busy_units, controls, acts, terms)


def gone_list(
    scores: ScoredCohort,
    playbook: Playbook,
    controls: set[str],
    busy_units: set[str],
    acts: Acts,
    terms: PlanTerms,
) -> SideList:
    """Return the list of those who are gone.

    The highest monthly value comes first and an unknown value last, then who left last, then the id.

    Args:
        scores: The scores of the cohort, who are still customers.
        playbook: The playbook.
        controls: The units of all control groups.
        busy_units: The units with a task that has not expired, of either arm.
        acts: What is known about customers and earlier contacts.
        terms: The settings.
    """
    churners = acts.churners
    columns = {
        name: churners[name].to_numpy(dtype=np.float64)
        for name in ("days_since_left", "monthly_value", "tenure_days")
    }
    play_indices = playbook.choose(columns, len(churners), audience="gone")
    value = columns["monthly_value"]
    keys = (churners["customer_id"].to_numpy(dtype=str), columns["days_since_left"], -np.nan_to_num(value))
    order = np.lexsort((*keys, np.isnan(value)))
    candidates = [
        ListEntry(
            customer_id=str(churners["customer_id"].iloc[row]),
            play=playbook.rules[play_indices[row]].play,
            channel="",
            tenure_days=_number_or_none(columns["tenure_days"][row]),
            left_on=churners["left_on"].iloc[row],
            days_since_left=_number_or_none(columns["days_since_left"][row]),
            monthly_value=_number_or_none(value[row]),
        )
        for row in order.tolist()
        if play_indices[row] >= 0
    ]
    remaining = [*scores.customers, *sorted(acts.cancelling_ids)]
    remaining_units = set(acts.units.of(np.array(remaining, dtype=object)))
    return _side_list("gone", candidates, remaining_units, busy_units, controls, acts, terms)


def _side_list(
    audience: Audience,
    candidates: Sequence[ListEntry],
    other_units: set[str],
    busy_units: set[str],
    controls: set[str],
    acts: Acts,
    terms: PlanTerms,
) -> SideList:
    """Return the list of the candidates who may be contacted, in their order; one customer of each unit."""
    customers = np.array([entry.customer_id for entry in candidates], dtype=object)
    units = acts.units.of(customers)
    why_other = STILL_A_CUSTOMER if audience == "gone" else HAS_CALL_PLAY
    channels, refusals = permitted_channels(customers, [entry.play for entry in candidates], acts, terms)
    recent_units = set(acts.units.of(np.array(sorted(acts.recent_contact_ids), dtype=object)))
    entries: list[ListEntry] = []
    withheld: Counter[str] = Counter()
    listed_units: set[str] = set()
    for entry, unit, channel, refusal in zip(candidates, units, channels, refusals, strict=True):
        reason = refusal
        if reason is None and unit in other_units:
            reason = why_other
        elif reason is None and unit in controls:
            reason = CONTROL_REASON
        elif reason is None and unit in busy_units:
            reason = HAS_TASK
        elif reason is None and unit in recent_units:
            reason = recently_contacted(terms.contact.rest_days)
        elif reason is None and unit in listed_units:
            reason = same_unit_on_list(terms.experiments.unit)
        if reason is not None or channel is None:
            withheld[reason or "no channel"] += 1
            continue
        listed_units.add(str(unit))
        entries.append(replace(entry, channel=channel))
    plays = Counter(entry.play.name for entry in candidates)
    return SideList(audience, tuple(entries), dict(sorted(plays.items())), dict(sorted(withheld.items())))


def recently_contacted(days: int) -> str:
    """Return the reason for a unit that the table `contacts` names within the days of rest."""
    return f"contacted in the last {days} days"


def same_unit_on_list(unit: UnitKind) -> str:
    """Return the reason when another customer of the same person or account is on the list.

    >>> same_unit_on_list("person")
    'another customer of the same person is on this list'
    """
    return f"another customer of the same {unit} is on this list"


def list_csv(side_list: SideList, names: Mapping[str, str], language: str, form: CsvParams) -> str:
    """Return a list as CSV for spreadsheets, a line for each customer.

    Args:
        side_list: The list.
        names: The known names of customers, by id.
        language: The language of the headers and of the texts of the plays.
        form: The separators.
    """
    facts = LIST_COLUMNS[side_list.audience]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n", delimiter=form.separator)
    columns = ("rank", "customer_id", "name", *facts, *PLAY_COLUMNS)
    writer.writerow([header_of(column, language) for column in columns])
    for position, entry in enumerate(side_list.entries, start=1):
        play = entry.play
        texts = (
            play.action_in(language),
            play.owner,
            entry.channel,
            play.success_in(language),
            play.template,
        )
        writer.writerow(
            [
                position,
                safe_cell(entry.customer_id),
                safe_cell(names.get(entry.customer_id)),
                *(_cell(getattr(entry, name), name, form) for name in facts),
                *(safe_cell(text) for text in (play.name, *texts)),
            ]
        )
    # Spreadsheets read umlauts correctly only after this byte order mark.
    return "\ufeff" + buffer.getvalue()


def _cell(value: Any, name: str, form: CsvParams) -> str:
    if value is None or isinstance(value, date):
        return "" if value is None else str(value)
    return (f"{value:.2f}" if name == "monthly_value" else f"{value:.0f}").replace(".", form.decimal)


def _number_or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
