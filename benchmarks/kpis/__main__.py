"""Whether the figures of retention tell the truth: `python -m benchmarks.kpis activation --write`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import write_table
from benchmarks.kpis import activation

README = Path(__file__).with_name("README.md")
TABLES: dict[str, Callable[[int, int], Iterator[str]]] = {"activation": activation.table}
"""For each name, what yields the lines of its table, given the number of companies and the seed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate companies, print the table, and write it on request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kpis", description=__doc__)
    parser.add_argument("table", choices=[*TABLES])
    parser.add_argument("--companies", type=int, default=200, help="how many companies of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"put the table into {README.name}")
    arguments = parser.parse_args(argv)
    lines = []
    for line in TABLES[arguments.table](arguments.companies, arguments.seed):
        print(line, flush=True)
        lines.append(line)
    if arguments.write:
        write_table(README, marks(arguments.table), "\n".join(lines))
    return 0


def marks(name: str) -> tuple[str, str]:
    """Return the lines before and after a table of the page."""
    return f"<!-- table of benchmarks.kpis {name} -->", f"<!-- end of table {name} -->"


if __name__ == "__main__":
    raise SystemExit(main())
