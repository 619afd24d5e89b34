"""The figures of real data against an independent SQL query over the raw files, figure by figure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from churn.data.ingest.ingest import ingest
from churn.kpis.company import Company
from churn.kpis.company_sections import orders_of, recurring_of, retention_of
from churn.kpis.figure import Figure
from churn.params import Params

pytestmark = [pytest.mark.data, pytest.mark.slow]

# one row for each order: customer, day, number, cents
ORDERS = {
    "completejourney": """
        SELECT household_id AS customer, min(transaction_timestamp)::DATE AS day, basket_id AS number,
               round(sum(sales_value) * 100)::BIGINT AS cents
        FROM '{data}/completejourney/transactions.parquet' GROUP BY household_id, basket_id""",
    "online_retail": """
        SELECT CustomerID AS customer, min(InvoiceDate)::DATE AS day, InvoiceNo AS number,
               round(sum(Quantity * UnitPrice) * 100)::BIGINT AS cents
        FROM '{data}/online_retail/transactions.parquet'
        WHERE CustomerID IS NOT NULL AND InvoiceNo NOT LIKE 'C%' GROUP BY CustomerID, InvoiceNo""",
}
ORDER_FIGURES = """
    WITH firsts AS (SELECT customer, min(day) AS first_day FROM orders GROUP BY 1),
         bought AS (SELECT customer, count(*) AS n, sum(cents) AS cents FROM orders
                    WHERE day >= ? AND day < ? GROUP BY 1)
    SELECT coalesce(sum(n), 0), coalesce(sum(cents), 0) / 100.0, sum(cents) / sum(n) / 100.0,
           sum(cents) / count(*) / 100.0, 100.0 * count(*) FILTER (n >= 2) / nullif(count(*), 0),
           coalesce(sum(cents) FILTER (first_day >= ?), 0) / 100.0
    FROM bought JOIN firsts USING (customer)"""
ORDER_NAMES = (
    "orders",
    "revenue",
    "order_value",
    "revenue_per_customer",
    "repeat_purchase_rate",
    "new_customer_revenue",
)


def company(example: str, root: Path, real_data: Path, folder: Path) -> Company:
    """Ingest the label's table of an example, and nothing else."""
    text = (root / "examples" / f"{example}.yaml").read_text().replace("${CHURN_DATA}", str(real_data))
    stated: dict[str, Any] = yaml.safe_load(text)
    table = stated["label"].get("table", "subscriptions")
    customers = {key: value for key, value in stated["tables"]["customers"].items() if key == "query"}
    params = Params.model_validate(
        {
            **{key: stated[key] for key in ("source", "timezone", "label", "snapshot")},
            "tables": {"customers": customers, table: stated["tables"][table]},
            "output": str(folder / "output"),
            "models": str(folder / "models"),
        }
    )
    store = ingest(params, lambda _: None)
    return Company(store, store.watermark)


def known_cells(figures: tuple[Figure, ...]) -> Iterator[tuple[date, date, dict[str, float | None]]]:
    """Yield the start, the end and the figures of each period of any kind, without segments."""
    cells: dict[tuple[date, date], dict[str, float | None]] = {}
    for figure in figures:
        if figure.slice is None and figure.period.kind != "window":
            cell = cells.setdefault((figure.period.start, figure.period.end), {})
            cell[figure.name] = figure.value
    for (start, end), cell in sorted(cells.items()):
        yield start, end, cell


@pytest.mark.parametrize("example", ["completejourney", "online_retail"])
def test_the_figures_of_a_shop_are_those_of_an_independent_query(
    example: str, root: Path, real_data: Path, tmp_path: Path
) -> None:
    shop = company(example, root, real_data, tmp_path)
    raw = duckdb.connect()
    raw.execute(f"CREATE TABLE orders AS {ORDERS[example].format(data=real_data)}")
    active_days = shop.store.params.label.days_active

    def active(day: date) -> set[Any]:
        rows = raw.execute(
            "SELECT DISTINCT customer FROM orders WHERE day >= ? AND day < ?",
            [day - timedelta(active_days), day],
        ).fetchall()
        return {customer for (customer,) in rows}

    n_compared = 0
    for start, end, cell in known_cells(orders_of(shop).figures):
        if "orders" not in cell:  # the period of a figure that is missing as a whole
            continue
        row = raw.execute(ORDER_FIGURES, [start, end, start]).fetchone()
        expected = dict(zip(ORDER_NAMES, row or (), strict=True))
        assert {name: cell[name] for name in ORDER_NAMES} == pytest.approx(expected), (start, end)
        n_compared += 1
    for start, end, cell in known_cells(retention_of(shop).figures):
        at_start, at_end = active(start), active(end)
        joined = raw.execute(
            "SELECT count(*) FROM (SELECT min(day) AS first_day FROM orders GROUP BY customer) "
            "WHERE first_day >= ? AND first_day < ?",
            [start, end],
        ).fetchone()
        assert cell["customers_at_start"] == len(at_start)
        assert cell["crr"] == pytest.approx(100 * len(at_start & at_end) / len(at_start))
        assert joined
        assert cell["new_customers"] == joined[0]
        assert cell["crr_arithmetic"] == pytest.approx(100 * (len(at_end) - joined[0]) / len(at_start))
        n_compared += 1
    assert n_compared > 80


def test_the_figures_of_contracts_are_those_of_an_independent_query(
    root: Path, real_data: Path, tmp_path: Path
) -> None:
    network = company("fightchurn_socialnet7", root, real_data, tmp_path)
    raw = duckdb.connect()
    raw.execute(
        "CREATE TABLE paid AS SELECT account_id AS customer, start_date::DATE AS began, "
        "end_date::DATE AS ended, round(mrr * 100)::BIGINT AS cents "
        f"FROM '{real_data}/fightchurn_socialnet7/subscription.parquet'"
    )
    first_began = dict(raw.execute("SELECT customer, min(began) FROM paid GROUP BY 1").fetchall())

    def amounts(day: date) -> dict[Any, int]:
        rows = raw.execute(
            "SELECT customer, sum(cents) FROM paid WHERE began < ? AND ended >= ? GROUP BY 1", [day, day]
        ).fetchall()
        return {customer: int(cents) for customer, cents in rows}

    n_compared = 0
    for start, end, cell in known_cells((*retention_of(network).figures, *recurring_of(network).figures)):
        before, after = amounts(start), amounts(end)
        stay = set(before) & set(after)
        new = {customer for customer in set(after) - set(before) if first_began[customer] >= start}
        back = set(after) - set(before) - new
        change = [after[customer] - before[customer] for customer in stay]
        expected = {
            "customers_at_start": len(before),
            "mrr_at_start": sum(before.values()) / 100,
            "mrr_at_end": sum(after.values()) / 100,
            "mrr_new": sum(after[customer] for customer in new) / 100,
            "mrr_reactivated": sum(after[customer] for customer in back) / 100,
            "mrr_expansion": sum(value for value in change if value > 0) / 100,
            "mrr_contraction": -sum(value for value in change if value < 0) / 100,
            "mrr_churned": sum(before[customer] for customer in set(before) - stay) / 100,
        }
        if before:
            total = sum(before.values())
            kept = sum(min(before[customer], after[customer]) for customer in stay)
            expected |= {
                "crr": 100 * len(stay) / len(before),
                "grr": 100 * kept / total,
                "nrr": 100 * sum(after[customer] for customer in stay) / total,
            }
        assert {name: cell[name] for name in expected} == pytest.approx(expected), (start, end)
        n_compared += 1
    assert n_compared > 40
