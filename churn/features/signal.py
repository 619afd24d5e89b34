"""A signal: a named, documented feature with unit, direction, family and sentence; and the registry."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from churn.data.tables import CANONICAL_TABLES
from churn.errors import SignalError, did_you_mean
from churn.features.language.events import Array, Events
from churn.features.language.population import CohortValue

Direction = Literal["higher", "lower", "either"]
Function = Callable[[Events], "Array | CohortValue"]

FAMILIES = ("activity", "purchase", "payment", "email", "sentiment", "support", "contract", "profile")
"""What a signal is about; a customer's reasons show at most one signal of each family."""

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
"""The family of the generic signals of a table; tables under `events:` are activity."""


@dataclass(frozen=True)
class Signal:
    """A feature of a customer at a cutoff, looking at `[cutoff - looks_back days, cutoff)`.

    Attributes:
        name: The column of snapshots and the name in the playbook.
        table: The table whose view the function is called with.
        looks_back: How many days before the cutoff it may read.
        unit: The unit of the values.
        family: One of `FAMILIES`.
        riskier_when: In which direction the risk rises; the model is constrained to it.
        reason: The sentence for a customer's reasons, by language.
        doc: The entry of the data dictionary.
        function: Computes the values; None for an attribute that is read as it is.
        kind: Whether values are numbers or names of levels.
        level_of: The column whose codes the function returns; the values are the names of its levels.
        generic: The generic family that made the signal; None for a named signal.
        version: Raised by hand if the signal computes something else in a way that `definition` cannot see.
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

    def facts(self) -> dict[str, Any]:
        """Return what snapshots, models and documents record of the signal, as plain data."""
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
    """Register a function of a view as a signal; its name is the column, its docstring the dictionary entry.

    Args:
        table: The canonical table whose view the function is called with.
        looks_back: How many days before the cutoff the function may read.
        unit: The unit of the values.
        riskier_when: In which direction the risk rises; the model is constrained to it.
        family: One of `FAMILIES`.
        reason: The sentence for a customer's reasons, with `{value}`.
        german: The same in German.
        level_of: The column whose codes the function returns, if it returns codes.
        version: Raised if the function computes something else in a way that `definition` cannot see.

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
