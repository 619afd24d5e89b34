"""The trained model beside what only the simulation knows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from benchmarks.truth import (
    Bin,
    Tonight,
    compare_families,
    deciles,
    first_families,
    rank_correlation,
    read_tested,
    read_tonight,
)
from churn.data.files import checksum_of
from churn.data.own_files import write_own_json
from churn.data.store import Store
from churn.demo.troubles import TROUBLE_FAMILIES
from churn.features.engine.cohort import read_customers
from churn.features.engine.matrix import cohorts_at
from churn.labels.calendar import snapshot_cutoffs
from churn.labels.labels import outcomes_at
from churn.labels.outcomes import INVOLUNTARY, label_window
from churn.model.bundle import load_champion
from churn.model.scorer import Scorer
from churn.params import load_params
from churn.scoring.health import health
from pipelines import cli

HARDLY_CHANCE = 0.001
STANDARD_ERRORS = 3.0
SHIFTS = (0.5, 1.0, 3.0, 10.0, 40.0)


@pytest.fixture(scope="session")
def tested(finished_run: Path) -> pd.DataFrame:
    return read_tested(load_params(finished_run / "params.yaml"))


@pytest.fixture(scope="session")
def tonight(finished_run: Path) -> Tonight:
    return read_tonight(load_params(finished_run / "params.yaml"))


@pytest.fixture(scope="session")
def champion(finished_run: Path) -> Scorer:
    return load_champion(load_params(finished_run / "params.yaml").champion).scorer


def chance_of_such_gaps(bins: list[Bin], churners: int) -> float:
    """Return how likely gaps between prediction and truth as large as these are if they are noise alone.

    Two noises add up: which customers are in a bin (its standard error), and how many churners like them the
    model had to learn from (a count known to its square root). The sum of the squared gaps in units of noise
    then follows a chi-square law.
    """
    truth = sum(each.rows * each.truth for each in bins)
    squares = 0.0
    for each in bins:
        learnt_from = churners * each.rows * each.truth / truth
        noise = np.hypot(each.error, each.truth / np.sqrt(learnt_from))
        squares += float((each.predicted - each.truth) / noise) ** 2
    return float(chi2.sf(squares, len(bins)))


def test_predictions_equal_the_true_chances_in_every_decile_of_the_test_cutoffs(
    tested: pd.DataFrame, champion: Scorer
) -> None:
    bins = deciles(tested["challenger"].to_numpy(), tested["truth"].to_numpy(), list(tested["customer_id"]))

    assert chance_of_such_gaps(bins, champion.spec["churners"]) > HARDLY_CHANCE


def test_the_mean_prediction_of_the_scored_night_is_the_true_one(tonight: Tonight) -> None:
    """See a level that is half off; some eight hundred customers show no more, and no shape."""
    predicted, truth = (tonight.scores[name].to_numpy() for name in ("churn_probability", "truth"))
    (whole,) = deciles(predicted, truth, list(tonight.scores["customer_id"]), bins=1)
    churners = tonight.champion.spec["churners"]

    assert chance_of_such_gaps([whole], churners) > HARDLY_CHANCE
    assert chance_of_such_gaps([replace(whole, predicted=1.5 * whole.truth)], churners) < HARDLY_CHANCE


def test_predictions_equal_the_true_chances_in_every_decile_of_a_night_of_many_others(
    finished_run: Path, tmp_path: Path
) -> None:
    """Judge the champion on a company it has never seen, large enough to see a level that is a third off."""
    shutil.copytree(finished_run / "models", tmp_path / "models")
    for name in ("params.yaml", "playbook.yaml"):
        shutil.copy(finished_run / name, tmp_path)
    for call in (("demo", "--customers", "3000", "--seed", "11"), ("score",)):
        assert cli.main(argv=[*call, "--params", str(tmp_path / "params.yaml")]) == 0
    night = read_tonight(load_params(tmp_path / "params.yaml"))

    predicted, truth = (night.scores[name].to_numpy() for name in ("churn_probability", "truth"))
    customers, churners = list(night.scores["customer_id"]), night.champion.spec["churners"]
    tenths, (whole,) = (deciles(predicted, truth, customers, bins=bins) for bins in (10, 1))

    assert chance_of_such_gaps(tenths, churners) > HARDLY_CHANCE
    assert chance_of_such_gaps([whole], churners) > HARDLY_CHANCE
    assert chance_of_such_gaps([replace(whole, predicted=4 / 3 * whole.truth)], churners) < HARDLY_CHANCE


def test_the_label_tells_who_could_not_pay_from_who_asked_to_leave(finished_run: Path) -> None:
    params = load_params(finished_run / "params.yaml")
    store = Store.open(params)
    cutoffs = snapshot_cutoffs(store)
    truth = pd.read_parquet(next((finished_run / "data").glob("*-truth")) / "leavers.parquet")
    truth = truth[truth["for_good"]]
    by_payment = {
        (customer, day): by_payment
        for customer, day, by_payment in zip(
            truth["customer_id"], truth["ended_on"], truth["by_payment"], strict=True
        )
    }

    told, ids = {}, read_customers(store).ids
    for cohort, found in zip(cohorts_at(store, cutoffs), outcomes_at(store, cutoffs), strict=True):
        window = label_window(cohort.cutoff, params.label, params.snapshot.late_days)
        left = {ids[code]: found.outcome[code] for code in np.flatnonzero(cohort.members & found.left("any"))}
        told |= {
            (customer, day): left[customer] == INVOLUNTARY
            for customer, day in by_payment
            if customer in left and window.start <= day < window.end
        }

    assert len(told) > 300
    assert sum(told.values()) > 50
    assert told == {key: by_payment[key] for key in told}


def test_who_is_called_is_truly_more_likely_to_leave(tonight: Tonight) -> None:
    called = tonight.call_mask()
    truth = tonight.scores["truth"]

    assert truth[called].mean() > 2 * truth.mean()


def test_the_model_ranks_by_the_true_chance_much_better_than_recency(tested: pd.DataFrame) -> None:
    truth = tested["truth"].to_numpy()

    ours, recency = (rank_correlation(tested[name].to_numpy(), truth) for name in ("challenger", "recency"))

    assert ours > 0.25
    assert ours > recency + 0.1


def test_first_reasons_name_a_family_in_trouble_far_more_often_than_chance(tonight: Tonight) -> None:
    called = tonight.call_mask()
    raised = tonight.scores.loc[called, list(TROUBLE_FAMILIES)]
    in_trouble = raised.any(axis=1).to_numpy()
    families = np.array(first_families(tonight, called), dtype=object)

    found = compare_families(families[in_trouble].tolist(), raised[in_trouble], draws=1000, seed=7)

    error = np.sqrt(found.share * (1 - found.share) / found.customers)
    assert found.customers >= 20
    assert found.share > found.chance[-1], "no deal of the reasons at random in a thousand does as well"
    assert found.share - 2 * error > max(found.always.values()), "always naming one family does worse"


def test_a_better_last_rating_never_raises_the_chance_of_leaving(tonight: Tonight) -> None:
    for rating in range(10):
        better, worse = rating + 1.0, float(rating)

        raised = with_(tonight, "survey_last_rating", better) - with_(tonight, "survey_last_rating", worse)

        assert raised.max() <= 0


def test_more_days_overdue_never_lower_the_chance_of_leaving(tonight: Tonight) -> None:
    chances = [with_(tonight, "payment_days_overdue", days) for days in (0.0, 1.0, 5.0, 14.0, 40.0, 90.0)]

    assert np.diff(chances, axis=0).min() >= 0


@pytest.mark.parametrize("name", ["survey_last_rating", "payment_days_overdue", "login_change"])
def test_what_the_model_learnt_from_moves_somebodys_chance(tonight: Tonight, name: str) -> None:
    values = tonight.frame[name].dropna()

    moved = with_(tonight, name, float(values.max())) - with_(tonight, name, float(values.min()))

    assert np.abs(moved).max() > 0


def test_no_signal_of_a_stated_direction_ever_pushes_the_other_way(tonight: Tonight) -> None:
    directed = {s["name"]: s["monotone"] for s in tonight.champion.spec["signals"] if s["monotone"]}
    before = tonight.champion.predict(tonight.frame)

    wrong = [
        name
        for name, sign in directed.items()
        if (sign * (with_more(tonight, name, SHIFTS) - before)).min() < 0
    ]

    assert len(directed) > 20
    assert wrong == []


def with_more(night: Tonight, name: str, shifts: Sequence[float]) -> np.ndarray:
    """Return the probabilities of tonight's customers with one signal higher, shape (shifts, customers)."""
    frames = [night.frame.assign(**{name: night.frame[name] + more}) for more in shifts]
    return night.champion.predict(pd.concat(frames, ignore_index=True)).reshape(len(shifts), -1)


def with_(night: Tonight, name: str, value: Any) -> np.ndarray:
    """Return the probabilities of tonight's customers with one signal set."""
    return night.champion.predict(night.frame.assign(**{name: value}))


@pytest.mark.parametrize("baseline", ["recency", "base_rate"])
def test_the_model_beats_the_baseline(finished_run: Path, baseline: str) -> None:
    evaluated = json.loads((finished_run / "output" / "evaluate" / "metrics.json").read_text())

    difference = evaluated["paired"][f"challenger_minus_{baseline}"]

    assert difference["log_loss"]["high"] < 0
    assert difference["auc"]["low"] > 0


def test_the_true_chances_rank_better_than_the_model(finished_run: Path, tested: pd.DataFrame) -> None:
    evaluated = json.loads((finished_run / "output" / "evaluate" / "metrics.json").read_text())
    rank = tested["truth"].rank()
    left = tested["left"] == 1

    ceiling = (rank[left].mean() - (left.sum() + 1) / 2) / (~left).sum()

    assert evaluated["candidates"]["challenger"]["auc"]["value"] < ceiling


def test_fewer_leave_the_higher_the_health_band(tested: pd.DataFrame, champion: Scorer) -> None:
    usual = float(champion.spec["base_rate"])
    bands = [
        health(rows["challenger"].to_numpy(), usual, np.zeros(len(rows), dtype=bool))
        for _, rows in tested.groupby("cutoff")
    ]
    left = np.concatenate([rows["left"] for _, rows in tested.groupby("cutoff")])

    share = pd.Series(left).groupby(np.concatenate(bands)).mean()

    assert list(share.index) == [1, 2, 3, 4, 5]
    assert share.is_monotonic_decreasing
    assert share[1] > 4 * share[5]


def test_shuffled_labels_are_refused_for_having_no_signal(
    finished_run: Path, tmp_path: Path, few_charts: None, migrated: Path
) -> None:
    folder = tmp_path / "shuffled"
    shutil.copytree(
        finished_run, folder, ignore=shutil.ignore_patterns("mlflow.db", "mlartifacts", "champion")
    )
    shutil.copy(migrated, folder / "mlflow.db")
    shuffle_labels(folder / "output" / "snapshots")

    codes = [
        cli.main(verb, ["--params", str(folder / "params.yaml")]) for verb in ("train", "evaluate", "promote")
    ]

    evaluated = json.loads((folder / "output" / "evaluate" / "metrics.json").read_text())
    verdict = json.loads((folder / "output" / "evaluate" / "promotion.json").read_text())
    auc = evaluated["candidates"]["challenger"]["auc"]
    assert abs(auc["value"] - 0.5) < STANDARD_ERRORS * (auc["high"] - auc["low"]) / 3.92
    assert codes == [0, 0, 15]
    assert not verdict["accepted"]
    assert {gate["name"] for gate in verdict["gates"] if not gate["passed"]} & {
        "signal",
        "beats_recency",
        "beats_base_rate",
    }
    assert not (folder / "models" / "champion").exists()


def shuffle_labels(snapshots: Path) -> None:
    """Deal the labels of each cutoff out at random, in place."""
    rng = np.random.default_rng(7)
    parts = sorted(snapshots.glob("cutoff=*/part.parquet"))
    assert parts
    manifest = json.loads((snapshots / "manifest.json").read_text())
    for part in parts:
        rows = pd.read_parquet(part, partitioning=None)
        rows["left"] = rng.permutation(rows["left"].to_numpy())
        rows.to_parquet(part, index=False)
        day = part.parent.name.removeprefix("cutoff=")
        manifest["cutoffs"][day]["files"][part.name] = checksum_of(part)
    write_own_json(snapshots / "manifest.json", manifest)
