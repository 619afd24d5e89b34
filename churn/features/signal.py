"""A signal: a named, documented feature with unit, direction, family and sentence; and the registry."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from churn.data.tables import CANONICAL_TABLES
from churn.errors import SignalError, did_you_mean
from churn.features.language.events import Array, Events
from churn.features.language.population import Deferred

Direction = Literal["higher", "lower", "either"]
Function = Callable[[Events], "Array | Deferred"]

FAMILIES = ("activity", "purchase", "payment", "email", "sentiment", "support", "contract", "profile")
"""What a signal speaks about; reasons show at most one signal of a family."""

FAMILY_OF_TABLE: Mapping[str, str] = {
    "customers": "profile",
    "logins": "activity",
    "interactions": "activity",
    "payments": "payment",
    "emails": "email",
    "surveys": "sentiment",
    "tickets": "support",
    "orders": "purchase",
    "subscriptions": "contract",
    "referrals": "activity",
}
"""The family of a table's plain signals; further event tables are activity."""


@dataclass(frozen=True)
class Signal:
    """A feature of a customer at a cutoff, looking at `[cutoff - looks_back days, cutoff)`.

    `riskier_when` is also the direction that the model is held to; `reason` is the sentence per language.
    `level_of` names the column of which the function returns codes; the signal is the level's name.
    `generic` is the generic family that made it, `None` for a signal of its own. `version` is raised when the
    signal computes something else that `definition` cannot see.
    """

    name: str
    table: str
    looks_back: int
    unit: str
    family: str
    riskier_when: Direction
    reason: Mapping[str, str] = field(hash=False)
    doc: str
    function: Function | None
    kind: Literal["number", "level"] = "number"
    level_of: str | None = None
    generic: str | None = None
    version: int = 1

    def described(self) -> dict[str, Any]:
        """Return what other rooms need to know of the signal, as plain data."""
        return {
            "name": self.name,
            "table": self.table,
            "family": self.family,
            "generic": self.generic,
            "unit": self.unit,
            "riskier_when": self.riskier_when,
            "monotone": {"higher": 1, "lower": -1, "either": 0}[self.riskier_when],
            "looks_back": self.looks_back,
            "reason": dict(self.reason),
            "doc": self.doc,
            "kind": self.kind,
        }


REGISTRY: dict[str, Signal] = {}
"""Every named signal, filled by `@signal` as the files of `churn/features/signals` are imported."""


def signal(
    *,
    table: str,
    looks_back: int,
    unit: str,
    riskier_when: Direction,
    family: str,
    reason: str,
    german: str,
    level_of: str | None = None,
    version: int = 1,
) -> Callable[[Function], Function]:
    """Register a function of a view as a signal; its name is the column, its docstring the dictionary.

    Raises:
        SignalError: the table, family or name does not fit.
    """

    def register(function: Function) -> Function:
        name = function.__name__
        problems = []
        if name in REGISTRY:
            problems.append(f"{name}: two signals have this name; rename one.")
        if table not in CANONICAL_TABLES:
            problems.append(
                f"{name}: '{table}' is not a canonical table.{did_you_mean(table, CANONICAL_TABLES)}"
            )
        if family not in FAMILIES:
            problems.append(f"{name}: '{family}' is not a family.{did_you_mean(family, FAMILIES)}")
        if not function.__doc__:
            problems.append(f"{name}: a signal needs a docstring; its first line is the data dictionary.")
        if problems:
            raise SignalError(*problems)
        REGISTRY[name] = Signal(
            name=name,
            table=table,
            looks_back=looks_back,
            unit=unit,
            family=family,
            riskier_when=riskier_when,
            reason={"en": reason, "de": german},
            doc=inspect.cleandoc(function.__doc__ or "").split("\n")[0],
            function=function,
            kind="level" if level_of else "number",
            level_of=level_of,
            version=version,
        )
        return function

    return register
