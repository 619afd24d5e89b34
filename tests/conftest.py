from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # tests run side by side; threads that wait must not spin

ROOT = Path(__file__).parents[1]

SMALL_DEMO = ("demo", "--customers", "1500", "--seed", "7")
QUICK: dict[str, dict[str, Any]] = {
    "signals": {"windows": [28, 91]},
    "train": {"learning_rate": 0.1},
    "evaluate": {"bootstrap": 200, "accept": {"too_good": "a simulated company is easy on purpose"}},
}


LONG = (
    "unit/training/test_verbs.py",
    "unit/training/test_promote.py",
    "pipelines",
    "behaviour",
    "sources",
    "benchmarks",
)
"""Files and folders whose tests take minutes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long: a long file begun last keeps one worker busy and the others waiting."""
    long = [ROOT / "tests" / name for name in LONG]
    items.sort(key=lambda item: not any(item.path.is_relative_to(place) for place in long))


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; tests that ask for it are skipped where there is none."""
    folder = os.environ.get("CHURN_DATA")
    if not folder:
        pytest.skip("CHURN_DATA is not set: the tests on real data need the folder it names")
    if not Path(folder).is_dir():
        pytest.skip(f"CHURN_DATA names {folder}, which is not a folder")
    return Path(folder)


@pytest.fixture(scope="session")
def churn() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call the command in a folder, as its own process."""

    def call(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipelines", *arguments]
        return subprocess.run(
            command,
            cwd=cwd,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=900,
        )

    return call


@pytest.fixture(scope="session")
def small_demo() -> tuple[str, ...]:
    """The call that writes a company just large enough for its model to pass the gates."""
    return SMALL_DEMO


@pytest.fixture(scope="session")
def quick() -> tuple[str, ...]:
    """The options that make `churn run` quick."""
    settings = [(section, key, value) for section, part in QUICK.items() for key, value in part.items()]
    return tuple(
        word for section, key, value in settings for word in ("--set", f"{section}.{key}={json.dumps(value)}")
    )


@pytest.fixture(scope="session")
def finished_run(
    tmp_path_factory: pytest.TempPathFactory, churn: Callable[..., subprocess.CompletedProcess[str]]
) -> Path:
    """A folder in which `churn demo` and `churn run` have ended well; copy it before you write into it."""
    folder = _shared(tmp_path_factory) / "finished_run"
    with _alone(folder.with_suffix(".lock")):
        if not folder.exists():
            making = folder.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            _demo_and_run(making, churn)
            making.rename(folder)
    return folder


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of one test session have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _demo_and_run(folder: Path, churn: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    for call in (SMALL_DEMO, ("run",)):
        done = churn(*call, cwd=folder)
        assert done.returncode == 0, (
            f"churn {' '.join(call)} ended {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
        _quicken(folder / "params.yaml")


def _quicken(path: Path) -> None:
    """Write what makes a run small into the parameter file, so that later verbs fit the model."""
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in QUICK.items():
        tree[section] = tree.get(section, {}) | values
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
