"""The functions beside the view, in plain Python: arithmetic of one customer, and what needs the cohort.

`reference_of` lets a signal's own function run with these and with `NaiveEvents`: its code stays what it is,
the names of the language mean the reference.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isnan, log, nan, sqrt
from types import CellType, FunctionType
from typing import Any

import numpy as np

from churn.features.language import arithmetic, btyd, events, population
from tests.oracle.naive import Number, Pending, one

FEWEST_PEERS = 20
TENURE_BANDS = (91, 182, 365, 730)


def ratio(part: Number, whole: Number, prior: float = 0.0) -> Number:
    divisor = whole[0] + prior
    return one((part[0] + prior) / divisor if divisor != 0 else nan)


def log_ratio(recent: Number, before: Number) -> Number:
    return one(log((recent[0] + 1) / (before[0] + 1)))


def drop_score(recent: Number, expected: Number) -> Number:
    return one((recent[0] - expected[0]) / sqrt(expected[0] + 1))


def shrunk(hits: Number, trials: Number, strength: float = 4.0) -> Pending:
    tried = not isnan(hits[0]) and not isnan(trials[0])
    return Pending("shrunk", (hits[0] if tried else 0.0, trials[0] if tried else 0.0, strength))


def among_peers(values: Number) -> Pending:
    return Pending("among_peers", (values[0],))


def beyond_population(recent: Number, before: Number, prior: float = 1.0) -> Pending:
    return Pending("beyond_population", (recent[0], before[0], prior))


@dataclass(frozen=True)
class CohortMember:
    """What is asked of a customer: at risk or not, known and without an objection or not, of which group."""

    at_risk: bool
    counted: bool
    peers: Any


def band_of(signed_up: date, today: date) -> int:
    """The band of tenure: how many of its bounds the customer has reached."""
    return sum((today - signed_up).days >= bound for bound in TENURE_BANDS)


def finished(pending: Sequence[Pending], cohort: Sequence[CohortMember]) -> list[float]:
    """The values of everybody, each seen beside those that its verb compares with."""
    found = []
    for own, me in zip(pending, cohort, strict=True):
        fits = FITS[own.verb]
        members = [other for other, who in zip(pending, cohort, strict=True) if fits(who, me)]
        found.append(FINISHED[own.verb](own, members))
    return found


def _shrunk(own: Pending, members: Sequence[Pending]) -> float:
    hits, trials, strength = own.numbers
    tried = sum(other.numbers[1] for other in members)
    rate = sum(other.numbers[0] for other in members) / tried if tried else 0.0
    return (hits + strength * rate) / (trials + strength) if trials > 0 else nan


def _among_peers(own: Pending, members: Sequence[Pending]) -> float:
    (value,) = own.numbers
    others = [other.numbers[0] for other in members if not isnan(other.numbers[0])]
    if isnan(value) or len(others) < FEWEST_PEERS:
        return nan
    return (sum(x < value for x in others) + sum(x == value for x in others) / 2) / len(others)


def _beyond_population(own: Pending, members: Sequence[Pending]) -> float:
    recent, before, prior = own.numbers
    given = [other.numbers for other in members if not isnan(other.numbers[0] + other.numbers[1])]
    now, then = (sum(round(1000 * numbers[place]) for numbers in given) for place in (0, 1))
    return log((recent + prior) / (before + prior)) - log(now / then) if now > 0 and then > 0 else nan


def _lifetime(says: Callable[..., Any], own: Pending, members: Sequence[Pending]) -> float:
    """Here is told who counts, and with which history; the model has its own tests on published data."""
    model = _model(tuple(other.numbers[:3] for other in members if not isnan(other.numbers[0])))
    *history, days = own.numbers
    if model is None or isnan(history[0]):
        return nan
    return float(says(model, *(one(number) for number in history), days)[0])


@functools.lru_cache(maxsize=256)
def _model(histories: tuple[tuple[float, ...], ...]) -> Any:
    return btyd.fit_lifetimes(*np.array(histories, dtype=float).reshape(-1, 3).T)


FINISHED: Mapping[str, Callable[[Pending, Sequence[Pending]], float]] = {
    "shrunk": _shrunk,
    "among_peers": _among_peers,
    "beyond_population": _beyond_population,
    "p_none_next": functools.partial(_lifetime, btyd.p_none),
    "expected_next": functools.partial(_lifetime, btyd.expected_events),
}
"""How each is finished, from one customer's numbers and those of the cohort that it is compared with."""

FITS: Mapping[str, Callable[[CohortMember, CohortMember], bool]] = {
    "shrunk": lambda other, me: other.at_risk,
    "among_peers": lambda other, me: other.at_risk and other.peers == me.peers,
    "beyond_population": lambda other, me: other.at_risk,
    "p_none_next": lambda other, me: other.counted,
    "expected_next": lambda other, me: other.counted,
}
"""With whom each compares a customer."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (ratio, log_ratio, drop_score, shrunk, among_peers, beyond_population)
}
"""The functions of the language that are no methods of the view, by name."""


def reference_of(value: Any) -> Any:
    """Return a signal's function so that the verbs, and the functions beside them, are the reference's."""
    if isinstance(value, functools.partial):
        return functools.partial(reference_of(value.func), *value.args, **value.keywords)
    if not isinstance(value, FunctionType):
        return value
    name = value.__name__
    if value.__module__ in (arithmetic.__name__, population.__name__) and name in FUNCTIONS:
        return FUNCTIONS[name]
    if getattr(events.Events, name, None) is value:
        return lambda view, *given, **named: getattr(view, name)(*given, **named)
    if not value.__module__.startswith(("churn.features.", "tests.")):
        return value
    return _rebound(value)


@functools.cache
def _rebound(function: FunctionType) -> FunctionType:
    used = {name: function.__globals__[name] for name in _names(function) if name in function.__globals__}
    known = dict(function.__globals__)
    cells = tuple(CellType(reference_of(cell.cell_contents)) for cell in function.__closure__ or ())
    bound = FunctionType(function.__code__, known, function.__name__, function.__defaults__, cells or None)
    bound.__kwdefaults__ = function.__kwdefaults__
    known |= {name: reference_of(value) for name, value in used.items() if value is not function}
    return bound


def _names(function: FunctionType) -> set[str]:
    """The global names that a function uses, also within its lambdas and comprehensions."""
    names: set[str] = set()
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        names |= set(code.co_names)
        codes += [const for const in code.co_consts if hasattr(const, "co_names")]
    return names


def is_missing(value: Any) -> bool:
    """Tell whether a value is missing: None, not a number, or the name of a level that was emptied."""
    return value is None or value == "" or (isinstance(value, float | np.floating) and isnan(value))
