"""All guards in order, and what a person signed off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import churn
from churn.data.files import scratch_folder, write_json
from churn.data.sql import Progress
from churn.data.store import Store
from churn.errors import did_you_mean
from churn.features.signal import Signal
from churn.finding import Finding
from churn.guards import proofs, sign_off
from churn.guards.announced import announced, only_leavers
from churn.guards.as_of_today import as_of_today
from churn.guards.context import Company, opened
from churn.guards.duplicates import duplicates
from churn.guards.histories import purged, zeroed
from churn.guards.names import known_leaks, suspicious_names
from churn.guards.row_times import filled_afterwards, late_rows, stamped_early
from churn.guards.shapes import shapes
from churn.guards.sign_off import GUARDS as FILE
from churn.guards.sign_off import as_section, findings_of, signature_of
from churn.guards.single_signal import alone, missing
from churn.guards.survivors import dangling, survivors
from churn.params import Params, digest_of

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
    known = (*guard_names(), *sign_off.NAMES)
    # `train` asks some guards of the data too, so that a key of theirs may count later.
    done = {*ran}.difference(sign_off.NAMES)
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


def place_of(params: Params) -> Path:
    """Return the file that holds everything they found."""
    return params.output / "check" / FILE


def look_once(
    params: Params, store: Store, signals: Sequence[Signal], cutoffs: Sequence[date], show: Progress
) -> list[Finding]:
    """Return what the guards find in the data, at no cost where they have looked at the very same before.

    Args:
        params: The parameters.
        store: The data.
        signals: Those that are selected.
        cutoffs: Those of the snapshots.
        show: Shows how many guards have looked.
    """
    key, place = _key(params, store, signals, cutoffs), place_of(params)
    kept = _kept(place)
    if kept.get("key") == key:
        return findings_of(kept)
    with show("guards", len(GUARDS)) as advance:
        found = look(params, store, signals, cutoffs, advance)
    write_json(place, {"key": key} | as_section(tuple(GUARDS), found))
    return findings_of(_kept(place))


def _kept(place: Path) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept


def _key(params: Params, store: Store, signals: Sequence[Signal], cutoffs: Sequence[date]) -> str:
    """Return a digest of all that the guards look at, and of the code: signals and guards are code too."""
    asked = params.model_dump(mode="json", include={"timezone", "tables", "events", "label", "signals"})
    seen = [store.fingerprint, store.digest, asked, params.snapshot.late_days, params.train.seed]
    return digest_of([*seen, [one.name for one in signals], [*map(str, cutoffs)], _code()])


def _code() -> str:
    digest = hashlib.sha256()
    home = Path(churn.__file__).parent
    for path in sorted((*home.rglob("*.py"), *home.rglob("*.yaml"))):
        digest.update(f"{path.relative_to(home)} ".encode() + path.read_bytes())
    return digest.hexdigest()
