from __future__ import annotations

import numpy as np
import pytest

from churn.evaluation.deciles import decile_table, prediction_histogram
from churn.metrics.profit import CustomerValues
from churn.params import ProfitParams


def test_a_tenth_tells_who_left_what_they_were_worth_and_how_many_are_reached_by_then() -> None:
    left = np.array([1, 1, 0, 1, *[0] * 16], dtype=float)
    probability = np.linspace(0.95, 0.0, 20)
    value = np.array([100.0, np.nan, 50.0, 30.0, *[10.0] * 16])

    table = decile_table(left, probability, CustomerValues(value, ProfitParams()))

    assert [row["rows"] for row in table] == [2] * 10
    assert [row["churners"] for row in table[:3]] == [2, 1, 0]
    assert [row["captured"] for row in table[:3]] == pytest.approx([2 / 3, 1.0, 1.0])
    assert table[0]["lift"] == pytest.approx(1 / 0.15)
    assert (table[0]["value"], table[0]["value_lost"]) == (100.0, 100.0)
    assert (table[1]["value"], table[1]["value_lost"]) == (40.0, 30.0)


def test_a_tenth_of_unknown_value_has_none_and_fewer_rows_make_fewer_tenths() -> None:
    table = decile_table(
        np.array([1.0, 0.0]), np.array([0.9, 0.1]), CustomerValues(np.full(2, np.nan), ProfitParams())
    )

    assert len(table) == 2
    assert table[0]["value"] is None
    assert table[0]["value_lost"] is None


@pytest.mark.parametrize(("rate", "scale"), [(0.02, "log"), (0.3, "linear")])
def test_every_prediction_is_in_the_histogram_of_leavers_or_stayers(rate: float, scale: str) -> None:
    rng = np.random.default_rng(0)
    left, probability = (rng.random(500) < rate).astype(float), rng.beta(1, 20, 500)

    spread = prediction_histogram(left, probability)

    assert spread["scale"] == scale
    assert (sum(spread["left"]), sum(spread["stayed"])) == (left.sum(), 500 - left.sum())


def test_equal_predictions_are_in_one_bar() -> None:
    spread = prediction_histogram(np.array([1.0, 0.0]), np.full(2, 0.3))

    assert max(spread["left"]) == max(spread["stayed"]) == 1
