from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest


def dependencies_without_both_bounds(project: dict[str, object]) -> list[str]:
    extras = project.get("optional-dependencies", {})
    assert isinstance(extras, dict)
    required = project["dependencies"]
    assert isinstance(required, list)
    every = [*required, *(text for texts in extras.values() for text in texts)]
    return [text for text in every if not re.fullmatch(r"[\w-]+>=[\d.]+,<\d+", text)]


def test_each_dependency_of_the_product_has_a_lower_and_an_upper_bound(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert dependencies_without_both_bounds(project) == []


@pytest.mark.parametrize("wrong", ["numpy", "numpy>=2", "numpy<3", "numpy==2.1"])
def test_a_dependency_without_both_bounds_is_found(wrong: str) -> None:
    project: dict[str, object] = {"dependencies": ["pandas>=3,<4"], "optional-dependencies": {"x": [wrong]}}

    assert dependencies_without_both_bounds(project) == [wrong]
