"""The definitions of the figures for labels of kind event: the rate of the event, and counts of customers."""

from __future__ import annotations

from churn.kpis.definitions.definition import FigureDefinition

CANDIDATES = (
    "customers who could have the event at the start of the period: those of `label.among`, and with "
    "`label.once` only those who have not had it"
)
EVENT = (
    FigureDefinition(
        name="event_rate",
        title="rate of the event",
        unit="%",
        digits=2,
        population=CANDIDATES,
        definition="of these, customers with the event in the period / n * 100; the event is a row of "
        "`label.table` that meets `label.where`",
        better="higher",
        edges="the rate is missing if nobody could have the event. The rate is also missing as long as "
        "rows of the period can still come in late. Interval: Wilson",
        by_segment=True,
        is_watched=True,
    ),
    FigureDefinition(
        name="event_candidates",
        title="customers who could have the event",
        unit="customers",
        digits=0,
        population=CANDIDATES,
        definition="number of these customers",
        by_segment=True,
    ),
    FigureDefinition(
        name="event_customers",
        title="customers with the event",
        unit="customers",
        digits=0,
        population="all customers",
        definition="different customers with the event in the period, also those who became customers in it",
        better="higher",
        edges="missing as `event_rate`",
        by_segment=True,
    ),
)
