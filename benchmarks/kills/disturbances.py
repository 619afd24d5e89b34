"""The ways in which verbs are disturbed: signals, a full disk, a disk that is read-only, a second verb."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kills.process import Ending, Verb, run_verb
from benchmarks.kills.workshop import Workshop, cpu_seconds_of, problems_in_words

VERBS = ("ingest", "snapshot", "train", "evaluate", "run", "score", "promote", "report")
PAIRS = tuple(itertools.combinations_with_replacement(VERBS, 2))
DISK_CODES = (0, 10, 11, 13)
"""The documented codes of a verb whose disk is full or read-only; 0 where it needs no more space."""

PAIR_CODES = (0, 2, 16)
"""The documented codes of two verbs at once; 2 where a verb finds that the other one was faster."""


@dataclass(frozen=True)
class Outcome:
    """What came of one disturbance.

    Attributes:
        kind: The kind of the disturbance.
        detail: The moment, the size or the verbs.
        codes: The exit code of each disturbed verb.
        problems: What is wrong, in sentences; none if all is well.
    """

    kind: str
    detail: str
    codes: tuple[int, ...]
    problems: tuple[str, ...]


Disturbance = Callable[[Workshop], Outcome]


def moments(n: int, begin: float, end: float, seed: int) -> list[float]:
    """Return one random moment of each n-th part of a span, in order."""
    rng = random.Random(seed)
    return [begin + (end - begin) * (part + rng.random()) / n for part in range(n)]


def stopped_verbs(
    workshop: Workshop, kind: str, number: signal.Signals, seconds: Sequence[float]
) -> Iterator[Outcome]:
    """Stop the verb in an empty project by a signal at each of these moments.

    Args:
        workshop: The project.
        kind: The name of the kind.
        number: The signal.
        seconds: The moments, in CPU seconds of the verb.
    """
    for moment in seconds:
        workshop.empty()
        verb = Verb(workshop.project, workshop.verb, is_repeatable=True)
        verb.wait_for(lambda verb=verb, moment=moment: verb.cpu_seconds() >= moment)  # type: ignore[misc]
        is_sent = verb.send(number)
        ending = verb.end()
        yield Outcome(
            kind,
            f"after {moment:.3f} CPU seconds",
            (ending.code,),
            (
                *problems_of_signal(ending, number if is_sent else None),
                *workshop.problems_of_next_call(is_repeatable=True),
            ),
        )


def problems_of_signal(ending: Ending, number: signal.Signals | None) -> Iterator[str]:
    """Yield what is wrong with the end of a verb.

    Args:
        ending: The end.
        number: The signal that the verb got; None if it had ended before.
    """
    # Before the program watches signals, and after it has ended its work, the signal itself ends the process:
    # a shell shows the same code for both.
    if ending.code not in ((0,) if number is None else (-number, 128 + number)):
        yield f"ended with {ending.code}: {ending.last_line}"
    if number is not None and ending.code == 128 + number and "begins again" not in ending.text:
        yield f"does not say what was left: {ending.last_line}"
    yield from problems_in_words(ending, "the verb")


def full_disks(workshop: Workshop, kind: str, sizes: Sequence[float]) -> Iterator[Outcome]:
    """Run on disks that are too small, then give the disk space and run again; sizes are in bytes."""
    for size in sizes:
        with small_disk(workshop.project, f"size={int(size)}") as remount:
            try:
                workshop.empty()
            except OSError:
                yield Outcome(kind, f"{int(size):,} bytes", (), ("too small for params.yaml",))
                continue
            ending = run_verb(workshop.project, workshop.verb)
            remount("size=1g")
            yield Outcome(
                kind,
                f"{int(size):,} bytes",
                (ending.code,),
                (*_problems_of_disk(ending, "disk is full"), *workshop.problems_of_next_call()),
            )


def read_only_disks(workshop: Workshop, kind: str, verbs: Sequence[str] = VERBS) -> Iterator[Outcome]:
    """Call each verb in a finished project on a disk that is read-only, then run on the same disk."""
    for verb in verbs:
        with small_disk(workshop.project, "size=1g") as remount:
            workshop.finish()
            remount("ro")
            ending = run_verb(workshop.project, verb)
            remount("rw")
            problems = (*_problems_of_disk(ending, "read-only"), *workshop.problems_of_next_call())
            yield Outcome(kind, verb, (ending.code,), problems)


def _problems_of_disk(ending: Ending, words: str) -> Iterator[str]:
    if ending.code not in DISK_CODES:
        yield f"ended with {ending.code}: {ending.last_line}"
    if ending.code and words not in ending.text:
        yield f"does not say '{words}': {ending.last_line}"
    yield from problems_in_words(ending, "the verb")


def pairs(
    workshop: Workshop, kind: str, seed: int, names: Sequence[tuple[str, str]] = PAIRS
) -> Iterator[Outcome]:
    """Call two verbs at once in a finished project: the second at a drawn moment of the first.

    Args:
        workshop: The project.
        kind: The name of the kind.
        seed: The seed of the moments.
        names: The pairs; by default each verb with each verb, itself too.
    """
    seconds = cpu_seconds_of(workshop, sorted({first for first, _ in names}))
    rng = random.Random(seed)
    for first, second in names:
        moment = rng.random() * seconds[first]
        workshop.finish()
        verb = Verb(workshop.project, first)
        verb.wait_for(lambda verb=verb, moment=moment: verb.cpu_seconds() >= moment)  # type: ignore[misc]
        endings = run_verb(workshop.project, second), verb.end()
        problems = [
            problem
            for verb, ending in zip((second, first), endings, strict=True)
            for problem in _problems_of_pair(verb, ending)
        ]
        yield Outcome(
            kind,
            f"{second} {moment:.2f} CPU seconds after {first}",
            tuple(ending.code for ending in endings),
            (*problems, *workshop.problems_of_next_call()),
        )


def _problems_of_pair(verb: str, ending: Ending) -> Iterator[str]:
    if ending.code not in PAIR_CODES:
        yield f"{verb} ended with {ending.code}: {ending.last_line}"
    if ending.code == 16 and "is at work here" not in ending.text:
        yield f"{verb} does not say who is at work: {ending.last_line}"
    yield from problems_in_words(ending, verb)


def can_mount() -> bool:
    """Return whether this process may mount disks."""
    return sys.platform == "linux" and os.geteuid() == 0


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Callable[[str], None]]:
    """Mount a disk in memory over a folder; yield the function that mounts it again with other options."""

    def mount(options: str, *, is_new: bool = False) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options if is_new else f"remount,{options}", "tmpfs", folder]
        subprocess.run(command, check=True)

    mount(options, is_new=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
