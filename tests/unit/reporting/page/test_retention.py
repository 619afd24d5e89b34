"""The section on retention: what a night may know, words first, and what is not known with its reason."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from markupsafe import Markup

from churn.kpis.alarms import AlarmsResult
from churn.kpis.event import EventResult
from churn.kpis.figure import Figure
from churn.kpis.retention import RetentionResult
from churn.kpis.sections import Kpis, write_kpis
from churn.params import event_words
from churn.reporting.page.audit import audit_section
from churn.reporting.page.cohort_charts import triangle_table
from churn.reporting.page.event_figures import figures_section
from churn.reporting.page.known_kpis import KnownKpis, read_known_kpis
from churn.reporting.page.retention import retention_section
from churn.reporting.page.section import Section
from churn.reporting.page.sources import read_report_sources
from churn.reporting.page.words import Words
from tests.drawn_kpis import MONTHS, kpis_of
from tests.unit.reporting.conftest import NIGHT


def text_of(section: Section) -> str:
    return " ".join(Markup(f"{section.lead} {section.html}").striptags().split())


def section_of(output: Path, kpis: Kpis, words: Words = Words("en")) -> str:  # noqa: B008
    return text_of(retention_section(replace(read_report_sources(output), known_kpis=KnownKpis(kpis)), words))


@pytest.mark.parametrize("section", [retention_section, audit_section])
def test_without_figures_one_sentence_names_the_verb(output: Path, section) -> None:
    night = read_report_sources(output)

    text = text_of(section(night, Words("en")))

    assert text == "The figures of retention are not computed yet. Run churn kpis, then churn report."
    assert night.warnings == ()


@pytest.mark.parametrize(
    ("later", "label_id", "reason"),
    [
        (1, "label", "use data up to 2024-02-01, which is after this night"),
        (0, "other", "use another definition of leaving than this night"),
    ],
)
def test_figures_that_a_night_may_not_know_are_left_out(
    output: Path, later: int, label_id: str, reason: str
) -> None:
    write_kpis(output, kpis_of(NIGHT + timedelta(later), label_id))

    known = read_known_kpis(output, NIGHT, "label")

    assert known.kpis is None
    assert reason in known.reason
    assert known.warning == ""


def test_a_damaged_file_is_left_out_with_a_warning(output: Path) -> None:
    path = write_kpis(output, kpis_of(NIGHT))
    path.write_text(path.read_text().replace("4.5", "4.6", 1))

    night = read_report_sources(output)

    assert night.known_kpis.kpis is None
    assert "The report leaves out the figures of retention." in night.warnings[0]


def test_the_lead_says_where_to_work_and_alarms_come_first(output: Path) -> None:
    kpis = kpis_of(NIGHT)
    quiet = {**kpis.sections, "alarms": AlarmsResult(alarms=(), n_watched=17, n_too_short=0)}

    loud, calm = section_of(output, kpis), section_of(output, kpis.model_copy(update={"sections": quiet}))

    assert loud.startswith("Look first at the figures outside their usual range")
    assert calm.startswith("Work on the stage “lapsing” first")
    assert "No alarm: all 17 watched figures are within their usual range." in calm


def test_a_figure_without_a_value_says_why_and_is_never_zero(output: Path) -> None:
    text = section_of(output, kpis_of(NIGHT))

    assert "Left in silence: not known, because no contacts: map tables.contacts." in text
    assert "Nov 2023 · n" not in text


@pytest.mark.parametrize(("low", "high", "words"), [(4.2, 5.0, "(better)"), (5.0, 6.0, "(within chance)")])
def test_a_change_is_called_better_only_beyond_chance(
    output: Path, low: float, high: float, words: str
) -> None:
    figures = (
        Figure(name="customer_churn", period=MONTHS[0], value=6.0, low=5.5, high=6.5, n=900),
        Figure(name="customer_churn", period=MONTHS[1], value=5.0, low=low, high=high, n=900),
    )
    kpis = kpis_of(NIGHT).model_copy(update={"sections": {"retention": RetentionResult(figures=figures)}})

    assert f"−1.0 since Sep 2023 {words}" in section_of(output, kpis)


def test_an_immature_cell_of_the_triangle_is_empty_and_an_open_month_is_marked(output: Path) -> None:
    night = replace(read_report_sources(output), known_kpis=KnownKpis(kpis_of(NIGHT)))

    html = triangle_table(Words("en"), night.known_kpis)

    rows = [
        [Markup(cell).striptags() for cell in row.removesuffix("</td>").split("</td>")]
        for row in re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", html)
    ]
    assert rows == [
        ["Aug 202390", "90", "80"],
        ["Sep 2023100", "84", ""],
        ["Nov 2023 (open)12", "open", ""],
    ]


def test_an_event_has_its_own_figures_and_no_retention(output: Path) -> None:
    figures = [
        Figure(name="event_rate", period=period, value=value, low=value - 1, high=value + 1, n=1200)
        for period, value in zip(MONTHS, (3.0, 6.5, 6.75), strict=True)
    ]
    kpis = kpis_of(NIGHT).model_copy(update={"sections": {"event": EventResult(figures=figures)}})
    night = replace(read_report_sources(output), known_kpis=KnownKpis(kpis))

    german, english = (
        figures_section(night, Words(language, event_words("upgrade"))) for language in ("de", "en")
    )

    assert "Häufigkeit des Ereignisses" in text_of(german)
    assert "Rate of the event6.75%" in text_of(english)
    assert 'data-source="kpis.json#/sections/event/series/0/value/2"' in str(english.html)
    assert "retention is missing" in text_of(english)
    assert not re.search("saved|churn|left", text_of(english))
