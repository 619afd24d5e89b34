"""Proofs on the user's own data that no selected signal sees the future.

A sample of customers is computed again from stores whose future was removed or changed, and by the path that
scores a night; every value must be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.files import scratch_folder
from churn.data.store import Store, day_number
from churn.features.engine.cohort import read_customers
from churn.features.engine.matrix import MatrixBuilder, matrix_at
from churn.features.signal import Signal
from churn.finding import Finding
from churn.guards.counterfactual_store import sampled, truncated, with_another_future

SAMPLE = 500
"""Customers that are computed again."""

TOLERANCE = 1e-9
"""How much the snapshot and the night may differ; before and after an altered future nothing may."""

Advance = Callable[[int], None]
Values = Mapping[str, npt.NDArray[np.object_]]
"""Signals of one cutoff by name, with `customer_id` beside them."""

GUARDS = {
    "truncation": "signals from all data equal those from data physically cut at the cutoff",
    "time_travel": "rows at or after the cutoff, or known only then, move no signal",
    "parity": "the night computes what the snapshots hold",
}
"""The proofs by name, and what each shows."""

_WAY_OUT = (
    "A signal may only ask the verbs of its view, which is cut at the cutoff: mend it, or name it under "
    "signals.leave_out until then."
)


def prove(
    store: Store,
    signals: Sequence[Signal],
    cutoffs: Sequence[date],
    seed: int,
    advance: Advance = lambda _: None,
) -> Iterator[Finding]:
    """Yield a finding for every signal that a proof convicts; `advance` is told of each proof done.

    Args:
        store: The user's store.
        signals: The signals to prove.
        cutoffs: The cutoffs to prove them at.
        seed: Draws the customers.
    """
    with scratch_folder(store.params.output / ".scratch") as folder:
        rng = np.random.default_rng(seed)
        some = rng.choice(store.n_customers, min(SAMPLE, store.n_customers), replace=False)
        sample = sampled(store, some, folder / "sample")
        whole = _values(sample, signals, cutoffs)
        signed_up = read_customers(sample).signed_up
        for number, cutoff in enumerate(sorted(cutoffs)):
            place = folder / str(number)
            there = sampled(sample, np.flatnonzero(signed_up < day_number(cutoff)), place / "there")
            cut = truncated(there, cutoff, place / "cut")
            yield from _moved("truncation", cutoff, whole, _values(cut, signals, [cutoff]))
            advance(1)
            other = with_another_future(sample, cutoff, place / "other")
            yield from _moved("time_travel", cutoff, whole, _values(other, signals, [cutoff]))
            advance(1)
            frame = matrix_at(sample, signals, cutoff).frame
            night = {cutoff: {str(name): frame[name].to_numpy(dtype=object) for name in frame.columns}}
            yield from _moved("parity", cutoff, whole, night, TOLERANCE)
            advance(1)


def _values(store: Store, signals: Sequence[Signal], cutoffs: Sequence[date]) -> dict[date, Values]:
    """Compute the cohort's signals by the path of the snapshots, customers in the order of their ids."""
    builder = MatrixBuilder(store, signals, cutoffs)
    found: dict[date, dict[str, list[npt.NDArray[np.object_]]]] = {day: {} for day in builder.cutoffs}
    for part in builder.parts():
        here = found[part.cutoff]
        here.setdefault("customer_id", []).append(builder.customers.ids[part.codes])
        for name, column in part.columns.items():
            here.setdefault(name, []).append(column.astype(object))
    return {day: {name: np.concatenate(parts) for name, parts in here.items()} for day, here in found.items()}


def _moved(
    guard: str,
    cutoff: date,
    whole: Mapping[date, Values],
    again: Mapping[date, Values],
    tolerance: float = 0.0,
) -> Iterator[Finding]:
    one, other = whole[cutoff], again[cutoff]
    what = {
        "truncation": "once everything after the cutoff is removed",
        "time_travel": "once other rows stand after the cutoff",
        "parity": "when a night computes it",
    }[guard]
    if list(one["customer_id"]) != list(other["customer_id"]):
        yield Finding(
            "cohort",
            f"at {cutoff} other customers are at risk {what}.",
            "The cohort must follow from what was known then: look at the table of the label.",
            "stop",
            guard,
        )
        return
    for name, values in one.items():
        count = int((~_same(values, other[name], tolerance)).sum())
        if count:
            found = f"at {cutoff} it differs for {count} of {len(values)} customers {what}."
            yield Finding(name, found, _WAY_OUT, "stop", guard)


def _same(
    one: npt.NDArray[np.object_], other: npt.NDArray[np.object_], tolerance: float
) -> npt.NDArray[np.bool_]:
    """Tell where two columns agree; missing agrees with missing."""
    missing = np.array([value is None or value != value for value in one], dtype=bool)
    also = np.array([value is None or value != value for value in other], dtype=bool)
    same = missing & also
    both = np.flatnonzero(~missing & ~also)
    if len(both) and isinstance(one[both[0]], str):
        same[both] = one[both] == other[both]
    elif len(both):
        apart = np.abs(one[both].astype(np.float64) - other[both].astype(np.float64))
        same[both] = apart <= tolerance
    return np.asarray(same)
