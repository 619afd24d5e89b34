"""Calls of `churn`, each a fork of a process that has imported every verb.

An import of the verbs costs seconds, a fork hundredths of one. The process that forks only imports and waits,
so a fork inherits no connection, no lock and nothing half-done, and what a call changes ends with the call.
The threads that libraries start when they are imported (OpenBLAS, the allocator of DuckDB) sleep meanwhile,
and their libraries begin anew in a fork. `pipelines/test_forked_calls.py` holds forks against new processes.

Two things differ from a new process. All forks have the same seed of hashes; so a test whose bytes might
follow the order of a set calls `program`. And a library reads its part of the environment once, when it is
imported; so a call with another value there is refused.

The program reads a line of JSON for each call, and writes a line with its exit code.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from pipelines.cli import VERBS

READ_BY_IMPORTS = (
    *("ARROW_", "LANG", "LC_", "LD_", "MALLOC_", "MKL_"),
    *("MLFLOW_CONFIGURE_LOGGING", "MLFLOW_DISABLE_TELEMETRY", "MLFLOW_LOGGING_LEVEL"),
    *("OMP_", "OPENBLAS_", "PYTHON", "TZ"),
)
"""The beginnings of the names that Python and the libraries read while they start."""


IMPORTED_LATE = ("mlflow", "mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store")
"""What a verb, or MLflow itself, imports only where it is needed; together they take more than a second."""


class VerbServer:
    """A process that forks for each call of `churn`, started by the first call."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._read_by_imports: dict[str, str] = {}

    def call(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Call `churn` with these arguments, without an input, and wait for its end.

        Raises:
            ValueError: the environment has another value that is read while a process starts.
        """
        process = self._started(environment)
        if changed := self._read_by_imports.items() ^ read_by_imports(environment).items():
            names = ", ".join(sorted({name for name, _ in changed}))
            raise ValueError(f"{names}: read while a process starts, so call `program` and not `churn`.")
        mask = os.umask(0o077)
        os.umask(mask)
        with TemporaryDirectory() as folder:
            paths = [Path(folder) / name for name in ("stdout", "stderr")]
            call = {
                "arguments": [*arguments],
                "cwd": str(cwd),
                "environment": dict(environment),
                "umask": mask,
                "outputs": [str(path) for path in paths],
            }
            code = _answer(process, json.dumps(call))
            stdout, stderr = (path.read_text(encoding="utf-8") for path in paths)
        return subprocess.CompletedProcess(["churn", *arguments], code, stdout, stderr)

    def _started(self, environment: Mapping[str, str]) -> subprocess.Popen[str]:
        if self._process is None:
            self._read_by_imports = read_by_imports(environment)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.verb_server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[1],
                env=dict(environment),
            )
        return self._process

    @property
    def process_id(self) -> int:
        """Return the id of the process whose children the calls are."""
        assert self._process is not None
        return self._process.pid

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            with self._process:
                assert self._process.stdin is not None
                self._process.stdin.close()
            self._process = None


def read_by_imports(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that is read while a process starts."""
    return {name: value for name, value in environment.items() if name.startswith(READ_BY_IMPORTS)}


def _answer(process: subprocess.Popen[str], line: str) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    assert answer, "the process that forks for each call of `churn` has ended"
    return int(answer)


def serve() -> None:
    """Answer calls until the input ends; in a forked process, answer one call and end."""
    before = dict(os.environ)
    for verb in VERBS:
        importlib.import_module(f"pipelines.{verb}")
    for library in IMPORTED_LATE:
        importlib.import_module(library)
    set_by_imports = {name: value for name, value in os.environ.items() if before.get(name) != value}
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        process_id = os.fork()
        if not process_id:
            _perform(json.loads(line), set_by_imports)
        _, status = os.waitpid(process_id, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _perform(call: Mapping[str, Any], set_by_imports: Mapping[str, str]) -> NoReturn:
    """Perform a call as `python -m pipelines` would, and end this process."""
    code = 1
    try:
        opened = [os.open(os.devnull, os.O_RDONLY)]
        opened += [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for path in call["outputs"]]
        for number, descriptor in enumerate(opened):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.umask(call["umask"])
        os.chdir(call["cwd"])
        os.environ.clear()
        os.environ.update({**call["environment"], **set_by_imports})
        sys.path[0] = call["cwd"]
        sys.argv = ["churn", *call["arguments"]]
        runpy.run_module("pipelines", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)  # the end of DuckDB's library would wait for its thread, which a fork does not have


if __name__ == "__main__":
    serve()
