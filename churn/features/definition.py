"""What a signal computes, as a digest: the same text of code gives the same digest wherever it lies."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from churn.features.language.events import Events
from churn.features.language.population import Deferred

_OURS = "churn.features."
_CONSTANTS = (bool, int, float, str, tuple)


@functools.cache
def code_digest(function: Callable[..., Any] | None) -> str:
    """Return a digest of a signal's function and of all verbs and helpers that it uses.

    Comments, layout, docstrings, decorators (where the sentences are) and the words of errors do not count.
    A function whose source is not at hand, such as one typed at a prompt, has the digest of its byte code.
    """
    if function is None:
        return ""
    told: dict[str, str] = {}
    _tell(function, told)
    return hashlib.sha256(repr(sorted(told.items())).encode()).hexdigest()[:16]


def _tell(function: Callable[..., Any], told: dict[str, str]) -> None:
    """Add the code of a function, and of what it uses, to `told` under their names."""
    name = f"{function.__module__}.{function.__qualname__}".removeprefix(_OURS)
    if name in told or not isinstance(function, FunctionType):
        return
    parts = _parts(function.__code__)
    if not parts:
        told[name] = f"{function.__code__.co_code.hex()} {function.__code__.co_names!r}"
        return
    told[name] = "\n".join(ast.unparse(part) for part in parts)
    for part in parts:
        for used, value in _used(part, function):
            if isinstance(value, FunctionType):
                _tell(value, told)
            else:
                told[f"{name}: {used}"] = repr(value)


@functools.cache
def _parts(code: CodeType) -> tuple[ast.AST, ...]:
    """Return what of the text of a function counts, read once; nothing where the text is not at hand."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    except (OSError, TypeError, SyntaxError):
        return ()
    if code.co_name == "<lambda>":
        return tuple(node for node in ast.walk(tree) if isinstance(node, ast.Lambda))
    return (_Bare().visit(tree),)


def _used(tree: ast.AST, function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the helpers, verbs and plain constants that the code names or encloses."""
    enclosed = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            cell = enclosed.get(node.id)
            value = cell.cell_contents if cell else function.__globals__.get(node.id)
            value = inspect.unwrap(value)  # type: ignore[arg-type]
            if isinstance(value, type) and issubclass(value, Deferred):
                yield from _methods(value)
            helper = isinstance(value, FunctionType) and value.__module__.startswith(_OURS)
            if helper or isinstance(value, _CONSTANTS):
                yield node.id, value
        elif isinstance(node, ast.Attribute):
            for view in (Events, *Deferred.__subclasses__()):
                verb = inspect.getattr_static(view, node.attr, None)
                verb = verb.__func__ if isinstance(verb, classmethod) else verb
                verb = verb.fget if isinstance(verb, property) else verb
                if isinstance(verb, FunctionType):
                    yield node.attr, verb


def _methods(deferred: type[Deferred]) -> Iterator[tuple[str, Any]]:
    """Yield what a value that needs everybody is made of: its summary, the whole and how it is finished."""
    for name, method in vars(deferred).items():
        method = method.__func__ if isinstance(method, classmethod) else method
        if isinstance(method, FunctionType) and not name.startswith("__"):
            yield name, method


class _Bare(ast.NodeTransformer):
    """Takes away what does not change a value: decorators, annotations, docstrings, the words of errors."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Keep name, arguments and what is done."""
        node.decorator_list, node.returns = [], None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Keep the name."""
        return ast.arg(node.arg)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Keep that it raises."""
        return ast.Raise()
