"""What a killed night leaves in files and database: `python -m benchmarks.kills.night --write`.

`churn score` with a PostgreSQL sink is killed at evenly spaced moments of its CPU time, then called again. A
further receiver of the night is one more `Receiver`.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}

import pyarrow.parquet as pq
import yaml
from adbc_driver_postgresql import dbapi

from benchmarks import write_table
from benchmarks.kills.process import Ending, Verb, import_what_verbs_import, run_verb
from benchmarks.kills.workshop import clear, names_in, problems_in_words
from benchmarks.kills.world import write_project, write_source
from churn.data.sinks.postgresql import PostgresqlSink
from tests.servers import running_postgresql

README = Path(__file__).with_name("README.md")
MARKS = ("<!-- table of benchmarks.kills.night -->", "<!-- end of table of nights -->")
ADDRESS = "CHURN_NIGHT_DATABASE"
SUNDAY, MONDAY = "2024-10-07", "2024-10-14"
"""The night before, and the night that is killed."""

PLAYBOOK = """\
plays:
  - name: talk
    when: {churn_probability: {at_least: 0.0}}
    action: Ask what is missing
    owner: customer success
    channel: email
    due_in_days: 3
    success: A login in the 14 days after the contact
"""
STARTS = {
    "a new night": "the night before is in files and database",
    "the same night again, changed": "another night of the same cutoff is there",
}
AT_STEPS = ", before each statement to the database"
Dump = Mapping[str, tuple[tuple[Any, ...], ...]]


class Receiver(Protocol):
    """A further receiver of the night, such as an outbox; the database is looked at in any case."""

    def reset(self, start: str) -> None:
        """Be as before the night that is killed; `start` is a key of `STARTS`."""

    def note_whole_night(self, start: str, project: Path) -> None:
        """Keep what an undisturbed night has left; it was called after `reset`."""

    def problems_after_kill(self, project: Path) -> Iterator[str]:
        """Yield what is wrong after the kill."""

    def problems_after_next(self, project: Path) -> Iterator[str]:
        """Yield what is wrong after the next call."""

    def state(self) -> str:
        """Return a digest of what the receiver got, to recognise a state that was there before."""


@dataclass(frozen=True)
class KilledNight:
    """What came of one killed night.

    Attributes:
        start: What was there before, a key of `STARTS`; with `AT_STEPS` if it was killed before a statement.
        moment: The CPU seconds after which it was killed, or the number of the statement before which it was.
        code: The exit code of the killed call; 0 if it had ended before.
        files: Whether the files of the night were `before`, `none` or `complete`.
        database: Whether the database was `before` or `complete`.
        problems: What is wrong, in sentences.
    """

    start: str
    moment: float
    code: int
    files: str
    database: str
    problems: tuple[str, ...]


class Database(Protocol):
    """A place in which the databases of nights are copied and read.

    Attributes:
        kind: The name of the program.
    """

    kind: str

    def address_of(self, name: str) -> str:
        """Return the address of a database."""

    def copy(self, name: str, template: str) -> None:
        """Let a database be a copy of another one; `template1` is empty."""

    def dump(self, name: str) -> Dump:
        """Return all rows of a database, as soon as no other program is connected."""

    def task_ids(self, name: str) -> set[tuple[str, str]]:
        """Return cutoff and task of each call in a database."""


class Server:
    """A PostgreSQL in which databases are copied."""

    kind = "PostgreSQL"

    def __init__(self, address: str) -> None:
        self._address = address

    def address_of(self, name: str) -> str:
        """Return the address of a database."""
        return self._address.rpartition("/")[0] + f"/{name}"

    def copy(self, name: str, template: str) -> None:
        """Let a database be a copy of another one."""
        with dbapi.connect(self._address, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    def dump(self, name: str) -> Dump:
        """Return all rows of a database, as soon as no other program is connected."""
        with (
            dbapi.connect(self.address_of(name), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            while True:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
                if cursor.fetchone() == (0,):
                    break
            rows: dict[str, tuple[tuple[Any, ...], ...]] = {}
            for table in ("scores", "scores_latest", "calls", "nights"):
                cursor.execute(f"SELECT to_regclass('churn.{table}')::text")
                if cursor.fetchone() == (None,):
                    continue
                cursor.execute(f"SELECT t::text, cutoff::text FROM churn.{table} t ORDER BY 1")
                rows[table] = tuple(cursor.fetchall())
            return rows

    def task_ids(self, name: str) -> set[tuple[str, str]]:
        """Return cutoff and task of each call in a database."""
        with (
            dbapi.connect(self.address_of(name), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT cutoff::text, task_id FROM churn.calls")
            return {(str(cutoff), str(task)) for cutoff, task in cursor.fetchall()}


class SqliteFiles:
    """SQLite files in a folder, for a machine without a PostgreSQL server."""

    kind = "SQLite, because there is no PostgreSQL server here"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def address_of(self, name: str) -> str:
        """Return the address of a file."""
        return f"sqlite:///{self._path(name)}"

    def copy(self, name: str, template: str) -> None:
        """Let a file be a copy of another one, without the journal of a killed writer."""
        for path in self._folder.glob(f"{name}.sqlite*"):
            path.unlink()
        if self._path(template).exists():
            shutil.copyfile(self._path(template), self._path(name))

    def dump(self, name: str) -> Dump:
        """Return all rows of a file; opening it undoes what a killed writer has not committed."""
        if not self._path(name).exists():
            return {}
        with closing(sqlite3.connect(self._path(name))) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master ORDER BY name")]
            return {
                table: tuple(sorted(connection.execute(f'SELECT * FROM "{table}"'), key=repr))
                for table in names
                if table in ("churn_scores", "churn_scores_latest", "churn_calls", "churn_nights")
            }

    def task_ids(self, name: str) -> set[tuple[str, str]]:
        """Return cutoff and task of each call in a file."""
        with closing(sqlite3.connect(self._path(name))) as connection:
            rows = connection.execute("SELECT cutoff, task_id FROM churn_calls").fetchall()
        return {(str(cutoff), str(task)) for cutoff, task in rows}

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.sqlite"


STATEMENTS = ("execute", "append", "commit")
"""The methods of a sink that send something to the server."""


@contextmanager
def _killed_before_statement(step: int) -> Iterator[None]:
    """Let a process that is forked in the block kill itself right before its n-th statement."""
    left = iter(range(step - 1, -1, -1))
    methods = {name: getattr(PostgresqlSink, name) for name in STATEMENTS}

    def with_kill(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(left, None) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return method(*arguments, **options)

        return call

    for name, method in methods.items():
        setattr(PostgresqlSink, name, with_kill(method))
    try:
        yield
    finally:
        for name, method in methods.items():
            setattr(PostgresqlSink, name, method)


class NightWorkshop:
    """A company with a night in files and database, and what an undisturbed next night makes of it."""

    def __init__(
        self,
        folder: Path,
        server: Database,
        receivers: Sequence[Receiver] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Train a model, score the nights that are there before, and the undisturbed night.

        Args:
            folder: An empty folder.
            server: The databases of the nights.
            receivers: Further receivers of the nights.
            settings: Further sections of `params.yaml`; `score` gets the address of the database in any case.

        Raises:
            RuntimeError: an undisturbed call fails, or differs with what was there before.
        """
        self.project = folder / "project"
        self._folder = folder
        self.server = server
        self.receivers = receivers
        self.n_calls_after = 0
        self._problems_of_state: dict[str, tuple[str, ...]] = {}
        write_source(folder / "source")
        write_project(self.project, folder / "source")
        (self.project / "playbook.yaml").write_text(PLAYBOOK)
        import_what_verbs_import(self.project, "run")
        for module in ("pipelines.score", "churn.handover.database", "adbc_driver_postgresql.dbapi"):
            importlib.import_module(module)
        for name in ("modules", "log"):
            (self.project / name).unlink()
        path = self.project / "params.yaml"
        params = yaml.safe_load(path.read_text())
        params |= settings or {}
        params["score"] = params.get("score", {}) | {"sink": {"connection": f"${{{ADDRESS}}}"}}
        path.write_text(yaml.safe_dump(params, sort_keys=False))
        for name in ("scores", "calls", "ledger", "outbox"):
            shutil.rmtree(self.project / "output" / name, ignore_errors=True)

        new, again = STARTS
        self.server.copy("night", "template1")
        for receiver in self.receivers:
            receiver.reset(new)
        self._score("--cutoff", SUNDAY)
        self._keep(new)
        self._score("--cutoff", MONDAY, "--set", "score.reasons=1")
        self._keep(again)
        self.before = {start: self._observe(start) for start in STARTS}
        self.files_of_sunday = files_of(self.project, SUNDAY)
        self.cpu_seconds = {}
        results = []
        for start in STARTS:
            self.reset(start)
            self.cpu_seconds[start] = self._score("--cutoff", MONDAY)
            results.append((files_of(self.project, MONDAY), self.server.dump("night"), self._names()))
            for receiver in self.receivers:
                receiver.note_whole_night(start, self.project)
        if results[0][0] != results[1][0]:
            raise RuntimeError("the undisturbed night depends on what was there before")
        self.expected = dict(zip(STARTS, results, strict=True))

    def reset(self, start: str) -> None:
        """Let files, database and receivers be as before the night that is killed."""
        clear(self.project / "output")
        shutil.copytree(self._saved_output(start), self.project / "output", symlinks=True, dirs_exist_ok=True)
        self.server.copy("night", self._database(start))
        for receiver in self.receivers:
            receiver.reset(start)

    def kill(self, start: str, moment: float) -> KilledNight:
        """Kill the night after this CPU time, look at what is left, and call it again."""
        self.reset(start)
        verb = Verb(self.project, "score", ("--cutoff", MONDAY), is_repeatable=True)
        verb.wait_for(lambda: verb.cpu_seconds() >= moment)
        verb.send(signal.SIGKILL)
        return self._look(start, moment, verb.end())

    def kill_at_step(self, start: str, step: int) -> KilledNight:
        """Kill the night right before its n-th statement to the database, look, and call it again."""
        self.reset(start)
        with _killed_before_statement(step):
            verb = Verb(self.project, "score", ("--cutoff", MONDAY), is_repeatable=True)
        return self._look(start, step, verb.end())

    def _look(self, start: str, moment: float, ending: Ending) -> KilledNight:
        files, dump = files_of(self.project, MONDAY), self.server.dump("night")
        expected_files, expected_dump, _ = self.expected[start]
        before_files, before_dump = self.before[start]
        files_state = state_of_files(lists_of(files), lists_of(before_files), lists_of(expected_files))
        database_state = "complete" if dump == expected_dump else "before" if dump == before_dump else "OTHER"
        problems = [*problems_in_words(ending, "the night"), *self._problems_after_kill(dump, database_state)]
        if files_state == "OTHER":
            problems.append("the files of the night are neither those before nor complete")
        if database_state == "OTHER":
            problems.append("the database is neither as before nor complete")
        if database_state == "complete" and files_state != "complete":
            problems.append("the database has a night that the files do not have")
        problems += self._problems_of_next_call(start)
        return KilledNight(start, moment, ending.code, files_state, database_state, tuple(problems))

    def _problems_after_kill(self, dump: Dump, database_state: str) -> Iterator[str]:
        if files_of(self.project, SUNDAY) != self.files_of_sunday:
            yield "the files of the night before have changed"
        if dump and database_state != "before":
            missing = self.server.task_ids("night") - ledger_tasks(self.project)
            if missing:
                yield f"{len(missing)} calls of the database have no row in the ledger"
        for receiver in self.receivers:
            yield from receiver.problems_after_kill(self.project)

    def _problems_of_next_call(self, start: str) -> tuple[str, ...]:
        """Call the night once more; what follows the same files, database and receivers is not repeated."""
        state = digest_of(
            start,
            files_digests(self.project),
            self.server.dump("night"),
            *(r.state() for r in self.receivers),
        )
        if state not in self._problems_of_state:
            self.n_calls_after += 1
            self._problems_of_state[state] = tuple(self._problems_after_next(start))
        return self._problems_of_state[state]

    def _problems_after_next(self, start: str) -> Iterator[str]:
        files_stood = files_of(self.project, MONDAY) == self.expected[start][0]
        database_missed = self.server.dump("night") == self.before[start][1]
        ending = run_verb(self.project, "score", "--cutoff", MONDAY)
        if ending.code:
            yield f"the next night ended with {ending.code}: {ending.last_line}"
        yield from problems_in_words(ending, "the next night")
        files, dump, names = self.expected[start]
        if files_of(self.project, MONDAY) != files:
            yield "the files after the next night are not those of an undisturbed night"
        if self.server.dump("night") != dump:
            yield "the database after the next night is not that of an undisturbed night"
        yield from (f"litter: {name}" for name in sorted(self._names() - names))
        yield from (f"missing: {name}" for name in sorted(names - self._names()))
        is_named = "its files are from an earlier call" in ending.text
        if start == "a new night" and is_named != (files_stood and database_missed):
            yield "the next night does not say that it hands over what an earlier call had left"
        for receiver in self.receivers:
            yield from receiver.problems_after_next(self.project)

    def _score(self, *options: str) -> float:
        os.environ[ADDRESS] = self.server.address_of("night")
        ending = Verb(self.project, "score", options, is_repeatable=True).end()
        if ending.code:
            raise RuntimeError(f"an undisturbed night ended with {ending.code}:\n{ending.text}")
        return ending.cpu_seconds

    def _keep(self, start: str) -> None:
        shutil.copytree(self.project / "output", self._saved_output(start), symlinks=True)
        self.server.copy(self._database(start), "night")

    def _saved_output(self, start: str) -> Path:
        return self._folder / start / "output"

    def _database(self, start: str) -> str:
        return f"before {start}"

    def _observe(self, start: str) -> tuple[Mapping[str, str], Dump]:
        self.reset(start)
        return files_of(self.project, MONDAY), self.server.dump("night")

    def _names(self) -> frozenset[str]:
        return names_in(self.project)


def files_of(project: Path, night: str) -> Mapping[str, str]:
    """Return the SHA-256 of each file of a night that is there, by its path."""
    output = project / "output"
    folders = (output / name / f"cutoff={night}" for name in ("scores", "calls", "ledger"))
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted(folder.glob("*"))
        if path.is_file()
    }


def lists_of(files: Mapping[str, str]) -> Mapping[str, str]:
    """Return the files that people and programs read; the page of the ledger follows in a second step."""
    return {path: digest for path, digest in files.items() if not path.startswith("ledger")}


def files_digests(project: Path) -> tuple[tuple[str, str], ...]:
    """Return the files below output that decide what the next call finds; locks hold a process's number."""
    output = project / "output"
    return tuple(
        (str(path.relative_to(output)), hashlib.sha256(path.read_bytes()).hexdigest())
        for name in ("scores", "calls", "ledger")
        for path in sorted((output / name).rglob("*"))
        if path.is_file()
    ) + tuple((path.name.rstrip("0123456789"), "") for path in sorted(output.glob(".night-*")))


def ledger_tasks(project: Path) -> set[tuple[str, str]]:
    """Return night and task of each task that the published ledger knows at a night: its own and earlier."""
    known: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for folder in sorted((project / "output" / "ledger").glob("cutoff=*")):
        known |= {str(task) for task in pq.read_table(folder / "tasks.parquet")["task_id"].to_pylist()}
        pairs |= {(folder.name.removeprefix("cutoff="), task) for task in known}
    return pairs


def digest_of(*parts: Any) -> str:
    """Return a digest of values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def state_of_files(files: Mapping[str, str], before: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Return whether the files of a night are `complete`, `none`, those `before`, or something else."""
    if files == expected:
        return "complete"
    if not files:
        return "none"
    return "before" if files == before else "OTHER"


def table(nights: Sequence[KilledNight]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| night | killed | files, then database, after the kill | problems |"
    yield "|---|---:|---|---:|"
    for start in [*STARTS, *(f"{start}{AT_STEPS}" for start in STARTS)]:
        here = [night for night in nights if night.start == start]
        counts = Counter(f"{night.files}, {night.database}" for night in here)
        shown = "; ".join(f"{states}: {count}" for states, count in sorted(counts.items()))
        n_killed = sum(night.code == -signal.SIGKILL for night in here)
        n_bad = sum(bool(night.problems) for night in here)
        if here:
            yield f"| {start} | {n_killed} of {len(here)} | {shown} | {n_bad} |"


def main(argv: Sequence[str] | None = None) -> int:
    """Kill nights, and print each problem and the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills.night", description=__doc__)
    parser.add_argument("--moments", type=int, default=200, help="how many nights are killed")
    parser.add_argument("--steps", action="store_true", help="kill before each statement to the database")
    parser.add_argument("--only", nargs="+", choices=[*STARTS], default=[*STARTS], metavar="START")
    parser.add_argument("--keep", type=Path, help="the file that gets the outcomes")
    parser.add_argument("--join", type=Path, nargs="+", default=[], help="outcomes of earlier calls")
    parser.add_argument("--write", action="store_true", help=f"put the table into {README.name}")
    arguments = parser.parse_args(argv)
    n = arguments.moments // len(STARTS)
    nights = _kill_nights(arguments.only, n, arguments.steps) if n or arguments.steps else []
    if arguments.keep:
        arguments.keep.write_text(json.dumps([asdict(night) for night in nights]))
    for path in arguments.join:
        nights += [KilledNight(**night) for night in json.loads(path.read_text())]
    lines = "\n".join(table(nights))
    print(lines)
    if arguments.write:
        write_table(README, MARKS, lines)
    return int(any(night.problems for night in nights))


def _kill_nights(starts: Sequence[str], n: int, has_steps: bool) -> list[KilledNight]:
    """Kill `n` nights of each start at evenly spaced moments, and print what is left.

    Args:
        starts: Keys of `STARTS`.
        n: The number of moments of each start.
        has_steps: Whether a further night is killed before each statement to the database.
    """
    nights = []
    with tempfile.TemporaryDirectory(prefix="night-kills-") as folder, running_postgresql() as address:
        workshop = NightWorkshop(Path(folder), Server(address))
        for start in starts:
            seconds = workshop.cpu_seconds[start]
            print(f"{start}: an undisturbed night takes {seconds:.2f} CPU seconds", flush=True)
            for number in range(n):
                nights.append(workshop.kill(start, seconds * (number + 0.5) / n))
                _show(nights[-1], f"after {nights[-1].moment:.3f} s")
            step = 0
            while has_steps:
                step += 1
                nights.append(replace(workshop.kill_at_step(start, step), start=f"{start}{AT_STEPS}"))
                _show(nights[-1], f"before statement {step}")
                if nights[-1].code != -signal.SIGKILL:  # it sends fewer statements
                    break
        print(f"{workshop.n_calls_after} different states, each followed by a call")
    return nights


def _show(night: KilledNight, when: str) -> None:
    """Print one outcome, and each of its problems."""
    print(f"{night.start}: {when}: {night.code}; files {night.files}, database {night.database}", flush=True)
    for problem in night.problems:
        print(f"  PROBLEM {problem}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
