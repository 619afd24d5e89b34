"""What the guards of the data found, kept until data, parameters or code change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import churn
from churn.data.sql import Show
from churn.data.store import Store
from churn.features.signal import Signal
from churn.finding import Finding
from churn.guards.model.signing import GUARDS as FILE
from churn.guards.model.signing import as_section, findings_of
from churn.guards.run import GUARDS, look
from churn.model.bundle import write_json
from churn.params import Params, digest_of


def place_of(params: Params) -> Path:
    """Return the file that holds everything they found."""
    return params.output / "check" / FILE


def look_once(
    params: Params, store: Store, signals: Sequence[Signal], cutoffs: Sequence[date], show: Show
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
