"""An evaluation in the lines that a person reads at the end of the verb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churn.metrics.test_set_use_count import looks_told
from churn.metrics.wording import span
from churn.reporting.four_lines import four_lines


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
    profit = ours.get("profit_per_customer_at_contact_share")
    if profit is not None:
        lines.append(
            f"  profit per customer at {evaluated['contact_share']:.0%} {span(profit, 2)} in your currency, "
            f"best budget {span(ours['best_share'], 2)}, with the costs of evaluate.profit"
        )
    lines += [f"  {line}" for line in four_lines(evaluated)]
    for name, difference in evaluated["paired"].items():
        lines.append(f"  log loss, {name.replace('_', ' ')}: {span(difference['log_loss'], 4)}")
    lines += [f"  {line}" for line in _lead(evaluated.get("lead_time", ()))]
    if "signal" in evaluated:
        lines.append(f"  {evaluated['signal']['words']}")
    return lines + [f"  {note}" for note in (*looks_told(evaluated), *evaluated["notes"].values())]


def _lead(leads: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how early leaving is seen, in one line."""
    if len(leads) < 2:
        return []
    told = [f"{span({**one, 'value': one['auc']})} {one['days']} days before" for one in leads[1:]]
    return [f"seen early, AUC: {', '.join(told)}"]
