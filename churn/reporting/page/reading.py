"""The section about how to read the page, and what its numbers do not say."""

from __future__ import annotations

from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words


def reading_section(night: ReportSources, words: Words) -> Section:
    """Return the section about what the page does not show."""
    effects = night.known_effects.effects
    return Section(
        id="reading",
        title=words("What this page does not show"),
        lead=words("Read this once before you act on the numbers."),
        html=words.render(
            "reading.html",
            value=night.facts.value,
            has_experiments=effects is not None and len(effects.experiments) > 0,
        ),
    )
