from __future__ import annotations

import numpy as np
import pytest

from churn.evaluation import unseen_customers as module
from churn.evaluation.unseen_customers import held_out, naive_split, out_of_customer, place_of
from churn.metrics.metrics import auc
from churn.training.backtest import predict_out_of_time
from churn.training.recipe import fit_recipe
from tests.small_snapshots import RECIPE, rows_of, snapshots_from


@pytest.fixture(scope="module")
def loyal():
    """Each of 60 customers leaves at every cutoff or at none; a number of their own is the only signal."""
    rng = np.random.default_rng(3)
    cutoffs, customers = 16, 60
    leaves = np.tile(rng.random(customers) < 0.4, cutoffs)
    own = np.tile(rng.permutation(customers), cutoffs)
    return snapshots_from(rows_of({"own": own}, leaves, cutoffs=cutoffs))


def test_the_place_of_a_customer_depends_on_id_and_salt_alone() -> None:
    ids = [f"customer {number}" for number in range(2000)]

    places = place_of(ids)

    assert places[:3].tolist() == place_of(ids[:3]).tolist()
    assert (places < 0.2).mean() == pytest.approx(0.2, abs=0.03)
    assert abs(np.corrcoef(places, place_of(ids, "another salt"))[0, 1]) < 0.1


def test_a_model_out_of_customer_never_saw_the_customers_it_is_judged_on(monkeypatch, loyal) -> None:
    seen = []

    def spy(rows, *others):
        seen.append(rows)
        return fit_recipe(rows, *others)

    monkeypatch.setattr(module, "fit_recipe", spy)
    test = loyal.cutoffs[-2:]
    made = predict_out_of_time(loyal, RECIPE, test, 1)

    probability = np.concatenate([out_of_customer(loyal, RECIPE, made, day, 1) for day in test])

    judged = loyal.rows.at(test).customer[np.isfinite(probability)]
    assert set(judged) == set(np.flatnonzero(held_out(loyal)))
    assert all(set(rows.customer).isdisjoint(judged) for rows in seen)
    assert [rows.cutoff.max() for rows in seen] == [loyal.rows.at([day]).cutoff[0] - 28 for day in test]


def test_a_calibration_out_of_customer_learns_from_the_others(monkeypatch, loyal) -> None:
    learnt = []

    def spy(method, logits, left, customer):
        learnt.append((len(left), set(customer)))
        return {"method": "none"}

    monkeypatch.setattr(module.calibration, "fit_calibration", spy)
    test = loyal.cutoffs[-1:]
    made = predict_out_of_time(loyal, RECIPE, loyal.cutoffs[-3:], 1)

    out_of_customer(loyal, RECIPE.with_calibration("beta"), made, test[0], 1)

    others = np.flatnonzero(~held_out(loyal))
    assert learnt == [(2 * len(others), set(others))]


def test_a_random_split_is_praised_for_customers_it_remembers(loyal) -> None:
    test = loyal.cutoffs[-3:]
    made = predict_out_of_time(loyal, RECIPE, test, 1)

    naive = naive_split(loyal, RECIPE, seed=7, threads=1)
    probability = np.concatenate([out_of_customer(loyal, RECIPE, made, day, 1) for day in test])

    judged = np.isfinite(probability)
    assert auc(naive.rows.left, naive.probability) > 0.9
    assert auc(loyal.rows.at(test).left[judged], probability[judged]) < 0.7


def test_customers_who_leave_nothing_to_learn_are_not_judged(loyal) -> None:
    rows = loyal.rows
    hidden = held_out(loyal)[rows.customer]
    only_theirs = snapshots_from(
        rows_of({"own": rows.matrix[:, 0]}, np.where(hidden, rows.left, 0.0), cutoffs=16)
    )
    test = only_theirs.cutoffs[-1:]
    made = predict_out_of_time(loyal, RECIPE, test, 1)

    assert out_of_customer(only_theirs, RECIPE, made, test[0], 1) is None


def test_a_naive_split_of_very_many_rows_takes_whole_customers(monkeypatch, loyal) -> None:
    monkeypatch.setattr(module, "MOST_NAIVE", 480)

    naive = naive_split(loyal, RECIPE, seed=7, threads=1)

    taken = place_of(loyal.customers, "naive") < 0.5
    assert set(naive.rows.customer) <= set(np.flatnonzero(taken))
    assert len(naive.rows) == pytest.approx(0.2 * 16 * taken.sum(), rel=0.4)
