"""The figures of real data against an independent SQL query over the raw files, figure by figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from churn.data.ingest.ingest import ingest
from churn.kpis.company import Company
from churn.kpis.company_sections import orders_of, recurring_of, retention_of, value_of
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
    WITH ranked AS (SELECT customer, day, row_number() OVER (PARTITION BY customer ORDER BY day) AS number
                    FROM orders),
         firsts AS (SELECT customer, min(day) FILTER (number = 1) AS first_day,
                           min(day) FILTER (number = 2) AS second_day FROM ranked GROUP BY 1),
         bought AS (SELECT customer, count(*) AS n, sum(cents) AS cents FROM orders
                    WHERE day >= $start AND day < $end GROUP BY 1),
         totals AS (SELECT coalesce(sum(n), 0) AS n, coalesce(sum(cents), 0) AS cents, count(*) AS buyers,
                           count(*) FILTER (n >= 2) AS again,
                           coalesce(sum(cents) FILTER (first_day >= $start), 0) AS new_cents
                    FROM bought JOIN firsts USING (customer)),
         joined AS (SELECT count(*) AS n, count(*) FILTER (second_day - first_day <= $repeat_days) AS again
                    FROM firsts WHERE first_day >= $start AND first_day < $end)
    SELECT totals.n AS orders, cents / 100.0 AS revenue, cents / nullif(totals.n, 0) / 100.0 AS order_value,
           cents / nullif(buyers, 0) / 100.0 AS revenue_per_customer,
           100.0 * totals.again / nullif(buyers, 0) AS repeat_purchase_rate,
           CASE WHEN $end::DATE + $repeat_days <= $cutoff::DATE
                THEN 100.0 * joined.again / nullif(joined.n, 0) END AS repeat_purchase_cohort,
           new_cents / 100.0 AS new_customer_revenue,
           (cents - new_cents) / 100.0 AS existing_customer_revenue,
           100.0 * (cents - new_cents) / nullif(cents, 0) AS existing_revenue_share
    FROM totals, joined"""

# the gaps between days with orders; the last one of each customer is open at the cutoff
INTERVAL_FIGURES = """
    WITH days AS (SELECT DISTINCT customer, day FROM orders),
         gaps AS (SELECT customer, lead(day) OVER own IS NOT NULL AS is_ended,
                         coalesce(lead(day) OVER own, $cutoff::DATE) - day AS gap
                  FROM days WINDOW own AS (PARTITION BY customer ORDER BY day)),
         lengths AS (SELECT gap, count(*) FILTER (is_ended) AS n_ended, count(*) AS n FROM gaps GROUP BY 1),
         risks AS (SELECT gap, n_ended, sum(n) OVER (ORDER BY gap DESC) AS at_risk FROM lengths),
         curve AS (SELECT gap, exp(sum(ln(1 - n_ended / at_risk)) OVER (ORDER BY gap)) AS share
                   FROM risks WHERE n_ended < at_risk),
         own AS (SELECT customer, median(gap) FILTER (is_ended) AS usual,
                        max(gap) FILTER (NOT is_ended) AS silent, count(*) AS n FROM gaps GROUP BY 1)
    SELECT (SELECT min(gap) FROM curve WHERE share <= 0.5) AS purchase_interval,
           (SELECT avg(gap) FILTER (is_ended) FROM gaps) AS purchase_interval_naive,
           (SELECT 100.0 * count(*) FILTER (silent > usual) / count(*) FROM own WHERE n >= 3)
           AS overdue_buyers"""

EVENT_SPELLS = """
    CREATE TABLE spells AS
    WITH days AS (SELECT DISTINCT customer, day FROM orders WHERE day < $cutoff),
         steps AS (SELECT customer, day, coalesce(day - lag(day) OVER own > $active_days, true) AS begins
                   FROM days WINDOW own AS (PARTITION BY customer ORDER BY day)),
         numbered AS (SELECT customer, day, sum(begins::INT) OVER own AS number
                      FROM steps WINDOW own AS (PARTITION BY customer ORDER BY day))
    SELECT customer, number, min(day) AS began, max(day) + $active_days AS ended
    FROM numbered GROUP BY 1, 2"""
CONTRACT_SPELLS = """
    CREATE TABLE spells AS
    WITH steps AS (SELECT customer, began, ended, coalesce(began > max(ended) OVER (
                              PARTITION BY customer ORDER BY began, ended
                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS begins FROM paid),
         numbered AS (SELECT *, sum(begins::INT) OVER (PARTITION BY customer ORDER BY began, ended
                              ROWS UNBOUNDED PRECEDING) AS number FROM steps)
    SELECT customer, number, min(began) AS began, max(ended) AS ended FROM numbered GROUP BY 1, 2"""
RETENTION_FIGURES = """
    WITH before AS (SELECT customer, number FROM spells WHERE began < $start AND ended >= $start),
         later AS (SELECT customer, number FROM spells WHERE began < $end AND ended >= $end),
         firsts AS (SELECT customer, customer IN (SELECT customer FROM later) AS stays FROM spells
                    WHERE number = 1 AND began >= $start AND began < $end),
         back AS (SELECT again.customer, again.customer IN (SELECT customer FROM later) AS stays
                  FROM spells AS again JOIN spells AS past
                    ON past.customer = again.customer AND past.number = again.number - 1
                  WHERE again.began >= $start AND again.began < $end AND past.ended < $start),
         counts AS (SELECT (SELECT count(*) FROM before) AS s, (SELECT count(*) FROM later) AS e,
                           (SELECT count(*) FROM before JOIN later USING (customer)) AS kept,
                           (SELECT count(*) FROM before JOIN later USING (customer)
                            WHERE before.number <> later.number) AS bounced,
                           (SELECT count(*) FROM firsts) AS n, (SELECT count(*) FROM back) AS r,
                           (SELECT count(*) FROM firsts WHERE NOT stays) AS early,
                           (SELECT count(*) FROM back WHERE stays) AS back_at_end)
    SELECT s AS customers_at_start, 100.0 * kept / nullif(s, 0) AS crr,
           100.0 * (s - kept) / nullif(s, 0) AS customer_churn, 100.0 * bounced / nullif(s, 0) AS bounced,
           n AS new_customers, 100.0 * early / nullif(n, 0) AS early_churn, r AS returned_customers,
           100.0 * (e - n) / nullif(s, 0) AS crr_arithmetic,
           100.0 * (back_at_end - early) / nullif(s, 0) AS crr_difference
    FROM counts"""


def row_of(raw: duckdb.DuckDBPyConnection, query: str, **values: object) -> dict[str, float | None]:
    """Return the one row of a query by column; the values are those that the query names."""
    result = raw.execute(query, {name: value for name, value in values.items() if f"${name}" in query})
    names = [column[0] for column in result.description or ()]
    row = result.fetchone() or ()
    return {name: None if value is None else float(value) for name, value in zip(names, row, strict=True)}


def assert_equal(
    cell: Mapping[str, float | None], expected: Mapping[str, float | None], where: object
) -> None:
    """Assert that exactly the expected figures are defined, with their values."""
    defined = {name: value for name, value in cell.items() if value is not None}
    known = {name: value for name, value in expected.items() if value is not None}
    assert defined == pytest.approx(known, rel=1e-9, abs=1e-9), where


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
    terms = {
        "cutoff": shop.cutoff,
        "active_days": shop.store.params.label.days_active,
        "repeat_days": shop.store.params.kpis.repeat_days,
    }
    raw.execute(EVENT_SPELLS, {name: terms[name] for name in ("cutoff", "active_days")})

    n_compared = 0
    order_figures = orders_of(shop).figures
    for start, end, cell in known_cells(order_figures):
        if "orders" not in cell:  # the period of a figure that is missing as a whole
            continue
        expected = row_of(raw, ORDER_FIGURES, start=start, end=end, **terms)
        assert_equal(cell, expected, (start, end))
        n_compared += 1
    for start, end, cell in known_cells(retention_of(shop).figures):
        assert_equal(cell, row_of(raw, RETENTION_FIGURES, start=start, end=end), (start, end))
        n_compared += 1
    assert n_compared > 80
    raw.execute("DELETE FROM orders WHERE day >= ?", [shop.cutoff])
    window = {figure.name: figure.value for figure in order_figures if figure.period.kind == "window"}
    assert_equal(window, row_of(raw, INTERVAL_FIGURES, **terms), example)
    (historic,) = (f for f in value_of(shop, order_figures).figures if f.name == "clv_historic")
    spent = row_of(raw, "SELECT sum(cents) / 100.0 / count(DISTINCT customer) AS mean FROM orders")["mean"]
    assert spent is not None
    assert historic.value == pytest.approx(spent * shop.store.params.score.value.margin)


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
    raw.execute(CONTRACT_SPELLS)
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
        expected = row_of(raw, RETENTION_FIGURES, start=start, end=end) | {
            "mrr_at_start": sum(before.values()) / 100,
            "mrr_at_end": sum(after.values()) / 100,
            "mrr_new": sum(after[customer] for customer in new) / 100,
            "mrr_reactivated": sum(after[customer] for customer in back) / 100,
            "mrr_expansion": sum(value for value in change if value > 0) / 100,
            "mrr_contraction": -sum(value for value in change if value < 0) / 100,
            "mrr_churned": sum(before[customer] for customer in set(before) - stay) / 100,
        }
        lost = (expected["mrr_churned"] or 0) + (expected["mrr_contraction"] or 0)
        if before:
            total = sum(before.values())
            kept = sum(min(before[customer], after[customer]) for customer in stay)
            expected |= {
                "mrr_churn": 100 * lost / (total / 100),
                "grr": 100 * kept / total,
                "nrr": 100 * sum(after[customer] for customer in stay) / total,
            }
        assert_equal(cell, expected, (start, end))
        n_compared += 1
    assert n_compared > 40
