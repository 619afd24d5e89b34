"""Every verb of the view language, found by looking, with what it costs."""

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
    """A public method of the view, or a function beside it."""

    name: str
    function: Callable[..., Any]
    cost: Cost
    file: str
    is_method: bool

    @property
    def signature(self) -> str:
        """Return how it is written, without types."""
        parameters = list(inspect.signature(self.function).parameters.values())
        told = [p.name if p.default is p.empty else f"{p.name}={p.default}" for p in parameters]
        return f"{self.name}({', '.join(told[1:] if self.is_method else told)})"

    @property
    def summary(self) -> str:
        """Return the first line of the docstring."""
        return (inspect.getdoc(self.function) or "").split("\n")[0]


def verbs() -> dict[str, Verb]:
    """Return all verbs by name: those of the view from its first file to its last, then those beside it."""
    found: dict[str, Verb] = {}
    files: tuple[type[View], ...] = (View, *Events.__bases__)
    for owner in files:
        for name, member in vars(owner).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                found[name] = Verb(name, member, owner.cost, owner.__module__, is_method=True)
    for module in (arithmetic, population):
        for name, member in vars(module).items():
            if inspect.isfunction(member) and member.__module__ == module.__name__:
                found[name] = Verb(name, member, module.COST, module.__name__, is_method=False)
    return found
