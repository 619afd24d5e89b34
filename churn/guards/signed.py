"""Under which key of params.yaml a person signed a finding off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from churn.finding import Finding


class Signature(NamedTuple):
    """The key, a place or a guard, and the reason under it."""

    key: str
    reason: str


def signature_of(one: Finding, check: Mapping[str, str], evaluate: Mapping[str, str]) -> Signature | None:
    """Return what signs a finding off: a key that is its place before one that is its guard.

    >>> late = Finding("logins", "", "", guard="late_rows")
    >>> signature_of(late, {"late_rows": "known", "logins": "seen"}, {})
    Signature(key='logins', reason='seen')

    Args:
        one: The finding.
        check: `check.accept`.
        evaluate: `evaluate.accept`, which goes before where both have the key.
    """
    reasons = {**check, **evaluate}
    key = next((key for key in (one.place, one.guard) if key in reasons), None)
    return None if key is None else Signature(key, reasons[key])
