"""What was measured of the effect of contacts, as far as a night may know it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from churn.data.own_files import read_own_json
from churn.errors import SourceError
from churn.experiments.result import Effects

MEASURE_AGAIN = "Run `churn measure`, then `churn report`."


@dataclass(frozen=True)
class KnownEffects:
    """What was measured up to a night.

    Attributes:
        effects: The effects; None if there are none that the night may know.
        reason: Why there are none, as a sentence; empty if there are.
        warning: What a person must mend, with a way out; empty if nothing.
    """

    effects: Effects | None
    reason: str = ""
    warning: str = ""


def effects_path(output: Path) -> Path:
    """Return the file of `churn measure`."""
    return output / "measure" / "effects.json"


def read_known_effects(output: Path, night: date, label_id: str) -> KnownEffects:
    """Read what was measured, if nothing of it is from after the night.

    Args:
        output: The output folder.
        night: The night of the report.
        label_id: The label of the night.
    """
    path = effects_path(output)
    if not os.path.lexists(path):
        return KnownEffects(None, f"Nothing was measured yet. {MEASURE_AGAIN}")
    try:
        effects = read_own_json(path, Effects, way_out=MEASURE_AGAIN)
    except SourceError as error:
        return KnownEffects(
            None,
            f"The measured effects cannot be read. {MEASURE_AGAIN}",
            f"{error} The report leaves out whether contacts helped.",
        )
    if effects.watermark is None:
        return KnownEffects(None, f"No night of the ledger was measured. {MEASURE_AGAIN}")
    if effects.watermark > night:
        return KnownEffects(
            None,
            f"The measured effects use outcomes up to {effects.watermark}, which is after this night. Run "
            f"`churn measure --cutoff {night}`, then `churn report --cutoff {night}`.",
        )
    if effects.label_id != label_id:
        return KnownEffects(
            None, f"The measured effects are about another definition of leaving. {MEASURE_AGAIN}"
        )
    return KnownEffects(effects)
