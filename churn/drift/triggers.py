"""Decide whether the model should be trained again; each reason is one line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from churn.drift.result import Alarm, Performance, SignalDrift, ToldApart, Trigger
from churn.metrics.interval import Interval, format_interval

MAX_AGE_DAYS = 184
"""The age in days of the newest training cutoff from which a model counts as old: half a year. The number is
our own choice.
"""

MIN_NEW_CHURNERS, NEW_CHURNER_SHARE = 100, 0.25
"""The least number of new churners that makes a training worth while, and their least share of the churners
learnt until now.

The error of a rate falls with the square root of the number of churners: a quarter more churners make it a
tenth smaller.
"""

SOURCE_KINDS = ("stopped", "fell", "rose", "emptied", "unit", "kind_renamed", "kind_stopped")
"""The kinds of alarms about sources. A model that is trained on a broken source would learn the fault."""

WARN_AUC = 0.75
"""The AUC of separating tonight from the training above which the customers count as changed."""


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
    """Return each reason to train again, and whether it applies now.

    Args:
        night: The cutoff of the night.
        alarms: The alarms of the night.
        signals: How far each signal has moved since the training; None if the model does not store the
            distribution of the signals in its training rows.
        score: How far the scores have moved since the training; None if the model does not store the
            distribution of the scores in its training rows.
        told_apart: How well a model of decision trees distinguishes tonight's customers from the customers in
            the training rows.
        performance: The performance of the model on earlier nights.
        gate: The range that the gates of promotion allow for the ratio of observed to expected churners.
        newest_cutoff: The newest cutoff of the training rows.
        churners_learnt: The number of churners in the training rows.
        churners_since: The number of churners who became known since the training; None if it is not known.
    """
    return (
        _level(performance.level, gate, performance.because),
        _drift(alarms, signals, score, told_apart),
        _age(night, newest_cutoff),
        _new_labels(churners_learnt, churners_since),
    )


def is_off(level: Interval | None, gate: tuple[float, float]) -> bool:
    """Return whether the whole interval of the ratio of observed to expected churners is outside `gate`."""
    if level is None or level.low is None or level.high is None:
        return False
    return level.high < gate[0] or level.low > gate[1]


def _level(level: Interval | None, gate: tuple[float, float], because: str | None) -> Trigger:
    allowed = f"{gate[0]:g} to {gate[1]:g}"
    if level is None or level.low is None:
        reason = because or "too few customers left for an interval"
        return Trigger(name="level", fires=None, text=f"{reason}.")
    verb = "lies outside this range" if is_off(level, gate) else "overlaps this range"
    return Trigger(
        name="level",
        fires=is_off(level, gate),
        text="for customers whom nobody contacted, the ratio of observed to expected churners is "
        f"{format_interval(level, 2)}; the gate allows {allowed}, and the interval of the ratio {verb}.",
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
        return Trigger(
            name="drift",
            fires=None,
            text="drift is not known: the model does not store how its signals were distributed in the "
            "training.",
        )
    if has_moved and broken:
        return Trigger(
            name="drift",
            fires=False,
            text="tonight's data differ from the training data; repair these sources before a new training: "
            f"{', '.join(broken)}.",
        )
    if has_moved:
        what = [
            *(["the probabilities have moved"] if score and score.has_moved else []),
            *(
                [
                    "a model of trees separates tonight's customers from those of the training with AUC "
                    f"{format_interval(told_apart.auc, 2)}"
                ]
                if is_apart
                else []
            ),
        ]
        return Trigger(
            name="drift", fires=True, text=f"{' and '.join(what)}, and no broken source explains why."
        )
    return Trigger(
        name="drift",
        fires=False,
        text=f"{len(moved)} signals have moved beyond their limit; the probabilities are within their limit."
        if moved
        else "all signals and the probabilities are within their limits.",
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
        return Trigger(name="new_labels", fires=None, text="since the training, no outcome has become known.")
    return Trigger(
        name="new_labels",
        fires=n_since >= needed,
        text=f"since the training, {n_since:,} new churners were found among customers whom nobody "
        f"contacted; the training learnt from {n_learnt:,} churners. A new training is worthwhile with "
        f"at least {needed:,} new churners.",
    )
