"""The engine's values and the reference's, side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from math import isclose
from typing import Any

import numpy as np

from churn.features.engine.matrix import MatrixBuilder
from churn.features.engine.plan import Need, trace
from churn.features.language import arithmetic, population
from churn.features.library import all_signals
from churn.features.signal import Signal
from tests.oracle.arithmetic import (
    FUNCTIONS,
    CohortMember,
    Pending,
    band_of,
    finished,
    is_missing,
    reference_of,
)
from tests.oracle.known_rows import KnownTable, as_known, data_start
from tests.oracle.naive import NaiveEvents
from tests.oracle.world import ACTIVE_DAYS, LABEL_TABLE, TABLES, RandomWorld

PRODUCT = {name: getattr(arithmetic, name, None) or getattr(population, name) for name in FUNCTIONS}
"""The product's functions beside the view, by name."""

EXACT, DECAYED = 1e-9, 2e-6
"""How far values may differ, relatively: the weights of decayed sums are rounded to 2**-30 of a period."""

CONTRACT_DAYS = 3660
Values = dict[str, Any]
"""A value per customer at risk."""


def expressed(name: str, table: str, looks_back: int, expression: str) -> Signal:
    """Return a signal from an expression such as `logins.last(days=28).count()`."""
    level = re.search(r"\.latest_level\([^']*'(\w+)'\)$", expression)
    return Signal(
        name=name,
        table=table,
        looks_back=looks_back,
        unit="",
        family="activity",
        riskier_when="either",
        reason={},
        doc=expression,
        function=meaning(expression, table, PRODUCT),
        kind="level" if level else "number",
        level_of=level[1] if level else None,
    )


def meaning(expression: str, table: str, functions: Mapping[str, Any]) -> Callable[..., Any]:
    """Return an expression as a function of the view of its table; the functions beside it are given."""
    given = {"__name__": __name__, "np": np, **functions}
    function: Callable[..., Any] = eval(f"lambda {table}: {expression}", given)
    return function


def signals_of(world: RandomWorld) -> list[Signal]:
    """Return every signal that is computed from the world's tables."""
    every = all_signals(world.store.params).values()
    return [one for one in every if one.function and one.table in (*world.rows, "customers")]


def engine_values(
    world: RandomWorld, signals: Sequence[Signal], cutoffs: Sequence[date]
) -> dict[tuple[date, str], Values]:
    """Return the values of the customers at risk as the snapshots hold them, by cutoff and signal."""
    found: dict[tuple[date, str], Values] = {(c, signal.name): {} for c in cutoffs for signal in signals}
    builder = MatrixBuilder(world.store, signals, cutoffs)
    for part in builder.parts():
        who = builder.customers.ids[part.codes]
        for name, values in part.columns.items():
            found[part.cutoff, name] |= dict(zip(who, values.tolist(), strict=True))
    return found


class Reference:
    """A world seen customer by customer and cutoff by cutoff."""

    def __init__(self, world: RandomWorld) -> None:
        self.world = world
        self.eve = cache(self._eve)
        self.data_start = cache(self._data_start)
        self.cohort = cache(self._cohort)

    def values(self, signal: Signal, cutoff: date) -> Values:
        """Return the values of the customers at risk."""
        function = reference_of(signal.function)
        whole = {}
        for who in self.world.signed_up:
            eve = self.eve(signal.table, who, cutoff)
            with np.errstate(all="ignore"):
                whole[who] = function(NaiveEvents(eve, signal.looks_back))
        cohort = self.cohort(cutoff)
        if isinstance(next(iter(whole.values())), Pending):
            numbers = finished(list(whole.values()), list(cohort.values()))
            return {who: x for (who, one), x in zip(cohort.items(), numbers, strict=True) if one.at_risk}
        return {who: found[0] for who, found in whole.items() if cohort[who].at_risk}

    def _eve(self, table: str, who: str, cutoff: date) -> KnownTable:
        if table == "customers":
            return KnownTable(TABLES[LABEL_TABLE], cutoff, self.world.signed_up[who], cutoff, ())
        rows = as_known(self.world.rows[table][who], TABLES[table], cutoff)
        if table == "contacts":  # nobody made the contact of a control
            rows = [row for row in rows if (row["arm"] or "").lower() != "control"]
        start = self.data_start(table, cutoff)
        return KnownTable(TABLES[table], cutoff, self.world.signed_up[who], start, tuple(rows))

    def _data_start(self, table: str, cutoff: date) -> date:
        rows = [row for own in self.world.rows[table].values() for row in own]
        return data_start(rows, TABLES[table], cutoff)

    def _plan(self, who: str, cutoff: date) -> str | None:
        """The plan of the latest contract that was not known to have ended; None is a plan too."""
        if "subscriptions" not in self.world.rows:
            return None
        contracts = NaiveEvents(self.eve("subscriptions", who, cutoff), CONTRACT_DAYS)
        plan: str | None = contracts.lacking("ended_at").latest_level("plan")[0]
        return plan

    def _cohort(self, cutoff: date) -> dict[str, CohortMember]:
        """Who has signed up, has not objected and was active."""
        cohort = {}
        for who, signed_up in self.world.signed_up.items():
            active = NaiveEvents(self.eve(LABEL_TABLE, who, cutoff), ACTIVE_DAYS).days_since_last()[0] > 0
            here = signed_up < cutoff and who not in self.world.objected
            cohort[who] = CohortMember(
                active and here, here, (band_of(signed_up, cutoff), self._plan(who, cutoff))
            )
        return cohort


def differences(
    world: RandomWorld, signals: Sequence[Signal], cutoffs: Sequence[date] | None = None
) -> Iterator[str]:
    """Say of every value in which the engine and the reference differ where it is and what was drawn."""
    cutoffs = cutoffs or world.cutoffs
    engine, reference = engine_values(world, signals, cutoffs), Reference(world)
    for signal in signals:
        tolerance = _tolerance(signal)
        for cutoff in cutoffs:
            got, expected = engine[cutoff, signal.name], reference.values(signal, cutoff)
            if got.keys() != expected.keys():
                yield f"at {cutoff} the customers at risk are not the same: {got.keys() ^ expected.keys()}"
            for who in got.keys() & expected.keys():
                if not same(got[who], expected[who], tolerance):
                    rows = reference.eve(signal.table, who, cutoff).rows
                    yield (
                        f"{signal.name} ({signal.doc}) of {who} at {cutoff} in {world.recipe}: engine "
                        f"{got[who]}, reference {expected[who]}; signed up {world.signed_up[who]}, rows "
                        + "\n  ".join(["", *map(_drawn, rows)])
                    )


def same(engine: Any, reference: Any, tolerance: float = EXACT) -> bool:
    """Tell whether two values agree; missing agrees with missing."""
    if is_missing(engine) or is_missing(reference):
        return is_missing(engine) and is_missing(reference)
    if isinstance(engine, str) or isinstance(reference, str):
        return bool(engine == reference)
    return isclose(engine, reference, rel_tol=tolerance, abs_tol=tolerance)


def exactly(values: dict[Any, Values]) -> dict[Any, Any]:
    """Return values that are equal only if every bit is; missing equals missing."""
    return {key: {who: None if is_missing(v) else v for who, v in own.items()} for key, own in values.items()}


def _tolerance(signal: Signal) -> float:
    need = Need()
    if signal.table != "customers":
        trace([signal], TABLES[signal.table], need)
    return DECAYED if need.on_grid else EXACT


def _drawn(row: Mapping[str, Any]) -> str:
    return " | ".join(f"{name} {value}" for name, value in row.items() if value is not None)
