"""The section `activation`: what customers do soon after the sign-up, and whether they stay afterwards."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from churn.data.store import Store, date_of_day, day_number
from churn.data.tables import HISTORY_PREFIX, NO_EVENTS
from churn.features.engine.cohort import read_customers
from churn.features.engine.matrix import cohorts_without_objections
from churn.kpis.activation import (
    LEVEL,
    WITHIN_DAYS,
    Bools,
    Candidate,
    EventCounts,
    FollowUp,
    Ints,
    Search,
    search_activation,
)
from churn.kpis.company import Company
from churn.kpis.figure import Finite
from churn.kpis.section import SectionResult
from churn.labels.labels import labels_at
from churn.labels.outcomes import LEFT, STAYED, label_window
from churn.metrics.interval import Part
from churn.metrics.standard_errors import customer_wilson_interval

N_WINDOWS = 3
"""The number of label windows in which a customer is followed."""

LONGEST_DAYS = max(WITHIN_DAYS)
WEEK_DAYS = 7
WEEKS_AT_ONCE = 16
"""The number of cutoffs whose labels are in memory at a time."""

MAX_KINDS = 12
"""The number of kinds of a table that are tried; the most frequent are taken."""

NOT_TRIED = ("customers", "subscriptions", "payments", *NO_EVENTS)
"""Tables whose rows are no acts of the customer: contracts, bills, and the company's own acts."""

OUTCOME_OF_ACT = {"emails": ("opened_at", "clicked_at"), "surveys": ("answered_at",)}
"""In these tables a row is an act of the company, and an outcome is the act of the customer."""

KINDS_OF_ACT = {"loyalty": ("earn", "redeem")}
"""The kinds that are acts of the customer, for tables that have others."""

DEFINITION = (
    "an event at least m times within d days of the sign-up, that goes with staying: among customers still "
    f"at risk {LONGEST_DAYS} to {LONGEST_DAYS + WEEK_DAYS - 1} days after the sign-up, those with it leave "
    f"less often in the next {N_WINDOWS} label windows. It is chosen on the half that joined earlier and "
    f"tested once on the half that joined later (one-sided, level {LEVEL}), within month of joining and age. "
    "It is correlated with staying; it is not shown to cause it"
)


class Side(Part):
    """The later joiners with, or without, the event, and the share that left in a label window (Wilson)."""

    n: int
    share: float
    low: float
    high: float


class Activation(Part):
    """The event that goes with staying.

    Attributes:
        event: The table, or table and kind.
        at_least, within_days: How often, and within how many days of the sign-up.
        text: The event in words.
        share_done: The share of all followed customers who did it.
        with_event, without_event: The later joiners.
        difference, low, high: How much less often customers with it left in a label window, within month and
            age, with its 95 % interval.
        p_value: The one-sided p-value on the later joiners.
        decides_label: Whether the label counts the same events, so that some of this is so by definition.
    """

    event: str
    at_least: int
    within_days: int
    text: str
    share_done: float
    with_event: Side
    without_event: Side
    difference: float
    low: float
    high: float
    p_value: float
    decides_label: bool


class ActivationResult(SectionResult):
    """The activation event, or the reason why none is reported.

    Attributes:
        definition, population: What was searched, and among whom.
        n: The followed customers.
        n_left: Those of them who left.
        joined_from, split_at, joined_until: The earlier joiners signed up in `[joined_from, split_at)`, the
            later ones in `[split_at, joined_until)`.
        events: The events that were tried.
        n_tried: The number of candidates that were compared.
        activation: The event; None if none is confirmed.
        reason: Why there is none.
        earlier_p_value: The p-value of the best candidate on the earlier joiners, not corrected for the
            number tried.
    """

    definition: str
    population: str
    n: int
    n_left: int
    joined_from: date | None
    split_at: date | None
    joined_until: date | None
    events: tuple[str, ...]
    n_tried: int
    activation: Activation | None
    reason: str | None
    earlier_p_value: Finite


@dataclass(frozen=True)
class ActTable:
    """A table, or an outcome of a table, in which a row is an act of the customer.

    Attributes:
        table: The table.
        day: The column with the day number of the act.
        kinds: The codes of the kinds that are acts; empty for all rows.
    """

    table: str
    day: str
    kinds: tuple[int, ...] = ()


def acts_of_customers(store: Store) -> tuple[ActTable, ...]:
    """Return the tables in which rows are acts of customers, and not of the company."""
    acts = []
    for table in sorted(store.tables):
        if table in NOT_TRIED or table.startswith(HISTORY_PREFIX) or not store.has(table):
            continue
        facts = store.tables[table]
        if table in OUTCOME_OF_ACT:
            days = [f"{name}_day" for name in OUTCOME_OF_ACT[table]]
            acts += [ActTable(table, day) for day in days if day in facts.columns]
        elif table in KINDS_OF_ACT:
            levels = facts.levels.get("kind", ())
            kinds = tuple(code for code, kind in enumerate(levels) if kind in KINDS_OF_ACT[table])
            acts += [ActTable(table, "day", kinds)] if kinds else []
        else:
            acts.append(ActTable(table, "day"))
    return tuple(acts)


@dataclass(frozen=True)
class Joiners:
    """The customers who joined while the data were recorded, `[customers]`: code, sign-up day and landmark.

    The landmark is the first weekly cutoff that is at least `LONGEST_DAYS` after the sign-up.
    """

    code: Ints
    signed_up: Ints
    landmark: Ints


def activation_section(company: Company) -> ActivationResult:
    """Compute the section."""
    store, cutoff = company.store, company.cutoff
    joiners = read_joiners(store, company.first_lives.complete_from, cutoff)
    follow_up = follow(store, joiners, cutoff)
    events = read_events(store, joiners)
    is_followed = np.zeros(len(joiners.code), dtype=bool)
    is_followed[follow_up.customer] = True
    signed_up = joiners.signed_up[is_followed]
    split = int(np.median(signed_up)) if len(signed_up) else 0
    is_later = joiners.signed_up >= split
    search = search_activation(events, follow_up.of(~is_later), follow_up.of(is_later))
    return ActivationResult(
        definition=DEFINITION,
        population="customers who signed up since everybody who leaves is in the data, and were at risk at "
        "the cutoff after the longest time window; also those who objected to being contacted",
        n=int(is_followed.sum()),
        n_left=int(follow_up.has_left.sum()),
        joined_from=date_of_day(int(signed_up.min())) if len(signed_up) else None,
        split_at=date_of_day(split) if len(signed_up) else None,
        joined_until=date_of_day(int(signed_up.max()) + 1) if len(signed_up) else None,
        events=tuple(event.event for event in events),
        n_tried=search.n_tried,
        activation=_activation(search, events, follow_up, is_later, store.params.label.core_table),
        reason=search.reason,
        earlier_p_value=search.earlier.p_value if search.earlier else None,
    )


def read_joiners(store: Store, complete_from: int, cutoff: date) -> Joiners:
    """Return the customers who signed up in `[complete_from, cutoff)`."""
    signed_up = read_customers(store).signed_up.astype(np.int64)
    is_joiner = (signed_up >= complete_from) & (signed_up < day_number(cutoff))
    code = np.flatnonzero(is_joiner)
    earliest = signed_up[code] + LONGEST_DAYS
    landmark = earliest + (day_number(cutoff) - earliest) % WEEK_DAYS
    return Joiners(code, signed_up[code], landmark)


def follow(store: Store, joiners: Joiners, cutoff: date) -> FollowUp:
    """Follow the joiners over the label windows after their landmark, until they leave or are not at risk.

    A window counts if its label is matured at the cutoff, and if the customer is at risk at its start, as
    known then.
    """
    label, late_days = store.params.label, store.params.snapshot.late_days
    step = WEEK_DAYS * math.ceil((label.gap_days + label.horizon_days) / WEEK_DAYS)
    starts = joiners.landmark[None, :] + step * np.arange(N_WINDOWS)[:, None]
    days = [
        day
        for day in np.unique(starts).tolist()
        if label_window(date_of_day(day), label, late_days).mature_on <= cutoff
    ]
    is_there = np.ones(len(joiners.code), dtype=bool)
    months = np.array([_month(day) for day in joiners.signed_up.tolist()], dtype=np.int64)
    states = dict(zip(days, _states(store, [date_of_day(day) for day in days], joiners.code), strict=True))
    parts: list[tuple[Ints, Ints, Bools]] = []
    for number in range(N_WINDOWS):
        state = np.full(len(joiners.code), -1, dtype=np.int8)
        for day in np.unique(starts[number]).tolist():
            if day in states:
                has_day = starts[number] == day
                state[has_day] = states[day][has_day]
        is_there &= state >= 0
        rows = np.flatnonzero(is_there)
        parts.append((rows, months[rows] * N_WINDOWS + number, state[rows] == LEFT))
        is_there &= state == STAYED
    customer, stratum, has_left = (np.concatenate(column) for column in zip(*parts, strict=True))
    return FollowUp(customer, stratum, has_left)


def _month(day: int) -> int:
    when = date_of_day(day)
    return when.year * 12 + when.month


def _states(store: Store, cutoffs: list[date], codes: Ints) -> list[npt.NDArray[np.int8]]:
    """Return per cutoff the label of some customers: `LEFT`, `STAYED`, or -1 if it does not count."""
    result = []
    for first in range(0, len(cutoffs), WEEKS_AT_ONCE):
        chunk = cutoffs[first : first + WEEKS_AT_ONCE]
        cohorts = cohorts_without_objections(store, chunk)
        for cohort, labels in zip(cohorts, labels_at(store, chunk), strict=True):
            is_counted = cohort.members & np.isin(labels, (LEFT, STAYED))
            result.append(np.where(is_counted, labels, -1).astype(np.int8)[codes])
    return result


def read_events(store: Store, joiners: Joiners) -> list[EventCounts]:
    """Count the early events of the joiners, for each table and each kind of it."""
    result = []
    for act in acts_of_customers(store):
        if act.day != "day":
            event = f"{act.table}: {act.day.removesuffix('_at_day')}"
            result.append(_counts_of(store, joiners, act.table, event, day=act.day))
            continue
        if not act.kinds:
            result.append(_counts_of(store, joiners, act.table, act.table))
        result += [
            _counts_of(store, joiners, act.table, f"{act.table}: {kind}", kind=code)
            for code, kind in _kinds(store, act.table)
        ]
    return result


def _kinds(store: Store, table: str) -> list[tuple[int, str]]:
    """Return the codes and names of the most frequent kinds of a table; none without a column `kind`."""
    levels = store.tables[table].levels.get("kind", ())
    if "kind" not in store.tables[table].columns or not levels:
        return []
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT kind, count(*) AS n FROM {store.scan(table)} WHERE kind >= 0 GROUP BY 1 "
            f"ORDER BY n DESC, kind LIMIT {MAX_KINDS}"
        ).fetchall()
    kinds = [(int(code), levels[code]) for code, _ in rows]
    return [(code, kind) for code, kind in kinds if kind in KINDS_OF_ACT.get(table, (kind,))]


def _counts_of(
    store: Store, joiners: Joiners, table: str, event: str, *, day: str = "day", kind: int | None = None
) -> EventCounts:
    """Count the rows of a table within each of `WITHIN_DAYS` of the sign-up, as known at the landmark.

    Args:
        store: The store.
        joiners: The customers.
        table: The table.
        event: The name of the event.
        day: The column with the day number of the event.
        kind: The code of the kind; None for all rows.
    """
    facts = store.tables[table]
    people = pa.table(
        {
            "row": np.arange(len(joiners.code)),
            "customer": joiners.code,
            "signed_up": joiners.signed_up,
            "landmark": joiners.landmark,
        }
    )
    conditions = [f"e.{day} >= p.signed_up", f"e.{day} < p.signed_up + {LONGEST_DAYS}"]
    if kind is not None:
        conditions.append(f"e.kind = {kind}")
    if facts.two_clocks:
        conditions.append("e.known_day < p.landmark")
    sums = ", ".join(
        f"count(*) FILTER (WHERE e.{day} < p.signed_up + {days}) AS n{days}" for days in WITHIN_DAYS
    )
    with store.connect() as connection:
        connection.register("people", people)
        rows = connection.execute(
            f"SELECT p.row, {sums} FROM {store.scan(table)} AS e JOIN people AS p USING (customer) "
            f"WHERE {' AND '.join(conditions)} GROUP BY 1"
        ).fetchnumpy()
    counts = np.zeros((len(WITHIN_DAYS), len(joiners.code)), dtype=np.int64)
    for number, days in enumerate(WITHIN_DAYS):
        counts[number, np.asarray(rows["row"], dtype=np.int64)] = rows[f"n{days}"]
    is_covered = np.asarray(joiners.signed_up >= (facts.first_day or 0))
    return EventCounts(event, counts, is_covered)


def _activation(
    search: Search, events: list[EventCounts], follow_up: FollowUp, is_later: Bools, label_table: str
) -> Activation | None:
    """Return the confirmed event with the shares that left; None if none is confirmed."""
    if search.best is None or search.later is None or search.reason is not None:
        return None
    best: Candidate = search.best
    event = next(event for event in events if event.event == best.event)
    has_done = event.counts[WITHIN_DAYS.index(best.within_days)] >= best.at_least
    followed_codes = np.unique(follow_up.of(event.is_covered).customer)
    later = follow_up.of(is_later & event.is_covered)
    low, high = search.later.interval
    return Activation(
        event=best.event,
        at_least=best.at_least,
        within_days=best.within_days,
        text=str(best),
        share_done=float(has_done[followed_codes].mean()),
        with_event=_side(later.of(has_done)),
        without_event=_side(later.of(~has_done)),
        difference=search.later.difference,
        low=low,
        high=high,
        p_value=search.later.p_value,
        decides_label=best.event.split(":")[0] == label_table,
    )


def _side(rows: FollowUp) -> Side:
    left = rows.has_left.astype(np.float64)
    low, high = customer_wilson_interval(left, rows.customer)
    return Side(n=len(np.unique(rows.customer)), share=float(left.mean()), low=low, high=high)
