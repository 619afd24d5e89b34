"""The cost of a contact is proposed from one clear column, and two readings are a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb
import pytest

from churn.init.entry import write_entry
from churn.init.match import matches
from churn.init.profile import profile_table

Values = Sequence[float | str]
DEAR, CHEAP = [12.5, 30.0, 12.5], [0.004, 0.004, 0.08]
CANONICAL = None
"""No entry: the column has its canonical name."""


def cost_of(columns: Mapping[str, Values]) -> str | None:
    """Return what `init` writes for the cost of a table of contacts with these columns."""
    cells = ", ".join(
        f'{list(values)}[1 + i % {len(values)}] AS "{name}"' for name, values in columns.items()
    )
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE contacts AS SELECT 'U' || i % 20 AS customer_id, DATE '2024-01-01' + i::INTEGER AS "
            f"contacted_at, 'call' AS play, {cells} FROM range(80) AS rows(i)"
        )
        table = profile_table(connection, "contacts", "contacts", "duckdb", date(2026, 1, 1))
        scores = list(matches(connection, table, table.columns[0]))
        match = max(scores, key=lambda scored: scored[0])[1]
        cost: str | None = write_entry(connection, match, "duckdb", None).body.get("columns", {}).get("cost")
        return cost if "cost" in match.columns or cost else "nothing"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"cost": DEAR}, CANONICAL),
        ({"cost": CHEAP}, CANONICAL),
        ({"Kosten": DEAR}, "Kosten"),
        ({"contact_cost": CHEAP}, "contact_cost"),
        ({"kosten_pro_kontakt": DEAR}, "kosten_pro_kontakt"),
        ({"cost_eur": DEAR, "discount_pct": [5.0, 10.0]}, "cost_eur"),
        ({"cost": CHEAP, "incentive": [0.0, 10.0]}, CANONICAL),  # it cannot hold an offer that is larger
        ({"incentive": [0.0, 10.0]}, "nothing"),
        ({"cost": ["low", "high"]}, "cast(null as double precision)"),
        ({"cost": [-5.0, 5.0]}, "cast(null as double precision)"),
    ],
)
def test_one_clear_column_is_the_cost_without_a_question(
    columns: Mapping[str, Values], expected: str | None
) -> None:
    assert cost_of(columns) == expected


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"cost": DEAR, "call_cost": CHEAP}, "? cost and call_cost may be what a contact cost"),
        ({"cost": DEAR, "incentive": [0.0, 10.0]}, 'write "cost" if it does not, or "cost - coalesce('),
        (
            {"kosten": DEAR, "gutschein": [5.0, 10.0]},
            "? kosten may hold what the offer gave away (gutschein)",
        ),
        ({"gesamtkosten": DEAR}, "? gesamtkosten may hold what an offer gave away"),
    ],
)
def test_two_readings_are_a_question(columns: Mapping[str, Values], words: str) -> None:
    cost = cost_of(columns)

    assert cost is not None
    assert cost.startswith("? ")
    assert words in cost
