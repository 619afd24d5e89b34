"""Drawn snapshots, and test sets that are predicted from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from churn.evaluation.test_set import TestSet, predict_test_set
from churn.params import EvaluateParams, LabelParams, ValueParams
from churn.snapshots.read import Snapshots
from churn.training.split import plan_cutoffs
from tests.small_snapshots import RECIPE, rows_of, snapshots_from

LOGISTIC = replace(RECIPE, candidate="logistic", strength=0.1)

Signals = dict[str, Any]


@pytest.fixture
def test_set_of() -> Callable[..., TestSet]:
    """Predict the test cutoffs of snapshots in memory, without a champion and without a store."""

    def predict(snapshots: Snapshots, *, threads: int = 1, **evaluate: Any) -> TestSet:
        settings = EvaluateParams(bootstrap=100, **evaluate)
        plan = plan_cutoffs(snapshots.rows, snapshots.mature_on, settings.test_cutoffs)
        record = SimpleNamespace(recipe=RECIPE, logistic=LOGISTIC, choice_cutoffs=plan.choice)
        return predict_test_set(
            snapshots,
            record,
            plan.test,
            settings=settings,
            label=LabelParams(kind="inactivity", table="orders", horizon_days=28),
            value_terms=ValueParams(),
            threads=threads,
            out_of_time=None,
            champion=None,
            store=None,
            missing_store="there is no store",
        )

    return predict


def draw_signals(*, customers: int = 400, cutoffs: int = 8, seed: int = 1) -> tuple[Signals, np.ndarray]:
    """Draw a trouble that comes and goes from cutoff to cutoff and makes leaving likely; return who left."""
    rng = np.random.default_rng(seed)
    trouble = rng.normal(size=customers * cutoffs)
    left = rng.random(customers * cutoffs) < 1 / (1 + np.exp(1.2 - 1.5 * trouble))
    return {"trouble": trouble}, left.astype(float)


def draw_snapshots(*, known_after: int = 28) -> Snapshots:
    """Return eight snapshots of 400 customers; `known_after` is in days."""
    signals, left = draw_signals()
    return snapshots_from(rows_of(signals, left, cutoffs=8), known_after=known_after)
