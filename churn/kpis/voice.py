"""The figures of surveys and support: NPS, CSAT, answers to low ratings, replies to tickets, and customers
who leave in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.features.language.reader import NEVER
from churn.kpis.counting import Cells, count_cells, figures_by_segment, period_index
from churn.kpis.figure import Figure, Period, Slice, missing_figure
from churn.kpis.retention import share_figure
from churn.kpis.section import SectionResult
from churn.kpis.segments import Segmentation
from churn.kpis.spells import ActivitySpells
from churn.kpis.voice_rows import (
    NO_RATING,
    RATING_UNIT,
    Answers,
    ContactDays,
    Tickets,
)
from churn.labels.kaplan_meier import Lives, SurvivalCurve, survival_curve
from churn.metrics.standard_errors import Z_95

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PROMOTER_FROM, PASSIVE_FROM = 9 * RATING_UNIT, 7 * RATING_UNIT
MIN_ANSWERS_FOR_SCALE = 20
"""If at least this many answers are given and all are 5 or below, the scale is not 0 to 10."""

FIVE_POINTS = (1 * RATING_UNIT, 5 * RATING_UNIT)
SATISFIED_OF_FIVE = 4
SILENT_DAYS = 90

MIN_FOLLOWED = 10
"""A median is given only if at least this many durations are followed up to it."""

SECONDS_PER_HOUR = 3600

NO_ANSWER = "no answer in the period"
NO_SURVEYS = "no ratings: map tables.surveys with rating"
NOT_TEN_POINTS = "no rating lies above 5, so the scale of surveys.rating is not 0 to 10; map it to 0 to 10"
NO_TICKETS = "no tickets: map tables.tickets"
NO_SATISFACTION = "no ratings of tickets: map tables.tickets with satisfaction and closed_at"
UNKNOWN_SCALE = (
    "not all ratings of tickets are from 1 to 5: give kpis.satisfied_from, the lowest satisfied one"
)
NO_CONTACTS = "no contacts: map tables.contacts"
NO_PROMISE = "no promised times: map tables.tickets with due_at"
NO_TRACES = "none of the tables tickets, surveys and contacts has rows"
NOBODY_LEFT = "nobody left in the period"


class VoiceResult(SectionResult):
    """The figures of surveys and of support by period and segment."""


@dataclass(frozen=True)
class VoiceTerms:
    """The settings by which the figures of surveys and support are computed.

    Attributes:
        answer_days: The number of days in which the company should answer a low rating.
        satisfied_from: The lowest rating of a ticket with which the customer counts as satisfied; None if
            params.yaml does not set it.
    """

    answer_days: int
    satisfied_from: float | None


@dataclass(frozen=True)
class VoiceTables:
    """The rows of surveys, tickets and contacts; None for a table that the store does not have.

    Attributes:
        answers, tickets, contacts: The rows of each table.
        periods: The complete periods since the first row of each table, by the table's name and by kind of
            period, such as week.
    """

    answers: Answers | None
    tickets: Tickets | None
    contacts: ContactDays | None
    periods: Mapping[str, Mapping[str, Sequence[Period]]]

    @property
    def traces(self) -> ContactDays | None:
        """Return the days of tickets, low ratings and contacts; None if the store has no such tables."""
        tables = (self.tickets, None if self.answers is None else self.answers.low, self.contacts)
        parts = [(table.customer, table.day) for table in tables if table is not None]
        return ContactDays.of_tables(*parts) if parts else None


def voice_section(
    tables: VoiceTables,
    segmentations: Sequence[Segmentation],
    terms: VoiceTerms,
    *,
    cutoff: date,
    latest: Period,
) -> VoiceResult:
    """Compute the figures of surveys and tickets for all periods and segments.

    Args:
        tables: The rows of surveys, tickets and contacts.
        segmentations: The divisions of the customers into segments; the first has a single segment with
            all customers.
        terms: The settings by which the figures are computed.
        cutoff: The date up to which the data are known.
        latest: The latest period. A figure is reported only once, as missing in this period, if its table or
            all its values are missing, or if the scale of its ratings cannot be used.
    """
    figures = [
        *_nps(tables.answers, tables.periods.get("surveys", {}), segmentations, latest),
        *_low_ratings(tables, terms.answer_days, cutoff, latest),
        *_csat(tables.tickets, tables.periods.get("tickets", {}), segmentations, terms, latest),
        *_promise(tables.tickets, tables.periods.get("tickets", {}), segmentations, latest),
        *_durations(tables.tickets, tables.periods.get("tickets", {}), latest),
    ]
    return VoiceResult(figures=tuple(figures))


def _nps(
    answers: Answers | None,
    periods: Mapping[str, Sequence[Period]],
    segmentations: Sequence[Segmentation],
    latest: Period,
) -> Iterator[Figure]:
    if answers is None:
        yield missing_figure("nps", latest, NO_SURVEYS)
        return
    if not may_be_ten_points(answers.rating):
        yield missing_figure("nps", latest, NOT_TEN_POINTS)
        return

    def cells(sequence: Sequence[Period], segmentation: Segmentation) -> Cells:
        period = period_index(sequence, answers.day)
        latest_answer = _is_latest(answers.customer, period, answers.day)
        segment, shape = segmentation.code[answers.customer], (len(sequence), len(segmentation.levels))
        return {
            "promoters": count_cells(
                period, segment, shape, latest_answer & (answers.rating >= PROMOTER_FROM)
            ),
            "detractors": count_cells(
                period, segment, shape, latest_answer & (answers.rating < PASSIVE_FROM)
            ),
            "n": count_cells(period, segment, shape, latest_answer),
        }

    def figures(period: Period, counts: Mapping[str, int]) -> list[Figure]:
        return nps_figures(period, counts["promoters"], counts["detractors"], counts["n"])

    yield from figures_by_segment(periods, segmentations, cells, figures)


def may_be_ten_points(rating: Ints) -> bool:
    """Return whether ratings, in thousandths, may come from a scale of 0 to 10.

    For a small number of ratings the answer is always yes.
    """
    return len(rating) < MIN_ANSWERS_FOR_SCALE or bool(rating.max() > FIVE_POINTS[1])


def _is_latest(customer: Ints, period: Ints, day: Ints) -> Bools:
    """Return a mask of the latest row of each customer in each period.

    Of several rows with the same day, the one that comes last in the arrays counts.
    """
    order = np.lexsort((np.arange(len(day)), day, period, customer))
    is_last = np.ones(len(order), dtype=bool)
    is_last[:-1] = (customer[order][1:] != customer[order][:-1]) | (period[order][1:] != period[order][:-1])
    result = np.zeros(len(order), dtype=bool)
    result[order[is_last]] = True
    return result


def nps_figures(period: Period, promoters: int, detractors: int, n: int) -> list[Figure]:
    """Return the NPS, and the shares of promoters, passives and detractors.

    Args:
        period: The period.
        promoters, detractors: The number of promoters, and the number of detractors.
        n: The number of customers with an answer.
    """
    counts = {"promoters": promoters, "passives": n - promoters - detractors, "detractors": detractors}
    shares = [
        share_figure("rating_share", period, count, n, NO_ANSWER).model_copy(
            update={"slice": Slice(by="rating", level=level)}
        )
        for level, count in counts.items()
    ]
    return [nps_figure(period, promoters, detractors, n), *shares]


def nps_figure(period: Period, promoters: int, detractors: int, n: int) -> Figure:
    """Return the NPS with its interval.

    The interval is computed as if there were three more answers: 3/4 promoter, 3/4 detractor, 3/2 passive.

    Args:
        period: The period.
        promoters, detractors: The number of promoters, and the number of detractors.
        n: The number of customers with an answer.
    """
    if not n:
        return missing_figure("nps", period, NO_ANSWER)
    value = (promoters - detractors) / n
    size, up, down = n + 3, promoters + 0.75, detractors + 0.75
    middle = (up - down) / size
    half = Z_95 * float(np.sqrt(((up + down) / size - middle**2) / size))
    low, high = max(-1.0, min(middle - half, value)), min(1.0, max(middle + half, value))
    return Figure(name="nps", period=period, value=value * 100, low=low * 100, high=high * 100, n=n)


def _low_ratings(tables: VoiceTables, answer_days: int, cutoff: date, latest: Period) -> Iterator[Figure]:
    name, answers, contacts = "low_ratings_answered", tables.answers, tables.contacts
    if answers is None or contacts is None:
        yield missing_figure(name, latest, NO_SURVEYS if answers is None else NO_CONTACTS)
        return
    low = answers.low
    is_answered = contacts.count_between(low.customer, low.day, low.day + answer_days - 1) > 0
    notes = (f"answered within {answer_days} days",)
    for sequence in tables.periods.get("surveys", {}).values():
        index = period_index(sequence, low.day)
        totals = np.bincount(index[index >= 0], minlength=len(sequence))
        hits = np.bincount(index[(index >= 0) & is_answered], minlength=len(sequence))
        for number, period in enumerate(sequence):
            known_on = period.end + timedelta(answer_days)
            if known_on > cutoff:
                yield missing_figure(name, period, f"the {answer_days} days for an answer end on {known_on}")
                continue
            figure = share_figure(name, period, int(hits[number]), int(totals[number]), NO_ANSWER)
            yield figure.model_copy(update={"notes": notes})


def _csat(
    tickets: Tickets | None,
    periods: Mapping[str, Sequence[Period]],
    segmentations: Sequence[Segmentation],
    terms: VoiceTerms,
    latest: Period,
) -> Iterator[Figure]:
    has_rating = None if tickets is None else tickets.satisfaction != NO_RATING
    if tickets is None or has_rating is None or not has_rating.any():
        yield missing_figure("csat", latest, NO_TICKETS if tickets is None else NO_SATISFACTION)
        return
    ratings = tickets.satisfaction[has_rating]
    satisfied_from = terms.satisfied_from
    if satisfied_from is None:
        if ratings.min() < FIVE_POINTS[0] or ratings.max() > FIVE_POINTS[1]:
            yield missing_figure("csat", latest, UNKNOWN_SCALE)
            return
        satisfied_from = SATISFIED_OF_FIVE
    customer, closed_on = tickets.customer[has_rating], tickets.closed_on[has_rating]
    is_satisfied = ratings >= round(satisfied_from * RATING_UNIT)
    notes = (f"satisfied is {satisfied_from:g} or more",)

    def cells(sequence: Sequence[Period], segmentation: Segmentation) -> Cells:
        period, segment = period_index(sequence, closed_on), segmentation.code[customer]
        shape = (len(sequence), len(segmentation.levels))
        return {
            "hits": count_cells(period, segment, shape, is_satisfied),
            "n": count_cells(period, segment, shape),
        }

    def figures(period: Period, counts: Mapping[str, int]) -> list[Figure]:
        figure = share_figure("csat", period, counts["hits"], counts["n"], "no rated ticket in the period")
        return [figure.model_copy(update={"notes": notes})]

    yield from figures_by_segment(periods, segmentations, cells, figures)


def _promise(
    tickets: Tickets | None,
    periods: Mapping[str, Sequence[Period]],
    segmentations: Sequence[Segmentation],
    latest: Period,
) -> Iterator[Figure]:
    columns = {"replied_in_time": "first_reply_at_day", "closed_in_time": "closed_at_day"}
    if tickets is None or not (tickets.due_on != NEVER).any():
        reason = NO_TICKETS if tickets is None else NO_PROMISE
        yield from (missing_figure(name, latest, reason) for name in columns)
        return

    def cells(sequence: Sequence[Period], segmentation: Segmentation) -> Cells:
        period, segment = period_index(sequence, tickets.due_on), segmentation.code[tickets.customer]
        shape = (len(sequence), len(segmentation.levels))
        return {
            "n": count_cells(period, segment, shape),
            "replied_in_time": count_cells(period, segment, shape, tickets.replied_on <= tickets.due_on),
            "closed_in_time": count_cells(period, segment, shape, tickets.closed_on <= tickets.due_on),
        }

    def figures(period: Period, counts: Mapping[str, int]) -> list[Figure]:
        return [
            share_figure(name, period, counts[name], counts["n"], "no ticket was due in the period")
            if column in tickets.has
            else missing_figure(name, period, f"map tables.tickets with {column.removesuffix('_day')}")
            for name, column in columns.items()
        ]

    yield from figures_by_segment(periods, segmentations, cells, figures)


def _durations(
    tickets: Tickets | None, periods: Mapping[str, Sequence[Period]], latest: Period
) -> Iterator[Figure]:
    names = {
        "first_reply_hours": ("first_reply_at", None if tickets is None else tickets.reply_seconds),
        "resolution_hours": ("closed_at", None if tickets is None else tickets.close_seconds),
    }
    for name, (column, seconds) in names.items():
        if tickets is None or seconds is None or f"{column}_day" not in tickets.has:
            reason = NO_TICKETS if tickets is None else f"map tables.tickets with {column}"
            yield missing_figure(name, latest, reason)
            continue
        has_ended = seconds < NEVER
        hours = np.where(has_ended, seconds, tickets.followed_seconds) // SECONDS_PER_HOUR
        for sequence in periods.values():
            index = period_index(sequence, tickets.day)
            for number, period in enumerate(sequence):
                rows = index == number
                yield median_figure(name, period, np.maximum(hours[rows], 0), has_ended[rows])


def median_figure(name: str, period: Period, durations: Ints, has_ended: Bools) -> Figure:
    """Return the Kaplan-Meier median of durations with its interval.

    The interval begins where the lower line of the curve's confidence band falls to 0.5, and ends where the
    upper line falls to 0.5.

    Args:
        name: The name of the figure's definition.
        period: The period.
        durations: The durations in whole days or hours, as the unit of the figure says.
        has_ended: Whether each duration ended; a duration that has not ended is censored.
    """
    n = len(durations)
    curve = survival_curve(Lives(durations, has_ended, np.zeros(n, dtype=np.int64)), MIN_FOLLOWED)
    return median_of_curve(name, period, curve, n)


def median_of_curve(name: str, period: Period, curve: SurvivalCurve | None, n: int) -> Figure:
    """Return the median of a Kaplan-Meier curve with its interval.

    The interval begins where the lower line of the curve's confidence band falls to 0.5, and ends where the
    upper line falls to 0.5.

    Args:
        name: The name of the figure's definition.
        period: The period.
        curve: The curve; None if there are too few durations for a curve.
        n: The number of durations.
    """
    if curve is None or curve.median_days is None:
        reason = "too few were followed to a half" if n else "none in the period"
        return missing_figure(name, period, reason)
    median = curve.median_days
    low, high = (np.flatnonzero(band <= 0.5) for band in (curve.low, curve.high))
    if not len(high):  # the data are too short to show the upper end of the interval
        return Figure(name=name, period=period, value=median, n=n, notes=("no interval: followed too short",))
    return Figure(name=name, period=period, value=median, low=int(low[0]), high=int(high[0]), n=n)


def silent_figures(
    spells: ActivitySpells,
    periods: Mapping[str, Sequence[Period]],
    traces: ContactDays | None,
    *,
    cutoff: date,
    latest: Period,
) -> Iterator[Figure]:
    """Yield the share of leavers who left in silence.

    Such a customer had no ticket, low rating or contact in the last `SILENT_DAYS` days before leaving.

    Args:
        spells: When customers were active.
        periods: Consecutive periods by kind, such as week or month.
        traces: The days of tickets, low ratings and contacts; None if there are no such tables.
        cutoff: The date up to which the data are known.
        latest: The latest period. If `traces` is None, the result is one figure without a value, for this
            period.
    """
    if traces is None:
        yield missing_figure("silent_leavers", latest, NO_TRACES)
        return
    certain_until = cutoff - timedelta(spells.wait_days)
    key = spells.customer << 33
    for sequence in periods.values():
        for period in sequence:
            if period.end > certain_until:
                certain_on = period.end + timedelta(spells.wait_days)
                reason = f"who was active on {period.end} is certain only on {certain_on}"
                yield missing_figure("silent_leavers", period, reason)
                continue
            start, end = day_number(period.start), day_number(period.end)
            was_active = np.flatnonzero((spells.start < start) & (start <= spells.end))
            customer = spells.customer[was_active]
            latest_spell = np.searchsorted(key + spells.start, (customer << 33) + end) - 1
            last_end = spells.end[latest_spell]
            has_left = last_end < end
            customer, last_end = customer[has_left], last_end[has_left]
            n_traces = traces.count_between(customer, last_end - SILENT_DAYS + 1, last_end)
            n_silent = int((n_traces == 0).sum())
            yield share_figure("silent_leavers", period, n_silent, len(customer), NOBODY_LEFT)
