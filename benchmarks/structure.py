"""How the code is cut into files: `python -m benchmarks.structure [FOLDER]`.

FOLDER holds `churn` and `pipelines`, so that two checkouts can be compared; it needs only Python.
`--names` also lists the public names that modules define in different ways.
"""

from __future__ import annotations

import argparse
import ast
import io
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.names import LOCAL, Name, offenders

PRODUCT = "churn"
PACKAGES = (PRODUCT, "pipelines")
FRAGMENT_LINES = 50
SMALL_LINES = 100
NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
ANY_MAPPINGS = ("Mapping[str, Any]", "dict[str, Any]")


@dataclass(frozen=True)
class Module:
    """A Python file, parsed."""

    name: str
    path: Path
    source: str

    @property
    def tree(self) -> ast.Module:
        """Return its syntax tree."""
        return ast.parse(self.source)

    @property
    def lines(self) -> int:
        """Return how many lines it has."""
        return len(self.source.splitlines())

    @property
    def is_package(self) -> bool:
        """Return whether it is the `__init__` of a folder."""
        return self.path.name == "__init__.py"


@dataclass(frozen=True)
class Structure:
    """The figures of a checkout; without a remark they are of `churn` alone."""

    files: int
    lines: int
    code_lines: int  # without blank lines, comments and docstrings
    import_lines: int
    rooms: Mapping[str, int]  # lines of the folders directly below churn, subfolders included
    fragments: tuple[str, ...]  # modules under 50 lines, without __init__ files
    single_importer: tuple[str, ...]  # modules under 100 lines with one importer in churn and pipelines
    any_mappings: Mapping[str, int]  # how often an annotation is Mapping[str, Any] or dict[str, Any]
    shared_names: Mapping[str, tuple[str, ...]]  # public name -> the modules that define it, in two ways
    empty_names: tuple[Name, ...]  # participles and pronouns, in churn and pipelines


def structure(folder: Path) -> Structure:
    """Return the figures of a checkout.

    Raises:
        FileNotFoundError: The folder holds no `churn`.
    """
    modules = {package: list(_modules(folder, package)) for package in PACKAGES}
    product = modules[PRODUCT]
    if not product:
        raise FileNotFoundError(f"{folder} holds no Python files of {PRODUCT}; give the folder of a checkout")
    importers = _importers([module for package in PACKAGES for module in modules[package]])
    files_of_code = [module for module in product if not module.is_package]
    return Structure(
        files=len(product),
        lines=sum(module.lines for module in product),
        code_lines=sum(_code_lines(module) for module in product),
        import_lines=sum(_import_lines(module.tree) for module in product),
        rooms=_rooms(product),
        fragments=tuple(module.name for module in files_of_code if module.lines < FRAGMENT_LINES),
        single_importer=tuple(
            module.name
            for module in files_of_code
            if module.lines < SMALL_LINES and len(importers[module.name]) == 1
        ),
        any_mappings=_any_mappings(product),
        shared_names=_shared_names(product),
        empty_names=tuple(offenders([folder / package for package in PACKAGES], folder)),
    )


def _modules(folder: Path, package: str) -> Iterator[Module]:
    for path in sorted((folder / package).rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(name, path.relative_to(folder), path.read_text(encoding="utf-8"))


def _code_lines(module: Module) -> int:
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(module.source).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(module.tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node) is not None:
            lines.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def _import_lines(tree: ast.Module) -> int:
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return len(
        {line for node in imports for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    )


def _rooms(product: Sequence[Module]) -> dict[str, int]:
    lines: Counter[str] = Counter()
    for module in product:
        below = module.path.parts[1:-1]
        if below:
            lines[f"{PRODUCT}/{below[0]}"] += module.lines
    return dict(lines.most_common())


def _importers(modules: Sequence[Module]) -> dict[str, set[str]]:
    """Return who imports each module; `from churn.data import store` imports `churn.data.store`."""
    all_names = {module.name for module in modules}
    importers: dict[str, set[str]] = defaultdict(set)
    for module in modules:
        for node in ast.walk(module.tree):
            for target in _targets(node, module):
                if target in all_names and target != module.name:
                    importers[target].add(module.name)
    return defaultdict(set, importers)


def _targets(node: ast.AST, module: Module) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = module.name.split(".")
            above = len(parts) - node.level + module.is_package
            base = ".".join([*parts[:above], *([node.module] if node.module else [])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _any_mappings(product: Sequence[Module]) -> dict[str, int]:
    """Count the subscripts in the code; comments and docstrings do not count, annotations in quotes do."""
    counts = dict.fromkeys(ANY_MAPPINGS, 0)
    for module in product:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Subscript):
                text = ast.unparse(node)
                for mapping in ANY_MAPPINGS:
                    counts[mapping] += text == mapping
    return counts


def _shared_names(product: Sequence[Module]) -> dict[str, tuple[str, ...]]:
    """Return the public names that modules define in two ways; one alias written twice does not count."""
    modules: dict[str, set[str]] = defaultdict(set)
    definitions: dict[str, set[str]] = defaultdict(set)
    for module in product:
        for node in module.tree.body:
            for name in _defined_names(node):
                if not name.startswith("_"):
                    modules[name].add(module.name)
                    definitions[name].add(ast.dump(node))
    shared = {
        name: tuple(sorted(modules[name]))
        for name in modules
        if len(modules[name]) > 1 and len(definitions[name]) > 1
    }
    return dict(sorted(shared.items(), key=lambda item: (-len(item[1]), item[0])))


def _defined_names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                yield target.id


def report(figures: Structure) -> list[str]:
    """Return the figures as lines of a Markdown table."""
    biggest, lines = next(iter(figures.rooms.items()), ("none", 0))
    public = [name for name in figures.empty_names if name.kind != LOCAL]
    words = Counter(name.text.strip("_").lower() for name in figures.empty_names)
    commonest = ", ".join(f"{word} {count}" for word, count in words.most_common(12))
    rows = [
        ("Python files of churn", f"{figures.files:,}"),
        ("lines", f"{figures.lines:,}"),
        ("lines a file", f"{figures.lines / figures.files:.0f}"),
        ("lines of code, without docstrings and comments", f"{figures.code_lines:,}"),
        ("share of import statements in the code", f"{figures.import_lines / figures.code_lines:.1%}"),
        ("biggest room", f"{biggest}, {lines / figures.lines:.1%} of the lines"),
        (f"modules under {FRAGMENT_LINES} lines", f"{len(figures.fragments)}"),
        (f"modules under {SMALL_LINES} lines with one importer", f"{len(figures.single_importer)}"),
        *((f"`{text}`", f"{count}") for text, count in figures.any_mappings.items()),
        ("public names with two meanings", f"{len(figures.shared_names)}"),
        ("modules, functions, fields, parameters that say nothing", f"{len(public)}"),
        ("variables that say nothing", f"{len(figures.empty_names) - len(public)}"),
        ("the commonest of these words", commonest or "none"),
    ]
    return ["| figure | value |", "|---|---|", *(f"| {title} | {value} |" for title, value in rows)]


def details(figures: Structure) -> Iterator[str]:
    """Yield the lists behind the figures: rooms, small modules and shared names."""
    yield "\nRooms: " + ", ".join(
        f"{room} {lines / figures.lines:.1%}" for room, lines in figures.rooms.items()
    )
    yield f"\nModules under {FRAGMENT_LINES} lines: " + (", ".join(figures.fragments) or "none")
    yield f"\nModules under {SMALL_LINES} lines with one importer: " + (
        ", ".join(figures.single_importer) or "none"
    )
    yield "\nPublic names with two meanings:"
    for name, modules in figures.shared_names.items():
        yield f"  {name} x{len(modules)}: {', '.join(modules)}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures of a checkout."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.structure", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="a checkout; here by default")
    parser.add_argument("--names", action="store_true", help="also list rooms, small modules, shared names")
    arguments = parser.parse_args(argv)
    try:
        figures = structure(arguments.folder)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    for line in report(figures):
        print(line)
    if arguments.names:
        for line in details(figures):
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
