"""A night is the same bytes again, whole or not there, however it is called and whenever it dies.

The kills here are few and decisive: before each step that publishes or removes a folder, and at three
moments. `python -m benchmarks.kills` holds the many moments, of a whole run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from churn.params import load_params
from churn.uplift.files import write_result
from pipelines import cli
from tests.lock_holder import held_by_another_process
from tests.pipelines.night_files import CALLS, NIGHT, SCORES, Digests, night_in
from tests.unit.uplift.drawn_samples import drawn_result

ROOT = Path(__file__).parents[2]

EARLIER = "2025-09-01"

Call = Callable[..., subprocess.CompletedProcess[str]]


def score(folder: Path, *options: str) -> int:
    return cli.main("score", ["--params", str(folder / "params.yaml"), *options])


def start_over(folder: Path) -> None:
    shutil.rmtree(folder / "output", ignore_errors=True)


@pytest.fixture
def copied(small_run: Path, tmp_path: Path) -> Path:
    """What a night reads, in another folder; its store and its nights are not there yet."""
    folder = tmp_path / "elsewhere"
    for name in ("data/company", "models/champion", "templates"):
        shutil.copytree(small_run / name, folder / name)
    for name in ("params.yaml", "playbook.yaml"):
        shutil.copy(small_run / name, folder)
    return folder


@pytest.fixture(scope="module")
def tiny(small_run: Path, tmp_path_factory: pytest.TempPathFactory, churn: Call) -> Path:
    """A company of a few customers with the champion of a larger one, so that a night is quick."""
    folder = tmp_path_factory.mktemp("tiny")
    shutil.copytree(small_run / "models", folder / "models")
    for name in ("params.yaml", "playbook.yaml"):
        shutil.copy(small_run / name, folder)
    done = churn("demo", "--customers", "80", "--seed", "3", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def expected(tiny: Path) -> Digests:
    """What the night of the tiny company must be."""
    start_over(tiny)
    assert score(tiny) == 0
    found = night_in(tiny / "output")
    assert len(found) == 2
    return found


# --- the same bytes


@pytest.mark.parametrize("threads", [1, 4])
def test_a_night_scored_again_in_another_folder_is_the_same_bytes(
    copied: Path, small_run: Path, threads: int
) -> None:
    reference = night_in(small_run / "output")

    code = score(copied, "--set", f"engine.threads={threads}")

    assert code == 0
    assert len(reference) == 2
    assert night_in(copied / "output") == reference


def test_a_night_that_was_deleted_comes_back_the_same(tiny: Path, expected: Digests) -> None:
    for name in ("scores", "calls"):
        shutil.rmtree(tiny / "output" / name)

    code = score(tiny)

    assert code == 0
    assert night_in(tiny / "output") == expected


@pytest.mark.parametrize(
    ("days_before", "digest", "code"),
    [(1, None, 0), (0, "0" * 64, 0), (1, "0" * 64, 13)],
    ids=["refused", "of the night", "accepted before"],
)
def test_only_a_model_that_was_accepted_on_an_earlier_day_changes_a_night(
    tiny: Path, expected: Digests, tmp_path: Path, days_before: int, digest: str | None, code: int
) -> None:
    """There is no model of this digest, so a night that reads it ends with an error."""
    output, day = tmp_path / "output", date.fromisoformat(NIGHT) - timedelta(days=days_before)
    shutil.copytree(tiny / "output" / "store", output / "store")
    write_result(output, drawn_result(day, digest, load_params(tiny / "params.yaml").label_id))

    ended = score(tiny, "--set", f"output={output}")

    assert ended == code
    assert night_in(output) == ({} if code else expected)


def test_another_playbook_is_another_night(tiny: Path, expected: Digests, tmp_path: Path) -> None:
    playbook = tmp_path / "playbook.yaml"
    playbook.write_text((tiny / "playbook.yaml").read_text().replace("owner: ", "owner: our "))
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


def assert_whole_or_not_there(found: Digests, expected: Digests, when: str) -> None:
    """Scores and calls stand together or not at all; whatever stands has the reference bytes."""
    assert not set(found.items()) - set(expected.items()), f"other bytes when killed {when}"
    assert set(found) in (set(), {SCORES, CALLS}), f"{set(found)} alone when killed {when}"


def nights_after_kills(
    folder: Path, before: Path | None, *how: str, killed_by: signal.Signals
) -> list[tuple[Digests, Digests]]:
    """Return what each killed night left, and what the next one made of it."""
    command = [sys.executable, "-m", "tests.pipelines.killed_nights", str(folder), str(before or ""), *how]
    process = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    nights = [json.loads(line) for line in process.stdout.splitlines()]
    codes = [code for code, *_ in nights]
    assert set(codes) <= {-killed_by, 0}
    # The last night makes fewer steps than the kill waits for, and a fast one ends before its moment.
    assert codes.count(0) <= max(1, len(nights) // 4), "too few were killed"
    assert {next_code for *_, next_code, _ in nights} == {0}
    return [(left, then) for _, left, _, then in nights]


def test_a_night_killed_at_any_moment_is_whole_or_not_there_and_the_next_makes_it_whole(
    tiny: Path, expected: Digests
) -> None:
    nights = nights_after_kills(tiny, None, "moments", "3", killed_by=signal.SIGPROF)

    assert len(nights) == 3
    for moment, (left, then) in enumerate(nights, 1):
        assert_whole_or_not_there(left, expected, f"after {moment} of 3 parts")
        assert then == expected, moment


def test_a_night_over_another_one_killed_at_any_step_that_publishes_or_removes_is_whole_or_not_there(
    tiny: Path, expected: Digests, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    shutil.copytree(tiny / "output", before, symlinks=True)  # with its store: the night reads no source
    for name in ("scores", "calls"):
        shutil.rmtree(before / name)
    assert score(tiny, "--set", f"output={before}", "--set", "score.reasons=1") == 0
    old = night_in(before)
    assert set(old.items()).isdisjoint(expected.items())

    nights = nights_after_kills(tiny, before, "steps", "replace,rename,rmdir", killed_by=signal.SIGKILL)

    assert len(nights) > 5
    for step, (left, then) in enumerate(nights, 1):
        assert left in (old, expected, {}), step
        assert then == expected, step


def test_a_night_killed_at_any_step_that_publishes_store_or_night_is_whole_or_not_there(
    tiny: Path, expected: Digests
) -> None:
    nights = nights_after_kills(tiny, None, "steps", "replace,rename", killed_by=signal.SIGKILL)

    assert len(nights) > 4
    for step, (left, then) in enumerate(nights, 1):
        assert_whole_or_not_there(left, expected, f"before step {step} that publishes")
        assert then == expected, step


# --- two at once


def test_a_night_is_refused_in_words_while_another_is_being_scored(
    tiny: Path, expected: Digests, capsys: pytest.CaptureFixture[str]
) -> None:
    with held_by_another_process(tiny / "output" / ".night.lock", "`churn score`") as process:
        code = score(tiny)

    messages = capsys.readouterr().err.splitlines()
    assert code == 16
    assert len(messages) == 1
    assert f"`churn score` (process {process})" in messages[0]
    assert night_in(tiny / "output") == expected


def test_two_nights_started_at_once_over_new_data_leave_one_whole_night(
    tiny: Path, expected: Digests
) -> None:
    start_over(tiny)
    command = [sys.executable, "-m", "pipelines", "score"]

    nights = [
        subprocess.Popen(command, cwd=tiny, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    messages = [night.communicate()[1] for night in nights]

    codes = sorted(night.returncode for night in nights)
    assert codes in ([0, 0], [0, 16]), messages
    assert codes == [0, 0] or any("`churn score` (process" in words for words in messages)
    assert night_in(tiny / "output") == expected
