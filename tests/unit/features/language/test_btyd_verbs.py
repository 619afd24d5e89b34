"""One model for everybody: who has a say in it, and that blocks and the future do not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.data.store import Store
from churn.features.engine.matrix import matrix_at
from churn.features.language import btyd_verbs
from churn.features.language.btyd import LifetimeModel, fit_lifetimes
from churn.features.language.btyd_verbs import MAX_HISTORIES, Lifetimes
from churn.features.library import all_signals
from tests.drawn_company import DrawnCompany, draw

NAMES = ["orders_p_none_next_28d", "orders_p_none_next_91d", "orders_expected_next_91d"]
CUTOFF = date(2024, 7, 1)


def shop(folder: Path, end: str = "2024-12-31") -> DrawnCompany:
    """Draw 160 customers who order at their own rates, until they stop."""
    rng = np.random.default_rng(8)
    lines = ["customer | ordered_at | amount"]
    for who in range(160):
        day, rate = np.datetime64("2024-01-01") + rng.integers(0, 150), rng.gamma(1.5, 1 / 25)
        while day < np.datetime64("2024-12-31"):
            lines += [f"c{who:03} | {day} | 10"] if day <= np.datetime64(end) else []
            if rng.random() < 0.1:
                break
            day += 1 + int(rng.exponential(1 / rate))
    return draw(folder, orders="\n".join(lines))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> DrawnCompany:
    return shop(tmp_path_factory.mktemp("shop"))


def test_the_size_of_blocks_changes_nothing(world: DrawnCompany) -> None:
    whole = world.all_values(NAMES, [str(CUTOFF), "2024-08-01"])

    assert world.all_values(NAMES, [str(CUTOFF), "2024-08-01"], blocks=7) == whole
    assert all(None not in values.values() for values in whole.values())


def test_nothing_after_the_cutoff_moves_a_value(world: DrawnCompany, tmp_path: Path) -> None:
    truncated = shop(tmp_path, end="2024-06-30")

    for name in NAMES:
        assert truncated.values(name, str(CUTOFF)) == world.values(name, str(CUTOFF))


def test_silence_to_come_and_orders_to_come_rank_customers_the_other_way_round(world: DrawnCompany) -> None:
    none, few = (np.array(list(world.values(name, str(CUTOFF)).values())) for name in NAMES[1:])

    assert ((none > 0) & (none < 1)).all()
    assert np.corrcoef(none.argsort().argsort(), few.argsort().argsort())[0, 1] < -0.9


def test_the_signals_of_one_table_and_cutoff_share_one_fit(
    world: DrawnCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = []

    def counted(*histories: np.ndarray) -> LifetimeModel | None:
        fits.append(len(histories[0]))
        return fit_lifetimes(*histories)

    monkeypatch.setattr(btyd_verbs, "fit_lifetimes", counted)
    btyd_verbs._fit_once.cache_clear()

    world.all_values(NAMES, [str(CUTOFF), "2024-08-01"])

    assert len(fits) == 2


def test_the_silent_have_a_say_but_not_those_who_objected_or_come_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[int]] = []

    def told_of(histories: bytes) -> LifetimeModel:
        told.extend(np.frombuffer(histories, dtype=np.int16).reshape(-1, 3).tolist())
        return LifetimeModel(1.0, 30.0, 1.5, 2.0)

    monkeypatch.setattr(btyd_verbs, "_fit_once", told_of)
    store: Store = draw(
        tmp_path,
        since=None,
        label={"kind": "inactivity", "table": "orders", "horizon_days": 28, "active_days": 56},
        customers="""
            customer | signed_up_at | objected_at
            active   | 2024-01-01   |
            objects  | 2024-01-01   | 2024-12-01
            later    | 2024-07-01   |
            silent   | 2024-01-01   |
            without  | 2024-01-01   |
        """,
        orders="""
            customer | ordered_at | amount
            active   | 2024-06-01 | 10
            active   | 2024-06-11 | 10
            objects  | 2024-06-01 | 10
            later    | 2024-06-01 | 10
            silent   | 2024-02-01 | 10
        """,
    ).store

    matrix = matrix_at(store, [all_signals(store.params)[NAMES[0]]], CUTOFF)

    assert told == [[1, 10, 30], [0, 0, 151]]
    assert list(matrix.frame["customer_id"]) == ["active"]
    assert matrix.frame[NAMES[0]].notna().all()


def test_of_many_customers_evenly_spaced_ones_are_fitted_however_they_are_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = []
    monkeypatch.setattr(btyd_verbs, "_fit_once", told.append)
    histories = np.arange(3 * 25_000, dtype=np.int32).reshape(-1, 3).astype(np.int16)

    for cuts in ([], [8192, 16384], [1, 24_999]):
        Lifetimes.merge(np.split(histories, cuts))

    assert told[0] == told[1] == told[2]
    assert np.array_equal(
        np.frombuffer(told[0], dtype=np.int16).reshape(-1, 3),
        histories[[place * 25_000 // MAX_HISTORIES for place in range(MAX_HISTORIES)]],
    )
