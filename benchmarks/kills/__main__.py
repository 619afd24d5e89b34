"""What a run makes of a folder in which a run was stopped: `python -m benchmarks.kills --write`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}

from benchmarks import write_table
from benchmarks.kills import disturbances
from benchmarks.kills.disturbances import Outcome, moments
from benchmarks.kills.process import import_what_verbs_import
from benchmarks.kills.workshop import Workshop
from benchmarks.kills.world import write_project, write_source

README = Path(__file__).with_name("README.md")
MARKS = ("<!-- table of benchmarks.kills -->", "<!-- end of table -->")
SEED = 7
DATABASE_SECONDS = 3.0
SMALLEST_DISK = 64 * 1024

Round = Callable[[Workshop, str, int, slice], Iterator[Outcome]]


def _stop_round(number: signal.Signals, seed: int) -> Round:
    """Return the round that stops a run by a signal at moments spread over the whole run."""

    def stop(workshop: Workshop, kind: str, n: int, part: slice) -> Iterator[Outcome]:
        seconds = moments(n, 0, workshop.cpu_seconds, seed)[part]
        return disturbances.stopped_verbs(workshop, kind, number, seconds)

    return stop


def _killed_at_database(workshop: Workshop, kind: str, n: int, part: slice) -> Iterator[Outcome]:
    begin = workshop.database_begin
    seconds = moments(n, begin, begin + DATABASE_SECONDS, SEED + 1)[part]
    return disturbances.stopped_verbs(workshop, kind, signal.SIGKILL, seconds)


def _full_disks(workshop: Workshop, kind: str, n: int, part: slice) -> Iterator[Outcome]:
    sizes = moments(n, SMALLEST_DISK, 1.1 * workshop.n_bytes, SEED + 4)[part]
    return disturbances.full_disks(workshop, kind, sizes)


def _read_only_disks(workshop: Workshop, kind: str, n: int, part: slice) -> Iterator[Outcome]:
    return disturbances.read_only_disks(workshop, kind, disturbances.VERBS[:n][part])


def _pairs(workshop: Workshop, kind: str, n: int, part: slice) -> Iterator[Outcome]:
    return disturbances.pairs(workshop, kind, SEED + 5, disturbances.PAIRS[:n][part])


ROUNDS: Mapping[str, tuple[int, Round]] = {
    "SIGKILL, any moment": (160, _stop_round(signal.SIGKILL, SEED)),
    "SIGKILL, the first 3 s of `mlflow.db`": (40, _killed_at_database),
    "Ctrl-C (SIGINT to the process group)": (40, _stop_round(signal.SIGINT, SEED + 2)),
    "SIGTERM": (40, _stop_round(signal.SIGTERM, SEED + 3)),
    "disk full": (20, _full_disks),
    "disk read-only": (len(disturbances.VERBS), _read_only_disks),
    "two verbs at once": (len(disturbances.PAIRS), _pairs),
}
NEED_MOUNT = ("disk full", "disk read-only")


def outcomes(
    folder: Path, verb: str, rounds: Sequence[str], share: float, part: slice = slice(None)
) -> Iterator[Outcome]:
    """Disturb verbs and yield what came of it.

    Args:
        folder: An empty folder to work in.
        verb: The verb that is disturbed.
        rounds: The names of the rounds.
        share: The share of the moments of each round.
        part: Which of the moments.
    """
    workshop = Workshop(folder, verb)
    for name in rounds:
        n, disturb = ROUNDS[name]
        yield from disturb(workshop, name, max(1, round(share * n)), part)
    print(f"{workshop.n_calls_after} different states of the disk, each followed by a call")


def table(all_outcomes: Sequence[Outcome], omissions: Sequence[str] = ()) -> Iterator[str]:
    """Yield the lines of the table.

    Args:
        all_outcomes: What came of each disturbance.
        omissions: The names of the rounds that need the right to mount a disk.
    """
    yield "| what happens | times | exit codes | next run is not as undisturbed, or words are missing |"
    yield "|---|---:|---|---:|"
    for name in ROUNDS:
        here = [outcome for outcome in all_outcomes if outcome.kind == name]
        codes = Counter(code for outcome in here for code in outcome.codes)
        shown = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
        if name in omissions:
            yield f"| {name} | 0 | left out: only root can mount a disk | |"
        elif here:
            yield f"| {name} | {len(here)} | {shown} | {sum(bool(outcome.problems) for outcome in here)} |"
    bad = sum(bool(outcome.problems) for outcome in all_outcomes)
    yield f"| **all** | {len(all_outcomes)} | | {bad} |"


def main(argv: Sequence[str] | None = None) -> int:
    """Disturb verbs in every way, and print each problem and the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--verb", default="run", help="the verb that is stopped; `run` by default")
    parser.add_argument("--only", nargs="+", choices=[*ROUNDS], metavar="ROUND", help="; ".join(ROUNDS))
    parser.add_argument("--share", type=float, default=1.0, help="the share of the moments of each round")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work; by default the folder of temporary files")
    parser.add_argument("--keep", type=Path, help="the file that gets the outcomes")
    parser.add_argument("--join", type=Path, nargs="+", default=[], help="outcomes of earlier calls")
    parser.add_argument("--write", action="store_true", help=f"put the table into {README.name}")
    arguments = parser.parse_args(argv)
    left_out = () if disturbances.can_mount() else NEED_MOUNT
    if left_out:
        print(f"Only root can mount a disk: {', '.join(left_out)} are left out.", file=sys.stderr)
    rounds = [name for name in arguments.only or ROUNDS if name not in left_out]
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="kills-") as folder:
        all_outcomes = _in_processes(
            Path(folder), arguments.verb, rounds, arguments.share, arguments.processes
        )
    if arguments.keep:
        arguments.keep.write_text(json.dumps([asdict(outcome) for outcome in all_outcomes]))
    for path in arguments.join:
        all_outcomes += [Outcome(**outcome) for outcome in json.loads(path.read_text())]
    lines = "\n".join(table(all_outcomes, left_out))
    print(lines)
    if arguments.write:
        write_table(README, MARKS, lines)
    return int(any(outcome.problems for outcome in all_outcomes))


def _in_processes(folder: Path, verb: str, rounds: Sequence[str], share: float, n: int) -> list[Outcome]:
    """Share the moments among processes, which are forks of this one, and return what came of them."""
    warm_folder = folder / "warm"
    write_source(folder / "warm-source")
    write_project(warm_folder, folder / "warm-source")
    import_what_verbs_import(warm_folder, verb)
    children = []
    for number in range(n):
        work = folder / str(number)
        (work / "work").mkdir(parents=True)
        child = os.fork()
        if not child:
            code = 1
            try:
                with (work / "outcomes").open("w") as file:
                    for outcome in outcomes(work / "work", verb, rounds, share, slice(number, None, n)):
                        file.write(json.dumps(asdict(outcome)) + "\n")
                        _show(outcome)
                code = 0
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(codes):
        raise SystemExit("a process of the benchmark failed")
    lines = [line for number in range(n) for line in (folder / str(number) / "outcomes").open()]
    return [Outcome(**json.loads(line)) for line in lines]


def _show(outcome: Outcome) -> None:
    """Print one outcome, and each of its problems."""
    codes = ", ".join(map(str, outcome.codes))
    print(f"{outcome.kind}: {outcome.detail}: {codes}", flush=True)
    for problem in outcome.problems:
        print(f"  PROBLEM {problem}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
