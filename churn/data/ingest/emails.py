"""E-mails told as one row per event: brought into one row per e-mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from churn.data.sources.table_specs import Wanted
from churn.data.sql import internal, quoted
from churn.errors import SourceError

EMAIL_KINDS: Mapping[str, tuple[str, ...]] = {
    "sent_at": ("send", "sent", "delivered"),
    "opened_at": ("open", "opened"),
    "clicked_at": ("click", "clicked"),
    "unsubscribed_at": ("unsubscribe", "unsubscribed"),
}
"""Which kinds of event fill which column."""


def one_row_per_email(
    connection: duckdb.DuckDBPyConnection, raw: str, wanted: Wanted, columns: Sequence[str]
) -> str:
    """Create a view with a row per customer and e-mail and return its name; the first of each kind counts.

    Raises:
        SourceError: the events have no `email_id` that says which e-mail was opened.
    """
    if "email_id" not in columns:
        raise SourceError(
            "emails: the source has one row per event (it has a column 'kind') but no 'email_id' that says "
            f"which e-mail was opened. Map one under {wanted.place}.columns, or give a query with one row "
            "per e-mail and without 'kind'."
        )
    times = [
        f"min(sent_at) FILTER (lower(kind) IN ({', '.join(repr(kind) for kind in kinds)})) AS {column}"
        for column, kinds in EMAIL_KINDS.items()
    ]
    pivoted = {"customer_id", "email_id", "kind", *EMAIL_KINDS}
    others = [f"min({quoted(name)}) AS {quoted(name)}" for name in columns if name not in pivoted]
    name = internal("emails_pivoted")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {name} AS "
        f"SELECT customer_id, email_id, {', '.join([*times, *others])} FROM {raw} GROUP BY 1, 2"
    ).fetchall()
    return name
