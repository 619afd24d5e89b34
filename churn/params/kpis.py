"""The section `kpis` of params.yaml: the definitions of terms that the figures of retention use."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from churn.params.sections import Days, Section

LARGEST_COST = 1e9


class KpisParams(Section):
    """The settings of the figures that `churn kpis` computes, such as the cost of a new customer."""

    segments: tuple[str, ...] = Field(
        default=(),
        description="columns under `tables.customers.static` by which figures are divided; the default is "
        "all with 2 to 12 levels",
    )
    satisfied_from: Annotated[float, Field(ge=0, le=1000)] | None = Field(
        default=None,
        description="the lowest rating of a ticket that is satisfied; by default 4, if all lie from 1 to 5",
    )
    answer_days: Days = Field(default=7, description="the days within which a low rating should be answered")
    revenue: Literal["net", "gross"] = Field(
        default="net", description="whether orders that were returned count 0 (`net`) or not (`gross`)"
    )
    repeat_days: Days = Field(default=90, description="the days for a second order of a cohort")
    return_days: Days = Field(default=30, description="the days in which an order may be returned")
    clv: Literal["first payment counted", "first payment excluded", "end of period"] = Field(
        default="end of period", description="which payments the value of a customer with a contract counts"
    )
    acquisition_cost: Annotated[float, Field(ge=0, le=LARGEST_COST)] | None = Field(
        default=None, description="the cost of a new customer, in your currency"
    )
