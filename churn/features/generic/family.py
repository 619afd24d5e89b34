"""The registry of generic families of signals, and the facts about a table that these families need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from churn.data.tables import NO_EVENTS, Table
from churn.errors import SignalError
from churn.features.signal import FAMILY_OF_TABLE, Direction, Function, Signal

NOT_EVENTS = ("customers", "subscriptions", *NO_EVENTS)
"""Tables whose rows are not events of a customer; they have no generic signals."""

CUSTOMERS_OWN = ("activity", "purchase")
"""The signal families of tables whose rows show activity or purchases, so that fewer rows mean more risk."""

ENGLISH = {
    "emails": "e-mails to the customer",
    "tickets": "support tickets",
    "payments": "bills due",
    "loyalty": "loyalty events",
}
GERMAN = {
    "logins": "Anmeldungen",
    "interactions": "Interaktionen",
    "payments": "fällige Zahlungen",
    "emails": "E-Mails an den Kunden",
    "surveys": "Umfragen",
    "tickets": "Support-Anfragen",
    "orders": "Bestellungen",
    "referrals": "Empfehlungen",
    "loyalty": "Punktebuchungen",
}

WHAT_IS_COUNTED = {"payments": "bills", "emails": "e-mails"}
"""The unit of a table's counts, if the unit differs from the table's name."""


@dataclass(frozen=True)
class TableFacts:
    """The facts about an event table that a generic family needs."""

    contract: Table
    windows: tuple[int, ...]

    @cached_property
    def family(self) -> str:
        """Return the family of the table's signals."""
        return FAMILY_OF_TABLE.get(self.contract.name, "activity")

    @property
    def is_own(self) -> bool:
        """Return whether the rows show activity or purchases; False for bills, e-mails and tickets."""
        return self.family in CUSTOMERS_OWN

    @property
    def lower_if_own(self) -> Direction:
        """Return which values of a signal mean risk, if few rows give a low value (as in a count of rows).

        The result is `lower` (low values mean risk) if fewer rows surely mean more risk, else `either`.
        """
        return "lower" if self._is_surely_own else "either"

    @property
    def higher_if_own(self) -> Direction:
        """Return which values of a signal mean risk, if few rows give a high value (as in gaps in days).

        The result is `higher` (high values mean risk) if fewer rows surely mean more risk, else `either`.
        """
        return "higher" if self._is_surely_own else "either"

    @property
    def _is_surely_own(self) -> bool:
        """Return whether a customer with fewer rows surely has a higher risk.

        This is False for a table under `events:` in params.yaml, because its rows may be complaints.
        """
        return self.is_own and self.contract.name in FAMILY_OF_TABLE

    @property
    def noun(self) -> str:
        """Return the English noun for the rows."""
        return ENGLISH.get(self.contract.name, self.contract.name.replace("_", " "))

    @property
    def german(self) -> str:
        """Return the German noun for the rows.

        For a table under `events:` in params.yaml, return the table's name.
        """
        return GERMAN.get(self.contract.name, self.contract.name.replace("_", " "))

    @property
    def count_unit(self) -> str:
        """Return the unit of a count of rows."""
        return WHAT_IS_COUNTED.get(self.contract.name, self.contract.name)

    def signal(
        self,
        verb: str,
        days: int,
        function: Function,
        *,
        unit: str,
        riskier_when: Direction,
        doc: str,
        english: str,
        german: str,
        with_days: bool = True,
    ) -> Signal:
        """Make the signal `{table}_{verb}_{days}d`, or `{table}_{verb}` if `with_days` is False.

        Args:
            verb: The part of the name that names the computation.
            days: The look-back of the signal in days.
            function: The function that computes the values.
            unit: The unit of the values.
            riskier_when: The direction of values that mean more risk: `lower`, `higher` or `either`.
            doc: The entry of the data dictionary; `{noun}` stands for the noun for the rows.
            english: The sentence that names the signal as a reason for a customer's risk; `{noun}` stands
                for the noun for the rows.
            german: The same sentence in German.
            with_days: Whether the days are part of the name.
        """
        sentences = {
            "en": english.replace("{noun}", self.noun),
            "de": german.replace("{noun}", self.german),
        }
        doc = doc.replace("{noun}", self.noun)
        return Signal(
            name=f"{self.contract.name}_{verb}" + (f"_{days}d" if with_days else ""),
            table=self.contract.name,
            looks_back=days,
            unit=unit,
            family=self.family,
            riskier_when=riskier_when,
            reason=sentences,
            doc=doc[0].upper() + doc[1:],
            function=function,
        )


Maker = Callable[[TableFacts], Iterator[Signal]]


@dataclass(frozen=True)
class GenericFamily:
    """A family of generic signals.

    Attributes:
        name: The name of the family, as `signals.generic` in params.yaml uses it.
        needs: The name of a column that a table must have; `value` also stands for `amount` or `quantity`.
            None if the family needs no column.
        make: The function that yields the family's signals for a table.
    """

    name: str
    needs: str | None
    make: Maker

    def fits(self, table: Table) -> bool:
        """Return whether a table has the column that the family needs."""
        if self.needs == "value":
            return value_of(table) is not None
        return self.needs is None or table.column(self.needs) is not None


GENERIC: dict[str, GenericFamily] = {}
"""Every generic family, filled by `@generic` as the files of `churn/features/generic` are imported."""


def generic(*, needs: str | None = None) -> Callable[[Maker], Maker]:
    """Register a generator of signals as a generic family; the function's name becomes the family's name.

    Raises:
        SignalError: Two families have the same name.
    """

    def register(make: Maker) -> Maker:
        name = make.__name__
        if name in GENERIC:
            raise SignalError(f"{name}: two generic families have this name; rename one.")
        GENERIC[name] = GenericFamily(name, needs, make)
        return make

    return register


def value_of(table: Table) -> str | None:
    """Return the name of a table's number column: `value`, `amount` or `quantity`; None if it has none."""
    columns = {column.name for column in table.of_role("value")}
    return next((name for name in ("value", "amount", "quantity") if name in columns), None)


UNITS: Mapping[str, str] = {"amount": "currency"}
"""The unit of each number column; the units of other columns are not known."""
