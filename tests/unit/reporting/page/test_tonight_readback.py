"""Every number of the section on tonight is what its scores add up to, and any wrong one is found."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from churn.reporting.page.page import render_page
from churn.reporting.page.sources import read_report_sources
from churn.reporting.page.words import Language, Words
from tests.drawn_night import DrawnCall, write_drawn_night
from tests.page_readback import (
    Sources,
    n_sourced,
    problems_of,
    sources_of,
    spoil,
    spoil_bar,
    spoil_label,
)

BEFORE, NIGHT = date(2024, 1, 30), date(2024, 1, 31)
CHECKED = ("tonight",)


@pytest.fixture
def two_nights(tmp_path: Path) -> Path:
    ids = [f"c{number}" for number in range(40)]
    write_drawn_night(
        tmp_path, BEFORE, [DrawnCall(each, 0.3, 1 + n % 5, 71.5 + n) for n, each in enumerate(ids)]
    )
    tonight = [
        DrawnCall(
            each,
            0.011 + n / 50,
            5 - n % 5,
            None if n % 7 == 0 else 40.25 * n + 1,
            status=("new", "open", "overdue")[n % 3],
            is_called=n % 4 > 0,
            more={"not_contacted_because": f"rests until 2024-02-{1 + n % 9:02}"} if n % 8 == 0 else {},
        )
        for n, each in enumerate(ids)
    ]
    write_drawn_night(tmp_path, NIGHT, tonight)
    return tmp_path


def section_of(output: Path, language: Language) -> tuple[str, Sources]:
    """Return the section, and its sources."""
    page = str(render_page(read_report_sources(output), Words(language)))
    start = page.index('<section id="tonight"')
    return page[start : page.index("</section>", start)], sources_of(output, NIGHT)


@pytest.mark.parametrize("language", ["en", "de"])
def test_tonight_is_what_its_scores_add_up_to(two_nights: Path, language: Language) -> None:
    section, sources = section_of(two_nights, language)

    assert problems_of(section, language, sources, CHECKED) == []
    assert n_sourced(section) > 50


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_number_that_is_wrong_is_found(two_nights: Path, language: Language) -> None:
    section, sources = section_of(two_nights, language)

    missed = [
        place
        for place in range(n_sourced(section))
        if len(problems_of(spoil(section, place), language, sources, CHECKED)) != 1
    ]

    assert missed == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_bar_of_another_length_is_found(two_nights: Path, language: Language) -> None:
    section, sources = section_of(two_nights, language)
    n_bars = section.count("data-length=")

    found = [problems_of(spoil_bar(section, place), language, sources, CHECKED) for place in range(n_bars)]

    assert n_bars == 16
    assert [len(problems) for problems in found] == [1] * n_bars


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_wrong_number_of_an_alternative_text_is_found(two_nights: Path, language: Language) -> None:
    section, sources = section_of(two_nights, language)
    n_charts = section.count("data-alt=")

    found = [
        problems_of(spoil_label(section, chart, number), language, sources, CHECKED)
        for chart in range(n_charts)
        for number in range(4)
    ]

    assert n_charts == 4
    assert [len(problems) for problems in found] == [1] * 16


def test_a_bar_and_an_alternative_text_without_a_source_are_found(two_nights: Path) -> None:
    section, sources = section_of(two_nights, "en")

    bare = re.sub(r' data-(alt|length)="[^"]*"', "", section)

    problems = problems_of(bare, "en", sources, CHECKED)
    assert sum("does not say what it draws" in problem for problem in problems) == 16
    assert sum("has 4 numbers and 0 sources" in problem for problem in problems) == 4


def test_who_came_off_is_counted_by_reason(two_nights: Path) -> None:
    section, _ = section_of(two_nights, "en")

    off = re.findall(r'data-source="night:2024-01-31/off/([^"]*)">(\d+)<', section)

    assert off == [("", "5"), ("rests%20until%20a%20later%20day", "5")]


def test_the_lead_the_bars_the_changes_and_the_history_have_sources(two_nights: Path) -> None:
    section, _ = section_of(two_nights, "en")

    lead = re.findall(r'<p class="lead">(.*?)</p>', section)
    bars = re.findall(r"<dd>(.*?)</dd>", section)
    changes = re.findall(r'<p class="since small">(.*?)</p>', section)
    history = re.findall(r'<tr><th scope="row"><time>.*?</time></th>(.*?)</tr>', section)
    assert [len(parts) for parts in (lead, changes, history)] == [1, 4, 2]
    assert lead[0].count("data-source=") == 3
    assert all("data-source=" in bar for bar in bars)
    assert [row.count("data-source=") for row in history] == [4, 4]
    assert f"night:{NIGHT}/expected - night:{BEFORE}/expected" in changes[1]
