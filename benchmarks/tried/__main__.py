"""Other models, settings, snapshots and signals, on cutoffs before any test: `python -m benchmarks.tried`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.scoreboard.sets import SETS
from benchmarks.tried.beside import set_beside
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
    asked = parser.parse_args(argv)
    with ProcessPoolExecutor(asked.processes) as pool:
        found = pool.map(partial(_one, what=asked.what, work=asked.work), asked.only)
        figures = dict(zip(asked.only, found, strict=True))
    text = page(figures)
    print(text)
    whole = (asked.only, asked.what) == (list(SETS), list(GROUPS))
    if asked.write and whole:
        before = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
        PAGE.write_text(f"{before}{MARK}\n{text}", encoding="utf-8")
    return 0


def _one(name: str, what: Sequence[str], work: Path) -> dict[str, Any]:
    rehearsal = open_rehearsal(SETS[name], work)
    ways = {words: made for group in what for words, made in GROUPS[group](rehearsal)}
    print(f"{name}: {len(ways)} ways", flush=True)
    return {
        "cutoffs": [str(day) for day in rehearsal.judged],
        "chosen": rehearsal.chosen.recipe.candidate,
        "ways": set_beside(ways),
    }


if __name__ == "__main__":
    raise SystemExit(main())
