"""The wheel, installed into an empty folder, is the whole program."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(root)]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(target),
    ]
    done = subprocess.run([*command, str(wheel)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def call(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(installed / "bin" / "churn"), *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_the_wheel_holds_every_file_of_both_packages_and_nothing_else(wheel: Path, root: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "churn", "pipelines"]
    kept = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True).stdout.split()
    templates = {f"pipelines/templates/{path.name}" for path in (root / "templates").iterdir()}
    assert templates
    assert held == {*kept, *templates, "pipelines/params.yaml", "pipelines/playbook.yaml"}


def test_the_installed_program_answers_help_from_its_own_files(installed: Path, tmp_path: Path) -> None:
    where = [
        sys.executable,
        "-c",
        "import churn, pipelines; print(churn.__file__); print(pipelines.__file__)",
    ]

    done = call(installed, "--help", cwd=tmp_path)
    found = subprocess.run(
        where, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(installed)}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert "Usage: churn" in done.stdout
    assert all(Path(line).is_relative_to(installed) for line in found.stdout.splitlines())


@pytest.mark.slow
def test_the_installed_program_runs_in_an_empty_folder(
    installed: Path, tmp_path: Path, small_demo: tuple[str, ...], small_settings: tuple[str, ...]
) -> None:
    demo = call(installed, *small_demo, cwd=tmp_path)
    run = call(installed, "run", *small_settings, cwd=tmp_path)

    assert demo.returncode == 0, demo.stderr
    assert run.returncode == 0, run.stderr
    assert list(tmp_path.glob("output/calls/cutoff=*/calls.csv"))
    lines = run.stdout.splitlines()
    assert [line[:3] for line in lines if line[1:2] == "/"] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert len(lines + run.stderr.splitlines()) < 24  # one screen
    assert lines[-1].split() == ["details", str(tmp_path / "output" / "run.txt")]
