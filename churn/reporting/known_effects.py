"""The measured effects of contacts for the report of a night; they use no outcomes from after the night."""

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
    """The effects of contacts, measured with the outcomes that were known by a night.

    Attributes:
        effects: The measured effects; None if there are none, or if the night cannot use them.
        reason: Why there are no effects, as a sentence; empty if there are effects.
        warning: A sentence about something that a person must repair, with a way out; empty if there is
            nothing.
    """

    effects: Effects | None
    reason: str = ""
    warning: str = ""


def effects_path(output: Path) -> Path:
    """Return the path of the file to which `churn measure` writes the effects."""
    return output / "measure" / "effects.json"


def read_known_effects(output: Path, night: date, label_id: str) -> KnownEffects:
    """Read the measured effects, unless they use outcomes from after the night.

    Args:
        output: The output folder.
        night: The cutoff of the night that the report shows.
        label_id: The id of the label that the night predicts.
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
        return KnownEffects(None, f"`churn measure` found no nights in the ledger. {MEASURE_AGAIN}")
    if effects.watermark > night:
        return KnownEffects(
            None,
            f"The measured effects use outcomes up to {effects.watermark}, which is after this night. Run "
            f"`churn measure --cutoff {night}`, then `churn report --cutoff {night}`.",
        )
    if effects.label_id != label_id:
        return KnownEffects(
            None, f"The measured effects use another definition of leaving than this night. {MEASURE_AGAIN}"
        )
    return KnownEffects(effects)
