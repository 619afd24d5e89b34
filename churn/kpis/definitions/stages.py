"""The definitions of the figures about the stages in which customers are."""

from __future__ import annotations

from churn.kpis.definitions.definition import FigureDefinition

STAGES = (
    FigureDefinition(
        name="stage_customers",
        title="customers in the stage",
        unit="customers",
        digits=0,
        population="customers in the stage at the start of the period",
        definition="number of these customers; by month and week, for each stage",
        is_watched=True,
    ),
    FigureDefinition(
        name="stage_churn",
        title="leak of the stage",
        unit="%",
        digits=1,
        population="customers in the stage at the start of the period",
        definition="of these, customers who had left at the end of the period * 100 / n; by month and week, "
        "for each stage",
        better="lower",
        edges="missing if nobody is in the stage. Interval: Wilson",
        is_watched=True,
    ),
)
