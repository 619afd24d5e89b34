"""Collect what is known about customers and earlier contacts, before the contacts of a night are planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.contact.consent import Consents, consents_at, match_suppression, read_suppression_lists
from churn.contact.rhythm import AnswerCounts, answers_of, best_hours_of, count_answers, evidence_ends
from churn.contact.tasks import (
    CAME_BACK,
    NO_LONGER_AT_RISK,
    NO_LONGER_IN_COHORT,
    OBJECTED,
    OPENED_TICKET,
    TaskStates,
    task_states,
)
from churn.contact.terms import Acts
from churn.contact.working_days import read_zones
from churn.data.acts import read_active_hours, read_consents, read_contacts, read_event_days, read_reach
from churn.data.churners import read_churners
from churn.data.store import Store
from churn.data.tables import CONTACT_RESULTS
from churn.experiments.ledger import Ledger
from churn.experiments.units import Units, find_units
from churn.features.engine.cohort import CANCELLING, GONE_REASONS, REASONS
from churn.params import ContactParams, ExperimentsParams


@dataclass(frozen=True)
class Permissions:
    """Which customers the company may contact.

    Attributes:
        consents: The consents that are valid.
        suppressed_ids: The customers on suppression lists, and all other ids of the same persons.
        objected_ids: The customers who objected, and all other ids of the same persons.
        customer_ids: The ids of all customers in the data.
        warnings: Sentences about probable mistakes in the data.
    """

    consents: Consents
    suppressed_ids: frozenset[str]
    objected_ids: frozenset[str]
    customer_ids: frozenset[str]
    warnings: tuple[str, ...]


def read_acts(
    store: Store,
    cutoff: date,
    experiments: ExperimentsParams,
    contact: ContactParams,
    ledger: Ledger,
    roster: pd.DataFrame,
    *,
    needs_answers: bool = False,
) -> Acts:
    """Return what is known about customers and earlier contacts at a cutoff.

    Args:
        store: The store.
        cutoff: The cutoff of the night.
        experiments: Who is assigned to an arm: persons, accounts or customers.
        contact: The rules of contact in params.yaml.
        ledger: The earlier nights.
        roster: All known customers, with the columns `customer_id` and `excluded_because`.
        needs_answers: Whether a play needs to know in which channel the customer answers.

    Raises:
        ParamsError: A suppression list does not exist.
        SourceError: A suppression list cannot be read.
    """
    timezone = store.params.timezone
    permissions = read_permissions(store, cutoff, contact)
    reach = read_reach(store).to_pandas()
    customers = reach["customer_id"].to_numpy(dtype=object)
    zones = read_zones(reach["timezone"].to_numpy(dtype=object), timezone)
    reasons = roster["excluded_because"]
    at_risk = roster.loc[reasons.isna(), "customer_id"].tolist()
    churners = roster.loc[reasons.isin(GONE_REASONS), "customer_id"].tolist()
    cancelling = roster.loc[reasons == REASONS[CANCELLING], "customer_id"].tolist()
    states = read_task_states(store, cutoff, ledger, at_risk)
    unknown = [
        f"customers.timezone: '{name}' is not a time zone; for customers with this value, the quiet hours "
        f"are in the time zone {timezone}."
        for name in zones.unknown_names[:3]
    ]
    units = find_units(reach, experiments.unit, ledger.unit_of)
    zone_of = dict(zip(customers, zones.zones, strict=True))
    rhythm = contact.rhythm
    best_hours = None
    if rhythm.best_hour:
        own_zones = {customer: zone_of[customer] for customer in at_risk if customer in zone_of}
        since = cutoff - timedelta(days=rhythm.days)
        events = read_active_hours(store, cutoff, own_zones, since=since).to_pandas()
        best_hours = best_hours_of(events, contact)
    return Acts(
        units=units,
        consents=permissions.consents,
        suppressed_ids=permissions.suppressed_ids,
        objected_ids=permissions.objected_ids,
        zones=zone_of,
        states=states,
        churners=_churner_rows(store, cutoff, churners),
        cancelling_ids=frozenset(cancelling),
        recent_contact_ids=_recent_contact_ids(store, cutoff, contact.rest_days),
        answers=_answers(store, cutoff, ledger, units, rhythm.days) if needs_answers else {},
        best_hours=best_hours,
        warnings=(*permissions.warnings, *unknown, *state_warnings(states)),
    )


def _answers(store: Store, cutoff: date, ledger: Ledger, units: Units, days: int) -> AnswerCounts:
    ends = evidence_ends(units, ledger.assignments, cutoff)
    since = min(ends.values(), default=cutoff) - timedelta(days=days)
    contacts = read_contacts(store, cutoff)
    opened_mails = read_event_days(store, "emails", cutoff, "opened_at", since=since).to_pandas()
    answers = answers_of(None if contacts is None else contacts.to_pandas(), opened_mails)
    return count_answers(answers, ends, cutoff, days)


def read_permissions(store: Store, cutoff: date, contact: ContactParams) -> Permissions:
    """Return which customers the company may contact.

    Args:
        store: The store.
        cutoff: The cutoff up to which consents count. Objections count even if they came after the cutoff.
            The suppression lists are read as they are today.
        contact: The rules of contact in params.yaml.

    Raises:
        ParamsError: A suppression list does not exist.
        SourceError: A suppression list cannot be read.
    """
    reach = read_reach(store).to_pandas()
    customers = reach["customer_id"].to_numpy(dtype=object)
    lists = read_suppression_lists(contact.suppression)
    suppression = match_suppression(lists, customers, reach["email"].to_numpy(dtype=object))
    zone = ZoneInfo(store.params.timezone)
    midnight = datetime.combine(cutoff, time(0), zone).astimezone(UTC).replace(tzinfo=None)
    consents = consents_at(
        read_consents(store, cutoff).to_pandas(),
        purpose=contact.purpose,
        channels=contact.consent_channels,
        cutoff=midnight,
    )
    persons = find_units(reach, "person")
    unmatched = [
        f"{path}: {count:,} line{'' if count == 1 else 's'} of the suppression list match no customer."
        for path, count in suppression.n_unmatched.items()
    ]
    return Permissions(
        consents=consents,
        suppressed_ids=_of_persons(persons, customers, customers[suppression.is_suppressed]),
        objected_ids=_of_persons(persons, customers, _objector_ids(reach)),
        customer_ids=frozenset(customers),
        warnings=(*consents.warnings, *unmatched),
    )


def _churner_rows(store: Store, cutoff: date, ids: Sequence[str]) -> pd.DataFrame:
    rows: pd.DataFrame = read_churners(store, cutoff).to_pandas()
    return rows[rows["customer_id"].isin(ids)].reset_index(drop=True)


def _recent_contact_ids(store: Store, cutoff: date, rest_days: int) -> frozenset[str]:
    contacts = read_contacts(store, cutoff)
    if contacts is None:
        return frozenset()
    frame = contacts.to_pandas()
    since = pd.Timestamp(cutoff) - pd.Timedelta(days=rest_days)
    return frozenset(frame.loc[pd.to_datetime(frame["contacted_on"]) >= since, "customer_id"])


def _of_persons(
    persons: Units, customers: npt.NDArray[np.object_], refusing_ids: npt.NDArray[np.object_]
) -> frozenset[str]:
    """Return the customers in `refusing_ids` and all other customers of the same persons, because a refusal
    is valid for the whole person.
    """
    units = set(persons.of(refusing_ids))
    return frozenset(
        customer for customer, unit in zip(customers, persons.of(customers), strict=True) if unit in units
    )


def read_task_states(store: Store, cutoff: date, ledger: Ledger, at_risk: Sequence[str]) -> TaskStates:
    """Return the state of each task in a ledger, such as open or done, from the events before the cutoff.

    Args:
        store: The store.
        cutoff: Only days before the cutoff count; but objections count even if they came after the cutoff.
        ledger: The ledger; its tasks and the health bands of its latest night are read.
        at_risk: The ids of the customers in the cohort at the cutoff, who can still leave.
    """
    contacts = read_contacts(store, cutoff)
    objector_ids = _objector_ids(read_reach(store).to_pandas())
    exits = _exits(store, cutoff, ledger, at_risk, objector_ids)
    return task_states(ledger.tasks, None if contacts is None else contacts.to_pandas(), exits, cutoff)


def _objector_ids(reach: pd.DataFrame) -> npt.NDArray[np.object_]:
    rows = reach["has_objected"].to_numpy(dtype=bool)
    ids: npt.NDArray[np.object_] = reach["customer_id"].to_numpy(dtype=object)[rows]
    return ids


def state_warnings(states: TaskStates) -> Iterator[str]:
    """Yield a warning for each kind of mistake in the table of contacts; the warning says what to do."""
    if n := len(states.contacted_controls):
        ids = ", ".join(states.contacted_controls[:3])
        yield (
            "contacts: customers of the control group were contacted, although nobody may contact controls. "
            f"Their tasks: {n:,} (first: {ids}). A control group that is contacted measures nothing: find "
            "out who worked from another list than the call list."
        )
    if states.n_unmatched:
        yield (
            f"contacts: {states.n_unmatched:,} rows have a wrong `task_id`: there is no such task, the task "
            "belongs to another customer, or the contact was made before the task was planned. These rows "
            "change the state of no task: correct `task_id`."
        )
    for result, n in states.unknown_results.items():
        yield (
            f"contacts: {n:,} rows have the unknown result '{result}', which counts as `done`. The known "
            f"results are {', '.join(CONTACT_RESULTS)}."
        )
    if states.n_snoozed_without_date:
        yield (
            f"contacts: {states.n_snoozed_without_date:,} rows are snoozed without `snoozed_until`, so their "
            "tasks stay on the list. Give the day on which each task comes back."
        )


def _exits(
    store: Store, cutoff: date, ledger: Ledger, at_risk: Sequence[str], objected_ids: npt.NDArray[np.object_]
) -> pd.DataFrame:
    """Return events that are a reason to withdraw a customer's tasks: `customer_id`, `happened_on`, `why`.

    If the label is inactivity, a new event in the label's table, such as a login, means that the customer
    came back. A customer who is not in the cohort tonight has left. If the customer was in the cohort in the
    night before, `happened_on` is the cutoff of that night. Otherwise `happened_on` is the day on which the
    customer's first task was planned.
    """
    with_tasks = set(ledger.tasks["customer_id"])
    label = store.params.label
    sources = [("tickets", OPENED_TICKET)]
    left_cohort = NO_LONGER_IN_COHORT if label.is_event else NO_LONGER_AT_RISK
    if label.kind == "inactivity":
        sources.append((label.core_table, CAME_BACK))
    frames = []
    if with_tasks:
        since = min(ledger.tasks["planned_on"])
        frames = [_event_exits(store, table, since, cutoff, with_tasks, why) for table, why in sources]
    # A task without a probability was planned for a customer who had already left, and this customer cannot
    # leave again.
    scored_tasks = ledger.tasks[ledger.tasks["churn_probability"].notna()]
    gone = set(scored_tasks["customer_id"]) - set(at_risk)
    before = set(ledger.bands["customer_id"])
    first_task = scored_tasks.groupby("customer_id")["planned_on"].min()
    objecting = set(objected_ids)
    rows = []
    for customer in sorted(gone):
        day = ledger.previous if customer in before and ledger.previous else first_task[customer]
        why = OBJECTED if customer in objecting else left_cohort
        rows.append((customer, day, why))
    frames.append(pd.DataFrame(rows, columns=["customer_id", "happened_on", "why"]))
    return pd.concat(frames, ignore_index=True)


def _event_exits(
    store: Store, table: str, since: date, cutoff: date, customers: set[str], exit_reason: str
) -> pd.DataFrame:
    days = read_event_days(store, table, cutoff, since=since).to_pandas()
    own = days[days["customer_id"].isin(customers)]
    return pd.DataFrame({"customer_id": own["customer_id"], "happened_on": own["day"], "why": exit_reason})
