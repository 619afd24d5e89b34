"""What several sections of `churn kpis` need from the rows of the store; each table is read only once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.data.tables import STORED_UNITS
from churn.features.engine.cohort import read_customers
from churn.features.money import money_rows
from churn.kpis.activation import EventCounts
from churn.kpis.activity import MONEY_DAYS
from churn.kpis.acts import (
    NEWCOMER_DAYS,
    ONBOARDING_DAYS,
    VALUE_TABLES,
    ActiveDays,
    EarlyEvents,
    FirstUses,
    Joiners,
    acts_of_customers,
)
from churn.kpis.engagement import activity_readers
from churn.kpis.order_histories import HistoryTally
from churn.kpis.order_rows import WholeOrders
from churn.kpis.orders import OrderTally
from churn.kpis.rfm import OrdersAtCutoffs
from churn.kpis.spells import ActivitySpells, EventSpells
from churn.kpis.table_pass import RowReader, SumsAt, read_once
from churn.model.value import money_per_month

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PassTerms:
    """What must be collected from the rows of the store.

    Attributes:
        cutoff: Only what happened and was known before this midnight counts.
        months: The past cutoffs at which customers are divided into groups, for example by RFM.
        bounds: The starts and ends of the months for which the stages of customers are computed.
        joiners: The customers whose early events are counted.
        orders: The object that counts and sums the orders; None if there are no orders.
    """

    cutoff: date
    months: Sequence[date]
    bounds: Sequence[date]
    joiners: Joiners
    orders: OrderTally | None


@dataclass(frozen=True)
class MoneyAt:
    """The money that customers pay per month, and the money that they have spent.

    Attributes:
        days: The days for which the monthly money is known, in order of time.
        per_month: The money per month of each customer on each day, in currency, `[days, customers]`; NaN if
            it is not known.
        spent_money: The money that each customer has spent up to the cutoff, `[customers]`; NaN if no
            amount of the customer is known.
    """

    days: Sequence[date]
    per_month: Floats
    spent_money: Floats

    def at(self, days: Sequence[date]) -> Floats:
        """Return the money per month on the given days, `[days, customers]`; each must be in `self.days`."""
        return self.per_month[[self.days.index(day) for day in days]]


@dataclass(frozen=True)
class SharedRows:
    """The facts that several sections of `churn kpis` need, collected from the rows of the store.

    Attributes:
        spells: The periods in which each customer was active, found from events. None if contracts
            show who is active, or if no table shows this.
        active_days: The number of days on which each customer did something, in the 28 days before each
            cutoff of `PassTerms`; None if no table holds acts of customers.
        early_events: The counts of what new customers (`PassTerms.joiners`) did soon after the sign-up.
        activity: For each table of events, the activity of each customer in the 28 days before the cutoff,
            `[customers]`. The activity is the number of rows; for e-mails, it is the share of opened e-mails.
        money: What customers pay per month, and what they have spent.
        first_uses: The new customers who used the product soon after the sign-up; None if no table shows the
            use.
        orders: The counts and sums of the orders; None if there are no orders.
        histories: The order history of each customer; None if there are no orders, or if contracts show who
            is active.
        rfm: The recency, the frequency and the money of each customer's orders at each cutoff of
            `PassTerms.months`; None if there are no orders.
    """

    spells: ActivitySpells | None
    active_days: ActiveDays | None
    early_events: Sequence[EventCounts]
    activity: Mapping[str, Floats]
    money: MoneyAt
    first_uses: FirstUses | None
    orders: OrderTally | None
    histories: HistoryTally | None
    rfm: OrdersAtCutoffs | None


def read_shared_rows(store: Store, terms: PassTerms) -> SharedRows:
    """Read each table once, and collect from it what all sections need.

    Args:
        store: The store.
        terms: What must be collected.
    """
    label, n = store.params.label, store.n_customers
    readers: dict[str, list[RowReader]] = defaultdict(list)
    spells = None
    active_table = label.active_table
    by_contract = active_table == "subscriptions" and label.kind != "inactivity"
    if active_table is not None and not by_contract and store.has(active_table):
        spells = EventSpells(label.days_active, day_number(terms.cutoff))
        readers[active_table].append(spells)

    acts = acts_of_customers(store)
    active_days = ActiveDays(n, (*terms.months, terms.cutoff)) if acts else None
    early_events = [EarlyEvents(store, act, terms.joiners) for act in acts]
    for act, early in zip(acts, early_events, strict=True):
        readers[act.table].append(early)
        if active_days is not None:
            readers[act.table].append(active_days.reader(act))

    activity = activity_readers(store, terms.cutoff)
    for table, counts in activity.items():
        readers[table].append(counts)

    first_uses = None
    if uses_table := next((table for table in VALUE_TABLES if store.has(table)), None):
        first_uses = FirstUses(
            read_customers(store).signed_up, terms.cutoff, within_days=ONBOARDING_DAYS, days=NEWCOMER_DAYS
        )
        readers[uses_table].append(first_uses)

    days = sorted({*terms.months, *terms.bounds, terms.cutoff})
    spending, recurring = _money_readers(store, days, readers)

    histories = rfm = None
    if terms.orders is not None:
        histories = None if by_contract else HistoryTally(day_number(terms.cutoff))
        takers = [terms.orders.add, *([histories.add] if histories is not None else [])]
        readers["orders"].append(WholeOrders(store, terms.cutoff, takers))
    if store.has("orders"):
        rfm = OrdersAtCutoffs(store, terms.months)
        readers["orders"].append(rfm)

    for table, own in readers.items():
        read_once(store, table, own)
    return SharedRows(
        spells=None if spells is None or active_table is None else spells.activity(store, active_table),
        active_days=active_days,
        early_events=[event for early in early_events for event in early.events()],
        activity={table: counts.values() for table, counts in activity.items()},
        money=_money(days, spending, recurring),
        first_uses=first_uses,
        orders=terms.orders,
        histories=histories,
        rfm=rfm,
    )


def _money_readers(
    store: Store, days: Sequence[date], readers: dict[str, list[RowReader]]
) -> tuple[SumsAt, SumsAt | None]:
    """Add a reader of spent money and a reader of recurring money to `readers`; return both readers.

    For each customer and each of `days`, the reader of spent money sums the `MONEY_DAYS` days before the day.
    As its last sum, this reader gives the money spent on all days before the cutoff (the last of `days`).
    If the store has no recurring revenue, the second reader is None.
    """
    n, ends = store.n_customers, [day_number(day) for day in days]
    rows = money_rows(store)
    spending = SumsAt(
        n,
        [*((end - MONEY_DAYS, end) for end in ends), (0, ends[-1])],
        amount="amount",
        day="day" if rows is None else rows.day,
        until=None if rows is None else rows.until,
    )
    if rows is not None:
        readers[rows.table].append(spending)
    columns = store.tables["subscriptions"].columns if store.has("subscriptions") else ()
    if "mrr" not in columns:
        return spending, None
    recurring = SumsAt(
        n,
        [(0, end) for end in ends],
        amount="mrr",
        until="ended_at_day" if "ended_at_day" in columns else None,
    )
    readers["subscriptions"].append(recurring)
    return spending, recurring


def _money(days: Sequence[date], spending: SumsAt, recurring: SumsAt | None) -> MoneyAt:
    """Return the sums of `spending` and `recurring` as `MoneyAt`, in units of the currency, not in cents.

    The sums of spent money are changed in place, because a copy would need much memory.
    """
    spent = spending.sums
    for row in range(len(spent)):
        spent[row] /= STORED_UNITS["money"]
    for row in range(len(days)):
        own = np.array([np.nan]) if recurring is None else recurring.sums[row] / STORED_UNITS["money"]
        spent[row] = money_per_month(spent[row], own, MONEY_DAYS)
    return MoneyAt(days, spent[:-1], spent[-1])
