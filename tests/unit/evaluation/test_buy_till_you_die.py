from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from churn.evaluation.buy_till_you_die import p_inactive
from churn.features.language.btyd import fit_lifetimes, p_none
from churn.params import LabelParams
from tests.worlds import SINCE, draw

CUTOFF = date(2024, 7, 1)
OLD = (CUTOFF - date.fromisoformat(SINCE[:10])).days
"""The age of the one customer that every drawn company has beside those drawn."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory):
    """200 customers who order at an own pace; what is ordered from the cutoff on must not be seen."""
    rng = np.random.default_rng(4)
    lines, histories = ["customer | ordered_at | amount"], {}
    for number in range(200):
        age = int(rng.integers(30, 400))
        days = sorted({0, *rng.integers(0, int(rng.integers(1, age)), int(rng.poisson(3))).tolist()})
        histories[f"c{number}"] = (len(days) - 1, days[-1], age)
        first = CUTOFF - timedelta(days=age)
        ordered = [first + timedelta(days=int(day)) for day in days]
        lines += [f"c{number} | {day} | 10" for day in (*ordered, ordered[-1], CUTOFF)]
    return draw(tmp_path_factory.mktemp("shop"), orders="\n".join(lines)).store, histories


@pytest.mark.parametrize("gap_days", [0, 14])
def test_the_baseline_is_the_model_of_all_histories_as_known_at_the_cutoff(shop, gap_days: int) -> None:
    store, histories = shop
    label = LabelParams(kind="inactivity", table="orders", horizon_days=28, gap_days=gap_days)
    store = type(store)(**{**vars(store), "params": store.params.model_copy(update={"label": label})})

    probability = p_inactive(store, CUTOFF, [*histories, "nobody"])

    x, recency, age = np.array([*histories.values(), (0, 0, OLD)], dtype=float).T
    none = p_none(fit_lifetimes(x, recency, age), x, recency, age, 28, after=gap_days)
    assert probability[:-1] == pytest.approx(none[:-1], abs=1e-6)
    assert np.isnan(probability[-1])


def test_too_few_histories_give_no_baseline(tmp_path: Path) -> None:
    store = draw(tmp_path, orders="customer | ordered_at | amount\na | 2024-05-01 | 10").store

    assert np.isnan(p_inactive(store, CUTOFF, ["a"])).all()
