"""All guards in order, and what a person signed off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from churn.data.files import scratch_folder
from churn.data.store import Store
from churn.errors import did_you_mean
from churn.features.signal import Signal
from churn.finding import Finding
from churn.guards import proofs
from churn.guards.announced import announced
from churn.guards.as_of_today import as_of_today
from churn.guards.churner_only_levels import only_leavers
from churn.guards.context import Company, opened
from churn.guards.duplicates import duplicates
from churn.guards.histories import purged, zeroed
from churn.guards.ingestion_delay import late_rows
from churn.guards.known_leaky_columns import known_leaks
from churn.guards.model import asked as of_the_model
from churn.guards.names import suspicious_names
from churn.guards.period_totals import stamped_early
from churn.guards.scheduled import filled_afterwards
from churn.guards.shapes import shapes
from churn.guards.signed import signature_of
from churn.guards.single_signal import alone, missing
from churn.guards.survivors import dangling, survivors
from churn.params import Params

Guard = Callable[[Company], Iterator[Finding]]

GUARDS: Mapping[str, Guard] = {
    guard.__name__: guard
    for guard in (
        *(known_leaks, suspicious_names, shapes, as_of_today, only_leavers, announced, filled_afterwards),
        *(stamped_early, late_rows, duplicates, purged, zeroed, dangling, survivors, alone, missing),
    )
}
"""Every guard by the name under which it speaks and is signed off; the costly ones last."""


def guard_names() -> tuple[str, ...]:
    """Return the names of all guards of the data and of the proofs."""
    return (*GUARDS, *proofs.GUARDS)


def look(
    params: Params,
    store: Store,
    signals: Sequence[Signal],
    cutoffs: Sequence[date],
    advance: Callable[[int], None] = lambda _: None,
) -> list[Finding]:
    """Run every guard on the user's data and return what they found; `advance` is told of each guard done."""
    found: list[Finding] = []
    with (
        scratch_folder(params.output / ".scratch") as scratch,
        opened(params, store, signals, cutoffs, scratch) as company,
    ):
        for name, guard in GUARDS.items():
            found += [replace(one, guard=name) for one in guard(company)]
            advance(1)
    return found


@dataclass(frozen=True)
class Judged:
    """Findings apart by what becomes of them.

    Attributes:
        stops: They end `churn check` with exit code 15.
        warnings: They are said.
        accepted: They were signed off, each with the reason.
        idle: Keys of `check.accept` that nothing was signed off by, with what may have been meant.
    """

    stops: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, str], ...]
    idle: tuple[str, ...]


def judge(
    found: Sequence[Finding],
    accept: Mapping[str, str],
    ran: Sequence[str],
    elsewhere: Mapping[str, str] | None = None,
) -> Judged:
    """Hold findings against `check.accept`, whose keys are guards or places.

    Args:
        found: What the guards found.
        accept: A reason by guard or place.
        ran: The guards that ran; a key of another is not idle, nor of one that the model is asked about too.
        elsewhere: `evaluate.accept`, which counts too; its keys are never idle, as many are of the model.
    """
    accepted: list[tuple[Finding, str]] = []
    rest: list[Finding] = []
    used: set[str] = set()
    for one in found:
        signature = signature_of(one, accept, elsewhere or {})
        if signature is None:
            rest.append(one)
        else:
            used.add(signature.key)
            accepted.append((one, signature.reason))
    known = (*guard_names(), *of_the_model.NAMES)
    # `train` asks some guards of the data too, so that a key of theirs may count later.
    done = {*ran}.difference(of_the_model.NAMES)
    names = (*known, *(one.place for one in rest))
    idle = tuple(
        f"check.accept.{key}: nothing is found there (any more); take it out.{did_you_mean(key, names)}"
        for key in accept
        if key not in used and (key in done or key not in known)
    )
    return Judged(
        stops=tuple(one for one in rest if one.severity == "stop"),
        warnings=tuple(one for one in rest if one.severity == "warn"),
        accepted=tuple(accepted),
        idle=idle,
    )
