"""The section on how retention stands and where it leaks."""

from __future__ import annotations

from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words


def retention_section(night: ReportSources, words: Words) -> Section:
    """Return the section on how retention stands and where it leaks."""
    return Section(
        id="retention",
        title=words("Retention"),
        lead=words("Run churn kpis for this night to see the figures here."),
        html=words.render(
            "missing.html",
            sentence=words(
                "This page does not read the figures of retention yet. They are printed by "
                "`churn kpis --cutoff %(night)s`.",
                night=night.cutoff,
            ),
        ),
    )
