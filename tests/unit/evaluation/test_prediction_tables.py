from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from churn.evaluation.prediction_tables import (
    decile_table,
    health_bands,
    partial_dependence,
    prediction_histogram,
)
from churn.metrics.profit import CustomerValues
from churn.params import ProfitParams
from churn.snapshots.dataset import LabelledRows
from tests.unit.evaluation.conftest import draw_snapshots


class Linear:
    """A scorer whose log-odds are 2 * silence, and 1 more on plan `plus`."""

    names = ("plan", "silence")
    spec: dict[str, Any] = {  # noqa: RUF012 (as the scorer has it)
        "signals": [
            {"name": "plan", "kind": "level", "unit": "name", "levels": ["basic", "plus"]},
            {"name": "silence", "kind": "number", "unit": "days"},
        ]
    }

    def matrix(self, columns: Any) -> np.ndarray:
        plan = [{"basic": 0.0, "plus": 1.0}.get(word, np.nan) for word in columns["plan"]]
        return np.column_stack([plan, columns["silence"]])

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        return 2 * matrix[:, 1] + np.nan_to_num(matrix[:, 0])

    def probability(self, logits: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-logits))


def rows(silence: list[float]) -> LabelledRows:
    plan = np.resize([0.0, 1.0, np.nan], len(silence))
    return LabelledRows(
        names=("plan", "silence"),
        levels={"plan": ("basic", "plus")},
        matrix=np.column_stack([plan, silence]),
        left=np.zeros(len(silence)),
        customer=np.arange(len(silence)),
        cutoff=np.zeros(len(silence), dtype=np.int64),
    )


def sigmoid(value: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(value, dtype=float)))


def test_a_signal_is_put_at_each_value_while_the_others_stay() -> None:
    world = rows([0.0, 1.0, 2.0, 0.0, 1.0, 2.0])

    (silence,) = partial_dependence(Linear(), world, ["silence"])  # type: ignore[arg-type]

    steps = np.array([0.0, 1.0, 2.0])
    assert silence.values == tuple(steps.tolist())
    assert silence.probabilities == pytest.approx(
        (2 * sigmoid(2 * steps) + sigmoid(2 * steps + 1)) / 3  # one row in three is on plan plus
    )
    assert (silence.unit, silence.missing_share) == ("days", 0.0)
    assert silence.missing_probability is None


def test_levels_are_named_and_missing_ones_counted() -> None:
    (plan,) = partial_dependence(Linear(), rows([0.0, 0.0, 0.0]), ["plan"])  # type: ignore[arg-type]

    assert plan.levels == ("basic", "plus")
    assert plan.probabilities == pytest.approx([0.5, sigmoid(1)])
    assert plan.missing_share == pytest.approx(1 / 3)
    assert plan.missing_probability == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("others", "end"),
    [
        (20, 1.0),  # the common values 0 and 1 are nearly all
        (200, 380.0),  # they are not, so that the others are drawn too
    ],
)
def test_common_values_stand_for_a_signal_only_where_they_are_nearly_all(others: int, end: float) -> None:
    silence = [*np.resize([0.0, 1.0], 1000), *np.linspace(2, 400, others)]

    (found,) = partial_dependence(Linear(), rows(silence), ["silence"])  # type: ignore[arg-type]

    assert found.values[0] == 0.0
    assert found.values[-1] == pytest.approx(end, abs=10)


def test_a_signal_nobody_has_is_left_out_and_large_snapshots_are_sampled() -> None:
    many = rows(np.linspace(0, 1, 12_000).tolist())

    assert partial_dependence(Linear(), rows([np.nan] * 3), ["silence"]) == ()  # type: ignore[arg-type]
    (silence,) = partial_dependence(Linear(), many, ["silence"])  # type: ignore[arg-type]
    assert len(silence.values) == 13


def test_a_tenth_tells_who_left_what_they_were_worth_and_how_many_are_reached_by_then() -> None:
    left = np.array([1, 1, 0, 1, *[0] * 16], dtype=float)
    probability = np.linspace(0.95, 0.0, 20)
    value = np.array([100.0, np.nan, 50.0, 30.0, *[10.0] * 16])

    table = decile_table(left, probability, CustomerValues(value, ProfitParams()))

    assert [row.rows for row in table] == [2] * 10
    assert [row.churners for row in table[:3]] == [2, 1, 0]
    assert [row.captured for row in table[:3]] == pytest.approx([2 / 3, 1.0, 1.0])
    assert table[0].lift == pytest.approx(1 / 0.15)
    assert (table[0].value, table[0].value_lost) == (100.0, 100.0)
    assert (table[1].value, table[1].value_lost) == (40.0, 30.0)


def test_a_tenth_of_unknown_value_has_none_and_fewer_rows_make_fewer_tenths() -> None:
    table = decile_table(
        np.array([1.0, 0.0]), np.array([0.9, 0.1]), CustomerValues(np.full(2, np.nan), ProfitParams())
    )

    assert len(table) == 2
    assert table[0].value is None
    assert table[0].value_lost is None


@pytest.mark.parametrize(("rate", "scale"), [(0.02, "log"), (0.3, "linear")])
def test_every_prediction_is_in_the_histogram_of_leavers_or_stayers(rate: float, scale: str) -> None:
    rng = np.random.default_rng(0)
    left, probability = (rng.random(500) < rate).astype(float), rng.beta(1, 20, 500)

    spread = prediction_histogram(left, probability)

    assert spread.scale == scale
    assert (sum(spread.left), sum(spread.stayed)) == (left.sum(), 500 - left.sum())


def test_equal_predictions_are_in_one_bar() -> None:
    spread = prediction_histogram(np.array([1.0, 0.0]), np.full(2, 0.3))

    assert max(spread.left) == max(spread.stayed) == 1


def test_each_health_band_has_the_mean_probability_and_the_share_of_its_rows(test_set_of) -> None:
    test_set = test_set_of(draw_snapshots())

    outcomes = health_bands(test_set).outcomes

    assert len(outcomes) > 1
    assert [band.predicted for band in outcomes] == sorted((b.predicted for b in outcomes), reverse=True)
    total = sum(band.predicted * band.rows for band in outcomes)
    assert total == pytest.approx(float(test_set.challenger.sum()))
    assert sum(band.rows for band in outcomes) == len(test_set.rows)
    assert all(band.low < band.share < band.high for band in outcomes)


def test_health_bands_of_a_cutoff_know_no_later_label(test_set_of) -> None:
    snapshots = draw_snapshots()
    tested = np.isin(snapshots.rows.cutoff, np.unique(snapshots.rows.cutoff)[-3:])
    most_leave = np.where(tested, np.arange(len(tested)) % 9 > 0, snapshots.rows.left)
    changed = replace(snapshots, rows=replace(snapshots.rows, left=most_leave.astype(float)))

    usual, later = (health_bands(test_set_of(each)).usual for each in (snapshots, changed))

    first, _, last = usual
    assert later[first] == usual[first]
    assert later[last] > usual[last]
