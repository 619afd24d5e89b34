"""Open a Spark session and run functions as Spark tasks; no other file imports pyspark."""

from __future__ import annotations

import os
import pickle
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from churn.data.sql import first_line
from churn.errors import ChurnError, SourceError

R = TypeVar("R")


def open_session(required_by: str, host: str = "") -> Any:
    """Return the active Spark session, or start one on `host` or with Spark's own configuration.

    Args:
        required_by: The key in params.yaml that needs Spark, for messages.
        host: `host:port` of a standalone cluster's master.

    Raises:
        SourceError: pyspark is not installed, or no session can be started.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SourceError(
            f"{required_by} needs Spark. Install Spark with `pip install 'churn[spark]'`; Spark needs Java "
            "17."
        ) from None
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.appName("churn")
    if host:
        builder = builder.master(f"spark://{host}")
    else:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        session = builder.getOrCreate()
        # Spark's default is a 96-bit format that does not store the time zone.
        session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    except spark_errors() as error:
        raise SourceError(f"{required_by}: Spark cannot be started: {first_line(error)}") from None
    return session


def spark_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that a Spark call can raise; the function needs pyspark."""
    from pyspark.errors import PySparkException

    return PySparkException, RuntimeError


def run_tasks(session: Any, function: Callable[[int], R], count: int) -> list[R]:
    """Run `function(0)` to `function(count - 1)`, each as one Spark task; return the results in order.

    Args:
        session: The Spark session.
        function: The work of one task. The function and its result are pickled, so large results should be
            written to files.
        count: The number of tasks.

    Raises:
        ChurnError: The function raised an error about a user's mistake; the new error lists each problem of
            all tasks once.
        Exception: The function raised an exception that is no ChurnError.
        SourceError: The tasks could not run.
    """
    frame = session.range(0, count, 1, count).mapInArrow(_task(function), "number bigint, outcome binary")
    try:
        rows = frame.collect()
    except spark_errors() as error:
        raise SourceError(
            f"Spark: a task failed: {_main_line(error)} The executors need this version of churn and "
            "the same libraries, and must reach the output folder under the same path."
        ) from None
    outcomes = [pickle.loads(row.outcome) for row in sorted(rows, key=lambda row: row.number)]
    errors = [outcome.error for outcome in outcomes if isinstance(outcome, _Failure)]
    mistakes = [error for error in errors if isinstance(error, ChurnError)]
    if mistakes:
        problems = dict.fromkeys(problem for error in mistakes for problem in error.problems)
        raise type(mistakes[0])(*problems)
    if errors:
        raise errors[0]
    return outcomes


@dataclass(frozen=True)
class _Failure:
    """An exception that a function raised inside a Spark task.

    It is returned as the result of the task. If it were raised, Spark would repeat the task, which would fail
    again.
    """

    error: Exception


def _task(function: Callable[[int], R]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                outcome: R | _Failure
                try:
                    outcome = function(number)
                except OSError:  # a disk or network failed: Spark tries again elsewhere
                    raise
                except Exception as error:
                    outcome = _Failure(error)
                yield pa.record_batch({"number": [number], "outcome": pa.array([pickle.dumps(outcome)])})

    return run


def count_rows(frame: Any) -> tuple[Any, Callable[[], int]]:
    """Return the frame, and a function that gives its number of rows once the frame is written."""
    from pyspark.sql import Observation, functions

    observation = Observation()
    observed_frame = frame.observe(observation, functions.count(functions.lit(1)).alias("rows"))
    return observed_frame, lambda: int(observation.get["rows"])


def check_rows_found(folder: Path, *, rows_written: int, rows_found: int) -> None:
    """Check that the driver finds all rows that the executors wrote into a folder.

    Args:
        folder: The folder, for the message.
        rows_written: The number of rows that the executors wrote.
        rows_found: The number of rows that the driver finds in the folder.

    Raises:
        SourceError: The driver does not find all rows.
    """
    if rows_found != rows_written:
        raise SourceError(
            f"output: Spark's executors wrote {rows_written:,} rows to {folder}, but the driver finds only "
            f"{rows_found:,} of these rows there. Set 'output' to a folder that the driver and all "
            "executors reach under the same path."
        )


def arrow_function(
    function: Callable[[Iterator[pa.Array]], Iterator[pa.Array]], returns: str
) -> Callable[..., Any]:
    """Return a Spark function that applies `function` to a column and gives values of SQL type `returns`."""
    from pyspark.sql.functions import arrow_udf

    def work(batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        return function(batches)

    return arrow_udf(work, returns)  # type: ignore[no-any-return]


def arrow_schema(frame: Any) -> pa.Schema:
    """Return the Arrow schema of a frame."""
    from pyspark.sql.pandas.types import to_arrow_schema

    return to_arrow_schema(frame.schema, timezone="UTC")


def _main_line(error: Exception) -> str:
    """Return the last of the lines that start with an exception's name; if there are none, the first line."""
    exceptions = re.findall(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt): .+$", str(error), re.MULTILINE)
    return str(exceptions[-1]) if exceptions else first_line(error)
