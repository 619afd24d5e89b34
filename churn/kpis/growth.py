"""Growth accounting: the new, the retained, the resurrected and the dormant customers of each month."""

from __future__ import annotations

from datetime import date

import numpy as np

from churn.kpis.activity import Activity, Bools, Floats
from churn.metrics.interval import Part

GROWTH_DEFINITION = (
    "active at the end = active at the start + new + resurrected - dormant. A new customer is active at the "
    "end of the month and was never active before the month. A resurrected customer is active at the end, "
    "was not active at the start, but was active earlier. A dormant customer is active at the start and not "
    "at the end. A customer who joins and leaves in the same month is not new, resurrected or dormant. The "
    "money is what the customers pay per month: at the start of the month for `active at the start` and "
    "`dormant`, and at the end of the month for the others"
)


class Flow(Part):
    """A number of customers, and the money that they pay per month.

    Attributes:
        people: The number of customers.
        money: The sum of the known monthly payments of these customers, in currency units. It is 0 if there
            are no customers, and None if there are customers but no payment is known.
        n_money_unknown: The number of customers whose monthly payment is not known. `money` does not
            include these payments.
    """

    people: int
    money: float | None
    n_money_unknown: int


def flow_of(mask: Bools, money: Floats) -> Flow:
    """Return the number of customers in a mask and what they pay per month; mask and money have the
    shape `[customers]`.
    """
    values = money[mask]
    is_known = ~np.isnan(values)
    return Flow(
        people=int(mask.sum()),
        money=float(values[is_known].sum()) if is_known.any() or not len(values) else None,
        n_money_unknown=int((~is_known).sum()),
    )


class GrowthMonth(Part):
    """The growth accounting of one month `[start, end)`."""

    start: date
    end: date
    active_at_start: Flow
    new_customers: Flow
    resurrected_customers: Flow
    dormant_customers: Flow
    retained_customers: Flow
    active_at_end: Flow


def growth_months(activity: Activity) -> tuple[GrowthMonth, ...]:
    """Return the growth accounting of each month; `activity.bounds` holds where the months start and end."""
    months = []
    for number in range(len(activity.bounds) - 1):
        at_start, at_end = activity.active[number], activity.active[number + 1]
        was_active = activity.was_active[number]
        money_start, money_end = activity.money[number], activity.money[number + 1]
        is_joiner = at_end & ~at_start
        months.append(
            GrowthMonth(
                start=activity.bounds[number],
                end=activity.bounds[number + 1],
                active_at_start=flow_of(at_start, money_start),
                new_customers=flow_of(is_joiner & ~was_active, money_end),
                resurrected_customers=flow_of(is_joiner & was_active, money_end),
                dormant_customers=flow_of(at_start & ~at_end, money_start),
                retained_customers=flow_of(at_start & at_end, money_end),
                active_at_end=flow_of(at_end, money_end),
            )
        )
    return tuple(months)
