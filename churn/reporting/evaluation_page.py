"""The page of an evaluation: one HTML page that needs no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from churn.data.files import write_atomically
from churn.evaluation.measures import (
    CalibrationBySegment,
    CandidateMetrics,
    SegmentCalibration,
    SegmentMetrics,
    Spread,
)
from churn.evaluation.result import EvaluationResult, Horizons
from churn.metrics.catalog import CANDIDATE_NAMES, METRICS, pair_name
from churn.metrics.interval import Interval, cutoff_count, format_range, level_in_words
from churn.params import CHURN_WORDS, LabelWords
from churn.reporting.console import split_lines
from churn.reporting.cost_lines import format_cost
from churn.reporting.plots import CAPTIONS, FIGURES, LABELS
from churn.reporting.plots.inline import inline_svg
from churn.reporting.quality import Cell, advice_in_words, meaning_in_words
from churn.reporting.rendering import html_template

WIDE_CHARTS = ("importance", "partial_dependence")
HEADLINE_METRICS = (
    "auc",
    "lift_at_contact_share",
    "observed_expected",
    "profit_per_customer_at_contact_share",
)
PAIRED_METRICS = (
    "log_loss",
    "auc",
    "lift_at_contact_share",
    "value_lift_at_contact_share",
    "profit_per_customer_at_contact_share",
)
CUTOFF_METRICS = (
    "log_loss",
    "auc",
    "lift_at_contact_share",
    "observed_expected",
    "profit_per_customer_at_contact_share",
)
SPLIT_METRICS = ("auc", "log_loss", "average_precision", "lift_at_contact_share", "observed_expected")
SEGMENT_METRICS = ("auc", "log_loss", "observed_expected")
CONTEXT = {"ceiling": "at most", "base_rate": "by chance", "noise_floor": "noise", "optimism": "optimism"}
"""The fields of a metric with values to compare it with, and their titles on the page."""


@dataclass(frozen=True)
class Line:
    """A line of a table: a title, words below the title, and a cell for each column."""

    title: str
    words: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class FigureTable:
    """A table of figures: the titles of its columns, and its lines."""

    headings: tuple[str, ...]
    lines: tuple[Line, ...]


def write_evaluation_page(folder: Path, result: EvaluationResult) -> Path:
    """Write `report.html` with the charts that are in the folder, and return the path of the file.

    Args:
        folder: The folder of the evaluation, `output/evaluate`.
        result: The result of the evaluation.
    """
    plots = {
        name: (folder / "plots" / f"{name}.svg").read_text(encoding="utf-8")
        for name in FIGURES
        if (folder / "plots" / f"{name}.svg").is_file()
    }
    path = folder / "report.html"
    write_atomically(path, render_evaluation(result, plots).encode())
    return path


def render_evaluation(result: EvaluationResult, plots: Mapping[str, str]) -> str:
    """Return the page as HTML; a section that has no figures is left out.

    Args:
        result: The result of the evaluation.
        plots: The text of each chart as SVG, by the name of the chart.
    """
    names = [name for name in CANDIDATE_NAMES if name in result.candidates]
    spread, share = result.spread.get("challenger"), result.contact_share
    words = result.words
    return html_template("evaluation.html", words).render(
        model=result.model,
        cutoffs=result.cutoffs,
        ours=result.challenger,
        signal=result.signal,
        verdict=words.speak(VERDICTS[result.signal.found]),
        advice=advice_in_words(result),
        meaning=[words.speak(sentence) for sentence in meaning_in_words(result)],
        cards=[
            (_title(name, share), _cell(figure, name), _range(spread, name), words.speak(_explanation(name)))
            for name in HEADLINE_METRICS
            if (figure := result.challenger.metric(name)) is not None
        ],
        candidates=[CANDIDATE_NAMES[name] for name in names],
        metrics=_metric_lines(
            [result.candidates[name] for name in names], result.challenger, spread, share, words
        ),
        pairs=_pair_table(result, share),
        charts=_charts(plots, words),
        by_cutoff=_cutoff_table(result, share),
        horizons=horizon_rows(result.horizons),
        segment_levels=segment_rows(result.calibration_by_segment, words),
        splits=_split_table(result, share),
        segments=[
            (attribute.replace("_", " "), _segment_table(levels, share, words))
            for attribute, levels in result.segments.items()
            if levels
        ],
        deciles=result.decile_table,
        value=result.value,
        measured_cost=format_cost(cost) if result.value and (cost := result.value.measured_cost) else "",
        notes=list(result.notes.values()),
    )


def _charts(plots: Mapping[str, str], words: LabelWords) -> list[tuple[Markup, Markup, str]]:
    """Return for each chart the picture, the caption and the style. Narrow charts stand in pairs; if the last
    one has no partner, it is made wide.
    """
    narrow = [name for name in plots if name not in WIDE_CHARTS]
    odd = narrow[-1:] if len(narrow) % 2 else []
    return [
        (
            inline_svg(svg, name, words.speak(LABELS[name])),
            Markup(words.speak(CAPTIONS[name])),
            "wide" if name in WIDE_CHARTS else "wide alone" if name in odd else "",
        )
        for name, svg in plots.items()
    ]


def _metric_lines(
    candidates: Sequence[CandidateMetrics],
    challenger: CandidateMetrics,
    spread: Spread | None,
    share: float,
    words: LabelWords,
) -> list[tuple[Line, str]]:
    """Return for each metric a line with the figures of all candidates, and a text about the challenger.

    The text gives values to compare the challenger's figure with, such as the figure of a random ranking. It
    also gives the lowest and the highest figure of the challenger among the test cutoffs.
    """
    return [
        (
            Line(
                _title(name, share),
                words.speak(_explanation(name)),
                tuple(_cell(c.metric(name), name) for c in candidates),
            ),
            "; ".join(filter(None, (_context(challenger, name), _range(spread, name)))),
        )
        for name in METRICS
        if challenger.metric(name) is not None
    ]


def _pair_table(result: EvaluationResult, share: float) -> FigureTable:
    shown = [name for name in PAIRED_METRICS if any(pair.metric(name) for pair in result.paired.values())]
    return FigureTable(
        tuple(_title(name, share) for name in shown),
        tuple(
            Line(pair_name(key), "", tuple(_cell(pair.metric(name), name, signed=True) for name in shown))
            for key, pair in result.paired.items()
        ),
    )


def _cutoff_table(result: EvaluationResult, share: float) -> FigureTable:
    by_cutoff = {cutoff: candidates["challenger"] for cutoff, candidates in result.by_cutoff.items()}
    shown = [name for name in CUTOFF_METRICS if any(ours.metric(name) for ours in by_cutoff.values())]
    return FigureTable(
        tuple(_title(name, share) for name in shown),
        tuple(
            Line(
                str(cutoff),
                _counts(ours.rows, ours.churners, ours.base_rate, result.words),
                tuple(_cell(ours.metric(name), name) for name in shown),
            )
            for cutoff, ours in by_cutoff.items()
        ),
    )


def _split_table(result: EvaluationResult, share: float) -> FigureTable:
    """Return one line for each way to split the rows into training and test.

    The title of the naive (random) split says that its figures are not to be quoted.
    """
    return FigureTable(
        tuple(_title(name, share) for name in SPLIT_METRICS),
        tuple(
            Line(
                line.title,
                _counts(line.metrics.rows, line.metrics.churners, line.metrics.base_rate, result.words),
                tuple(_cell(getattr(line.metrics, name), name) for name in SPLIT_METRICS),
            )
            for line in split_lines(result.four_numbers)
            if line.letter in ("a", "b", "c")
        ),
    )


def _segment_table(levels: Sequence[SegmentMetrics], share: float, words: LabelWords) -> FigureTable:
    return FigureTable(
        tuple(_title(name, share) for name in SEGMENT_METRICS),
        tuple(
            Line(
                level.level,
                _counts(level.rows, level.churners, level.base_rate, words),
                tuple(_cell(getattr(level, name), name) for name in SEGMENT_METRICS),
            )
            for level in levels
        ),
    )


def _counts(rows: int, churners: int, base_rate: float, words: LabelWords = CHURN_WORDS) -> str:
    return f"{rows:,} rows, {churners:,} {words.happened} ({base_rate:.1%})"


def _cell(figure: Interval | None, name: str, *, signed: bool = False) -> Cell:
    return Cell.of(figure, METRICS[name].digits, signed=signed)


def _context(candidate: CandidateMetrics, name: str) -> str:
    """Return a text with the values to compare a metric with, such as its value for a random ranking."""
    figure, digits = candidate.metric(name), METRICS[name].digits
    numbers = {title: getattr(figure, field) for field, title in CONTEXT.items()}
    return ", ".join(
        f"{title} {number:z.{digits}f}" for title, number in numbers.items() if number is not None
    )


def _range(spread: Spread | None, name: str) -> str:
    values = spread.metric(name) if spread else None
    if spread is None or values is None or spread.cutoffs < 2:
        return ""
    return f"by test date {format_range(values.min, values.max, METRICS[name].digits)}"


def _explanation(name: str) -> str:
    return METRICS[name].reading.replace("`", "")


def _title(name: str, share: float) -> str:
    return METRICS[name].title_at(share)


VERDICTS = {
    "signal": "it predicts who leaves",
    "no more than RFM": "it predicts no more than recency, frequency and value do",
    "ranks only": "it puts customers in order, but its probabilities are off",
    "no signal": "it does not predict who leaves",
}
"""The verdict of an evaluation: the texts for each result about the signals."""

EMPTY = Cell()


@dataclass(frozen=True)
class HorizonRow:
    """How well the probability of leaving within `days` days agrees with the outcomes.

    If this was not measured, `words` says why, and the figures are empty.
    """

    days: int
    words: str
    counts: str = ""
    observed_expected: Cell = EMPTY
    error: Cell = EMPTY
    auc: Cell = EMPTY


def horizon_rows(horizons: Horizons | None) -> tuple[HorizonRow, ...]:
    """Return one row for each horizon; horizons that were not measured come last. If the label is not about
    contracts, there is no row.
    """
    if horizons is None:
        return ()
    measured = [
        HorizonRow(
            days,
            f"{level_in_words(horizon.observed_expected)}, {cutoff_count(horizon.cutoffs)}",
            _counts(horizon.rows, horizon.churners, horizon.base_rate),
            Cell.of(horizon.observed_expected, 2),
            Cell(f"{horizon.ece.value:.4f}", f"{horizon.ece.noise_floor:.4f} by chance only"),
            Cell.of(horizon.auc, 3),
        )
        for days, horizon in horizons.days.items()
    ]
    missing = [HorizonRow(days, f"not measured: {reason}") for days, reason in horizons.missing.items()]
    return (*measured, *missing)


@dataclass(frozen=True)
class SegmentRow:
    """Whether the number of customers of a segment who left agrees with what the model expected."""

    title: str
    rows: int
    churners: int
    observed_expected: Cell
    words: str
    off: bool = False


@dataclass(frozen=True)
class SegmentRows:
    """The table of segments on the page: a row for all customers, and then a row for each segment.

    Attributes:
        cutoffs: The cutoffs whose predictions are counted.
        n_tested: The number of segments that have enough churners to be tested.
    """

    rows: tuple[SegmentRow, ...]
    cutoffs: tuple[str, ...]
    n_tested: int


def segment_rows(section: CalibrationBySegment, words: LabelWords = CHURN_WORDS) -> SegmentRows | None:
    """Return a row for all customers and a row for each segment; None if there are no segments."""
    if not section.groups:
        return None
    all_customers = SegmentRow(
        "all customers",
        section.all.rows,
        section.all.churners,
        Cell.of(section.all.observed_expected, 2),
        level_in_words(section.all.observed_expected),
    )
    rows = [
        SegmentRow(
            f"{attribute.replace('_', ' ')}: {level.level}",
            level.rows,
            level.churners,
            Cell.of(level.observed_expected, 2),
            words.speak(_segment_words(level)),
            level.off,
        )
        for attribute, levels in section.groups.items()
        for level in levels
    ]
    n_tested = sum(level.judged for levels in section.groups.values() for level in levels)
    return SegmentRows((all_customers, *rows), tuple(map(str, section.cutoffs)), n_tested)


def _segment_words(level: SegmentCalibration) -> str:
    if not level.judged:
        return "too few churners for a test"
    if not level.off:
        return "not shown to be off"
    return "off: fewer leave than expected" if (level.z or 0) < 0 else "off: more leave than expected"
