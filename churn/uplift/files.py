"""The files of `churn uplift`: its results, one file per day, and each accepted model as plain data.

`output/uplift/uplift.json` is the latest result. `output/uplift/as_of=D.json` is the result with the outcomes
that were known up to the day D. `output/uplift/models/DIGEST` is a model. Each day's result has its own file,
and each model has its own folder. So a later result or model does not replace those that an earlier night
used.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churn.data.own_files import write_own_json
from churn.model.bundle import write_bundle
from churn.model.scorer import SPEC_FORMAT
from churn.training.fitted_model import FittedModel
from churn.uplift.result import UpliftResult

MEASURE_AGAIN = "Run `churn uplift` again."
"""The way out of the error that a file is damaged."""

KIND = "effect"
"""What the model in a bundle predicts: its members add up to the effect itself, and not to log-odds."""


AS_OF = "as_of="
"""The beginning of the name of a result's file; the day comes after it."""


def uplift_folder(output: Path) -> Path:
    """Return the folder of the results and models of `churn uplift`."""
    return output / "uplift"


def result_path(output: Path) -> Path:
    """Return the file of the latest result."""
    return uplift_folder(output) / "uplift.json"


def model_path(output: Path, digest: str) -> Path:
    """Return the folder of a model."""
    return uplift_folder(output) / "models" / digest[:16]


def write_model(output: Path, model: FittedModel, facts: Mapping[str, Any]) -> str:
    """Write a model that predicts the effect of a treatment, and return its digest.

    The files hold numbers and texts, and no code.

    Args:
        output: The output folder.
        model: The model.
        facts: Further facts about the model, for its file `spec.json`.
    """
    signals = [
        {"name": name, "kind": "level", "levels": list(model.levels[name])}
        if name in model.levels
        else {"name": name, "kind": "number"}
        for name in model.names
    ]
    spec = {
        "format": SPEC_FORMAT,
        "kind": KIND,
        "signals": signals,
        "members": list(model.members),
        "calibration": {"method": "none"},
        **facts,
    }
    pending = uplift_folder(output) / "models" / "pending"
    digest = write_bundle(pending, spec, model.boosters)
    folder = model_path(output, digest)
    shutil.rmtree(folder, ignore_errors=True)
    pending.rename(folder)
    return digest


def write_result(output: Path, result: UpliftResult) -> Path:
    """Write the result twice, as the latest file and under the day up to which its outcomes are known; return
    the latest file.
    """
    if result.as_of is not None:
        write_own_json(uplift_folder(output) / f"{AS_OF}{result.as_of}.json", result.as_json())
    path = result_path(output)
    write_own_json(path, result.as_json())
    return path
