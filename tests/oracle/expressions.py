"""Every verb on every kind of view: more combinations than signals use."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator
from typing import Any

from churn.data.tables import STORED_UNITS, Column, Table
from churn.features.language.cost import Cost
from churn.features.language.verbs import Verb, verbs
from churn.features.signal import Signal
from tests.oracle.compare import expressed
from tests.oracle.world import TABLES, YEARS_40, RandomWorld

LONG = ".last(days=14_600)"
WINDOWS = (
    ".last(days=366)",
    ".last(days=1)",
    ".last(days=28)",
    ".last(days=91, skip=7)",
    ".last(days=182, skip=28)",
    ".week(2)",
    LONG,
)
SHORT = ".last(days=1)", ".last(days=28)", ".week(2)"
"""Windows that some verbs refuse as too short."""

NOT_ON_LACKING = {"active_days", "mean_gap"}
"""Verbs of days, beside those of the rhythm."""


class Code(str):
    """An expression that is an argument of another one."""

    def __repr__(self) -> str:
        return str(self)


def expressions(world: RandomWorld, number: int) -> list[Signal]:
    """Return so many combinations of table, rows, window and verb, drawn by the world's seed."""
    every = [pair for name in sorted(world.rows) for pair in _of(TABLES[name])]
    drawn = random.Random(world.recipe.seed).sample(every, min(number, len(every)))
    return [
        expressed(f"e{place}", table, YEARS_40, expression) for place, (table, expression) in enumerate(drawn)
    ]


def _of(table: Table) -> Iterator[tuple[str, str]]:
    if table.is_history:
        return  # no name of Python's
    outcomes = [column.name for column in table.of_role("outcome")]
    ending = [verb for verb in verbs().values() if verb.is_method and verb.cost is not Cost.CHOOSES]
    named = [f".only('{column.name}', '{name}')" for column in table.columns for name in column.names[:2]]
    for rows in (*_rows(outcomes), *named):
        for verb in ending:
            for given in _given(verb, table, rows):
                for window in WINDOWS:
                    if _allowed(verb, rows, window, given):
                        yield table.name, f"{table.name}{rows}{window}.{verb.name}({given})"


def _rows(outcomes: list[str]) -> Iterator[str]:
    yield ""
    for one in outcomes:
        for other in outcomes:
            if one == other:
                yield from (f".having('{one}')", f".lacking('{one}')", f".by('{one}')")
            else:
                yield from (f".by('{one}').having('{other}')", f".by('{one}').lacking('{other}')")
                yield from (
                    f".having('{one}').lacking('{other}')",
                    f".having('{one}').having('{other}')",
                    f".lacking('{one}').lacking('{other}')",
                )


def _allowed(verb: Verb, rows: str, window: str, given: str) -> bool:
    file = verb.file.rsplit(".")[-1]
    if "lacking" in rows and (file == "rhythm" or verb.name in NOT_ON_LACKING):
        return False
    if window in SHORT and (file in ("weeks", "mix") and (given or file == "weeks")):
        return window == ".last(days=28)" and file == "weeks"
    if file == "btyd_verbs" and ("lacking" in rows or "skip" in window or "week" in window):
        return False
    if window == LONG and (file == "weeks" or verb.name == "slope"):
        return False  # a reference that looks at each of two thousand weeks takes too long
    return not (window in SHORT and verb.name in ("slope", "missed_weekdays"))


def _is_plain(column: Column) -> bool:
    """Tell whether every view may ask for a column's latest value."""
    return column.type in STORED_UNITS and column.known_with is None


def _is_known(column: Column, rows: str) -> bool:
    """Tell whether a view of such rows may ask for a column."""
    outcome = f"('{column.known_with}')"
    return column.known_with is None or f"by{outcome}" in rows or f"having{outcome}" in rows


def _given(verb: Verb, table: Table, rows: str) -> Iterator[str]:
    """Yield arguments that fit the table; nothing where none does."""
    names = list(inspect.signature(verb.function).parameters)[1:]
    if verb.file.endswith(".mix") and table.column("kind") is None:
        return
    fitting: dict[str, list[Any]] = {
        "value": [c.name for c in table.columns if c.type in STORED_UNITS and _is_known(c, rows)],
        "outcome": [column.name for column in table.of_role("outcome")],
        "scheduled": [column.name for column in table.of_role("scheduled")],
        "level": [column.name for column in table.columns if column.type == "level"],
        "days": [7, 28] if verb.name == "per" else [14],
        "quiet_days": [0, 30],
        "per_days": [28],
        "half_life_days": [5, 28, 91],
        "share": [0.0, 0.5, 0.9, 1.0],
        "bound": [1, 2.5],
        "balance": [Code(f"{table.name}.latest('{c.name}')") for c in table.columns if _is_plain(c)],
    }
    choices = [[f"{name}={value!r}" for value in fitting[name]] for name in names]
    if all(choices):
        for turn in range(max([len(options) for options in choices], default=1)):
            yield ", ".join(options[turn % len(options)] for options in choices)
