from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from benchmarks.scoreboard.rivals import reference
from benchmarks.scoreboard.sets import TimeSet
from benchmarks.tried.comparison import set_beside
from benchmarks.tried.rehearsal import Rehearsal, open_rehearsal
from benchmarks.tried.table import page
from benchmarks.tried.variants import GROUPS, WayOutcome, data, prior, settings
from churn.metrics.metrics import log_loss
from churn.snapshots.dataset import cutoffs_of
from churn.training.backtest import OutOfTime


@pytest.fixture(scope="module")
def rehearsal(shop: TimeSet, tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    return open_rehearsal(shop, tmp_path_factory.mktemp("tried"))


def past(logits: list[float], cutoff: list[int]) -> OutOfTime:
    rows = len(logits)
    return OutOfTime(
        logits=np.array(logits),
        left=np.resize([1.0, 0.0], rows),
        customer=np.arange(rows),
        cutoff=np.array(cutoff),
    )


def test_nothing_of_a_test_is_read(rehearsal: Rehearsal, shop: TimeSet) -> None:
    known = rehearsal.snapshots.mature_on

    assert rehearsal.test_cutoffs == (date(2020, 6, 29), date(2020, 7, 27), date(2020, 8, 24))
    assert all(on <= shop.test[0] for on in known.values())
    assert set(rehearsal.test_cutoffs) <= set(known)
    for fold, day in zip(rehearsal.folds, rehearsal.test_cutoffs, strict=True):
        assert all(known[one] <= day for one in cutoffs_of(fold.train.cutoff))


def test_every_way_judges_the_same_rows_beside_one_that_is_there(rehearsal: Rehearsal) -> None:
    ways = {words: made for group in GROUPS.values() for words, made in group(rehearsal)}

    figures = set_beside(ways)

    assert len(ways) >= 15
    for made in ways.values():
        assert made.reference is None or made.reference in ways
        np.testing.assert_array_equal(made.past.left, rehearsal.best.left)
        np.testing.assert_array_equal(made.past.customer, rehearsal.best.customer)
    rows = rehearsal.contest.test_rows
    theirs = rehearsal.contest.align("reference", reference(rehearsal.contest)).to_numpy()
    told = figures["reference: LightGBM on plain counts"]["log_loss"]
    assert told == pytest.approx(log_loss(rows["left"].to_numpy(float), theirs), abs=1e-5)


def test_fewer_signals_are_fewer_signals(rehearsal: Rehearsal) -> None:
    wanted = np.array([name != "tenure_days" for name in rehearsal.snapshots.rows.names])

    fewer = rehearsal.with_signals(wanted)

    assert fewer.snapshots.rows.names == ("orders_count_28d", "orders_days_since_last")
    assert len(fewer.snapshots.monotone) == 2
    assert fewer.folds[0].train.matrix.shape[1] == 2


def test_a_way_that_changes_nothing_is_not_tried(rehearsal: Rehearsal) -> None:
    tried = [words for words, _ in data(rehearsal)]

    assert "without rates since sign-up and silence as a share of it" not in tried  # the shop has none
    assert "every fourth snapshot" not in tried  # there is no other


def test_settings_change_the_trees_and_what_they_cost_is_told(rehearsal: Rehearsal) -> None:
    made = dict(settings(rehearsal))

    as_they_are = made.pop("250 trees, as they are")
    assert all(each.cpu_seconds is not None for each in made.values())
    changed = {words for words, each in made.items() if (each.past.logits != as_they_are.past.logits).any()}
    assert {"learning rate .05, 150 trees", "half of the rows per tree"} <= changed


def test_a_prior_touches_new_customers_alone_and_only_with_a_cutoff_before(rehearsal: Rehearsal) -> None:
    ((_, made),) = prior(rehearsal)

    moved = made.past.logits != rehearsal.best.logits
    first = made.past.cutoff == made.past.cutoff.min()
    assert not moved[first].any()
    assert not moved[rehearsal.column("tenure_days") >= 91].any()


@pytest.mark.parametrize(
    ("logits", "cutoff", "difference", "better_at"),
    [
        pytest.param([2, -2, 2, -2], [0, 0, 1, 1], -0.5663, 2, id="surer, and right, at both cutoffs"),
        pytest.param([2, -2, -2, 2], [0, 0, 1, 1], 0.4337, 1, id="right at one, wrong at the other"),
        pytest.param([2, -2], [1, 1], -0.5663, 1, id="only one cutoff can be compared"),
    ],
)
def test_ways_are_compared_on_the_rows_of_both(
    logits: list[float], cutoff: list[int], difference: float, better_at: int
) -> None:
    found = set_beside(
        {
            "base": WayOutcome(None, past([0] * 4, [0, 0, 1, 1])),
            "way": WayOutcome("base", past(logits, cutoff)),
        }
    )

    assert found["way"]["difference"] == pytest.approx(difference, abs=1e-4)
    assert found["way"]["better_at"] == better_at
    assert found["way"]["cutoffs"] == len(set(cutoff))
    assert "difference" not in found["base"]


def test_the_page_has_a_column_for_each_set_and_a_table_beside_each_way(rehearsal: Rehearsal) -> None:
    base, way = (
        WayOutcome(None, past([0, 0], [0, 1])),
        WayOutcome("base", past([1, -1], [0, 1]), cpu_seconds=2.5),
    )
    one = {"cutoffs": ["2020-01-01"], "chosen": "trees", "ways": set_beside({"base": base, "way": way})}
    other = {**one, "ways": set_beside({"base": base})}

    text = page({"shop": one, "club": other})

    assert "| log loss, AUC | shop | club |" in text
    assert "## Compared with: base" in text
    assert "| way | **-0.3799 (.0000)**, 2 of 2 |  |" in text
    assert "| way | 2.5 |  |" in text
