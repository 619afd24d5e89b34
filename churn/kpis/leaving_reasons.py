"""Compare the recorded reasons for leaving with the reasons that the model gave before the customers left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, date_of_day, day_number
from churn.features.engine.cohort import read_customers
from churn.kpis.figure import Period, missing_figure
from churn.kpis.past_nights import NightReader
from churn.kpis.retention import share_figure
from churn.kpis.section import SectionResult
from churn.kpis.spells import ActivitySpells
from churn.metrics.interval import Part

Ints = npt.NDArray[np.int64]

WINDOW_DAYS = 364
"""The number of days of the window from which leavers are taken; it ends `wait_days` before the cutoff."""

BEFORE_DAYS = 31
"""The largest number of days between the scored night and the day on which the customer left."""

MIN_REASON_CUSTOMERS = 5
"""The least number of customers with a recorded reason for which the reason is shown; a rarer reason may
point to one person.
"""

MAX_REASONS = 20

NOT_RECORDED, RARER = "(not recorded)", "(rarer reasons)"
NO_NIGHT, NOT_SCORED, NO_REASON = "no night before", "not scored", "no reason given"
"""What is shown in place of the model's reason if there is none."""

NO_COLUMN = "no reasons are recorded: map tables.subscriptions.columns.reason"
NO_LEAVERS = "nobody left in the window"
NO_NIGHTS = "no leaver was scored in the 31 days before leaving"


class ReasonRow(Part):
    """The customers who left for the same recorded reason.

    Attributes:
        recorded_reason: The reason for leaving in the words of the company.
        customers: The number of customers who left with the recorded reason.
        our_reasons: For each family of signals, the number of customers whose first reason from the model was
            of this family; the most frequent family first.
    """

    recorded_reason: str
    customers: int
    our_reasons: Mapping[str, int]


class LeavingReasonsResult(SectionResult):
    """The recorded reasons for leaving, and the reasons that the model gave before the customers left.

    Attributes:
        rows: One row for each recorded reason, the most frequent first.
    """

    rows: tuple[ReasonRow, ...] = ()


@dataclass(frozen=True)
class Leavers:
    """Customers who left; each field has one entry per customer.

    Attributes:
        customer: The customer codes.
        end: The day numbers of leaving.
        recorded_reasons: The recorded reasons; None for a customer without one.
    """

    customer: Ints
    end: Ints
    recorded_reasons: Sequence[str | None]


def read_leavers(store: Store, spells: ActivitySpells, cutoff: date) -> Leavers | None:
    """Read who left in the window, when and why; None if the source has no reasons.

    The window has `WINDOW_DAYS` days and ends `spells.wait_days` days before the cutoff. The result is also
    None if the label is not of kind `contract`.

    Args:
        store: The store.
        spells: When customers were active.
        cutoff: The date up to which the data are known.
    """
    columns = store.tables["subscriptions"].columns if store.has("subscriptions") else ()
    if store.params.label.kind != "contract" or not {"reason", "ended_at_day"} <= set(columns):
        return None
    last = day_number(cutoff) - spells.wait_days
    is_last = np.append(spells.customer[1:] != spells.customer[:-1], True)[: len(spells.customer)]
    rows = is_last & (spells.end < last) & (spells.end >= last - WINDOW_DAYS)
    with store.connect() as connection:
        ended = connection.execute(
            f"SELECT customer, ended_at_day, min(trim(reason)) FROM {store.scan('subscriptions')} "
            f"WHERE {store.visible_before('subscriptions', cutoff)} "
            f"AND ended_at_day < {day_number(cutoff)} AND trim(reason) <> '' GROUP BY 1, 2"
        ).fetchall()
    reason_of = {(customer, end): reason for customer, end, reason in ended}
    customer, end = spells.customer[rows], spells.end[rows]
    recorded = [reason_of.get(pair) for pair in zip(customer.tolist(), end.tolist(), strict=True)]
    return Leavers(customer, end, recorded)


def leaving_reasons_section(
    leavers: Leavers | None, ids: Sequence[str], nights: NightReader | None, period: Period
) -> LeavingReasonsResult:
    """Compare recorded reasons with the model's, and compute `reasons_recorded` and `leavers_on_risk_list`.

    Args:
        leavers: The customers who left; None if the source has no reasons for leaving.
        ids: The customer id of each customer code.
        nights: The scored nights; None if there are no nights.
        period: The days in which the leavers left.
    """
    if leavers is None:
        names = ("reasons_recorded", "leavers_on_risk_list")
        return LeavingReasonsResult(figures=tuple(missing_figure(name, period, NO_COLUMN) for name in names))
    ours = _our_reasons(leavers, ids, nights)
    n_recorded = sum(reason is not None for reason in leavers.recorded_reasons)
    scored = [family for family in ours if family not in (NO_NIGHT, NOT_SCORED)]
    with_reason = sum(family != NO_REASON for family in scored)
    return LeavingReasonsResult(
        figures=(
            share_figure("reasons_recorded", period, n_recorded, len(ours), NO_LEAVERS),
            share_figure("leavers_on_risk_list", period, with_reason, len(scored), NO_NIGHTS),
        ),
        rows=tuple(_cross(leavers.recorded_reasons, ours)),
    )


def _our_reasons(leavers: Leavers, ids: Sequence[str], nights: NightReader | None) -> list[str]:
    """Return for each leaver the family of signals from which the model's first reason came.

    The first reason is the strongest. It is taken from the last scored night that is 0 to `BEFORE_DAYS` days
    before the day of leaving.
    """
    known = nights.nights if nights is not None else ()
    families: dict[date, Mapping[str, str | None]] = {}
    ours = []
    for customer, end in zip(leavers.customer.tolist(), leavers.end.tolist(), strict=True):
        left_on = date_of_day(end)
        before = [night for night in known if left_on - timedelta(days=BEFORE_DAYS) <= night <= left_on]
        if not before or nights is None:
            ours.append(NO_NIGHT)
            continue
        if before[-1] not in families:
            families[before[-1]] = nights.first_families(before[-1])
        own = families[before[-1]]
        customer_id = str(ids[customer])
        ours.append((own[customer_id] or NO_REASON) if customer_id in own else NOT_SCORED)
    return ours


def _cross(recorded_reasons: Sequence[str | None], our_reasons: Sequence[str]) -> list[ReasonRow]:
    """Count the model's reasons for each recorded reason; rare recorded reasons share one row."""
    totals = Counter(reason for reason in recorded_reasons if reason is not None)
    shown = {reason for reason, count in totals.most_common(MAX_REASONS) if count >= MIN_REASON_CUSTOMERS}
    counts: dict[str, Counter[str]] = {}
    for reason, own in zip(recorded_reasons, our_reasons, strict=True):
        name = NOT_RECORDED if reason is None else reason if reason in shown else RARER
        counts.setdefault(name, Counter())[own] += 1
    rows = [
        ReasonRow(
            recorded_reason=name,
            customers=counter.total(),
            our_reasons=dict(sorted(counter.items(), key=lambda item: (-item[1], item[0]))),
        )
        for name, counter in counts.items()
    ]
    return sorted(rows, key=lambda row: (-row.customers, row.recorded_reason))


def read_leaving_reasons(
    store: Store, spells: ActivitySpells, nights: NightReader | None, cutoff: date
) -> LeavingReasonsResult:
    """Read which customers left and why, and compare the recorded reasons with the reasons that the model
    gave.

    Args:
        store: The store.
        spells: When customers were active.
        nights: The scored nights; None if there are no nights.
        cutoff: The date up to which the data are known.
    """
    end = cutoff - timedelta(days=spells.wait_days)
    period = Period(kind="window", start=end - timedelta(days=WINDOW_DAYS), end=end)
    leavers = read_leavers(store, spells, cutoff)
    ids = read_customers(store).ids.tolist() if leavers is not None else []
    return leaving_reasons_section(leavers, ids, nights, period)
