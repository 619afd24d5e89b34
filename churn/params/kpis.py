"""The section `kpis` of params.yaml: the terms of the figures of retention."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from churn.params.sections import Days, Section

LARGEST_COST = 1e9


class KpisParams(Section):
    """The terms of the figures that `churn kpis` computes.

    `segments` are columns under `tables.customers.static`; the default is all with 2 to 12 levels.
    `satisfied_from` is the lowest rating of a ticket that is satisfied; by default 4, if all ratings lie from
    1 to 5. `answer_days` are the days within which a low rating should be answered.
    `revenue` says whether returned orders count 0 (`net`) or not (`gross`). `repeat_days` are the days for a
    second order, and `return_days` the days in which an order may be returned.
    `clv` says which payments the value of a customer with a contract counts. `acquisition_cost` is the cost
    of a new customer, in your currency.
    """

    segments: tuple[str, ...] = ()
    satisfied_from: Annotated[float, Field(ge=0, le=1000)] | None = None
    answer_days: Days = 7
    revenue: Literal["net", "gross"] = "net"
    repeat_days: Days = 90
    return_days: Days = 30
    clv: Literal["first payment counted", "first payment excluded", "end of period"] = "end of period"
    acquisition_cost: Annotated[float, Field(ge=0, le=LARGEST_COST)] | None = None
