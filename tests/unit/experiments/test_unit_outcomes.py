"""The outcomes of the units of a ledger, as the store tells them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from churn.experiments.unit_outcomes import OBJECTION, read_outcomes
from tests.drawn_company import draw
from tests.drawn_ledger import assigned, drawn

NIGHT = date(2024, 3, 1)
CUSTOMERS = """
    customer | signed_up_at | objected_at
    stays    | 2023-01-01   | 2024-03-05
    leaves   | 2023-01-01   | 2024-03-06
    gone     | 2023-01-01   | 2024-03-07
    plain    | 2023-01-01   |
"""
ORDERS = """
    customer | ordered_at | amount
    stays    | 2024-02-20 | 1
    stays    | 2024-03-10 | 1
    leaves   | 2024-02-20 | 1
    gone     | 2023-02-20 | 1
    plain    | 2024-02-20 | 1
    plain    | 2024-03-10 | 1
    plain    | 2024-05-01 | 1
"""
LABEL = {"kind": "inactivity", "table": "orders", "horizon_days": 28, "active_days": 28}


def test_an_objection_since_the_night_is_an_unwanted_event_and_no_leaving(tmp_path: Path) -> None:
    # "gone" had left before the night, so there is nothing to keep; the objection does not change this.
    store = draw(tmp_path, customers=CUSTOMERS, orders=ORDERS, label=LABEL).store
    ledger = drawn([assigned(who, "treated", NIGHT) for who in ("stays", "leaves", "gone", "plain")])

    outcomes = read_outcomes(store, ledger, store.watermark)

    left = outcomes.left_at(NIGHT, ["stays", "leaves", "gone", "plain"])
    np.testing.assert_equal(left, [0, 1, np.nan, 0])
    days = outcomes.events[OBJECTION]
    assert dict(zip(days["customer_id"], days["day"], strict=True)) == {
        "stays": date(2024, 3, 5),
        "leaves": date(2024, 3, 6),
        "gone": date(2024, 3, 7),
    }


def test_objections_from_before_the_first_night_and_after_the_data_do_not_count(tmp_path: Path) -> None:
    customers = CUSTOMERS.replace("2024-03-05", "2024-02-29").replace("2024-03-06", "2024-03-15")
    store = draw(tmp_path, customers=customers, orders=ORDERS, label=LABEL).store
    ledger = drawn([assigned("stays", "treated", NIGHT)])

    days = read_outcomes(store, ledger, date(2024, 3, 15)).events[OBJECTION]

    assert days["customer_id"].tolist() == ["gone"]


def test_a_company_that_records_no_objections_has_no_such_event(tmp_path: Path) -> None:
    customers = "\n".join(line.rpartition("|")[0] for line in CUSTOMERS.strip().splitlines())
    store = draw(tmp_path, customers=customers, orders=ORDERS, label=LABEL).store

    outcomes = read_outcomes(store, drawn([assigned("plain", "treated", NIGHT)]), store.watermark)

    assert OBJECTION not in outcomes.events
