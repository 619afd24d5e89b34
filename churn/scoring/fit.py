"""Whether the champion fits the night: the same label, the same signals, nothing learnt from the future."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from churn.errors import ModelError, did_you_mean
from churn.params import Params


def check_fit(spec: Mapping[str, Any], params: Params, frame: pd.DataFrame | None = None) -> None:
    """Refuse a champion that answers another question or asks for signals that are not there.

    Raises:
        ModelError: all that does not fit, with the way out.
    """
    problems = []
    if spec["label_id"] != params.label_id:
        problems.append(
            f"{params.champion}: the champion learnt label {spec['label_id']}, params.yaml now defines "
            f"{params.label_id}. Put label and timezone back as they were, or train and promote a new one."
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
