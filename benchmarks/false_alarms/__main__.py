"""How often the guards of `churn check` are wrong: `python -m benchmarks.false_alarms --write`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks import write_table
from benchmarks.false_alarms.shapes import SHAPES
from churn.data.ingest.ingest import ingest
from churn.features.library import select_signals
from churn.finding import Finding
from churn.guards.run import guard_names, review, run_guards
from churn.guards.sign_off import SignOffs
from churn.labels.calendar import snapshot_cutoffs
from churn.params import Params, load_params

README = Path(__file__).with_name("README.md")
MARKS = ("<!-- table of benchmarks.false_alarms -->", "<!-- end of table -->")
EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Alarms:
    """The findings in one honest data set. Findings that the parameters sign off do not count.

    Attributes:
        name: The name of the data set.
        stops: The stops.
        warnings: The warnings.
    """

    name: str
    stops: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def guards(self) -> Counter[str]:
        """Return the number of findings of each guard."""
        return Counter(finding.guard for finding in (*self.stops, *self.warnings))


def alarms_of(name: str, params: Params) -> Alarms:
    """Ingest a data set and run the guards of the data, as `churn check` does."""
    store = ingest(params, lambda _: None)
    findings = run_guards(store, select_signals(params, store), snapshot_cutoffs(store))
    result = review(findings, SignOffs.of(params), guard_names())
    return Alarms(name, result.stops, result.warnings)


def check_company(number: int) -> Alarms:
    """Make a company and check it. Companies take turns through the shapes; each round has a new seed."""
    names = [*SHAPES]
    name, seed = names[number % len(names)], number // len(names)
    with tempfile.TemporaryDirectory() as folder:
        return alarms_of(f"{name}, seed {seed}", SHAPES[name](seed).write(Path(folder) / "company"))


def check_example(name: str) -> Alarms:
    """Check a public data set with the parameters of its example."""
    with tempfile.TemporaryDirectory() as folder:
        params = load_params(EXAMPLES / f"{name}.yaml", [f"output={folder}/output"])
        return alarms_of(name, params)


def example_names() -> list[str]:
    """Return the names of the examples whose data are in the folder that CHURN_DATA names.

    An example without tables only measures an experiment: `churn check` has nothing to look at.
    """
    data = os.environ.get("CHURN_DATA")
    trees = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in EXAMPLES.glob("*.yaml")}
    names = sorted(name for name, tree in trees.items() if "source" in tree and "tables" in tree)
    return [name for name in names if data and (Path(data) / name).is_dir()]


def table(all_alarms: Sequence[Alarms]) -> Iterator[str]:
    """Yield the lines of the table, with a line for all data sets together at the end."""
    yield "| honest data | false stops | false warnings | findings by guard |"
    yield "|---|---:|---:|---|"
    for alarms in all_alarms:
        guards = ", ".join(f"`{guard}` {count}" for guard, count in sorted(alarms.guards.items()))
        yield f"| {alarms.name} | {len(alarms.stops)} | {len(alarms.warnings)} | {guards} |"
    stops = sum(len(alarms.stops) for alarms in all_alarms)
    warnings = sum(len(alarms.warnings) for alarms in all_alarms)
    noisy = sum(len(alarms.warnings) > 1 for alarms in all_alarms)
    yield f"| **all {len(all_alarms)}** | {stops} | {warnings} | more than one warning in {noisy} |"


def main(argv: Sequence[str] | None = None) -> int:
    """Check every honest data set, and print the table and each finding."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_alarms", description=__doc__)
    parser.add_argument("--companies", type=int, default=24, help="how many simulated companies")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument(
        "--write", action="store_true", help=f"put the table into {README.name} of this folder"
    )
    arguments = parser.parse_args(argv)
    examples = example_names()
    if not examples:
        print("CHURN_DATA names no folder with the data of the examples: they are left out.", file=sys.stderr)
    all_alarms = []
    with ProcessPoolExecutor(arguments.processes) as pool:
        companies = pool.map(check_company, range(arguments.companies))
        public_sets = pool.map(check_example, examples)
        for results in (companies, public_sets):
            for alarms in results:
                all_alarms.append(alarms)
                for finding in (*alarms.stops, *alarms.warnings):
                    print(f"{alarms.name}: {finding.severity}: {finding}", file=sys.stderr, flush=True)
    lines = "\n".join(table(all_alarms))
    print(lines)
    if arguments.write:
        write_table(README, MARKS, lines)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
