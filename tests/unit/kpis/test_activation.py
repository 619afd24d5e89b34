"""The search for the early event that goes with staying."""

from __future__ import annotations

import numpy as np
import pytest

from churn.kpis.activation import (
    WITHIN_DAYS,
    Candidate,
    EventCounts,
    FollowUp,
    Search,
    compare,
    search_activation,
)

SIZE = 1200
ALL = np.ones(SIZE, dtype=bool)


def counts_of(event: str, days: list[np.ndarray]) -> EventCounts:
    counts = np.array([[int((own < within).sum()) for own in days] for within in WITHIN_DAYS])
    return EventCounts(event, counts, np.ones(len(days), dtype=bool))


def drawn_events(rng: np.random.Generator, n: int = SIZE) -> list[EventCounts]:
    """Draw four events that happen at a rate of their own for each customer, over the first 28 days."""
    result = []
    for name in ("logins", "reports", "uploads", "searches"):
        rates = rng.gamma(2.0, 2.0, n)
        result.append(counts_of(name, [rng.uniform(0, 28, rng.poisson(rate)) for rate in rates]))
    return result


def followed(left: np.ndarray, month: np.ndarray) -> FollowUp:
    return FollowUp(np.arange(len(left)), month, left)


def search(events: list[EventCounts], left: np.ndarray, month: np.ndarray) -> Search:
    follow_up = followed(left, month)
    return search_activation(events, follow_up.of(month < 3), follow_up.of(month >= 3))


def test_a_planted_event_is_found_and_confirmed() -> None:
    rng = np.random.default_rng(3)
    events, month = drawn_events(rng), rng.integers(0, 6, SIZE)
    is_activated = events[1].counts[WITHIN_DAYS.index(14)] >= 2
    left = rng.random(SIZE) < np.where(is_activated, 0.05, 0.30)

    result = search(events, left, month)

    assert result.reason is None
    assert result.best == Candidate("reports", 2, 14)
    assert str(result.best) == "reports at least 2 times within 14 days of the sign-up"
    assert result.later is not None
    low, high = result.later.interval
    assert low < 0.25 < high
    assert low > 0


def test_where_nothing_goes_with_staying_the_best_of_many_candidates_is_not_confirmed() -> None:
    n_reported = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        result = search(drawn_events(rng, 400), rng.random(400) < 0.25, rng.integers(0, 6, 400))
        n_reported += result.reason is None

    assert n_reported <= 1


def test_months_that_differ_in_both_are_no_evidence() -> None:
    """Each month has more logins and fewer leavers; within a month neither depends on the other."""
    rng = np.random.default_rng(8)
    month = np.repeat(np.arange(6), SIZE // 6)
    counts = np.tile(rng.poisson(0.3 + 0.4 * month), (len(WITHIN_DAYS), 1))
    left = rng.random(SIZE) < 0.5 - 0.08 * month
    has_done = counts[0] >= 1

    within = compare(has_done, ALL, followed(left, month))
    over_all = compare(has_done, ALL, followed(left, np.zeros(SIZE, dtype=np.int64)))

    assert within is not None
    assert over_all is not None
    assert over_all.z > 3
    assert abs(within.z) < 2


def test_the_statistic_is_that_of_mantel() -> None:
    """One stratum of 10: 4 exposed, 1 of whom left; 6 others, 5 of whom left."""
    has_done = np.arange(10) < 4
    left = np.array([1, 0, 0, 0, 1, 1, 1, 1, 1, 0], dtype=bool)

    result = compare(has_done, np.ones(10, dtype=bool), followed(left, np.zeros(10, dtype=np.int64)))

    assert result is not None
    expected, variance = 6 * 4 / 10, 6 * 4 * 4 * 6 / (100 * 9)
    assert result.z == pytest.approx((expected - 1) / variance**0.5)
    assert result.difference == pytest.approx(5 / 6 - 1 / 4)


def test_customers_whose_first_days_are_not_in_the_table_do_not_count() -> None:
    has_done = np.array([True, True, False, False, False, False])
    covered = np.array([True, True, True, True, False, False])
    left = np.array([False, True, True, True, False, False])

    result = compare(has_done, covered, followed(left, np.zeros(6, dtype=np.int64)))

    assert result is not None
    assert result.difference == pytest.approx(0.5)


def test_with_too_few_leavers_nothing_is_tried() -> None:
    rng = np.random.default_rng(1)
    left = np.arange(SIZE) % 50 == 0

    result = search(drawn_events(rng), left, rng.integers(0, 6, SIZE))

    assert result.n_tried == 0
    assert "are needed" in str(result.reason)


def test_an_event_that_all_customers_do_is_not_tried() -> None:
    rng = np.random.default_rng(1)
    everybody = EventCounts("welcome", np.full((len(WITHIN_DAYS), SIZE), 1), ALL)

    result = search([everybody], rng.random(SIZE) < 0.3, rng.integers(0, 6, SIZE))

    assert result.n_tried == 0
    assert result.reason == "no event is done by some customers, and not by others, soon after the sign-up"
