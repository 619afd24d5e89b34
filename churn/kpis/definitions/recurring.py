"""The definitions of the figures about recurring revenue."""

from __future__ import annotations

from churn.kpis.definitions.definition import FigureDefinition, Unit

MONTHLY: Unit = "currency per month"
PAYING = "customers with a contract at the start or at the end of the period and known amounts"
AT_START = "customers with a contract in force at the start of the period and known amounts"

MRR_SUM = (
    "MRR at the end - MRR at the start = new + reactivated + expansion - contraction - churned + resumed - "
    "paused, to the cent"
)


def _movement(name: str, title: str, definition: str, better: str, edges: str = "") -> FigureDefinition:
    return FigureDefinition(
        name=name,
        title=title,
        unit=MONTHLY,
        digits=2,
        population=PAYING,
        definition=definition,
        better="higher" if better == "higher" else "lower",
        edges=edges,
    )


RECURRING = (
    FigureDefinition(
        name="mrr_at_start",
        by_segment=True,
        title="recurring revenue at the start",
        unit=MONTHLY,
        digits=2,
        population=AT_START,
        definition="sum of `mrr` of the contracts in force, and not paused, at the start of the period",
        better="higher",
        edges="each amount is per month. If the source has a price per week, multiply it by 365.25 / 12 / 7 "
        "in the mapping. A contract without an amount that follows another contract has the last known "
        "amount; a customer with another contract without an amount is left out, and the notes "
        "count these customers",
    ),
    FigureDefinition(
        name="mrr_at_end",
        title="recurring revenue at the end",
        unit=MONTHLY,
        digits=2,
        population=PAYING,
        definition="the recurring revenue at the end of the period, counted as in `mrr_at_start`. " + MRR_SUM,
        better="higher",
    ),
    _movement(
        "mrr_new",
        "MRR, new",
        "MRR at the end of customers whose first contract ever began in the period",
        "higher",
    ),
    _movement(
        "mrr_reactivated",
        "MRR, reactivated",
        "MRR at the end of customers who had left before the period, or in it, and came back",
        "higher",
    ),
    _movement(
        "mrr_expansion", "MRR, expansion", "growth of customers active at the start and at the end", "higher"
    ),
    _movement(
        "mrr_contraction",
        "MRR, contraction",
        "decline of customers active at the start and at the end",
        "lower",
    ),
    _movement(
        "mrr_churned",
        "MRR, churned",
        "MRR at the start of customers without a contract at the end",
        "lower",
        "a gap of at most `label.grace_days` to the next contract is no end: the last amount counts in it",
    ),
    _movement(
        "mrr_paused",
        "MRR, paused",
        "MRR of contracts that run at the start and are paused at the end",
        "lower",
    ),
    _movement(
        "mrr_resumed",
        "MRR, resumed",
        "MRR of contracts that are paused at the start and run at the end",
        "higher",
        "missing if the table subscriptions has no `paused_at`",
    ),
    FigureDefinition(
        name="mrr_churn",
        by_segment=True,
        title="MRR churn",
        unit="%",
        digits=1,
        population=AT_START,
        definition="(churned + contraction) / MRR at the start * 100",
        better="lower",
        edges="missing if there was no recurring revenue at the start of the period. Pauses do not count as "
        "churn",
    ),
    FigureDefinition(
        name="grr",
        by_segment=True,
        title="gross revenue retention (GRR)",
        unit="%",
        digits=1,
        population=AT_START,
        definition="sum over customers at the start of min(MRR at the start, MRR at the end) / MRR at the "
        "start * 100",
        better="higher",
        edges="GRR is at most 100 and never above NRR: the growth of one customer never offsets the decline "
        "of another. "
        "A paused contract counts as 0. Interval: linearised ratio",
    ),
    FigureDefinition(
        name="nrr",
        is_watched=True,
        by_segment=True,
        title="net revenue retention (NRR, NDR)",
        unit="%",
        digits=1,
        population=AT_START,
        definition="MRR at the end of customers at the start / MRR at the start * 100",
        better="higher",
        edges="the rate may exceed 100. The revenue from new customers, and from customers who come back, "
        "does not count. Interval: linearised ratio",
        source="Cochran 1977, section 6.4, for the interval",
    ),
)
