"""The verdict that made the champion, as its page of promotion holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churn.evaluation.champion import champion_itself
from churn.guards.verdict import Verdict


def verdict_of_champion(folder: Path, evaluated: Mapping[str, Any]) -> Verdict | None:
    """Return the verdict that let the judged model through, where that is the champion and the page is there.

    Args:
        folder: The evaluation's folder, which holds promotion.json.
        evaluated: The content of metrics.json.
    """
    if not champion_itself(evaluated):
        return None
    try:
        facts = json.loads((folder / "promotion.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    its_own = facts.get("accepted") and facts.get("digest") == evaluated["model"]["digest"]
    return Verdict.from_json(facts) if its_own else None
