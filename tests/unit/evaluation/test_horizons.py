"""The horizons of 30, 60 and 90 days learn from what was known at a test cutoff, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np

from churn.data.store import day_number
from churn.evaluation.horizons import measure_horizons
from churn.evaluation.result import Horizons
from churn.evaluation.test_set import TestSet
from churn.features.language.reader import NEVER
from churn.metrics.bootstrap import draw_customers
from churn.snapshots.dataset import LabelledRows
from churn.training.backtest import OutOfTime
from churn.training.discrete_hazard import Lives

FIRST = date(2024, 1, 1)
CUTOFFS = [FIRST + timedelta(30 * month) for month in range(6)]
TEST = CUTOFFS[-2:]
CUSTOMERS = 400
LAG = 30


def drawn() -> Lives:
    rng = np.random.default_rng(3)
    logits = rng.normal(-1.5, 1.0, size=CUSTOMERS * len(CUTOFFS))
    stays = np.full(len(logits), NEVER, dtype=np.int64)
    for end in (30, 60, 90, 120):
        leaves = (rng.random(len(logits)) < 1 / (1 + np.exp(-logits))) & (stays == NEVER)
        stays[leaves] = end - 1 - rng.integers(0, 30, leaves.sum())
    made = OutOfTime(
        logits,
        (stays < 31).astype(np.float64),
        np.tile(np.arange(CUSTOMERS), len(CUTOFFS)),
        np.repeat([day_number(day) for day in CUTOFFS], CUSTOMERS),
    )
    return Lives(made, stays, LAG)


def measured(lives: Lives, as_of: date) -> Horizons:
    past = lives.predictions.at(TEST)
    probability = 1 / (1 + np.exp(-past.logits))
    test_set = TestSet(
        snapshots=SimpleNamespace(as_of=as_of),
        record=SimpleNamespace(),
        cutoffs=tuple(TEST),
        rows=LabelledRows((), {}, np.zeros((len(past.left), 0)), past.left, past.customer, past.cutoff),
        out_of_time=lives.predictions,
        predictions={"challenger": probability},
        contact_share=0.1,
        customer=past.customer,
        draws=draw_customers(CUSTOMERS, 100, 7),
    )
    return measure_horizons(test_set, lives, 31)


def test_a_horizon_is_judged_on_the_test_cutoffs_of_which_it_is_known() -> None:
    horizons = measured(drawn(), TEST[0] + timedelta(60 + LAG))

    assert horizons.days[30].cutoffs == tuple(TEST)
    assert horizons.days[30].rows == 2 * CUSTOMERS
    assert horizons.days[60].cutoffs == (TEST[0],)
    assert str(TEST[0] + timedelta(90 + LAG)) in horizons.missing[90]


def test_what_became_known_after_a_test_cutoff_moves_no_probability_there() -> None:
    lives, as_of = drawn(), TEST[0] + timedelta(30 + LAG)  # the later test cutoff is not judged
    late = lives.predictions.cutoff + lives.stays + 1 + LAG > day_number(TEST[0])
    here = lives.predictions.cutoff == day_number(TEST[0])
    other = replace(lives, stays=np.where(late & ~here, NEVER, lives.stays))

    assert measured(other, as_of) == measured(lives, as_of)
    assert measured(replace(lives, stays=np.where(~here, NEVER, lives.stays)), as_of) != measured(
        lives, as_of
    )


def test_observed_meets_expected_where_the_hazards_hold() -> None:
    horizons = measured(drawn(), date(2030, 1, 1))

    for days in (30, 60, 90):
        ratio = horizons.days[days].observed_expected
        assert ratio.low < 1 < ratio.high


def test_without_leavers_the_reason_stands_in_place_of_the_metrics() -> None:
    lives = drawn()

    horizons = measured(replace(lives, stays=np.full(len(lives.stays), NEVER)), date(2030, 1, 1))

    assert horizons.days == {}
    assert all("only 0 of" in reason for reason in horizons.missing.values())
