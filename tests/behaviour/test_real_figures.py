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
from churn.kpis.company_sections import engagement_of, orders_of, recurring_of, retention_of, value_of
from churn.kpis.figure import Figure
from churn.kpis.journey import stages_section
from churn.kpis.rfm import rfm_section
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

# the customers at the start and at the end of a month, and who came and went in between
GROWTH_FIGURES = """
    WITH before AS (SELECT DISTINCT customer FROM spells WHERE began < $start AND ended >= $start),
         later AS (SELECT DISTINCT customer FROM spells WHERE began < $end AND ended >= $end),
         past AS (SELECT DISTINCT customer FROM spells WHERE began < $start),
         came AS (SELECT customer, customer IN (SELECT customer FROM past) AS is_back FROM later
                  WHERE customer NOT IN (SELECT customer FROM before))
    SELECT (SELECT count(*) FROM before) AS active_at_start, (SELECT count(*) FROM later) AS active_at_end,
           (SELECT count(*) FILTER (NOT is_back) FROM came) AS new_customers,
           (SELECT count(*) FILTER (is_back) FROM came) AS resurrected_customers,
           (SELECT count(*) FROM before WHERE customer NOT IN (SELECT customer FROM later))
           AS dormant_customers"""

# a row for each customer at risk at a past cutoff: who left, last order, orders and cents of a year
RFM_ROWS = """
    CREATE TABLE at_risk AS
    SELECT cutoff, customer, count(*) FILTER (day >= cutoff AND day < cutoff + $horizon) = 0 AS has_left,
           cutoff - max(day) FILTER (day < cutoff) AS recency,
           count(*) FILTER (day < cutoff AND day >= cutoff - 365) AS frequency,
           sum(cents) FILTER (day < cutoff AND day >= cutoff - 365) AS money
    FROM orders, unnest($cutoffs::DATE[]) AS cutoffs(cutoff)
    GROUP BY cutoff, customer HAVING count(*) FILTER (day < cutoff AND day >= cutoff - $active_days) > 0"""
RFM_CELLS = """
    WITH ranked AS (SELECT *, count(*) OVER () AS n,
                           count(*) OVER (ORDER BY recency) AS r, count(*) OVER (ORDER BY frequency) AS f
                    FROM at_risk),
         fifths AS (SELECT k, min(recency) FILTER (5 * r >= k * n) AS recency,
                           min(frequency) FILTER (5 * f >= k * n) AS frequency
                    FROM ranked, range(1, 5) AS fifth(k) GROUP BY k),
         r_edges AS (SELECT DISTINCT recency AS edge FROM fifths
                     WHERE recency < (SELECT max(recency) FROM at_risk)),
         f_edges AS (SELECT DISTINCT frequency AS edge FROM fifths
                     WHERE frequency < (SELECT max(frequency) FROM at_risk)),
         classes AS (SELECT has_left, (SELECT count(*) + 1 FROM r_edges WHERE edge >= recency) AS r,
                            (SELECT count(*) + 1 FROM f_edges WHERE edge < frequency) AS f FROM at_risk)
    SELECT r, f, count(*) AS n, count(*) FILTER (has_left) AS n_left FROM classes GROUP BY 1, 2"""

# the middle rank of the orders of four weeks, among active customers of one band of tenure
ENGAGEMENT_FIGURES = """
    WITH own AS (SELECT customer, count(*) FILTER (day >= $cutoff::DATE - 28) AS n, min(day) AS joined,
                        max(day) >= $cutoff::DATE - $active_days AS is_active FROM orders GROUP BY 1),
         banded AS (SELECT n, CASE WHEN age < 91 THEN 0 WHEN age < 182 THEN 1 WHEN age < 365 THEN 2
                                   WHEN age < 730 THEN 3 ELSE 4 END AS band
                    FROM (SELECT n, $cutoff::DATE - joined AS age FROM own WHERE is_active)),
         ranked AS (SELECT (rank() OVER low - 1 + (count(*) OVER (PARTITION BY band, n) - 1) / 2 + 0.5)
                           / count(*) OVER (PARTITION BY band) * 100 AS score
                    FROM banded WINDOW low AS (PARTITION BY band ORDER BY n))
    SELECT avg(score) AS value, avg(score) - 1.959963984540054 * stddev_samp(score) / sqrt(count(*)) AS low,
           count(*) AS n FROM ranked"""


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

    n_compared, months = 0, {}
    order_figures = orders_of(shop).figures
    for start, end, cell in known_cells(order_figures):
        if "orders" not in cell:  # the period of a figure that is missing as a whole
            continue
        expected = row_of(raw, ORDER_FIGURES, start=start, end=end, **terms)
        assert_equal(cell, expected, (start, end))
        months[start, end] = expected
        n_compared += 1
    retention_figures = retention_of(shop).figures
    for start, end, cell in known_cells(retention_figures):
        expected = row_of(raw, RETENTION_FIGURES, start=start, end=end)
        assert_equal(cell, expected, (start, end))
        months[start, end] = months.get((start, end), {}) | expected
        n_compared += 1
    assert n_compared > 80
    growth = stages_section(shop).growth
    for month in growth:
        expected = row_of(raw, GROWTH_FIGURES, start=month.start, end=month.end)
        assert {name: getattr(month, name).people for name in expected} == expected, month.start
    assert len(growth) > 8
    assert_the_grid_is_queried(shop, raw)
    raw.execute("DELETE FROM orders WHERE day >= ?", [shop.cutoff])
    window = {figure.name: figure.value for figure in order_figures if figure.period.kind == "window"}
    assert_equal(window, row_of(raw, INTERVAL_FIGURES, **terms), example)
    values = {f.name: f for f in value_of(shop, (*retention_figures, *order_figures)).figures}
    assert_values_follow_from_months(
        values, [row for (a, b), row in months.items() if (b - a).days in range(28, 32)], shop
    )
    historic = values["clv_historic"]
    (engagement,) = engagement_of(shop).figures
    expected = row_of(raw, ENGAGEMENT_FIGURES, **terms)
    assert_equal({"value": engagement.value, "low": engagement.low, "n": engagement.n}, expected, example)
    spent = row_of(raw, "SELECT sum(cents) / 100.0 / count(DISTINCT customer) AS mean FROM orders")["mean"]
    assert spent is not None
    assert historic.value == pytest.approx(spent * shop.store.params.score.value.margin)


def assert_values_follow_from_months(
    values: Mapping[str, Figure], months: list[dict[str, float | None]], shop: Company
) -> None:
    """Compute from the queried months the value of a customer, and that of one point of retention."""
    terms, known = (
        shop.store.params.score.value,
        [row for row in months if row.get("customers_at_start")][-12:],
    )
    at_start = sum(row["customers_at_start"] or 0 for row in known)
    churn = (
        sum((row["customers_at_start"] or 0) * (row["customer_churn"] or 0) / 100 for row in known) / at_start
    )
    n_orders, revenue = (sum(row[name] or 0 for row in known) for name in ("orders", "revenue"))
    simple = revenue / n_orders * (n_orders / at_start) * terms.margin * min(1 / churn, 120)
    assert values["clv_simple"].value == pytest.approx(simple)
    discount = (1 + terms.discount_year) ** (1 / 12) - 1
    margin = revenue / at_start * terms.margin
    gain = margin / (discount + churn - 0.01) - margin / (discount + churn)
    point = gain * (known[-1]["customers_at_start"] or 0)
    assert values["value_of_one_point"].value == pytest.approx(point)
    assert values["clv_contractual"].reason == "customers have no contracts"


def assert_the_grid_is_queried(shop: Company, raw: duckdb.DuckDBPyConnection) -> None:
    """Compare the customers and the leavers of each cell of recency and frequency."""
    label, orders = shop.store.params.label, shop.shared_rows.rfm
    assert orders is not None
    assert label.gap_days == 0
    grid = rfm_section(orders.values(), shop.outcomes)
    terms = {
        "cutoffs": list(grid.cutoffs),
        "horizon": label.horizon_days,
        "active_days": label.days_active,
    }
    raw.execute(RFM_ROWS, terms)
    expected = {(r, f): (n, left) for r, f, n, left in raw.execute(RFM_CELLS).fetchall()}
    assert {(c.recency_class, c.frequency_class): (c.n, c.left) for c in grid.cells if c.n} == expected
    assert len(expected) > 10


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

    n_compared, months = 0, []
    figures = (*retention_of(network).figures, *recurring_of(network).figures)
    for start, end, cell in known_cells(figures):
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
        if (end - start).days in range(28, 32):
            months.append(expected)
        n_compared += 1
    assert n_compared > 40
    value, terms = value_of(network, figures), network.store.params.score.value
    months = [month for month in months if month["customers_at_start"]][-12:]
    at_start = sum(month["customers_at_start"] or 0 for month in months)
    stays = sum((month["customers_at_start"] or 0) * (month["crr"] or 0) / 100 for month in months) / at_start
    margin = sum(month["mrr_at_start"] or 0 for month in months) / at_start * terms.margin
    discount = (1 + terms.discount_year) ** (1 / 12) - 1
    contractual = next(figure.value for figure in value.figures if figure.name == "clv_contractual")
    assert contractual == pytest.approx(margin / (1 + discount - stays))  # at the end of each month
    growth = stages_section(network).growth
    for month in growth:
        counts = row_of(raw, GROWTH_FIGURES, start=month.start, end=month.end)
        assert {name: getattr(month, name).people for name in counts} == counts, month.start
    assert growth
