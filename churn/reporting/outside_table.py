"""The lines of `churn measure` about experiments that the company ran by itself."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from churn.experiments.effect import IntervalMethod
from churn.experiments.outside import ArmEffect, ArmOutcome, ArmSizes, OutsideExperiment
from churn.experiments.power import DetectableEffect
from churn.experiments.sequence import RATIO_ALPHA
from churn.metrics.interval import HasInterval, Interval
from churn.params.night_sections import LABEL_OUTCOME
from churn.reporting.share_differences import is_cut, points

LABEL_WIDTH = 26

UNUSUAL = 0.05
"""If the sizes of the arms are less probable than this, a sentence says how unusual they are, even if there
is no alarm.
"""

_METHODS = {IntervalMethod.NEWCOMBE: "Newcombe", IntervalMethod.CLUSTERS: "robust for accounts"}


def outside_lines(experiments: Sequence[OutsideExperiment]) -> Iterator[str]:
    """Yield the lines about experiments that the company ran by itself.

    The rate of the outcome in a treated arm is never shown without the rate in the control arm.
    """
    for experiment in experiments:
        yield f"experiment of the company: {experiment.name}"
        yield f"  {line('outcome', outcome_in_words(experiment))}"
        if counts := ", ".join(_not_counted(experiment)):
            yield f"  {line('not counted', counts)}"
        if experiment.sizes is None:
            yield f"  {line('sizes of the arms', 'not checked: sizes does not say the design')}"
        else:
            label = "ALARM" if experiment.sizes.alarm else "sizes of the arms"
            yield f"  {line(label, sizes_in_words(experiment.sizes))}"
        for effect in experiment.effects:
            yield from (f"  {text}" for text in _effect_lines(experiment, effect))


def outside_metrics(experiments: Sequence[OutsideExperiment]) -> dict[str, float]:
    """Return the metrics that MLflow gets; a key is, for example, `outside/EXPERIMENT/ARM.control_n`."""
    metrics: dict[str, float] = {}
    for experiment in experiments:
        control = experiment.control
        for effect in experiment.effects:
            if control.share is None or effect.treatment.share is None:
                continue
            numbers = {
                "control_n": control.n,
                "treated_n": effect.treatment.n,
                "control_share": control.share,
                "treated_share": effect.treatment.share,
                "difference": effect.difference.value,
                "difference_low": effect.difference.low,
                "difference_high": effect.difference.high,
            }
            name = re.sub(r"[^\w /-]", "_", f"outside/{experiment.name}/{effect.treatment.name}")
            metrics |= {f"{name}.{key}": float(value) for key, value in numbers.items() if value is not None}
    return metrics


def outcome_in_words(experiment: OutsideExperiment) -> str:
    """Return a text that says what the outcome is, and whether more or less of it is better."""
    if experiment.event is not None:
        event = f"had the event {experiment.event}, as the label says"
        return f"{event}; above 0 more of the treated had it, which is better"
    if experiment.outcome == LABEL_OUTCOME:
        return "left, as the label says; above 0 fewer of the treated left, which is better"
    if experiment.is_wanted:
        return f"{experiment.outcome}, wanted; above 0 more of the treated have it, which is better"
    return f"{experiment.outcome}, not wanted; above 0 fewer of the treated have it, which is better"


def sizes_in_words(sizes: ArmSizes) -> str:
    """Return a text that says whether the sizes of the arms agree with the planned shares.

    >>> sizes_in_words(ArmSizes(counts=(50, 60), design=(0.5, 0.5), p_value=0.34, alarm=False))
    '50, 60 for a design of 50, 50%: no alarm (p = 0.34, an alarm comes below 0.001)'
    """
    counts = ", ".join(f"{count:,}" for count in sizes.counts)
    design = f"{', '.join(f'{100 * share:.4g}' for share in sizes.design)}%"
    if sizes.alarm:
        return (
            f"the sizes {counts} do not agree with the design {design} (p = {sizes.p_value:.1g}): units "
            "are missing from an arm, or are in the wrong arm. Do not use these effects before you know "
            "the cause."
        )
    unusual = ""
    if sizes.p_value < UNUSUAL:
        unusual = f"; in 1 of {1 / sizes.p_value:,.0f} sound experiments the sizes are as far off"
    return (
        f"{counts} for a design of {design}: no alarm (p = {sizes.p_value:.2g}, an alarm comes below "
        f"{RATIO_ALPHA}{unusual})"
    )


def _not_counted(experiment: OutsideExperiment) -> Iterator[str]:
    for count, words in (
        (experiment.left_out_count, "in arms that are left out"),
        (experiment.immature, "outcome not known yet"),
        (experiment.without_label, "without label"),
    ):
        if count:
            yield f"{count:,} {words}"


def _effect_lines(experiment: OutsideExperiment, effect: ArmEffect) -> Iterator[str]:
    control, treatment = experiment.control, effect.treatment
    yield line(treatment.name, f"{_share(treatment)}, control {control.name} {_share(control)}")
    if effect.difference.value is None:
        yield line("  difference", f"none: {effect.no_verdict_because}")
        return
    verdict = effect.verdict or f"no verdict: {effect.no_verdict_because}"
    yield line("  difference", f"{half_width(effect.difference)} ({_METHODS[effect.method]}): {verdict}")
    if effect.adjusted_difference is not None and effect.adjusted_difference.value is not None:
        missing = f"; {effect.units_without_score:,} have none" if effect.units_without_score else ""
        yield line("  adjusted by the score", half_width(effect.adjusted_difference) + missing)
    yield line("  units won", _gain(effect.gain, treatment.n))
    if effect.verdict is None and effect.detectable is not None:
        yield f"  {_detectable(effect.detectable)}"


def _share(arm: ArmOutcome) -> str:
    if arm.share is None:
        return "unknown (no units)"
    return f"{100 * arm.share:.2f}% ({arm.events:,} of {arm.n:,})"


def half_width(difference: HasInterval) -> str:
    """Return a difference of shares in percentage points, with its interval and half the interval's width.

    If an end of the interval is below -100 or above 100 points, half the width has no meaning and is left
    out.

    >>> half_width(Interval(value=0.0766, low=0.07, high=0.0832))
    '+7.66 +- 0.66 points [+7.00, +8.32]'
    >>> half_width(Interval(value=0.3, low=-0.6, high=1.2))
    '+30.00 points [-60.00, highest possible]'
    """
    value, low, high = difference.value, difference.low, difference.high
    if value is None or is_cut(difference):
        return points(difference)
    if low is None or high is None:
        return f"{points(difference)}, without interval"
    return f"{100 * value:+z.2f} +- {50 * (high - low):.2f} points [{100 * low:+z.2f}, {100 * high:+z.2f}]"


def _gain(gain: Interval, n: int) -> str:
    value, low, high = gain.value, gain.low, gain.high
    if value is None or low is None or high is None:
        return "unknown"
    return f"{value:+z,.0f} [{low:+z,.0f}, {high:+z,.0f}] of {n:,}"


def _detectable(detectable: DetectableEffect) -> str:
    n = f"n = {detectable.n_control + detectable.n_treatment:,} ({detectable.n_control:,} in the control)"
    if detectable.effect is None:
        return f"With {n}, no improvement can be detected."
    least_points = math.ceil(10_000 * detectable.effect) / 100
    cases = f"{100 * detectable.power:.0f}% of experiments"
    return f"With {n}, an improvement of at least {least_points:.2f} percentage points is found in {cases}."


def line(label: str, text: str) -> str:
    """Return a line with the label, filled up with blanks to a fixed width, and the text."""
    return f"{label:<{LABEL_WIDTH}} {text}"
