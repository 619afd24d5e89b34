"""Draw samples, or compare with another implementation on Hillstrom's e-mails.

    python -m benchmarks.uplift null --draws 200        how often a useless model is accepted, and coverage
    python -m benchmarks.uplift econml --python PATH    ours and econml's DR learner on the same folds

econml lives in an environment of its own, because it needs other versions of our libraries:

    python -m venv /tmp/econml && /tmp/econml/bin/pip install econml lightgbm
"""

from __future__ import annotations

import argparse

from benchmarks.uplift import draws, econml_check


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.uplift", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    null = verbs.add_parser("null")
    null.add_argument("--draws", type=int, default=200)
    null.add_argument("--seed", type=int, default=1)
    econml = verbs.add_parser("econml")
    econml.add_argument("--python", required=True)
    arguments = parser.parse_args()
    lines = (
        draws.table(arguments.draws, arguments.seed)
        if arguments.verb == "null"
        else econml_check.table(arguments.python)
    )
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
