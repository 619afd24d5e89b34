"""A night is the same bytes again, whole or not there, however it is called and whenever it dies."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from churn.scoring.sink import one_night_at_a_time
from pipelines import cli

NIGHT = "2025-10-01"
EARLIER = "2025-09-01"
SCORES, CALLS = "scores/cutoff={}/scores.parquet", "calls/cutoff={}/calls.csv"

Call = Callable[..., subprocess.CompletedProcess[str]]
Bytes = Mapping[str, str]


def score(folder: Path, *options: str) -> int:
    return cli.main("score", ["--params", str(folder / "params.yaml"), *options])


def night_in(output: Path, night: str = NIGHT) -> Bytes:
    """Return the SHA-256 of the files of a night that are there."""
    paths = {name: output / name.format(night) for name in (SCORES, CALLS)}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items() if path.exists()
    }


def start_over(folder: Path) -> None:
    shutil.rmtree(folder / "output", ignore_errors=True)


@pytest.fixture
def copied(finished_run: Path, tmp_path: Path) -> Path:
    """What a night reads, in another folder; its store and its nights are not there yet."""
    folder = tmp_path / "elsewhere"
    for name in ("data/company", "models/champion"):
        shutil.copytree(finished_run / name, folder / name)
    for name in ("params.yaml", "playbook.yaml"):
        shutil.copy(finished_run / name, folder)
    return folder


@pytest.fixture(scope="module")
def tiny(finished_run: Path, tmp_path_factory: pytest.TempPathFactory, churn: Call) -> Path:
    """A company of a few customers with the champion of a larger one, so that a night is quick."""
    folder = tmp_path_factory.mktemp("tiny")
    shutil.copytree(finished_run / "models", folder / "models")
    for name in ("params.yaml", "playbook.yaml"):
        shutil.copy(finished_run / name, folder)
    done = churn("demo", "--customers", "80", "--seed", "3", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def expected(tiny: Path) -> Bytes:
    """What the night of the tiny company must be."""
    start_over(tiny)
    assert score(tiny) == 0
    found = night_in(tiny / "output")
    assert len(found) == 2
    return found


# --- the same bytes


@pytest.mark.parametrize("threads", [1, 4])
def test_a_night_scored_again_in_another_folder_is_the_same_bytes(
    copied: Path, finished_run: Path, threads: int
) -> None:
    reference = night_in(finished_run / "output")

    code = score(copied, "--set", f"engine.threads={threads}")

    assert code == 0
    assert len(reference) == 2
    assert night_in(copied / "output") == reference


def test_a_night_that_was_deleted_comes_back_the_same(tiny: Path, expected: Bytes) -> None:
    for name in ("scores", "calls"):
        shutil.rmtree(tiny / "output" / name)

    code = score(tiny)

    assert code == 0
    assert night_in(tiny / "output") == expected


def test_another_playbook_is_another_night(tiny: Path, expected: Bytes, tmp_path: Path) -> None:
    playbook = tmp_path / "playbook.yaml"
    playbook.write_text((tiny / "playbook.yaml").read_text().replace("Call", "Ring"))
    where = ("--set", f"output={tmp_path / 'output'}", "--set", f"score.playbook={playbook}")

    code = score(tiny, *where)

    assert code == 0
    assert night_in(tmp_path / "output") != expected


def test_an_earlier_night_is_the_same_whether_or_not_later_ones_are_there(tiny: Path) -> None:
    start_over(tiny)
    score(tiny, "--cutoff", EARLIER)
    alone = night_in(tiny / "output", EARLIER)
    start_over(tiny)

    for cutoff in (NIGHT, EARLIER):
        score(tiny, "--cutoff", cutoff)

    assert len(alone) == 2
    assert night_in(tiny / "output", EARLIER) == alone
    assert len(night_in(tiny / "output", NIGHT)) == 2


# --- killed


def assert_whole_or_not_there(found: Bytes, expected: Bytes, when: str) -> None:
    """Scores and calls stand together or not at all; whatever stands has the reference bytes."""
    assert not set(found.items()) - set(expected.items()), f"other bytes when killed {when}"
    assert set(found) in (set(), {SCORES, CALLS}), f"{set(found)} alone when killed {when}"


@pytest.mark.slow
def test_a_night_killed_at_any_moment_is_whole_or_not_there_and_the_next_makes_it_whole(
    tiny: Path, expected: Bytes
) -> None:
    command = [sys.executable, "-m", "pipelines", "score"]
    start_over(tiny)
    begun = time.monotonic()
    subprocess.run(command, cwd=tiny, capture_output=True, check=True)
    whole = time.monotonic() - begun
    steps = 20

    for step in range(1, steps + 1):
        start_over(tiny)
        night = subprocess.Popen(command, cwd=tiny, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * step / steps)
        night.kill()
        night.wait()
        assert_whole_or_not_there(night_in(tiny / "output"), expected, f"after {step} of {steps} parts")
        if (tiny / "output").exists():  # else it died before it began
            assert score(tiny) == 0, step
            assert night_in(tiny / "output") == expected, step


KILLED_BY_STEP = '''
"""Score in forked processes; each kills itself before its n-th step on the disk. Then score again."""

import json, os, shutil, signal, sys
from pathlib import Path

from pipelines.cli import main
from tests.pipelines.test_night import night_in
import churn.features.library, churn.features.engine.matrix, churn.features.money, churn.data.ingest.ingest
import churn.scoring.night, churn.scoring.sink, churn.model.registry, pipelines.score

folder, names, before = Path(sys.argv[1]), sys.argv[2].split(","), sys.argv[3]


def in_a_process(work):
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def night():
    return main("score", ["--params", str(folder / "params.yaml")])


def dying(step):
    steps = 0

    def counted(real):
        def call(*args, **kwargs):
            nonlocal steps
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)
        return call

    for name in names:
        setattr(os, name, counted(getattr(os, name)))
    return night()


step, code = 0, -signal.SIGKILL
while code == -signal.SIGKILL:
    step += 1
    shutil.rmtree(folder / "output", ignore_errors=True)
    if before != "nothing":
        shutil.copytree(before, folder / "output")
    code = in_a_process(lambda: dying(step))
    left = dict(night_in(folder / "output"))
    again = in_a_process(night)
    print(json.dumps([code, left, again, dict(night_in(folder / "output"))]))
'''


def killed_by_step(tiny: Path, names: str, before: Path | None, root: Path) -> list[list[object]]:
    """Return `[exit code, files left, exit code of the next night, files then]` for each step."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED_BY_STEP, str(tiny), names, str(before or "nothing")],
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [code for code, *_ in found] == [-signal.SIGKILL] * (len(found) - 1) + [0]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("there", ["no night", "another night"])
def test_a_night_killed_at_any_step_of_writing_is_whole_or_not_there(
    tiny: Path, expected: Bytes, root: Path, tmp_path: Path, there: str
) -> None:
    before, old = tmp_path / "before", {}
    shutil.copytree(tiny / "output" / "store", before / "store")
    if there == "another night":
        assert score(tiny, "--set", f"output={before}", "--set", "score.reasons=1") == 0
        old = night_in(before)
        assert set(old.items()).isdisjoint(expected.items())

    found = killed_by_step(tiny, "replace,rename,fsync,unlink,mkdir,rmdir", before, root)

    assert len(found) > 12
    for step, (_, left, again, then) in enumerate(found, 1):
        assert left in (old, expected, {}), step
        assert again == 0, step
        assert then == expected, step


@pytest.mark.slow
def test_a_night_killed_while_it_reads_the_source_leaves_no_store_that_is_half_there(
    tiny: Path, expected: Bytes, root: Path
) -> None:
    found = killed_by_step(tiny, "rename", None, root)

    assert len(found) > 2
    for step, (_, left, again, then) in enumerate(found, 1):
        assert_whole_or_not_there(left, expected, f"before renaming {step}")
        assert again == 0, step
        assert then == expected, step


# --- two at once


def test_a_night_is_refused_in_words_while_another_is_being_scored(
    tiny: Path, expected: Bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with one_night_at_a_time(tiny / "output"):
        code = score(tiny)

    said = capsys.readouterr().err.splitlines()
    assert code == 2
    assert len(said) == 1
    assert "another night is being scored here" in said[0]
    assert night_in(tiny / "output") == expected


def test_two_nights_started_at_once_over_new_data_leave_one_whole_night(tiny: Path, expected: Bytes) -> None:
    start_over(tiny)
    command = [sys.executable, "-m", "pipelines", "score"]

    nights = [
        subprocess.Popen(command, cwd=tiny, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [night.communicate()[1] for night in nights]

    codes = sorted(night.returncode for night in nights)
    assert codes in ([0, 0], [0, 2]), said
    assert codes == [0, 0] or any("another night" in words for words in said)
    assert night_in(tiny / "output") == expected
