"""The table of survival by segment."""

from __future__ import annotations

import numpy as np
import pytest

from churn.kpis.lives import FirstLives
from churn.kpis.segments import Segmentation, all_customers
from churn.kpis.survival import survival_table
from churn.labels.kaplan_meier import Lives

N = 40


def drawn_lives() -> FirstLives:
    """40 customers of plan a who stay for 100 days, ten of 40 of plan b leave on day 30, 5 of plan c."""
    days = np.concatenate([np.full(N, 100), np.full(10, 30), np.full(N - 10, 100), np.full(5, 100)])
    has_left = days == 30
    lives = Lives(days, has_left, np.zeros(len(days), dtype=np.int64))
    joined = np.zeros(len(days), dtype=np.int64)
    return FirstLives(np.arange(len(days)), joined, lives, 0, 100, 2)


def test_survival_is_given_over_all_and_by_segment_with_the_numbers_at_risk() -> None:
    plan = Segmentation("plan", ("a", "b", "c", "(missing)"), np.repeat([0, 1, 2], [N, N, 5]))

    table = survival_table(drawn_lives(), [all_customers(2 * N + 5), plan])

    everyone, a, b, c = table.curves
    assert everyone.slice is None
    assert (everyone.n, everyone.n_left, table.n_left_out) == (85, 10, 2)
    assert [point.age_days for point in b.points] == [0, 30, 60, 90, 100]
    assert [point.share for point in b.points] == [1, 0.75, 0.75, 0.75, 0.75]
    assert [point.at_risk for point in b.points] == [40, 40, 30, 30, 30]
    assert b.points[1].low < 0.75 < b.points[1].high
    assert b.median_days is None
    assert b.median_reason == "more than half stay longer than 100 days"
    assert [point.share for point in a.points] == pytest.approx([1] * 5)
    assert c.points == ()
    assert c.reason == "fewer than 30 customers were followed from their first days on"
