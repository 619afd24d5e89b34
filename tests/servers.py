"""A real PostgreSQL, Spark and model server for tests, or the reason why there is none."""

from __future__ import annotations

import getpass
import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Run a new PostgreSQL on a free loopback port, as an ordinary user, and give its address."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server here: Debian's package postgresql brings it")
    binaries = Path(found[-1]).parent
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    shutil.chown(folder, user)

    def call(*command: str) -> None:
        as_user = ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd="/")

    data = folder / "data"
    call(str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "-E", "UTF8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    call(
        str(binaries / "pg_ctl"),
        "-D",
        str(data),
        "-w",
        "-t",
        "3600",
        "-l",
        str(folder / "log"),
        "-o",
        options,
        "start",
    )
    try:
        yield f"postgresql://postgres:secret@127.0.0.1:{port}/postgres"
    finally:
        call(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_spark() -> Iterator[Any]:
    """Run a local Spark of two tasks at a time, whose Python is this one, and give its session."""
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: pip install 'churn[spark]'")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is none here")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "Europe/Berlin",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # What pays for itself on much data costs half a minute on little.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
    }
    session = sql.SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    try:
        yield session
    finally:
        session.stop()


@contextmanager
def running_model_server(folder: Path) -> Iterator[str]:
    """Run `mlflow models serve` on a model folder and a free loopback port, and give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(folder)]
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # for uvicorn
    server = subprocess.Popen(
        [*command, "--env-manager", "local", "--port", str(port), "--workers", "1"],
        env=os.environ | {"PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        while not answers(f"{address}/ping"):
            assert server.poll() is None, f"mlflow models serve ended with code {server.returncode}"
            time.sleep(0.3)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def answers(address: str) -> bool:
    """Return whether a server answers at an address."""
    try:
        with urllib.request.urlopen(address):
            return True
    except OSError:
        return False
