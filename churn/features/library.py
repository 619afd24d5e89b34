"""All signals there are, and those that a company's tables make possible."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass

from churn.data.sources.table_specs import table_contracts
from churn.data.store import Store
from churn.data.tables import CANONICAL_TABLES, Table
from churn.errors import SignalError, did_you_mean
from churn.features import signals as package
from churn.features.attributes import attributes
from churn.features.generic import choice
from churn.features.generic.about import GENERIC
from churn.features.signal import FAMILIES, REGISTRY, Signal
from churn.features.tracing import Need, trace
from churn.params import Params

for _file in pkgutil.iter_modules(package.__path__):
    importlib.import_module(f"{package.__name__}.{_file.name}")


def known(params: Params) -> dict[str, Signal]:
    """Return every signal by name, whether or not its table is there: named, generic, and attributes.

    Raises:
        SignalError: `signals.generic` asks for what there is not, or two signals have one name; all at once.
    """
    if problems := list(choice.problems(params)):
        raise SignalError(*(params.locate(problem) for problem in problems))
    found = dict(REGISTRY)
    for signal in choice.generic_signals(params):
        if signal.name in found:
            problems.append(f"events.{signal.table}: '{signal.name}' is a signal; rename the table.")
        found[signal.name] = signal
    own = list(attributes(params))
    problems += [
        f"tables.customers.{'history' if signal.function else 'static'}: '{signal.name}' is "
        "a signal; name the attribute otherwise."
        for signal in own
        if signal.name in found
    ]
    if problems:
        raise SignalError(*(params.locate(problem) for problem in problems))
    return found | {signal.name: signal for signal in own}


@dataclass(frozen=True)
class Possible:
    """A signal, and why it is off; `None` when it is on."""

    signal: Signal
    off_because: str | None


def possible(params: Params, store: Store) -> tuple[Possible, ...]:
    """Judge every signal by the store's tables and by `signals` of params.yaml.

    Raises:
        SignalError: params.yaml names a family, table or signal that does not exist; all at once.
    """
    every = known(params)
    _check_names(params, every)
    tables = table_contracts(params)
    return tuple(Possible(signal, _why_off(signal, params, store, tables)) for signal in every.values())


def selected(params: Params, store: Store) -> tuple[Signal, ...]:
    """Return the signals that are on.

    Raises:
        SignalError: none is left, or params.yaml names one that does not exist.
    """
    on = tuple(one.signal for one in possible(params, store) if one.off_because is None)
    if not on:
        asked = "; ".join(
            f"signals.{what} [{', '.join(names)}]"
            for what, names in _asked(params).items()
            if what == "families" or "all" not in names
        )
        raise SignalError(
            f"{params.locate(asked)}, without those of "
            f"signals.leave_out, ask for no signal of the tables {', '.join(store.tables)}. "
            "`churn signals` says why each is off."
        )
    return on


def _asked(params: Params) -> dict[str, tuple[str, ...]]:
    chosen = params.signals
    return {"families": chosen.families, "tables": chosen.tables, "names": chosen.names}


def _of(signal: Signal) -> dict[str, set[str]]:
    """Return what a signal goes by in each of the lists that choose."""
    families = {signal.family, signal.generic} if signal.generic else {signal.family}
    return {"families": families, "tables": {signal.table.split(".")[0]}, "names": {signal.name}}


def _check_names(params: Params, every: dict[str, Signal]) -> None:
    families = [*FAMILIES, *GENERIC]
    tables = [name for name in (*CANONICAL_TABLES, *params.events) if name != "contacts"]
    there: dict[str, Sequence[str]] = {"families": families, "tables": tables, "names": list(every)}
    problems = [
        f"signals.{what}: '{name}' is not a {WORD[what]}.{did_you_mean(name, there[what])} "
        + (f"{what.capitalize()}: all, {', '.join(there[what])}." if what != "names" else _WHERE_LISTED)
        for what, names in _asked(params).items()
        for name in names
        if name not in ("all", *there[what])
    ]
    everything = [*every, *families, *tables]
    problems += [
        f"signals.leave_out: '{name}' is not a signal, family or table."
        f"{did_you_mean(name, everything)} {_WHERE_LISTED}"
        for name in params.signals.leave_out
        if name not in everything
    ]
    if problems:
        raise SignalError(*(params.locate(problem) for problem in problems))


WORD = {"families": "family", "tables": "table", "names": "signal"}
_WHERE_LISTED = "`churn signals` lists them."


def _why_off(signal: Signal, params: Params, store: Store, tables: dict[str, Table]) -> str | None:
    goes_by = _of(signal)
    if not set().union(*goes_by.values()).isdisjoint(params.signals.leave_out):
        return "signals.leave_out"
    for what, names in _asked(params).items():
        if "all" not in names and goes_by[what].isdisjoint(names):
            return f"signals.{what}"
    if not store.has(signal.table):
        return f"no table {signal.table}" if signal.table not in store.tables else f"{signal.table} is empty"
    if signal.function is None:
        return None
    need = Need()
    trace([signal], tables[signal.table], need)
    missing = sorted(need.columns - set(store.tables[signal.table].columns))
    lacking = [name.removesuffix("_day").removesuffix("_after") for name in missing]
    return f"{signal.table} has no {', '.join(dict.fromkeys(lacking))}" if lacking else None
