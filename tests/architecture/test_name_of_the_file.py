"""What is said of the parameter file names the one that was given, not the one it is by default."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

NAME = "params.yaml"
HOLDERS = {"churn/params/schema.py", "pipelines/cli.py", "pipelines/init.py"}
"""The default name itself, the default of `--params`, and the file that `churn demo` writes."""


def told_in(source: str) -> Iterator[int]:
    """Yield the lines of texts that name the file; docstrings and the like stand alone."""
    tree = ast.parse(source)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        told = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone
        if told and NAME in node.value:
            yield node.lineno


def test_no_text_names_the_default_file(root: Path) -> None:
    modules = sorted({*(root / "churn").rglob("*.py"), *(root / "pipelines").rglob("*.py")})

    found = [
        f"{name}:{line}"
        for path in modules
        if (name := path.relative_to(root).as_posix()) not in HOLDERS
        for line in told_in(path.read_text(encoding="utf-8"))
    ]

    assert modules
    assert found == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('raise ValueError("params.yaml: source")', [1]),
        ('x = 1\nsay(f"params.yaml: {x}")', [2]),
        ('"""Read params.yaml."""\nX = 1\n"""A key of params.yaml."""', []),
    ],
)
def test_a_text_is_told_from_a_docstring(source: str, lines: list[int]) -> None:
    assert list(told_in(source)) == lines
