"""Honest churn models on public data, judged on the same rows: `python -m benchmarks.scoreboard`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.scoreboard.pipeline import write_snapshots
from benchmarks.scoreboard.sets import SETS
from pipelines.say import Say

WORK = Path(__file__).with_name("work")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoreboard", description=__doc__)
    parser.add_argument("what", choices=["snapshots"], help="write the pipeline's snapshots and stop")
    parser.add_argument("--only", nargs="*", choices=list(SETS), default=list(SETS), metavar="SET")
    parser.add_argument(
        "--every", default="protocol", help="cutoffs to learn from: protocol, week, month, N days"
    )
    parser.add_argument("--work", type=Path, default=WORK, help="where to work and to keep")
    asked = parser.parse_args(argv)
    for name in asked.only:
        params = write_snapshots(SETS[name], asked.work, asked.every, Say())
        print(f"{name}: {params.output / 'snapshots'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
