"""The call list: its order, its length, the reasons of the others, names and safe cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from churn.params import BudgetParams
from churn.scoring.call_list import (
    NO_PLAY,
    contact_count,
    rank_customers,
    read_names,
    safe_cell,
    why_places_are_free,
)
from tests.drawn_company import draw

LOGINS = "customer | happened_at\n ann | 2024-01-01\n bob | 2024-01-01"


def test_customers_are_ranked_by_value_then_unknown_value_by_probability_then_by_id():
    table = [  # customer, value at risk, probability
        ("unknown-low", np.nan, 0.2),
        ("b-tied", 50.0, 0.3),
        ("a-tied", 50.0, 0.3),
        ("nothing", 0.0, 0.9),
        ("unknown-high", np.nan, 0.8),
        ("top", 90.0, 0.1),
    ]
    customers, value, probability = (np.array(column) for column in zip(*table, strict=True))

    order = rank_customers(customers.astype(object), value, probability)

    expected = ["top", "a-tied", "b-tied", "nothing", "unknown-high", "unknown-low"]
    assert customers[order].tolist() == expected


def test_the_order_does_not_depend_on_the_order_of_the_rows():
    customers = np.array([f"c{number:02d}" for number in range(20)], dtype=object)
    value = np.array([5.0, np.nan] * 10)
    probability = np.full(20, 0.5)
    shuffled = np.random.default_rng(7).permutation(20)

    straight = customers[rank_customers(customers, value, probability)]
    mixed = customers[shuffled][rank_customers(customers[shuffled], value[shuffled], probability[shuffled])]

    np.testing.assert_array_equal(straight, mixed)


@pytest.mark.parametrize(
    ("budget", "cohort", "expected"),
    [
        ({"share": 0.1}, 100, 10),
        ({"share": 0.1}, 109, 10),
        ({"share": 0.29}, 100, 29),  # 28.999999999999996 in floating point
        ({"share": 0.1}, 3, 1),
        ({"share": 0.1}, 0, 0),
        ({"contacts": 7}, 100, 7),
        ({"contacts": 7, "share": 0.5}, 100, 7),
        ({"contacts": 7}, 3, 3),
    ],
)
def test_the_budget_is_a_number_or_a_share(budget, cohort, expected):
    assert contact_count(BudgetParams(**budget), cohort) == expected


@pytest.mark.parametrize(
    ("n_free", "words"),
    [
        (1, "one place is free, because no play applies to 3 customers. "),
        (2, "`when: {churn_probability: {at_least: 0.061}}`"),
        (9, "`when: {churn_probability: {at_least: 0.02}}`"),
        (0, ""),
    ],
)
def test_free_places_are_explained_with_a_condition_that_fills_them(n_free: int, words: str) -> None:
    scores = pa.table(
        {
            "churn_probability": [0.0618, 0.02, 0.9, 0.07, None, 0.5],
            "health": pa.array([2, 3, 1, 2, None, 4], pa.int8()),
            "not_contacted_because": [NO_PLAY, NO_PLAY, None, NO_PLAY, "too new", NO_PLAY],
        }
    )

    why_free = why_places_are_free(scores, n_free, 3, "score")

    assert words in why_free
    assert bool(why_free) == bool(words)


def test_nobody_is_left_for_a_free_place_if_each_customer_has_a_play() -> None:
    scores = pa.table(
        {
            "churn_probability": [0.9],
            "health": pa.array([1], pa.int8()),
            "not_contacted_because": pa.array([None], pa.string()),
        }
    )

    assert why_places_are_free(scores, 3, 3, "score") == ""


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "-", "+49 30 1234"]
)
def test_a_cell_that_a_spreadsheet_would_run_is_kept_as_text(text):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "⁼", "﹫"])
@pytest.mark.parametrize("start", ["", " ", "\u00a0", "\u200b", "\ufeff", "\u2060", "\u3164", "\u202e", '"'])
def test_a_sign_of_a_formula_is_found_in_each_form_and_behind_what_nobody_sees(start: str, sign: str) -> None:
    text = f"{start}{sign}1+1"

    assert safe_cell(text) == f"'{text}"
    for separator in (";", ",", "\n", "\r", "\t", "|"):
        assert safe_cell(f"Ann{separator}{text}") == f"Ann{separator}'{text}"


@pytest.mark.parametrize(
    "text",
    [
        *("Ann", "-17", "+3.5", "-1,5", "a=b", "", "4711", "'t Hooft", "O'Brien", "Smith-Jones; Ann", "-5.0"),
        *("a+b@example.com", "Logins fell, -35 % in a month", "1;2;-3", "Zoë\u200d", "Anruf - dann Mail"),
    ],
)
def test_a_harmless_cell_stays_as_it_is(text):
    assert safe_cell(text) == text


def test_names_come_from_the_customers_table_as_far_as_it_has_them(tmp_path: Path) -> None:
    named = draw(
        tmp_path / "named",
        since=None,
        customers="customer | signed_up_at | name\n ann | 2023-01-01 | Ann Lee\n bob | 2023-01-01 |",
        logins=LOGINS,
    )
    nameless = draw(tmp_path / "nameless", since=None, logins=LOGINS)

    assert read_names(named.store) == {"ann": "Ann Lee"}
    assert read_names(nameless.store) == {}
