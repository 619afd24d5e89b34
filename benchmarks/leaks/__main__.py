"""Which guard of `churn check` catches which leak: `python -m benchmarks.leaks --seeds 20 --write`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks import write_table
from benchmarks.leaks.catch import CheckResult, catch, equals_honest_twin
from benchmarks.leaks.model_traps import TRAPS, catch_model
from benchmarks.leaks.trap import CLEAN, Trap, traps

README = Path(__file__).with_name("README.md")
MARKS = ("<!-- table of benchmarks.leaks -->", "<!-- end of table -->")


def main(argv: Sequence[str] | None = None) -> int:
    """Plant every trap with every seed, check with default settings, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaks", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many companies per trap")
    parser.add_argument(
        "--first-seed", type=int, default=0, help="thresholds were chosen on seeds from 100 on"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of traps; all by default")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/leaks/README.md")
    arguments = parser.parse_args(argv)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    by_trap: dict[str, list[CheckResult]] = {}
    immune: dict[str, int] = {}
    by_model_trap: dict[str, list[CheckResult]] = {}
    with ProcessPoolExecutor(arguments.processes) as pool:
        for name in arguments.only or [*CLEAN, *traps()]:
            print(f"{name} …", file=sys.stderr, flush=True)
            by_trap[name] = list(pool.map(partial(catch, name), seeds))
            trap = traps().get(name)
            if trap and trap.honest:
                immune[name] = sum(pool.map(partial(_is_immune, name), seeds))
        for name in () if arguments.only else ("clean", *(trap.name for trap in TRAPS)):
            print(f"{name} …", file=sys.stderr, flush=True)
            by_model_trap[name] = list(pool.map(partial(catch_model, name), seeds))
    table = "\n".join([*data_table(by_trap, immune, seeds), *model_table(by_model_trap, len(seeds))])
    print(table)
    if arguments.write:
        write_table(README, MARKS, table)
    return 0


def _is_immune(name: str, seed: int) -> bool:
    return equals_honest_twin(traps()[name], seed)


def data_table(by_trap: dict[str, list[CheckResult]], immune: dict[str, int], seeds: range) -> Iterator[str]:
    """Yield the lines of the table of leaks in the data.

    Args:
        by_trap: The findings, by trap or clean company; one company per seed.
        immune: The number of companies in which the honest mapping equals its twin, by trap.
        seeds: The seeds.
    """
    n = len(seeds)
    yield f"Seeds {seeds[0]} to {seeds[-1]}, one company each, default settings.\n"
    yield "| trap | what was done | caught by | caught | other guards with a finding | honest mapping |"
    yield "|---|---|---|---|---|---|"
    for name, companies in by_trap.items():
        if name in CLEAN:
            guards = Counter(guard for result in companies for guard in result.guards)
            false_alarms = sum(bool(result.findings) for result in companies)
            caught = f"found something in {false_alarms} of {n}"
            yield f"| **none** ({name}) | clean control | | {caught} | {_guard_list(guards)} | |"
        else:
            yield _trap_line(traps()[name], companies, immune.get(name), n)


def model_table(by_trap: dict[str, list[CheckResult]], n: int) -> Iterator[str]:
    """Yield the lines of the table of modelling traps; `n` is the number of seeds."""
    if not by_trap:
        return
    yield "\nLeaks of modelling, in snapshots of 600 customers at six cutoffs.\n"
    yield "| trap | what was done | caught by | caught | other guards with a finding | in `churn train` |"
    yield "|---|---|---|---|---|---|"
    guards = [result.guards for result in by_trap["clean"]]
    false_alarms = sum(map(bool, guards))
    guard_list = _guard_list(Counter(guard for names in guards for guard in names))
    yield f"| **none** | our own way | | found something in {false_alarms} of {n} | {guard_list} | |"
    for trap in TRAPS:
        guards = [result.guards for result in by_trap[trap.name]]
        fitting = Counter(guard for names in guards for guard in names if guard in trap.caught_by)
        other_guards = Counter(guard for names in guards for guard in names if guard not in trap.caught_by)
        caught = sum(bool(names & set(trap.caught_by)) for names in guards)
        reason = f"cannot be written: {trap.unwritable}" if trap.unwritable else "a mistake in params.yaml"
        yield (
            f"| {trap.name} | {trap.description} | {_guard_list(fitting)} | {caught} of {n} | "
            f"{_guard_list(other_guards)} | {reason} |"
        )


def _trap_line(trap: Trap, companies: list[CheckResult], immune: int | None, n: int) -> str:
    fitting = Counter(guard for result in companies for guard in result.fitting_guards(trap))
    other_guards = Counter(guard for result in companies for guard in result.other_guards(trap))
    caught = sum(bool(result.fitting_guards(trap)) for result in companies)
    twin = f"equals its twin in {immune} of {n}" if immune is not None else ""
    return (
        f"| {trap.name} | {trap.description} | {_guard_list(fitting)} | {caught} of {n} | "
        f"{_guard_list(other_guards)} | {twin} |"
    )


def _guard_list(count: Counter[str]) -> str:
    """Write guards and their counts, the highest count first; guards with equal counts are sorted by name."""
    by_count = sorted(count.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"`{guard}` {times}" for guard, times in by_count)


if __name__ == "__main__":
    raise SystemExit(main())
