"""What a generic family is told of a table, and how it makes signals of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from churn.data.tables import Table
from churn.errors import SignalError
from churn.features.signal import FAMILY_OF_TABLE, Direction, Function, Signal

NOT_EVENTS = ("customers", "subscriptions", "contacts")
"""Tables whose rows are no events of the customer's own doing; they have no generic signals."""

CUSTOMERS_OWN = ("activity", "purchase")
"""Families of which less is riskier: the customer acts. Bills, mails and tickets may go either way."""

ENGLISH = {"emails": "e-mails to the customer", "tickets": "support tickets", "payments": "bills due"}
GERMAN = {
    "logins": "Anmeldungen",
    "interactions": "Interaktionen",
    "payments": "fällige Zahlungen",
    "emails": "E-Mails an den Kunden",
    "surveys": "Umfragen",
    "tickets": "Support-Anfragen",
    "orders": "Bestellungen",
    "referrals": "Empfehlungen",
}

WHAT_IS_COUNTED = {"payments": "bills", "emails": "e-mails"}
"""The unit of a table's counts, where it is not the table's own name."""


@dataclass(frozen=True)
class About:
    """An event table and the windows asked for; sentences begin with its noun, so that any table's fits."""

    table: Table
    windows: tuple[int, ...]

    @cached_property
    def family(self) -> str:
        """Return what the table's signals speak about."""
        return FAMILY_OF_TABLE.get(self.table.name, "activity")

    @property
    def own(self) -> bool:
        """Tell whether its rows are the customer's own doing."""
        return self.family in CUSTOMERS_OWN

    @property
    def certain(self) -> bool:
        """Tell whether less of it is surely riskier; a further table may hold complaints or dislikes."""
        return self.own and self.table.name in FAMILY_OF_TABLE

    @property
    def less(self) -> Direction:
        """Return the direction of a signal of which less is riskier where the customer acts."""
        return "lower" if self.certain else "either"

    @property
    def more(self) -> Direction:
        """Return the direction of a signal of which more is riskier where the customer acts."""
        return "higher" if self.certain else "either"

    @property
    def noun(self) -> str:
        """Return what the rows are, in English."""
        return ENGLISH.get(self.table.name, self.table.name.replace("_", " "))

    @property
    def german(self) -> str:
        """Return what the rows are, in German; a further table keeps its own name."""
        return GERMAN.get(self.table.name, self.table.name.replace("_", " "))

    @property
    def counted(self) -> str:
        """Return the unit of a count of rows."""
        return WHAT_IS_COUNTED.get(self.table.name, self.table.name)

    def signal(
        self,
        verb: str,
        days: int,
        function: Function,
        *,
        unit: str,
        riskier_when: Direction,
        doc: str,
        said: str,
        sagt: str,
        dated: bool = True,
    ) -> Signal:
        """Make `{table}_{verb}_{days}d`, or `{table}_{verb}`; `{noun}` is filled in the doc and sentences."""
        made = {"en": said.replace("{noun}", self.noun), "de": sagt.replace("{noun}", self.german)}
        stated = doc.replace("{noun}", self.noun)
        return Signal(
            name=f"{self.table.name}_{verb}" + (f"_{days}d" if dated else ""),
            table=self.table.name,
            looks_back=days,
            unit=unit,
            family=self.family,
            riskier_when=riskier_when,
            reason=made,
            doc=stated[0].upper() + stated[1:],
            function=function,
        )


Maker = Callable[[About], Iterator[Signal]]


@dataclass(frozen=True)
class GenericFamily:
    """A family of generic signals: its name, what it says, the kind of column it needs, and its maker."""

    name: str
    says: str
    needs: str | None
    make: Maker

    def fits(self, table: Table) -> bool:
        """Tell whether the contract of a table has the column that the family needs."""
        if self.needs == "value":
            return value_of(table) is not None
        return self.needs is None or table.column(self.needs) is not None


GENERIC: dict[str, GenericFamily] = {}
"""Every generic family, filled by `@generic` as the files of `churn/features/generic` are imported."""


def generic(*, needs: str | None = None) -> Callable[[Maker], Maker]:
    """Register a generator of signals as a generic family of its function's name.

    Raises:
        SignalError: two families have the same name.
    """

    def register(make: Maker) -> Maker:
        name = make.__name__
        if name in GENERIC:
            raise SignalError(f"{name}: two generic families have this name; rename one.")
        GENERIC[name] = GenericFamily(name, (make.__doc__ or "").split("\n")[0], needs, make)
        return make

    return register


def value_of(table: Table) -> str | None:
    """Return the number of a row that is known with it: `value`, `amount` or `quantity`."""
    named = {column.name for column in table.of_role("value")}
    return next((name for name in ("value", "amount", "quantity") if name in named), None)


UNITS: Mapping[str, str] = {"amount": "currency"}
"""The unit of a value that is known; others are in units of their own."""
