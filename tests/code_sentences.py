"""The sentences that the code of a module can build, read from its source.

Tests use them to check that each sentence of the code has a German text.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from types import ModuleType


class Sentences:
    """The sentences that the functions of a module can build.

    Args:
        module: The module.
        places: What stands at an expression, such as `cutoff` or `', '.join(names)`. An expression that is
            not here holds each text that the code gives it, or the number 7.
    """

    def __init__(self, module: ModuleType, places: Mapping[str, Sequence[str]]) -> None:
        self.module = module
        self.places = places
        self.tree = ast.parse(inspect.getsource(module))
        self.functions = {
            node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)
        }
        self._open: list[tuple[str, str]] = []

    def calls(self, callee: str) -> Iterator[tuple[ast.Call, ast.FunctionDef]]:
        """Yield the calls of a function, each with the function that it stands in."""
        for function in self.functions.values():
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == callee:
                    yield node, function

    def returned(self, name: str) -> list[str]:
        """Return the sentences that a function of the module may return."""
        function = self.functions[name]
        return [
            text
            for node in ast.walk(function)
            if isinstance(node, ast.Return) and node.value is not None
            for text in self.of(node.value, function)
            if text not in ("", "None")
        ]

    def of(self, node: ast.expr, function: ast.FunctionDef) -> list[str]:
        """Return the texts that an expression of a function may be."""
        if (code := ast.unparse(node)) in self.places:
            return list(self.places[code])
        match node:
            case ast.Constant():
                return [str(node.value)]
            case ast.JoinedStr():
                return [
                    "".join(parts) for parts in product(*(self.of(part, function) for part in node.values))
                ]
            case ast.FormattedValue():
                return self.of(node.value, function)
            case ast.BinOp(op=ast.Add()):
                pairs = product(self.of(node.left, function), self.of(node.right, function))
                return [first + second for first, second in pairs]
            case ast.IfExp():
                return [*self.of(node.body, function), *self.of(node.orelse, function)]
            case ast.Subscript(value=ast.Dict()):
                return [text for value in node.value.values for text in self.of(value, function)]
            case ast.Subscript(value=ast.Name()) if isinstance(table := self._constant(node.value.id), dict):
                return [str(value) for value in table.values()]
            case ast.Call(func=ast.Name()) if node.func.id in self.functions:
                return self._once((node.func.id, ""), lambda: self.returned(node.func.id) or ["7"])
            case ast.Name():
                return self._once((function.name, code), lambda: self._named(code, function))
        return ["7"]

    def _named(self, name: str, function: ast.FunctionDef) -> list[str]:
        if given := self._given(name, function):
            return given
        constant = self._constant(name)
        return [constant] if isinstance(constant, str) else ["7"]

    def _given(self, name: str, function: ast.FunctionDef) -> list[str]:
        """Return the texts that a function gives to a name, also those with an end that it adds."""
        texts = [
            text
            for node in ast.walk(function)
            if isinstance(node, ast.Assign | ast.NamedExpr)
            and name in map(ast.unparse, node.targets if isinstance(node, ast.Assign) else [node.target])
            and not (isinstance(node.value, ast.Constant) and not isinstance(node.value.value, str))
            for text in self.of(node.value, function)
            if text != "None"
        ]
        added = [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.AugAssign) and ast.unparse(node.target) == name
        ]
        ends = [text for node in added for text in self.of(node.value, function)]
        longer_texts = [text + end for text in texts for end in ends]
        return (
            longer_texts
            if any(_always_follows(node, name, function) for node in added)
            else [*texts, *longer_texts]
        )

    def _constant(self, name: str) -> object:
        return getattr(self.module, name, None)

    def _once(self, key: tuple[str, str], texts: Callable[[], list[str]]) -> list[str]:
        """Return texts; none where a name or a function stands in its own text."""
        if key in self._open:
            return []
        self._open.append(key)
        try:
            return texts()
        finally:
            self._open.pop()


def _always_follows(added: ast.AugAssign, name: str, function: ast.FunctionDef) -> bool:
    """Return whether a text is added to a name in the same block that gave the name its text."""
    blocks = [
        block
        for node in ast.walk(function)
        for block in (getattr(node, "body", None), getattr(node, "orelse", None))
        if isinstance(block, list) and added in block
    ]
    return any(
        isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets)
        for block in blocks
        for node in block
    )
