"""Choose which generic families of signals each event table gets: those in params.yaml, otherwise the
defaults in this file.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import replace

from churn.data.tables import CANONICAL_TABLES, Table, events_table
from churn.errors import did_you_mean
from churn.features import generic as package
from churn.features.generic.family import GENERIC, NOT_EVENTS, TableFacts
from churn.features.signal import Signal
from churn.params import Params

for _file in pkgutil.iter_modules(package.__path__):
    if _file.name != "choice":
        importlib.import_module(f"{package.__name__}.{_file.name}")

USUAL: Mapping[str, tuple[str, ...]] = {
    "logins": ("recency", "frequency", "change", "decay", "rhythm", "peers"),
    "interactions": ("recency", "frequency", "change", "rhythm", "peers"),
    "orders": ("recency", "frequency", "change", "rhythm", "value", "peers"),
}
"""The default families of a table. Interactions do not get the family breadth, because
`signals/interactions.py` has such signals.
"""

USUAL_OF_OTHERS = ("recency", "frequency")
USUAL_OF_FURTHER = ("recency", "frequency", "change", "value")
"""The default families of tables under `events:`. Rhythm and breadth read all rows, which costs time, so
users must ask for them.
"""


def event_tables(params: Params) -> dict[str, Table]:
    """Return all tables that can have generic signals, by name, even those that the source lacks."""
    canonical = {name: table for name, table in CANONICAL_TABLES.items() if name not in NOT_EVENTS}
    return canonical | {name: events_table(name) for name in params.events}


def generic_signals(params: Params) -> Iterator[Signal]:
    """Yield the generic signals of every event table."""
    windows = tuple(sorted(set(params.signals.windows)))
    for table in event_tables(params).values():
        yield from _signals_of(table, families_of(table, params), windows)


def families_of(table: Table, params: Params) -> tuple[str, ...]:
    """Return the names of the generic families of signals that a table gets, in the order of `GENERIC`.

    The word `all` in params.yaml stands for all families that fit the table.
    """
    further = table.name not in CANONICAL_TABLES
    usual = USUAL.get(table.name, USUAL_OF_FURTHER if further else USUAL_OF_OTHERS)
    names = params.signals.generic.get(table.name, params.signals.generic.get("default", usual))
    return tuple(
        name for name, family in GENERIC.items() if (name in names or "all" in names) and family.fits(table)
    )


def problems(params: Params) -> Iterator[str]:
    """Yield the mistakes in `signals.generic`: unknown names, and families that do not fit their table."""
    tables = event_tables(params)
    for name, families in params.signals.generic.items():
        key = f"signals.generic.{name}"
        if name not in tables and name != "default":
            yield f"{key}: '{name}' is not an event table.{did_you_mean(name, [*tables, 'default'])}"
        for family in families:
            if family not in ("all", *GENERIC):
                yield (
                    f"{key}: '{family}' is not a generic family.{did_you_mean(family, GENERIC)} "
                    f"Generic families: all, {', '.join(GENERIC)}."
                )
            elif name in tables and family != "all" and not GENERIC[family].fits(tables[name]):
                fitting = ", ".join(choice for choice in GENERIC if GENERIC[choice].fits(tables[name]))
                needs = GENERIC[family].needs
                yield f"{key}: {family} needs a {needs}, but {name} has none. Families that fit: {fitting}."


@functools.cache
def _signals_of(table: Table, families: tuple[str, ...], windows: tuple[int, ...]) -> tuple[Signal, ...]:
    facts = TableFacts(table, windows)
    return tuple(
        replace(signal, generic=family) for family in families for signal in GENERIC[family].make(facts)
    )
