from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from churn.data.own_files import write_own_json
from churn.errors import ParamsError, SourceError
from churn.kpis.company import Company
from churn.kpis.retention import RetentionResult
from churn.kpis.sections import Kpis, compute_kpis, kpis_file, read_kpis, write_kpis
from tests.drawn_company import DrawnCompany, draw

SUBSCRIPTIONS = """
    customer_id | started_at | ended_at   | plan
    anna        | 2024-01-10 |            | pro
    ben         | 2024-01-10 | 2024-06-10 | pro
    cleo        | 2024-06-03 | 2024-06-20 | pro
    zoe         | 2024-01-10 | 2024-03-10 | pro
"""
CUSTOMERS = """
    customer_id | signed_up_at | country
    anna        | 2024-01-10   | DE
    ben         | 2024-01-10   | AT
    cleo        | 2024-06-03   | AT
    zoe         | 2024-01-10   | DE
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> DrawnCompany:
    return draw(
        tmp_path_factory.mktemp("kpis"),
        label={"kind": "contract", "horizon_days": 31, "grace_days": 14},
        watermark="2024-09-01",
        since="2024-01-05 12:00",
        params={
            "kpis": {"segments": ["country"]},
            "tables": {"customers": {"static": ["country"]}, "subscriptions": {}},
        },
        customers=CUSTOMERS,
        subscriptions=SUBSCRIPTIONS,
    )


@pytest.fixture(scope="module")
def kpis(drawn: DrawnCompany) -> Kpis:
    return compute_kpis(Company(drawn.store, date(2024, 9, 1)))


def test_figures_of_a_drawn_company_are_those_of_its_contracts(kpis: Kpis) -> None:
    june = {
        (figure.name, figure.slice.level if figure.slice else None): figure.value
        for figure in kpis.figures
        if figure.period.kind == "month" and figure.period.start == date(2024, 6, 1)
    }
    assert june["customers_at_start", None] == 3  # and `old`, who was there all the time
    assert june["crr", None] == pytest.approx(200 / 3)
    assert june["crr", "AT"] == 0
    assert june["early_churn", None] == 100


def test_months_before_the_first_recorded_end_have_no_retention(kpis: Kpis) -> None:
    """Of the contracts that ended before the data, none is known, so everybody would seem to stay."""
    starts = [f.period.start for f in kpis.figures if f.name == "crr" and f.period.kind == "month"]

    assert min(starts) == date(2024, 4, 1)  # zoe left on 2024-03-10, `old` joined in 2020


def test_as_of_an_earlier_day_only_what_was_known_then_counts(drawn: DrawnCompany) -> None:
    figures = compute_kpis(Company(drawn.store, date(2024, 6, 15))).figures

    may, quarter = date(2024, 5, 1), date(2024, 4, 1)
    assert max(figure.period.end for figure in figures) <= date(2024, 6, 15)
    assert {f.value for f in figures if f.name == "crr" and f.period.start == may and not f.slice} == {100}
    assert not [f for f in figures if f.period.start == quarter and f.period.kind == "quarter"]


def test_the_file_is_read_as_it_was_written_and_has_the_same_bytes_again(
    kpis: Kpis, drawn: DrawnCompany, tmp_path: Path
) -> None:
    path = write_kpis(tmp_path, kpis)
    before = path.read_bytes()
    write_kpis(tmp_path, compute_kpis(Company(drawn.store, date(2024, 9, 1))))

    assert path.read_bytes() == before
    assert read_kpis(tmp_path) == kpis
    assert isinstance(read_kpis(tmp_path).sections["retention"], RetentionResult)


def test_a_changed_file_is_refused(kpis: Kpis, tmp_path: Path) -> None:
    write_kpis(tmp_path, kpis)
    text = kpis_file(tmp_path).read_text()

    kpis_file(tmp_path).write_text(text.replace("100.0", "99.0", 1))

    with pytest.raises(SourceError, match="Run `churn kpis` again"):
        read_kpis(tmp_path)


def test_a_section_of_another_version_is_refused_in_words(kpis: Kpis, tmp_path: Path) -> None:
    content = kpis.as_json()
    content["sections"]["tomorrow"] = {"figures": []}
    write_own_json(kpis_file(tmp_path), content)

    with pytest.raises(SourceError, match=r"there is no section tomorrow.*Run `churn kpis` again"):
        read_kpis(tmp_path)


def test_a_segment_that_is_no_static_text_is_refused_with_the_nearest_name(
    drawn: DrawnCompany,
) -> None:
    params = drawn.store.params
    wrong = params.model_copy(
        update={"kpis": params.kpis.model_copy(update={"segments": ("contry", "plan")})}
    )
    store = replace(drawn.store, params=wrong)

    with pytest.raises(ParamsError) as error:
        _ = Company(store, date(2024, 9, 1)).segmentations

    assert len(error.value.problems) == 2
    assert "Did you mean 'country'?" in error.value.problems[0]
