"""What may stand in a tracked file."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import LONG_MODULES

MACHINE_PATH = re.compile(r"(?<![\w./$}-])/(work|home|root|Users|mnt|opt|private)/\w")
DATA_FOLDER = "/".join(["shared", "data"])


def tracked(root: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of every tracked text file."""
    if not (root / ".git").exists():
        pytest.skip("not a git checkout: which files are tracked is unknown")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (root / name).is_file():
            yield name, (root / name).read_text(encoding="utf-8", errors="ignore")


def test_no_tracked_file_names_a_path_of_one_machine(root: Path) -> None:
    found = [
        f"{name}:{number}: {line.strip():.80}"
        for name, text in tracked(root)
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]

    assert found == []


def test_only_ci_knows_where_the_real_data_lie(root: Path) -> None:
    found = {name for name, text in tracked(root) if DATA_FOLDER in text}

    assert found == {".ci/run"}


@pytest.mark.parametrize(("name", "fewest"), [("requirements.lock", 100), ("requirements-docs.lock", 20)])
def test_the_lock_holds_versions_and_hashes_but_no_address(root: Path, name: str, fewest: int) -> None:
    lock = (root / name).read_text()

    pins = re.findall(r"^[\w.-]+==\S+", lock, flags=re.M)
    assert len(pins) > fewest
    assert lock.count("--hash=sha256:") >= len(pins)
    assert "://" not in lock
    assert not re.search(r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--default-index)", lock, flags=re.M)


def test_the_readme_is_a_read_of_minutes(root: Path) -> None:
    assert len((root / "README.md").read_text().splitlines()) < 200


def test_what_a_run_writes_is_ignored_by_git(root: Path) -> None:
    written = ["output/x", "data/x", "mlflow.db", "models/champion/x", "examples/shop/output/x", ".venv/x"]

    done = subprocess.run(["git", "check-ignore", *written], cwd=root, capture_output=True, text=True)

    assert done.stdout.split() == written


def test_every_long_module_exists(root: Path) -> None:
    assert [name for name in LONG_MODULES if not (root / "tests" / f"{name}.py").is_file()] == []
