"""The section `kpis` of params.yaml: the terms of the figures of retention."""

from __future__ import annotations

from typing import Literal

from churn.params.sections import Days, Section


class KpisParams(Section):
    """The terms of the figures that `churn kpis` computes.

    `segments` are columns under `tables.customers.static`; the default is all with 2 to 12 levels.
    `satisfied_from` is the lowest rating of a ticket that is satisfied; by default 4, if all ratings lie from
    1 to 5. `answer_days` are the days within which a low rating should be answered.
    `revenue` says whether returned orders count 0 (`net`) or not (`gross`). `repeat_days` are the days for a
    second order, and `return_days` the days in which an order may be returned.
    """

    segments: tuple[str, ...] = ()
    satisfied_from: float | None = None
    answer_days: Days = 7
    revenue: Literal["net", "gross"] = "net"
    repeat_days: Days = 90
    return_days: Days = 30
