"""Write the model card beside the evaluation that it tells of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from churn.data.files import write_atomically
from churn.guards.verdict import Verdict
from churn.params import Params
from churn.reporting.model_card.card import card
from churn.reporting.model_card.summary import card_in_short
from churn.training.challenger import Challenger, training_folder


@dataclass(frozen=True)
class Card:
    """The place of the whole model card, and the card in short."""

    place: Path
    in_short: str


def write_card(params: Params, record: Challenger, verdict: Verdict | None = None) -> Card:
    """Write `evaluate/card.md` of the challenger, with the gates once they were asked."""
    folder = params.output / "evaluate"
    spec = json.loads((training_folder(params.output) / "bundle" / "spec.json").read_text(encoding="utf-8"))
    evaluated = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    place = folder / "card.md"
    write_atomically(place, card(evaluated, spec, record.importance, verdict).encode())
    return Card(place, card_in_short(evaluated, spec, verdict))
