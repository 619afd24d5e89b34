from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from churn.data.daily_rows import MISSING_KIND, DailyRows, read_daily_rows
from churn.data.sources.table_specs import table_contracts
from churn.data.store import day_number
from tests.drawn_company import DrawnCompany, draw

NIGHT = date(2024, 7, 5)

COMPANY = {
    "orders": """
        customer | ordered_at       | amount | returned_at
        ana      | 2024-07-01 10:00 | 10     |
        ana      | 2024-07-03 10:00 | 20     | 2024-07-04 09:00
        ben      | 2024-07-03 11:00 | 40     | 2024-07-05 09:00
        ben      | 2024-07-04 11:00 | 0      |
        ben      | 2024-07-05 11:00 | 99     |
    """,
    "visits": """
        customer | happened_at      | kind  | value | known_at
        ana      | 2024-07-02 10:00 | view  | 1     | 2024-07-03 01:00
        ana      | 2024-07-02 11:00 | click |       | 2024-07-03 01:00
        ben      | 2024-07-03 10:00 |       | 3     | 2024-07-04 01:00
        ben      | 2024-07-04 10:00 | view  | 5     | 2024-07-05 01:00
    """,
}


def daily_rows(company: DrawnCompany, table: str, days: int = 4) -> DailyRows:
    contract = table_contracts(company.store.params)[table]
    return read_daily_rows(company.store, contract, NIGHT, days)


def test_rows_outcomes_values_and_kinds_are_counted_by_day_as_known_before_the_night(tmp_path: Path) -> None:
    company = draw(tmp_path, **COMPANY)

    orders, visits = daily_rows(company, "orders"), daily_rows(company, "visits")

    assert orders.newest_day == day_number(date(2024, 7, 4))
    assert orders.rows.tolist() == [1, 2, 0, 1]
    assert orders.outcomes["returned_at"].tolist() == [1, 0, 0, 0]
    amounts = orders.values["amount"]
    assert (amounts.present.tolist(), amounts.n_nonzero.tolist()) == ([1, 2, 0, 1], [0, 2, 0, 1])
    np.testing.assert_array_equal(amounts.median, [np.nan, 3000, np.nan, 1000])
    # With a second clock, a row counts on the day on which it came in.
    assert visits.newest_day == day_number(date(2024, 7, 4))
    assert visits.rows.tolist() == [1, 2, 0, 0]
    assert visits.values["value"].present.tolist() == [1, 1, 0, 0]
    assert {kind: counts.tolist() for kind, counts in visits.kinds["kind"].items()} == {
        MISSING_KIND: [1, 0, 0, 0],
        "click": [0, 1, 0, 0],
        "view": [0, 1, 0, 0],
    }


def test_the_first_day_of_a_table_does_not_count(tmp_path: Path) -> None:
    company = draw(tmp_path, since=None, **COMPANY)

    assert daily_rows(company, "orders", 400).rows.tolist() == [1, 2, 0]


def test_a_value_that_was_emptied_is_no_number(tmp_path: Path) -> None:
    company = draw(
        tmp_path,
        since=None,
        orders=COMPANY["orders"],
        seats="""
            customer | changed_at | seats
            ana      | 2024-06-01 | 3
            ana      | 2024-07-03 |
            ben      | 2024-07-04 | 5
        """,
        params={
            "tables": {
                "customers": {"history": {"seats": {"from": "seats", "kind": "number"}}},
                "orders": {},
            },
            "events": {},
        },
    )

    seats = daily_rows(company, "customers.seats").values["value"]

    assert seats.present.tolist() == [1, 0, 0, 0]
    np.testing.assert_array_equal(seats.median[:2], [5000, np.nan])
