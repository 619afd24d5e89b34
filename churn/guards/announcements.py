"""Guards against events that announce the leaving, and against attribute values that only churners have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from churn.data.sql import identifier, literal
from churn.finding import Finding
from churn.guards.as_of_today import ATTRIBUTE_WAY_OUT
from churn.guards.context import GuardContext
from churn.guards.names import leaving_word
from churn.guards.statistics import Z_99
from churn.metrics.standard_errors import wilson_interval
from churn.params import LabelParams

MIN_CHURNERS = 10
"""The least number of churners with an event, because fewer churners prove nothing."""

MIN_SHARE, MIN_RISE = 0.8, 0.3
"""The least lower bound of the share of a group that left, and how far this bound must at least lie above
the share of churners among all customers.
"""


def is_sure(low: float, base: float) -> bool:
    """Return whether nearly all customers of a group left, judged by the lower bound of the share that left.

    A sign of risk, such as a complaint, does not pass this test, because many customers who complain stay.

    Args:
        low: The lower bound of the 99 % interval of the share of the group that left.
        base: The share of churners among all customers.
    """
    return low > max(MIN_SHARE, base + MIN_RISE)


def announced_by_event(context: GuardContext) -> Iterator[Finding]:
    """Look for tables, and for kinds of rows, whose rows announce that a customer leaves.

    The finding has severity `stop` if nearly every customer with such a row left (see `is_sure`). A complaint
    raises the risk, but many customers who complain stay. The finding has severity `warn` if customers with
    such a row left more often than the average customer, and the name of the table or kind speaks of leaving.
    If a customer left, only rows before the day of leaving count, because a prediction of the leaving can see
    only these rows. If the label is inactivity, all rows count.
    """
    ends = context.ends
    base = ends.left_share
    if not base or base == 1:
        return
    core = context.label.core_table
    for table in context.event_tables:
        levels = context.store.tables[table].levels
        columns = [column for column in levels if column in ("kind", "campaign")]
        for column in columns if table == core else ["", *columns]:
            for count in _churner_counts(context, table, column):
                level = levels[column][count.code] if column else ""
                yield from _announcement(count, base, table, column, level, context.label)


@dataclass(frozen=True)
class ChurnerCount:
    """How many customers have a row of one kind, and how many of these customers left.

    `announced_by_event` says which rows count.

    Attributes:
        code: The code of the kind; 0 for a whole table.
        customers: The number of customers with such a row.
        churners: The number of these customers who left.
        median_days: The median number of days from such a row to the day on which the row's customer left,
            over all rows of churners; None if there are no churners.
    """

    code: int
    customers: int
    churners: int
    median_days: float | None


def _churner_counts(context: GuardContext, table: str, column: str) -> Iterator[ChurnerCount]:
    code = identifier(column) if column else "0"
    before_end = "true" if context.label.kind == "inactivity" else "(gone = 0 OR day < end_day)"
    for row in context.rows(
        f"SELECT {code} AS code, count(DISTINCT customer) AS n, "
        "count(DISTINCT customer) FILTER (WHERE gone = 1) AS l, "
        "median(end_day - day) FILTER (WHERE gone = 1) AS lead "
        f"FROM {context.store.scan(table)} JOIN people USING (customer) "
        f"WHERE gone >= 0 AND {before_end} GROUP BY 1 HAVING code IS NOT NULL ORDER BY 1"
    ):
        yield ChurnerCount(*row)


def _announcement(
    count: ChurnerCount, base: float, table: str, column: str, level: str, label: LabelParams
) -> Iterator[Finding]:
    """Yield the finding on one kind of row, if this kind is suspicious.

    Args:
        count: The customers with such a row.
        base: The share of churners among all customers.
        table: The event table.
        column: The column that says of which kind a row is; an empty text if all rows of the table count.
        level: The name of the kind in `column`; an empty text if all rows of the table count.
        label: The definition of the label. If the label is an event other than leaving, a table or kind
            whose name speaks of leaving gives no warning.
    """
    low, _ = wilson_interval(count.churners, count.customers, Z_99)
    if count.churners < MIN_CHURNERS or low <= base:
        return
    event = f"{table}.{column}: {level}" if column else table
    facts = (
        f"{count.churners:,} of the {count.customers:,} customers with such a row have left (share among all "
        f"customers: {base:.0%}), and half of these left within {count.median_days or 0:.0f} days"
    )
    way_out = (
        f"Leave these rows out with a 'where' at {table}. Or let the label "
        "predict these rows: such a row may be the first step of the event that the label predicts now."
        if label.is_event
        else f"Leave these rows out with a 'where' at {table}. The time at which a customer asks to cancel "
        "belongs in subscriptions.cancel_requested_at, which takes the customer out of the cohort."
    )
    figure = f"{count.churners / count.customers:.0%} left"
    if is_sure(low, base):
        yield Finding(
            event,
            f"{facts}: such a row announces the leaving.",
            way_out,
            "stop",
            figure=figure,
        )
    elif not label.is_event and (word := leaving_word(level or table)):
        message = (
            f"the name of this table or kind of row contains a word for leaving ('{word}'), and {facts}."
        )
        yield Finding(event, message, way_out, figure=figure)


def announced_by_level(context: GuardContext) -> Iterator[Finding]:
    """Yield a finding with severity `stop` for each attribute with a level that almost only churners have.

    A missing value is a level too. If nearly all customers with a level have left (see `is_sure`), the source
    wrote this level when they left. If a level is only a sign of risk, many customers with the level stay.
    """
    has_known_state, has_left = context.ends.has_known_state, context.ends.has_left
    base = context.ends.left_share
    if base is None:
        return
    for attribute in context.attributes:
        texts = np.array(
            ["" if level is None else str(level) for level in context.levels[attribute][has_known_state]]
        )
        levels, codes = np.unique(texts, return_inverse=True)
        customers, churners = np.bincount(codes), np.bincount(codes, has_left[has_known_state])
        for code in np.argsort(-customers, kind="stable"):
            low, _ = wilson_interval(churners[code], customers[code], Z_99)
            if not is_sure(low, base):
                continue
            value = f"the value {literal(str(levels[code]))}" if levels[code] else "no value"
            yield Finding(
                f"customers.{attribute}",
                f"{int(churners[code]):,} of the {int(customers[code]):,} customers with {value} have left "
                f"(share among all customers: {base:.0%}); this means that the source fills in or empties "
                "this column when a customer leaves.",
                ATTRIBUTE_WAY_OUT,
                "stop",
                figure=f"{churners[code] / customers[code]:.0%} left",
            )
            break
