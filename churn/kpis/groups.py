"""The section `groups`: the observed churn of groups of customers, and the lists beside the call list.

The customers are grouped in three ways: by RFM class; by behaviour, value and stage of the playbook together;
and by loyalty. A night can write two lists beside its call list.
"""

from __future__ import annotations

import csv
from datetime import date

import numpy as np

from churn.data.store import Store
from churn.features.engine.matrix import cohorts_without_objections
from churn.kpis.behaviour import (
    TABLE_DEFINITION,
    Behaviour,
    BehaviourTable,
    Codes,
    LoyaltyTable,
    behaviour_table,
    loyalty_table,
    missing_loyalty,
    read_bound,
)
from churn.kpis.company import Company
from churn.kpis.observed_churn import NO_CUTOFF
from churn.kpis.rfm import Rfm, rfm_section
from churn.kpis.section import SectionResult
from churn.kpis.stages import NO_STAGE
from churn.metrics.interval import Part
from churn.scoring.past_nights import scored_nights
from churn.scoring.sink import LIST_FILES, side_list_path

NO_ACTS = "no table of acts of customers, such as logins, interactions or orders"
NO_RENEWALS = "no dates of renewal: map tables.subscriptions with renews_at"
ALL_STAGES = "all"


class NightList(Part):
    """The list of advocates (satisfied customers) or of lost customers that the latest scored night wrote."""

    file: str
    night: date | None
    customers: int | None
    reason: str | None


class GroupsResult(SectionResult):
    """Groups of customers with the observed churn of each."""

    rfm: Rfm
    behaviour: BehaviourTable
    loyalty: LoyaltyTable
    lists: tuple[NightList, ...]


def groups_section(company: Company) -> GroupsResult:
    """Compute the section."""
    store, outcomes, orders = company.store, company.outcomes, company.shared_rows.rfm
    behaviour, loyalty = _behaviour_and_loyalty(company)
    return GroupsResult(
        rfm=rfm_section(None if orders is None else orders.values(), outcomes),
        behaviour=behaviour,
        loyalty=loyalty,
        lists=night_lists(store, company.cutoff),
    )


def _behaviour_and_loyalty(company: Company) -> tuple[BehaviourTable, LoyaltyTable]:
    store, outcomes = company.store, company.outcomes
    days = (*outcomes.cutoffs, company.cutoff)
    active = company.shared_rows.active_days
    if active is None or not outcomes.cutoffs:
        reason = NO_ACTS if active is None else NO_CUTOFF
        empty = BehaviourTable(
            definition=TABLE_DEFINITION, cutoffs=(), cells=(), reason=reason, stage_reason=None
        )
        return empty, missing_loyalty(reason)
    active_days, money = active.days(), company.shared_rows.money.at(days)
    stage, stages, stage_reason = _stages(company)
    table = BehaviourTable(
        definition=TABLE_DEFINITION,
        cutoffs=outcomes.cutoffs,
        cells=behaviour_table(active_days[:-1], money[:-1], stage, stages, outcomes),
        reason=None,
        stage_reason=stage_reason,
    )
    is_bound = read_bound(store, days)
    if is_bound is None:
        return table, missing_loyalty(NO_RENEWALS)
    is_now = cohorts_without_objections(store, [company.cutoff])[0].members
    is_customer = np.vstack([outcomes.is_counted, is_now[None]])
    return table, loyalty_table(Behaviour(active_days, money, is_bound, is_customer), outcomes)


def _stages(company: Company) -> tuple[Codes, tuple[str, ...], str | None]:
    """Return each customer's stage at each past cutoff, the names of the stages, and a reason or None.

    If the playbook gives no stages, all customers are in the stage `ALL_STAGES`, and the reason says why.
    Otherwise the reason is None.
    """
    playbook, reason = company.stages.playbook, company.stages.reason
    if playbook is None:
        shape = (len(company.months), company.store.n_customers)
        return np.zeros(shape, dtype=np.int8), (ALL_STAGES,), reason
    code = company.stages.at(company.months).stage
    names = (*(stage.name for stage in playbook.stages), NO_STAGE)
    return np.where(code < 0, len(names) - 1, code).astype(np.int8), names, None


def night_lists(store: Store, cutoff: date) -> tuple[NightList, ...]:
    """Return the list of advocates and the list of lost customers, with the number of customers on each.

    The lists are those of the latest scored night up to the cutoff.
    """
    nights = [night for night in scored_nights(store.params.output) if night <= cutoff]
    lists = []
    for file in LIST_FILES:
        path = side_list_path(store.params.output, nights[-1], file) if nights else None
        if path is None or not path.exists():
            reason = "no night has been scored yet" if path is None else "the playbook has no play for it"
            lists.append(
                NightList(file=file, night=nights[-1] if nights else None, customers=None, reason=reason)
            )
            continue
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.reader(lines, delimiter=store.params.score.csv.separator)
            n_rows = sum(1 for row in rows if row)
        lists.append(NightList(file=file, night=nights[-1], customers=n_rows - 1, reason=None))
    return tuple(lists)
