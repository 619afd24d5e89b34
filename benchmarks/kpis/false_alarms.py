"""Alarms on companies in which nothing happens, and on companies in which a figure falls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from churn.kpis.alarms import alarms_section
from churn.kpis.figure import Figure, Period, Slice
from churn.kpis.periods import period_of
from churn.kpis.retention import share_figure
from churn.kpis.voice import nps_figure, nps_figures

FIRST = date(2022, 1, 3)
STAGE_SHARES, STAGE_RISKS = (0.12, 0.55, 0.2, 0.08, 0.05), (1.5, 0.5, 1.5, 2.5, 1.0)
"""The share of customers in each stage, and how often they leave, as a multiple of the average."""

SEGMENT_SHARES = (0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.03, 0.02, 0.01)
"""The share of customers in each of the segments."""

FALLS = ("crr", "nps", "orders", "order_value")


@dataclass(frozen=True)
class AlarmRates:
    """How often alarms were raised.

    Attributes:
        null_periods: The judged weeks of companies in which nothing happens.
        null_alarms: Those with an alarm of any figure.
        falls: The companies with a planted fall, by figure.
        raised_falls: Those in which the figure alarmed in the week of the fall or in the next one.
    """

    null_periods: int
    null_alarms: int
    falls: dict[str, int]
    raised_falls: dict[str, int]


def company_figures(
    rng: np.random.Generator, weeks: int, *, fall: str | None = None, fall_week: int = 0
) -> list[Figure]:
    """Draw the watched figures of a company by week and month; some companies grow or have a season.

    Args:
        rng: The random numbers.
        weeks: The number of weeks.
        fall: The figure that falls for good, or None.
        fall_week: The week from which on it lies lower.
    """
    size = int(rng.integers(800, 5000))
    growth, season = rng.uniform(-0.003, 0.006), rng.choice([0.0, 0.0, 0.15])
    phase, stay = rng.uniform(0, 2 * np.pi), rng.uniform(0.96, 0.99)
    promoters, detractors = rng.uniform(0.4, 0.55), rng.uniform(0.1, 0.2)
    per_customer, order_mean = rng.uniform(0.3, 0.8), rng.uniform(20, 80)
    figures: list[Figure] = []
    months: dict[date, list[tuple[int, float]]] = {}
    for week in range(weeks):
        falls = fall if week >= fall_week else None
        start = FIRST + timedelta(7 * week)
        period = Period(kind="week", start=start, end=start + timedelta(7))
        customers = int(size * (1 + growth) ** week)
        wave = 1 + season * np.cos(2 * np.pi * week / 52 + phase)
        retained = int(rng.binomial(customers, stay - (0.04 if falls == "crr" else 0)))
        answers = int(rng.poisson(customers * 0.08))
        shift = 0.2 if falls == "nps" else 0.0
        up, down, _ = rng.multinomial(
            answers, (promoters - shift, detractors + shift, 1 - promoters - detractors)
        )
        orders = int(rng.poisson(customers * per_customer * wave * (0.7 if falls == "orders" else 1)))
        money = float(rng.gamma(4 * orders, order_mean / 4)) * (0.8 if falls == "order_value" else 1)
        joined = int(rng.poisson(customers * 0.03))
        figures += [
            share_figure("crr", period, retained, customers, "nobody"),
            *nps_figures(period, int(up), int(down), answers),
            Figure(name="orders", period=period, value=orders, n=orders),
            Figure(name="order_value", period=period, value=money / orders, n=orders),
            Figure(name="new_customers", period=period, value=joined, n=joined),
            share_figure("csat", period, int(rng.binomial(answers, 0.75)), answers, "nobody"),
            share_figure("replied_in_time", period, int(rng.binomial(answers, 0.94)), answers, "nobody"),
        ]
        figures += _stages(rng, period, customers, stay - (0.04 if falls == "crr" else 0))
        months.setdefault(period_of("month", start).start, []).append((orders, money))
    for number, start in enumerate(sorted(months)[:-1]):
        period, rows = period_of("month", start), months[start]
        orders, money = sum(row[0] for row in rows), sum(row[1] for row in rows)
        figures.append(Figure(name="order_value", period=period, value=money / orders, n=orders))
        customers = int(size * (1 + growth) ** (4.35 * number))
        figures += _segments(rng, period, customers, stay**4.35, (promoters, detractors))
    return figures


def _stages(rng: np.random.Generator, period: Period, customers: int, stay: float) -> list[Figure]:
    """Draw the sizes and the leaks of the stages of a week; customers of a late stage leave more often."""
    figures = []
    sizes = rng.multinomial(customers, STAGE_SHARES)
    leaks = (1 - stay) * np.array(STAGE_RISKS)
    for number, (n, leak) in enumerate(zip(sizes.tolist(), leaks, strict=True)):
        piece = Slice(by="stage", level=f"stage {number}")
        share = share_figure("stage_churn", period, int(rng.binomial(n, leak)), n, "nobody")
        figures += [
            Figure(name="stage_customers", period=period, value=n, n=n, slice=piece),
            share.model_copy(update={"slice": piece}),
        ]
    return figures


def _segments(
    rng: np.random.Generator, period: Period, customers: int, stay: float, answers: tuple[float, float]
) -> list[Figure]:
    """Draw the watched figures of the segments of a month."""
    figures: list[Figure] = []
    for number, n in enumerate(rng.multinomial(customers, SEGMENT_SHARES).tolist()):
        piece = Slice(by="segment", level=str(number))
        n_answers = int(rng.poisson(n * 0.3))
        up, down, _ = rng.multinomial(n_answers, (*answers, 1 - sum(answers)))
        own = [
            share_figure("crr", period, int(rng.binomial(n, stay)), n, "nobody"),
            nps_figure(period, int(up), int(down), n_answers),
            share_figure("csat", period, int(rng.binomial(n_answers, 0.75)), n_answers, "nobody"),
        ]
        figures += [figure.model_copy(update={"slice": piece}) for figure in own]
    return figures


def alarm_rates(companies: int, seed: int = 1) -> AlarmRates:
    """Return how often alarms are raised.

    Args:
        companies: The number of companies without a fall, and with a fall of each figure.
        seed: The seed of the companies.
    """
    rng = np.random.default_rng(seed)
    null_periods = null_alarms = 0
    falls, raised_falls = dict.fromkeys(FALLS, 0), dict.fromkeys(FALLS, 0)
    for _ in range(companies):
        weeks = int(rng.integers(40, 130))
        figures = company_figures(rng, weeks)
        for last in range(weeks - 5, weeks):
            null_periods += 1
            null_alarms += bool(_alarms_at(figures, last))
        for name in FALLS:
            fallen = company_figures(rng, weeks, fall=name, fall_week=weeks - 2)
            falls[name] += 1
            raised_falls[name] += any(name in _alarms_at(fallen, last) for last in (weeks - 2, weeks - 1))
    return AlarmRates(null_periods, null_alarms, falls, raised_falls)


def _alarms_at(figures: list[Figure], week: int) -> set[str]:
    """Return the names of the figures that alarm if a week is the latest complete one."""
    end = FIRST + timedelta(7 * (week + 1))
    known = [figure for figure in figures if figure.period.end <= end]
    return {
        alarm.name if alarm.slice is None else f"{alarm.name} of a part"
        for alarm in alarms_section(known).alarms
    }
