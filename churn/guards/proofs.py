"""Prove on the user's own data that no selected signal sees the future.

The signals of a sample of customers are computed again in three ways. First, they are computed from a store
that ends at the cutoff, second from a store with other rows after the cutoff, and third by the code that
scores a night. Every value must be equal to the value in the snapshots.
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
from churn.guards.counterfactual_store import write_other_future, write_past, write_sample

MAX_PROOF_CUSTOMERS = 500
"""The largest number of customers whose signals are computed again."""

NIGHT_TOLERANCE = 1e-9
"""The largest allowed difference between a night and the snapshots; the other proofs allow no difference."""

Advance = Callable[[int], None]
ColumnValues = Mapping[str, npt.NDArray[np.object_]]
"""The columns of one cutoff by name: the signals and `customer_id`."""

PROOFS = {
    "truncation": "signals from all data equal those from data that end at the cutoff",
    "time_travel": "rows at or after the cutoff, or known only then, change no signal",
    "parity": "a night computes the same as the snapshots",
}
"""The statement that each proof shows, by the name of the proof."""

CONDITIONS = {
    "truncation": "once everything after the cutoff is removed",
    "time_travel": "once there are other rows after the cutoff",
    "parity": "when computed as in a night",
}
"""The condition under which a value differs, for a message, by the name of the proof."""

SIGNAL_WAY_OUT = (
    "A signal may read rows only through its view (the rows of a table before the cutoff). Correct the "
    "signal, or name it under signals.leave_out until it is correct."
)


def prove(
    store: Store,
    signals: Sequence[Signal],
    cutoffs: Sequence[date],
    seed: int,
    advance: Advance = lambda _: None,
) -> Iterator[Finding]:
    """Yield a finding for every signal that fails a proof.

    Args:
        store: The user's store.
        signals: The signals.
        cutoffs: The cutoffs.
        seed: The seed of the sample of customers.
        advance: A function that is called with 1 after each proof.
    """
    with scratch_folder(store.params.output / ".scratch") as folder:
        rng = np.random.default_rng(seed)
        codes = rng.choice(store.n_customers, min(MAX_PROOF_CUSTOMERS, store.n_customers), replace=False)
        sample = write_sample(store, codes, folder / "sample")
        expected = _values(sample, signals, cutoffs)
        signed_up = read_customers(sample).signed_up
        for number, cutoff in enumerate(sorted(cutoffs)):
            path = folder / str(number)
            existing = write_sample(sample, np.flatnonzero(signed_up < day_number(cutoff)), path / "existing")
            past = write_past(existing, cutoff, path / "past")
            yield from _differences("truncation", cutoff, expected, _values(past, signals, [cutoff]))
            advance(1)
            other_future = write_other_future(sample, cutoff, path / "other")
            yield from _differences("time_travel", cutoff, expected, _values(other_future, signals, [cutoff]))
            advance(1)
            frame = matrix_at(sample, signals, cutoff).frame
            night = {cutoff: {str(name): frame[name].to_numpy(dtype=object) for name in frame.columns}}
            yield from _differences("parity", cutoff, expected, night, NIGHT_TOLERANCE)
            advance(1)


def _values(store: Store, signals: Sequence[Signal], cutoffs: Sequence[date]) -> dict[date, ColumnValues]:
    """Compute the cohort's signals at each cutoff in the same way as for the snapshots, by customer id."""
    builder = MatrixBuilder(store, signals, cutoffs)
    columns: dict[date, dict[str, list[npt.NDArray[np.object_]]]] = {day: {} for day in builder.cutoffs}
    for part in builder.parts():
        at_cutoff = columns[part.cutoff]
        at_cutoff.setdefault("customer_id", []).append(builder.customers.ids[part.codes])
        for name, column in part.columns.items():
            at_cutoff.setdefault(name, []).append(column.astype(object))
    return {
        day: {name: np.concatenate(parts) for name, parts in at_cutoff.items()}
        for day, at_cutoff in columns.items()
    }


def _differences(
    proof: str,
    cutoff: date,
    expected: Mapping[date, ColumnValues],
    actual: Mapping[date, ColumnValues],
    tolerance: float = 0.0,
) -> Iterator[Finding]:
    """Yield a finding for each signal whose actual values are not the expected values.

    If `actual` has other customers than `expected`, yield one finding for the cohort instead.

    Args:
        proof: The name of the proof.
        cutoff: The cutoff.
        expected: The values of the signals as in the snapshots, by cutoff.
        actual: The values of the signals that were computed for the proof, by cutoff.
        tolerance: The largest difference that counts as equal.
    """
    before, after = expected[cutoff], actual[cutoff]
    condition = CONDITIONS[proof]
    if list(before["customer_id"]) != list(after["customer_id"]):
        yield Finding(
            "cohort",
            f"at {cutoff}, {condition}, the cohort has other customers than in the snapshots.",
            "The cohort may depend only on what was known at the cutoff: check the table of the label.",
            "stop",
            proof,
        )
        return
    for name, values in before.items():
        count = int((~_equal(values, after[name], tolerance)).sum())
        if count:
            message = (
                f"at {cutoff} the signal differs from the snapshots for {count} of {len(values)} customers "
                f"{condition}."
            )
            yield Finding(name, message, SIGNAL_WAY_OUT, "stop", proof)


def _equal(
    first: npt.NDArray[np.object_], second: npt.NDArray[np.object_], tolerance: float
) -> npt.NDArray[np.bool_]:
    """Return the rows in which two columns are equal; two missing values are equal."""
    first_missing = np.array([value is None or value != value for value in first], dtype=bool)
    second_missing = np.array([value is None or value != value for value in second], dtype=bool)
    equal = first_missing & second_missing
    rows = np.flatnonzero(~first_missing & ~second_missing)
    if len(rows) and isinstance(first[rows[0]], str):
        equal[rows] = first[rows] == second[rows]
    elif len(rows):
        distance = np.abs(first[rows].astype(np.float64) - second[rows].astype(np.float64))
        equal[rows] = distance <= tolerance
    return np.asarray(equal)
