"""The cost of `churn train`: `python -m benchmarks.training --rows 200000 --columns 120`.

Made-up snapshots are written once. Then a process reads them and runs all steps of `churn train`, up to the
registered model. The CPU and wall time include the imports, and the peak memory includes everything.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.engine.measure import Measurement, measure
from benchmarks.engine.readme import describe_machine, write_table

ROOT = Path(__file__).parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print, or do one job when called as a child."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2_000, help="train.max_rounds")
    parser.add_argument("--folder", type=Path, help="where to work and keep; a temporary folder by default")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    parser.add_argument("--job", choices=["generate", "train"], help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.job:
        print(json.dumps(_do(arguments)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        if not (folder / "output" / "snapshots" / "manifest.json").exists():
            _once("generate", folder, arguments)
        measurement = _once("train", folder, arguments)
    table = report(arguments.rows, arguments.columns, arguments.threads, measurement)
    print(table)
    if arguments.write:
        write_table(f"training, {arguments.rows} rows", table)
    return 0


def report(rows: int, columns: int, threads: int, measurement: Measurement) -> str:
    """Return the measurement as Markdown."""
    answer, cpu_seconds = measurement.answer, measurement.cpu_seconds
    matrix = rows * columns * 8 / 2**20
    return "\n".join(
        [
            f"{rows:,} rows x {columns} signals over 13 cutoffs, {answer['churners']:,} churners, {threads} "
            f"threads; {answer['rounds']} rounds in the last fit.",
            "",
            "| CPU s | wall s | peak MB | of which the matrix |",
            "|---|---|---|---|",
            f"| {cpu_seconds:,.0f} | {measurement.wall_seconds:,.0f} | {measurement.peak_mb:,.0f} "
            f"| {matrix:,.0f} |",
            "",
            describe_machine(("lightgbm", "scikit-learn", "numpy", "pyarrow")),
        ]
    )


def _once(job: str, folder: Path, arguments: argparse.Namespace) -> Measurement:
    print(f"{job}: {arguments.rows:,} rows, {arguments.columns} signals …", file=sys.stderr, flush=True)
    sizes = {name: getattr(arguments, name) for name in ("rows", "columns", "threads", "rounds")}
    options = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "benchmarks.training", "--job", job, "--folder", str(folder), *options]
    return measure(command, ROOT)


def _do(arguments: argparse.Namespace) -> dict[str, object]:
    """Run a job in this process; all output except the last line goes to standard error."""
    from contextlib import redirect_stdout

    from churn.params import EngineParams, LabelParams, Params, TrackingParams, TrainParams

    cpu, wall = time.process_time(), time.perf_counter()
    params = Params(
        source=str(arguments.folder / "company"),
        label=LabelParams(kind="inactivity", table="orders", horizon_days=28),
        train=TrainParams(max_rounds=arguments.rounds, memory_limit="1TiB"),
        tracking=TrackingParams(uri=f"sqlite:///{arguments.folder / 'mlflow.db'}"),
        output=arguments.folder / "output",
        models=arguments.folder / "models",
        engine=EngineParams(threads=arguments.threads),
    )
    answer: dict[str, object] = {}
    with redirect_stdout(sys.stderr):
        if arguments.job == "generate":
            from benchmarks.training.generate import write_snapshots

            write_snapshots(params, arguments.rows, arguments.columns)
        else:
            from pipelines.echo import Echo
            from pipelines.train import run

            run(params, echo=Echo())
            bundle = params.output / "train" / "bundle"
            spec = json.loads((bundle / "spec.json").read_text(encoding="utf-8"))
            answer = {"churners": spec["churners"], "rounds": spec["recipe"]["rounds"]}
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "answer": answer}


if __name__ == "__main__":
    raise SystemExit(main())
