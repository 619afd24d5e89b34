"""Compute each section of `churn kpis` from the rows, periods, segments and settings of the company."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.features.engine.cohort import read_customers
from churn.kpis.audit import read_audit
from churn.kpis.company import Company
from churn.kpis.contract_rows import read_contract_rows
from churn.kpis.counting import missing_figures
from churn.kpis.definitions.retention import RETENTION
from churn.kpis.engagement import (
    EngagementResult,
    active_at,
    engagement_section,
    read_peers,
    window_before,
)
from churn.kpis.event import EventResult, event_section, no_leaving
from churn.kpis.figure import Figure, Period, missing_figure
from churn.kpis.leaving_reasons import read_leaving_reasons
from churn.kpis.orders import OrdersResult, orders_section
from churn.kpis.recurring import recurring_section
from churn.kpis.referrals import read_referrals, referral_figures
from churn.kpis.retention import RetentionResult, retention_section
from churn.kpis.section import SectionResult
from churn.kpis.value import MonthCounts, ValueTerms, value_section
from churn.kpis.voice import VoiceResult, VoiceTables, VoiceTerms, silent_figures, voice_section

ACTIVITY_UNKNOWN = "an event that everybody can have does not say who is active: set `label.among`"
"""Why a figure of active customers is missing if the label is a label of an event."""


def event_of(company: Company) -> EventResult:
    """Compute the section `event`."""
    return event_section(
        company.store,
        company.event_periods,
        company.segmentations,
        company.cutoff,
        company.latest_month,
    )


def retention_of(company: Company) -> SectionResult:
    """Compute the section `retention`."""
    params = company.store.params
    if params.label.is_event:
        names = [definition.name for definition in RETENTION]
        reason = no_leaving(params.locate("label.kind"))
        return RetentionResult(figures=missing_figures(names, company.latest_month, reason))
    return retention_section(company.spells, company.retention_periods, company.segmentations, company.cutoff)


def recurring_of(company: Company) -> SectionResult:
    """Compute the section `recurring`."""
    params = company.store.params
    is_label = params.label.active_table == "subscriptions"
    return recurring_section(
        read_contract_rows(company.store, company.cutoff),
        company.retention_periods if is_label else company.periods_of_table("subscriptions"),
        company.segmentations,
        cutoff=company.cutoff,
        grace_days=params.label.grace_days,
        late_days=params.snapshot.late_days,
        latest=company.latest_month,
    )


def voice_of(company: Company) -> SectionResult:
    """Compute the section `voice`."""
    terms = company.store.params.kpis
    tables = VoiceTables(
        company.answers,
        company.tickets,
        company.contacts,
        {name: company.periods_of_table(name) for name in ("surveys", "tickets")},
    )
    voice = voice_section(
        tables,
        company.segmentations,
        VoiceTerms(answer_days=terms.answer_days, satisfied_from=terms.satisfied_from),
        cutoff=company.cutoff,
        latest=company.latest_month,
    )
    params = company.store.params
    if params.label.is_event:
        reason = no_leaving(params.locate("label.kind"))
        silent = missing_figures(["silent_leavers"], company.latest_month, reason)
    else:
        silent = tuple(
            silent_figures(
                company.spells,
                company.retention_periods,
                tables.traces,
                cutoff=company.cutoff,
                latest=company.latest_month,
            )
        )
    return VoiceResult(figures=(*voice.figures, *silent))


def orders_of(company: Company) -> SectionResult:
    """Compute the section `orders`."""
    orders = orders_section(company.shared_rows.orders, company.latest_month)
    if company.known_spells is None:
        referrals = missing_figures(["referral_rate"], company.latest_month, ACTIVITY_UNKNOWN)
        return OrdersResult(figures=(*orders.figures, *referrals))
    referrals = tuple(
        referral_figures(
            company.spells,
            read_referrals(company.store, company.cutoff),
            company.retention_periods,
            latest=company.latest_month,
        )
    )
    return OrdersResult(figures=(*orders.figures, *referrals))


def engagement_of(company: Company) -> SectionResult:
    """Compute the section `engagement`."""
    store, cutoff, spells = company.store, company.cutoff, company.known_spells
    if spells is None:
        missing = missing_figure("engagement", window_before(cutoff), ACTIVITY_UNKNOWN)
        return EngagementResult(figures=(missing,))
    return engagement_section(
        company.shared_rows.activity,
        read_peers(store, cutoff),
        active_at(spells, cutoff, store.n_customers),
        company.segmentations,
        window_before(cutoff),
    )


def value_of(company: Company, figures: Sequence[Figure]) -> SectionResult:
    """Compute the section `value` from the store and from the figures of the sections that were computed
    before.
    """
    store, params, cutoff = company.store, company.store.params, company.cutoff
    value = params.score.value
    first = min(filter(None, map(company.first_day_of, ("customers", "orders", "payments"))), default=cutoff)
    histories = company.shared_rows.histories
    return value_section(
        month_counts(figures),
        None if histories is None else histories.histories(),
        spending_of(store, company.shared_rows.money.spent_money, cutoff),
        ValueTerms(
            variant=params.kpis.clv,
            margin=value.margin,
            discount_year=value.discount_year,
            months=value.months,
            acquisition_cost=params.kpis.acquisition_cost,
            has_contracts=company.has_contracts,
        ),
        window=Period(kind="window", start=min(first, cutoff - timedelta(days=1)), end=cutoff),
        latest=company.latest_month,
    )


def month_counts(figures: Sequence[Figure], months: int = 12) -> tuple[MonthCounts, ...]:
    """Return the customers, leavers, revenue and orders of each of the last months, for the section `value`.

    Months without a known churn rate are left out.
    """
    by_period: dict[Period, dict[str, Figure]] = {}
    for figure in figures:
        if figure.slice is None and figure.period.kind == "month":
            by_period.setdefault(figure.period, {})[figure.name] = figure
    result = []
    for period in sorted(by_period, key=lambda period: period.start):
        month = by_period[period]
        churn = month.get("customer_churn")
        if churn is None or churn.value is None or not churn.n:
            continue
        values = {name: figure.value for name, figure in month.items()}
        recurring, orders = values.get("mrr_at_start"), values.get("orders")
        result.append(
            MonthCounts(
                period=period,
                at_start=churn.n,
                n_lost=round(churn.value * churn.n / 100),
                money=values.get("revenue") if recurring is None else recurring,
                orders=None if orders is None else round(orders),
                order_money=values.get("revenue"),
            )
        )
    return tuple(result[-months:])


def spending_of(
    store: Store, spent_money: npt.NDArray[np.float64], cutoff: date
) -> npt.NDArray[np.float64] | None:
    """Return what each customer who signed up before the cutoff has spent; None if no amounts are known.

    Args:
        store: The store.
        spent_money: The money that each customer has spent up to the cutoff, `[customers]`; NaN if no
            amount of the customer is known.
        cutoff: The cutoff.
    """
    money = spent_money[~np.isnan(spent_money)]
    if not len(money):
        return None
    n_customers = int((read_customers(store).signed_up < day_number(cutoff)).sum())
    return np.concatenate([money, np.zeros(max(n_customers - len(money), 0))])


def leaving_of(company: Company) -> SectionResult:
    """Compare the recorded reasons for leaving with the reasons that the model gave before customers left."""
    return read_leaving_reasons(company.store, company.spells, company.nights, company.cutoff)


def audit_of(company: Company) -> SectionResult:
    """Compute the section `audit`: scores of what the company does to keep its customers."""
    return read_audit(company)
