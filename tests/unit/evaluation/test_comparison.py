from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from churn.evaluation.comparison import calibration_table, compare_candidates, gain_table, spread
from churn.evaluation.measures import CandidateMetrics
from churn.metrics.interval import Interval
from churn.metrics.metrics import log_loss
from churn.metrics.profit import CustomerValues
from churn.params import ProfitParams
from tests.filled import filled
from tests.small_snapshots import draws_of, rows_of, snapshots_from
from tests.unit.evaluation.conftest import draw_signals


def predictions_for(left: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    good = 1 / (1 + np.exp(-(2 * left - 2 + rng.normal(size=len(left)))))
    return {
        "challenger": good,
        "recency": rng.random(len(left)),
        "base_rate": np.full(len(left), left.mean()),
    }


def test_all_candidates_are_measured_on_the_same_draws(snapshots_of) -> None:
    rows = snapshots_of(customers=300, cutoffs=3).rows
    predictions = predictions_for(rows.left)
    predictions["champion"] = predictions["challenger"].copy()

    comparison = compare_candidates(rows, predictions, draws_of(rows, 100), share=0.1)

    same = comparison.paired["challenger_minus_champion"].log_loss
    assert same == Interval(value=0.0, low=0.0, high=0.0)
    better = comparison.paired["challenger_minus_recency"].log_loss
    assert better.low <= better.value <= better.high < 0
    assert len(comparison.by_cutoff) == 3
    assert comparison.candidates["challenger"].ece.as_json().keys() == {"value", "noise_floor"}


def test_a_champion_is_compared_only_on_rows_it_had_not_seen(snapshots_of) -> None:
    rows = snapshots_of(customers=300, cutoffs=3).rows
    predictions = predictions_for(rows.left)
    seen = rows.cutoff < rows.cutoff.max()
    predictions["champion"] = np.where(seen, np.nan, predictions["challenger"])

    comparison = compare_candidates(rows, predictions, draws_of(rows, 100), share=0.1)

    assert comparison.candidates["champion"].rows == 300
    assert comparison.candidates["challenger"].rows == 900
    assert comparison.paired["challenger_minus_champion"].log_loss.value == 0.0
    assert [("champion" in each) for each in comparison.by_cutoff.values()] == [False, False, True]


def test_bins_hold_all_rows_and_about_the_same_number() -> None:
    rng = np.random.default_rng(0)
    probability = rng.beta(1, 4, 1000)
    left = (rng.random(1000) < probability).astype(float)

    table = calibration_table(left, probability)

    assert [row.rows for row in table] == [100] * 10
    assert all(row.low <= row.observed <= row.high for row in table)
    assert [row.predicted for row in table] == sorted(row.predicted for row in table)


def test_equal_probabilities_make_one_bin() -> None:
    assert len(calibration_table(np.array([1.0, 0.0, 0.0]), np.full(3, 0.3))) == 1


def test_everybody_contacted_reaches_every_leaver() -> None:
    left = np.array([1.0, 0, 0, 1, 0, 0, 0, 0, 0, 0])

    table = gain_table(left, np.linspace(0.9, 0.1, 10))

    last = table[-1]
    assert (last.captured, last.lift, last.contacted) == (1.0, 1.0, 10)
    assert [row.captured for row in table] == sorted(row.captured for row in table)


def test_baselines_stand_beside_the_gain_and_a_perfect_order_above_it() -> None:
    left = np.array([1.0, 0, 0, 1, 0, 0, 0, 0, 0, 0])

    table = gain_table(left, np.linspace(0.9, 0.1, 10), {"recency": np.linspace(0.1, 0.9, 10)})

    tenth = next(row for row in table if row.share == 0.1)
    assert (tenth.captured, tenth.recency, tenth.perfect) == pytest.approx((0.5, 0.0, 0.5))
    assert all(row.captured <= row.perfect + 1e-12 for row in table)


def test_a_rule_that_is_silent_about_some_rows_is_not_drawn_beside_the_others(snapshots_of) -> None:
    rows = snapshots_of(customers=100, cutoffs=2).rows
    predictions = predictions_for(rows.left)
    predictions["rule"] = np.where(np.arange(len(rows)) < 5, np.nan, 0.3)
    values = CustomerValues(np.full(len(rows), 50.0), ProfitParams())

    comparison = compare_candidates(rows, predictions, draws_of(rows, 20), share=0.1, values=values)

    assert "rule" in comparison.candidates
    for row in (comparison.gain_table[0], comparison.profit_curve[0]):
        assert {"recency", "base_rate"} <= row.as_json().keys()
        assert "rule" not in row.as_json()


def test_a_rate_for_everybody_ranks_nobody_though_it_differs_between_cutoffs(snapshots_of) -> None:
    rows = snapshots_of(customers=300, cutoffs=2).rows
    first = rows.cutoff == rows.cutoff.min()
    wrong_way = np.where(first == (rows.left[first].mean() > rows.left[~first].mean()), 0.1, 0.3)
    values = CustomerValues(np.full(len(rows), 100.0), ProfitParams())

    predictions = {"challenger": predictions_for(rows.left)["challenger"], "base_rate": wrong_way}

    comparison = compare_candidates(rows, predictions, draws_of(rows, 20), share=0.1, values=values)

    constant = comparison.candidates["base_rate"]
    for metric, tied in (
        ("auc", 0.5),
        ("lift_at_contact_share", 1.0),
        ("value_lift_at_contact_share", 1.0),
        ("average_precision", constant.base_rate),
    ):
        assert constant.metric(metric).value == pytest.approx(tied)
    assert (constant.auc.low, constant.auc.high) == (0.5, 0.5)
    assert constant.log_loss.value == pytest.approx(log_loss(rows.left, wrong_way))
    assert all(row.base_rate == pytest.approx(row.share) for row in comparison.gain_table)


def test_every_other_candidate_is_compared_with_the_challenger_in_pairs(test_set_of) -> None:
    signals, left = draw_signals()
    trouble = signals["trouble"]
    signals = {"orders_days_since_last": np.exp(trouble), "orders_count_28d": trouble}
    rule = {"signal": "orders_count_28d", "at_least": 1}
    test_set = test_set_of(snapshots_from(rows_of(signals, left, cutoffs=8)), rule=rule)

    comparison = compare_candidates(test_set.rows, test_set.predictions, test_set.draws, share=0.1)

    assert set(comparison.paired) == {
        f"challenger_minus_{name}" for name in ("recency", "rfm", "rule", "logistic", "base_rate")
    }


def of_value(value: float) -> CandidateMetrics:
    names = ("auc", "log_loss", "average_precision", "lift_at_contact_share", "observed_expected")
    return filled(CandidateMetrics, {name: {"value": value} for name in names})


def test_the_spread_is_that_of_the_cutoffs_with_the_candidate() -> None:
    january, february = date(2024, 1, 1), date(2024, 2, 1)
    by_cutoff = {
        january: {"challenger": of_value(0.7)},
        february: {"challenger": of_value(0.8), "champion": of_value(0.7)},
    }

    challenger, champion = (spread(by_cutoff, name) for name in ("challenger", "champion"))

    assert (challenger.auc.min, challenger.auc.max) == (0.7, 0.8)
    assert challenger.auc.sd == pytest.approx(0.0707, abs=1e-4)
    assert challenger.cutoffs == 2
    assert champion.auc.sd is None
