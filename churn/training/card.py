"""The model card: what the model is, what it was measured on, and where it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churn.training.four_lines import four_table
from churn.training.outcome import HOW_LEFT
from churn.training.span import span

SHOWN = {
    "log_loss": "log loss",
    "auc": "AUC",
    "average_precision": "average precision",
    "lift_at_contact_share": "lift at the contact share",
    "observed_expected": "observed/expected",
    "calibration_slope": "calibration slope",
}
ORDER = ("challenger", "champion", "logistic", "rfm", "bg_nbd", "recency", "rule", "base_rate")


def card(evaluated: Mapping[str, Any], spec: Mapping[str, Any], importance: Mapping[str, float]) -> str:
    """Return the model card as Markdown."""
    label = spec["label"]
    core = label.get("table") or "subscriptions"
    ours = evaluated["candidates"]["challenger"]
    left = HOW_LEFT[label.get("leaving", "any")]
    begin = f"{spec['gap_days']} days after the cutoff" if spec["gap_days"] else "at the cutoff"
    lines = [
        f"# Model card: {spec['model']}, version {evaluated['model']['version']}",
        "",
        f"**Label.** {label['kind']} in `{core}`: {left} in the {spec['horizon_days']} days that begin "
        f"{begin} (label {spec['label_id']}, days in {spec['timezone']}).",
        f"**Data.** {spec['rows']:,} rows with {spec['churners']:,} churners ({spec['training_rate']:.1%}) "
        f"at {len(spec['trained_cutoffs'])} cutoffs from {spec['trained_cutoffs'][0]} to "
        f"{spec['trained_cutoffs'][-1]}; data complete up to {spec['watermark']}. "
        f"The usual rate, by which health is told, is that of the last {spec['base_rate_cutoffs']}: "
        f"{spec['base_rate']:.1%}.",
        f"**Model.** Gradient-boosted trees, {spec['recipe']['rounds']} rounds, calibration "
        f"{spec['calibration']['method']}; trained on all matured cutoffs.",
        f"**Test.** The recipe refitted for each of {', '.join(evaluated['cutoffs'])} on what was known by "
        f"then: {ours['rows']:,} rows, {ours['churners']:,} churners ({ours['base_rate']:.1%}). Intervals "
        "are 95 %, by drawing customers.",
        "",
        *_table(evaluated["candidates"]),
        "",
        "**The four numbers, side by side.** A model is quoted by the first two. The naive split judges rows "
        "of customers and of times the model has seen.",
        "",
        *four_table(evaluated),
        "",
        "**Paired differences of log loss** (below 0: the challenger is better)",
        *(
            f"- {name.replace('_', ' ')}: {span(one['log_loss'], 4)}"
            for name, one in evaluated["paired"].items()
        ),
        "",
        "**What it looks at most**: "
        + ", ".join(f"`{name}` {share:.0%}" for name, share in list(importance.items())[:8])
        + ".",
        "",
        "**Limits.** It ranks and rates customers at risk at a cutoff, given that they survive the gap. It "
        "says nothing about customers outside the cohort, about causes, or about whether contacting somebody "
        "helps; the last is measured with control groups. It is as fresh as its last cutoff.",
        *(f"- {note}" for note in evaluated.get("notes", {}).values()),
    ]
    return "\n".join(lines) + "\n"


def _table(candidates: Mapping[str, Any]) -> Sequence[str]:
    names = [name for name in ORDER if name in candidates]
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for metric, words in SHOWN.items():
        cells = [span(candidates[name][metric]) for name in names]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return lines
