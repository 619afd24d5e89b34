"""The direction of imports and the single owners of heavy dependencies, and proof that the check bites."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

# one forbidden import for every contract of pyproject.toml
PLANTED = {
    "layers": ("churn/scoring/__init__.py", "import churn.training"),
    "mlflow": ("churn/training/__init__.py", "import mlflow"),
    "connections": ("pipelines/__init__.py", "import pyspark"),
    "duckdb": ("churn/reporting/__init__.py", "import duckdb"),
    "lightgbm": ("churn/features/__init__.py", "import lightgbm"),
    "statsmodels": ("churn/metrics/__init__.py", "import statsmodels"),
    "pandas": ("churn/data/__init__.py", "import pandas"),
}


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    for package in ("churn", "pipelines"):
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def contracts(root: Path) -> dict[str, str]:
    stated = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return {contract["id"]: contract["name"] for contract in stated}


def test_imports_keep_to_the_contracts(copy: Path) -> None:
    done = lint(copy)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_planted_import_breaks_its_contract(copy: Path, root: Path) -> None:
    for file, line in PLANTED.values():
        with (copy / file).open("a") as module:
            module.write(f"\n{line}\n")

    done = lint(copy)

    said = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert set(PLANTED) == set(contracts(root))
    for name in contracts(root).values():
        assert f"{name} BROKEN" in said
