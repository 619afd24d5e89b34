"""Whether experiments and hand-overs are what they promise: `python -m benchmarks.proof aa --write`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import write_table
from benchmarks.proof import aa, coverage, deliveries, live, planted_faults, published_figures, worlds

README = Path(__file__).with_name("README.md")
TABLES: dict[str, Callable[[int, int], Iterator[str]]] = {
    "aa": aa.table,
    "coverage": coverage.table,
    "published": published_figures.table,
    "planted": planted_faults.table,
    "deliveries": deliveries.table,
}
"""For each name, what yields the lines of its table, given the number of experiments and the seed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate experiments, print the table, and write it on request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proof", description=__doc__)
    parser.add_argument("table", choices=[*TABLES, "worlds", "live"])
    parser.add_argument("--experiments", type=int, default=10_000, help="how many of each kind, or worlds")
    parser.add_argument("--moments", type=int, default=200, help="how many nights are killed (deliveries)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nights", type=int, default=24, help="how many nights of a company (live)")
    parser.add_argument("--days-between", type=int, default=7, help="from one night to the next (live)")
    parser.add_argument("--seeds", type=int, default=1, help="how many companies (live)")
    parser.add_argument("--customers", type=int, default=live.CUSTOMERS, help="of each company (live)")
    parser.add_argument("--folder", type=Path, default=Path("live-runs"), help="keeps the companies (live)")
    parser.add_argument("--processes", type=int, default=worlds.PROCESSES, help="side by side (worlds)")
    parser.add_argument("--keep", type=Path, default=None, help="a file that keeps each result (worlds)")
    parser.add_argument("--write", action="store_true", help=f"put the table into {README.name}")
    arguments = parser.parse_args(argv)
    lines = []
    if arguments.table == "live":
        table = live.table(
            arguments.nights, arguments.seeds, arguments.customers, arguments.folder, arguments.days_between
        )
    elif arguments.table == "worlds":
        table = worlds.table(arguments.experiments, arguments.seed, arguments.processes, arguments.keep)
    else:
        number = arguments.moments if arguments.table == "deliveries" else arguments.experiments
        table = TABLES[arguments.table](number, arguments.seed)
    for line in table:
        print(line, flush=True)
        lines.append(line)
    if arguments.write:
        write_table(README, marks(arguments.table), "\n".join(lines))
    return 0


def marks(name: str) -> tuple[str, str]:
    """Return the lines before and after a table of the page."""
    return f"<!-- table of benchmarks.proof {name} -->", f"<!-- end of table {name} -->"


if __name__ == "__main__":
    raise SystemExit(main())
