from __future__ import annotations

import numpy as np
import pytest

from churn.evaluation.evaluate import calibration_table, gain_table, judge_all, rates
from churn.metrics.metrics import log_loss
from churn.metrics.profit import CustomerValues
from churn.params import ProfitParams


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

    judged = judge_all(rows, predictions, share=0.1, draws=100, seed=7)

    same = judged.paired["challenger_minus_champion"]["log_loss"]
    assert same == {"value": 0.0, "low": 0.0, "high": 0.0}
    better = judged.paired["challenger_minus_recency"]["log_loss"]
    assert better["low"] <= better["value"] <= better["high"] < 0
    assert len(judged.by_cutoff) == 3
    assert judged.candidates["challenger"]["ece"].keys() == {"value", "noise_floor"}


def test_a_champion_is_compared_only_on_rows_it_had_not_seen(snapshots_of) -> None:
    rows = snapshots_of(customers=300, cutoffs=3).rows
    predictions = predictions_for(rows.left)
    seen = rows.cutoff < rows.cutoff.max()
    predictions["champion"] = np.where(seen, np.nan, predictions["challenger"])

    judged = judge_all(rows, predictions, share=0.1, draws=100, seed=7)

    assert judged.candidates["champion"]["rows"] == 300
    assert judged.candidates["challenger"]["rows"] == 900
    assert judged.paired["challenger_minus_champion"]["log_loss"]["value"] == 0.0
    assert [("champion" in each) for each in judged.by_cutoff.values()] == [False, False, True]


def test_rates_are_those_of_each_cutoff(snapshots_of) -> None:
    snapshots = snapshots_of(customers=300, cutoffs=3)

    found = rates(snapshots.rows.at(snapshots.cutoffs[:2]))

    assert [one["cutoff"] for one in found] == [str(day) for day in snapshots.cutoffs[:2]]
    assert [one["rows"] for one in found] == [300, 300]
    assert found[1]["base_rate"] == snapshots.rows.at(snapshots.cutoffs[1:2]).left.mean()


def test_bins_hold_all_rows_and_about_the_same_number() -> None:
    rng = np.random.default_rng(0)
    probability = rng.beta(1, 4, 1000)
    left = (rng.random(1000) < probability).astype(float)

    table = calibration_table(left, probability)

    assert [row["rows"] for row in table] == [100] * 10
    assert all(row["low"] <= row["observed"] <= row["high"] for row in table)
    assert [row["predicted"] for row in table] == sorted(row["predicted"] for row in table)


def test_equal_probabilities_make_one_bin() -> None:
    assert len(calibration_table(np.array([1.0, 0.0, 0.0]), np.full(3, 0.3))) == 1


def test_everybody_contacted_reaches_every_leaver() -> None:
    left = np.array([1.0, 0, 0, 1, 0, 0, 0, 0, 0, 0])

    table = gain_table(left, np.linspace(0.9, 0.1, 10))

    last = table[-1]
    assert (last["captured"], last["lift"], last["contacted"]) == (1.0, 1.0, 10)
    assert [row["captured"] for row in table] == sorted(row["captured"] for row in table)


def test_baselines_stand_beside_the_gain_and_a_perfect_order_above_it() -> None:
    left = np.array([1.0, 0, 0, 1, 0, 0, 0, 0, 0, 0])

    table = gain_table(left, np.linspace(0.9, 0.1, 10), {"recency": np.linspace(0.1, 0.9, 10)})

    tenth = next(row for row in table if row["share"] == 0.1)
    assert (tenth["captured"], tenth["recency"], tenth["perfect"]) == pytest.approx((0.5, 0.0, 0.5))
    assert all(row["captured"] <= row["perfect"] + 1e-12 for row in table)


def test_a_rule_that_is_silent_about_some_rows_is_not_drawn_beside_the_others(snapshots_of) -> None:
    rows = snapshots_of(customers=100, cutoffs=2).rows
    predictions = predictions_for(rows.left)
    predictions["rule"] = np.where(np.arange(len(rows)) < 5, np.nan, 0.3)
    worth = CustomerValues(np.full(len(rows), 50.0), ProfitParams())

    judged = judge_all(rows, predictions, share=0.1, draws=20, seed=7, worth=worth)

    assert "rule" in judged.candidates
    assert {"recency", "base_rate"} <= set(judged.gain_table[0]) & set(judged.profit_curve[0])
    assert "rule" not in set(judged.gain_table[0]) | set(judged.profit_curve[0])


def test_a_rate_for_everybody_ranks_nobody_though_it_differs_between_cutoffs(snapshots_of) -> None:
    rows = snapshots_of(customers=300, cutoffs=2).rows
    first = rows.cutoff == rows.cutoff.min()
    wrong_way = np.where(first == (rows.left[first].mean() > rows.left[~first].mean()), 0.1, 0.3)
    worth = CustomerValues(np.full(len(rows), 100.0), ProfitParams())

    judged = judge_all(
        rows,
        {"challenger": predictions_for(rows.left)["challenger"], "base_rate": wrong_way},
        share=0.1,
        draws=20,
        seed=7,
        worth=worth,
    )

    constant = judged.candidates["base_rate"]
    for metric, tied in (
        ("auc", 0.5),
        ("lift_at_contact_share", 1.0),
        ("value_lift_at_contact_share", 1.0),
        ("average_precision", constant["base_rate"]),
    ):
        assert constant[metric]["value"] == pytest.approx(tied)
    assert (constant["auc"]["low"], constant["auc"]["high"]) == (0.5, 0.5)
    assert constant["log_loss"]["value"] == pytest.approx(log_loss(rows.left, wrong_way))
    assert all(row["base_rate"] == pytest.approx(row["share"]) for row in judged.gain_table)
