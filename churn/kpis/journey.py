"""The section `stages`: growth accounting, the moves between stages, and the leaks."""

from __future__ import annotations

from datetime import date

from churn.data.store import Store, date_of_day
from churn.errors import PlaybookError
from churn.features.library import all_signals
from churn.kpis.activity import Activity, month_bounds, read_activity
from churn.kpis.company import Company
from churn.kpis.growth import GROWTH_DEFINITION, GrowthMonth, growth_months
from churn.kpis.section import SectionResult
from churn.kpis.stages import (
    LEAK_DEFINITION,
    STAGES_DEFINITION,
    Codes,
    Leak,
    StageMonth,
    playbook_stages,
    rank_leaks,
    score_stages,
    stage_codes,
    stage_months,
    stage_names,
)
from churn.scoring.playbook import Playbook, read_playbook


class StagesResult(SectionResult):
    """Where customers are and where they go, month by month.

    Attributes:
        growth_definition, stages_definition, leak_definition: What was computed.
        population: Who is counted.
        money_reason: Why the money is missing; None if it is known.
        growth: The growth of each month.
        months: The stages and the moves of each month.
        leaks: The stages from which customers left, the most money first.
        reason: Why there are no stages.
        growth_reason: Why there is no growth.
    """

    growth_definition: str
    stages_definition: str
    leak_definition: str
    population: str
    money_reason: str | None
    growth: tuple[GrowthMonth, ...]
    months: tuple[StageMonth, ...]
    leaks: tuple[Leak, ...]
    reason: str | None
    growth_reason: str | None


def stages_section(company: Company) -> StagesResult:
    """Compute the section."""
    first_lives = company.first_lives
    complete_from = date_of_day(first_lives.complete_from)
    bounds = month_bounds(complete_from, company.cutoff, company.spells.wait_days)
    activity = read_activity(company.store, company.spells, bounds)
    growth_reason = None if len(bounds) > 1 else _no_month(complete_from)
    names: tuple[str, ...] = ()
    codes: Codes | None = None
    reason = growth_reason
    if reason is None:
        playbook, reason = playbook_with_stages(company.store)
        if playbook is not None:
            names = stage_names(playbook)
            codes = _codes(company.store, playbook, activity, names)
    growth = growth_months(activity)
    return StagesResult(
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


def _codes(store: Store, playbook: Playbook, activity: Activity, names: tuple[str, ...]) -> Codes:
    return stage_codes(activity, playbook_stages(store, playbook, activity.bounds), names)


def playbook_with_stages(store: Store) -> tuple[Playbook | None, str | None]:
    """Return the playbook, or the reason why it gives no stages."""
    params = store.params
    kinds = {name: signal.kind for name, signal in all_signals(params).items()}
    try:
        playbook = read_playbook(params.score.playbook, kinds, params.score.language, set(params.events))
    except PlaybookError as error:
        return None, f"the playbook cannot be read: {error}"
    if not playbook.stages:
        return None, f"{params.score.playbook.name} has no `stages`"
    if names_of_scored := score_stages(playbook):
        return None, (
            f"{params.score.playbook.name}: the stages {', '.join(names_of_scored)} use a score, and scores "
            "are known only for the nights that were scored"
        )
    names = stage_names(playbook)
    if clashes := sorted({name for name in names if names.count(name) > 1}):
        return None, (
            f"{params.score.playbook.name}: rename the stages {', '.join(clashes)}; customers who are "
            "not at risk have these names"
        )
    return playbook, None


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
