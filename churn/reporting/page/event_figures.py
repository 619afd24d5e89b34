"""The section about the figures of `churn kpis`.

If the model predicts who leaves, the section shows the figures about retention. If the model predicts another
event, such as an upgrade, the section shows the figures about this event, and the figures that do not depend
on leaving.
"""

from __future__ import annotations

from churn.reporting.page.elements import EMPTY, join_parts
from churn.reporting.page.known_kpis import KnownKpis
from churn.reporting.page.retention import all_figures, figure_cards, list_alarms, retention_section
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words
from churn.reporting.rendering import mark_commands

CARD_FIGURES = (
    *("event_rate", "event_customers", "event_candidates", "mrr_at_end", "nrr", "nps", "csat"),
    *("repeat_purchase_rate", "revenue_per_customer"),
)
"""The figures that get a card, in the order of the page; the table below the cards holds all figures."""


def figures_section(night: ReportSources, words: Words) -> Section:
    """Return the section about the figures of `churn kpis`; what it shows depends on the label."""
    return _event_section(words, night.known_kpis) if words.is_event else retention_section(night, words)


def _event_section(words: Words, known_kpis: KnownKpis) -> Section:
    title = words("The figures")
    if known_kpis.kpis is None:
        return Section("retention", title, mark_commands(words.value(known_kpis.reason)), EMPTY)
    lead = words.html(
        "Of all customers who could have the event “%(event)s”, the rate is the share who had it. The label "
        "does not say who stays a customer, so retention is missing."
    )
    parts = [
        list_alarms(words, known_kpis),
        figure_cards(words, known_kpis, CARD_FIGURES),
        all_figures(words, known_kpis),
    ]
    return Section("retention", title, lead, join_parts(parts))
