"""The library has no clock and no argv: what it computes depends on its arguments only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "Timestamp": {"now", "today", "utcnow"},
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime"},
    "sys": {"argv"},
}
SQL_CLOCK = re.compile(
    r"\b(?:current_(?:date|time|timestamp)|localtimestamp|now\(\)|today\(\)|get_current_time\w*\()", re.I
)


def clocks_in(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    docs = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node)}  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value).rpartition(".")[2]
            if node.attr in CLOCKS.get(owner, ()):
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom) and node.module in ("time", "sys"):
            for alias in node.names:
                if alias.name in CLOCKS[node.module]:
                    yield f"line {node.lineno}: from {node.module} import {alias.name}"
        elif isinstance(node, ast.Constant) and id(node) not in docs:
            for found in SQL_CLOCK.findall(node.value) if isinstance(node.value, str) else ():
                yield f"line {node.lineno}: {found} in a string"


def _has_docstring(node: ast.AST) -> bool:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, documented) and ast.get_docstring(node) is not None


def test_no_module_of_the_library_asks_for_the_time_or_the_arguments(root: Path) -> None:
    modules = sorted((root / "churn").rglob("*.py"))

    found = [f"{path.relative_to(root)} {clock}" for path in modules for clock in clocks_in(path.read_text())]

    assert modules
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\nx = datetime.now()",
        "import datetime\nx = datetime.datetime.now(tz=None)",
        "from datetime import date\ndef f(day=date.today()): ...",
        "import pandas as pd\nx = pd.Timestamp.now()",
        "import time\nx = time.time()",
        "from time import time",
        "import sys\nx = sys.argv[1:]",
        "from sys import argv",
        "q = 'select * from t where at < CURRENT_DATE'",
        "q = f'select now() - {x}'",
    ],
)
def test_each_way_to_the_clock_is_seen(source: str) -> None:
    assert list(clocks_in(source))


@pytest.mark.parametrize(
    "source",
    [
        '"""Says what is known now() and today()."""',
        "import time\nx = time.perf_counter()",
        "x = store.tonight.now",
    ],
)
def test_what_only_looks_like_a_clock_is_left_alone(source: str) -> None:
    assert list(clocks_in(source)) == []
