from __future__ import annotations

import numpy as np
import pytest

from churn.evaluation import split_comparison as module
from churn.evaluation.comparison import compare_candidates
from churn.evaluation.lead_time import measure_lead_time
from churn.evaluation.split_comparison import (
    compare_splits,
    hash_to_unit_interval,
    naive_split,
    predict_unseen_customers,
    unseen_customers,
)
from churn.metrics.metrics import auc
from churn.training.backtest import predict_out_of_time
from churn.training.recipe import fit_recipe
from tests.small_snapshots import RECIPE, rows_of, snapshots_from
from tests.unit.evaluation.conftest import draw_snapshots


@pytest.fixture(scope="module")
def loyal():
    """Each of 60 customers leaves at every cutoff or at none; a number of their own is the only signal."""
    rng = np.random.default_rng(3)
    cutoffs, customers = 16, 60
    leaves = np.tile(rng.random(customers) < 0.4, cutoffs)
    own = np.tile(rng.permutation(customers), cutoffs)
    return snapshots_from(rows_of({"own": own}, leaves, cutoffs=cutoffs))


def test_the_number_of_a_customer_depends_on_id_and_salt_alone() -> None:
    ids = [f"customer {number}" for number in range(2000)]

    numbers = hash_to_unit_interval(ids)

    assert numbers[:3].tolist() == hash_to_unit_interval(ids[:3]).tolist()
    assert (numbers < 0.2).mean() == pytest.approx(0.2, abs=0.03)
    assert abs(np.corrcoef(numbers, hash_to_unit_interval(ids, "another salt"))[0, 1]) < 0.1


def test_a_model_for_unseen_customers_never_saw_the_customers_it_is_judged_on(monkeypatch, loyal) -> None:
    seen = []

    def spy(rows, *others):
        seen.append(rows)
        return fit_recipe(rows, *others)

    monkeypatch.setattr(module, "fit_recipe", spy)
    test = loyal.cutoffs[-2:]
    made = predict_out_of_time(loyal, RECIPE, test, 1)

    probability = np.concatenate([predict_unseen_customers(loyal, RECIPE, made, day, 1) for day in test])

    judged = loyal.rows.at(test).customer[np.isfinite(probability)]
    assert set(judged) == set(np.flatnonzero(unseen_customers(loyal)))
    assert all(set(rows.customer).isdisjoint(judged) for rows in seen)
    assert [rows.cutoff.max() for rows in seen] == [loyal.rows.at([day]).cutoff[0] - 28 for day in test]


def test_its_calibration_learns_from_the_others(monkeypatch, loyal) -> None:
    learnt = []

    def spy(method, logits, left, customer, weight):
        learnt.append((len(left), set(customer)))
        return {"method": "none"}

    monkeypatch.setattr(module.calibration, "fit_calibration", spy)
    test = loyal.cutoffs[-1:]
    made = predict_out_of_time(loyal, RECIPE, loyal.cutoffs[-3:], 1)

    predict_unseen_customers(loyal, RECIPE.with_calibration("beta"), made, test[0], 1)

    others = np.flatnonzero(~unseen_customers(loyal))
    assert learnt == [(2 * len(others), set(others))]


def test_a_random_split_is_praised_for_customers_it_remembers(loyal) -> None:
    test = loyal.cutoffs[-3:]
    made = predict_out_of_time(loyal, RECIPE, test, 1)

    naive = naive_split(loyal, RECIPE, seed=7, threads=1)
    probability = np.concatenate([predict_unseen_customers(loyal, RECIPE, made, day, 1) for day in test])

    judged = np.isfinite(probability)
    assert auc(naive.rows.left, naive.probability) > 0.9
    assert auc(loyal.rows.at(test).left[judged], probability[judged]) < 0.7


def test_customers_who_leave_nothing_to_learn_are_not_judged(loyal) -> None:
    rows = loyal.rows
    hidden = unseen_customers(loyal)[rows.customer]
    only_theirs = snapshots_from(
        rows_of({"own": rows.matrix[:, 0]}, np.where(hidden, rows.left, 0.0), cutoffs=16)
    )
    test = only_theirs.cutoffs[-1:]
    made = predict_out_of_time(loyal, RECIPE, test, 1)

    assert predict_unseen_customers(only_theirs, RECIPE, made, test[0], 1) is None


def test_a_naive_split_of_very_many_rows_takes_whole_customers(monkeypatch, loyal) -> None:
    monkeypatch.setattr(module, "MAX_NAIVE_ROWS", 480)

    naive = naive_split(loyal, RECIPE, seed=7, threads=1)

    taken = hash_to_unit_interval(loyal.customers, "naive") < 0.5
    assert set(naive.rows.customer) <= set(np.flatnonzero(taken))
    assert len(naive.rows) == pytest.approx(0.2 * 16 * taken.sum(), rel=0.4)


def test_the_four_numbers_are_compared(test_set_of) -> None:
    test_set = test_set_of(draw_snapshots(), rule={"signal": "trouble", "at_least": 1})
    candidates = compare_candidates(test_set.rows, test_set.predictions, test_set.draws, share=0.1).candidates

    splits, notes = compare_splits(test_set, candidates, seed=7, threads=1)

    unseen = splits.out_of_time_and_customer
    assert splits.out_of_time.auc == candidates["challenger"].auc
    assert unseen.rows == unseen.same_customers_in_training.rows < splits.out_of_time.rows / 3
    assert abs(unseen.out_minus_in_training.auc.value) < 0.05
    assert splits.naive_split.label == "not to be quoted"
    assert set(splits.baselines) == {"logistic", "rule", "base_rate"}
    assert 0.5 < splits.baselines["rule"].auc.value < splits.out_of_time.auc.value
    assert notes == {}


def test_one_worker_and_two_give_the_same_numbers(test_set_of) -> None:
    snapshots = draw_snapshots()
    results = []
    for threads in (1, 2):
        test_set = test_set_of(snapshots, threads=threads)
        comparison = compare_candidates(test_set.rows, test_set.predictions, test_set.draws, share=0.1)
        splits = compare_splits(test_set, comparison.candidates, seed=7, threads=threads)
        leads = measure_lead_time(test_set, gap_days=0, threads=threads)
        results.append((comparison, splits, leads))

    assert results[0] == results[1]
