"""A Spark session, and work as its tasks: the only file that knows pyspark."""

from __future__ import annotations

import os
import pickle
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa

from churn.data.sql import first_line
from churn.errors import ChurnError, SourceError

R = TypeVar("R")


def open_session(asked_by: str, host: str = "") -> Any:
    """Take the active Spark session, or start one: on `host`, or as Spark's own configuration says.

    Args:
        asked_by: The place in params.yaml that wants Spark, for messages.
        host: `host:port` of a standalone cluster's master.

    Raises:
        SourceError: pyspark is not installed, or there is no session to be had.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SourceError(
            f"{asked_by} needs Spark. Install it with `pip install 'churn[spark]'`; it needs Java 17."
        ) from None
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.appName("churn")
    if host:
        builder = builder.master(f"spark://{host}")
    else:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        session = builder.getOrCreate()
        # Spark's own default is a 96-bit format that has no stated zone.
        session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    except spark_errors() as error:
        raise SourceError(f"{asked_by}: Spark cannot be started: {first_line(error)}") from None
    return session


def spark_errors() -> tuple[type[Exception], ...]:
    """Return the errors that Spark raises for what it is asked; needs pyspark."""
    from pyspark.errors import PySparkException

    return PySparkException, RuntimeError


def run_tasks(session: Any, function: Callable[[int], R], count: int) -> list[R]:
    """Run `function(0)` to `function(count - 1)` as Spark tasks, one each, and return the results in order.

    The function and its results travel pickled; what is large is left in files.

    Raises:
        ChurnError: users' mistakes that the function found; the problems of all tasks, each once.
        Exception: what else the function raised.
        SourceError: the tasks could not run.
    """
    frame = session.range(0, count, 1, count).mapInArrow(_task(function), "number bigint, outcome binary")
    try:
        rows = frame.collect()
    except spark_errors() as error:
        raise SourceError(
            f"Spark: a task failed: {_why(error)} The executors need this version of churn and of its "
            "libraries, and must reach the output folder under the same path."
        ) from None
    outcomes = [pickle.loads(row.outcome) for row in sorted(rows, key=lambda row: row.number)]
    failed = [outcome.error for outcome in outcomes if isinstance(outcome, _Failed)]
    mistakes = [error for error in failed if isinstance(error, ChurnError)]
    if mistakes:
        problems = dict.fromkeys(problem for error in mistakes for problem in error.problems)
        raise type(mistakes[0])(*problems)
    if failed:
        raise failed[0]
    return outcomes


@dataclass(frozen=True)
class _Failed:
    """What a function raised; it travels as a result, as trying again would not help."""

    error: Exception


def _task(function: Callable[[int], R]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                outcome: R | _Failed
                try:
                    outcome = function(number)
                except OSError:  # of a disk or a network: Spark tries again, elsewhere
                    raise
                except Exception as error:
                    outcome = _Failed(error)
                yield pa.record_batch({"number": [number], "outcome": pa.array([pickle.dumps(outcome)])})

    return run


def count_rows(frame: Any) -> tuple[Any, Callable[[], int]]:
    """Return the frame, and a function that says how many rows it had once it was written."""
    from pyspark.sql import Observation, functions

    observation = Observation()
    counted = frame.observe(observation, functions.count(functions.lit(1)).alias("rows"))
    return counted, lambda: int(observation.get["rows"])


def arrow_function(
    function: Callable[[Iterator[pa.Array]], Iterator[pa.Array]], returns: str
) -> Callable[..., Any]:
    """Return a function of a column of a frame, whose tasks work on Arrow arrays."""
    from pyspark.sql.functions import arrow_udf

    def work(batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        return function(batches)

    return arrow_udf(work, returns)  # type: ignore[no-any-return]


def arrow_schema(frame: Any) -> pa.Schema:
    """Return the columns and types of a frame as Arrow has them."""
    from pyspark.sql.pandas.types import to_arrow_schema

    return to_arrow_schema(frame.schema, timezone="UTC")


def _why(error: Exception) -> str:
    """Return the line that says most: the last of a Python worker's traceback, else the first."""
    raised = re.findall(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt): .+$", str(error), re.MULTILINE)
    return str(raised[-1]) if raised else first_line(error)
