"""Compute the digest of a signal's definition; the digest depends on the signal's values, not on its code.

Two definitions are equal if the two signals have the same declared facts (such as name, table and kind) and
the same rounded values for the invented customers of the fixed company (`fixed_company`). Comments, layout,
names inside the code, and the signal's texts do not count. The fixed company cannot show every change of a
signal's code, such as a new upper limit that is higher than all values on this company. After a change that
the fixed company does not show, raise the signal's `version` by hand.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from churn.data.tables import CANONICAL_TABLES, HISTORY_PREFIX, Table, events_table, history_table
from churn.features import fixed_company
from churn.features.engine.blocks import evaluate
from churn.features.engine.cohort import PLAN_SIGNAL, peers_of
from churn.features.engine.plan import lay_out
from churn.features.language.population import CohortValue, Peers
from churn.features.language.reader import Array
from churn.features.signal import REGISTRY, Signal

FORMAT = "v2"
"""The prefix of every digest. Raise it when the fixed company or the rounding changes, because all digests
then change."""

DIGITS = 6
"""The number of digits to which the largest value of a column is rounded; all values have the same step."""

_FACTS = ("name", "table", "looks_back", "riskier_when", "kind", "level_of", "version")
_OFF_BOUNDARIES = np.pi / 3
"""The factor by which values are multiplied before they are rounded.

Without the factor, common values such as halves could lie exactly between two steps. The last bit, which
differs between processors, would then decide the rounding."""

_MISSING, _INFINITE = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def definitions(signals: Iterable[Signal]) -> dict[str, str]:
    """Return the digest of each signal's definition, by name.

    Raises:
        SignalError: a signal reads its table in a way that is not allowed, such as over more days than its
            `looks_back`.
    """
    by_table: dict[str, list[Signal]] = {}
    for signal in signals:
        by_table.setdefault(signal.table, []).append(signal)
    digests: dict[str, str] = {}
    for of_table in by_table.values():
        digests |= _definitions_of_table(tuple(of_table))
    return digests


def is_comparable(digest: str | None) -> bool:
    """Tell whether a digest has the present format; only such digests can be compared."""
    return digest is not None and digest.startswith(f"{FORMAT}-")


@functools.lru_cache(maxsize=256)
def _definitions_of_table(signals: tuple[Signal, ...]) -> Mapping[str, str]:
    values = values_on_fixed_company(signals)
    return {signal.name: _digest(signal, values.get(signal.name, [])) for signal in signals}


def _digest(signal: Signal, columns: Iterable[Array]) -> str:
    facts = json.dumps([getattr(signal, name) for name in _FACTS])
    digest = hashlib.sha256(facts.encode())
    for column in columns:
        digest.update(round_values(column).astype("<i8").tobytes())
    return f"{FORMAT}-{digest.hexdigest()[:16]}"


def round_values(values: Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Multiply the values by `_OFF_BOUNDARIES`, divide them by a step, and round them to whole numbers.

    The step is the same for all values. With this step, the largest result has `DIGITS` digits.

    >>> round_values(np.array([0.0, 100.0, np.nan]))[:2]
    array([     0, 104720])
    """
    values = np.asarray(values, dtype=np.float64) * _OFF_BOUNDARIES
    finite = np.isfinite(values)
    largest = np.abs(values[finite]).max(initial=0.0)
    step = 10.0 ** (np.floor(np.log10(largest)) + 1 - DIGITS) if largest else 1.0
    steps = np.rint(np.where(finite, values, 0.0) / step).astype(np.int64)
    steps[np.isnan(values)] = _MISSING
    steps[np.isinf(values)] = _INFINITE
    return steps


def values_on_fixed_company(signals: tuple[Signal, ...]) -> dict[str, list[Array]]:
    """Return the values of one table's signals on `fixed_company`: one array per cutoff, by signal name.

    The arrays hold only the customers who can still leave. Signals without a function have no entry in the
    result, because they are attributes of customers that never change.
    """
    with_function = tuple(signal for signal in signals if signal.function is not None)
    columns: dict[str, list[Array]] = {signal.name: [] for signal in with_function}
    for ordinal, name, values in _evaluate(with_function):
        members = fixed_company.cohort(ordinal)
        if isinstance(values, CohortValue):
            values = _finish(values, ordinal)
        columns[name].append(values[members])
    return columns


def _finish(values: CohortValue, ordinal: int) -> Array:
    """Return the values of a signal that depends on other customers; here, all customers form one block."""
    all_known, members = fixed_company.known_customers(ordinal), fixed_company.cohort(ordinal)
    peers = _peers()[ordinal]
    summary = values.summary(all_known if values.counts_all_known else members, peers)
    population = values.reproducible(values.merge([summary]))
    with np.errstate(invalid="ignore", divide="ignore"):
        return values.finish(population, peers)


@functools.cache
def _peers() -> list[Peers]:
    """Return for each cutoff the peer groups of the invented customers of `fixed_company`."""
    signed_up = fixed_company.sign_up_days()
    plans = [np.zeros(0)] * len(fixed_company.CUTOFFS)
    for ordinal, _, codes in _evaluate((replace(REGISTRY[PLAN_SIGNAL], name="(plan)"),)):
        assert isinstance(codes, np.ndarray)  # a plan holds no signals that compare customers
        plans[ordinal] = np.where(codes > 1, 1.0, codes)  # two large peer groups instead of many small groups
    return [peers_of(cutoff, signed_up, plans[i]) for i, cutoff in enumerate(fixed_company.CUTOFFS)]


def _evaluate(signals: tuple[Signal, ...]) -> Iterable[tuple[int, str, Array | CohortValue]]:
    """Compute signals of one table for all invented customers of `fixed_company`."""
    if not signals:
        return ()
    table = contract_of(signals[0])
    starts = {table.name: fixed_company.DATA_STARTS}
    plan = lay_out(fixed_company.CUTOFFS, {table.name: signals}, {table.name: table}, starts)
    rows = {table.name: fixed_company.FixedRows(table)}
    return evaluate(rows, plan, fixed_company.sign_up_days(), (0, fixed_company.CUSTOMERS))


def contract_of(signal: Signal) -> Table:
    """Return the `Table` that describes the columns of the table that a signal reads.

    The result depends on `signal.table` and, for the history of an attribute, also on `signal.kind`.
    """
    if signal.table in CANONICAL_TABLES:
        return CANONICAL_TABLES[signal.table]
    if signal.table.startswith(HISTORY_PREFIX):
        return history_table(signal.table.removeprefix(HISTORY_PREFIX), signal.kind)
    return events_table(signal.table)
