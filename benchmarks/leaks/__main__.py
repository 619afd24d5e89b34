"""Which guard of `churn check` catches which leak: `python -m benchmarks.leaks --seeds 20 --write`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.leaks.catch import Caught, catch
from benchmarks.leaks.immune import immune
from benchmarks.leaks.modelling import TRAPS, catch_model
from benchmarks.leaks.trap import CLEAN, Trap, traps

README = Path(__file__).with_name("README.md")
MARKS = ("<!-- table of benchmarks.leaks -->", "<!-- end of table -->")


def main(argv: Sequence[str] | None = None) -> int:
    """Plant every trap with every seed, look with default settings, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaks", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many companies per trap")
    parser.add_argument(
        "--first-seed", type=int, default=0, help="thresholds were chosen on seeds from 100 on"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of traps; all by default")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/leaks/README.md")
    asked = parser.parse_args(argv)
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    names = asked.only or [*CLEAN, *traps()]
    with ProcessPoolExecutor(asked.processes) as pool:
        found: dict[str, list[Caught]] = {}
        safe: dict[str, int] = {}
        for name in names:
            print(f"{name} …", file=sys.stderr, flush=True)
            found[name] = list(pool.map(partial(catch, name), seeds))
            trap = traps().get(name)
            if trap and trap.honest:
                safe[name] = sum(pool.map(partial(_immune, name), seeds))
        modelled: dict[str, list[Caught]] = {}
        for name in () if asked.only else ("clean", *(trap.name for trap in TRAPS)):
            print(f"{name} …", file=sys.stderr, flush=True)
            modelled[name] = list(pool.map(partial(catch_model, name), seeds))
    table = "\n".join([*report(found, safe, seeds), *report_models(modelled, len(seeds))])
    print(table)
    if asked.write:
        before, _, rest = README.read_text(encoding="utf-8").partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        README.write_text(f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}", encoding="utf-8")
    return 0


def _immune(name: str, seed: int) -> bool:
    return immune(traps()[name], seed)


def report(found: dict[str, list[Caught]], safe: dict[str, int], seeds: range) -> Iterator[str]:
    """Yield the lines of the table."""
    n = len(seeds)
    yield f"Seeds {seeds[0]} to {seeds[-1]}, one company each, default settings.\n"
    yield "| trap | what was done | caught by | caught | other guards that spoke | honest mapping |"
    yield "|---|---|---|---|---|---|"
    for name, every in found.items():
        if name in CLEAN:
            spoke = Counter(guard for one in every for guard in {guard for guard, _ in one.spoke})
            raised = sum(bool(one.spoke) for one in every)
            said = f"raised anything in {raised} of {n}"
            yield f"| **none** ({name}) | clean control | | {said} | {_told(spoke)} | |"
        else:
            yield _line(traps()[name], every, safe.get(name), n)


def report_models(found: dict[str, list[Caught]], n: int) -> Iterator[str]:
    """Yield the lines of the table of modelling traps."""
    if not found:
        return
    yield "\nLeaks made while modelling, in snapshots of 600 customers at six cutoffs.\n"
    yield "| trap | what was done | caught by | caught | other guards that spoke | in `churn train` |"
    yield "|---|---|---|---|---|---|"
    spoke = [{guard for guard, _ in one.spoke} for one in found["clean"]]
    raised, told = sum(map(bool, spoke)), _told(Counter(guard for one in spoke for guard in one))
    yield f"| **none** | our own way | | raised anything in {raised} of {n} | {told} | |"
    for trap in TRAPS:
        spoke = [{guard for guard, _ in one.spoke} for one in found[trap.name]]
        by = Counter(guard for one in spoke for guard in one if guard in trap.caught_by)
        others = Counter(guard for one in spoke for guard in one if guard not in trap.caught_by)
        caught = sum(bool(one & set(trap.caught_by)) for one in spoke)
        why = f"cannot be written: {trap.unwritable}" if trap.unwritable else "a mistake in params.yaml"
        yield f"| {trap.name} | {trap.what} | {_told(by)} | {caught} of {n} | {_told(others)} | {why} |"


def _line(trap: Trap, every: list[Caught], safe: int | None, n: int) -> str:
    by = Counter(guard for one in every for guard in one.by(trap))
    caught = sum(bool(one.by(trap)) for one in every)
    others = Counter(guard for one in every for guard in one.others(trap))
    immune_in = f"equals its twin in {safe} of {n}" if safe is not None else ""
    return f"| {trap.name} | {trap.what} | {_told(by)} | {caught} of {n} | {_told(others)} | {immune_in} |"


def _told(count: Counter[str]) -> str:
    ordered = sorted(count.items(), key=lambda each: (-each[1], each[0]))  # ties too, so that no run differs
    return ", ".join(f"`{guard}` {times}" for guard, times in ordered)


if __name__ == "__main__":
    raise SystemExit(main())
