"""Other models, settings, snapshots and signals, on cutoffs before any test: `python -m benchmarks.tried`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.scoreboard.sets import SETS
from benchmarks.tried.comparison import set_beside
from benchmarks.tried.rehearsal import open_rehearsal
from benchmarks.tried.table import page
from benchmarks.tried.variants import GROUPS

WORK = Path(__file__).with_name("work")
PAGE = Path(__file__).with_name("README.md")
MARK = "<!-- figures -->\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run all experiments on every set, print the tables, and write them on request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tried", description=__doc__)
    add = parser.add_argument
    add("--only", nargs="+", choices=list(SETS), default=list(SETS), metavar="SET", help=", ".join(SETS))
    add(
        "--what",
        nargs="+",
        choices=list(GROUPS),
        default=list(GROUPS),
        metavar="GROUP",
        help=", ".join(GROUPS),
    )
    add("--processes", type=int, default=1, help="sets side by side, each with one thread")
    add("--work", type=Path, default=WORK, help="where to work")
    add("--write", action="store_true", help="put the tables of all sets into benchmarks/tried/README.md")
    arguments = parser.parse_args(argv)
    with ProcessPoolExecutor(arguments.processes) as pool:
        figures_of_sets = pool.map(
            partial(_figures_of, groups=arguments.what, work=arguments.work), arguments.only
        )
        figures = dict(zip(arguments.only, figures_of_sets, strict=True))
    text = page(figures)
    print(text)
    whole = (arguments.only, arguments.what) == (list(SETS), list(GROUPS))
    if arguments.write and whole:
        before = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
        PAGE.write_text(f"{before}{MARK}\n{text}", encoding="utf-8")
    return 0


def _figures_of(name: str, groups: Sequence[str], work: Path) -> dict[str, Any]:
    rehearsal = open_rehearsal(SETS[name], work)
    ways = {words: outcome for group in groups for words, outcome in GROUPS[group](rehearsal)}
    print(f"{name}: {len(ways)} ways", flush=True)
    return {
        "cutoffs": [str(day) for day in rehearsal.test_cutoffs],
        "chosen": rehearsal.selection.recipe.candidate,
        "ways": set_beside(ways),
    }


if __name__ == "__main__":
    raise SystemExit(main())
