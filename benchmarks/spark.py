"""Compare Spark with one machine: write the store of a demo company and compute its snapshots in both ways.

Call `python -m benchmarks.spark --customers 20000`. Spark runs locally. CPU seconds are those of this process
and all its descendants: Spark's JVM, its Python workers and the pool.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks.engine.measure import process_tree
from churn.data.ingest.ingest import ingest
from churn.data.store import Store
from churn.demo.write import write_company
from churn.features.library import select_signals
from churn.params import Params
from churn.snapshots.write import write_snapshots

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument(
        "--tasks", type=int, default=2, help="the number of tasks that Spark runs at the same time"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="churn-spark-") as folder:
        compare(Path(folder), options.customers, options.tasks)


def compare(folder: Path, customers: int, tasks: int) -> None:
    company = write_company(folder / "company", folder / "truth", customers, seed=7)
    print(f"{customers:,} customers, {sum(company.rows.values()):,} rows, {tasks} tasks at once")
    from_files = run_timed("store from files", lambda: write_store(folder, str(folder / "company"), tasks))
    snapshots_of(from_files, "serial", "snapshots, one process")
    snapshots_of(from_files, "processes", "snapshots, a pool")
    session = run_timed("start of Spark", lambda: start_spark(folder / "company", tasks))
    from_spark = run_timed("store from Spark", lambda: write_store(folder, "spark:///", tasks))
    second_store = run_timed("store from Spark, again", lambda: write_store(folder, "spark:///", tasks))
    snapshots_of(from_spark, "spark", "snapshots, Spark tasks")
    snapshots_of(second_store, "spark", "snapshots, Spark tasks, again")
    are_equal = from_files.digest == from_spark.digest == second_store.digest
    print("the stores are equal" if are_equal else "THE STORES DIFFER")
    session.stop()


def start_spark(company: Path, tasks: int) -> Any:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    session = SparkSession.builder.master(f"local[{tasks}]").config(map=settings).getOrCreate()
    for path in company.glob("*.parquet"):
        session.read.parquet(str(path)).createOrReplaceTempView(path.stem)
    return session


def write_store(folder: Path, source: str, tasks: int) -> Store:
    settings = yaml.safe_load((ROOT / "params.yaml").read_text())
    folders = {
        "source": source,
        "output": str(folder / source.partition(":")[0].strip("/").replace("/", "_")),
    }
    engine = {"engine": {"threads": tasks, "processes": tasks}}
    return ingest(Params.model_validate(settings | folders | engine), lambda _: None)


def snapshots_of(store: Store, executor: str, label: str) -> None:
    engine = store.params.engine.model_copy(update={"executor": executor})
    params = store.params.model_copy(update={"engine": engine})
    executor_store = Store.open(params)
    signals = select_signals(params, executor_store)
    run_timed(label, lambda: write_snapshots(executor_store, signals))


def run_timed(label: str, function: Callable[[], Any]) -> Any:
    """Call the function, print its wall and CPU time, and return its result."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = function()
    print(f"{label}: wall {time.perf_counter() - wall:.1f} s, CPU {cpu_seconds() - cpu:.1f} s", flush=True)
    return result


def cpu_seconds() -> float:
    """Return the CPU time of this process and its descendants, also of those that have ended."""
    ticks = 0
    for pid in process_tree(os.getpid()):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        ticks += sum(int(fields[index]) for index in (11, 12, 13, 14))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
