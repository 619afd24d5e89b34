"""Draw samples, or compare with another implementation on Hillstrom's e-mails.

    python -m benchmarks.uplift null                    how often a useless model is accepted, and coverage
    python -m benchmarks.uplift econml --python PATH    ours and econml's DR learner on the same folds

econml lives in an environment of its own, because it needs other versions of our libraries:

    python -m venv /tmp/econml && /tmp/econml/bin/pip install econml lightgbm
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import write_table
from benchmarks.uplift import draws, econml_check

PAGE = Path(__file__).parents[2] / "docs" / "uplift.md"
MARKS = ("<!-- table of benchmarks.uplift null -->", "<!-- end of table null -->")


def main(argv: Sequence[str] | None = None) -> None:
    """Print a table; write that of `null` on request."""
    parser = argparse.ArgumentParser(prog="benchmarks.uplift", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    null = verbs.add_parser("null")
    null.add_argument("--draws", type=int, default=draws.N_DRAWS)
    null.add_argument("--seed", type=int, default=1)
    null.add_argument("--write", action="store_true", help=f"put the table into docs/{PAGE.name}")
    econml = verbs.add_parser("econml")
    econml.add_argument("--python", required=True)
    arguments = parser.parse_args(argv)
    is_null = arguments.verb == "null"
    lines = []
    for line in (
        draws.table(arguments.draws, arguments.seed, _print_progress)
        if is_null
        else econml_check.table(arguments.python)
    ):
        print(line, flush=True)
        lines.append(line)
    if is_null and arguments.write:
        write_table(PAGE, MARKS, "\n".join(lines))


def _print_progress(text: str) -> None:
    print(f"{text}, {time.process_time():.0f} CPU seconds so far", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
