"""Serve the MLflow page, and print the link to the recorded runs."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

from churn.errors import CallError, ModelError
from churn.model.tracking import uri_for_mlflow
from churn.model.ui_port import USUAL_PORT, keep_ui_port, read_ui_port
from churn.params import Params
from churn.secrets import Address
from pipelines.browser import open_page
from pipelines.echo import Echo

VIEW = "workflowType=machine_learning&compareRunsMode=CHART"  # without it MLflow opens its GenAI page
START_SECONDS = 120


def run(
    params: Params, *, cutoff: date | None = None, echo: Echo, port: int | None = None, open: bool = False
) -> None:
    """Serve the MLflow page until stopped by hand, and print the links to the report and to the runs.

    If the MLflow server runs on another machine, only the links are printed. Without `port`, the port of the
    last `churn ui` is used again, because printed links contain it.

    Args:
        params: All of params.yaml.
        cutoff: Not used: all runs are shown.
        echo: Prints the links.
        port: The port of the server.
        open: Whether to open the page of the runs in a browser.

    Raises:
        CallError: the port is taken.
        ModelError: the server did not start.
    """
    report = params.output / "report" / "index.html"
    if report.exists():
        echo(f"report  {report}")
    if params.tracking.uri.startswith(("http://", "https://")):
        address = uri_for_mlflow(params.tracking.uri, params.file).rstrip("/")
        user = _user_of(params.tracking.uri)
        _show(_link(address, params.tracking.experiment, user), echo, is_opened=open)
        return
    usual_ports = (read_ui_port(params.models), USUAL_PORT, 0)
    port = _free_port(usual_ports if port is None else [port])
    address = f"http://127.0.0.1:{port}"
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server must not outlive its parent
    command, environment = _command(port), _environment(uri_for_mlflow(params.tracking.uri, params.file))
    server = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    log = threading.Thread(target=_copy_log, args=(server,), daemon=True)
    log.start()
    try:
        _wait(server, address, log)
        _keep_port(params.models, port, echo)
        _show(_link(address, params.tracking.experiment), echo, is_opened=open)
        echo("Ctrl-C stops it.")
        server.wait()
    except KeyboardInterrupt:
        pass
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()


def _show(link: str, echo: Echo, *, is_opened: bool) -> None:
    """Print the link to the runs and, on request, open it."""
    echo(f"runs    {link}")
    if is_opened:
        open_page(link.partition(" ")[0], echo)  # words may follow the address


def _user_of(uri: str) -> str | None:
    """Return the `user:password` of an address, or None."""
    address = Address.parse(uri)
    return None if address.user is None else f"{address.user}:{address.password or ''}"


def _copy_log(server: subprocess.Popen[bytes]) -> None:
    """Copy the output of the server to stderr; stdout is only for the links.

    Secrets in the output are hidden, because `sys.stderr` is a `SafeStream`.
    """
    assert server.stdout is not None  # the server was started with a pipe
    for line in server.stdout:
        with suppress(OSError):  # the reader of stderr has ended; a full pipe would stop the server
            print(line.decode(errors="replace").rstrip("\r\n"), file=sys.stderr, flush=True)


def _command(port: int) -> list[str]:
    where = ["--host", "127.0.0.1", "--port", str(port)]
    return [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        *where,
        "--workers",
        "1",
        "--uvicorn-opts",
        "--log-level=warning",
    ]


def _environment(uri: str) -> dict[str, str]:
    return os.environ | {
        "MLFLOW_BACKEND_STORE_URI": uri,  # not an argument: every user of the machine can list those
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONWARNINGS": "ignore",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]),  # for uvicorn
    }


def _free_port(ports: Sequence[int]) -> int:
    """Return the first port that is free; the port 0 stands for any free port."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError):
                continue
            return int(probe.getsockname()[1])
    raise CallError(f"--port {ports[0]} cannot be used. Without --port, churn takes a free port.")


def _keep_port(models: Path, port: int, echo: Echo) -> None:
    try:
        keep_ui_port(models, port)
    except OSError as error:  # the page works without it
        echo.warn(
            f"{models}: the port of this page cannot be stored here ({error.strerror}). So the links to this "
            "page that other verbs print may have a wrong port."
        )


def _wait(server: subprocess.Popen[bytes], address: str, log: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            log.join(timeout=10)
            raise ModelError(f"mlflow server ended with code {server.returncode}; its messages are above.")
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise ModelError(f"mlflow server did not answer within {START_SECONDS} seconds.")


def _link(address: str, experiment: str, user: str | None = None) -> str:
    """Return the address of an MLflow experiment; if it does not exist yet, the address of the front page."""
    name = urllib.parse.quote(experiment)
    try:
        query = f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}"
        request = urllib.request.Request(query)
        if user:
            request.add_header("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            number = json.load(answer)["experiment"]["experiment_id"]
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise ModelError(f"{address} answered {error.code} {error.reason}.") from None
        return f"{address}/#/?{VIEW} (no experiment '{experiment}' yet; `churn train` creates it)"
    except urllib.error.URLError as error:
        raise ModelError(f"{address} cannot be reached: {error.reason}.") from None
    return f"{address}/#/experiments/{number}/runs?{VIEW}"


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("ui"))
