"""Plain signals of any event table: counts, active days and amounts per window, and recency.

Named `{table}_{verb}_{days}d`; the windows come from `signals.windows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from churn.data.tables import Table
from churn.features.events import Array, Events
from churn.features.signal import FAMILY_OF_TABLE, Direction, Signal

RECENCY_DAYS = 366
"""How far back the latest event is looked for."""

NO_GRID = ("customers", "subscriptions", "contacts")
"""Tables whose rows are no events of the customer's own doing."""

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
CUSTOMERS_OWN = ("activity", "purchase")
"""Families of which less is riskier: the customer acts. Bills, mails and tickets may go either way."""


def grid(table: Table, windows: tuple[int, ...]) -> Iterator[Signal]:
    """Yield the plain signals of one event table."""
    if table.name in NO_GRID:
        return
    family = FAMILY_OF_TABLE.get(table.name, "activity")
    own = family in CUSTOMERS_OWN
    plain_name = table.name.replace("_", " ")
    english, german = ENGLISH.get(table.name, plain_name), GERMAN.get(table.name, plain_name)
    fewer: Direction = "lower" if own else "either"

    def plain(
        verb: str, days: int, function: Callable[[Events], Array], unit: str, said: str, sagt: str
    ) -> Signal:
        return Signal(
            name=f"{table.name}_{verb}_{days}d",
            table=table.name,
            looks_back=days,
            unit=unit,
            family=family,
            riskier_when=fewer,
            reason={
                "en": f"{said} in the last {days} days: {{value:,.0f}}",
                "de": f"{sagt} in den letzten {days} Tagen: {{value:,.0f}}",
            },
            doc=f"{said.capitalize()} in the last {days} days.",
            function=function,
        )

    for days in sorted(windows):
        yield plain("count", days, Events.count, table.name, english, german)
        if own:
            said, sagt = f"days with {english}", f"Tage mit {german}"
            yield plain("active_days", days, Events.active_days, "days", said, sagt)
        if table.name == "orders":
            amount = "money spent on orders", "Ausgaben für Bestellungen"
            yield plain("amount", days, lambda events: events.total("amount"), "currency", *amount)
    yield Signal(
        name=f"{table.name}_days_since_last",
        table=table.name,
        looks_back=RECENCY_DAYS,
        unit="days",
        family=family,
        riskier_when="higher" if own else "either",
        reason={
            "en": f"{english}: the last one {{value:.0f}} days ago",
            "de": f"{german}: zuletzt vor {{value:.0f}} Tagen",
        },
        doc=f"Days since the latest of {english}; missing if there was none in {RECENCY_DAYS} days.",
        function=Events.days_since_last,
    )
