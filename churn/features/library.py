"""All signals there are, and those that a company's tables make possible."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

from churn.data.store import Store
from churn.data.tables import CANONICAL, Table, events_table, wanted_tables
from churn.errors import SignalError, did_you_mean
from churn.features import signals as package
from churn.features.attributes import attributes
from churn.features.grids import grid
from churn.features.signal import FAMILIES, REGISTRY, Signal
from churn.features.tracing import Need, trace
from churn.params import Params

for _file in pkgutil.iter_modules(package.__path__):
    importlib.import_module(f"{package.__name__}.{_file.name}")


def known(params: Params) -> dict[str, Signal]:
    """Return every signal by name, whether or not its table is there.

    Raises:
        SignalError: an attribute has the name of a signal.
    """
    tables = [*CANONICAL.values(), *(events_table(name) for name in params.events)]
    plain = [signal for table in tables for signal in grid(table, params.signals.windows)]
    found = REGISTRY | {signal.name: signal for signal in plain}
    own = list(attributes(params))
    if taken := [signal for signal in own if signal.name in found]:
        raise SignalError(
            *(
                f"params: tables.customers.{'history' if signal.function else 'static'}: '{signal.name}' is "
                "a signal; name the attribute otherwise."
                for signal in taken
            )
        )
    return found | {signal.name: signal for signal in own}


@dataclass(frozen=True)
class Possible:
    """A signal, and why it is off; `None` when it is on."""

    signal: Signal
    off_because: str | None


def possible(params: Params, store: Store) -> tuple[Possible, ...]:
    """Judge every signal by the store's tables and by `signals` of params.yaml.

    Raises:
        SignalError: params.yaml names a family or a signal that does not exist; all at once.
    """
    every = known(params)
    _check_names(params, every)
    tables = {wanted.table.name: wanted.table for wanted in wanted_tables(params)}
    return tuple(Possible(signal, _why_off(signal, params, store, tables)) for signal in every.values())


def selected(params: Params, store: Store) -> tuple[Signal, ...]:
    """Return the signals that are on.

    Raises:
        SignalError: none is left, or params.yaml names one that does not exist.
    """
    on = tuple(one.signal for one in possible(params, store) if one.off_because is None)
    if not on:
        raise SignalError(
            f"params: signals.families [{', '.join(params.signals.families)}], without those of "
            f"signals.leave_out, ask for no signal of the tables {', '.join(store.tables)}. "
            "`churn signals` says why each is off."
        )
    return on


def _check_names(params: Params, every: dict[str, Signal]) -> None:
    problems = [
        f"params: signals.families: '{family}' is not a family.{did_you_mean(family, FAMILIES)} "
        f"Families: all, {', '.join(FAMILIES)}."
        for family in params.signals.families
        if family not in ("all", *FAMILIES)
    ]
    problems += [
        f"params: signals.leave_out: '{name}' is not a signal.{did_you_mean(name, every)}"
        for name in params.signals.leave_out
        if name not in every
    ]
    if problems:
        raise SignalError(*problems)


def _why_off(signal: Signal, params: Params, store: Store, tables: dict[str, Table]) -> str | None:
    if signal.name in params.signals.leave_out:
        return "signals.leave_out"
    if "all" not in params.signals.families and signal.family not in params.signals.families:
        return "signals.families"
    if not store.has(signal.table):
        return f"no table {signal.table}" if signal.table not in store.tables else f"{signal.table} is empty"
    if signal.function is None:
        return None
    need = Need()
    trace([signal], tables[signal.table], need)
    missing = sorted(need.columns - set(store.tables[signal.table].columns))
    names = [name.removesuffix("_day").removesuffix("_after") for name in missing]
    return f"{signal.table} has no {', '.join(dict.fromkeys(names))}" if names else None
