from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from churn.drift.performance import Outcomes
from churn.drift.realised_nights import matured_nights, pool
from churn.params import LabelParams

LABEL = LabelParams.model_validate({"kind": "inactivity", "table": "orders", "horizon_days": 28})
NIGHT = date(2025, 9, 30)


def nights(*ages: int) -> list[date]:
    return [NIGHT - timedelta(age) for age in ages]


def test_only_nights_with_a_known_outcome_count_and_their_windows_do_not_overlap() -> None:
    chosen = matured_nights(nights(1, 20, 29, 32, 40, 57, 58, 90), NIGHT, LABEL, late_days=1)

    assert chosen == nights(29, 57, 90)


def test_at_most_so_many_nights_are_read() -> None:
    assert len(matured_nights(nights(*range(1, 400)), NIGHT, LABEL, 0)) == 6
    assert matured_nights([], NIGHT, LABEL, 0) == []


def test_the_outcomes_of_nights_are_pooled_and_no_nights_are_nothing() -> None:
    own = Outcomes(np.ones(1), np.full(1, 0.2), np.ones(1), np.zeros(1, dtype=np.int64))

    both = pool([own, own])

    assert both is not None
    assert both.expected == 0.4
    assert pool([]) is None
