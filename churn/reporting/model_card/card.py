"""The model card: what the model is, what it was measured on, and where it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churn.guards.verdict import Verdict
from churn.reporting.console import four_table
from churn.reporting.model_card.card_words import LIMITS, label_part, notes_part, sentence, tested_part
from churn.reporting.model_card.tables import (
    calibration_part,
    cohort_part,
    comparison_part,
    gates_part,
    guards_part,
    horizons_part,
    lead_part,
    segments_part,
)
from churn.training.recipe import Recipe

LOOKED = 8
"""So many signals are listed, those that move the predictions most."""

HOW_IMPORTANT = (
    "These are shares of the mean absolute contributions to the log-odds: how far a signal moves the "
    "predictions, up or down. Related signals share it among them."
)


def card(
    evaluated: Mapping[str, Any],
    spec: Mapping[str, Any],
    importance: Mapping[str, float],
    verdict: Verdict | None = None,
) -> str:
    """Return the model card as Markdown; a part whose figures are absent is left out.

    Args:
        evaluated: The content of metrics.json.
        spec: The spec of the model's bundle.
        importance: Each signal's share, the largest first.
        verdict: How the gates ended, once they were asked.
    """
    title = f"# Model card: {spec['model']}, version {evaluated['model']['version']}"
    found, tried = evaluated.get("signal"), evaluated.get("tried", ())
    by_family = evaluated.get("importance_by_family", ())
    parts: Sequence[tuple[str, Sequence[str]]] = (
        ("", [f"**In one sentence.** {sentence(found['words'])}"] if found else []),
        ("What it is for, and what not", _use()),
        ("Label", label_part(spec)),
        ("Cohort", cohort_part(evaluated, spec)),
        ("Data", _data(spec)),
        ("Model", _model(spec, importance, by_family, tried)),
        ("Results beside the baselines", [*tested_part(evaluated, spec), "", *comparison_part(evaluated)]),
        ("The four numbers", _four(evaluated)),
        ("Kinds of customers", segments_part(evaluated)),
        ("Calibration and health bands", calibration_part(evaluated)),
        ("Within 30, 60 and 90 days", horizons_part(evaluated)),
        ("How early", lead_part(evaluated)),
        ("Guards", guards_part(evaluated, verdict)),
        ("Promotion", gates_part(evaluated, verdict)),
        ("Limits", [f"- {limit}" for limit in (*LIMITS, *notes_part(evaluated).values())]),
        ("How to make it again", _again(spec)),
    )
    lines = [title]
    for name, part in parts:
        if part:
            lines += ["", *([f"## {name}", ""] if name else []), *part]
    return "\n".join(lines) + "\n"


def _use() -> list[str]:
    return [
        "It gives the probability that a customer who is at risk at a cutoff leaves in the label's window, "
        "given that they survive the gap. It is for ordering who is contacted and for adding up expected "
        "losses. It is not for decisions against a customer, such as prices or refusals, and it does not say "
        "why somebody leaves or whether contacting them helps; that is measured with control groups."
    ]


def _data(spec: Mapping[str, Any]) -> list[str]:
    cutoffs = spec["trained_cutoffs"]
    return [
        f"{spec['rows']:,} rows with {spec['churners']:,} churners ({spec['training_rate']:.1%}) at "
        f"{len(cutoffs)} cutoffs from {cutoffs[0]} to {cutoffs[-1]}; data complete up to "
        f"{spec['watermark']}. The usual rate, by which health is told, is that of the last "
        f"{spec['base_rate_cutoffs']}: {spec['base_rate']:.1%}.",
        "",
        f"Digests: store `{spec['store_digest'][:16]}`, snapshots `{spec['snapshots_digest'][:16]}`.",
    ]


def _model(
    spec: Mapping[str, Any],
    importance: Mapping[str, float],
    by_family: Sequence[Mapping[str, Any]],
    tried: Sequence[Mapping[str, Any]],
) -> list[str]:
    kinds = {"booster": "gradient-boosted trees", "linear": "a logistic regression"}
    members = dict.fromkeys(
        kinds.get(str(m.get("kind")), str(m.get("kind"))) for m in spec.get("members", ())
    )
    recipe = ", ".join(f"{key} {value}" for key, value in sorted(Recipe(**spec["recipe"]).active().items()))
    behind = ", ".join(
        f"{one['recipe']['candidate']} {one['behind']:.4f} (standard error {one['standard_error']:.4f})"
        for one in tried[1:]
    )
    looked = ", ".join(f"`{name}` {share:.1%}" for name, share in list(importance.items())[:LOOKED])
    families = ", ".join(f"{one['family']} {one['share']:.0%}" for one in by_family)
    return [
        f"{sentence(' and '.join(members)) or 'A model'} on {len(spec['signals'])} signals, calibration "
        f"{spec['calibration']['method']}, {_learnt(spec)}. Recipe: {recipe}.",
        *(["", f"Not taken, with how much higher their log loss was: {behind}."] if behind else []),
        *(["", f"It looks most at {looked}."] if looked else []),
        *(["", f"By family: {families}."] if families else []),
        *(["", HOW_IMPORTANT] if looked else []),
    ]


def _learnt(spec: Mapping[str, Any]) -> str:
    if moved := spec.get("refreshed"):
        return (
            f"that of version {moved['from_version']}, its log-odds moved by {moved['by']:+.2f} to the level "
            f"of {moved['churners']:,} churners at {', '.join(moved['cutoffs'])}"
        )
    return "fitted on all matured cutoffs"


def _four(evaluated: Mapping[str, Any]) -> list[str]:
    if not evaluated.get("four_numbers"):
        return []
    return [
        "A model is quoted by the first two. The naive split judges rows of customers and of times the model "
        "has seen.",
        "",
        *four_table(evaluated),
    ]


def _again(spec: Mapping[str, Any]) -> list[str]:
    return [
        "With the same source, parameters and versions of the packages, `churn snapshot`, `churn train` and "
        "`churn evaluate` give the same digests and the same model. Its run in MLflow holds the parameters, "
        f"the signals and these figures; snapshots `{spec['snapshots_digest']}`.",
    ]
