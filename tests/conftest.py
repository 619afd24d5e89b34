from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

ROOT = Path(__file__).parents[1]


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
def finished_run(
    tmp_path_factory: pytest.TempPathFactory, churn: Callable[..., subprocess.CompletedProcess[str]]
) -> Path:
    """A folder in which `churn demo` and `churn run` have been called; treat it as read-only."""
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
    for call in (["demo", "--customers", "400", "--seed", "7"], ["run"]):
        done = churn(*call, cwd=folder)
        assert done.returncode == 0, (
            f"churn {' '.join(call)} ended {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
