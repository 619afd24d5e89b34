"""The page of a label of an event: the same page, in the words of the event."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.params import LabelParams
from churn.reporting.page.sources import ReportSources, read_report_sources
from churn.reporting.page.words import Language
from churn.reporting.report import render_report
from tests.drawn_night import DrawnCall, write_drawn_night

UPGRADE = LabelParams(kind="event", table="orders", horizon_days=28, among="active", event_name="upgrade")
ABOUT_LEAVING = {
    "en": r"\b(churners?|stayers?|leaves|leaving|value at risk)\b",
    "de": r"\b(Abwander\w*|Abgänge|Gefährdet|gehen könnte\w*)\b",
}


@pytest.fixture
def night(tmp_path: Path) -> ReportSources:
    write_drawn_night(tmp_path, date(2024, 1, 31), [DrawnCall("ann", 0.5), DrawnCall("bob", 0.25)])
    sources = read_report_sources(tmp_path)
    unknown, no_band = np.full(2, np.nan), {"health": None, "value_at_risk": None}
    rows = {
        customer: {**row, **no_band, "event_probability": row["churn_probability"]}
        for customer, row in sources.scores.rows.items()
    }
    scores = replace(sources.scores, health=unknown, value=unknown, rows=rows)
    label = UPGRADE.model_dump(mode="json")
    return replace(sources, scores=scores, facts=sources.facts.model_copy(update={"label": label}))


def visible(html: str) -> str:
    parts = re.sub(r"<(style|script|title)\b.*?</\1>|<[^>]*>", " ", html, flags=re.DOTALL)
    return " ".join(parts.split())


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_of_an_event_speaks_of_the_event_and_not_of_leaving(
    night: ReportSources, language: Language
) -> None:
    text = visible(render_report(night, language))

    sentences = {"en": "Expected events 1", "de": "Erwartete Ereignisse 1"}
    assert "upgrade" in text
    assert sentences[language] in text
    said = set(re.findall(ABOUT_LEAVING[language], text, re.IGNORECASE))
    explained = {"en": {"value at risk"}, "de": set()}  # one sentence says why there is none
    assert said <= explained[language]
