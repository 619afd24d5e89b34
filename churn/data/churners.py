"""Read on which day each customer left, and how much the customer paid per month before that day."""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from churn.data.store import Store, date_of_day_sql, day_number
from churn.data.tables import STORED_UNITS

CHURNER_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("left_on", pa.date32()),
        ("days_since_left", pa.float64()),
        ("monthly_value", pa.float64()),
        ("tenure_days", pa.float64()),
    ]
)
YEAR_DAYS, YEAR_MONTHS = 365, 12


def read_churners(store: Store, cutoff: date) -> pa.Table:
    """Return the day on which each customer left, as known at the cutoff.

    With a label of contracts, `left_on` is the last day on which a contract ended; customers whose contract
    still runs are not in the table. With a label of inactivity, `left_on` is the day of each customer's last
    event in the label's table; customers who are still active are in the table, too. With a label of an
    event, the table has no rows, because such a label does not say who left. The rows have the order of the
    store's customers.

    With a label of contracts, `monthly_value` is the revenue per month (the column `mrr`) of the contracts
    that ended on `left_on`. If there is no column `mrr`, or with a label of inactivity, `monthly_value` is
    what the customer paid in the year that ends with `left_on`, divided by twelve. `monthly_value` is missing
    if no such amount is known.

    Args:
        store: The store.
        cutoff: What happened or became known on this day or later does not count.
    """
    label, end = store.params.label, day_number(cutoff)
    if label.is_event or not store.has(label.core_table):  # a label of an event does not say who left
        return CHURNER_SCHEMA.empty_table()
    visible = store.visible_before(label.core_table, cutoff)
    rows = f"(SELECT * FROM {store.scan(label.core_table)} WHERE {visible})"
    columns = store.tables[label.core_table].columns
    if label.kind == "inactivity":
        last = f"SELECT customer, max(day) AS left_day FROM {rows} GROUP BY 1"
        value = _money_of_the_year(store, cutoff)
    elif "ended_at_day" not in columns:
        return CHURNER_SCHEMA.empty_table()
    else:
        last = (
            f"SELECT customer, max(ended_at_day) AS left_day FROM {rows} GROUP BY 1 "
            f"HAVING bool_and(coalesce(ended_at_day < {end}, false))"
        )
        value = _money_of_the_year(store, cutoff)
        if "mrr" in columns:
            value = (
                f"SELECT customer, sum(mrr) / {STORED_UNITS['money']}.0 AS monthly_value FROM {rows} "
                "JOIN last USING (customer) WHERE ended_at_day = left_day GROUP BY 1"
            )
    query = (
        f"WITH last AS ({last}), money AS ({value}) "
        f"SELECT people.customer_id, {date_of_day_sql('left_day')} AS left_on, "
        f"({end} - left_day)::DOUBLE AS days_since_left, monthly_value::DOUBLE AS monthly_value, "
        f"({end} - people.day)::DOUBLE AS tenure_days "
        f"FROM last JOIN {store.scan('customers')} AS people USING (customer) "
        f"LEFT JOIN money USING (customer) ORDER BY people.customer"
    )
    with store.connect() as connection:
        return connection.sql(query).to_arrow_table().cast(CHURNER_SCHEMA)


def _money_of_the_year(store: Store, cutoff: date) -> str:
    """Return SQL for the mean amount per month that each customer paid in the year up to `left_day`."""
    end = day_number(cutoff)
    for table, day in (("payments", "paid_at_day"), ("orders", "day"), ("payments", "day")):
        if not store.has(table) or day not in ("day", *store.tables[table].columns):
            continue
        condition = f"{store.visible_before(table, cutoff)} AND {day} < {end}"
        if table == "orders" and "returned_at_day" in store.tables[table].columns:
            condition += f" AND (returned_at_day IS NULL OR returned_at_day >= {end})"
        paid = f"(SELECT customer, {day} AS paid_day, amount FROM {store.scan(table)} WHERE {condition})"
        return (
            f"SELECT customer, sum(amount) / {STORED_UNITS['money']}.0 / {YEAR_MONTHS} AS monthly_value "
            f"FROM {paid} JOIN last USING (customer) "
            f"WHERE paid_day > left_day - {YEAR_DAYS} AND paid_day <= left_day GROUP BY 1"
        )
    return "SELECT customer, NULL::DOUBLE AS monthly_value FROM last"
