"""Names that say nothing: `python -m benchmarks.names churn/init churn/demo`.

A name is a noun for a thing, or a verb for what a function does. A participle alone (`found`) gives what
happened to a thing, not what it is; a pronoun (`one`) gives nothing. This lists every module, function,
class, method, field, parameter, constant and variable whose whole name is such a word.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

PARTICIPLES = """
begun bought broken built chosen come coming cut done drawn driven fallen found given gone grown held hidden
kept known learnt left_out lost made meant met outgrown paid put ran rewritten risen said seen sent shown
shrunk sold spelt spent split_off sought stood sunk taken taught thought told turned understood unknown
unseen unpaid won worn written being carding going holding judging lacking leaving looking moving returning
ripe standing staying telling waiting
"""  # and every word that ends in -ed
PRONOUNS = """
all another any anybody anyone anything both each either elsewhere every everybody everyone everything few
he her here hers him his it its itself many mine more most much neither nobody none nothing one ones other
others our ours own rest same she some somebody someone something such that their theirs them there these
they this those us we what whatever which whichever who whoever whole wholes whom whose why your yours
"""
VAGUE = "about again ahead alone anew apart area aside away beside place placed places say tell"
EMPTY = frozenset(f"{PARTICIPLES} {PRONOUNS} {VAGUE}".split())
NOUNS_IN_ED = frozenset(["feed", "need", "seed", "speed"])
VAGUE_IN_FUNCTIONS = frozenset(
    ["aside", "asked", "beside", "each", "found", "kept", "made", "one", "place", "said", "told"]
)
"""The words that are no name of a variable either; the other empty words may name a variable, because its
function says the rest.
"""
VOCABULARY = frozenset(["left", "matured", "excluded", "scheduled"])  # words of the glossary
STATISTICS = frozenset(["expected", "observed", "predicted", "signed"])  # terms of formulas
VERBS_OF_SIGNALS = frozenset(["lacking", "shrunk"])  # what authors of signals write
STATES = frozenset(["decided", "gone", "objected", "renewed", "stayed", "undecided", "unknown"])
FILES_OF_KEYS = (
    "churn/params/",
    "churn/evaluation/comparison.py",
    "churn/evaluation/measures.py",
    "churn/evaluation/result.py",
    "churn/finding.py",
    "churn/guards/names.py",
    "churn/guards/verdict.py",
    "churn/labels/truth_sheet.py",
    "churn/promotion/record.py",
    "churn/snapshots/manifest.py",
)
"""The fields of these modules are keys of YAML and JSON files; so are parameters that hold them."""
COMMANDS = frozenset(["tried"])  # people call `python -m benchmarks.tried`
LOCAL = "variable"


class Name(NamedTuple):
    """A name where it is defined."""

    text: str
    kind: str
    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.kind} {self.text}"


def says_nothing(name: str) -> bool:
    """Return whether a whole name is a participle, a pronoun or a word without a meaning of its own.

    >>> [says_nothing(name) for name in ("found", "_Judged", "findings", "left", "seed", "known_at")]
    [True, True, False, False, False, False]
    """
    if name.startswith("__") and name.endswith("__"):
        return False
    if sum(letter.isupper() for letter in name) > 1 and not name.isupper():
        return False  # a class with several words
    word = name.strip("_").lower()
    if word in VOCABULARY | STATISTICS | VERBS_OF_SIGNALS | NOUNS_IN_ED:
        return False
    return word in EMPTY or (word.endswith("ed") and word.isalpha() and len(word) > 3)


def offenders(paths: Iterable[Path], root: Path) -> list[Name]:
    """Return the names that say nothing in Python files and folders; their paths are relative to `root`."""
    files = sorted({file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py"))})
    return [
        name
        for file in files
        for name in names_in(file.read_text(encoding="utf-8"), file.relative_to(root))
        if says_nothing(name.text) and not _is_key(name) and not _is_state(name) and not _is_command(name)
    ]


def is_vague_variable(name: Name) -> bool:
    """Return whether a variable has a name that says nothing, even to a reader of its function."""
    return name.kind == LOCAL and name.text.strip("_").lower() in VAGUE_IN_FUNCTIONS


def _is_key(name: Name) -> bool:
    """Return whether users write or read the name as a key of a file, so that it stays."""
    return name.kind in ("field", "method", "parameter") and name.path.as_posix().startswith(FILES_OF_KEYS)


def _is_state(name: Name) -> bool:
    """Return whether a constant is a code for the state of a customer, such as `STAYED`."""
    return name.kind == "constant" and name.text.lower() in STATES


def _is_command(name: Name) -> bool:
    """Return whether people call the module by this name, so that it stays."""
    return name.kind == "module" and name.text in COMMANDS


def names_in(source: str, path: Path) -> Iterator[Name]:
    """Yield the names that a module defines, itself first."""
    if path.stem != "__init__":
        yield Name(path.stem, "module", path, 1)
    elif path.parent.name:
        yield Name(path.parent.name, "module", path, 1)
    yield from _names(ast.parse(source), path, "module")


def _names(parent: ast.AST, path: Path, scope: str) -> Iterator[Name]:
    """Yield the names below a node; `scope` is what surrounds it: a module, a class or a function."""
    assigned = {"module": "constant", "class": "field", "function": LOCAL}[scope]
    for node in ast.iter_child_nodes(parent):
        inside = scope
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Name(node.name, "method" if scope == "class" else "function", path, node.lineno)
            inside = "function"
        elif isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            inside = "function"
        elif isinstance(node, ast.ClassDef):
            yield Name(node.name, "class", path, node.lineno)
            inside = "class"
        elif isinstance(node, ast.arguments):
            yield from _parameters(node, parent, path)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield Name(node.id, assigned, path, node.lineno)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                yield Name(node.attr, "field", path, node.lineno)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield Name(node.name, LOCAL, path, node.lineno)
        elif isinstance(node, ast.alias) and node.asname:
            yield Name(node.asname, LOCAL, path, node.lineno)
        yield from _names(node, path, inside)


def _parameters(arguments: ast.arguments, function: ast.AST, path: Path) -> Iterator[Name]:
    name = getattr(function, "name", "")
    if name.startswith("__") and name != "__init__":
        return  # Python named them: __eq__(self, other)
    positional = [*arguments.posonlyargs, *arguments.args, arguments.vararg]
    kind = LOCAL if isinstance(function, ast.Lambda) else "parameter"
    for argument in [*positional, *arguments.kwonlyargs, arguments.kwarg]:
        if argument is not None:
            yield Name(argument.arg, kind, path, argument.lineno)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the names that say nothing, and how many there are of each word."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.names", description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, default=[Path("churn"), Path("pipelines")])
    parser.add_argument("--no-variables", action="store_true", help="leave out the variables of functions")
    parser.add_argument("--counts", action="store_true", help="only how many there are of each word")
    arguments = parser.parse_args(argv)
    names = offenders([path.resolve() for path in arguments.paths], Path.cwd())
    if arguments.no_variables:
        names = [name for name in names if name.kind != LOCAL]
    if arguments.counts:
        counts = Counter(name.text.strip("_").lower() for name in names)
        print(", ".join(f"{word} {count}" for word, count in counts.most_common()))
    else:
        for name in names:
            print(name)
    kinds = Counter(name.kind for name in names)
    by_kind = (f"{kind} {count}" for kind, count in kinds.most_common())
    print(f"{len(names)} names say nothing", *by_kind, sep=", ")
    return min(len(names), 1)


if __name__ == "__main__":
    sys.exit(main())
