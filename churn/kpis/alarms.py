"""Alarms about figures: the latest value lies outside the limits that come from the earlier values.

The latest value is compared with the usual value, which is the median of the values shortly before. For each
past period, the distance of its value from its usual value is computed in the same way. The limits come from
the median and the median absolute deviation (MAD) of these past distances, so a single bad week hardly
changes the limits. If there are two years of data, a second pair of limits is computed from the values
without their yearly pattern (the season). Of the two pairs, the narrower one is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from statsmodels.tsa.seasonal import STL

from churn.kpis.definitions.definition import FigureDefinition
from churn.kpis.figure import Figure, Period, Slice
from churn.kpis.section import SectionResult
from churn.kpis.series import in_series
from churn.metrics.interval import Part
from churn.metrics.standard_errors import Z_95

Floats = npt.NDArray[np.float64]

MAD_TO_SIGMA = 1.4826
"""The factor from the median absolute deviation to the standard deviation of a normal distribution."""

N_SIGMA = {"week": 3.2, "month": 4.5}
"""The distance of the limit from the usual value, in robust standard deviations.

The value is chosen so that companies in which nothing changes get an alarm in at most 5 % of the periods,
over all watched figures together; `python -m benchmarks.kpis alarms` measures it.
"""

SEASON = {"week": 52, "month": 12}
"""The number of periods of a year, by kind of period. Only figures of these kinds are watched."""

N_USUAL = {"week": 8, "month": 4}
"""The number of values before the latest value; their median is the usual value."""

N_SIGMA_OF_PART = {"week": 4.2, "month": 6.0}
"""The distance of the limit from the usual value for a stage, a class of ratings or a segment, in robust
standard deviations.

There are many such parts, so their limit lies further away.
"""

MIN_DISTANCES = {"week": 16, "month": 12}
"""The least number of past distances. Fewer distances do not show what is usual."""

MAX_DISTANCES = 104
CYCLES_FOR_SEASON = 2


class Alarm(Part):
    """A figure whose latest value lies outside the limits that come from its earlier values.

    Attributes:
        name: The name of the figure.
        slice: The part of the population: a stage of the playbook, a class of ratings (such as promoters) or
            a segment; None for all customers.
        period: The latest period with a value.
        value: The value.
        usual: The usual value, including the season of this period if `season` is true.
        limit: The limit that the value crossed: the largest or the smallest value that the history allows.
        n_history: The number of past distances (value minus usual value) from which the limit comes.
        season: Whether the limits come from the values without their yearly pattern (the season).
        text: The alarm in words.
    """

    name: str
    period: Period
    value: float
    usual: float
    limit: float
    n_history: int
    season: bool
    text: str
    slice: Slice | None = None


class AlarmsResult(SectionResult):
    """The alarms about the figures of the latest periods; limits come from the earlier values of each figure.

    Attributes:
        alarms: The figures whose latest value lies outside these limits.
        n_watched: The number of time series of figures for which limits could be computed.
        n_too_short: The number of time series of figures for which no limits could be computed, because the
            series is too short or never changes.
    """

    alarms: tuple[Alarm, ...]
    n_watched: int
    n_too_short: int


@dataclass(frozen=True)
class Limits:
    """The limits for the latest value of a figure, computed from its earlier values.

    Attributes:
        usual: The usual value.
        low, high: The lowest and the highest allowed value.
        n_history: The number of past distances (value minus usual value) from which the limits come.
        season: Whether the limits come from the values without their yearly pattern (the season).
    """

    usual: float
    low: float
    high: float
    n_history: int
    season: bool


def alarms_section(figures: Sequence[Figure]) -> AlarmsResult:
    """Compare the latest value of each watched figure with the past values of the same figure.

    Args:
        figures: The figures of all sections: for all customers, each stage, each class of ratings (such as
            promoters) and each segment. Only the weekly and monthly figures are watched.
    """
    watched = [figure for figure in figures if figure.period.kind in SEASON and figure.definition.is_watched]
    alarms, n_watched, n_too_short = [], 0, 0
    for sequence in in_series(watched):
        kind, history = sequence[0].period.kind, _latest_run(sequence)
        limits = limits_of(history, kind)
        if limits is None:
            n_too_short += 1
            continue
        n_watched += 1
        if alarm := _alarm(history[-1], limits):
            alarms.append(alarm)
    return AlarmsResult(alarms=tuple(alarms), n_watched=n_watched, n_too_short=n_too_short)


def _latest_run(sequence: Sequence[Figure]) -> list[Figure]:
    """Return the figures of the latest unbroken run of periods: each has a value, and no period is missing
    between them.
    """
    ordered = sorted(sequence, key=lambda figure: figure.period.start)
    while ordered and ordered[-1].value is None:
        ordered.pop()
    run: list[Figure] = []
    for figure in reversed(ordered):
        if figure.value is None or (run and run[-1].period.start != figure.period.end):
            break
        run.append(figure)
    return run[::-1]


def limits_of(history: Sequence[Figure], kind: str) -> Limits | None:
    """Return the limits of the latest figure, computed from the figures before it.

    There are no limits (None) if the figures are too few or never change.

    Args:
        history: Figures of consecutive periods, each with a value; the last one is judged.
        kind: The kind of the periods, a key of `SEASON`.
    """
    values = np.array([figure.value for figure in history], dtype=np.float64)
    if len(values) < N_USUAL[kind] + MIN_DISTANCES[kind] + 1:
        return None
    noise = _sampling_error(history[-1])
    n_sigma = (N_SIGMA if history[-1].slice is None else N_SIGMA_OF_PART)[kind]
    plain = _limits(values, np.zeros(len(values)), noise, kind, n_sigma, factor=1.0)
    n_cycles = (len(values) - 1) // SEASON[kind]
    if n_cycles < CYCLES_FOR_SEASON:
        return plain
    # The season of c years is fitted to the same c years. So the distances inside them are too small by a
    # factor of about sqrt((c - 1) / c), and the distance of the next value is larger by sqrt((c + 1) / c).
    factor = float(np.sqrt((n_cycles + 1) / (n_cycles - 1)))
    season = _season(values, SEASON[kind])
    seasonal = _limits(values, season, noise, kind, n_sigma, factor)
    if plain is None or seasonal is None:
        return plain
    is_narrower = seasonal.high - seasonal.low < plain.high - plain.low
    return seasonal if is_narrower else plain


def _season(values: Floats, length: int) -> Floats:
    """Return the seasonal part of each value.

    The last value is the one to be judged, so the season is fitted without it. The last value gets the
    seasonal part of the value one year before.
    """
    # Degree 0 is a mean over the years; a line through two years would pass exactly through both, noise
    # included.
    fit = STL(values[:-1], period=length, seasonal=_odd_above(len(values)), seasonal_deg=0).fit()
    season = np.asarray(fit.seasonal, dtype=np.float64)
    return np.append(season, season[len(season) - length])


def _odd_above(number: int) -> int:
    """Return the smallest odd number above `number`.

    `_season` calls this function with the number of values, and averages the season over a window of the
    returned width. This window covers all values, so all years share one seasonal pattern.
    """
    return number + 1 + number % 2


def _limits(
    values: Floats, season: Floats, noise: float, kind: str, n_sigma: float, factor: float
) -> Limits | None:
    adjusted, n_usual = values - season, N_USUAL[kind]
    usual = np.array(
        [np.median(adjusted[index - n_usual : index]) for index in range(n_usual, len(adjusted))]
    )
    distances = adjusted[n_usual:] - usual
    past = distances[:-1][-MAX_DISTANCES:]
    middle = float(np.median(past))
    sigma = MAD_TO_SIGMA * float(np.median(np.abs(past - middle))) * factor
    sigma = max(sigma, noise)
    if sigma == 0:
        return None  # the figure never changed, so its history does not show how large a usual change is
    expected = float(usual[-1]) + middle + float(season[-1])
    return Limits(
        usual=expected,
        low=expected - n_sigma * sigma,
        high=expected + n_sigma * sigma,
        n_history=len(past),
        season=bool(season.any()),
    )


def _sampling_error(figure: Figure) -> float:
    """Return a figure's standard error, computed from its interval or its count; 0 if it has neither."""
    if figure.low is not None and figure.high is not None:
        return (figure.high - figure.low) / (2 * Z_95)
    if figure.definition.unit in ("customers", "orders") and figure.value is not None:
        return float(np.sqrt(max(figure.value, 1.0)))
    return 0.0


def _alarm(figure: Figure, limits: Limits) -> Alarm | None:
    """Return the alarm if the figure is worse than its history allows.

    If neither higher nor lower values of the figure are better, a value outside either limit is worse.
    """
    value, definition = figure.value, figure.definition
    if value is None:
        return None
    is_low = value < limits.low and definition.better != "lower"
    is_high = value > limits.high and definition.better != "higher"
    if not is_low and not is_high:
        return None
    limit = limits.low if is_low else limits.high
    return Alarm(
        name=figure.name,
        slice=figure.slice,
        period=figure.period,
        value=value,
        usual=limits.usual,
        limit=limit,
        n_history=limits.n_history,
        season=limits.season,
        text=_words(definition, figure, value, limits, is_low),
    )


def _words(definition: FigureDefinition, figure: Figure, value: float, limits: Limits, is_low: bool) -> str:
    period, part = figure.period, figure.slice
    title = definition.title if part is None else f"{definition.title} ({part.by} {part.level})"
    limit = limits.low if is_low else limits.high
    season = "the season taken out" if limits.season else "no season taken out"
    moves = "fell" if is_low else "rose"
    return (
        f"{title} {moves} to {definition.format(value)} {definition.unit} in {period}: usual is "
        f"{definition.format(limits.usual)}, and its own history allows {definition.format(limit)} "
        f"({limits.n_history} {period.kind}s, median and MAD, {season})"
    )
