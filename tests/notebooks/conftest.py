from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.run_folders import copy_run, filled_once


@pytest.fixture(scope="session")
def measured_run(
    finished_run: Path,
    tmp_path_factory: pytest.TempPathFactory,
    churn: Callable[..., subprocess.CompletedProcess[str]],
) -> Path:
    """A copy of the finished run in which `churn measure` has ended well."""

    def fill(folder: Path) -> None:
        folder.rmdir()
        copy_run(finished_run, folder)
        process = churn("measure", cwd=folder)
        assert process.returncode == 0, f"{process.stdout}\n{process.stderr}"

    return filled_once(tmp_path_factory, "measured_run", fill)
