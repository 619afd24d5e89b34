"""The section about the quality of the model, for the report of a night and for the page of a promotion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup
from matplotlib.figure import Figure

from churn.evaluation.result import BandOutcome, EvaluationResult
from churn.guards.verdict import Verdict
from churn.metrics.catalog import CANDIDATE_NAMES, METRICS, candidate_name
from churn.metrics.interval import Interval, format_parts, level_in_words
from churn.reporting.plots import LABELS
from churn.reporting.plots.inline import inline_figure
from churn.reporting.plots.level import calibration_figure
from churn.reporting.plots.ranking import gain_figure
from churn.reporting.plots.style import speak_figure

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


@dataclass(frozen=True)
class Cell:
    """A number and its interval as text; both are empty if the number is not defined."""

    value: str = ""
    interval: str = ""

    @classmethod
    def of(cls, figure: Interval | None, digits: int, *, percent: bool = False, signed: bool = False) -> Cell:
        """Format a number with its interval.

        Args:
            figure: The value, with the bounds of its interval if it has one.
            digits: The number of decimals.
            percent: Whether a share is written in per cent.
            signed: Whether positive numbers get a sign too, as for differences.
        """
        return cls() if figure is None else cls(*format_parts(figure, digits, percent=percent, signed=signed))


BAND_TITLES = {5: "well", 4: "good", 3: "as usual", 2: "weak", 1: "about to leave"}


@dataclass(frozen=True)
class BandRow:
    """A health band as a row: the number of its test rows, their mean predicted probability, and the share
    of them whose customer left.
    """

    name: str
    rows: int
    predicted: float
    observed: Cell


@dataclass(frozen=True)
class BandTable:
    """The health bands that have test rows.

    Attributes:
        falls: Whether in each band the share of rows whose customer left is lower than in the next worse
            band.
    """

    bands: tuple[BandRow, ...]
    falls: bool


def band_table(outcomes: Sequence[BandOutcome]) -> BandTable | None:
    """Return for each health band the share of test rows whose customer left; None if there are no test rows.

    Args:
        outcomes: One outcome for each health band with test rows, from band 1 up.
    """
    if not outcomes:
        return None
    rows = tuple(
        BandRow(
            name=f"{band.band} {BAND_TITLES[band.band]}",
            rows=band.rows,
            predicted=band.predicted,
            observed=Cell.of(Interval(value=band.share, low=band.low, high=band.high), 1, percent=True),
        )
        for band in outcomes
    )
    return BandTable(rows, all(band.share > following.share for band, following in pairwise(outcomes)))


@dataclass(frozen=True)
class Quality:
    """The section about the quality of the model: a table of metrics, comparisons with baselines, and charts.

    Attributes:
        table: The rows of the table, one for each metric: its title, its explanation, and a cell for each
            candidate (the model, and each model or rule to compare it with).
        comparisons: For each candidate with which the model is compared, a text about the paired difference
            of the log loss (the model minus this candidate).
        level: The observed number of churners divided by the expected number. None if the interval of this
            ratio contains 1. If the interval does not contain 1, the probabilities are too high or too low.
    """

    version: str
    cutoffs: tuple[str, ...]
    rows: int
    churners: int
    base_rate: float
    candidates: tuple[str, ...]
    table: tuple[tuple[str, str, tuple[Cell, ...]], ...]
    comparisons: tuple[str, ...]
    level: Interval | None
    bands: BandTable | None
    calibration_chart: Markup
    gain_chart: Markup
    verdict: str
    notes: tuple[str, ...]


def describe_quality(result: EvaluationResult | None, verdict: Verdict | None) -> Quality | None:
    """Return the section about the quality of the evaluated model; None if there is no evaluation.

    Args:
        result: The result of the evaluation; None as long as `churn evaluate` has not run.
        verdict: The verdict of the gates on the evaluated model; None as long as `churn promote` has not run.
    """
    if result is None:
        return None
    ours = result.challenger
    names = [name for name in CANDIDATE_NAMES if name in result.candidates]
    return Quality(
        version=result.model.version,
        cutoffs=tuple(map(str, result.cutoffs)),
        rows=ours.rows,
        churners=ours.churners,
        base_rate=ours.base_rate,
        candidates=tuple(CANDIDATE_NAMES[name] for name in names),
        table=tuple(
            (
                METRICS[metric].title_at(result.contact_share),
                result.words.speak(METRICS[metric].reading),
                tuple(
                    Cell.of(result.candidates[name].metric(metric), METRICS[metric].digits) for name in names
                ),
            )
            for metric in REPORT_METRICS
        ),
        comparisons=tuple(_comparisons(result)),
        level=_level_off(ours.observed_expected),
        bands=band_table(result.health_bands.outcomes),
        calibration_chart=_chart("calibration", calibration_figure, result),
        gain_chart=_chart("gain", gain_figure, result),
        verdict=_verdict_sentence(verdict, is_champion=result.evaluated_champion),
        notes=verdict.notes if verdict else (),
    )


def _level_off(ratio: Interval) -> Interval | None:
    if ratio.value is None or ratio.low is None or ratio.high is None or ratio.low <= 1 <= ratio.high:
        return None
    return ratio


def _chart(name: str, draw: Callable[[EvaluationResult], Figure | None], result: EvaluationResult) -> Markup:
    figure = draw(result)
    return (
        Markup("")
        if figure is None
        else inline_figure(speak_figure(figure, result.words), name, result.words.speak(LABELS[name]))
    )


def _comparisons(result: EvaluationResult) -> Iterator[str]:
    for other in result.compared_with:
        pair = result.pair(other)
        if pair is None or pair.log_loss.low is None or pair.log_loss.high is None:
            continue
        if pair.log_loss.high < 0:
            verdict = "better than"
        else:
            verdict = "worse than" if pair.log_loss.low > 0 else "not shown to differ from"
        loss = METRICS["log_loss"].format(pair.log_loss, signed=True)
        yield f"{verdict} {candidate_name(other)}: log loss {loss}"


def advice_in_words(result: EvaluationResult) -> str:
    """Return a sentence that says how to use the call list and the probabilities.

    The page shows this sentence only if the model can predict the label.
    """
    if _level_off(result.challenger.observed_expected) is not None:
        return "Work from the top of the list, and do not treat the probabilities as exact."
    return "Use the list in its order, and the probabilities as they are."


def meaning_in_words(result: EvaluationResult) -> tuple[str, ...]:
    """Return sentences that say what an evaluation means for people who work with the call list.

    The sentences speak of churners; if the model predicts another event, the caller replaces the words about
    churn.
    """
    ours, sentences = result.challenger, []
    lift = ours.lift_at_contact_share
    if lift.value is not None and result.contact_share:
        times = METRICS["lift_at_contact_share"].format(lift)
        sentences.append(
            f"The first {result.contact_share:.0%} of the customers on the list include {times} times as "
            "many churners as a random choice of the same size."
        )
    level = level_in_words(ours.observed_expected)
    if _level_off(ours.observed_expected) is not None:
        sentences.append(
            f"On average, the probabilities are wrong: {level}. Use the order of the list, and do not treat "
            "the probabilities as exact."
        )
    elif ours.observed_expected.low is not None:
        sentences.append(
            f"The average level of the probabilities is {level}: the probabilities may be used as they are."
        )
    sentences += [f"The model is {comparison}." for comparison in _comparisons(result)]
    return tuple(sentences)


def _verdict_sentence(verdict: Verdict | None, *, is_champion: bool) -> str:
    if verdict is None and is_champion:
        return "The model is the champion; the gates were applied when it was promoted."
    if verdict is None:
        return "The gates were not applied yet (churn promote)."
    gates = verdict.gates
    if verdict.accepted:
        signed = sum(gate.signed for gate in gates)
        by_person = f", {signed} of them because a person signed off a finding" if signed else ""
        return f"It passed all {len(gates)} gates{by_person}."
    refused = [gate.rule for gate in gates if not gate.passed]
    return f"The model was refused by {len(refused)} of {len(gates)} gates: {'; '.join(refused)}."
