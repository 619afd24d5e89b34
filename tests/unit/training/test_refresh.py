from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from churn.errors import Stop
from churn.model.bundle import Champion
from churn.model.scorer import Scorer
from churn.params import Params, TrainParams
from churn.snapshots.read import Snapshots, read_snapshots
from churn.training import calibration
from churn.training.calibration import fit_shift
from churn.training.challenger import spec_of
from churn.training.recipe import Recipe, fit_recipe
from churn.training.refresh import check_unseen, refresh_level

RECIPE = Recipe.start(TrainParams()).with_rounds(40)
World = tuple[Champion, Snapshots]


def drawn(rows: int, by: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds, and outcomes whose truth lies `by` above them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-2, 1, rows)
    return logits, (rng.random(rows) < 1 / (1 + np.exp(-logits - by))).astype(float)


def shift_of(logits: np.ndarray, left: np.ndarray, snapshots: int = 1) -> float:
    """Return the shift fitted on the same rows at so many snapshots, a customer a row."""
    customer = np.arange(len(left))
    again = [np.tile(values, snapshots) for values in (logits, left, customer)]
    return float(fit_shift(*again)["by"])


@pytest.mark.parametrize("by", [-0.6, 0.5])
def test_a_moved_level_is_found(by: float) -> None:
    logits, left = drawn(40_000, by)

    fitted = fit_shift(logits, left, np.arange(len(left)))

    assert fitted["by"] == pytest.approx(by, abs=0.06)
    assert calibration.apply_calibration(logits, fitted).sum() == pytest.approx(left.sum(), rel=0.01)


def test_the_shift_is_that_of_maximum_likelihood_drawn_towards_none() -> None:
    logits, left = np.zeros(400), np.repeat([1.0, 0.0], [240, 160])  # 240 where 200 +- 10 were expected

    assert shift_of(logits, left) == pytest.approx((1 - 1 / 16) * np.log(240 / 160))


@pytest.mark.parametrize("snapshots", [1, 4, 12])
@pytest.mark.parametrize(
    ("customers", "leavers", "shift"),
    [
        (400, 215, 0.0),  # 200 +- 10 were expected
        (400, 240, (1 - 1 / 16) * np.log(240 / 160)),
        (120, 80, 0.0),  # 60 +- 5.5 were expected, but 80 leavers are too few
    ],
    ids=["within chance", "moved", "few leavers"],
)
def test_customers_seen_at_several_snapshots_weigh_no_more_than_seen_once(
    snapshots: int, customers: int, leavers: int, shift: float
) -> None:
    left = np.repeat([1.0, 0.0], [leavers, customers - leavers])

    assert shift_of(np.zeros(customers), left, snapshots) == pytest.approx(shift)


@pytest.mark.parametrize("step_days", [7, 28])
def test_a_calibrated_champion_is_moved_in_one_of_twenty_cases(step_days: int) -> None:
    rng, horizon_days, rate = np.random.default_rng(1), 28, 0.05
    logit = np.log(rate / (1 - rate))  # of leaving within the horizon, at a steady hazard

    moved = 0
    for _ in range(400):
        leaves_on = rng.exponential(-horizon_days / np.log1p(-rate), 1_500)
        cutoff, customer = (
            grid.ravel() for grid in np.meshgrid(np.arange(0, 84, step_days), np.arange(1_500))
        )
        still_there = leaves_on[customer] >= cutoff
        cutoff, customer = cutoff[still_there], customer[still_there]
        left = (leaves_on[customer] < cutoff + horizon_days).astype(float)
        moved += fit_shift(np.full(len(left), logit), left, customer)["by"] != 0

    assert 0.02 <= moved / 400 <= 0.08


@pytest.mark.parametrize(
    ("logits", "left"),
    [
        (np.zeros(400), np.repeat([1.0, 0.0], [215, 185])),
        (np.zeros(120), np.repeat([1.0, 0.0], [80, 40])),
        drawn(20_000, 0.0),
    ],
    ids=["within chance", "few leavers", "calibrated"],
)
def test_a_level_that_holds_stays(logits: np.ndarray, left: np.ndarray) -> None:
    assert shift_of(logits, left) == 0


def test_nobody_left_moves_the_level_down_by_a_finite_step() -> None:
    assert -10 < shift_of(np.full(2_000, -2.0), np.zeros(2_000)) < -3


@pytest.fixture
def world(make_params: Callable[..., Params], write_world: Callable[..., None]) -> World:
    """A champion that learnt four of eight cutoffs."""
    params = make_params()
    write_world(params, customers=600, cutoffs=8)
    snapshots = read_snapshots(params)
    early = read_snapshots(params, known_by=snapshots.cutoffs[4])
    fitted = fit_recipe(early.rows, RECIPE, early.monotone, 1)
    spec = spec_of(
        early,
        fitted,
        RECIPE,
        {"method": "none"},
        np.zeros(0),
        model=params.tracking.model,
        label=params.label,
        timezone=params.timezone,
    )
    return Champion(Scorer(spec, fitted.boosters), "3", "digest"), snapshots


def more_leave(snapshots: Snapshots, share: float) -> Snapshots:
    """Let a share of those who stayed leave too."""
    rng = np.random.default_rng(5)
    left = np.maximum(snapshots.rows.left, rng.random(len(snapshots.rows)) < share)
    return replace(snapshots, rows=replace(snapshots.rows, left=left))


def test_a_champion_is_moved_to_the_labels_it_had_not_learnt(world: World) -> None:
    champion, snapshots = world
    snapshots = more_leave(snapshots, 0.15)

    refreshed = refresh_level(champion, snapshots)

    assert refreshed.predictions.cutoffs == snapshots.cutoffs[4:]
    assert refreshed.shift > 0.2
    assert 100 < refreshed.n_churners < refreshed.spec["refreshed"]["churners"]
    assert refreshed.spec["members"] == champion.scorer.spec["members"]
    assert refreshed.spec["trained_cutoffs"] == champion.scorer.spec["trained_cutoffs"]
    assert refreshed.spec["base_rate"] > champion.scorer.spec["base_rate"]


def test_a_refreshed_champion_has_learnt_the_labels_it_was_moved_to(world: World) -> None:
    champion, snapshots = world
    refreshed = refresh_level(champion, more_leave(snapshots, 0.15))

    champion.scorer.spec.update(refreshed.spec)

    with pytest.raises(Stop):
        refresh_level(champion, snapshots)


def test_a_test_cutoff_that_the_champion_has_seen_is_refused_by_name(world: World) -> None:
    champion, snapshots = world
    refreshed = refresh_level(champion, snapshots)

    check_unseen(refreshed, snapshots.cutoffs[-3:])

    with pytest.raises(Stop) as refused:
        check_unseen(refreshed, snapshots.cutoffs[3:])
    assert str(snapshots.cutoffs[3]) in refused.value.problems[0]


@pytest.mark.parametrize("change", [{"label_id": "other"}, {"mature_on": "2030-01-01"}])
def test_a_champion_that_cannot_be_refreshed_is_refused(world: World, change: dict[str, str]) -> None:
    champion, snapshots = world
    champion.scorer.spec.update(change)

    with pytest.raises(Stop):
        refresh_level(champion, snapshots)
