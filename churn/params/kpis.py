"""The section `kpis` of params.yaml: the terms of the figures of retention."""

from __future__ import annotations

from churn.params.sections import Section


class KpisParams(Section):
    """The terms of the figures that `churn kpis` computes.

    `segments` are text columns under `tables.customers.static`; the default is all with 2 to 12 levels.
    """

    segments: tuple[str, ...] = ()
