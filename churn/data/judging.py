"""The SQL that says of every row of a staged table which rule it breaks first, if any."""

from __future__ import annotations

from churn.data.rules import rules_of
from churn.data.sql import internal, literal, quoted
from churn.data.staging import Staged

CODES = internal("codes")
"""The customers' codes, once their table is written."""


def judged_rows(staged: Staged, present: str | None, elsewhere: str | None = None) -> str:
    """Return the SQL of every row with `__broken`: the first rule it breaks, or NULL.

    Args:
        staged: The table's views.
        present: The date around which the data end, or None where nothing is known of it.
        elsewhere: SQL of the keys whose first sound row is not among these rows, where these are a part.
    """
    rules = rules_of(staged, present)
    cases = " ".join(f"WHEN {sql} THEN {literal(rule)}" for rule, sql in rules)
    if staged.wanted.table.name == "customers":
        rows = f"SELECT t.*, CASE {cases} END AS __broken FROM {staged.typed} t"
    else:
        rows = (
            f"SELECT t.*, c.customer, CASE {cases} END AS __broken "
            f"FROM {staged.typed} t LEFT JOIN {CODES} c USING (customer_id)"
        )
    key = key_of(staged)
    return _without_repeats(staged, rows, key, elsewhere) if staged.has(key) else rows


def key_of(staged: Staged) -> str:
    """Return the column that tells a table's rows apart."""
    return "customer_id" if staged.wanted.table.name == "customers" else "row_id"


def order_of(staged: Staged) -> str:
    """Return the SQL order by which the first of several rows of one key stays.

    By time, then by when it was known, then by all that the source said: whatever the order of the source or
    the number of threads, the same row stays.
    """
    names = [column.name for column in staged.mapped if column.role == "known"]
    names += [f"{column.name}__said" for column in staged.mapped]
    return ", ".join(quoted(name) for name in [staged.wanted.table.time, *names])


def _without_repeats(staged: Staged, rows: str, key: str, elsewhere: str | None) -> str:
    """Mark all but the first sound row of each key as broken. Only rows of repeated keys are sorted."""
    rule = literal(f"{key} is not repeated")
    later = f"row_number() OVER (PARTITION BY {key} ORDER BY {order_of(staged)}) > 1"
    repeated = f"SELECT {key} FROM sound WHERE {key} IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    if elsewhere:
        later = f"{later} OR {key} IN ({elsewhere})"
        repeated = f"{repeated} UNION {elsewhere}"
    return (
        f"(WITH judged AS MATERIALIZED ({rows}), sound AS (SELECT * FROM judged WHERE __broken IS NULL), "
        f"repeated AS ({repeated}) "
        "SELECT * FROM judged WHERE __broken IS NOT NULL "
        f"UNION ALL BY NAME SELECT * FROM sound ANTI JOIN repeated USING ({key}) "
        f"UNION ALL BY NAME SELECT * REPLACE (CASE WHEN {later} THEN {rule} END AS __broken) "
        f"FROM sound SEMI JOIN repeated USING ({key}))"
    )
