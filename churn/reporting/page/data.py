"""The section on the data: how fresh they are, and what has moved."""

from __future__ import annotations

from markupsafe import Markup

from churn.reporting.drift_lines import headline, performance_lines
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words
from churn.reporting.rendering import html_template


def data_section(night: ReportSources, words: Words) -> Section:
    """Return the section on the tables of the night."""
    drift = night.drift
    return Section(
        id="data",
        title=words("The data"),
        lead=words("Mend what has stopped before you trust tonight's numbers."),
        html=Markup(
            html_template("drift.html", words.label).render(
                drift=drift,
                drift_headline=headline(drift) if drift else "",
                performance=tuple(performance_lines(drift)) if drift else (),
                no_drift_because=f"Run `churn drift --cutoff {night.cutoff}`, then `churn report`.",
            )
        ),
    )
