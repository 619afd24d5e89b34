"""Two verbs at once: the second is refused in words, and what a killed verb left is removed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from churn.data.files import replace_folder, write_atomically
from churn.data.own_files import write_own_json
from churn.errors import BusyError, Stop
from churn.params import load_params
from churn.privacy.journal import journal_path
from churn.scoring import sink
from pipelines import cli
from pipelines.locks import output_locks
from tests.lock_holder import held_by_another_process

LOCKS = {
    "ingest": (".ingest.lock",),
    "snapshot": (".model.lock",),
    "train": (".model.lock",),
    "evaluate": (".model.lock",),
    "promote": (".model.lock", ".night.lock"),
    "score": (".night.lock",),
    "run": (".model.lock", ".night.lock"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text(
        "source: data\nlabel: {kind: inactivity, table: orders, horizon_days: 28}\n"
    )
    return tmp_path


@pytest.mark.parametrize(("verb", "lock"), [(verb, lock) for verb, names in LOCKS.items() for lock in names])
def test_a_verb_that_finds_the_lock_names_the_holder_and_exits_busy(
    folder: Path, verb: str, lock: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with held_by_another_process(folder / "output" / lock, "`churn train`") as process:
        code = cli.main(verb, ["--params", str(folder / "params.yaml")])

    message = capsys.readouterr().err
    assert code == 16
    assert f"{folder / 'output'}: `churn train` (process {process})" in message
    assert "Wait until the other process ends" in message


def test_a_night_is_scored_while_a_model_is_trained(folder: Path) -> None:
    params = load_params(folder / "params.yaml")

    with (
        held_by_another_process(folder / "output" / ".model.lock", "`churn train`"),
        output_locks("score", params),
    ):
        pass


@pytest.mark.parametrize("verb", ["check", "report"])
def test_pages_are_written_side_by_side_but_not_while_a_customer_is_forgotten(
    folder: Path, verb: str
) -> None:
    params = load_params(folder / "params.yaml")
    params.output.mkdir()

    with (
        output_locks("report", params),
        output_locks(verb, params),
        pytest.raises(BusyError, match=rf"`churn {verb}`.* is at work here"),
        output_locks("forget", params),
    ):
        pass
    with (
        output_locks("forget", params),
        pytest.raises(BusyError, match="`churn forget`"),
        output_locks(verb, params),
    ):
        pass


@pytest.mark.parametrize("verb", ["check", "report"])
def test_a_page_lock_makes_no_output_folder(folder: Path, verb: str) -> None:
    with output_locks(verb, load_params(folder / "params.yaml")):
        pass

    assert not (folder / "output").exists()


def test_a_verb_whose_locks_came_after_a_killed_erasure_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = load_params(folder / "params.yaml")
    begin = sink.one_night_at_a_time

    @contextmanager
    def late(output: Path, holder: str) -> Iterator[None]:
        write_own_json(journal_path(output), {"replaced_paths": [], "removed_paths": [], "store": None})
        with begin(output, holder):
            yield

    monkeypatch.setattr(sink, "one_night_at_a_time", late)

    with pytest.raises(Stop, match="stopped before its end"), output_locks("score", params):
        pass


def test_two_outputs_with_the_same_models_cannot_be_promoted_at_once(folder: Path) -> None:
    params = load_params(folder / "params.yaml")

    with (
        held_by_another_process(folder / "models" / ".lock", "`churn promote`"),
        pytest.raises(BusyError, match="models"),
        output_locks("promote", params),
    ):
        pass


def test_a_lock_ends_with_its_process_and_can_be_taken_again(folder: Path) -> None:
    params = load_params(folder / "params.yaml")
    with held_by_another_process(folder / "output" / ".model.lock", "`churn train`"):
        pass

    with output_locks("train", params):
        pass


def test_the_leftovers_of_a_killed_verb_are_removed(folder: Path) -> None:
    params = load_params(folder / "params.yaml")
    output = folder / "output"
    for name in (".train.new", ".snapshots.new", "evaluate/plots"):
        (output / name).mkdir(parents=True)
        (output / name / "part").write_text("half")
    (output / "evaluate" / ".metrics.json.12.new").write_text("half")
    (output / "evaluate" / "plots" / ".roc.png.12.new").write_text("half")

    with output_locks("train", params):
        pass

    left = {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()}
    assert left == {".model.lock", "evaluate/plots/part"}


def test_a_file_that_another_process_writes_is_spared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = load_params(folder / "params.yaml")
    path = folder / "output" / "check" / "guards.json"
    real: Callable[[int], None] = os.fsync

    def clean_meanwhile(handle: int) -> None:
        monkeypatch.setattr(os, "fsync", real)
        with output_locks("train", params):
            pass

    monkeypatch.setattr(os, "fsync", clean_meanwhile)
    write_atomically(path, b"whole")

    assert path.read_bytes() == b"whole"


@pytest.mark.parametrize("is_new_there", [False, True])
def test_the_old_training_comes_back_where_a_kill_struck_between_two_renames(
    folder: Path, is_new_there: bool
) -> None:
    params = load_params(folder / "params.yaml")
    output = folder / "output"
    (output / ".train.old").mkdir(parents=True)
    (output / ".train.old" / "train.json").write_text("old")
    if is_new_there:
        (output / "train").mkdir()
        (output / "train" / "train.json").write_text("new")

    with output_locks("evaluate", params):
        pass

    assert (output / "train" / "train.json").read_text() == ("new" if is_new_there else "old")
    assert not (output / ".train.old").exists()


def test_a_folder_replaces_the_old_one_and_leaves_nothing(tmp_path: Path) -> None:
    for name in ("train", ".train.new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(name)

    replace_folder(tmp_path / ".train.new", tmp_path / "train")

    assert [path.name for path in tmp_path.iterdir()] == ["train"]
    assert (tmp_path / "train" / "name").read_text() == ".train.new"
