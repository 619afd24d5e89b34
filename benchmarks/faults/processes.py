"""One process for each mutated input: a fork of a process that has imported everything.

The process that forks opens no connection and starts no thread, so a fork is as good as a new process, and
costs a hundredth of it. What depends on the code alone is computed before the fork: the modules that a verb
imports late, the digests of the signals, and the times of the undisturbed files.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from benchmarks.faults.kinds import KINDS, SOURCE_LINE, Kind
from benchmarks.faults.outcome import Answer, outcome_of
from benchmarks.faults.reading import expected_rows
from benchmarks.faults.world import write_world
from churn.features.definition import definitions
from churn.features.library import all_signals
from churn.params import load_params
from pipelines import cli

MAX_BYTES = 12 * 2**30
"""The address space of a process; a mutation must not use up the memory of the machine."""

MAX_WORDS = 400


@dataclass(frozen=True)
class Call:
    """A running process and what it works on."""

    number: int
    kind: str
    verb: str
    slot: int
    folder: Path
    mutation_file: Path
    deadline: float


class Harness:
    """A trained world, and the calls of verbs on mutated copies of it.

    Args:
        world: The folder of the trained world; it is made if it is missing.
        seed: The seed of the mutations.
        deadline: The seconds after which a call counts as a hang.
    """

    def __init__(self, world: Path, seed: int, deadline: float) -> None:
        self.world = world.resolve()
        self.seed = seed
        self.deadline = deadline
        self.verbs = sorted({verb for kind in KINDS.values() for verb in kind.verbs})

    def prepare(self) -> None:
        """Import the verbs, train the world, and call each verb on each kind of input without a mutation."""
        os.environ |= {"OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
        for verb in (*self.verbs, "run"):
            importlib.import_module(f"pipelines.{verb}")
        gc.collect()
        gc.freeze()
        if not (self.world / "models" / "champion").exists():
            self.world.mkdir(parents=True, exist_ok=True)
            write_world(self.world)
            self._wait_for(self.world, "run")
        for name, kind in KINDS.items():
            for verb in kind.verbs:
                folder = self._sound_folder(name, verb)
                if not _names_of_modules(folder).exists():
                    remove_folder(folder)
                    self._copy(kind, folder)
                    self._wait_for(folder, verb)
        self._compute_what_children_share()
        gc.collect()
        gc.freeze()

    def _compute_what_children_share(self) -> None:
        """Import what the verbs have imported late, and fill the caches that no input can change.

        Raises:
            RuntimeError: a thread was started, and a fork could find a lock that nobody gives back.
        """
        n_threads = len(os.listdir("/proc/self/task"))
        for path in sorted(self.world.parent.glob(f"{self.world.name}-*.modules")):
            for module in path.read_text(encoding="utf-8").split():
                with suppress(ImportError):  # some are made by other modules, and have no file
                    importlib.import_module(module)
        definitions(all_signals(load_params(self.world / "params.yaml")).values())
        for text_format in ("csv", "jsonl"):  # a reader of Parquet would start threads
            expected_rows(self.world / "data" / text_format)
        if len(os.listdir("/proc/self/task")) > n_threads:
            raise RuntimeError("a thread was started, so this process must not fork")

    def answer(
        self,
        numbers: Iterable[int],
        scratch: Path,
        n_processes: int,
        keep: Callable[[Answer], None],
        end: float | None = None,
    ) -> None:
        """Call a verb on each input.

        Args:
            numbers: The numbers of the inputs.
            scratch: The folder of the copies.
            n_processes: How many calls run side by side.
            keep: Gets each answer.
            end: The time of `time.monotonic` after which no call begins; None for no end.
        """
        waiting = iter(numbers)
        calls: dict[int, Call] = {}
        free_slots = [*range(n_processes)]
        exhausted = False
        while calls or not exhausted:
            while free_slots and not exhausted:
                number = next(waiting, None) if end is None or time.monotonic() < end else None
                if number is None:
                    exhausted = True
                else:
                    slot = free_slots.pop()
                    process_id, call = self._begin(number, slot, scratch / f"slot-{slot}")
                    calls[process_id] = call
            for process_id in [*calls]:
                if answer := self._end(process_id, calls[process_id]):
                    free_slots.append(calls.pop(process_id).slot)
                    keep(answer)
            time.sleep(0.003)

    def kind_of(self, number: int) -> tuple[str, str, random.Random]:
        """Draw the kind, the verb and the source of randomness of an input."""
        rng = random.Random(f"{self.seed}/{number}")
        (name,) = rng.choices([*KINDS], [kind.share for kind in KINDS.values()])
        return name, rng.choice(KINDS[name].verbs), rng

    def _begin(self, number: int, slot: int, folder: Path) -> tuple[int, Call]:
        name, verb, rng = self.kind_of(number)
        remove_folder(folder)
        mutation_file = folder.with_name(f"{folder.name}.json")
        call = Call(number, name, verb, slot, folder, mutation_file, time.monotonic() + self.deadline)
        process_id = os.fork()
        if not process_id:
            self._answer_in_child(call, rng)
        return process_id, call

    def _answer_in_child(self, call: Call, rng: random.Random) -> NoReturn:
        """Mutate, call the verb and judge its result, in the forked process."""
        facts = {"mutation": "", "code": None, "wrong": ""}
        try:
            kind = KINDS[call.kind]
            self._copy(kind, call.folder)
            facts["mutation"] = kind.mutate(call.folder, rng)
            call.mutation_file.write_text(json.dumps(facts))
            facts["code"] = _call_verb(call.folder, call.verb)
            call.mutation_file.write_text(json.dumps(facts))
            if facts["code"] == 0:
                facts["wrong"] = kind.judge(call.folder, self._sound_folder(call.kind, call.verb))
        except BaseException as error:  # a mistake of the benchmark must not count as an answer
            facts["wrong"] = f"the benchmark failed: {type(error).__name__}: {error}"
            facts["trace"] = traceback.format_exc()
        call.mutation_file.write_text(json.dumps(facts))
        os._exit(0)

    def _end(self, process_id: int, call: Call) -> Answer | None:
        """Return the answer of a process that has ended or that must be ended; None while it runs."""
        ended_id, status, usage = os.wait4(process_id, os.WNOHANG)
        is_late = not ended_id and time.monotonic() > call.deadline
        if not ended_id and not is_late:
            return None
        if is_late:
            # The child may have ended meanwhile, or may not yet lead a process group of its own.
            with suppress(ProcessLookupError):
                os.killpg(process_id, signal.SIGKILL)
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
            _, status, usage = os.wait4(process_id, 0)
        facts = json.loads(call.mutation_file.read_text()) if call.mutation_file.exists() else {}
        stderr_file = call.folder.with_name(f"{call.folder.name}.err")
        stderr = stderr_file.read_text(errors="replace") if stderr_file.exists() else ""
        signal_code = os.waitstatus_to_exitcode(status)
        code = None if is_late else facts.get("code") if signal_code == 0 else signal_code
        wrong = str(facts.get("wrong", ""))
        if wrong.startswith("the benchmark failed"):
            print(call, facts, file=sys.stderr, flush=True)
        words = wrong or " ".join(stderr.split())[-MAX_WORDS:]
        return Answer(
            number=call.number,
            kind=call.kind,
            mutation=str(facts.get("mutation", "")),
            call=call.verb,
            outcome=outcome_of(code, stderr, wrong),
            code=code,
            words=words,
            seconds=round(usage.ru_utime + usage.ru_stime, 2),
        )

    def _wait_for(self, folder: Path, verb: str) -> None:
        """Call a verb on an undisturbed folder.

        Raises:
            RuntimeError: The verb did not end well.
        """
        process_id = os.fork()
        if not process_id:
            code = _call_verb(folder, verb)
            _names_of_modules(folder).write_text("\n".join(sys.modules), encoding="utf-8")
            os._exit(code & 0xFF)
        _, status = os.waitpid(process_id, 0)
        if code := os.waitstatus_to_exitcode(status):
            text = folder.with_name(f"{folder.name}.err").read_text(errors="replace")
            raise RuntimeError(f"`churn {verb}` on an undisturbed folder ended {code}:\n{text}")

    def _sound_folder(self, kind: str, verb: str) -> Path:
        name = "".join(letter if letter.isalnum() else "-" for letter in f"{kind}-{verb}")
        return self.world.with_name(f"{self.world.name}-{name}")

    def _copy(self, kind: Kind, folder: Path) -> None:
        """Copy the parts of the world that a kind of input needs; the source is read where it is."""
        for part in kind.parts:
            path, copy = self.world / part, folder / part
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, copy, symlinks=True)
            else:
                shutil.copy2(path, copy)
        if kind.source:
            path = folder / "params.yaml"
            text, n = SOURCE_LINE.subn(f"source: {kind.source}", path.read_text(encoding="utf-8"))
            if n != 1:
                raise RuntimeError(f"{path} has {n} lines of the source")
            path.write_text(text, encoding="utf-8")


def _names_of_modules(folder: Path) -> Path:
    """Return the file with the names of the modules that a verb has imported on an undisturbed folder."""
    return folder.with_name(f"{folder.name}.modules")


def _call_verb(folder: Path, verb: str) -> int:
    """Call a verb in this process, with its output in files beside the folder."""
    os.setsid()
    _, hard_limit = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, hard_limit))
    for number, suffix in ((1, "out"), (2, "err")):
        path = folder.with_name(f"{folder.name}.{suffix}")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, number)
    os.chdir(folder)
    try:
        return cli.main(verb, [])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def remove_folder(folder: Path) -> None:
    """Remove a folder, also one with parts that nobody may read."""
    if folder.exists():
        shutil.rmtree(folder)
    for suffix in ("json", "out", "err"):
        folder.with_name(f"{folder.name}.{suffix}").unlink(missing_ok=True)
