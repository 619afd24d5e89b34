"""The parts of the model card that are made of figures; a part without figures is empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churn.evaluation.champion import champion_itself
from churn.guards.sign_off import findings_of, grouped, in_words
from churn.guards.verdict import Verdict
from churn.metrics.catalog import CANDIDATE_NAMES, METRICS, pair_name
from churn.metrics.interval import cutoff_count, format_interval, format_range, level_in_words

CARD_METRICS = (
    "log_loss",
    "brier",
    "auc",
    "average_precision",
    "lift_at_contact_share",
    "precision_at_contact_share",
    "profit_per_customer_at_contact_share",
    "observed_expected",
    "calibration_slope",
)
"""The metrics of the card, by their keys in the catalogue."""


def comparison_part(evaluated: Mapping[str, Any]) -> list[str]:
    """Return the table of candidates, how far cutoffs lie apart, and the paired differences of log loss."""
    candidates, share = evaluated["candidates"], float(evaluated["contact_share"])
    names = [name for name in CANDIDATE_NAMES if name in candidates]
    lines = [
        "| | " + " | ".join(CANDIDATE_NAMES[name] for name in names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for metric in (METRICS[key] for key in CARD_METRICS if candidates["challenger"].get(key)):
        cells = [metric.format(candidates[name].get(metric.key) or {}) for name in names]
        lines.append(f"| {metric.title_at(share)} | " + " | ".join(cells) + " |")
    spread = (evaluated.get("spread") or {}).get("challenger") or {}
    told = [
        f"- {METRICS[key].title_at(share)}: "
        + format_range(spread[key]["min"], spread[key]["max"], METRICS[key].digits)
        for key in CARD_METRICS
        if key in spread and spread["cutoffs"] > 1
    ]
    if told:
        lines += ["", f"Lowest to highest over the {spread['cutoffs']} test cutoffs, the model:", "", *told]
    return [
        *lines,
        "",
        "Paired differences of log loss (below 0: this model is better):",
        "",
        *paired_told(evaluated),
    ]


def paired_told(evaluated: Mapping[str, Any]) -> list[str]:
    """Return the paired differences of log loss as a list."""
    metric = METRICS["log_loss"]
    return [
        f"- {pair_name(name)}: {metric.format(one['log_loss'], signed=True)}"
        for name, one in evaluated["paired"].items()
    ]


def cohort_part(evaluated: Mapping[str, Any], spec: Mapping[str, Any]) -> list[str]:
    """Return who is in and who is not, with counts of the last test cutoff."""
    label = spec["label"]
    if label["kind"] == "contract":
        who = "with a contract that runs at the cutoff"
    else:
        days = label.get("active_days") or 2 * label["horizon_days"]
        who = f"with a row in `{label.get('table')}` in the {days} days before the cutoff"
    lines = [f"At risk are customers {who}, who have signed up before it and have not objected."]
    if not (cohort := evaluated.get("cohort")):
        return lines
    out = ", ".join(f"{reason} ({count:,})" for reason, count in sorted(cohort["excluded"].items()) if count)
    told = f"At {cohort['cutoff']} {cohort['rows']:,} were at risk" + (
        f"; left out were {out}." if out else "."
    )
    return [*lines, "", told]


def segments_part(evaluated: Mapping[str, Any]) -> list[str]:
    """Return AUC and observed/expected of each kind of customer, tenure among them."""
    lines = []
    for name, levels in (evaluated.get("segments") or {}).items():
        for one in levels:
            auc = format_interval(one["auc"]) if one.get("auc") else "too few"
            lines.append(
                f"| {name} | {one['level']} | {one['rows']:,} | {one['churners']:,} | {auc} "
                f"| {format_interval(one['observed_expected'], 2)} |"
            )
    head = ["| | | rows | churners | AUC | observed/expected |", "|---|---|---|---|---|---|"]
    return [*head, *lines] if lines else []


def calibration_part(evaluated: Mapping[str, Any]) -> list[str]:
    """Return which calibration won, the calibration error beside its noise, and what came of each band."""
    lines = []
    if chosen := evaluated.get("calibration"):
        tried = ", ".join(f"{name} {loss:.4f}" for name, loss in chosen["tried"].items())
        lines.append(f"Chosen: {chosen['chosen']}" + (f" (log loss of each: {tried})." if tried else "."))
    ece = evaluated["candidates"]["challenger"].get("ece") or {}
    if ece.get("value") is not None and ece.get("noise_floor") is not None:
        lines.append(
            f"The mean distance between predicted and observed is {ece['value']:.4f}; perfect predictions of "
            f"as many rows would show {ece['noise_floor']:.4f}."
        )
    outcomes = (evaluated.get("health_bands") or {}).get("outcomes")
    if outcomes:
        lines += ["", "| health band | rows | left |", "|---|---|---|"]
        lines += [f"| {one['band']} | {one['rows']:,} | {_share(one)} |" for one in outcomes]
    return lines


def _share(one: Mapping[str, Any]) -> str:
    return format_interval({**one, "value": one["churners"] / one["rows"]}, 1, percent=True)


def horizons_part(evaluated: Mapping[str, Any]) -> list[str]:
    """Return whether the chance of leaving within 30, 60 and 90 days holds, at how many cutoffs."""
    found = evaluated.get("horizons") or {}
    lines = [
        f"- {days} days: observed/expected {format_interval(one['observed_expected'], 2)}, "
        f"{level_in_words(one['observed_expected'])}; calibration error {one['ece']['value']:.3f} "
        f"({one['ece']['noise_floor']:.3f} by chance alone), AUC {format_interval(one['auc'])}; "
        f"{one['churners']:,} of {one['rows']:,} left, {cutoff_count(one['cutoffs'])}"
        for days, one in (found.get("days") or {}).items()
    ]
    return lines + [f"- {days} days: not judged: {why}" for days, why in (found.get("missing") or {}).items()]


def lead_part(evaluated: Mapping[str, Any]) -> list[str]:
    """Return what is left of the AUC when all that is known is so many days older."""
    leads = evaluated.get("lead_time") or ()
    if not leads:
        return []
    told = "; ".join(f"{one['days']} days {format_interval(one | {'value': one['auc']})}" for one in leads)
    return [f"AUC when all that is known is older by: {told}."]


def guards_part(evaluated: Mapping[str, Any], verdict: Verdict | None) -> list[str]:
    """Return which guards looked, what they found, and what was signed off."""
    guards = evaluated.get("guards")
    if not guards:
        return []
    lines = [f"Looked: {', '.join(guards['looked'])}."]
    found = guards.get("found", ())
    if not found:
        return [*lines, "", "They found nothing."]
    lines += ["", *(f"- {each}" for each in findings_told(guards))]
    if verdict and verdict.signed:
        lines += ["", "Signed off:", "", *(f"- {each}" for each in verdict.signed)]
    return lines


def findings_told(guards: Mapping[str, Any]) -> list[str]:
    """Return what guards found, those of one guard with one way out in a sentence."""
    groups = grouped(findings_of(guards))
    return [f"{group[0].severity}: {in_words(group, way_out=False)}" for group in groups]


def gates_part(evaluated: Mapping[str, Any], verdict: Verdict | None) -> list[str]:
    """Return how each gate ended; of a champion when it was promoted, of others once they were asked."""
    itself = champion_itself(evaluated)
    if verdict is None:
        return ["It is the champion; the gates were asked when it was promoted."] if itself else []
    ended = "Accepted" if verdict.accepted else "Refused"
    gates = (f"- {gate.ended}: {gate.words}" for gate in verdict.gates)
    return [f"{ended} when it was promoted." if itself else f"{ended}.", "", *gates]
