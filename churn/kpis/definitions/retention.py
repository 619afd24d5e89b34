"""The definitions of the figures that count customers."""

from __future__ import annotations

from churn.kpis.definitions.definition import FigureDefinition

AT_START = "customers active at the start of the period"

RETENTION = (
    FigureDefinition(
        name="crr",
        is_watched=True,
        by_segment=True,
        title="customer retention rate",
        unit="%",
        digits=1,
        population=AT_START,
        definition="customers active at the start and at the end of the period / customers active at the "
        "start * 100; a customer who joined in the period is not counted",
        better="higher",
        edges="missing if no customer is active at the start of the period. A customer who left and came "
        "back in the period counts as retained, and also in `bounced`. Interval: Wilson",
    ),
    FigureDefinition(
        name="crr_arithmetic",
        title="customer retention rate, arithmetic",
        unit="%",
        digits=1,
        population=AT_START,
        definition="(customers at the end - customers acquired for the first time in the period, gross) / "
        "customers at the start * 100",
        better="higher",
        edges="the retention rate as textbooks define it. It differs from `crr` by `crr_difference` and may "
        "lie above 100 or below 0, so it has no interval",
    ),
    FigureDefinition(
        name="crr_difference",
        title="arithmetic minus cohort retention",
        unit="%",
        digits=2,
        population=AT_START,
        definition="(customers who came back and are active at the end - new customers who left in the "
        "period) / customers at the start * 100, in percentage points; the notes give both counts",
    ),
    FigureDefinition(
        name="customer_churn",
        by_segment=True,
        title="customer churn rate",
        unit="%",
        digits=1,
        population=AT_START,
        definition="100 - `crr`",
        better="lower",
        edges="a year from months is 1 - (1 - c)^12. A customer who joins and leaves in the period is only "
        "in `early_churn`. Interval: Wilson",
    ),
    FigureDefinition(
        name="voluntary_churn",
        by_segment=True,
        title="voluntary churn rate",
        unit="%",
        digits=1,
        population=AT_START,
        definition="customers of `customer_churn` who left voluntarily / customers at the start * 100",
        better="lower",
        edges="missing if the data cannot tell the kinds of leaving apart",
    ),
    FigureDefinition(
        name="involuntary_churn",
        by_segment=True,
        title="involuntary churn rate",
        unit="%",
        digits=1,
        population=AT_START,
        definition="customers of `customer_churn` whose last end was not their wish, such as a due payment "
        "that was never made / customers at the start * 100",
        better="lower",
        edges="missing if the data cannot tell the kinds of leaving apart",
    ),
    FigureDefinition(
        name="early_churn",
        by_segment=True,
        title="early churn",
        unit="%",
        digits=1,
        population="customers acquired for the first time in the period",
        definition="new customers who are not active at the end of the period / new customers * 100",
        better="lower",
        edges="nobody acquired: missing. Interval: Wilson",
    ),
    FigureDefinition(
        name="bounced",
        title="left and came back in the period",
        unit="%",
        digits=1,
        population=AT_START,
        definition="customers retained by `crr` who had left in between / customers at the start * 100",
    ),
    FigureDefinition(
        name="customers_at_start",
        by_segment=True,
        title="customers at the start",
        unit="customers",
        digits=0,
        population="all customers",
        definition="customers active at the start of the period: a contract in force, or an event of the "
        "label's table within `label.active_days` before",
    ),
    FigureDefinition(
        name="new_customers",
        is_watched=True,
        by_segment=True,
        title="new customers",
        unit="customers",
        digits=0,
        population="all customers",
        definition="customers acquired for the first time in the period, gross: also those who left in it",
        better="higher",
    ),
    FigureDefinition(
        name="returned_customers",
        title="customers who came back",
        unit="customers",
        digits=0,
        population="all customers",
        definition="customers who became active again in the period after they had left before it",
        better="higher",
    ),
)
