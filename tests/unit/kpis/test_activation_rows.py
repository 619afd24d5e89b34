"""The early events and the follow-up of customers, read from the store."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks.kpis.activation import draw_company
from churn.data.store import date_of_day, day_number
from churn.kpis.activation import WITHIN_DAYS
from churn.kpis.activation_rows import follow
from churn.kpis.acts import EarlyEvents, acts_of_customers, read_joiners
from churn.kpis.table_pass import read_once
from tests.drawn_company import draw

CONTRACT = {"kind": "contract", "horizon_days": 14, "grace_days": 0}

CUSTOMERS = """
    customer | signed_up_at
    ana      | 2024-04-01
    ben      | 2024-04-03
    early    | 2024-04-03
    late     | 2024-12-30
"""
SUBSCRIPTIONS = """
    customer | started_at | ended_at
    ana      | 2024-04-01 |
    ben      | 2024-04-03 | 2024-05-20
    early    | 2024-04-03 | 2024-04-20
    late     | 2024-12-30 |
"""
VISITS = """
    customer | happened_at      | kind
    ana      | 2024-04-01 08:00 | look
    ana      | 2024-04-03 08:00 | buy
    ana      | 2024-04-04 08:00 | look
    ana      | 2024-05-01 08:00 | look
    ben      | 2024-04-10 08:00 | buy
"""
EMAILS = """
    customer | sent_at          | opened_at
    ana      | 2024-04-01 09:00 | 2024-04-02 09:00
    ana      | 2024-04-02 09:00 |
    ben      | 2024-04-20 09:00 | 2024-05-20 09:00
"""


@pytest.mark.parametrize("batch_rows", [1, 100])
def test_events_count_from_the_day_of_the_sign_up_and_only_acts_of_the_customer(
    tmp_path: Path, batch_rows: int
) -> None:
    store = draw(
        tmp_path,
        customers=CUSTOMERS,
        subscriptions=SUBSCRIPTIONS,
        visits=VISITS,
        emails=EMAILS,
        label=CONTRACT,
    ).store
    joiners = read_joiners(store, day_number(date(2024, 4, 1)), date(2024, 12, 31))

    readers = {act: EarlyEvents(store, act, joiners) for act in acts_of_customers(store)}
    for act, reader in readers.items():
        read_once(store, act.table, [reader], batch_rows)

    events = {event.event: event.counts for reader in readers.values() for event in reader.events()}
    assert WITHIN_DAYS == (1, 3, 7, 14, 28)
    assert {event: counts[:, 0].tolist() for event, counts in events.items()} == {
        "visits": [1, 2, 3, 3, 3],  # the visit on the 31st day is too late
        "visits: look": [1, 1, 2, 2, 2],
        "visits: buy": [0, 1, 1, 1, 1],
        "emails: opened": [0, 1, 1, 1, 1],
    }
    assert events["emails: opened"][:, 1].tolist() == [0, 0, 0, 0, 0]  # ben opened it after 47 days
    assert events["visits"][:, 1].tolist() == [0, 0, 0, 1, 1]


def test_customers_are_followed_from_the_landmark_on_until_they_leave(tmp_path: Path) -> None:
    store = draw(tmp_path, customers=CUSTOMERS, subscriptions=SUBSCRIPTIONS, label=CONTRACT).store
    cutoff = date(2024, 12, 31)
    joiners = read_joiners(store, day_number(date(2024, 4, 1)), cutoff)

    rows = follow(store, joiners, cutoff)

    landmarks = [str(date_of_day(day)) for day in joiners.landmark.tolist()]
    assert landmarks[:2] == ["2024-04-30", "2024-05-07"]  # weeks back from the cutoff, 28 days or more
    found = sorted(zip(rows.customer.tolist(), rows.has_left.tolist(), strict=True))
    assert found == [
        (0, False),
        (0, False),
        (0, False),
        (1, True),  # left on 2024-05-20, in the first window
    ]  # `early` left before the landmark, the landmark of `late` is not matured


@pytest.mark.slow
def test_the_planted_event_of_a_company_is_found(tmp_path: Path) -> None:
    result = draw_company(tmp_path, "planted", 1)

    assert result.reason is None
    assert result.activation is not None
    assert result.activation.event == "visits: upload"
    assert result.activation.low > 0
    assert result.activation.with_event.share < result.activation.without_event.share
    assert not result.activation.decides_label


@pytest.mark.slow
def test_customers_who_leave_early_and_so_have_few_events_are_no_evidence(tmp_path: Path) -> None:
    result = draw_company(tmp_path, "early", 2)

    assert result.activation is None
    assert result.n_tried > 20
    assert result.reason is not None
