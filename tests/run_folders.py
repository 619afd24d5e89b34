"""Folders in which verbs have run: filled once for all workers of a test run, and copied for each test."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import yaml


def filled_once(tmp_path_factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """Return a folder that `fill` has filled, once for all workers of the test run; nobody may write into it.

    A worker that asks while another one fills waits for it. A folder whose filling failed is filled again.

    Args:
        tmp_path_factory: Pytest's own.
        name: The name of the folder; the same name is the same folder.
        fill: Takes the empty folder under its final path, as MLflow keeps absolute paths.
    """
    folder = _common_folder(tmp_path_factory) / name
    finished = folder.with_name(f"{name}.finished")
    with _exclusive_lock(folder.with_name(f"{name}.lock")):
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            fill(folder)
            finished.touch()
    return folder


def copy_run(source: Path, target: Path) -> Path:
    """Copy a folder that holds an MLflow store in `mlflow.db`, so that the copy owns its runs and models."""
    shutil.copytree(source, target)
    relocate_mlflow(target / "mlflow.db", source, target)
    return target


def copy_finished_run(source: Path, target: Path) -> Path:
    """Copy a finished run, all but its source: the copied store is as fresh as the one that was copied."""
    copy_run(source, target)
    path = target / "params.yaml"
    sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    sections["source"] = str(source / sections["source"])
    path.write_text(yaml.safe_dump(sections, sort_keys=False), encoding="utf-8")
    return target


def relocate_mlflow(database: Path, source: Path, target: Path) -> None:
    """Let MLflow find the files of a copied store in the copy: it keeps absolute paths."""
    with closing(sqlite3.connect(database)) as connection, connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for _, column, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                connection.execute(
                    f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) WHERE "{column}" LIKE ?',
                    (f"{source}/", f"{target}/", f"%{source}/%"),
                )
    if "mlflow" in sys.modules:
        from mlflow.tracking._tracking_service import utils

        utils._artifact_repos_cache.clear()  # the folder of each run, by the number that its copy has too


def _common_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of one test run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@contextmanager
def _exclusive_lock(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def bytes_in(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file of a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
