"""Tonight's figures and the call list are those of the scores, and a wrong one is found."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from churn.reporting.page.page import render_page
from churn.reporting.page.sources import read_report_sources
from churn.reporting.page.words import Language, Words
from churn.scoring.sink import scores_path
from tests.drawn_night import DrawnCall, write_drawn_night
from tests.page_call_list import call_list_problems, card_problems, card_values
from tests.unit.reporting.conftest import NIGHT

PEOPLE = (
    DrawnCall("c1", 0.6127, 1, 1234.56, owner="success", play="gone-quiet"),
    DrawnCall("c2", 0.4051, 2, 87.654, owner="billing", play="payment-overdue"),
    DrawnCall("c3", 0.2018, 3, None, owner="success", play="low-rating"),
    DrawnCall("c4", 0.0312, 4, 412.3, is_called=False),
)
CALLED = ["c1", "c2", "c3"]

Night = tuple[str, pd.DataFrame]


def page_of(tmp_path: Path, language: Language) -> Night:
    write_drawn_night(tmp_path, NIGHT, PEOPLE)
    night = read_report_sources(tmp_path)
    return str(render_page(night, Words(language))), pd.read_parquet(scores_path(tmp_path, NIGHT))


@pytest.mark.parametrize("language", ["en", "de"])
def test_tonight_and_the_call_list_are_those_of_the_scores(tmp_path: Path, language: Language) -> None:
    page, scores = page_of(tmp_path, language)

    assert call_list_problems(page, language, scores, CALLED) == []
    assert card_problems(page, language, scores, len(CALLED)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("61.3%", "61.2%", "row 1, c1: probability"),
        ("1,235", "1,234", "row 1, c1: value at risk"),
        ("87.65", "87.66", "row 2, c2: value at risk"),
        ("unknown", "0", "row 3, c3: value at risk"),
        ("87.65<td>2", "87.65<td>1", "row 2, c2: health"),
        ("<td>billing", "<td>success", "row 2, c2: owner"),
        ("<td>low-rating", "<td>gone-quiet", "row 3, c3: play"),
        ("<td>2<th", "<td>3<th", "row 2, c2: rank"),
    ],
)
def test_a_wrong_cell_of_the_call_list_is_found(tmp_path: Path, right: str, wrong: str, problem: str) -> None:
    page, scores = page_of(tmp_path, "en")
    start = page.index('<table id="call-table"')
    assert right in page[start:]

    spoilt = page[:start] + page[start:].replace(right, wrong, 1)

    assert call_list_problems(spoilt, "en", scores, CALLED) == [problem]


def test_a_missing_or_swapped_row_is_found(tmp_path: Path) -> None:
    page, scores = page_of(tmp_path, "en")

    assert call_list_problems(page, "en", scores, [*CALLED, "c4"]) == ["3 rows, but 4 calls"]
    assert "row 1, c2: customer" in call_list_problems(page, "en", scores, ["c2", "c1", "c3"])


@pytest.mark.parametrize("place", range(4))
def test_a_wrong_figure_of_tonight_is_found(tmp_path: Path, place: int) -> None:
    page, scores = page_of(tmp_path, "en")
    value = card_values(page)[place]
    matches = list(re.finditer(r'<h3 class="what">.*?</h3><b>(.*?)</b>', page))
    match = matches[place]

    spoilt = page[: match.start(1)] + value[:-1] + str((int(value[-1]) + 3) % 10) + page[match.end(1) :]

    assert len(card_problems(spoilt, "en", scores, len(CALLED))) == 1
