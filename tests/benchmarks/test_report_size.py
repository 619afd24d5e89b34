"""The large company of the benchmark is the finished company again and again, under ids of its own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks.report_size import measure_page, write_large_nights
from churn.reporting.page.sources import read_report_sources
from tests.drawn_night import DrawnCall, write_drawn_night

NIGHT = date(2024, 1, 31)


@pytest.fixture
def company(tmp_path: Path) -> Path:
    people = [DrawnCall("ann", 0.5), DrawnCall("bob", 0.25), DrawnCall("cem", 0.1, is_called=False)]
    write_drawn_night(tmp_path / "small", NIGHT, people)
    return tmp_path / "small"


def test_each_customer_and_each_call_is_there_once(company: Path, tmp_path: Path) -> None:
    write_large_nights(company, tmp_path / "large", n_customers=9, n_calls=5, n_nights=1)

    night = read_report_sources(tmp_path / "large")
    assert [customer for customer, _ in night.contacts] == ["ann-0", "bob-0", "ann-1", "bob-1", "ann-2"]
    assert sorted(night.scores.probability) == [0.1] * 3 + [0.25] * 3 + [0.5] * 3
    assert (night.facts.customers, night.facts.n_contacts) == (9, 5)


def test_the_size_of_both_languages_is_told(company: Path, tmp_path: Path) -> None:
    write_large_nights(company, tmp_path / "large", n_customers=9, n_calls=5, n_nights=1)

    english, own_german, memory = measure_page(tmp_path / "large", NIGHT, company)

    assert english.startswith("en: ")
    assert "within the limit of 2,000,000" in own_german
    assert memory.startswith("highest memory")


def test_more_calls_than_customers_for_them_are_refused(company: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="7 calls need 4 times the customers of 2024-01-31"):
        write_large_nights(company, tmp_path / "large", n_customers=9, n_calls=7, n_nights=1)
