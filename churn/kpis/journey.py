"""The section `stages`: growth accounting, the moves of customers between stages, and the leaks (the stages
from which customers left), by month and by week.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Literal

import numpy as np

from churn.kpis.activity import activity_at
from churn.kpis.company import Company
from churn.kpis.figure import Figure, Period
from churn.kpis.growth import GROWTH_DEFINITION, GrowthMonth, growth_months
from churn.kpis.section import SectionResult
from churn.kpis.stages import (
    LEAK_DEFINITION,
    STAGES_DEFINITION,
    Codes,
    Leak,
    StageMonth,
    rank_leaks,
    stage_codes,
    stage_figures,
    stage_months,
    stage_names,
)


class StagesResult(SectionResult):
    """Where customers are and where they go, month by month.

    Attributes:
        growth_definition, stages_definition, leak_definition: How the growth accounting, the stages and the
            leaks are computed.
        population: Which customers are counted.
        money_reason: Why the money that customers pay is not known; None if it is known.
        growth: The growth accounting of each month.
        months: The stages and the moves of each month.
        leaks: The stages from which customers left, ordered by the lost money, the largest amount first.
        weeks: The stages and the moves of each week, without what the customers pay.
        week_leaks: As `leaks`, but counted week by week and ordered by the number of lost customers, the
            largest number first.
        reason: Why the stages are not known; None if they are known.
        growth_reason: Why the growth accounting cannot be computed; None if it can be computed.
    """

    growth_definition: str
    stages_definition: str
    leak_definition: str
    population: str
    money_reason: str | None
    growth: tuple[GrowthMonth, ...]
    months: tuple[StageMonth, ...]
    leaks: tuple[Leak, ...]
    weeks: tuple[StageMonth, ...] = ()
    week_leaks: tuple[Leak, ...] = ()
    reason: str | None
    growth_reason: str | None


def stages_section(company: Company) -> StagesResult:
    """Compute the section."""
    bounds = company.month_bounds
    activity = activity_at(company.spells, bounds, company.shared_rows.money.at(bounds))
    growth_reason = None if len(bounds) > 1 else _no_month(company.complete_from)
    names: tuple[str, ...] = ()
    codes: Codes | None = None
    reason = growth_reason
    if reason is None:
        reason = company.stages.reason
        if company.stages.playbook is not None:
            names = stage_names(company.stages.playbook)
            codes = stage_codes(activity, company.stages.at(bounds), names)
    growth = growth_months(activity)
    figures: list[Figure] = []
    weeks: tuple[StageMonth, ...] = ()
    week_leaks: tuple[Leak, ...] = ()
    if codes is not None:
        figures += stage_figures(activity, codes, names, _periods("month", bounds))
        weeks, week_leaks, week_figures = _weeks(company, names)
        figures += week_figures
    return StagesResult(
        figures=tuple(figures),
        weeks=weeks,
        week_leaks=week_leaks,
        growth_definition=GROWTH_DEFINITION,
        stages_definition=STAGES_DEFINITION,
        leak_definition=LEAK_DEFINITION,
        population="all customers",
        money_reason=_money_reason(growth),
        growth=growth,
        months=() if codes is None else stage_months(activity, codes, names),
        leaks=() if codes is None else rank_leaks(activity, codes, names),
        reason=reason,
        growth_reason=growth_reason,
    )


def _weeks(
    company: Company, names: Sequence[str]
) -> tuple[tuple[StageMonth, ...], tuple[Leak, ...], list[Figure]]:
    """Return the stages, the leaks and the figures by week, without what the customers pay."""
    bounds = company.week_bounds
    if len(bounds) < 2:
        return (), (), []
    unknown_money = np.broadcast_to(np.nan, (len(bounds), company.store.n_customers))
    activity = activity_at(company.spells, bounds, unknown_money)
    codes = stage_codes(activity, company.stages.at(bounds), names)
    return (
        stage_months(activity, codes, names),
        rank_leaks(activity, codes, names),
        list(stage_figures(activity, codes, names, _periods("week", bounds))),
    )


def _periods(kind: Literal["week", "month"], bounds: Sequence[date]) -> list[Period]:
    """Return the periods; each starts at one of the bounds and ends at the next."""
    return [Period(kind=kind, start=start, end=end) for start, end in pairwise(bounds)]


def _no_month(complete_from: date) -> str:
    return (
        f"no complete month since {complete_from}, the first day from which on everybody who leaves is seen, "
        "for which it is certain who was active"
    )


def _money_reason(growth: tuple[GrowthMonth, ...]) -> str | None:
    has_money = any(month.active_at_start.money is not None for month in growth)
    if has_money or not growth:
        return None
    return "neither contracts with `mrr` nor payments or orders are known, so only people are counted"
