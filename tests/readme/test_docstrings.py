"""Every example in a docstring runs and gives what it says."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITH_EXAMPLES = [
    path.relative_to(ROOT).with_suffix("")
    for folder in ("benchmarks", "churn", "pipelines")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("file", WITH_EXAMPLES, ids=str)
def test_the_examples_of_docstrings_hold(file: Path) -> None:
    module = importlib.import_module(".".join(file.parts).removesuffix(".__init__"))

    found = doctest.testmod(module)

    assert found.attempted
    assert found.failed == 0
