"""Blocks as Spark tasks: one task a block, on the files of the store that driver and executors share."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from churn.data.files import private_folder
from churn.data.sources.spark import open_session, run_tasks
from churn.data.store import Store
from churn.features.engine.blocks import Block, Job, Worker
from churn.features.engine.prefetch import Function, in_order

R = TypeVar("R")


class SparkTasks:
    """Computes each block as a job of one task; results come through files, one block at a time."""

    def __init__(self, session: Any, job: Job, pool: ThreadPoolExecutor, tasks: int, folder: Path) -> None:
        self._session = session
        self._job = job
        self._pool = pool
        self._tasks = tasks
        self._folder = folder

    def map(self, function: Function[R], blocks: Sequence[Block]) -> Iterator[R]:
        """Yield the results in the order of the blocks.

        Raises:
            SourceError: a task could not run.
        """
        for name in in_order(
            lambda block: self._pool.submit(self._run, function, block), blocks, self._tasks
        ):
            path = self._folder / name
            result: R = pickle.loads(path.read_bytes())
            path.unlink()
            yield result

    def _run(self, function: Function[R], block: Block) -> str:
        task = partial(_compute, self._job, function, block, self._folder)
        return run_tasks(self._session, task, 1)[0]


@contextmanager
def spark_tasks(job: Job, number: int) -> Iterator[SparkTasks]:
    """Compute so many blocks at once in the active Spark session, or in one as Spark's configuration says.

    Raises:
        SourceError: Spark is not installed, or cannot be started.
    """
    session = open_session("engine.executor: spark")
    with ThreadPoolExecutor(number) as pool:
        folder = private_folder(job.params.output / ".scratch", pool)
        yield SparkTasks(session, job.for_one_of(number), pool, number, folder)


_worker: tuple[str, Worker] | None = None


def _compute(job: Job, function: Function[R], block: Block, folder: Path, _: int) -> str:
    """Compute a block where Spark runs it, and leave the result; a process keeps its worker for the next."""
    global _worker
    digest = Store.open(job.params).digest  # the same job may be asked again after a night
    if _worker is None or _worker[0] != digest or _worker[1].job != job:
        _worker = digest, Worker(job)
    name = uuid4().hex
    with (folder / name).open("wb") as file:
        pickle.dump(function(_worker[1], block), file, protocol=pickle.HIGHEST_PROTOCOL)
    return name
