"""Check the figures of retention: `python -m benchmarks.kpis companies|alarms|activation|speed|clvkit`."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import write_table
from benchmarks.kpis import activation
from benchmarks.kpis.companies import check_companies
from benchmarks.kpis.false_alarms import alarm_rates
from benchmarks.kpis.order_models import compare
from benchmarks.kpis.speed import JOBS, measure_speed, run_job, table_rows, with_rows

README = Path(__file__).with_name("README.md")
SPEED_MARKS = ("<!-- table of benchmarks.kpis speed -->", "<!-- end of table speed -->")
ACTIVATION_MARKS = ("<!-- table of benchmarks.kpis activation -->", "<!-- end of table activation -->")


def main() -> int:
    """Run one of the checks and print what it found; the exit code is 1 if a rule is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kpis", description=__doc__)
    checks = parser.add_subparsers(dest="check", required=True)
    for name, default in (("companies", 10_000), ("alarms", 200)):
        check = checks.add_parser(name)
        check.add_argument("--companies", type=int, default=default)
        check.add_argument("--seed", type=int, default=1)
    activation_check = checks.add_parser("activation")
    activation_check.add_argument("--companies", type=int, default=200)
    activation_check.add_argument("--seed", type=int, default=1)
    activation_check.add_argument("--write", action="store_true", help=f"put the table into {README.name}")
    speed = checks.add_parser("speed")
    speed.add_argument("--customers", type=int, default=100_000)
    speed.add_argument("--events", type=int, default=10_000_000)
    speed.add_argument("--folder", type=Path, required=True, help="where the company is kept")
    speed.add_argument("--job", choices=JOBS)
    speed.add_argument("--write", action="store_true", help=f"put the rows into the table of {README.name}")
    clvkit = checks.add_parser("clvkit")
    clvkit.add_argument("--python", type=Path, required=True, help="the Python of the environment of clvkit")
    clvkit.add_argument("--data", type=Path, required=True, help="the folder of the real data")
    arguments = parser.parse_args()
    if arguments.check == "clvkit":
        return _clvkit(arguments.python, arguments.data)
    if arguments.check == "speed":
        if arguments.job:
            return run_job(arguments.job, arguments.folder, arguments.customers, arguments.events)
        return _speed(arguments.folder, arguments.customers, arguments.events, arguments.write)
    if arguments.check == "activation":
        return _activation(arguments.companies, arguments.seed, arguments.write)
    if arguments.check == "companies":
        return _companies(arguments.companies, arguments.seed)
    return _alarms(arguments.companies, arguments.seed)


def _speed(folder: Path, customers: int, events: int, is_written: bool) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    measurements = measure_speed(folder.resolve(), customers, events)
    kpis, scan = measurements["kpis"], measurements["scan"]
    print(
        f"churn kpis on {customers:,} customers and {events:,} visits: {kpis.wall_seconds:.1f} s, "
        f"{kpis.cpu_seconds:.1f} CPU s, peak {kpis.peak_mb:,.0f} MB; one scan of the tables: "
        f"{scan.cpu_seconds:.1f} CPU s; ratio {kpis.cpu_seconds / scan.cpu_seconds:.1f}"
    )
    if is_written:
        text = README.read_text(encoding="utf-8")
        table = text.partition(SPEED_MARKS[0])[2].partition(SPEED_MARKS[1])[0]
        write_table(README, SPEED_MARKS, with_rows(table, table_rows(measurements, customers, events)))
    return 0


def _clvkit(python: Path, data: Path) -> int:
    is_broken = False
    for own in compare(python, data):
        print(
            f"{own.name}: {own.own_value:.10g}, clvkit {own.reference_value:.10g}, "
            f"difference {own.difference:.1e}"
        )
        is_broken |= own.difference > own.tolerance
    return int(is_broken)


def _companies(companies: int, seed: int) -> int:
    verdict = check_companies(companies, seed)
    print(
        f"{verdict.companies:,} companies, {verdict.periods:,} months, "
        f"{verdict.undefined_figures:,} figures undefined and missing"
    )
    for rule, count in verdict.breaches.items():
        print(f"  {rule}: {count} broken")
    return int(any(verdict.breaches.values()))


def _alarms(companies: int, seed: int) -> int:
    rates = alarm_rates(companies, seed)
    share = rates.null_alarms / rates.null_periods
    print(f"nothing happens: an alarm in {share:.1%} of {rates.null_periods:,} weeks")
    shares = {name: rates.raised_falls[name] / number for name, number in rates.falls.items()}
    for name, raised_share in shares.items():
        print(
            f"planted fall of {name}: raised within two weeks in {raised_share:.1%} of "
            f"{rates.falls[name]} companies"
        )
    return int(share > 0.05 or min(shares.values()) < 0.95)


def _activation(companies: int, seed: int, is_written: bool) -> int:
    lines = []
    for line in activation.table(companies, seed):
        print(line, flush=True)
        lines.append(line)
    if is_written:
        write_table(README, ACTIVATION_MARKS, "\n".join(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
