"""The nights before a night, drawn: their figures, and who came off the list."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from churn.reporting.page.history import MAX_NIGHTS
from churn.reporting.page.off_list import off_the_list
from churn.reporting.page.sources import read_report_sources
from churn.reporting.page.words import Words
from churn.scoring.sink import scores_path
from tests.drawn_night import DrawnCall, write_drawn_night

BEFORE, NIGHT = date(2024, 1, 30), date(2024, 1, 31)


@pytest.fixture
def two_nights(tmp_path: Path) -> Path:
    before = [
        DrawnCall("ann", 0.5, 1, 100.0),
        DrawnCall("bob", 0.2, 2, None),
        DrawnCall("cem", 0.1, 3, 10.0),
        DrawnCall("eva", 0.3, 1, 5.0),
    ]
    too_healthy, resting = "health is above 3", "rests until 2024-03-01"
    tonight = [
        DrawnCall("ann", 0.6, 1, 120.0, status="open"),
        DrawnCall("bob", 0.1, 3, None, is_called=False, more={"not_contacted_because": too_healthy}),
        DrawnCall("cem", 0.1, 3, 10.0, is_called=False, more={"not_contacted_because": resting}),
        DrawnCall("dea", 0.4, 1, 50.0),
    ]
    write_drawn_night(tmp_path, BEFORE, before)
    write_drawn_night(tmp_path, NIGHT, tonight)
    return tmp_path


def test_figures_of_each_night_are_counted_from_its_scores(two_nights: Path) -> None:
    before, tonight = read_report_sources(two_nights).history.nights

    assert (before.night, before.at_risk, before.value, before.n_calls) == (BEFORE, 3, 115.0, 4)
    assert before.expected == pytest.approx(1.1)
    assert (tonight.night, tonight.at_risk, tonight.value, tonight.n_calls) == (NIGHT, 2, 180.0, 2)


def test_a_customer_has_the_probability_of_each_night_and_none_where_it_was_not_scored(
    two_nights: Path,
) -> None:
    probabilities = read_report_sources(two_nights).history.probabilities

    assert probabilities == {"ann": (0.5, 0.6), "dea": (None, 0.4)}


def test_who_came_off_has_the_reason_of_tonight(two_nights: Path) -> None:
    reasons = {
        entry.customer: entry.reason for entry in off_the_list(read_report_sources(two_nights), Words("en"))
    }

    assert reasons == {
        "bob": "health is above 3",
        "cem": "the task has ended; the customer rests until 1 Mar 2024",
        "eva": "no longer in the data",
    }


def test_a_night_of_another_label_is_no_history(two_nights: Path) -> None:
    write_drawn_night(two_nights, BEFORE, [DrawnCall("ann", 0.5)], label_id="another")

    history = read_report_sources(two_nights).history

    assert [figures.night for figures in history.nights] == [NIGHT]
    assert history.last_calls is None
    assert history.warnings == ()


def test_a_damaged_night_is_left_out_with_a_warning(two_nights: Path) -> None:
    scores_path(two_nights, BEFORE).write_bytes(b"no scores")

    sources = read_report_sources(two_nights)

    assert len(sources.history.nights) == 1
    (warning,) = sources.warnings
    assert str(scores_path(two_nights, BEFORE)) in warning
    assert f"Run `churn score --cutoff {BEFORE}`" in warning


def test_later_nights_are_no_history_of_an_earlier_night(two_nights: Path) -> None:
    history = read_report_sources(two_nights, BEFORE).history

    assert [figures.night for figures in history.nights] == [BEFORE]


def test_no_more_nights_than_the_page_looks_back_at(tmp_path: Path) -> None:
    for day in range(1, 32):
        write_drawn_night(tmp_path, date(2024, 1, day), [DrawnCall("ann", 0.5)])
    write_drawn_night(tmp_path, date(2024, 2, 1), [DrawnCall("ann", 0.5)])

    nights = read_report_sources(tmp_path).history.nights

    assert len(nights) == MAX_NIGHTS
    assert nights[0].night == date(2024, 1, 3)
