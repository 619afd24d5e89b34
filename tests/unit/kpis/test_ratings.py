"""Observed churn by ratings and health bands."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.data.store import Store
from churn.kpis.company import Company
from churn.kpis.observed_churn import ChurnTable
from churn.kpis.ratings import RatingsResult, ratings_section
from tests.drawn_company import draw

CUTOFF = date(2024, 5, 15)
LABEL = {"kind": "contract", "horizon_days": 30, "grace_days": 0}
CUSTOMERS = """
    customer | signed_up_at
    ana      | 2024-01-05
    ben      | 2024-01-05
    cleo     | 2024-01-05
    dan      | 2024-01-05
    first    | 2024-01-05
"""
CONTRACTS = """
    customer | started_at | ended_at
    ana      | 2024-01-05 | 2024-04-10
    ben      | 2024-01-05 |
    cleo     | 2024-01-05 |
    dan      | 2024-01-05 | 2024-05-05
    first    | 2024-01-05 | 2024-03-20
"""
SURVEYS = """
    customer | asked_at   | answered_at | rating
    ana      | 2024-02-01 | 2024-02-02  | 9
    ana      | 2024-03-01 | 2024-03-02  | 3
    ben      | 2024-03-01 | 2024-03-02  | 10
    ben      | 2024-03-30 | 2024-04-02  | 1
    cleo     | 2024-02-01 | 2024-02-02  | 8
"""
TICKETS = """
    customer | opened_at  | closed_at  | satisfaction
    ana      | 2024-03-01 | 2024-03-02 | 1
    ben      | 2024-03-01 | 2024-03-02 | 5
    cleo     | 2024-03-01 | 2024-04-02 | 1
"""


def company(folder: Path, **tables: str) -> Store:
    return draw(
        folder,
        customers=CUSTOMERS,
        subscriptions=CONTRACTS,
        label=LABEL,
        watermark=str(CUTOFF),
        since=None,
        **tables,
    ).store


def section(store: Store) -> RatingsResult:
    return ratings_section(Company(store, CUTOFF))


def drawn(table: ChurnTable) -> dict[str, tuple[int, int]]:
    return {level.level: (level.n, level.left) for level in table.levels}


def test_the_latest_answer_known_at_the_cutoff_counts_and_leaving_after_it(tmp_path: Path) -> None:
    result = section(company(tmp_path, surveys=SURVEYS, tickets=TICKETS))

    assert result.nps.cutoffs == (date(2024, 4, 1),)  # everybody who leaves is seen from 2024-03-20 on
    assert drawn(result.nps) == {
        "promoters": (1, 0),  # ben, whose 1 came after the cutoff
        "passives": (1, 0),
        "detractors": (1, 1),  # ana
        "no answer": (1, 0),  # dan left after the window
    }
    assert drawn(result.csat) == {"1": (1, 1), "5": (1, 0), "no answer": (2, 0)}
    assert [(d.of, d.minus, d.value) for d in result.nps.differences] == [
        ("detractors", "promoters", 1.0),
        ("passives", "promoters", 0.0),
    ]
    assert not any(d.means_something for d in result.nps.differences)  # one customer is no evidence


def test_without_answers_there_is_a_reason_and_no_zero(tmp_path: Path) -> None:
    result = section(company(tmp_path))

    for table in (result.nps, result.csat, result.health):
        assert table.levels == ()
        assert table.reason is not None
    assert result.health.reason == "no night has been scored yet"


def test_a_scale_of_five_points_has_no_promoters(tmp_path: Path) -> None:
    rows = "\n".join(f"ana | 2024-02-01 | 2024-02-{day:02} | {day % 5 + 1}" for day in range(1, 26))
    result = section(company(tmp_path, surveys=f"customer | asked_at | answered_at | rating\n{rows}"))

    assert "not 0 to 10" in str(result.nps.reason)


def write_night(
    store: Store, night: str, bands: dict[str, float | None], label_id: str | None = None
) -> None:
    folder = store.params.output / "scores" / f"cutoff={night}"
    folder.mkdir(parents=True)
    table = pa.table(
        {
            "customer_id": list(bands),
            "health": pa.array(list(bands.values()), pa.float64()),
            "label_id": [label_id or store.params.label_id] * len(bands),
        }
    )
    pq.write_table(table, folder / "scores.parquet")


def test_health_bands_are_those_of_the_first_stored_night_of_each_month(tmp_path: Path) -> None:
    store = company(tmp_path)
    write_night(store, "2024-04-02", {"ana": 1.0, "ben": 5.0, "cleo": None, "unknown": 1.0})
    write_night(store, "2024-04-03", {"ana": 5.0, "ben": 1.0})
    write_night(store, "2024-05-10", {"ben": 1.0})  # its label is not matured

    health = section(store).health

    assert health.cutoffs == (date(2024, 4, 2),)
    assert drawn(health) == {"5": (1, 0), "4": (0, 0), "3": (0, 0), "2": (0, 0), "1": (1, 1)}


@pytest.mark.parametrize(
    ("night", "label_id", "reason"),
    [
        ("2024-05-10", None, "known only on 2024-06-09"),
        ("2024-04-02", "another", "the stored nights were scored for another label"),
    ],
)
def test_nights_that_cannot_count_give_a_reason(
    tmp_path: Path, night: str, label_id: str | None, reason: str
) -> None:
    store = company(tmp_path)
    write_night(store, night, {"ana": 1.0}, label_id)

    assert reason in str(section(store).health.reason)
