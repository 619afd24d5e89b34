"""List every verb that a signal may call, with its computing cost, for the documents and the tests."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from churn.features.language import arithmetic, population
from churn.features.language.cost import Cost
from churn.features.language.events import Events
from churn.features.language.view import View


@dataclass(frozen=True)
class Verb:
    """A verb that a signal may call: a method of its `View` of a table, or a function on numbers."""

    name: str
    function: Callable[..., Any]
    cost: Cost
    file: str
    is_method: bool

    @property
    def signature(self) -> str:
        """Return the call of the verb with its parameters, without types."""
        parameters = list(inspect.signature(self.function).parameters.values())
        words = [p.name if p.default is p.empty else f"{p.name}={p.default}" for p in parameters]
        return f"{self.name}({', '.join(words[1:] if self.is_method else words)})"

    @property
    def summary(self) -> str:
        """Return the first line of the verb's docstring."""
        return (inspect.getdoc(self.function) or "").split("\n")[0]


def verbs() -> dict[str, Verb]:
    """Return all verbs by name: first the methods of `View`, file by file, and then the functions."""
    by_name: dict[str, Verb] = {}
    files: tuple[type[View], ...] = (View, *Events.__bases__)
    for owner in files:
        for name, member in vars(owner).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                by_name[name] = Verb(name, member, owner.cost, owner.__module__, is_method=True)
    for module in (arithmetic, population):
        for name, member in vars(module).items():
            if inspect.isfunction(member) and member.__module__ == module.__name__:
                by_name[name] = Verb(name, member, module.COST, module.__name__, is_method=False)
    return by_name
