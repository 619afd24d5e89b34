"""The definitions of the figures about orders."""

from __future__ import annotations

from churn.kpis.definitions.definition import FigureDefinition

BUYERS = "customers with an order in the period"
ORDERS_OF = "orders of the period"
NET = "revenue is `orders.amount` as mapped; with `kpis.revenue: net`, orders returned by the cutoff count 0"

ORDERS = (
    FigureDefinition(
        name="repeat_purchase_rate",
        title="repeat purchase rate, window",
        unit="%",
        digits=1,
        population=BUYERS,
        definition="customers with at least 2 orders in the period / customers with at least 1 * 100",
        better="higher",
        edges="without orders, the figure is missing. In a longer period, more customers order again: "
        "compare only periods of the same length. Two orders on one day count as two orders. Interval: "
        "Wilson",
        by_segment=True,
    ),
    FigureDefinition(
        name="repeat_purchase_cohort",
        title="repeat purchase rate, cohort",
        unit="%",
        digits=1,
        population="customers with their first order ever in the period",
        definition="customers with a second order within `kpis.repeat_days` of the first / customers * 100",
        better="higher",
        edges="the figure is missing until `kpis.repeat_days` days after the end of the period. Interval: "
        "Wilson",
    ),
    FigureDefinition(
        name="orders",
        is_watched=True,
        title="orders",
        unit="orders",
        digits=0,
        population=ORDERS_OF,
        definition="number of orders",
        better="higher",
    ),
    FigureDefinition(
        name="order_value",
        is_watched=True,
        title="average order value",
        unit="currency per order",
        digits=2,
        population=ORDERS_OF,
        definition="revenue / orders; " + NET,
        better="higher",
        edges="without orders, the figure is missing. Exclude cancelled orders in the mapping. The "
        "notes say gross or net",
        by_segment=True,
    ),
    FigureDefinition(
        name="revenue",
        title="revenue of orders",
        unit="currency",
        digits=2,
        population=ORDERS_OF,
        definition="sum of the revenue; " + NET,
        better="higher",
    ),
    FigureDefinition(
        name="revenue_per_customer",
        title="revenue per customer",
        unit="currency",
        digits=2,
        population=BUYERS,
        definition="revenue / customers with an order; " + NET,
        better="higher",
        edges="no orders: missing",
        by_segment=True,
    ),
    FigureDefinition(
        name="new_customer_revenue",
        title="revenue of new customers",
        unit="currency",
        digits=2,
        population="customers with their first order ever in the period",
        definition="revenue of these customers in the period; " + NET,
        better="higher",
    ),
    FigureDefinition(
        name="existing_customer_revenue",
        title="revenue of existing customers",
        unit="currency",
        digits=2,
        population="customers with an order in the period and one before it",
        definition="revenue of these customers in the period; " + NET,
        better="higher",
    ),
    FigureDefinition(
        name="existing_revenue_share",
        title="share of existing customers in revenue",
        unit="%",
        digits=1,
        population=BUYERS,
        definition="revenue of existing customers / revenue * 100",
        edges="no revenue: missing",
    ),
    FigureDefinition(
        name="return_rate_money",
        title="return rate, in money",
        unit="%",
        digits=1,
        population=ORDERS_OF,
        definition="amounts of orders of the period that were returned within `kpis.return_days` / amounts "
        "sold * 100, by day of sale",
        better="lower",
        edges="missing until the return window of the last order is closed, and without `orders.returned_at`",
    ),
    FigureDefinition(
        name="return_rate_units",
        title="return rate, in units",
        unit="%",
        digits=1,
        population=ORDERS_OF,
        definition="units of orders of the period that were returned within `kpis.return_days` / units sold "
        "* 100, by day of sale",
        better="lower",
        edges="as `return_rate_money`; also missing without `orders.units`",
    ),
    FigureDefinition(
        name="purchase_interval",
        title="purchase interval, median",
        unit="days",
        digits=0,
        population="orders on different days; orders of one customer on one day are one",
        definition="Kaplan-Meier median of the days to the customer's next order; the last gap of each "
        "customer is open and censored at the cutoff",
        better="lower",
        edges="missing if fewer than half of the orders are followed by another order. Interval: where "
        "the band crosses one half",
        source="Kaplan and Meier 1958",
    ),
    FigureDefinition(
        name="purchase_interval_naive",
        title="purchase interval, naive mean (biased)",
        unit="days",
        digits=1,
        population="gaps between two orders of a customer on different days",
        definition="mean of the gaps that have ended; too short, because long gaps are still open",
        better="lower",
        edges="no gap has ended: missing",
    ),
    FigureDefinition(
        name="overdue_buyers",
        title="buyers over their own interval",
        unit="%",
        digits=1,
        population="customers with orders on at least 3 different days",
        definition="customers whose next order is expected before the cutoff / customers * 100; it is "
        "expected the median of the customer's own gaps after the last order",
        better="lower",
        edges="no such customer: missing. Interval: Wilson",
    ),
    FigureDefinition(
        name="referral_rate",
        title="referral rate",
        unit="%",
        digits=1,
        population="customers active at the start of the period",
        definition="of these, customers with a referral in the period * 100 / n",
        better="higher",
        edges="without the table referrals, the figure is missing. Interval: Wilson",
    ),
)
