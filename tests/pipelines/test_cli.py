"""The plumbing of the verbs: options, words and exit codes."""

from __future__ import annotations

import ast
import gc
import inspect
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from churn import errors
from pipelines import cli

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def params_file(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text("source: data\nlabel: {kind: inactivity, table: orders, horizon_days: 28}\n")
    return path


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch, params_file: Path) -> Callable[..., int]:
    """Put a function in the place of a verb's `run` and call the verb."""

    def call(name: str, run: Callable[..., Any], *arguments: str) -> int:
        monkeypatch.setitem(sys.modules, f"pipelines.{name}", SimpleNamespace(run=run))
        return cli.main(name, ["--params", str(params_file), *arguments])

    return call


def failing(error: BaseException) -> Callable[..., None]:
    def run(params: Any, **given: Any) -> None:
        raise error

    return run


# --- what every verb is


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_answers_help_as_its_own_program(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [f"pipelines/{name}.py", "--help"])
    monkeypatch.delitem(sys.modules, f"pipelines.{name}", raising=False)

    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"pipelines.{name}", run_name="__main__", alter_sys=True)

    assert ended.value.code == 0
    assert f"churn {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_takes_the_options_that_its_help_lists(name: str, root: Path) -> None:
    tree = ast.parse((root / "pipelines" / f"{name}.py").read_text())
    run = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run")

    keywords = {argument.arg for argument in run.args.kwonlyargs}

    assert [argument.arg for argument in run.args.args] == ["params"]
    # `run` passes the store that it has opened, and a trial; and it hands the night over after the report
    shared = {"cutoff", "echo", "store", "trial", "is_last_step"}
    assert {"cutoff", "echo"} <= keywords
    assert keywords - shared == {option.name for option in cli.VERBS[name]}


def test_help_lists_every_verb_with_the_first_line_of_its_docstring(program: Call, tmp_path: Path) -> None:
    done = program("--help", cwd=tmp_path)

    words = " ".join(done.stdout.split())
    assert done.returncode == 0
    for name in cli.VERBS:
        assert f" {name} {cli._help_of(name)}" in words


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from pipelines.cli import main; main(argv=['--help']);"
        "heavy = {'duckdb', 'lightgbm', 'matplotlib', 'mlflow', 'numpy', 'pandas', 'pydantic', 'sklearn'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0, f"imported: {done.stderr}"


def test_a_call_without_a_verb_shows_the_help_and_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(argv=[])

    assert code == 2
    assert "Usage: churn" in capsys.readouterr().out


# --- what reaches the verb


def test_a_verb_gets_parameters_the_cutoff_and_only_the_options_that_were_given(
    verb: Callable[..., int],
) -> None:
    received: dict[str, Any] = {}

    def run(params: Any, **given: Any) -> None:
        received.update(given, seed=params.train.seed, horizon=params.label.horizon_days)

    code = verb(
        "demo",
        run,
        *("--cutoff", "2024-01-31", "--customers", "50"),
        *("--set", "train.seed=11", "--set", "label.horizon_days=30"),
    )

    assert code == 0
    assert isinstance(received.pop("echo"), cli.Echo)
    assert received == {"cutoff": date(2024, 1, 31), "customers": 50, "seed": 11, "horizon": 30}


@pytest.mark.parametrize(("arguments", "expected"), [((), {}), (("--rollback",), {"rollback": True})])
def test_a_flag_is_handed_over_only_when_it_is_set(
    verb: Callable[..., int], arguments: tuple[str, ...], expected: dict[str, bool]
) -> None:
    received: dict[str, Any] = {}

    verb("promote", lambda params, cutoff, echo, **own: received.update(own), *arguments)

    assert received == expected


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (15, 15)])
def test_the_verb_decides_the_exit_code(verb: Callable[..., int], returned: int | None, code: int) -> None:
    assert verb("check", lambda params, **given: returned) == code


def test_demo_brings_its_parameters_and_playbook_where_there_are_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pipelines.demo", SimpleNamespace(run=lambda params, **given: None))
    monkeypatch.chdir(tmp_path)

    code = cli.main("demo", [])

    assert code == 0
    for name in ("params.yaml", "playbook.yaml"):
        assert (tmp_path / name).read_text() == (root / name).read_text()
    names = {path.name for path in (root / "templates").iterdir()}
    assert {path.name for path in (tmp_path / "templates").iterdir()} == names


def test_demo_keeps_the_parameters_that_are_there(monkeypatch: pytest.MonkeyPatch, params_file: Path) -> None:
    monkeypatch.setitem(sys.modules, "pipelines.demo", SimpleNamespace(run=lambda params, **given: None))
    monkeypatch.chdir(params_file.parent)
    before = params_file.read_text()

    code = cli.main("demo", [])

    assert code == 0
    assert params_file.read_text() == before
    assert list(params_file.parent.iterdir()) == [params_file]


@pytest.mark.parametrize("arguments", [["check"], ["demo", "--params", "other.yaml"]])
def test_nothing_else_brings_parameters(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    code = cli.main(argv=arguments)

    assert code == 10
    assert list(tmp_path.iterdir()) == []


# --- what goes wrong, in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scor"], "Did you mean 'score'?"),
        (["check", "--cutof", "2024-01-31"], "--cutoff"),
        (["check", "--cutoff", "2024-02-30"], "'2024-02-30' is not a date"),
        (["check", "--cutoff", "20240131"], "YYYY-MM-DD"),
        (["check", "--cutoff", ""], "is not a date"),
        (["ui", "--port", "eighty"], "--port"),
        (["signals", "--format", "xml"], "--format"),
        (["check", "again"], "again"),
        (["--version-of-python"], "--version-of-python"),
    ],
)
def test_a_wrong_call_ends_2_and_says_what_is_wrong(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(argv=arguments)

    output = capsys.readouterr()
    assert code == 2
    assert words in output.err
    assert len(output.err.splitlines()) == 1
    assert output.out == ""


@pytest.mark.parametrize(
    "kind",
    [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.ChurnError)],
)
def test_a_users_mistake_is_told_line_by_line_and_ends_with_its_code(
    kind: type[errors.ChurnError], verb: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    code = verb("check", failing(kind("orders: no such table.", "payments: no such column.")))

    assert code == kind.exit_code
    assert capsys.readouterr().err == "orders: no such table.\npayments: no such column.\n"


def test_a_missing_parameter_file_ends_10(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main("check", ["--params", str(tmp_path / "none.yaml")])

    assert code == 10
    assert "none.yaml" in capsys.readouterr().err


def test_a_bug_is_one_line_that_says_how_to_see_more(
    verb: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    code = verb("check", failing(ZeroDivisionError("division\nby zero")))

    output = capsys.readouterr().err
    assert code == 1
    assert output == "a bug: ZeroDivisionError: division by zero, run with --debug for the traceback\n"


@pytest.mark.parametrize("error", [KeyError("x"), errors.SourceError("orders: no such table.")])
def test_debug_shows_the_traceback(
    error: Exception, verb: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    verb("check", failing(error), "--debug")

    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_ctrl_c_ends_130(verb: Callable[..., int]) -> None:
    assert verb("check", failing(KeyboardInterrupt())) == 130


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "--help"], cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)

    assert done.returncode == 141
    assert done.stderr == b""


def test_a_call_looks_for_garbage_seldom() -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)
        cli.main(argv=["--help"])

        assert gc.get_threshold()[0] == cli.NEW_OBJECTS_PER_COLLECTION
    finally:
        gc.set_threshold(*before)
