"""Each reason to train again bites beyond its limit and is silent within it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from churn.drift.result import Alarm, Performance, SignalDrift, ToldApart, Trigger
from churn.drift.triggers import triggers_of
from churn.metrics.interval import Interval

NIGHT = date(2025, 9, 30)
STOPPED = Alarm(kind="stopped", subject="logins", text="no row.", way_out="Check.")


def drift_of(has_moved: bool, signal: str = "score") -> SignalDrift:
    return SignalDrift(
        signal=signal,
        table="logins",
        psi=0.5,
        by_chance=0.02,
        usual=0.02,
        limit=0.3,
        missing=0.0,
        missing_in_training=0.0,
        has_moved=has_moved,
    )


def trigger(name: str, **changes: Any) -> Trigger:
    values: dict[str, Any] = {
        "alarms": (),
        "signals": (),
        "score": drift_of(False),
        "told_apart": ToldApart(because="nothing to tell by"),
        "performance": Performance(level=Interval(value=1.0, low=0.8, high=1.2)),
        "gate": (0.9, 1.1),
        "newest_cutoff": NIGHT - timedelta(60),
        "churners_learnt": 1000,
        "churners_since": 50,
    }
    return next(own for own in triggers_of(NIGHT, **{**values, **changes}) if own.name == name)


@pytest.mark.parametrize(
    ("low", "high", "fires"),
    [(1.12, 1.5, True), (0.5, 0.88, True), (1.05, 1.5, False), (0.95, 1.05, False)],
)
def test_a_level_outside_the_range_of_the_gate(low: float, high: float, fires: bool) -> None:
    level = Performance(level=Interval(value=(low + high) / 2, low=low, high=high))

    assert trigger("level", performance=level).fires is fires


def test_a_level_that_is_not_known_fires_nothing_and_says_why() -> None:
    unknown = trigger("level", performance=Performance(because="no night has a known outcome yet"))

    assert unknown.fires is None
    assert "no night has a known outcome yet" in unknown.text


def test_probabilities_that_moved_ask_for_a_training() -> None:
    assert trigger("drift", score=drift_of(True)).fires is True
    assert trigger("drift").fires is False


def test_customers_that_trees_tell_apart_ask_for_a_training_beyond_the_interval() -> None:
    far = ToldApart(auc=Interval(value=0.9, low=0.88, high=0.92), by=(("logins", 1.0),))
    near = ToldApart(auc=Interval(value=0.78, low=0.74, high=0.82), by=(("logins", 1.0),))

    assert trigger("drift", told_apart=far).fires is True
    assert trigger("drift", told_apart=near).fires is False


def test_a_broken_source_is_repaired_before_a_training() -> None:
    broken = trigger("drift", score=drift_of(True), alarms=(STOPPED,))

    assert broken.fires is False
    assert "repair these sources before a new training: logins" in broken.text


def test_drift_without_a_reference_is_not_known() -> None:
    assert trigger("drift", signals=None, score=None).fires is None


@pytest.mark.parametrize(("age", "fires"), [(184, False), (185, True)])
def test_an_old_training(age: int, fires: bool) -> None:
    assert trigger("age", newest_cutoff=NIGHT - timedelta(age)).fires is fires


@pytest.mark.parametrize(
    ("learnt", "since", "fires"), [(1000, 249, False), (1000, 250, True), (40, 99, False), (40, 100, True)]
)
def test_enough_new_churners(learnt: int, since: int, fires: bool) -> None:
    assert trigger("new_labels", churners_learnt=learnt, churners_since=since).fires is fires


def test_new_churners_that_nobody_knows_fire_nothing() -> None:
    assert trigger("new_labels", churners_since=None).fires is None
