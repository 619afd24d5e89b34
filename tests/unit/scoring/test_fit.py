from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from churn.errors import ModelError
from churn.params import LabelParams, Params
from churn.scoring.fit import check_fit, learned_too_late

PARAMS = Params(
    source="nowhere",
    label=LabelParams(kind="inactivity", table="orders", horizon_days=28),
    models=Path("models"),
)


def spec(**changes):
    return {
        "label_id": PARAMS.label_id,
        "mature_on": "2024-03-02",
        "signals": [{"name": "login_change"}, {"name": "tenure_days"}],
    } | changes


def test_a_champion_of_another_label_is_refused_with_the_way_out():
    with pytest.raises(ModelError, match="train and promote a new one") as caught:
        check_fit(spec(label_id="other"), PARAMS)

    assert caught.value.exit_code == 13


def test_every_signal_that_the_champion_misses_is_listed():
    frame = pd.DataFrame({"customer_id": [], "login_chang": []})

    with pytest.raises(ModelError) as caught:
        check_fit(spec(), PARAMS, frame)

    assert len(caught.value.problems) == 2
    assert "Did you mean 'login_chang'?" in caught.value.problems[0]


@pytest.mark.parametrize(("cutoff", "late"), [(date(2024, 3, 1), True), (date(2024, 3, 2), False)])
def test_a_night_before_the_outcomes_the_champion_learnt_from_is_said(cutoff, late):
    assert bool(learned_too_late(spec(), cutoff)) is late
