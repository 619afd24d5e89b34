"""Find data that teach a model nothing: no customer can still leave, nearly all left, or nobody left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from churn.features.engine.cohort import Cohort
from churn.finding import Finding
from churn.guards.context import GuardContext
from churn.labels.outcomes import LEFT, STAYED

EMPTY_WARN, EMPTY_STOP = 0.1, 0.5
"""The shares of cutoffs without any customer at risk; a larger share is a warning, or a stop."""

NEARLY_ALL = 0.95
"""If at least this share left over all cutoffs, the label tells hardly any customers apart."""

MIN_EARLY_SHARE, MIN_EARLY_ROWS = 0.05, 20
"""The least share and the least number of rows that lie before the sign-up of their customer. Some customers
order as guests first.
"""


def degenerate(context: GuardContext) -> Iterator[Finding]:
    """Look for cutoffs where no customer can still leave, and for a label that nearly all customers share."""
    cohorts = [cohort for cohort, _ in context.labelled_cohorts]
    at_risk = np.array([int((c.members & (label >= STAYED)).sum()) for c, label in context.labelled_cohorts])
    left = np.array([int((c.members & (label == LEFT)).sum()) for c, label in context.labelled_cohorts])
    early = _rows_before_sign_up(context)
    if early:
        yield early
    if not len(at_risk):
        return
    empty = [cohort for cohort, members in zip(cohorts, at_risk, strict=True) if not members]
    if len(empty) >= EMPTY_WARN * len(cohorts):
        yield _empty_cutoffs(context, empty, len(cohorts), has_early_rows=early is not None)
    if at_risk.sum():
        yield from _one_outcome(context, int(left.sum()), int(at_risk.sum()), len(cohorts), bool(empty))


def _rows_before_sign_up(context: GuardContext) -> Finding | None:
    """Look for rows of the label's table that are dated before their customer signed up."""
    table = context.label.core_table
    ((rows, early, early_days, customers),) = context.rows(
        'SELECT count(*), count(*) FILTER (WHERE e."at" < c."at"), count(*) FILTER (WHERE e.day < c.day), '
        f'count(DISTINCT customer) FILTER (WHERE e."at" < c."at") FROM {context.store.scan(table)} e '
        f"JOIN {context.store.scan('customers')} c USING (customer)"
    )
    # An account that is opened with the first order is a few moments younger than this order.
    if early_days < max(MIN_EARLY_ROWS, MIN_EARLY_SHARE * rows):
        return None
    return Finding(
        "customers.signed_up_at",
        f"{early:,} of {rows:,} rows of {table} lie before the sign-up of their customer ({customers:,} "
        "customers). At a cutoff before the sign-up, the customer is neither scored nor used in the "
        "training. The sign-up may be the date of a migration, or of an account that was opened later.",
        "Map signed_up_at to the time when the customer first appears in the data. For example, a query can "
        f"take the earlier of the sign-up and the first row of {table}.",
        figure=f"{early / rows:.0%}",
    )


def _empty_cutoffs(
    context: GuardContext, empty: Sequence[Cohort], cutoffs: int, *, has_early_rows: bool
) -> Finding:
    """Describe the cutoffs at which nobody is at risk (can still leave), with the most frequent reason."""
    reasons: dict[str, int] = {"not signed up": sum(int((~cohort.signed_up).sum()) for cohort in empty)}
    for cohort in empty:
        for reason, count in cohort.exclusion_counts().items():
            reasons[reason] = reasons.get(reason, 0) + count
    reason = max(reasons, key=lambda name: reasons[name])
    share = reasons[reason] / max(sum(reasons.values()), 1)
    way_out = {
        "not signed up": "Map an earlier sign-up (tables.customers.columns.signed_up_at)"
        if has_early_rows
        else "Begin later, or map an earlier sign-up (tables.customers.columns.signed_up_at)",
        "inactive": "Name a table of more frequent events (label.table), or take a longer label.active_days",
        "no live contract": "Check started_at and ended_at of tables.subscriptions",
        "pending cancellation": "Check cancel_requested_at of tables.subscriptions",
        "objected": "Check objected_at of tables.customers",
        "paused": "Check paused_at and resumed_at of tables.subscriptions",
        "still active": "Check label.active_in and label.active_days, which say who is gone",
        "never active": "Check label.active_in, which says who was ever active",
        "already had the event": "Check label.once, label.table and label.where",
    }[reason]
    return Finding(
        "cohort",
        f"at {len(empty)} of {cutoffs} cutoffs ({empty[0].cutoff} to {empty[-1].cutoff}) nobody is at risk: "
        f"{share:.0%} of the customers at these cutoffs are left out because they are {reason}."
        if reason != "no live contract"
        else f"at {len(empty)} of {cutoffs} cutoffs ({empty[0].cutoff} to {empty[-1].cutoff}) nobody is at "
        f"risk: {share:.0%} of the customers at these cutoffs have no live contract.",
        f"{way_out}; or leave these cutoffs out (snapshot.first, snapshot.last).",
        "stop" if len(empty) >= EMPTY_STOP * cutoffs else "warn",
        figure=f"{len(empty)} of {cutoffs}",
    )


def _one_outcome(
    context: GuardContext, left: int, at_risk: int, cutoffs: int, has_empty_cutoffs: bool
) -> Iterator[Finding]:
    """Look for a label that says that nearly all customers left, or that nobody left."""
    label, table = context.label, context.label.core_table
    if left >= NEARLY_ALL * at_risk:
        cause = (
            f"Look at the ends of the contracts (ended_at): label.horizon_days ({label.horizon_days}) may be "
            "longer than most contracts, or the rows of renewals may be missing."
            if label.has_contract_ends
            else "Look at label.where: perhaps nearly every customer has rows that meet this condition. Or "
            "take a shorter label.horizon_days."
            if label.is_event
            else f"Perhaps each customer has only one row in {table}: then {table} shows contracts or "
            "sign-ups, not activity. Name a table of repeated events (label.table), use a contract label, or "
            f"take a longer label.horizon_days than {label.horizon_days}."
        )
        yield Finding(
            table,
            f"{left:,} ({left / at_risk:.0%}) of {at_risk:,} customers at risk (who can leave) left, over "
            f"{cutoffs} cutoffs: almost all customers have the same label.",
            cause,
            "stop" if left == at_risk else "warn",
            figure=f"{left / at_risk:.0%}",
        )
    elif left == 0 and (has_empty_cutoffs or cutoffs < 2):  # otherwise, the guard `survivors` reports it
        yield Finding(
            table,
            f"none of {at_risk:,} customers at risk (who can leave) left, over {cutoffs} cutoffs: all "
            "customers have the same label.",
            "Look at the ends of contracts (ended_at): they may be missing or written as text."
            if label.has_contract_ends
            else "Check label.table and label.where: no label window holds a row of the table that meets the "
            "condition."
            if label.is_event
            else "Check whether the tables hold only today's customers. If they also hold former customers, "
            "take a shorter label.horizon_days.",
            "stop",
        )
