"""The section of metrics.json on 30, 60 and 90 days: only what was known at a test cutoff is learnt from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from churn.data.store import day_number
from churn.features.engine.rows import NEVER
from churn.metrics.bootstrap import draw_customers
from churn.params import EvaluateParams, LabelParams, Params
from churn.training.backtest import OutOfTime
from churn.training.discrete_hazard import Lives

section = import_module("churn.evaluation.sections.horizons")  # the package names the function in it
FIRST = date(2024, 1, 1)
CUTOFFS = [FIRST + timedelta(30 * month) for month in range(6)]
TEST = CUTOFFS[-2:]
CUSTOMERS = 400
LAG = 30


def drawn() -> Lives:
    rng = np.random.default_rng(3)
    logits = rng.normal(-1.5, 1.0, size=CUSTOMERS * len(CUTOFFS))
    stays = np.full(len(logits), NEVER, dtype=np.int64)
    for end in (30, 60, 90, 120):
        leaves = (rng.random(len(logits)) < 1 / (1 + np.exp(-logits))) & (stays == NEVER)
        stays[leaves] = end - 1 - rng.integers(0, 30, leaves.sum())
    made = OutOfTime(
        logits,
        (stays < 31).astype(np.float64),
        np.tile(np.arange(CUSTOMERS), len(CUTOFFS)),
        np.repeat([day_number(day) for day in CUTOFFS], CUSTOMERS),
    )
    return Lives(made, stays, LAG)


def exam_of(lives: Lives, as_of: date, kind: str = "contract") -> Any:
    made = lives.predictions.at(TEST)
    label: dict[str, Any] = {"kind": kind, "horizon_days": 31}
    return SimpleNamespace(
        params=Params(
            source="nowhere",
            label=LabelParams(**label | ({"table": "orders"} if kind == "inactivity" else {})),
            evaluate=EvaluateParams(bootstrap=100),
        ),
        snapshots=SimpleNamespace(as_of=as_of),
        plan=SimpleNamespace(test=tuple(TEST)),
        rows=made,
        made=lives.predictions,
        predictions={"challenger": 1 / (1 + np.exp(-made.logits))},
        column=made.customer,
        draws=draw_customers(CUSTOMERS, 100, 7),
    )


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch):
    def judge(lives: Lives, as_of: date, **changes: Any) -> dict[str, Any]:
        monkeypatch.setattr(section, "read_lives", lambda *_: lives)
        return section.horizons(exam_of(lives, as_of, **changes)).get("horizons", {})

    return judge


def test_a_horizon_is_judged_on_the_test_cutoffs_of_which_it_is_known(judged) -> None:
    found = judged(drawn(), TEST[0] + timedelta(60 + LAG))

    assert found["days"]["30"]["cutoffs"] == [str(day) for day in TEST]
    assert found["days"]["30"]["rows"] == 2 * CUSTOMERS
    assert found["days"]["60"]["cutoffs"] == [str(TEST[0])]
    assert str(TEST[0] + timedelta(90 + LAG)) in found["missing"]["90"]


def test_what_became_known_after_a_test_cutoff_moves_no_probability_there(judged, monkeypatch) -> None:
    lives, as_of = drawn(), TEST[0] + timedelta(30 + LAG)  # the later test cutoff is not judged
    late = lives.predictions.cutoff + lives.stays + 1 + LAG > day_number(TEST[0])
    here = lives.predictions.cutoff == day_number(TEST[0])
    other = replace(lives, stays=np.where(late & ~here, NEVER, lives.stays))

    assert judged(other, as_of) == judged(lives, as_of)
    assert judged(replace(lives, stays=np.where(~here, NEVER, lives.stays)), as_of) != judged(lives, as_of)


def test_observed_meets_expected_where_the_hazards_hold(judged) -> None:
    found = judged(drawn(), date(2030, 1, 1))

    for days in ("30", "60", "90"):
        held = found["days"][days]["observed_expected"]
        assert held["low"] < 1 < held["high"]


def test_without_leavers_the_reason_stands_in_place_of_the_metrics(judged) -> None:
    lives = drawn()

    found = judged(replace(lives, stays=np.full(len(lives.stays), NEVER)), date(2030, 1, 1))

    assert found["days"] == {}
    assert all("only 0 of" in why for why in found["missing"].values())
