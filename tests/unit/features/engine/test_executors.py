from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import time
from pathlib import Path
from churn.features.engine.executors import processes

class SlowJob:
    def for_one_of(self, number):
        return self

    @property
    def params(self):
        Path("ready").touch()
        time.sleep(3600)

if __name__ == "__mp_main__":  # in the process of the pool, before it is prepared
    Path("starting").touch()
    time.sleep(1)

if __name__ == "__main__":
    try:
        with processes(SlowJob(), 1) as executor:
            list(executor.map(len, ["a block"]))
    except KeyboardInterrupt:
        print("stopped")
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["starting", "ready"])
def test_ctrl_c_ends_the_processes_of_a_pool_without_a_word(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)

    with subprocess.Popen(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as program:
        while not (tmp_path / moment).exists() and program.poll() is None:
            time.sleep(0.05)
        os.killpg(program.pid, signal.SIGINT)  # a terminal sends Ctrl-C to all processes
        output, errors = program.communicate()

    assert (output, errors) == ("stopped\n", "")
