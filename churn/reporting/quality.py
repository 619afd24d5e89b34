"""How good the model is, in the words and numbers of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from churn.evaluation.champion import champion_itself
from churn.metrics.catalog import CANDIDATE_NAMES, METRICS, candidate_name
from churn.metrics.interval import format_parts
from churn.reporting.plots import LABELS
from churn.reporting.plots.inline import inline_figure
from churn.reporting.plots.level import calibration_figure
from churn.reporting.plots.ranking import gain_figure

REPORT_METRICS = (
    "log_loss",
    "auc",
    "average_precision",
    "lift_at_contact_share",
    "precision_at_contact_share",
    "observed_expected",
    "calibration_slope",
    "ece",
)
"""The metrics of the report, by their keys in the catalogue."""


@dataclass(frozen=True)
class Number:
    """A value with its interval, as text; empty where it is undefined."""

    value: str
    interval: str

    @classmethod
    def of(
        cls,
        estimate: Mapping[str, Any] | None,
        digits: int,
        *,
        percent: bool = False,
        signed: bool = False,
    ) -> Number:
        """Format a `{value, low, high}`, as `format_parts` does."""
        return cls(*format_parts(estimate or {}, digits, percent=percent, signed=signed))


@dataclass(frozen=True)
class Quality:
    """The section on the model: a table of metrics by candidate, comparisons, charts."""

    version: str
    cutoffs: tuple[str, ...]
    rows: int
    churners: int
    base_rate: float
    candidates: tuple[str, ...]
    table: tuple[tuple[str, str, tuple[Number, ...]], ...]
    compared: tuple[str, ...]
    calibration_chart: Markup
    gain_chart: Markup
    verdict: str
    notes: tuple[str, ...]


def quality_of(metrics: Mapping[str, Any] | None, promotion: Mapping[str, Any] | None) -> Quality | None:
    """Put an evaluation into words; None where there was none.

    A verdict of the gates counts only if it is about the model that was evaluated.
    """
    if metrics is None:
        return None
    if promotion is not None and promotion.get("digest") != metrics["model"].get("digest"):
        promotion = None
    share = float(metrics["contact_share"])
    found = metrics["candidates"]
    there = [name for name in CANDIDATE_NAMES if name in found]
    ours = found["challenger"]
    return Quality(
        version=str(metrics.get("model", {}).get("version", "")),
        cutoffs=tuple(str(day) for day in metrics["cutoffs"]),
        rows=int(ours["rows"]),
        churners=int(ours["churners"]),
        base_rate=float(ours["base_rate"]),
        candidates=tuple(CANDIDATE_NAMES[name] for name in there),
        table=tuple(
            (
                metric.title_at(share),
                f"{metric.definition.replace('`', '')}; {metric.reading}",
                tuple(Number.of(found[name].get(metric.key), metric.digits) for name in there),
            )
            for metric in (METRICS[key] for key in REPORT_METRICS if key in ours)
        ),
        compared=tuple(_compared(metrics.get("paired", {}))),
        calibration_chart=_chart("calibration", calibration_figure, metrics, "prediction_histogram"),
        gain_chart=_chart("gain", gain_figure, metrics, "gain_table"),
        verdict=_verdict(promotion, champion_itself(metrics)),
        notes=tuple(str(note) for note in (promotion or {}).get("notes", ())),
    )


def _chart(
    name: str, figure_of: Callable[[Mapping[str, Any]], Figure | None], metrics: Mapping[str, Any], table: str
) -> Markup:
    """Return a chart of the evaluation as part of a page; empty where its table is missing."""
    figure = figure_of(metrics) if metrics.get(table) else None
    return inline_figure(figure, name, LABELS[name]) if figure is not None else Markup("")


def _compared(paired: Mapping[str, Any]) -> list[str]:
    said = []
    for pair, differences in paired.items():
        loss = differences.get("log_loss") or {}
        if loss.get("low") is None or loss.get("high") is None:
            continue
        number = METRICS["log_loss"].format(loss, signed=True)
        word = "better" if loss["high"] < 0 else "worse" if loss["low"] > 0 else "not told apart"
        link = "from" if word == "not told apart" else "than"
        other = candidate_name(pair.removeprefix("challenger_minus_"))
        said.append(f"{word} {link} {other}: log loss {number}")
    return said


def _verdict(promotion: Mapping[str, Any] | None, champion: bool) -> str:
    if promotion is None and champion:
        return "It is the champion; the gates were asked when it was promoted."
    if promotion is None:
        return "No gate has judged it yet (churn promote)."
    gates = promotion.get("gates", ())
    if promotion.get("accepted"):
        signed = sum(bool(gate.get("signed")) for gate in gates)
        by_hand = f", {signed} of them because a person signed off what was found" if signed else ""
        return f"It passed all {len(gates)} gates{by_hand}."
    stopped = [str(gate["rule"]) for gate in gates if not gate["passed"]]
    return f"It was refused by {len(stopped)} of {len(gates)} gates: {'; '.join(stopped)}."
