"""Value: sums, means and maxima of the number in each row, such as an amount."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from churn.features.generic.family import UNITS, TableFacts, generic, value_of
from churn.features.language.events import Array, Events, log_ratio
from churn.features.signal import Function, Signal

QUARTER_DAYS = 91
RECENT_DAYS = 28


@generic(needs="value")
def value(table: TableFacts) -> Iterator[Signal]:
    """Compute the mean, maximum and total of a number such as `amount`, and the change of the total."""
    name = value_of(table.contract)
    assert name is not None  # only tables with such a column get this family
    unit, german = UNITS.get(name, "units"), GERMAN[name]
    for days in table.windows:
        yield table.signal(
            f"{name}_total",
            days,
            of(total, name),
            unit=unit,
            riskier_when=table.lower_if_own,
            doc=f"sum of the {name} of {{noun}} in the last {days} days.",
            english=f"{{noun}}: total {name} of the last {days} days: {{value:,.2f}}",
            german=f"{{noun}}: {german}, Summe der letzten {days} Tage: {{value:,.2f}}",
        )
    yield table.signal(
        f"{name}_mean",
        QUARTER_DAYS,
        of(mean, name),
        unit=unit,
        riskier_when="either",
        doc=f"mean {name} of {{noun}} in the last {QUARTER_DAYS} days.",
        english=f"{{noun}}: mean {name} {{value:,.2f}}",
        german=f"{{noun}}: {german}, im Mittel {{value:,.2f}}",
    )
    yield table.signal(
        f"{name}_highest",
        QUARTER_DAYS,
        of(highest, name),
        unit=unit,
        riskier_when="either",
        doc=f"highest {name} of {{noun}} in the last {QUARTER_DAYS} days.",
        english=f"{{noun}}: highest {name} {{value:,.2f}}",
        german=f"{{noun}}: {german}, höchstens {{value:,.2f}}",
    )
    yield table.signal(
        f"{name}_change_{RECENT_DAYS}d",
        2 * RECENT_DAYS,
        of(change, name),
        unit="log ratio",
        riskier_when=table.lower_if_own,
        doc=f"total {name} of {{noun}} in the last {RECENT_DAYS} days divided by the total in the "
        f"{RECENT_DAYS} days before, as a logarithm; 1 is added to both totals.",
        english=f"{{noun}}: {name} of four weeks about {{value:log .0% above|below}} that of the four before",
        german=f"{{noun}}: {german} von vier Wochen etwa {{value:log .0% über|unter}} dem der vier davor",
        with_days=False,
    )


GERMAN = {"amount": "Betrag", "quantity": "Menge", "value": "Wert"}


def of(formula: Callable[[Events, str], Array], name: str) -> Function:
    """Return the function of a signal; it applies a formula to a column of the events."""

    def of_column(events: Events) -> Array:
        return formula(events, name)

    return of_column


def total(events: Events, name: str) -> Array:
    """Return the sum of a column over each customer's rows."""
    return events.total(name)


def mean(events: Events, name: str) -> Array:
    """Return the mean of a column over each customer's rows."""
    return events.mean(name)


def highest(events: Events, name: str) -> Array:
    """Return the highest value of a column in each customer's rows."""
    return events.highest(name)


def change(events: Events, name: str) -> Array:
    """Return the change of a column's total, as a log ratio; missing if one of the two totals is below 0.

    The log ratio is `log((recent + 1) / (before + 1))`. `recent` is the total in the last `RECENT_DAYS` days.
    `before` is the total in the `RECENT_DAYS` days before those days.
    """
    recent = events.last(RECENT_DAYS).total(name)
    before = events.last(2 * RECENT_DAYS, skip=RECENT_DAYS).total(name)
    return np.where((recent >= 0) & (before >= 0), log_ratio(recent, before), np.nan)
