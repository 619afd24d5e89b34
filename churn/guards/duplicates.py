"""Find people who are in the data twice: the rows of one person under two ids."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from churn.data.sql import identifier, literal
from churn.data.tables import EMPTIED_VALUE
from churn.finding import Finding
from churn.guards.context import GuardContext

MIN_PROOFS = 5
"""Two ids must share at least this many distinct measurements, because a few may be equal by chance."""

MAX_CHANCE = 1e-4
"""At most this number of customer pairs may be expected to share the same measurements by chance."""

MAX_MEASUREMENT_SHARE = 0.01
"""A measurement proves nothing if more than this share of a table's rows has an equal measurement.

Times without a time of day, small whole numbers and usual prices have larger shares.
"""

SHARED_SHARE = 0.8
"""The longer of two histories must hold at least this share of the rows of the shorter history.

People who do some things together, such as players of the same matches, share less. Both ids live on after a
copy, so each may then get a few rows of its own.
"""

MAX_HOLDERS = 20
"""A row is personal if at most this number of customers has an equal row.

A mailing reaches more. The number allows for copies: to balance classes with 5 % churners, each churner is
copied 19 times.
"""

ID_COLUMNS = ("customer", "row_id", "email_id", "invoice_id", "day", "known_day")
"""Columns that differ between copies, or that follow from other columns."""

COPY_STOP_SHARE = 0.01
"""The share of copied customers that makes the finding a stop, because it changes the figures of the test."""

SHOWN_PAIRS = 3


class CopiedPair(NamedTuple):
    """Two customer ids with the rows of one person; each id is given by its customer code.

    Attributes:
        first: The lower of the two customer codes.
        copy: The code of another customer with these rows.
        first_state: The state of the first customer at the end of the data: 1 if the customer left, 0 if not.
        copy_state: The state of the customer `copy` at the end of the data: 1 if the customer left, 0 if not.
    """

    first: int
    copy: int
    first_state: int
    copy_state: int


def oversampling_note(copied_share: float, base: float, base_name: str) -> str:
    """Return a note that churners may have been copied to balance the classes; otherwise an empty text.

    The note is given if the share of churners among the copies is more than twice `base`.

    Args:
        copied_share: The share of churners among the copies.
        base: The share of churners among the rows or customers with which the copies are compared.
        base_name: What the note calls the group with the share `base`, such as 'all customers'.
    """
    if copied_share <= 2 * base:
        return ""
    return (
        f" Churners may have been copied: they are {copied_share:.0%} of the copies, but only {base:.0%} of "
        f"{base_name}."
    )


def duplicates(context: GuardContext) -> Iterator[Finding]:
    """Look for people who are customers under two ids: nearly all rows of one id are rows of the other id.

    Equal short histories prove nothing: two new customers look the same if both have only one event.
    """
    pairs = _copied_pairs(context)
    if not pairs:
        return
    state = {pair.first: pair.first_state for pair in pairs} | {pair.copy: pair.copy_state for pair in pairs}
    known_states = [value for value in state.values() if value >= 0]
    share = sum(known_states) / max(len(known_states), 1)
    ids = context.customers.ids
    examples = ", ".join(f"{ids[pair.first]} and {ids[pair.copy]}" for pair in pairs[:SHOWN_PAIRS])
    note = oversampling_note(share, context.ends.left_share or 0.0, "all customers")
    yield Finding(
        "customers",
        f"{len(state):,} customers share a history with another customer ({examples}): at least "
        f"{SHARED_SHARE:.0%} of the rows of the shorter history are also in the longer one, with the same "
        f"times and values.{note} If customers are split at random, copies are in both the training data and "
        "the test data, and the model has seen the answers of the test.",
        "Give each person a single customer_id, and do not resample customers.",
        "stop" if len(state) >= max(5, COPY_STOP_SHARE * context.store.n_customers) else "warn",
    )


def _copied_pairs(context: GuardContext) -> list[CopiedPair]:
    """Return the pairs of ids with the rows of one person, in the order of the customer codes.

    A row is personal if few customers have an equal row. A pair counts if it passes two tests.

    The first test counts measurements. A row's measurement combines its time of day, its numbers and its
    delays (see `_measurement`). Two ids share the measurements of those personal rows that both ids have.
    They must share at least `MIN_PROOFS` distinct measurements. Also, chance must be an unlikely reason:
    among all pairs of customers, at most `MAX_CHANCE` pairs are expected to share these measurements by
    chance. To compute the expected number of pairs, begin with the number of all pairs of customers. For each
    shared measurement, multiply the result so far by the fraction of the table's rows that have this
    measurement.

    The second test compares the histories (all rows) of the two ids: the longer history must hold nearly all
    rows of the shorter history. The test compares the personal rows and the other rows separately, and both
    comparisons must pass. One comparison of all rows together could pass although the personal rows differ,
    because all customers get the same mailings.
    """
    parts = [_facts(context, table) for table in context.event_tables]
    if not parts:
        return []
    n = max(context.store.n_customers, 2)
    needed_digits = math.log10(n * (n - 1) / 2 / MAX_CHANCE)
    rows = context.rows(
        f"""
        WITH facts AS MATERIALIZED ({" UNION ALL ".join(parts)}),
        several AS (SELECT h FROM facts GROUP BY h HAVING min(customer) < max(customer)),
        personal AS MATERIALIZED (
            SELECT h, min(customer) AS first FROM facts SEMI JOIN several USING (h)
            GROUP BY h HAVING count(DISTINCT customer) <= {MAX_HOLDERS}),
        shared AS MATERIALIZED (
            SELECT first, customer AS other, "at", measurement FROM facts JOIN personal USING (h)
            WHERE customer > first),
        rare AS (
            SELECT measurement, log10(any_value(rows) / count(*)) AS digits
            FROM facts SEMI JOIN shared USING (measurement) GROUP BY measurement
            HAVING count(*) <= {MAX_MEASUREMENT_SHARE} * any_value(rows)),
        proofs AS (
            SELECT first, other, measurement, min("at") AS "at", any_value(digits) AS digits
            FROM shared JOIN rare USING (measurement) GROUP BY 1, 2, 3),
        likely AS MATERIALIZED (
            SELECT first, other, least(count(*), count(DISTINCT "at")) AS n FROM proofs GROUP BY 1, 2
            HAVING n >= {MIN_PROOFS} AND n * avg(digits) >= {needed_digits}),
        sides AS (
            SELECT first, other, first AS customer FROM likely
            UNION ALL SELECT first, other, other FROM likely),
        own AS MATERIALIZED (SELECT DISTINCT customer, h FROM facts SEMI JOIN sides USING (customer)),
        crowds AS (
            SELECT h, count(DISTINCT customer) AS holders FROM facts SEMI JOIN own USING (h) GROUP BY h),
        joined AS (
            SELECT first, other, h, bool_or(customer = first) AS in_first,
            bool_or(customer = other) AS in_other
            FROM sides JOIN own USING (customer) GROUP BY 1, 2, 3),
        shares AS (
            SELECT first, other, holders <= {MAX_HOLDERS} AS is_personal,
            count(*) FILTER (WHERE in_first AND in_other) AS n_shared,
            least(count(*) FILTER (WHERE in_first), count(*) FILTER (WHERE in_other)) AS shorter
            FROM joined JOIN crowds USING (h) GROUP BY 1, 2, 3),
        copied AS (
            SELECT first, other FROM shares GROUP BY 1, 2
            HAVING bool_and(n_shared >= {SHARED_SHARE} * shorter))
        SELECT copied.first, copied.other, a.gone, b.gone FROM copied
        JOIN people AS a ON a.customer = copied.first JOIN people AS b ON b.customer = copied.other
        ORDER BY 1, 2
        """
    )
    return [CopiedPair(*row) for row in rows]


def _facts(context: GuardContext, table: str) -> str:
    """Return the SQL of a table's rows: customer, time, row hash, measurement hash and table size in rows.

    Rows whose numbers are all 0 or missing, such as the rows of an idle meter, are left out.
    """
    state = context.store.tables[table]
    columns = [name for name in state.columns if name not in ID_COLUMNS]
    numbers = [column.name for column in context.tables[table].of_role("value") if column.name in columns]
    is_empty = " AND ".join(f"coalesce({identifier(name)} IN (0, {EMPTIED_VALUE}), true)" for name in numbers)
    where = f" WHERE NOT ({is_empty})" if is_empty else ""
    return (
        f'SELECT customer, "at", hash({literal(table)}, {", ".join(map(identifier, columns))}) AS h, '
        f"{_measurement(table, columns, numbers)} AS measurement, {state.rows} AS rows "
        f"FROM {context.store.scan(table)}{where}"
    )


def _measurement(table: str, columns: list[str], numbers: list[str]) -> str:
    """Return the SQL of a row's measurement, which combines its time of day, its numbers and its delays.

    A delay is the time from the row's own time to an outcome, such as the payment of a bill. Texts, such as
    the name of a campaign, are no part of the measurement. People who signed up on the same day get the same
    mails at the same hours; with texts, these people would look like one person.

    Args:
        table: The table.
        columns: The names of the columns of the table, without `ID_COLUMNS`.
        numbers: The names of the columns that hold numbers.
    """
    delays = [name for name in columns if name.endswith("_after")]
    time_of_day = 'epoch("at")::BIGINT % 86400'
    return f"hash({', '.join([literal(table), time_of_day, *map(identifier, [*numbers, *delays])])})"
