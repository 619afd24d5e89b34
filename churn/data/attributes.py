"""What params.yaml may say of customers' attributes: those that never change, those with a history."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from churn.params import TableParams

RESERVED = {
    *("customer", "customer_id", "cutoff", "left", "at", "day", "known_at", "known_day", "row_id", "kind"),
    *("excluded_because", "churn_probability", "value_at_risk", "health", "play", "arm", "signed_up_at"),
}
"""Names of our own columns, which an attribute may not take."""


def attribute_problems(place: str, origin: TableParams) -> Iterator[str]:
    """Yield what is wrong with the attributes of a table, whose place in params.yaml is `place`."""
    for key, names in (("static", origin.static), ("history", tuple(origin.history))):
        if names and place != "tables.customers":
            yield f"{place}.{key}: only customers has attributes."
        for name in names:
            if name in RESERVED or name.startswith(("__", "health_", "reason_")):
                where = f"{place}.{key}: '{name}'"
                yield f"{where} is a column of our own; map it under another name."
    for name in origin.history:
        if name in origin.static:
            yield (
                f"{place}: '{name}' stands under 'static' and under 'history'. "
                "Keep 'static' if it never changes, else 'history'."
            )


def columns_left_out(there: Collection[str], read: Collection[str], origin: TableParams) -> tuple[str, ...]:
    """Return the columns of customers that nothing reads: neither static, nor with a history.

    Such a column says what is so today. At a cutoff in the past it may have said something else, so it is
    left out until the owner says which it is.

    Args:
        there: The columns of the source.
        read: The SQL that reads from them.
        origin: What params.yaml says of customers.
    """
    text = " ".join([*read, origin.where or ""]).lower()
    words = set(re.findall(r"\w+", text))
    named = {name.lower() for name in origin.history}
    return tuple(
        name
        for name in there
        if name.lower() not in words and name.lower() not in named and f'"{name.lower()}"' not in text
    )
