"""The expected next order of each customer."""

from __future__ import annotations

from datetime import date

import numpy as np

from churn.data.store import day_number
from churn.features.language.reader import NEVER
from churn.kpis.next_orders import next_orders_csv, own_intervals
from churn.kpis.order_rows import Orders
from churn.params import CsvParams

CUTOFF = date(2024, 7, 1)
IDS = ["ana", "=ben", "cleo", "dan"]


def orders(*rows: tuple[int, str]) -> Orders:
    customer = np.array([code for code, _ in rows], dtype=np.int64)
    day = np.array([day_number(date.fromisoformat(day)) for _, day in rows], dtype=np.int64)
    none = np.zeros(len(rows), dtype=np.int64)
    return Orders(customer, day, none, none, none + NEVER)


def test_the_usual_interval_is_the_median_between_days_with_orders_of_customers_with_three() -> None:
    own = own_intervals(
        orders(
            (0, "2024-06-01"),
            (0, "2024-06-01"),
            (0, "2024-06-11"),
            (0, "2024-06-16"),
            (1, "2024-06-01"),
            (1, "2024-06-11"),
            (2, "2024-03-01"),
            (2, "2024-03-08"),
            (2, "2024-04-01"),
            (2, "2024-04-04"),
        )
    )

    assert own.customer.tolist() == [0, 2]  # the second customer has orders on two days
    assert own.usual_days.tolist() == [7.5, 7]
    assert own.days_overdue(day_number(CUTOFF)).tolist() == [7.5, 81]


def test_the_list_names_the_expected_day_and_who_is_overdue_in_the_form_of_the_spreadsheet() -> None:
    weekly = orders((1, "2024-06-10"), (1, "2024-06-17"), (1, "2024-06-24"), (3, "2024-06-24"))
    later = orders((0, "2024-06-01"), (0, "2024-06-11"), (0, "2024-06-16"))

    text = next_orders_csv(
        [own_intervals(weekly), own_intervals(later)],
        IDS,
        day_number(CUTOFF),
        CsvParams(separator=";", decimal=","),
    )

    assert text.lstrip("\ufeff").splitlines() == [
        "customer_id;last_order;usual_days;expected_order;days_overdue",
        "ana;2024-06-16;7,5;2024-06-24;7",
        "'=ben;2024-06-24;7;2024-07-01;",
    ]
