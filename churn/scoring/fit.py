"""Whether the champion fits the night: the same label, the same signals, nothing learnt from the future."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.errors import ModelError, did_you_mean
from churn.features.definition import is_comparable
from churn.params import Params

Floats = npt.NDArray[np.float64]

UNUSUAL = 1.5
STANDARD_ERRORS = 3.0


def check_fit(
    spec: Mapping[str, Any],
    params: Params,
    definitions: Mapping[str, str],
    frame: pd.DataFrame | None = None,
) -> None:
    """Refuse a champion that answers another question or asks for signals that are not there or mean else.

    Args:
        spec: of the champion.
        params: the night's.
        definitions: of every signal known here, by name (`features.definition.definitions`).
        frame: the night's signals, once they are computed.

    Raises:
        ModelError: all that does not fit, with the way out.
    """
    problems = []
    if spec["label_id"] != params.label_id:
        problems.append(
            f"{params.champion}: the champion learnt label {spec['label_id']}, {params.file} now defines "
            f"{params.label_id}. Put label, timezone and the mapping of "
            f"{' and '.join(params.label.source_tables)} back as they were, or train and promote a new one."
        )
    learned = {e["name"]: e.get("definition") for e in spec["signals"] if e["name"] in definitions}
    if old := [name for name, digest in learned.items() if not is_comparable(digest)]:
        problems.append(
            f"{params.champion}: the champion was trained by another version of this program, which recorded "
            f"the definition of these signals in another format: {', '.join(old)}. Whether they have changed "
            "since then cannot be checked. Train and promote a new one (`churn run`), or use the version of "
            "this program that trained it."
        )
    elif changed := [name for name, digest in learned.items() if digest != definitions[name]]:
        problems.append(
            f"{params.champion}: the champion learnt other values under these names: {', '.join(changed)}. "
            "Their definitions have changed since. Train and promote a new one (`churn run`), or use the "
            "version of this program that trained it."
        )
    if frame is not None:
        there = [str(name) for name in frame.columns]
        problems += [
            f"{params.champion}: the champion needs the signal '{entry['name']}', which is not computed "
            f"here.{did_you_mean(entry['name'], there)} Bring its table back, or train anew."
            for entry in spec["signals"]
            if entry["name"] not in frame.columns
        ]
    if problems:
        raise ModelError(*problems)


def unusual_level(spec: Mapping[str, Any], probability: Floats) -> str:
    """Say when tonight's mean probability lies far outside what training knew, else return nothing.

    Calibrated scores average the share that left. Far outside is: more than half again that share or less
    than two thirds of it, and further from it than three standard errors of tonight's mean, so that a
    handful of customers raises no alarm.
    """
    usual = float(spec["base_rate"])
    if not len(probability):
        return ""
    mean = float(probability.mean())
    error = float(probability.std()) / len(probability) ** 0.5
    if usual / UNUSUAL <= mean <= usual * UNUSUAL or abs(mean - usual) <= STANDARD_ERRORS * error:
        return ""
    return (
        f"the mean probability tonight is {mean:.1%}, {mean / usual:.2f} times the {usual:.1%} that left in "
        "training: these customers or weeks are unlike those learnt from. Check the data for gaps "
        "before the list is worked; the order may hold where the level does not."
    )


def learned_too_late(spec: Mapping[str, Any], cutoff: date) -> str:
    """Say when the champion learnt from outcomes known only after the cutoff, else return nothing.

    Scoring such a night is allowed, to fill a gap in the files; judging the model by it is not.
    """
    seen = date.fromisoformat(str(spec["mature_on"]))
    if seen <= cutoff:
        return ""
    return (
        f"the champion learnt from outcomes that were known on {seen} only, after {cutoff}: this night could "
        "not have had it. Use `churn evaluate` to judge the model."
    )
