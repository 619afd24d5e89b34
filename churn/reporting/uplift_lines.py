"""The lines of `churn uplift`, which say in plain words whether it is better to choose customers by the
effect of a contact than by their risk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from churn.metrics.interval import HasInterval, Interval
from churn.reporting.outside_table import half_width, line
from churn.uplift.night import KnownUplift
from churn.uplift.policy import EffectGroup, PolicyComparison, groups_left_alone
from churn.uplift.result import MeasuredUplift, UpliftReason, UpliftResult, UpliftVerdict


def uplift_lines(result: UpliftResult) -> list[str]:
    """Return the lines that `churn uplift` prints."""
    lines = []
    if result.as_of is not None:
        lines.append(f"label {result.label_id}, outcomes known up to {result.as_of}")
    for experiment in result.experiments:
        lines += [
            f"{experiment.name}: {experiment.treatment.name} against {experiment.control.name}",
            *(f"  {text}" for text in _experiment_lines(experiment)),
        ]
    return lines


def known_uplift_lines(uplift: KnownUplift, facts: Mapping[str, Any]) -> list[str]:
    """Return a line that says whether the effect or the risk decides whom a night contacts; no line if no
    effect was measured before the night.

    Args:
        uplift: The model of the effect of contacts that the night uses, or the reason why it uses none.
        facts: What the night stores about itself, such as the number of customers who are not disturbed.
    """
    if uplift.model is not None:
        count = facts["uplift"]["do_not_disturb"]
        return [
            f"contacts go by the effect on each customer (proved with outcomes up to {uplift.model.as_of}); "
            f"{count:,} customers are not disturbed, because a contact is proved not to help such customers"
        ]
    return [f"contacts go by the risk, not by the effect: {uplift.reason}"] if uplift.reason else []


def uplift_metrics(result: UpliftResult) -> dict[str, float]:
    """Return the metrics of each experiment for MLflow, such as `uplift/EXPERIMENT/ARM.accepted`."""
    metrics: dict[str, float] = {}
    for experiment in result.experiments:
        name = re.sub(r"[^\w /-]", "_", f"uplift/{experiment.name}/{experiment.treatment.name}")
        metrics[f"{name}.accepted"] = float(experiment.verdict == UpliftVerdict.ACCEPT)
        if experiment.comparison is not None:
            difference = experiment.comparison.difference
            numbers = {"": difference.value, "_low": difference.low, "_high": difference.high}
            metrics |= {
                f"{name}.difference{end}": float(value) for end, value in numbers.items() if value is not None
            }
    return metrics


def _experiment_lines(experiment: MeasuredUplift) -> Iterator[str]:
    control, treatment = experiment.control, experiment.treatment
    wish = "wanted" if experiment.is_wanted else "not wanted"
    yield line("outcome", f"{experiment.outcome}, {wish}; a gain above 0 is better")
    yield line(
        "units",
        f"control {control.n:,} ({control.events:,} with the outcome), "
        f"treated {treatment.n:,} ({treatment.events:,} with the outcome)",
    )
    if counts := ", ".join(f"{count:,} {reason}" for reason, count in experiment.left_out_counts.items()):
        yield line("not counted", counts)
    if experiment.comparison is not None:
        yield from _comparison_lines(experiment.comparison, experiment)
    yield line(str(experiment.verdict).upper(), verdict_in_words(experiment))
    if experiment.groups:
        yield from _group_lines(experiment)


def verdict_in_words(experiment: MeasuredUplift) -> str:
    """Return why the effect model may or may not choose whom to contact, and what to do now."""
    if experiment.verdict == UpliftVerdict.ACCEPT:
        return f"{experiment.reason}. The model may choose whom to contact."
    if experiment.reason == UpliftReason.UNEQUAL_ARMS:
        names = ", ".join(f"'{name}'" for name in experiment.unequal_covariates)
        return (
            f"{experiment.reason}: {names}. Remove from 'covariates' each column whose values became known "
            "only after the assignment. If no such column is left and the arms still differ, the arms "
            "were not drawn at random."
        )
    if experiment.comparison is None:
        return f"{experiment.reason}. No effect model is fitted; continue to choose customers by risk."
    return f"{experiment.reason}. Continue to choose customers by risk."


def _comparison_lines(comparison: PolicyComparison, experiment: MeasuredUplift) -> Iterator[str]:
    share = f"{100 * comparison.contact_share:.4g}%"
    for label, gain in (
        (f"gain, {share} by effect", comparison.effect),
        (f"gain, {share} by risk", comparison.risk),
        (f"gain, {share} by chance", comparison.chance),
        ("effect against risk", comparison.difference),
    ):
        yield line(label, gain_in_words(gain, experiment))


def gain_in_words(gain: HasInterval, experiment: MeasuredUplift) -> str:
    """Return a gain with its interval as text.

    A gain is the improvement in the share of units (such as customers) with the outcome, in percentage
    points, or an amount of money for each unit.
    """
    if experiment.unit_of_gain == "outcomes":
        return half_width(gain)
    if gain.value is None or gain.low is None or gain.high is None:
        return "not defined"
    return f"{gain.value:+z,.2f} [{gain.low:+z,.2f}, {gain.high:+z,.2f}] of the currency for each unit"


def _group_lines(experiment: MeasuredUplift) -> Iterator[str]:
    n_groups = len(experiment.groups)
    for number, group in enumerate(experiment.groups, start=1):
        yield line(f"effect, group {number} of {n_groups}", _group(group))
    alone = groups_left_alone(experiment.groups)
    if alone:
        yield line(
            "do not disturb",
            f"{experiment.do_not_disturb:,} units in the lowest {len(alone)} of {n_groups} groups: a contact "
            "helps none of these groups for certain",
        )
    else:
        yield line("do not disturb", "nobody: no group is proved to have an effect of at most 0")


def _group(group: EffectGroup) -> str:
    effect = Interval(value=group.effect.value, low=group.effect.low, high=group.effect.high)
    return f"{half_width(effect)}, {group.n:,} units"
