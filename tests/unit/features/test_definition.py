"""A signal's definition follows what it computes, not how its code is written."""

from __future__ import annotations

import importlib.util
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from churn.errors import SignalError
from churn.features import fixed_company
from churn.features.definition import (
    contract_of,
    definitions,
    is_comparable,
    round_values,
    values_on_fixed_company,
)
from churn.features.engine.plan import Need, trace
from churn.features.language import arithmetic, population
from churn.features.language.events import Events
from churn.features.language.population import AmongPeers, BeyondPopulation, CohortValue, ShrunkRate
from churn.features.language.verbs import verbs
from churn.features.library import all_signals
from churn.features.signal import Function, Signal
from churn.params import LabelParams, Params

SIGNALS = all_signals(
    Params.model_validate(
        {
            "source": "nowhere",
            "label": LabelParams(kind="contract", horizon_days=28),
            "events": {"visits": {}},
            "signals": {"generic": {"visits": ["all"]}},
            "tables": {
                "customers": {
                    "static": ["country"],
                    "history": {"tier": {"from": "tiers"}, "seats": {"from": "seats", "kind": "number"}},
                }
            },
        }
    )
)
"""Every named signal, every generic family of a table of the user's own, the usual ones and attributes."""

COMPUTED = [name for name, signal in SIGNALS.items() if signal.function is not None]

CODE = """
import numpy as np

FEW = 3

def helped(view):
    return view.count() + FEW

def quiet(view):
    '''Say so.'''
    # how quiet
    recent = view.last(days=28)
    return np.where(recent.active_days() > 2, helped(recent), 0.5)
"""

SAME_MEANING = {
    "a docstring": ("Say so.", "Say more."),
    "a comment": ("# how quiet", "# why"),
    "the layout": ("FEW = 3", "\n\n\nFEW = (\n    3\n)"),
    "the name of a local variable": ("recent", "newest"),
    "the name of a parameter": ("view", "logins"),
    "the name of a helper": ("helped", "a_few_more"),
    "the name of a constant": ("FEW", "MORE"),
    "a helper that is written out": ("helped(recent)", "recent.count() + 3"),
    "the order of a sum": ("view.count() + FEW", "FEW + view.count()"),
}

OTHER_MEANING = {
    "a window": ("days=28", "days=27"),
    "a constant": ("FEW = 3", "FEW = 4"),
    "an operator": ("view.count() +", "view.count() -"),
    "a comparison": ("> 2", ">= 2"),
    "a default value": ("0.5", "0.4"),
    "a verb": ("view.count()", "view.active_days()"),
}

CANNOT_BE_SEEN = {
    "gap_trend: 0.0": "reads the slope of a line, which is the same at every place",
    "weekday_entropy: 1.0": "divides where there are no rows, and the result is dropped there",
    "drawdown: 3": "one window more has three weeks and never the largest sum",
    "change: 0": "the total of amounts is never below zero",
    "LARGEST_NUMBER": "no row may hold a number as large",
    "CONTRACT_DAYS": "is the look-back as well, a declared fact",
}
"""Numbers in the code of a signal that change no value by themselves, with the reason."""

NO_SIGNAL_USES = ("lowest", "trend", "quantile")
"""Verbs that only a signal of the user's own may use."""

ONLY_WHETHER_A_VALUE = (("per", "login_days_change"),)
"""Verbs and signals that use only whether the verb has a value, not the value."""

ONLY_THE_ORDER = (("count", "interactions_peer_rank_28d"),)
"""Verbs and signals that use only the order of the values: a disturbance that keeps it changes nothing."""


def load(text: str, folder, module: str = "churn.features.signals.drawn") -> types.ModuleType:
    """Return a module of this name with this text."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(module, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def digest(tmp_path) -> Callable[..., str]:
    """Return a function that gives the definition of `quiet` in a module with this text."""

    def digest_of(text: str, module: str = "churn.features.signals.drawn") -> str:
        function = load(text, tmp_path / "drawn", module).quiet
        return definitions([replace(SIGNALS["login_change"], function=function)])["login_change"]

    return digest_of


@pytest.mark.parametrize(("before", "after"), SAME_MEANING.values(), ids=SAME_MEANING)
def test_how_the_code_is_written_is_not_part_of_a_definition(digest, before, after):
    assert before in CODE
    assert digest(CODE.replace(before, after)) == digest(CODE)


def test_the_module_of_the_code_is_not_part_of_a_definition(digest):
    assert digest(CODE, module="elsewhere.entirely") == digest(CODE)


@pytest.mark.parametrize(("before", "after"), OTHER_MEANING.values(), ids=OTHER_MEANING)
def test_another_value_is_another_definition(digest, before, after):
    assert before in CODE
    assert digest(CODE.replace(before, after)) != digest(CODE)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"looks_back": 120},
        {"riskier_when": "either"},
        {"version": 2},
        {"kind": "level", "level_of": "kind"},
        {"table": "referrals"},
    ],
    ids=str,
)
def test_a_declared_fact_that_matters_to_a_model_is_part_of_a_definition(changes):
    before = SIGNALS["login_change"]
    after = replace(before, **changes)

    assert definitions([after])[after.name] != definitions([before])[before.name]


def test_sentences_units_and_families_are_not_part_of_a_definition():
    before = SIGNALS["login_change"]
    after = replace(before, reason={"en": "other"}, doc="Other.", unit="%", family="profile", generic="decay")

    assert definitions([after]) == definitions([before])


def test_every_signal_has_a_definition_of_its_own_in_the_present_format():
    digests = definitions(SIGNALS.values())

    assert sorted(digests) == sorted(SIGNALS)
    assert len(set(digests.values())) == len(SIGNALS)
    assert all(is_comparable(digest) for digest in digests.values())


@pytest.mark.parametrize("digest", [None, "", "9a3f51c2d87e4b06"])
def test_a_digest_of_an_older_format_is_recognised(digest):
    assert not is_comparable(digest)


def test_a_definition_does_not_depend_on_the_signals_that_are_computed_with_it():
    together = definitions(SIGNALS.values())

    alone = {name: definitions([SIGNALS[name]])[name] for name in COMPUTED[::7]}

    assert {name: together[name] for name in alone} == alone


@pytest.mark.parametrize("name", COMPUTED)
def test_a_changed_number_in_the_code_of_a_signal_changes_its_definition(name):
    signal = SIGNALS[name]
    before = values(signal)

    unseen = [
        change for change, function in mutants(signal.function) if not differs(signal, function, before)
    ]

    assert [change for change in unseen if not excused(name, change)] == []


@pytest.mark.parametrize("verb", [name for name, verb in verbs().items() if verb.is_method])
def test_a_verb_that_computes_something_else_changes_the_signals_that_use_it(verb, monkeypatch):
    excused_pairs = (*ONLY_WHETHER_A_VALUE, *ONLY_THE_ORDER)
    users = [signal for signal in users_of(verb) if (verb, signal.name) not in excused_pairs]
    before = [values(signal) for signal in users]
    computed = getattr(Events, verb)

    def disturbed_verb(self: Events, *args: Any, **kwargs: Any) -> Any:
        return disturbed(computed(self, *args, **kwargs))

    with monkeypatch.context() as patched:
        patched.setattr(Events, verb, disturbed_verb)
        after = [values(signal, looked_up(signal.function)) for signal in users]

    assert [s.name for s, old, new in zip(users, before, after, strict=True) if equal(old, new)] == []
    assert users or verb in NO_SIGNAL_USES


@pytest.mark.parametrize(
    ("owner", "function", "name"),
    [
        (arithmetic.ratio, "ratio", "order_value_change"),
        (population.shrunk, "shrunk", "emails_open_rate"),
        (Events.per, "per", "login_change"),
        (Events.slope, "slope", "visits_slope_91d"),
        (Events.last, "last", "login_change"),
    ],
)
def test_another_default_of_a_verb_changes_a_signal_that_relies_on_it(owner, function, name, monkeypatch):
    before = values(SIGNALS[name])

    monkeypatch.setattr(owner, "__defaults__", tuple(default + 1 for default in owner.__defaults__))

    assert not equal(values(SIGNALS[name]), before)


def test_no_value_lies_where_rounding_turns():
    """Else the noise in the last bits of another processor would change a digest."""
    close = []
    for name in COMPUTED:
        for column in values_on_fixed_company((SIGNALS[name],))[name]:
            for factor in (1 - 1e-13, 1 + 1e-13):
                if not np.array_equal(round_values(column * factor), round_values(column)):
                    close.append(name)

    assert close == []


def test_the_fixed_company_has_all_that_a_signal_may_meet():
    for name in COMPUTED:
        if contract_of(SIGNALS[name]).name == "customers":
            continue
        rows = fixed_company.rows_of(contract_of(SIGNALS[name]))
        assert (rows.known_day > rows.day).any()
        assert len(np.unique(rows.customer)) < fixed_company.CUSTOMERS  # some have no rows
        assert (np.diff(rows.customer) >= 0).all()
        assert (rows.day >= fixed_company.CUTOFFS[-1]).any()
        assert any(not given.all() for given in rows.present.values()) or not rows.columns


# Ways to change what a function computes.


def mutants(function: Any) -> Iterator[tuple[str, Function]]:
    """Yield the function with one of its numbers changed, in its code, in its closure or in its module."""
    if not isinstance(function, types.FunctionType):
        return
    code = function.__code__
    for i, number in enumerate(code.co_consts):
        for other in others(number):
            constants = (*code.co_consts[:i], other, *code.co_consts[i + 1 :])
            yield f"{code.co_name}: {number}", remade(function, code=code.replace(co_consts=constants))
    for i, cell in enumerate(function.__closure__ or ()):
        held = cell.cell_contents
        inner = [(f"{code.co_freevars[i]}", other) for other in others(held)]
        for change, other in [*inner, *mutants(held)]:
            cells = (*function.__closure__[:i], types.CellType(other), *function.__closure__[i + 1 :])
            yield change, remade(function, cells=cells)
    for name in code.co_names:
        for other in others(function.__globals__.get(name)):
            yield name, remade(function, module={**function.__globals__, name: other})


def others(number: Any) -> list[float]:
    """Return numbers next to one: a whole number up and down, another a little further."""
    if type(number) is int:
        return [number + 1, number - 1]
    return [number * 1.1 + (number == 0) * 0.1] if type(number) is float else []


def remade(function: types.FunctionType, code=None, cells=None, module=None) -> types.FunctionType:
    made = types.FunctionType(
        code or function.__code__,
        module or function.__globals__,
        function.__name__,
        function.__defaults__,
        cells or function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def values(signal: Signal, function: Function | None = None) -> list[np.ndarray]:
    """Return the rounded values of a signal on the fixed company."""
    signal = replace(signal, function=function or signal.function)
    return [round_values(column) for column in values_on_fixed_company((signal,))[signal.name]]


def equal(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def differs(signal: Signal, function: Function, before: list[np.ndarray]) -> bool:
    """Tell whether a changed function has other values, or cannot be computed at all."""
    try:
        return not equal(values(signal, function), before)
    except (SignalError, IndexError, ValueError):
        return True


def excused(name: str, change: str) -> bool:
    return change in CANNOT_BE_SEEN or any(
        part.split(": ")[0] in name and change.endswith(f": {part.split(': ')[-1]}")
        for part in CANNOT_BE_SEEN
        if ": " in part
    )


def users_of(verb: str) -> list[Signal]:
    """Return some signals that use a verb, directly or by another verb."""
    calls: list[str] = []
    computed = getattr(Events, verb)

    def recorded(self: Events, *args: Any, **kwargs: Any) -> Any:
        calls.append(self.signal)
        return computed(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Events, verb, recorded)
        for name in COMPUTED:
            signal = replace(SIGNALS[name], function=looked_up(SIGNALS[name].function))
            trace([signal], contract_of(signal), Need())
    users = list(dict.fromkeys(calls))
    return [SIGNALS[name] for name in users[:: max(1, len(users) // 5)]]


VERBS = {verb.name: verb.function for verb in verbs().values() if verb.is_method}


def looked_up(function: Any) -> Function:
    """Return a signal's function; one that is a verb itself is looked up in the language again."""
    return getattr(Events, function.__name__) if function in VERBS.values() else function


def disturbed(value: Any) -> Any:
    """Return what a verb gives, a little different."""
    if isinstance(value, Events):
        days, skip = value.window
        return replace(value, window=(days, skip + 1), rows=value.rows._replace(known_outcomes=(), names=()))
    if isinstance(value, ShrunkRate):
        return replace(value, strength=value.strength + 1)
    if isinstance(value, AmongPeers):
        return replace(value, values=-value.values)
    if isinstance(value, BeyondPopulation):
        return replace(value, prior=value.prior + 1)
    if isinstance(value, CohortValue):
        return replace(value, ahead_days=value.ahead_days + 1)
    return value * 1.02 + 0.07
