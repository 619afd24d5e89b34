"""The report of a night: one HTML page that needs no other file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup
from pydantic import BaseModel, Field

from churn.data.files import write_atomically
from churn.data.own_files import lacks_checksum, read_own_json, read_own_parquet
from churn.drift.result import Drift, read_drift
from churn.errors import CallError, SourceError
from churn.evaluation.result import EvaluationResult
from churn.guards.verdict import Verdict
from churn.labels.outcomes import WHY_LEFT
from churn.metrics.standard_errors import Z_95
from churn.params import CHURN_WORDS, LabelWords, words_of
from churn.promotion.record import FILE as PROMOTION_FILE
from churn.promotion.record import Promotion, kept_evaluation
from churn.reporting.drift_lines import headline, performance_lines
from churn.reporting.effects_section import (
    KnownEffects,
    experiment_cards,
    read_known_effects,
    total_in_words,
)
from churn.reporting.plots import CAPTIONS
from churn.reporting.plots.inline import inline_figure
from churn.reporting.plots.level import probabilities_figure
from churn.reporting.plots.style import speak_figure
from churn.reporting.quality import BAND_TITLES, describe_quality
from churn.reporting.rendering import html_template
from churn.scoring.sink import contacts_path, facts_path, scores_path
from churn.training.challenger import training_folder

Floats = npt.NDArray[np.float64]

EVALUATE_AGAIN = "Run `churn evaluate` again."
PROMOTE_AGAIN = "Run `churn evaluate`, then `churn promote`."

MAX_CALLS = 50
"""The highest number of calls on the page. The file of the call list holds all calls."""


class NightFacts(BaseModel):
    """The counts and settings of a night, as far as the report shows them."""

    run_id: str
    model_version: str
    model_digest: str
    trial: Mapping[str, Any] | None
    label_id: str
    cutoff: str
    timezone: str
    label: Mapping[str, Any]
    model: Mapping[str, Any]
    base_rate: float
    customers: int
    cohort: int
    excluded: Mapping[str, int]
    thin: int
    n_places: Annotated[int, Field(alias="places")]
    n_contacts: Annotated[int, Field(alias="contacted")]
    tasks: Mapping[str, int] = {}
    controls: int = 0
    no_control_because: str | None = None
    not_contacted: Mapping[str, int] = {}
    came_off: Mapping[str, int] = {}
    answers_are_assumed: bool = False
    switched_off: Mapping[str, tuple[str, ...]]
    value: Mapping[str, Any]
    first_reasons: Mapping[str, int]
    files: Mapping[str, str]


SCORE_COLUMNS = (
    *("customer_id", "excluded_because", "health", "value_at_risk"),
    *("play", "action", "owner", "channel", "due_at"),
)
"""The columns of the scores that the report needs; it shows the columns of reasons that there are."""


@dataclass(frozen=True)
class ReportSources:
    """The contents of the files of a night and of the evaluation.

    Attributes:
        cutoff: The date of the night.
        scores: One row per customer.
        contacts: `(customer_id, name)` of each customer on the call list, in the order of the list.
        facts: The counts and settings of the night.
        result: The evaluation of the model that scored the night; None if there is no such evaluation.
        verdict: The verdict on this model; None before `churn promote`.
        known_effects: Whether contacts helped, as far as it was measured up to the night.
        latest_version: The version of the last evaluated model, if another model scored the night; else None.
        drift: What has moved on the night; None if nobody looked, or the file is damaged.
        warnings: The files that are left out because they cannot be used, each with the reason and a way out.
    """

    cutoff: date
    scores: pd.DataFrame
    contacts: tuple[tuple[str, str], ...]
    facts: NightFacts
    result: EvaluationResult | None
    verdict: Verdict | None
    known_effects: KnownEffects
    latest_version: str | None = None
    drift: Drift | None = None
    warnings: tuple[str, ...] = ()


def read_report_sources(output: Path, cutoff: date | None = None) -> ReportSources:
    """Read the files of a night, by default of the latest night.

    An evaluation that an earlier version of the program wrote is left out, with a warning. So is a damaged
    evaluation that was kept for this night: the verb that wrote it cannot always write it again.

    Raises:
        CallError: No night was scored, or the requested night was not scored.
        SourceError: A file of the night or of the evaluation is damaged.
    """
    nights = sorted(
        night
        for folder in {path.parent for path in output.glob("scores/cutoff=*/*")}
        if (night := _night_of(folder)) is not None
    )
    if not nights:
        raise CallError(f"{output / 'scores'}: there is no night. Run `churn score` first.")
    if cutoff is not None and cutoff not in nights:
        raise CallError(
            f"--cutoff {cutoff}: this night was not scored; the latest is {nights[-1]}. "
            f"Run `churn score --cutoff {cutoff}` first."
        )
    night = cutoff or nights[-1]
    facts, scores, contacts = _read_night(output, night)
    folder = output / "evaluate"
    warnings = [
        f"{path}: it has no checksum, so an earlier version of churn wrote it. The report leaves the file "
        f"out. {way_out}"
        for name, way_out in (("metrics.json", EVALUATE_AGAIN), (PROMOTION_FILE, PROMOTE_AGAIN))
        if lacks_checksum(path := folder / name)
    ]
    is_usable = not lacks_checksum(folder / "metrics.json")
    latest = result = _read_result(folder, EVALUATE_AGAIN) if is_usable else None
    if latest is not None and latest.model.digest == facts.model_digest:
        verdict = _read_verdict(folder, result, PROMOTE_AGAIN)
    else:
        folder = kept_evaluation(output, facts.model_digest)
        way_out = f"Run `churn evaluate` for a new evaluation of the model in {training_folder(output)}."
        try:
            result = _read_result(folder, way_out)
            verdict = _read_verdict(folder, result, way_out)
        except SourceError as error:
            warnings.append(f"{error} The report leaves out the evaluation of this model.")
            result = verdict = None
    known_effects = read_known_effects(output, night, facts.label_id)
    if known_effects.warning:
        warnings.append(known_effects.warning)
    drift = None
    try:
        drift = read_drift(output, night)
    except SourceError as error:
        warnings.append(f"{error} The report leaves out what has moved.")
    if drift is not None and drift.model_digest != facts.model_digest:
        drift = None  # it was looked at with another model
    return ReportSources(
        cutoff=night,
        scores=scores,
        contacts=contacts,
        facts=facts,
        result=result,
        verdict=verdict,
        known_effects=known_effects,
        latest_version=latest.model.version if latest and latest.model.digest != facts.model_digest else None,
        drift=drift,
        warnings=tuple(warnings),
    )


def _night_of(folder: Path) -> date | None:
    """Return the night of a folder of scores; None for a folder that is not a night, such as a copy."""
    try:
        return date.fromisoformat(folder.name.removeprefix("cutoff="))
    except ValueError:
        return None


def _read_night(output: Path, night: date) -> tuple[NightFacts, pd.DataFrame, tuple[tuple[str, str], ...]]:
    """Return facts, scores, and `(customer_id, name)` of the call list in order, of a night.

    The name is "" where it is unknown.

    Raises:
        CallError: a file is missing, because an earlier version of this program wrote the night.
        SourceError: a file is damaged.
    """
    again = f"Run `churn score --cutoff {night}` again."
    try:
        facts = read_own_json(facts_path(output, night), NightFacts, way_out=again)
        scores, contacts = (
            read_own_parquet(path, columns, way_out=again, checksum=facts.files.get(path.name))
            for path, columns in (
                (scores_path(output, night), (*SCORE_COLUMNS, words_of(facts.label).probability)),
                (contacts_path(output, night), ("customer_id", "name")),
            )
        )
    except FileNotFoundError as error:
        raise CallError(f"{error.filename}: this file of the night is missing. {again}") from None
    rows = contacts.to_pylist()
    return facts, scores.to_pandas(), tuple((row["customer_id"], row["name"] or "") for row in rows)


def _read_result(folder: Path, way_out: str) -> EvaluationResult | None:
    """Return the evaluation in a folder; None if there is none."""
    path = folder / "metrics.json"
    return EvaluationResult.read(path, way_out) if os.path.lexists(path) else None


def _read_verdict(folder: Path, result: EvaluationResult | None, way_out: str) -> Verdict | None:
    """Return the verdict on the evaluated model; None if there is no verdict or it is on another model."""
    promotion = Promotion.read_if_any(folder, way_out)
    if result is None or promotion is None or promotion.digest != result.model.digest:
        return None
    return promotion.verdict


def report_path(output: Path) -> Path:
    """Return the path of the report."""
    return output / "report" / "index.html"


def write_report(output: Path, html: str) -> Path:
    """Write the page in one step: a reader sees the whole old page or the whole new page."""
    path = report_path(output)
    write_atomically(path, html.encode())
    return path


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: its title, its count, and its length in per cent of the longest bar."""

    name: str
    count: int
    length: float
    style: str = ""


@dataclass(frozen=True)
class Call:
    """One line of the call list."""

    rank: int
    customer: str
    name: str
    probability: float
    value: float | None
    health: int | None
    reasons: tuple[str, ...]
    play: str
    action: str
    owner: str
    channel: str
    due: date
    is_overdue: bool


def render_report(night: ReportSources) -> str:
    """Return the report as HTML; everything that comes from data is escaped."""
    words = words_of(night.facts.label)
    if words != CHURN_WORDS:
        return _render_event_report(night, words)
    facts = night.facts
    cohort = night.scores[night.scores["excluded_because"].isna()]
    probability = cohort["churn_probability"].to_numpy(dtype=np.float64)
    value = cohort["value_at_risk"].to_numpy(dtype=np.float64, na_value=np.nan)
    bands = cohort["health"].to_numpy(dtype=np.float64, na_value=np.nan)
    return html_template("report.html").render(
        _shared_parts(night, words),
        why_left=WHY_LEFT[facts.label.get("leaving", "any")],
        at_risk=int((bands <= 2).sum()),
        leaving=expected_total(probability),
        at_stake=expected_total(probability, value),
        value_known=int((~np.isnan(value)).sum()),
        bands=_band_bars(bands),
        probabilities=_probabilities(probability, facts.base_rate) if len(cohort) else "",
    )


def _render_event_report(night: ReportSources, words: LabelWords) -> str:
    """Return the report of a night whose label is an event: it has no health and no value at risk."""
    cohort = night.scores[night.scores["excluded_because"].isna()]
    probability = cohort[words.probability].to_numpy(dtype=np.float64)
    expected = expected_total(probability)
    return html_template("event_report.html", words).render(
        _shared_parts(night, words),
        event=words.event,
        cohort=COHORTS_OF_EVENTS[night.facts.label["among"]].format(table=night.facts.label["active_in"]),
        expected=expected,
        leaving=expected,
        probabilities=_probabilities(probability, night.facts.base_rate, words) if len(cohort) else "",
    )


COHORTS_OF_EVENTS = {
    "active": "those who are active, as {table} shows",
    "gone": "those who were active and are gone, as {table} shows",
    "all": "everybody",
}
"""Who is in the cohort of a label of an event, by `label.among`."""


def _shared_parts(night: ReportSources, words: LabelWords) -> dict[str, Any]:
    """Return the values of the parts that the reports of all labels have."""
    effects = night.known_effects.effects
    return {
        "cutoff": night.cutoff,
        "facts": night.facts,
        "horizon": night.facts.label["horizon_days"],
        "excluded": _bars(night.facts.excluded.items()),
        "families": _bars(night.facts.first_reasons.items()),
        "plays": _bars(_called_plays(night).items()),
        "calls": _calls(night, words.probability),
        "most": MAX_CALLS,
        "quality": describe_quality(night.result, night.verdict),
        "effects": effects,
        "no_effects_because": night.known_effects.reason,
        "experiments": experiment_cards(effects) if effects else (),
        "total": total_in_words(effects) if effects else "",
        "latest_version": night.latest_version,
        "drift": night.drift,
        "drift_headline": headline(night.drift) if night.drift else "",
        "performance": tuple(performance_lines(night.drift)) if night.drift else (),
        "no_drift_because": f"Run `churn drift --cutoff {night.cutoff}`, then `churn report`.",
        "captions": {name: Markup(words.speak(text)) for name, text in CAPTIONS.items()},
    }


@dataclass(frozen=True)
class Total:
    """A sum over customers, with a 95 % interval that contains only the effect of chance."""

    value: float
    low: float
    high: float


def expected_total(probability: Floats, value_at_risk: Floats | None = None) -> Total:
    """Return how many customers leave on average (or how much value), with the 95 % interval of chance.

    Each customer is assumed to leave with the given probability, independently of the other customers. The
    interval is the normal approximation for a sum of independent yes-or-no draws.

    Args:
        probability: One probability a customer, shape (customers,).
        value_at_risk: The value at risk of each customer in currency, shape (customers,). NaN is an unknown
            value and counts as 0. None means that customers are counted.
    """
    if value_at_risk is None:
        value_at_risk = probability
    at_stake = np.divide(value_at_risk, probability, out=np.zeros(len(probability)), where=probability > 0)
    deviation = float(np.sqrt(np.nansum(at_stake**2 * probability * (1 - probability))))
    total = float(np.nansum(value_at_risk))
    return Total(total, max(0.0, total - Z_95 * deviation), total + Z_95 * deviation)


def _probabilities(probability: Floats, base_rate: float, words: LabelWords = CHURN_WORDS) -> Markup:
    label = words.speak("Histogram of the customers' probability of leaving")
    figure = speak_figure(probabilities_figure(probability, base_rate), words)
    return inline_figure(figure, "probabilities", label)


def _bars(counts: Iterable[tuple[str, int]]) -> list[Bar]:
    ordered = sorted(counts, key=lambda item: (-item[1], item[0]))
    longest = max((count for _, count in ordered), default=1) or 1
    return [Bar(str(name), int(count), 100 * count / longest) for name, count in ordered]


def _band_bars(bands: Floats) -> list[Bar]:
    counts = {band: int((bands == band).sum()) for band in BAND_TITLES}
    longest = max(counts.values()) or 1
    return [
        Bar(f"{band} {BAND_TITLES[band]}", count, 100 * count / longest, f"band{band}")
        for band, count in counts.items()
    ]


def _called_plays(night: ReportSources) -> dict[str, int]:
    customers = {customer for customer, _ in night.contacts}
    plays = night.scores.loc[night.scores["customer_id"].isin(customers), "play"]
    return {str(play): int(count) for play, count in plays.value_counts().items()}


def _calls(night: ReportSources, probability: str) -> list[Call]:
    contacts = night.contacts[:MAX_CALLS]
    scores = night.scores[night.scores["customer_id"].isin({customer for customer, _ in contacts})]
    rows = {str(row["customer_id"]): row for row in scores.to_dict("records")}
    reason_columns = [str(name) for name in scores.columns if str(name).startswith("reason_")]
    return [
        _call(rank, customer, name, rows[customer], reason_columns, probability)
        for rank, (customer, name) in enumerate(contacts, start=1)
    ]


def _call(
    rank: int,
    customer: str,
    name: str,
    row: Mapping[Any, Any],
    reason_columns: Iterable[str],
    probability: str,
) -> Call:
    texts = {
        column: "" if pd.isna(row[column]) else str(row[column])
        for column in ("play", "action", "owner", "channel")
    }
    return Call(
        rank=rank,
        customer=customer,
        name=name,
        probability=row[probability],
        value=None if pd.isna(row["value_at_risk"]) else row["value_at_risk"],
        health=None if pd.isna(row["health"]) else int(row["health"]),
        reasons=tuple(str(row[column]) for column in reason_columns if not pd.isna(row[column])),
        due=row["due_at"],
        is_overdue=row.get("task_status") == "overdue",
        **texts,
    )
