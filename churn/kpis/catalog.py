"""The catalogue of figures: the definitions for kpis.json, the console, the report and the documents."""

from __future__ import annotations

from collections.abc import Mapping

from churn.kpis.definitions.definition import FigureDefinition
from churn.kpis.definitions.engagement import ENGAGEMENT
from churn.kpis.definitions.event import EVENT
from churn.kpis.definitions.leaving_reasons import LEAVING_REASONS
from churn.kpis.definitions.orders import ORDERS
from churn.kpis.definitions.recurring import RECURRING
from churn.kpis.definitions.retention import RETENTION
from churn.kpis.definitions.stages import STAGES
from churn.kpis.definitions.value import VALUE
from churn.kpis.definitions.voice import VOICE

GROUPS: Mapping[str, tuple[FigureDefinition, ...]] = {
    "Customers": RETENTION,
    "Recurring revenue": RECURRING,
    "Surveys and support": VOICE,
    "Orders": ORDERS,
    "Engagement": ENGAGEMENT,
    "Stages": STAGES,
    "Value": VALUE,
    "Reasons for leaving": LEAVING_REASONS,
    "An event": EVENT,
}
"""The definitions by group, in the order in which they are shown; each group is a file in `definitions/`."""

FIGURES: Mapping[str, FigureDefinition] = {
    definition.name: definition for group in GROUPS.values() for definition in group
}
"""All figures by name."""
