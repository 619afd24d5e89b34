"""Define `Signal`, a named and documented feature, and the registry of all named signals."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from churn.data.tables import CANONICAL_TABLES
from churn.errors import SignalError, did_you_mean
from churn.features.language.events import Array, Events
from churn.features.language.population import CohortValue
from churn.params import CHURN_WORDS, LabelWords

Direction = Literal["higher", "lower", "either"]
Function = Callable[[Events], "Array | CohortValue"]

FAMILIES = (
    "activity",
    "purchase",
    "payment",
    "email",
    "sentiment",
    "support",
    "contract",
    "profile",
    "contact",
)
"""The families of signals. A customer's reasons show at most one signal of each family."""

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
    "loyalty": "activity",
}
"""The family of the generic signals of each table; a table under `events:` has the family activity."""


@dataclass(frozen=True)
class Signal:
    """A feature of a customer at a cutoff, computed from `[cutoff - looks_back days, cutoff)`.

    Attributes:
        name: The name of the column in snapshots, and of the signal in the playbook.
        table: The table that the signal reads; `function` receives the view of this table.
        looks_back: The number of days before the cutoff that the function may read.
        unit: The unit of the values.
        family: One of `FAMILIES`.
        riskier_when: Which values mean more risk: `higher`, `lower` or `either`. With `higher`, the predicted
            probability cannot fall if the value rises; with `lower`, it cannot rise if the value rises.
        reason: The sentence that gives the signal as a reason for a customer's risk, by language.
        doc: The signal's entry in the data dictionary.
        function: The function that computes the values; None for an attribute that never changes.
        kind: Whether the values are numbers, or levels (the texts of a column).
        level_of: The text column from which the signal takes its values (levels). The signal's function
            returns each level as a code (a number); snapshots hold the level's text. None if the function
            returns no codes.
        generic: The name of the generic family (a function that makes signals for event tables) that made
            this signal; None for a named signal.
        version: The version of the signal's definition. Raise the version by hand after a change that
            `churn.features.definition` cannot detect.
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
        """Return the signal's facts that snapshots, models and documents record, as plain data."""
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

    def facts_for(self, words: LabelWords) -> dict[str, Any]:
        """Return `facts()`, adapted to what the label predicts: leaving, or an event such as an upgrade.

        If the label predicts an event other than leaving, these facts change:

        - `riskier_when` is `either`, so that it does not constrain the model. The direction that the signal
          states is not used, because it is about leaving, not about the event.
        - `reason` of a signal with levels says that customers with this level have the event more often, not
          that they leave more often.
        - `silent_at_zero` is true for a signal that gives no reason if its value is 0, such as the number of
          failed charges.
        """
        facts = self.facts()
        if words == CHURN_WORDS:
            return facts
        facts |= {"riskier_when": "either", "monotone": 0, "silent_at_zero": self.riskier_when == "higher"}
        if self.kind == "level":
            facts["reason"] = {
                "en": f"customers with {self.name} {{value}} have the event {words.event} more often, all "
                "else equal",
                "de": f"bei Kunden mit {self.name} {{value}} kommt das Ereignis {words.event} öfter vor, "
                "alles Übrige gleich",
            }
        return facts


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
    """Register a signal: a function that computes one value per customer from the view of a table.

    The function's name becomes the name of the signal and of its column. The first line of the function's
    docstring becomes the entry of the data dictionary.

    Args:
        table: One of `CANONICAL_TABLES`, such as `logins`; the function receives the view of this table.
        looks_back: The number of days before the cutoff that the function may read.
        unit: The unit of the values.
        riskier_when: Which values mean more risk: `higher`, `lower` or `either`. With `higher`, the predicted
            probability cannot fall if the value rises; with `lower`, it cannot rise if the value rises.
        family: One of `FAMILIES`.
        reason: The English sentence that gives the signal as a reason for a customer's risk; `{value}` stands
            for the customer's value.
        german: The German translation of `reason`.
        level_of: The text column whose values (levels) the function returns as codes; None if it returns
            numbers.
        version: The version of the signal's definition. Raise the version by hand after a change that
            `churn.features.definition` cannot detect.

    Raises:
        SignalError: the table or the family does not exist, the name is taken, or the docstring is missing.
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
            problems.append(
                f"{name}: a signal needs a docstring; its first line is the signal's entry in the data "
                "dictionary."
            )
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
