"""What each section takes from the company: rows, periods, segments and terms."""

from __future__ import annotations

from churn.kpis.company import Company
from churn.kpis.contract_rows import read_contract_rows
from churn.kpis.order_rows import read_orders
from churn.kpis.orders import OrdersResult, OrderTerms, orders_section
from churn.kpis.recurring import recurring_section
from churn.kpis.referrals import read_referrals, referral_figures
from churn.kpis.retention import retention_section
from churn.kpis.section import SectionResult
from churn.kpis.voice import VoiceResult, VoiceTables, VoiceTerms, silent_figures, voice_section
from churn.kpis.voice_rows import read_answers, read_contacts, read_tickets


def retention_of(company: Company) -> SectionResult:
    """Compute the section `retention`."""
    return retention_section(company.spells, company.retention_periods, company.segmentations, company.cutoff)


def recurring_of(company: Company) -> SectionResult:
    """Compute the section `recurring`."""
    params = company.store.params
    return recurring_section(
        read_contract_rows(company.store, company.cutoff),
        company.periods_of_table("subscriptions"),
        company.segmentations,
        cutoff=company.cutoff,
        grace_days=params.label.grace_days,
        late_days=params.snapshot.late_days,
        latest=company.latest_month,
    )


def voice_of(company: Company) -> SectionResult:
    """Compute the section `voice`."""
    store, terms = company.store, company.store.params.kpis
    tables = VoiceTables(
        read_answers(store, company.cutoff),
        read_tickets(store, company.cutoff),
        read_contacts(store, company.cutoff),
        {name: company.periods_of_table(name) for name in ("surveys", "tickets")},
    )
    voice = voice_section(
        tables,
        company.segmentations,
        VoiceTerms(answer_days=terms.answer_days, satisfied_from=terms.satisfied_from),
        cutoff=company.cutoff,
        latest=company.latest_month,
    )
    silent = silent_figures(
        company.spells,
        company.retention_periods,
        tables.traces,
        cutoff=company.cutoff,
        latest=company.latest_month,
    )
    return VoiceResult(figures=(*voice.figures, *silent))


def orders_of(company: Company) -> SectionResult:
    """Compute the section `orders`."""
    store, terms = company.store, company.store.params.kpis
    has_orders = store.has("orders")
    columns = store.tables["orders"].columns if has_orders else ()
    orders = orders_section(
        read_orders(store, company.cutoff) if has_orders else None,
        company.periods_of_table("orders"),
        company.segmentations,
        OrderTerms(
            revenue=terms.revenue,
            repeat_days=terms.repeat_days,
            return_days=terms.return_days,
            has_returns="returned_at_day" in columns,
            has_units="units" in columns,
        ),
        first=company.first_day_of("orders"),
        cutoff=company.cutoff,
        latest=company.latest_month,
    )
    referrals = referral_figures(
        company.spells,
        read_referrals(store, company.cutoff),
        company.retention_periods,
        latest=company.latest_month,
    )
    return OrdersResult(figures=(*orders.figures, *referrals))
