"""Decide whether the model should be trained again, each reason in one line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from churn.drift.result import Alarm, Performance, SignalDrift, ToldApart, Trigger
from churn.metrics.interval import Interval, format_interval

MAX_AGE_DAYS = 184
"""The age of the newest cutoff of the training from which the model is old: half a year, our own rule."""

MIN_NEW_CHURNERS, NEW_CHURNER_SHARE = 100, 0.25
"""The least new churners that are worth a training, and their least share of the churners learnt so far.

The error of a rate falls with the root of the churners: a quarter more makes it a tenth smaller.
"""

SOURCE_KINDS = ("stopped", "fell", "rose", "emptied", "unit", "kind_renamed", "kind_stopped")
"""The alarms about sources: a model trained on a broken source would learn the break."""

WARN_AUC = 0.75
"""The AUC of telling tonight from the training above which the customers have changed."""


def triggers_of(
    night: date,
    *,
    alarms: Sequence[Alarm],
    signals: Sequence[SignalDrift] | None,
    score: SignalDrift | None,
    told_apart: ToldApart,
    performance: Performance,
    gate: tuple[float, float],
    newest_cutoff: date,
    churners_learnt: int,
    churners_since: int | None,
) -> tuple[Trigger, ...]:
    """Return each reason to train again, and whether it holds.

    Args:
        night: The night.
        alarms: What has moved.
        signals: The signals; None without a reference.
        score: The scores; None without a reference.
        told_apart: How well trees separate tonight's customers from the training.
        performance: The performance on earlier nights.
        gate: The range of observed over expected that the gates allow.
        newest_cutoff: The newest cutoff of the training.
        churners_learnt: The number of churners in the training.
        churners_since: The number of churners that became known since; None if it is not known.
    """
    return (
        _level(performance.level, gate, performance.because),
        _drift(alarms, signals, score, told_apart),
        _age(night, newest_cutoff),
        _new_labels(churners_learnt, churners_since),
    )


def is_off(level: Interval | None, gate: tuple[float, float]) -> bool:
    """Return whether the interval of observed over expected lies outside the range of the gate."""
    if level is None or level.low is None or level.high is None:
        return False
    return level.high < gate[0] or level.low > gate[1]


def _level(level: Interval | None, gate: tuple[float, float], because: str | None) -> Trigger:
    allowed = f"{gate[0]:g} to {gate[1]:g}"
    if level is None or level.low is None:
        reason = because or "too few customers left for an interval"
        return Trigger(name="level", fires=None, text=f"{reason}.")
    verb = "lies outside" if is_off(level, gate) else "meets"
    return Trigger(
        name="level",
        fires=is_off(level, gate),
        text=f"observed over expected, of customers whom nobody contacted, is {format_interval(level, 2)}; "
        f"it {verb} the range {allowed} of the gate.",
    )


def _drift(
    alarms: Sequence[Alarm],
    signals: Sequence[SignalDrift] | None,
    score: SignalDrift | None,
    told_apart: ToldApart,
) -> Trigger:
    broken = sorted({alarm.subject for alarm in alarms if alarm.kind in SOURCE_KINDS})
    is_apart = told_apart.auc is not None and (told_apart.auc.low or 0.0) > WARN_AUC
    moved = [drift.signal for drift in signals or () if drift.has_moved]
    has_moved = is_apart or bool(score and score.has_moved)
    if signals is None and not is_apart:
        return Trigger(name="drift", fires=None, text="drift is not known: the model has no reference.")
    if has_moved and broken:
        return Trigger(
            name="drift",
            fires=False,
            text=f"signals have moved, but first repair the source: {', '.join(broken)}.",
        )
    if has_moved:
        what = [
            *(["the probabilities have moved"] if score and score.has_moved else []),
            *(
                [f"trees tell tonight from the training with AUC {format_interval(told_apart.auc, 2)}"]
                if is_apart
                else []
            ),
        ]
        return Trigger(name="drift", fires=True, text=f"{' and '.join(what)}, and no source is broken.")
    return Trigger(
        name="drift",
        fires=False,
        text=f"{len(moved)} signals have moved beyond their limit; the probabilities have not."
        if moved
        else "neither a signal nor the probabilities have moved beyond their limit.",
    )


def _age(night: date, newest_cutoff: date) -> Trigger:
    age = (night - newest_cutoff).days
    return Trigger(
        name="age",
        fires=age > MAX_AGE_DAYS,
        text=f"the newest cutoff of the training, {newest_cutoff}, is {age} days old; the limit is "
        f"{MAX_AGE_DAYS}.",
    )


def _new_labels(n_learnt: int, n_since: int | None) -> Trigger:
    needed = max(MIN_NEW_CHURNERS, int(NEW_CHURNER_SHARE * n_learnt))
    if n_since is None:
        return Trigger(name="new_labels", fires=None, text="no outcome has matured since the training.")
    return Trigger(
        name="new_labels",
        fires=n_since >= needed,
        text=f"{n_since:,} churners whom nobody contacted became known since the training, which learnt from "
        f"{n_learnt:,}; a new training is worthwhile from {needed:,} on.",
    )
