"""Whether an evaluation found any signal at all, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from churn.metrics.interval import format_interval

Found = Literal["signal", "ranks only", "no signal"]
CHANCE = 0.5


def signal_found(evaluated: Mapping[str, Any]) -> dict[str, str]:
    """Return the verdict on the challenger: `found` (signal, ranks only or no signal) and `words`.

    No signal: the interval of AUC does not lie above one half, so that no order of the customers is shown to
    be better than a random one. Ranks only: it does, but the log loss is not shown to be below that of the
    base rate for everybody, so that its probabilities are of no use. Signal: both are shown.

    Args:
        evaluated: The content of metrics.json, or as much of it as `candidates` and `paired`.
    """
    auc = evaluated["candidates"]["challenger"]["auc"]
    loss = evaluated["paired"].get("challenger_minus_base_rate", {}).get("log_loss", {})
    ranks = auc["low"] is not None and auc["low"] > CHANCE
    told = loss.get("high") is not None and loss["high"] < 0
    against = f"log loss against the base rate for everybody {format_interval(loss, 4)}"
    if not ranks:
        return _verdict(
            "no signal",
            f"no signal: AUC {format_interval(auc)} is not shown to be above one half, and {against}. "
            "Nothing that these signals say of a customer tells who leaves.",
        )
    if not told:
        return _verdict(
            "ranks only",
            f"it ranks, but its probabilities are no better than the base rate: AUC {format_interval(auc)}, "
            f"but {against} is not shown to be below 0.",
        )
    return _verdict("signal", f"signal: AUC {format_interval(auc)}, {against}.")


def _verdict(found: Found, words: str) -> dict[str, str]:
    return {"found": found, "words": words}
