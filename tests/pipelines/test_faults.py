"""Faults of the machine get words and a designed code; only an error of this program is a bug."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import churn
from churn.params import Params, load_params
from pipelines import cli
from pipelines.faults import fault_in_words


@pytest.fixture
def params(tmp_path: Path) -> Params:
    (tmp_path / "params.yaml").write_text(
        "source: data\nlabel: {kind: inactivity, table: orders, horizon_days: 28}\n"
        "tracking: {uri: 'sqlite:///runs/mlflow.db'}\n"
    )
    return load_params(tmp_path / "params.yaml")


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch, params: Params, tmp_path: Path) -> Callable[..., int]:
    """Put a function in the place of `churn check` and call it."""

    def call(run: Callable[..., Any]) -> int:
        monkeypatch.setitem(sys.modules, "pipelines.check", SimpleNamespace(run=run))
        return cli.main("check", ["--params", str(tmp_path / "params.yaml")])

    return call


def test_a_full_disk_below_the_database_of_mlflow_is_named_as_a_full_disk(
    verb: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(params: Any, **_: Any) -> None:
        with closing(sqlite3.connect(":memory:")) as database:
            database.execute("PRAGMA max_page_count = 1")
            database.execute("CREATE TABLE runs (id)")

    code = verb(fail)

    message = capsys.readouterr().err
    assert code == 13
    assert "tracking.uri" in message
    assert "runs/mlflow.db: the disk is full. Free some space" in message


@pytest.mark.parametrize(
    ("number", "file", "code", "words"),
    [
        (errno.ENOSPC, "output/snapshots/part.parquet", 10, ("output", "disk is full")),
        (errno.EROFS, "output", 10, ("output", "read-only")),
        (errno.EACCES, "models/champion", 13, ("models", "permission")),
        (errno.ENOTDIR, "output/store", 10, ("output", "a file is where a folder should be")),
        (errno.EACCES, "data/orders.csv", 11, ("source", "permission")),
        (errno.ELOOP, "data", 11, ("source", "link")),
        (errno.ENOSPC, "runs/mlflow.db", 13, ("tracking.uri", "disk is full")),
        (errno.ENOSPC, "runs/.mlflow.db.new", 13, ("tracking.uri", "disk is full")),
        (errno.ENOSPC, None, 10, ("disk is full",)),
    ],
)
def test_an_error_of_the_system_names_the_parameter_the_path_and_the_way_out(
    params: Params,
    tmp_path: Path,
    verb: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    number: int,
    file: str | None,
    code: int,
    words: tuple[str, ...],
) -> None:
    def fail(params: Any, **given: Any) -> None:
        raise OSError(number, os.strerror(number), *([str(tmp_path / file)] if file else []))

    assert verb(fail) == code
    message = capsys.readouterr().err
    assert all(word in message for word in words), message
    assert file is None or file in message
    assert "a bug" not in message


PACKAGE = Path(churn.__file__).parent

PATH_ERRORS = [errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST]


@pytest.mark.parametrize("number", PATH_ERRORS)
@pytest.mark.parametrize(
    "file",
    [
        str(PACKAGE / "reporting" / "templates" / "report.html"),
        str(Path(cli.__file__).parent / "missing.txt"),
        str(Path(pa.__file__).parent / "missing.so"),
        "/nowhere/of/nobody",
        None,
    ],
)
def test_a_path_that_the_program_chose_wrongly_is_a_bug(
    verb: Callable[..., int], capsys: pytest.CaptureFixture[str], number: int, file: str | None
) -> None:
    def fail(params: Any, **_: Any) -> None:
        raise OSError(number, os.strerror(number), *([file] if file else []))

    code = verb(fail)

    assert code == 1
    assert "a bug" in capsys.readouterr().err


@pytest.mark.parametrize("number", PATH_ERRORS)
@pytest.mark.parametrize(
    "file",
    ["output/store/x", "models/champion", "data/orders.csv", "runs/mlflow.db", "playbook.yaml", "sheet.csv"],
)
def test_a_path_of_the_user_is_answered_in_words(
    params: Params, tmp_path: Path, number: int, file: str
) -> None:
    fault = fault_in_words(OSError(number, os.strerror(number), str(tmp_path / file)), params)

    assert fault is not None
    assert file in str(fault)


def test_a_relative_path_of_the_user_is_answered_in_words(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert fault_in_words(FileNotFoundError(errno.ENOENT, "no file", "output/x"), params) is not None


def test_a_working_folder_that_was_removed_is_no_bug(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError) as caught:
        os.getcwd()

    fault = fault_in_words(caught.value, params)

    assert fault is not None
    assert "the working folder was removed" in str(fault)


def test_before_the_parameters_are_read_only_a_path_of_the_program_is_a_bug() -> None:
    def fault_at(path: Path) -> object:
        return fault_in_words(FileNotFoundError(errno.ENOENT, "no file", str(path)), None)

    assert fault_at(PACKAGE / "params" / "x.yaml") is None
    assert fault_at(Path("/exports/orders.csv")) is not None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), 10),
        (duckdb.OutOfMemoryException("failed to allocate"), 10),
        (duckdb.IOException("Could not write: No space left on device"), 10),
        (duckdb.ConversionException("Could not convert string '13-01-2024'"), 11),
        (pa.ArrowInvalid("Parquet magic bytes not found in footer"), 11),
    ],
)
def test_a_library_that_refuses_the_data_or_lacks_memory_is_no_bug(
    verb: Callable[..., int], capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    def fail(params: Any, **given: Any) -> None:
        raise error

    assert verb(fail) == code
    assert "a bug" not in capsys.readouterr().err


def test_an_error_in_the_body_of_a_signal_gives_file_and_line(params: Params, tmp_path: Path) -> None:
    path = tmp_path / "churn" / "features" / "signals" / "visits.py"
    path.parent.mkdir(parents=True)
    path.write_text("def visits_ratio(visits):\n    return ratoi(1, 2)\n")
    names: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)

    with pytest.raises(NameError) as caught:
        names["visits_ratio"](None)

    fault = fault_in_words(caught.value, params)
    assert fault is not None
    assert fault.exit_code == 12
    assert f"{path}, line 2" in str(fault)


@pytest.mark.parametrize("error", [KeyError("x"), ZeroDivisionError(), AttributeError("y"), ValueError("z")])
def test_an_error_of_this_program_stays_a_bug(
    verb: Callable[..., int], capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def fail(params: Any, **given: Any) -> None:
        raise error

    assert verb(fail) == 1
    assert "a bug" in capsys.readouterr().err


def test_a_fault_that_a_library_wraps_is_still_told(params: Params) -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device", str(params.output / "x"))
        except OSError as error:
            raise RuntimeError("writer failed") from error
    except RuntimeError as error:
        fault = fault_in_words(error, params)

    assert fault is not None
    assert "disk is full" in str(fault)


# --- signals


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "by hand"), (signal.SIGTERM, 143, "SIGTERM"), (signal.SIGHUP, 129, "SIGHUP")],
)
def test_a_signal_ends_the_verb_and_says_what_was_finished(
    verb: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    code: int,
    words: str,
) -> None:
    def stop(params: Any, *, echo: Any, **given: Any) -> None:
        echo.finished_steps += ["ingest", "snapshot"]
        os.kill(os.getpid(), number)
        time.sleep(60)

    before = signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    try:  # below `nohup` a hang-up is ignored, and the verb honours that
        answer = verb(stop)
    finally:
        signal.signal(number, before)

    assert answer == code
    message = capsys.readouterr().err
    assert words in message
    assert "ingest, snapshot" in message


def test_ctrl_c_that_a_library_turns_into_its_own_error_is_no_bug(
    verb: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(params: Any, **given: Any) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        except KeyboardInterrupt:
            raise RuntimeError("Query interrupted") from None

    assert verb(stop) == 130
    assert "a bug" not in capsys.readouterr().err


def _stop_in_an_except_clause(number: signal.Signals) -> None:
    with suppress(BaseException):
        signal.raise_signal(number)


def _stop_in_a_destructor(number: signal.Signals) -> None:
    class Resource:
        def __del__(self) -> None:
            signal.raise_signal(number)

    Resource()


SWALLOW = [_stop_in_an_except_clause, _stop_in_a_destructor]


@pytest.fixture
def ignored(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """The exceptions that Python would print as "Exception ignored"."""
    errors: list[BaseException] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: errors.append(unraisable.exc_value))
    return errors


@pytest.mark.parametrize("swallow", SWALLOW)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("answer", [0, 3])
def test_a_swallowed_signal_counts_more_than_the_code_of_the_verb(
    verb: Callable[..., int],
    ignored: list[BaseException],
    capsys: pytest.CaptureFixture[str],
    swallow: Callable[[signal.Signals], None],
    number: signal.Signals,
    code: int,
    answer: int,
) -> None:
    def work(params: Any, *, echo: Any, **given: Any) -> int:
        echo.finish_step("ingest")
        swallow(number)
        return answer

    assert verb(work) == code
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "Finished before: ingest. The next call of `churn check` begins again from the start." in message
    assert ignored == []


@pytest.mark.parametrize("swallow", SWALLOW)
@pytest.mark.parametrize(
    "go_on",
    [
        lambda echo: echo("a line"),
        lambda echo: echo.warn("a line"),
        lambda echo: echo.finish_step("train"),
        lambda echo: _report_progress(echo),
    ],
)
def test_a_swallowed_signal_ends_the_verb_at_its_next_line_or_step(
    verb: Callable[..., int],
    ignored: list[BaseException],
    capsys: pytest.CaptureFixture[str],
    swallow: Callable[[signal.Signals], None],
    go_on: Callable[[Any], None],
) -> None:
    reached = []

    def work(params: Any, *, echo: Any, **given: Any) -> None:
        swallow(signal.SIGTERM)
        reached.append("before")
        go_on(echo)
        reached.append("after")

    assert verb(work) == 143
    assert reached == ["before"]
    captured = capsys.readouterr()
    assert "a line" not in captured.out + captured.err
    assert "Finished before" not in captured.err


def _report_progress(echo: Any) -> None:
    with echo.progress("signals", 8) as advance:
        advance()


def test_a_server_that_a_signal_ends_well_ends_with_0(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    def serve(params: Any, **given: Any) -> None:
        _stop_in_an_except_clause(signal.SIGINT)

    monkeypatch.setitem(sys.modules, "pipelines.ui", SimpleNamespace(run=serve))

    assert cli.main("ui", ["--params", str(tmp_path / "params.yaml")]) == 0
    assert capsys.readouterr().err == ""


def test_another_error_that_python_ignores_is_still_printed(
    verb: Callable[..., int], ignored: list[BaseException]
) -> None:
    class Resource:
        def __del__(self) -> None:
            raise ValueError("no file")

    def work(params: Any, **given: Any) -> None:
        Resource()

    assert verb(work) == 0
    assert [str(error) for error in ignored] == ["no file"]


def test_a_signal_after_the_last_line_of_a_verb_is_answered(
    verb: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flush = sys.stdout.flush

    def stop_and_flush() -> None:
        monkeypatch.undo()
        signal.raise_signal(signal.SIGTERM)
        flush()

    def work(params: Any, **given: Any) -> None:
        monkeypatch.setattr(sys.stdout, "flush", stop_and_flush, raising=False)

    assert verb(work) == 143
    assert "SIGTERM" in capsys.readouterr().err


def test_the_handlers_of_the_caller_come_back(verb: Callable[..., int]) -> None:
    earlier = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    verb(lambda params, **given: None)

    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == earlier


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_error(root: Path, tmp_path: Path, redirection: str) -> None:
    command = f"cd {tmp_path} && {sys.executable} -m pipelines --help {redirection}"

    assert os.waitstatus_to_exitcode(os.system(f"PYTHONPATH={root} sh -c '{command}'")) == 0
