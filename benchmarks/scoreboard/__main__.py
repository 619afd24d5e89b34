"""Honest churn models on public data, evaluated on the same rows: `python -m benchmarks.scoreboard`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.scoreboard import automatic, telco
from benchmarks.scoreboard.looks import LOOKS
from benchmarks.scoreboard.own_pipeline import ABLATIONS, write_snapshots
from benchmarks.scoreboard.play import play, play_telco
from benchmarks.scoreboard.rivals import RIVALS
from benchmarks.scoreboard.sets import SETS
from benchmarks.scoreboard.table import page
from pipelines.echo import Echo

WORK = Path(__file__).with_name("work")
FIGURES = Path(__file__).with_name("figures.json")
PAGE = Path(__file__).parents[1] / "scoreboard.md"
MARK = "<!-- figures -->\n"
NAMES = (*SETS, telco.NAME)
CONTESTANTS = (*RIVALS, "logit", automatic.NAME, "ours", *(f"ours_{name}" for name in ABLATIONS))


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate the sets, print the page, and write the page on request."""
    arguments = _arguments(argv)
    if arguments.what == "snapshots":
        for name in (name for name in arguments.only if name in SETS):
            params = write_snapshots(SETS[name], arguments.work, arguments.every or "protocol", Echo())
            print(f"{name}: {params.output / 'snapshots'}")
        return 0
    begun = time.perf_counter()
    names = [name for name in arguments.only if not (arguments.stop_before_test and name == telco.NAME)]
    with ProcessPoolExecutor(arguments.processes) as pool:
        played = dict(zip(names, pool.map(partial(_play, arguments=arguments), names), strict=True))
    whole = not arguments.contestants and not arguments.stop_before_test
    figures = {"sets": played}
    if whole:
        figures = _merge(arguments.figures, played)
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    text = page(figures, arguments.looks)
    print(text)
    print(f"{time.perf_counter() - begun:.0f} s, {arguments.processes} processes", file=sys.stderr)
    if arguments.write and whole:
        before = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
        PAGE.write_text(f"{before}{MARK}\n{text}", encoding="utf-8")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoreboard", description=__doc__)
    add = parser.add_argument
    add("what", nargs="?", choices=["play", "snapshots"], default="play", help="snapshots: only write ours")
    add("--only", nargs="+", choices=NAMES, default=list(NAMES), metavar="SET", help=", ".join(NAMES))
    add("--contestants", nargs="+", choices=CONTESTANTS, metavar="WHO", help=", ".join(CONTESTANTS))
    add("--every", help="cutoffs that ours learns from: protocol, week, month, N days; else the example's")
    add("--stop-before-test", action="store_true", help="judge on cutoffs before the first test cutoff")
    add("--work", type=Path, default=WORK, help="where to work, and to keep what is computed")
    add("--featuretools", type=Path, default=automatic.ENVIRONMENT, help="its environment, made on demand")
    add("--processes", type=int, default=1, help="sets side by side")
    add("--date", help="today, to stand in the log of looks")
    add("--looks", type=Path, default=LOOKS, help="the log of looks at a test")
    add("--figures", type=Path, default=FIGURES, help="the figures of all sets as JSON")
    add("--write", action="store_true", help="put the page into benchmarks/scoreboard.md")
    return parser.parse_args(argv)


def _play(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    shared = {"names": arguments.contestants, "date": arguments.date, "looks": arguments.looks}
    if name == telco.NAME:
        return play_telco(arguments.work, Path(os.environ["CHURN_DATA"]), **shared)
    return play(
        SETS[name],
        arguments.work,
        interval=arguments.every,
        rehearse=arguments.stop_before_test,
        environment=arguments.featuretools,
        **shared,
    )


def _merge(path: Path, new_figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of all sets; new figures replace the earlier figures of a set."""
    stood = json.loads(path.read_text(encoding="utf-8"))["sets"] if path.exists() else {}
    both = stood | new_figures
    return {"sets": {name: both[name] for name in NAMES if name in both}}


if __name__ == "__main__":
    raise SystemExit(main())
