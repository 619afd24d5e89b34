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
from tests.page_readback import Sources, n_sourced, problems_of, sources_of, spoil

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
