from __future__ import annotations

import io
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from churn.model.ui_port import read_ui_port
from pipelines import cli, ui

PARAMS = "source: data\nlabel: {kind: inactivity, table: orders, horizon_days: 28}\n"


@pytest.fixture
def params_file(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS)
    return path


@pytest.fixture
def report(params_file: Path) -> Path:
    path = params_file.parent / "output" / "report" / "index.html"
    path.parent.mkdir(parents=True)
    path.write_text("<p>report</p>")
    return path


@pytest.fixture
def program(params_file: Path) -> Iterator[subprocess.Popen[str]]:
    patient = "from pipelines import cli, ui; ui.START_SECONDS = 3600; raise SystemExit(cli.main('ui'))"
    command = [sys.executable, "-c", patient]
    with subprocess.Popen(
        command, cwd=params_file.parent, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as started:
        yield started
        started.send_signal(signal.SIGINT)


@pytest.mark.slow
def test_ui_serves_the_store_says_where_and_stops_by_hand_with_0(
    report: Path, program: subprocess.Popen[str]
) -> None:
    lines = iter(program.stdout or ())

    told_report, told_runs = next(lines).split(), next(lines).split()
    with urllib.request.urlopen(told_runs[1].partition("#")[0]) as page:
        body = page.read()
    program.send_signal(signal.SIGINT)

    assert told_report == ["report", str(report)]
    assert "?workflowType=machine_learning&compareRunsMode=CHART" in told_runs[1]
    assert b"MLflow" in body
    assert f"127.0.0.1:{read_ui_port(report.parents[2] / 'models')}/" in told_runs[1]
    assert program.wait() == 0


def test_a_port_in_use_is_refused_in_words(params_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        code = cli.main("ui", ["--params", str(params_file), "--port", port])

    assert code == 2
    assert f"--port {port} cannot be used" in capsys.readouterr().err


def test_an_unreachable_tracking_server_is_told_in_words(
    params_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main("ui", ["--params", str(params_file), "--set", "tracking.uri=http://127.0.0.1:1"])

    assert code == 13
    assert "http://127.0.0.1:1 cannot be reached" in capsys.readouterr().err


def test_the_address_of_the_store_is_handed_over_where_nobody_lists_it() -> None:
    uri = "postgresql://ana:hush@db/runs"

    assert not any("hush" in word for word in ui._command(5000))
    assert ui._environment(uri)["MLFLOW_BACKEND_STORE_URI"] == uri


def test_a_password_of_a_server_elsewhere_is_not_told(
    params_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main("ui", ["--params", str(params_file), "--set", "tracking.uri=http://ana:hush@127.0.0.1:1"])

    output = "".join(capsys.readouterr())
    assert code == 13
    assert "127.0.0.1:1" in output
    assert "hush" not in output


def test_the_server_ends_well_if_nobody_reads_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    class ClosedStream(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", ClosedStream())
    program = "print('x' * 99 + '\\n', end='', flush=True)\n" * 2000  # more than a pipe holds

    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as server:
        ui._copy_log(server)

    assert server.returncode == 0
