from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from subprocess import PIPE

import pytest

from churn.model.run_owner import OWNER_TAG, has_ended, owner
from churn.model.tracking import Tracking
from churn.params import Params


def ended_owner() -> str:
    """Return the owner text of a process that has ended."""
    program = "from churn.model.run_owner import owner; print(owner())"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip()


def test_only_a_process_of_this_machine_that_does_not_run_has_ended() -> None:
    host, number, start = owner().split(" ")

    assert not has_ended(owner())
    assert has_ended(ended_owner())
    assert has_ended(f"{host} {number} {start}0")  # an earlier process with the same number
    assert not has_ended(f"another-{ended_owner()}")
    program = "from churn.model.run_owner import owner; print(owner(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=PIPE, stdout=PIPE, text=True) as other:
        assert other.stdout is not None
        other_owner = other.stdout.readline().strip()
        assert not has_ended(other_owner)
        other.communicate("\n")
    assert has_ended(other_owner)
    for text in ("", host, f"{host} x y"):
        assert not has_ended(text)


def test_the_next_verb_ends_the_run_of_a_killed_process_and_says_so(params: Params) -> None:
    tracking = Tracking(params.tracking)
    client = tracking._client
    ids = {}
    for name, tags in {
        "killed": {OWNER_TAG: ended_owner()},
        "running": {OWNER_TAG: owner()},
        "by hand": {},
    }.items():
        ids[name] = client.create_run(tracking.experiment_id, run_name=name, tags=tags).info.run_id
    messages: list[str] = []

    Tracking(params.tracking, warn=messages.append)

    assert {name: client.get_run(run_id).info.status for name, run_id in ids.items()} == {
        "killed": "KILLED",
        "running": "RUNNING",
        "by hand": "RUNNING",
    }
    assert len(messages) == 1
    assert "marked KILLED: killed." in messages[0]


def test_an_open_run_names_its_process_and_nothing_is_said(params: Params) -> None:
    tracking, messages = Tracking(params.tracking), []
    with tracking.run("train") as run_id:
        Tracking(params.tracking, warn=messages.append)
        run = tracking._client.get_run(run_id)

    assert (run.data.tags[OWNER_TAG], run.info.status) == (owner(), "RUNNING")
    assert messages == []


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "KILLED"), (ValueError, "FAILED"), (None, "FINISHED")]
)
def test_a_run_that_is_stopped_by_hand_or_by_a_signal_is_killed_and_not_failed(
    params: Params, error: type[BaseException] | None, status: str
) -> None:
    tracking = Tracking(params.tracking)
    ids = []

    with suppress(KeyboardInterrupt, ValueError), tracking.run("train") as parent:
        ids.append(parent)
        with tracking.run("fold") as child:
            ids.append(child)
            if error:
                raise error

    assert [tracking._client.get_run(run_id).info.status for run_id in ids] == [status, status]
