from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.errors import ModelError
from churn.params import LabelParams, Params
from churn.scoring.champion_checks import check_fit, late_outcomes_warning, unusual_level_warning

PARAMS = Params(
    source="nowhere",
    label=LabelParams(kind="inactivity", table="orders", horizon_days=28),
    models=Path("models"),
)
DEFINITIONS = {"login_change": "v2-a1", "tenure_days": "v2-b2"}


def spec(**changes):
    return {
        "label_id": PARAMS.label_id,
        "mature_on": "2024-03-02",
        "signals": [{"name": name, "definition": code} for name, code in DEFINITIONS.items()],
    } | changes


def test_a_champion_of_another_label_is_refused_with_the_way_out():
    with pytest.raises(ModelError, match="train and promote a new") as caught:
        check_fit(spec(label_id="other"), PARAMS, DEFINITIONS)

    assert caught.value.exit_code == 13


def test_every_signal_that_the_champion_misses_is_listed():
    with pytest.raises(ModelError) as caught:
        check_fit(spec(), PARAMS, DEFINITIONS, ["customer_id", "login_chang"])

    assert len(caught.value.problems) == 2
    assert "Did you mean 'login_chang'?" in caught.value.problems[0]


@pytest.mark.parametrize(("cutoff", "late"), [(date(2024, 3, 1), True), (date(2024, 3, 2), False)])
def test_a_night_before_the_outcomes_the_champion_learnt_from_is_said(cutoff, late):
    assert bool(late_outcomes_warning(spec(), cutoff)) is late


def test_a_champion_whose_signals_mean_something_else_by_now_is_refused_by_their_names():
    now = DEFINITIONS | {"tenure_days": "v2-c3"}

    with pytest.raises(ModelError, match=r"definitions of these signals: tenure_days\. .*Train and promote"):
        check_fit(spec(), PARAMS, now)


@pytest.mark.parametrize("recorded", [{}, {"definition": "9a3f51c2d87e4b06"}])
def test_a_champion_whose_definitions_have_another_format_is_refused_with_the_way_out(recorded):
    old = spec(signals=[{"name": name, **recorded} for name in DEFINITIONS])

    with pytest.raises(
        ModelError, match=r"2 signals in the format of that version .*login_change: .*`churn run`"
    ) as caught:
        check_fit(old, PARAMS, DEFINITIONS)

    assert len(caught.value.problems) == 1
    assert caught.value.exit_code == 13


def test_a_champion_of_the_same_label_and_signals_fits():
    check_fit(spec(), PARAMS, DEFINITIONS)


@pytest.mark.parametrize(
    ("mean", "customers", "said"),
    [
        (0.04, 5000, False),
        (0.059, 5000, False),
        (0.061, 5000, True),
        (0.027, 5000, False),
        (0.026, 5000, True),
        (0.061, 10, False),
        (0.0, 0, False),
    ],
)
def test_a_mean_far_from_what_left_in_training_is_said_unless_few_customers_make_it(mean, customers, said):
    drawn = np.random.default_rng(7).beta(0.5, 8, customers)
    probability = drawn * (mean / drawn.mean()) if customers else drawn

    assert bool(unusual_level_warning(spec(base_rate=0.04), probability)) is said
