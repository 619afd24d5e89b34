"""An evaluation in the lines that a person reads at the end of the verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churn.training.four_lines import four_lines
from churn.training.span import span


def told(evaluated: Mapping[str, Any]) -> list[str]:
    """Return the lines that `churn evaluate` says of the content of metrics.json."""
    ours = evaluated["candidates"]["challenger"]
    lines = [
        f"challenger version {evaluated['model']['version']} on {len(evaluated['cutoffs'])} test cutoffs, "
        f"{ours['rows']:,} rows, {ours['churners']:,} churners:",
        f"  AUC {span(ours['auc'])}, "
        f"lift at {evaluated['contact_share']:.0%} {span(ours['lift_at_contact_share'], 2)}, "
        f"observed/expected {span(ours['observed_expected'], 2)}",
    ]
    lines += [f"  {line}" for line in four_lines(evaluated)]
    for name, difference in evaluated["paired"].items():
        lines.append(f"  log loss, {name.replace('_', ' ')}: {span(difference['log_loss'], 4)}")
    if "signal" in evaluated:
        lines.append(f"  {evaluated['signal']['words']}")
    return lines + [f"  {note}" for note in evaluated["notes"].values()]
