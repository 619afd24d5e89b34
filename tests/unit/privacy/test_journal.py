"""Many files are replaced as one: before the journal nothing has changed, after it everything will."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from churn.errors import Stop
from churn.privacy.journal import (
    check_finished,
    commit,
    finish,
    journal_path,
    remove_stray_files,
    stage_file,
    staged_path,
)


class KilledError(Exception):
    """Ends a process in the middle of a step."""


def begin(output: Path) -> dict[Path, bytes | None]:
    (output / "forgotten").mkdir(parents=True)
    old = {output / name: b"old" for name in ("a", "b", "c")}
    for path, content in old.items():
        path.write_bytes(content)
    contents: dict[Path, bytes | None] = {output / "a": b"new", output / "b": None, output / "c": b"new"}
    contents[output / "forgotten" / "d"] = b"new"
    for path, staged in contents.items():
        if staged is not None:
            stage_file(path, staged)
    return contents


def names_of(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.rglob("*") if path.is_file()}


@pytest.mark.parametrize("moment", range(7))
def test_an_erasure_that_is_killed_at_any_moment_is_finished_later(tmp_path: Path, moment: int) -> None:
    commit(tmp_path, begin(tmp_path), None)
    steps = iter(range(100))

    def advance() -> None:
        if next(steps) == moment:
            raise KilledError

    try:
        finish(tmp_path, advance)
        was_killed = False
    except KilledError:
        was_killed = True
        with pytest.raises(Stop, match="stopped before its end"):
            check_finished(tmp_path)
    is_finished = finish(tmp_path)

    assert was_killed == is_finished == (moment < 5)
    assert names_of(tmp_path) == {"a": b"new", "c": b"new", "d": b"new"}
    check_finished(tmp_path)


def test_before_the_journal_nothing_has_changed_and_the_new_files_go(tmp_path: Path) -> None:
    begin(tmp_path)

    is_finished = finish(tmp_path)
    remove_stray_files(tmp_path, [tmp_path])

    assert not is_finished
    assert names_of(tmp_path) == {"a": b"old", "b": b"old", "c": b"old"}


def test_new_files_stay_while_the_journal_names_them(tmp_path: Path) -> None:
    commit(tmp_path, begin(tmp_path), None)

    remove_stray_files(tmp_path, [tmp_path])

    assert staged_path(tmp_path / "a").exists()
    assert journal_path(tmp_path).exists()


def test_a_new_file_has_the_permissions_of_the_old_one_or_those_that_are_given(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"")
    (tmp_path / "old").chmod(0o640)

    stage_file(tmp_path / "old", b"new")
    stage_file(tmp_path / "proof", b"new", 0o600)

    assert staged_path(tmp_path / "old").stat().st_mode & 0o777 == 0o640
    assert staged_path(tmp_path / "proof").stat().st_mode & 0o777 == 0o600


def test_nobody_else_may_read_a_private_file_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "calls").write_bytes(b"old")
    (tmp_path / "calls").chmod(0o600)
    modes: list[int] = []
    make = os.open

    def opened(name: str, flags: int, mode: int = 0o777) -> int:
        descriptor = make(name, flags, mode)
        modes.append(os.fstat(descriptor).st_mode & 0o077)
        return descriptor

    monkeypatch.setattr(os, "open", opened)
    stage_file(tmp_path / "calls", b"new")

    assert modes == [0]


def test_an_erasure_is_finished_also_after_its_folder_was_moved(tmp_path: Path) -> None:
    output = tmp_path / "output"
    commit(output, begin(output), None)
    output.rename(tmp_path / "moved")

    finish(tmp_path / "moved")

    assert names_of(tmp_path / "moved") == {"a": b"new", "c": b"new", "d": b"new"}
