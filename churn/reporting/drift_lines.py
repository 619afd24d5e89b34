"""Say what has changed since the model was trained (drift), on the console, in MLflow and on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from churn.drift.result import Alarm, Drift, Figures, RealisedNight, SignalDrift
from churn.metrics.interval import Interval, format_interval

MAX_LINES = 12
"""The largest number of alarms that a verb prints; the file drift.json holds all of them."""

UNKNOWN = "not known"


def headline(drift: Drift) -> str:
    """Return a text that says how many unusual changes there are, and what was compared.

    Even if nothing has changed, the text names what was compared; so a reader knows that the check was made.
    """
    compared = [_count(len(drift.freshness), "table")]
    if drift.signals is not None:
        compared.append(_count(len(drift.signals), "signal"))
    if drift.score is not None:
        compared.append("the probabilities")
    listed = f"{', '.join(compared[:-1])} and {compared[-1]}" if len(compared) > 1 else compared[0]
    if not drift.alarms:
        verb = "was" if listed == "1 table" else "were"
        return (
            f"Nothing has changed unusually: {listed} {verb} compared with earlier data and with the "
            "training rows."
        )
    if len(drift.alarms) == 1:
        return f"One thing has changed unusually. Compared were {listed}."
    return f"{len(drift.alarms)} things have changed unusually. Compared were {listed}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def drift_lines(drift: Drift) -> Iterator[str]:
    """Yield the lines about a night: how many unusual changes there are, and the reasons to train again."""
    yield f"drift: {headline(drift)}"
    if drift.no_reference_because:
        reason = drift.no_reference_because
        yield f"  signals and probabilities are not compared with the training rows: {reason}."
    for trigger in drift.retrain:
        yield f"  train again: {trigger.text}"


def drift_warnings(alarms: Sequence[Alarm]) -> list[str]:
    """Return one warning for each alarm; after `MAX_LINES`, one warning with the number of further alarms."""
    warnings = [f"drift: {alarm}" for alarm in alarms[:MAX_LINES]]
    if len(alarms) > MAX_LINES:
        warnings.append(f"drift: {len(alarms) - MAX_LINES} more alarms are in drift.json.")
    return warnings


def detail_lines(drift: Drift) -> Iterator[str]:
    """Yield the details that only `churn drift` shows: on tables, signals, performance, and reasons to train
    again.
    """
    population = drift.population
    if population.n_treated and not population.note:
        yield (
            f"compared without the {population.n_treated:,} customers who were contacted in the last 91 "
            f"days; {population.n_controls:,} controls stand for them"
        )
    if population.note:
        yield population.note
    yield "tables: newest row, days without rows (longest gap), rows of the last day (usual)"
    for table in drift.freshness:
        gap = UNKNOWN if table.longest_gap_days is None else f"{table.longest_gap_days}"
        usual = UNKNOWN if table.usual_rows is None else f"{table.usual_rows:,.0f}"
        yield (
            f"  {table.table}: {table.newest_row_on}, {table.age_days} ({gap}), "
            f"{table.rows_last_day:,} ({usual})"
        )
    if drift.signals:
        yield "signals nearest to their limit: PSI (limit; usual between cutoffs), missing (in training)"
        for signal in drift.signals[:5]:
            yield f"  {signal_in_words(signal)}"
    if drift.score is not None:
        yield f"probabilities: {signal_in_words(drift.score)}"
    yield f"told apart from the training rows: {told_apart_in_words(drift)}"
    yield from performance_lines(drift)
    for trigger in drift.triggers:
        answer = {True: "yes", False: "no", None: UNKNOWN}[trigger.fires]
        yield f"train again because of {trigger.name.replace('_', ' ')}: {answer}; {trigger.text}"


def signal_in_words(signal: SignalDrift) -> str:
    """Return the population stability index of a signal and its limit, as text."""
    psi, limit, usual = (
        UNKNOWN if number is None else f"{number:.3f}" for number in (signal.psi, signal.limit, signal.usual)
    )
    missing = UNKNOWN if signal.missing is None else f"{signal.missing:.1%}"
    return f"{signal.signal}: {psi} ({limit}; {usual}), {missing} ({signal.missing_in_training:.1%})"


def told_apart_in_words(drift: Drift) -> str:
    """Return how well decision trees separate tonight's customers from the customers in the training rows, or
    why this was not measured.
    """
    if drift.told_apart.auc is None:
        return drift.told_apart.because or UNKNOWN
    by = ", ".join(f"{name} ({share:.0%})" for name, share in drift.told_apart.by)
    return f"AUC {format_interval(drift.told_apart.auc)}, by {by}"


def performance_lines(drift: Drift) -> Iterator[str]:
    """Yield the estimated performance of the model tonight, and for earlier nights the realised performance
    beside the estimated one.
    """
    performance = drift.performance
    if performance.estimate is not None:
        yield f"Performance of tonight, estimated without outcomes: {figures_in_words(performance.estimate)}"
    for night in performance.realised_nights:
        treated = "are left out" if night.note is None else "count too, because no control stands for them"
        yield (
            f"Performance of {night.night}, realised: {figures_in_words(night.outcome_figures)}; observed "
            f"over expected {format_interval(night.observed_expected, 2)} ({night.churners:,} of "
            f"{night.customers:,} left; {night.n_treated:,} contacted customers {treated})"
        )
        estimate = figures_in_words(night.estimated_figures)
        yield f"  estimated for the same customers: {estimate}; {verdict(night)}"
    if performance.because and not performance.realised_nights:
        yield f"Performance, realised: {performance.because}."


def figures_in_words(figures: Figures) -> str:
    """Return the AUC, the log loss and the Brier score with their intervals, as text."""
    return (
        f"AUC {format_interval(figures.auc)}, log loss {format_interval(figures.log_loss)}, Brier score "
        f"{format_interval(figures.brier)}"
    )


def verdict(night: RealisedNight) -> str:
    """Say whether the realised AUC, log loss and Brier score lie within the intervals that were estimated."""
    outside = [
        title
        for title, realised, estimated in (
            ("AUC", night.outcome_figures.auc, night.estimated_figures.auc),
            ("log loss", night.outcome_figures.log_loss, night.estimated_figures.log_loss),
            ("Brier score", night.outcome_figures.brier, night.estimated_figures.brier),
        )
        if not _is_within(realised, estimated)
    ]
    if not outside:
        return "the realised measures lie within what chance brings"
    return f"the realised {' and '.join(outside)} lie{'s' if len(outside) == 1 else ''} outside"


def _is_within(measure: Interval, bounds: Interval) -> bool:
    if measure.value is None or bounds.low is None or bounds.high is None:
        return True
    return bounds.low <= measure.value <= bounds.high


def drift_metrics(drift: Drift) -> dict[str, float]:
    """Return the drift figures of a night for MLflow, under fixed names; figures that are missing are left
    out.
    """
    estimated = drift.performance.estimate
    level = drift.performance.level
    figures: dict[str, float | None] = {
        "drift/alarms": float(len(drift.alarms)),
        "drift/signals_moved": None
        if drift.signals is None
        else float(sum(signal.has_moved for signal in drift.signals)),
        "drift/score_psi": drift.score.psi if drift.score else None,
        "drift/told_apart_auc": drift.told_apart.auc.value if drift.told_apart.auc else None,
        "drift/estimated_auc": estimated.auc.value if estimated else None,
        "drift/estimated_log_loss": estimated.log_loss.value if estimated else None,
        "drift/observed_expected": level.value if level else None,
        "drift/retrain": float(len(drift.retrain)),
    }
    return {name: value for name, value in figures.items() if value is not None}
