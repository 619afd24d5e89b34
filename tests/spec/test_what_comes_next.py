"""What will come next, by the histories drawn here and a model whose parameters are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from churn.data.tables import CANONICAL_TABLES
from churn.errors import SignalError
from churn.features.engine.plan import Need, trace
from churn.features.language import btyd_verbs
from churn.features.language.btyd import LifetimeModel, expected_events, p_none
from churn.features.signal import Signal
from tests.drawn_company import draw

MODEL = LifetimeModel(r=0.5, alpha=30.0, a=0.7, b=2.0)

ORDERS = """
    customer | ordered_at       | amount
    once     | 2024-06-30 23:59 | 10
    same_day | 2024-06-01 00:00 | 10
    same_day | 2024-06-01 23:59 | 10
    twice    | 2024-05-02 09:00 | 10
    twice    | 2024-06-01 09:00 | 10
    twice    | 2024-06-01 10:00 | 10
    twice    | 2024-07-01 00:00 | 10
    fades    | 2022-07-01 23:59 | 10
    fades    | 2022-07-02 00:00 | 10
    fades    | 2022-08-01 09:00 | 10
    fades    | 2022-09-01 09:00 | 10
    long_ago | 2022-07-01 23:59 | 10
"""
"""At 2024-07-01 the first day that counts is 2022-07-02, 730 days before."""

HISTORIES = {"once": (0, 0, 1), "same_day": (0, 0, 30), "twice": (1, 30, 60), "fades": (2, 61, 730)}
"""Active days after the first, days from the first to the last, days from the first to the cutoff."""


@pytest.fixture
def given_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(btyd_verbs, "_fit_once", lambda histories: MODEL)


@pytest.mark.usefixtures("given_model")
def test_the_probability_of_no_order_comes_from_active_days_their_span_and_the_silence(
    tmp_path: Path,
) -> None:
    world = draw(tmp_path, orders=ORDERS)

    def none(x: int, recency: int, age: int, ahead: int) -> float:
        stopped = 0.7 / (2 + x - 1) * ((30 + age) / (30 + recency)) ** (0.5 + x) if x else 0
        return round(1 - 1 / (1 + stopped) * (1 - ((30 + age) / (30 + age + ahead)) ** (0.5 + x)), 6)

    for ahead in (28, 91):
        assert world.values(f"orders_p_none_next_{ahead}d") == {
            **{who: none(*history, ahead) for who, history in HISTORIES.items()},
            "long_ago": None,
        }


@pytest.mark.usefixtures("given_model")
def test_the_expected_days_with_orders_are_those_of_the_model(tmp_path: Path) -> None:
    world = draw(tmp_path, orders=ORDERS)

    def days(*history: int) -> float:
        return round(float(expected_events(MODEL, *(np.array([float(part)]) for part in history), 91)[0]), 6)

    assert world.values("orders_expected_next_91d") == {
        **{who: days(*history) for who, history in HISTORIES.items()},
        "long_ago": None,
    }


@pytest.mark.usefixtures("given_model")
def test_an_order_known_later_is_not_part_of_the_history(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        orders="""
            customer | ordered_at | known_at   | amount
            twice    | 2024-05-02 | 2024-05-02 | 10
            twice    | 2024-06-01 | 2024-06-30 | 10
            late     | 2024-05-02 | 2024-05-02 | 10
            late     | 2024-06-01 | 2024-07-01 | 10
        """,
    )

    both = np.array([1.0, 0]), np.array([30.0, 0]), np.array([60.0, 60])
    twice, late = p_none(MODEL, *both, 28).round(6)

    assert world.values("orders_p_none_next_28d") == {"twice": twice, "late": late}


def test_few_customers_give_no_model_and_no_value(tmp_path: Path) -> None:
    world = draw(tmp_path, orders=ORDERS)

    assert set(world.values("orders_p_none_next_28d").values()) == {None}


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (lambda e: e.last(days=28, skip=7), "needs a window that ends at the cutoff"),
        (lambda e: e.lacking("returned_at"), r"does not work on lacking\(\)"),
    ],
)
def test_what_comes_next_needs_whole_histories_up_to_the_cutoff(view: object, said: str) -> None:
    asked = Signal("asked", "orders", 28, "", "purchase", "either", {}, "", lambda e: view(e).p_none_next(28))  # type: ignore[operator]

    with pytest.raises(SignalError, match=said):
        trace([asked], CANONICAL_TABLES["orders"], Need())
