"""What customers were worth at a test cutoff, drawn: 91 days of payments stand for a month each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.data.store import day_number
from churn.evaluation.test_set import customer_values, store_of_snapshots
from churn.metrics.profit import CustomerValues
from churn.model.value import residual_value
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots
from tests.drawn_company import DrawnCompany, draw

PAYMENTS = """
    customer | due_at     | amount | paid_at    | known_at
    pays     | 2024-06-01 | 30     | 2024-06-01 | 2024-06-01
    pays     | 2024-06-20 | 60     | 2024-06-20 | 2024-06-20
    later    | 2024-06-01 | 90     | 2024-07-02 | 2024-06-01
    learnt   | 2024-06-01 | 90     | 2024-06-01 | 2024-07-02
"""
CUTOFF, BEFORE = date(2024, 7, 1), date(2024, 4, 1)
CUSTOMERS = ("later", "learnt", "pays")


def snapshots_of(world: DrawnCompany) -> Snapshots:
    """Two snapshots of everybody; half of the earlier one left."""
    days = [day_number(day) for day in (BEFORE, CUTOFF)]
    rows = LabelledRows(
        (), {}, np.zeros((6, 0)), np.array([1.0, 1, 0, 0, 0, 1]), np.tile(np.arange(3), 2), np.repeat(days, 3)
    )
    return Snapshots(
        rows=rows,
        signals=(),
        mature_on={BEFORE: date(2024, 5, 1), CUTOFF: date(2024, 8, 1)},
        immature_cutoffs=(),
        customers=CUSTOMERS,
        label_id="label",
        store_digest=world.store.digest,
        digest="",
        watermark="2024-12-31",
    )


def values_at_cutoff(world: DrawnCompany, snapshots: Snapshots) -> tuple[CustomerValues | None, str]:
    """The values of the customers at the cutoff, with the terms of the world's parameters."""
    params = world.store.params
    return customer_values(
        world.store,
        snapshots,
        snapshots.rows.at([CUTOFF]),
        horizon_days=params.label.horizon_days,
        value_terms=params.score.value,
        profit_terms=params.evaluate.profit,
    )


def test_a_value_comes_from_the_money_and_the_base_rate_known_at_the_cutoff(tmp_path: Path) -> None:
    world = draw(tmp_path, payments=PAYMENTS)
    snapshots = snapshots_of(world)

    values, reason = values_at_cutoff(world, snapshots)

    asked = world.store.params
    expected = residual_value(
        np.array([30.0]),
        base_rate=2 / 3,
        horizon_days=asked.label.horizon_days,
        terms=asked.score.value,
    )
    assert reason == ""
    assert values is not None
    assert np.isnan(values.value[:2]).all()  # nothing was paid, or known to be, by the cutoff
    assert values.value[2] == pytest.approx(expected[0])


def test_without_money_or_with_another_store_the_reason_is_said(tmp_path: Path) -> None:
    poor = draw(tmp_path / "poor", logins="customer | happened_at\n pays | 2024-06-01")
    rich = draw(tmp_path / "rich", payments=PAYMENTS)
    poor_ones, changed = snapshots_of(poor), replace(snapshots_of(rich), store_digest="another")

    values, reason = values_at_cutoff(poor, poor_ones)
    assert values is None
    assert "no table says" in reason
    assert "has changed" in store_of_snapshots(rich.store.params, changed)[1]
    elsewhere = rich.store.params.model_copy(update={"output": tmp_path / "elsewhere"})
    assert "no store" in store_of_snapshots(elsewhere, changed)[1]
