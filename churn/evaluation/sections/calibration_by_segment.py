"""Whether probabilities hold for each kind of customer, and not on average alone."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np

from churn.evaluation.segments import Mask, groups_of
from churn.evaluation.test_set import Exam
from churn.metrics.interval import format_interval
from churn.metrics.metrics import Floats, Ints
from churn.metrics.standard_errors import clustered_departure, clustered_ratio, clustered_slope
from churn.training.backtest import OutOfTime, calibrate_out_of_time

FEWEST = 100
"""Leavers, seen or expected, from which a group is judged: the error of their ratio is 10 %."""
ALPHA = 0.05


def calibration_by_segment(exam: Exam) -> dict[str, Any]:
    """Return `calibration_by_segment`: observed over expected and slope by attribute and tenure band.

    All out-of-time predictions count, those of the choice cutoffs too, each calibrated by what was known at
    its cutoff. A group is `off` where its ratio is not that of all customers, and not by chance, with so many
    groups judged; each such group is told in `notes`. The level of all is the gate's matter.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
        Statistics 6.
    """
    made = exam.made
    probability = calibrate_out_of_time(exam.snapshots, exam.record.recipe, made, made.cutoffs)
    rows = exam.snapshots.rows.at(made.cutoffs)
    groups = groups_of(rows, exam.params.evaluate.segments)
    found = {
        name: [{"level": level} | _group(made, probability, here) for level, here in levels.items()]
        for name, levels in groups.items()
    }
    judged = [(name, one) for name, ones in found.items() for one in ones if one["judged"]]
    mark_off([one for _, one in judged])
    everybody = _measured(made.left, probability, made.customer)
    words = {
        f"calibration of {name} {one['level']}": _in_words(name, one, everybody, len(judged))
        for name, one in judged
        if one["off"]
    }
    cutoffs = [day.isoformat() for day in made.cutoffs]
    section = {"cutoffs": cutoffs, "all": everybody, "groups": found}
    return {"calibration_by_segment": section, "notes": words}


def mark_off(groups: list[dict[str, Any]]) -> None:
    """Set `off` for the groups that stand out; where none does, one evaluation in twenty marks any.

    Each brings `z`, how far its ratio is from that of all in standard errors.
    """
    stands = True
    for place, one in enumerate(sorted(groups, key=lambda one: -abs(one["z"]))):
        limit = NormalDist().inv_cdf(1 - ALPHA / (2 * (len(groups) - place)))
        stands = stands and abs(one["z"]) > limit
        one["off"] = stands


def _group(made: OutOfTime, probability: Floats, here: Mask) -> dict[str, Any]:
    found = _measured(made.left[here], probability[here], made.customer[here])
    departure, error = clustered_departure(made.left, probability, made.customer, here)
    enough = max(found["churners"], found["expected"]) >= FEWEST
    z = departure / error if error > 0 else float("nan")
    return found | {"z": z, "judged": bool(enough and np.isfinite(z)), "off": False}


def _measured(left: Floats, probability: Floats, customer: Ints) -> dict[str, Any]:
    ratio, error = clustered_ratio(left, probability, customer)
    slope, slope_error = clustered_slope(left, probability, customer)
    reach = NormalDist().inv_cdf(1 - ALPHA / 2)
    low, high = ratio * np.exp(-reach * error), ratio * np.exp(reach * error)
    return {
        "rows": len(left),
        "churners": int(left.sum()),
        "expected": float(probability.sum()),
        "observed_expected": {"value": ratio, "low": float(low), "high": float(high)},
        "calibration_slope": {
            "value": slope,
            "low": slope - reach * slope_error,
            "high": slope + reach * slope_error,
        },
    }


def _in_words(name: str, one: Mapping[str, Any], everybody: Mapping[str, Any], groups: int) -> str:
    less = "fewer" if one["z"] < 0 else "more"
    ratio, level = (
        format_interval(one["observed_expected"], 2),
        format_interval(everybody["observed_expected"], 2),
    )
    return (
        f"{name} {one['level']}: {less} customers leave, beside what the model expects, than among all: "
        f"observed/expected {ratio} of {one['churners']:,} churners, of all {level}. Among {groups} groups "
        "this is not chance; look for a signal that tells this group's risk."
    )
