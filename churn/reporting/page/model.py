"""The section on the model: how far its probabilities can be trusted."""

from __future__ import annotations

from markupsafe import Markup

from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.totals import expected_total
from churn.reporting.page.words import Words
from churn.reporting.plots import CAPTIONS
from churn.reporting.quality import describe_quality
from churn.reporting.rendering import html_template


def model_section(night: ReportSources, words: Words) -> Section:
    """Return the section on the quality of the model that scored the night."""
    probability = night.scores.loc[night.scores["excluded_because"].isna(), words.label.probability]
    return Section(
        id="model",
        title=words("The model"),
        lead=words("Trust the order of the list as far as the test shows it."),
        html=Markup(
            html_template("night_quality.html", words.label).render(
                facts=night.facts,
                quality=describe_quality(night.result, night.verdict),
                leaving=expected_total(probability.to_numpy(dtype=float)),
                latest_version=night.latest_version,
                captions={name: Markup(words.label.speak(text)) for name, text in CAPTIONS.items()},
            )
        ),
    )
