"""List all signals, and decide which signals are on for a store and its params.yaml."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass

from churn.data.sources.table_specs import table_contracts
from churn.data.store import Store
from churn.data.tables import CANONICAL_TABLES, NO_EVENTS, Table
from churn.errors import SignalError, did_you_mean
from churn.features import signals as package
from churn.features.attributes import attributes
from churn.features.engine.plan import Need, trace
from churn.features.generic import choice
from churn.features.generic.family import GENERIC
from churn.features.signal import FAMILIES, REGISTRY, Signal
from churn.params import Params

for _file in pkgutil.iter_modules(package.__path__):
    importlib.import_module(f"{package.__name__}.{_file.name}")


def all_signals(params: Params) -> dict[str, Signal]:
    """Return all signals by name (named, generic, attributes), even if their table does not exist.

    Raises:
        SignalError: `signals.generic` names something that does not exist, or two signals have the same name.
            The error lists all problems.
    """
    if problems := list(choice.problems(params)):
        raise SignalError(*(params.locate(problem) for problem in problems))
    by_name = dict(REGISTRY)
    for signal in choice.generic_signals(params):
        if signal.name in by_name:
            problems.append(
                f"events.{signal.table}: a signal already has the name '{signal.name}'; rename the table."
            )
        by_name[signal.name] = signal
    of_attributes = list(attributes(params))
    problems += [
        f"tables.customers.{'history' if signal.function else 'static'}: a signal already has the name "
        f"'{signal.name}'; rename the attribute."
        for signal in of_attributes
        if signal.name in by_name
    ]
    if problems:
        raise SignalError(*(params.locate(problem) for problem in problems))
    return by_name | {signal.name: signal for signal in of_attributes}


@dataclass(frozen=True)
class Availability:
    """A signal, and the reason why it is off; the reason is None if the signal is on."""

    signal: Signal
    off_because: str | None


def availability(params: Params, store: Store) -> tuple[Availability, ...]:
    """Return whether each signal is on; this depends on the store and on `signals` in params.yaml.

    Raises:
        SignalError: params.yaml names a family, table or signal that does not exist. The error lists all such
            names.
    """
    by_name = all_signals(params)
    _check_names(params, by_name)
    tables = table_contracts(params)
    return tuple(Availability(signal, _why_off(signal, params, store, tables)) for signal in by_name.values())


def select_signals(params: Params, store: Store) -> tuple[Signal, ...]:
    """Return the signals that are on.

    Raises:
        SignalError: no signal is on, or params.yaml names a signal that does not exist.
    """
    on = tuple(entry.signal for entry in availability(params, store) if entry.off_because is None)
    if not on:
        keys = "; ".join(
            f"signals.{key} [{', '.join(names)}]"
            for key, names in _lists(params).items()
            if key == "families" or "all" not in names
        )
        raise SignalError(
            f"{params.locate(keys)} and signals.leave_out together switch off all signals of the tables "
            f"{', '.join(store.tables)}. Change one of these keys; `churn signals` shows why each signal "
            "is off."
        )
    return on


LIST_ITEM = {"families": "family", "tables": "table", "names": "signal"}
"""The noun for an item of `families`, `tables` and `names`, the lists of `signals` in params.yaml."""

_WHERE_LISTED = "`churn signals` lists them."


def _lists(params: Params) -> dict[str, tuple[str, ...]]:
    """Return the lists `families`, `tables` and `names` of `signals` in params.yaml, as a dictionary."""
    signals = params.signals
    return {"families": signals.families, "tables": signals.tables, "names": signals.names}


def _names_in_lists(signal: Signal) -> dict[str, set[str]]:
    """Return a signal's families, table and name, each under its key in `signals` of params.yaml."""
    families = {signal.family, signal.generic} if signal.generic else {signal.family}
    return {"families": families, "tables": {signal.table.split(".")[0]}, "names": {signal.name}}


def _check_names(params: Params, by_name: dict[str, Signal]) -> None:
    families = [*FAMILIES, *GENERIC]
    with_signals = {signal.table for signal in by_name.values()}
    tables = [
        name for name in (*CANONICAL_TABLES, *params.events) if name not in NO_EVENTS or name in with_signals
    ]
    valid_names: dict[str, Sequence[str]] = {"families": families, "tables": tables, "names": list(by_name)}
    problems = [
        f"signals.{key}: '{name}' is not a {LIST_ITEM[key]}.{did_you_mean(name, valid_names[key])} "
        + (f"{key.capitalize()}: all, {', '.join(valid_names[key])}." if key != "names" else _WHERE_LISTED)
        for key, names in _lists(params).items()
        for name in names
        if name not in ("all", *valid_names[key])
    ]
    valid_in_leave_out = [*by_name, *families, *tables]
    problems += [
        f"signals.leave_out: '{name}' is not a signal, family or table."
        f"{did_you_mean(name, valid_in_leave_out)} {_WHERE_LISTED}"
        for name in params.signals.leave_out
        if name not in valid_in_leave_out
    ]
    if problems:
        raise SignalError(*(params.locate(problem) for problem in problems))


def _why_off(signal: Signal, params: Params, store: Store, tables: dict[str, Table]) -> str | None:
    names_in_lists = _names_in_lists(signal)
    if not set().union(*names_in_lists.values()).isdisjoint(params.signals.leave_out):
        return "signals.leave_out"
    for key, names in _lists(params).items():
        if "all" not in names and names_in_lists[key].isdisjoint(names):
            return f"signals.{key}"
    if not store.has(signal.table):
        return f"no table {signal.table}" if signal.table not in store.tables else f"{signal.table} is empty"
    if signal.function is None:
        return None
    need = Need()
    trace([signal], tables[signal.table], need)
    missing = sorted(need.columns - set(store.tables[signal.table].columns))
    columns = [name.removesuffix("_day").removesuffix("_after") for name in missing]
    return f"{signal.table} has no {', '.join(dict.fromkeys(columns))}" if columns else None
