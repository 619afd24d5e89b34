"""What the verbs answer to mutated inputs: `python -m benchmarks.faults --inputs 10000 --write`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import write_table
from benchmarks.faults.outcome import FAULTS, Answer, table
from benchmarks.faults.processes import Harness

README = Path(__file__).with_name("README.md")
MARKS = ("<!-- table of benchmarks.faults -->", "<!-- end of table -->")


def main(argv: Sequence[str] | None = None) -> int:
    """Call the verbs on every input, print each fault and the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="how many mutated inputs")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other inputs")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--deadline", type=float, default=120.0, help="after so many seconds a call hangs")
    parser.add_argument("--kind", default="", help="only inputs of kinds whose name holds this text")
    parser.add_argument("--minutes", type=float, default=None, help="begin no input after so many minutes")
    parser.add_argument("--world", type=Path, default=None, help="a folder that keeps the trained company")
    parser.add_argument(
        "--answers",
        type=Path,
        default=None,
        help="a file of answers: inputs with an answer are not called again",
    )
    parser.add_argument(
        "--again", action="store_true", help="call only the inputs again whose answer in the file is a fault"
    )
    parser.add_argument(
        "--write", action="store_true", help=f"put the table into {README.name} of this folder"
    )
    arguments = parser.parse_args(argv)
    answers = read_answers(arguments.answers)
    numbers: Iterable[int] = range(arguments.first, arguments.first + arguments.inputs)
    if arguments.again:
        numbers = [number for number, answer in sorted(answers.items()) if answer.outcome in FAULTS]
    else:
        numbers = [number for number in numbers if number not in answers]

    def keep(answer: Answer) -> None:
        answers[answer.number] = answer
        if answer.outcome in FAULTS:
            print(answer, file=sys.stderr, flush=True)
        if arguments.answers:
            with arguments.answers.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(answer)) + "\n")

    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(arguments.world or Path(folder) / "world", arguments.seed, arguments.deadline)
        harness.prepare()
        end = time.monotonic() + 60 * arguments.minutes if arguments.minutes else None
        of_kind = (number for number in numbers if arguments.kind in harness.kind_of(number)[0])
        harness.answer(of_kind, Path(folder), arguments.processes, keep, end)
    in_order = [answer for _, answer in sorted(answers.items())]
    lines = "\n".join([f"{len(answers):,} inputs of seed {arguments.seed}.\n", *table(in_order)])
    print(lines)
    if arguments.write:
        write_table(README, MARKS, lines)
    return int(any(answer.outcome in FAULTS for answer in in_order))


def read_answers(path: Path | None) -> dict[int, Answer]:
    """Return the latest answer of each input in a file of answers."""
    lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
    answers = (Answer(**json.loads(line)) for line in lines)
    return {answer.number: answer for answer in answers}


if __name__ == "__main__":
    raise SystemExit(main())
