"""A folder in which verbs are disturbed, and the check that the run after each disturbance repairs it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kills.process import Ending, Verb, run_verb
from benchmarks.kills.world import write_project, write_source

COMPARED_FILES = (
    "output/store/",
    "output/rejects/",
    "output/snapshots/",
    "output/train/bundle/",
    "output/train/out_of_time.parquet",
    "output/evaluate/predictions.parquet",
    "output/scores/",
    "output/calls/",
    "models/champion/bundle/",
)
"""The files whose bytes must be those of an undisturbed run; the others hold ids, times or a version."""

MLFLOW_FILES = "mlartifacts/"
"""MLflow names its files by ids that it draws; what belongs to a run that was stopped stays with it."""

DRAWN_NAME = re.compile(r"[0-9a-f]{32}|(?<=\.store-)[0-9a-f]{12}")
PROCESS_ID = re.compile(r"(?<=\.night-)\d+|(?<=\.)\d+(?=\.new)")


LOCK_OF_PAGES = "output/.pages.lock"
"""The lock of `churn report` and `churn check`: it stays, as the other locks do, and `churn run` has none."""


@dataclass(frozen=True)
class ProjectFiles:
    """What verbs have left in a project.

    Attributes:
        digests: The SHA-256 of each file of `COMPARED`, by its path in the project.
        names: The names of all files and of empty folders.
    """

    digests: Mapping[str, str]
    names: frozenset[str]

    @classmethod
    def read(cls, project: Path) -> ProjectFiles:
        """Read a project."""
        digests = {path: digest for path, digest in file_digests(project) if path.startswith(COMPARED_FILES)}
        return cls(digests, names_in(project))

    def differences(self, expected: ProjectFiles) -> Iterator[str]:
        """Yield how these files differ from those of an undisturbed run."""
        for path in sorted({*self.digests, *expected.digests}):
            if path not in self.digests:
                yield f"missing: {path}"
            elif self.digests[path] != expected.digests.get(path):
                yield f"other bytes: {path}"
        yield from (f"litter: {name}" for name in sorted(self.names - expected.names - {LOCK_OF_PAGES}))
        yield from (f"missing: {name}" for name in sorted(expected.names - self.names))


class Workshop:
    """A folder with a tiny company and the files that an undisturbed verb makes of it."""

    def __init__(self, folder: Path, verb: str = "run") -> None:
        """Write the source, and measure what the undisturbed verb does.

        Args:
            folder: An empty folder; the verbs work in its sub-folder `project`, under always the same path.
            verb: The verb that is disturbed and then called again.

        Raises:
            RuntimeError: the undisturbed verb fails, or writes other bytes when it is called again.
        """
        self.project = folder / "project"
        self.source = folder / "source"
        self.verb = verb
        self.n_calls_after = 0
        self._finished_folder = folder / "finished"
        self._known_states: dict[str, tuple[str, ...]] = {}
        write_source(self.source)
        self._call_undisturbed()
        self.files = ProjectFiles.read(self.project)
        self._call_undisturbed()
        if differences := [*ProjectFiles.read(self.project).differences(self.files)]:
            raise RuntimeError(f"two undisturbed calls differ: {', '.join(differences)}")
        self.n_bytes = sum(path.stat().st_size for path in self.project.rglob("*") if path.is_file())
        shutil.copytree(self.project, self._finished_folder, symlinks=True)

    def _call_undisturbed(self) -> None:
        """Call the verb once, and measure its CPU time and when MLflow's database is made."""
        self.empty()
        process = Verb(self.project, self.verb, is_repeatable=True)
        process.wait_for(lambda: any(self.project.glob(".mlflow.db.new*")))
        self.database_begin = process.cpu_seconds()
        ending = process.end()
        self.cpu_seconds = ending.cpu_seconds
        if ending.code:
            raise RuntimeError(f"an undisturbed {self.verb} ended with {ending.code}:\n{ending.text}")

    def empty(self) -> None:
        """Leave only the parameter file and the playbook in the project."""
        clear(self.project)
        write_project(self.project, self.source)

    def finish(self) -> None:
        """Let the project be as after an undisturbed run."""
        clear(self.project)
        shutil.copytree(self._finished_folder, self.project, symlinks=True, dirs_exist_ok=True)

    def problems_of_next_call(self, is_repeatable: bool = False) -> tuple[str, ...]:
        """Call the verb once more, and return what is not as after an undisturbed call.

        Args:
            is_repeatable: Whether the same state of the disk may have been here before; a call that begins
                with a known state is not repeated.
        """
        state = self._state() if is_repeatable else ""
        if not is_repeatable or state not in self._known_states:
            self.n_calls_after += 1
            self._known_states[state] = tuple(self._problems_after(run_verb(self.project, self.verb)))
        return self._known_states[state]

    def _problems_after(self, ending: Ending) -> Iterator[str]:
        if ending.code:
            yield f"the next {self.verb} ended with {ending.code}: {ending.last_line}"
        yield from problems_in_words(ending, f"the next {self.verb}")
        yield from ProjectFiles.read(self.project).differences(self.files)

    def _state(self) -> str:
        """Return a digest of all files; locks hold the number of a process and do not count."""
        digest = hashlib.sha256()
        for path, content in sorted(file_digests(self.project)):
            if not path.endswith("lock"):
                digest.update(f"{PROCESS_ID.sub('', path)} {content}\n".encode())
        return digest.hexdigest()


def problems_in_words(ending: Ending, speaker: str) -> Iterator[str]:
    """Yield what no verb may print: a traceback, "a bug", or nothing at all with a code that is not 0."""
    if "Traceback" in ending.text:
        yield f"{speaker} shows a traceback: {ending.last_line}"
    if "a bug" in ending.text:
        yield f"{speaker} says a bug: {ending.last_line}"
    if ending.code > 0 and not ending.text.strip():
        yield f"{speaker} ended with {ending.code} without a word"


def file_digests(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield path and SHA-256 of each file; the store is named by its link, as the verbs name it."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in (*names, *(name for name in folders if (Path(parent) / name).is_symlink())):
            path = Path(parent) / name
            shown = str(path.relative_to(folder))
            if path.is_dir() or not path.exists():
                yield shown, f"-> {path.readlink()}"
            else:
                yield shown, hashlib.sha256(path.read_bytes()).hexdigest()
    store = folder / "output" / "store"
    if store.is_symlink() and store.is_dir():
        yield from ((f"output/store/{path}", digest) for path, digest in file_digests(store.resolve()))


def names_in(folder: Path) -> frozenset[str]:
    """Return the paths of all files and empty folders, with drawn parts as `*`, without MLflow's files."""
    paths = [path for path in folder.rglob("*") if not path.is_dir() or not any(path.iterdir())]
    shown = (str(path.relative_to(folder)) for path in paths)
    return frozenset(DRAWN_NAME.sub("*", path) for path in shown if not path.startswith(MLFLOW_FILES))


def clear(folder: Path) -> None:
    """Remove everything in a folder; the folder itself may be a mount point."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def cpu_seconds_of(workshop: Workshop, verbs: Sequence[str]) -> dict[str, float]:
    """Return the CPU time that each verb takes in a finished project."""
    seconds = {}
    for verb in verbs:
        workshop.finish()
        seconds[verb] = run_verb(workshop.project, verb).cpu_seconds
    return seconds
