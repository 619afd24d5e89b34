"""The section that says whether contacts helped."""

from __future__ import annotations

from markupsafe import Markup

from churn.reporting.effects_section import experiment_cards, total_in_words
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words
from churn.reporting.rendering import html_template


def effects_section(night: ReportSources, words: Words) -> Section:
    """Return the section on the effect of contacts."""
    effects = night.known_effects.effects
    return Section(
        id="effects",
        title=words("Did it help?"),
        lead=words("Keep the plays that are shown to help, and stop those that are shown to harm."),
        html=Markup(
            html_template("effects.html", words.label).render(
                effects=effects,
                experiments=experiment_cards(effects) if effects else (),
                total=total_in_words(effects) if effects else "",
                no_effects_because=night.known_effects.reason,
            )
        ),
    )
