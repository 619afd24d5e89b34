"""The section on the fifteen practices of retention teams."""

from __future__ import annotations

from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words


def audit_section(night: ReportSources, words: Words) -> Section:
    """Return the section on the fifteen practices of retention teams."""
    return Section(
        id="audit",
        title=words("The audit"),
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
