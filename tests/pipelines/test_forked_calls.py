"""A call of the fixture `churn`, a fork, and a call of `program`, a new process, do and say the same."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.verb_server import VerbServer

Call = Callable[..., subprocess.CompletedProcess[str]]

OWN = "source: raw\ntimezone: ${ZONE}\nlabel: {kind: inactivity, table: orders, horizon_days: 28}\n"


@pytest.fixture
def _strict_umask() -> Iterator[None]:
    """Another umask than the one under which the process that forks was started."""
    earlier = os.umask(0o027)
    yield
    os.umask(earlier)


@pytest.mark.parametrize(
    ("calls", "codes"),
    [
        ([["demo", "--customers", "20"], ["label"], ["label", "--set", "timezone=${ZONE}"]], [0, 0, 10]),
        ([["score", "--params", "own.yaml"], ["nonsense"], []], [10, 2, 2]),
    ],
    ids=["verbs that write and compute", "calls that are refused"],
)
@pytest.mark.usefixtures("_strict_umask")
def test_forks_answer_and_write_what_new_processes_do(
    churn: Call, program: Call, tmp_path: Path, calls: list[list[str]], codes: list[int]
) -> None:
    answers, files = [], []
    for call in (churn, program):
        folder = tmp_path / "work"
        folder.mkdir()
        (folder / "own.yaml").write_text(OWN)
        done = [call(*arguments, cwd=folder, ZONE="Nowhere/Here") for arguments in calls]
        answers.append([(one.returncode, one.stdout, one.stderr) for one in done])
        files.append(bytes_and_rights(folder))
        shutil.rmtree(folder)  # the next one works under the same path

    assert answers[0] == answers[1]
    assert [answer[0] for answer in answers[0]] == codes
    assert files[0].keys() == files[1].keys()
    assert [name for name in files[0] if files[0][name] != files[1][name]] == []
    assert codes[0] or "output/store/logins/part-0.parquet" in files[0]


def bytes_and_rights(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return what the files of a folder and of its store hold, but for hidden ones: they name a process."""
    paths = [*folder.rglob("*"), *folder.glob("output/store/*/*.parquet")]
    names = {str(path.relative_to(folder)): path for path in paths if path.is_file()}
    return {
        name: (path.read_bytes(), path.stat().st_mode)
        for name, path in names.items()
        if not re.search(r"(^|/)\.", name)
    }


def test_a_call_leaves_no_word_of_its_environment_to_the_next(churn: Call, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN)

    first = churn("check", "--params", "own.yaml", cwd=tmp_path, ZONE="Nowhere/Here")
    second = churn("check", "--params", "own.yaml", cwd=tmp_path)

    assert "is not a time zone" in first.stderr
    assert "${ZONE}" in second.stderr
    assert "is not a time zone" not in second.stderr


def test_a_value_that_is_read_while_a_process_starts_is_refused(churn: Call, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^TZ: read while a process starts"):
        churn("--help", cwd=tmp_path, TZ="Asia/Tokyo")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the id of the fork is read from /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_fork_takes_a_signal_as_a_process_does_and_the_next_call_is_answered(
    churn: Call, verb_server: VerbServer, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(churn, "demo", "--customers", "20000", cwd=tmp_path)
        while not done.done() and not (tmp_path / "templates").exists():  # the verb has begun
            time.sleep(0.01)
        server = verb_server.process_id
        os.kill(int(Path(f"/proc/{server}/task/{server}/children").read_text()), number)

    assert done.result().returncode == code
    assert ("ended by SIGTERM" in done.result().stderr) == (number == signal.SIGTERM)
    assert churn("nonsense", cwd=tmp_path).returncode == 2
