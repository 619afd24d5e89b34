"""Who computes the blocks of a job: this process, a pool of processes, or tasks elsewhere.

Every executor gives the same results in the order of the blocks; only time and place differ.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

from churn.data.store import Store
from churn.features.engine.blocks import Block, Job, Worker
from churn.features.engine.prefetch import Function, in_order
from churn.features.engine.spark_tasks import spark_tasks
from churn.features.signal import Signal

ROWS_WORTH_A_POOL = 50_000_000
"""Starting processes takes some seconds of their processors; with fewer rows all is done by then."""

R = TypeVar("R")


class Executor(Protocol):
    """Applies functions to the blocks of one job; its processes or tasks make a `Worker` of the job once."""

    def map(self, function: Function[R], blocks: Sequence[Block]) -> Iterator[R]:
        """Yield the results in the order of the blocks."""
        ...


class Serial:
    """Computes in this process, one block after another.

    `signals` may be handed over where they are not those of the library.
    """

    def __init__(self, job: Job, signals: tuple[Signal, ...] | None = None) -> None:
        self._worker = Worker(job, signals)

    def map(self, function: Function[R], blocks: Sequence[Block]) -> Iterator[R]:
        """Yield the results in the order of the blocks."""
        for block in blocks:
            yield function(self._worker, block)


class Processes:
    """Computes in a pool of processes; few finished blocks wait to be fetched, which bounds memory."""

    def __init__(self, pool: ProcessPoolExecutor, processes: int) -> None:
        self._pool = pool
        self._processes = processes

    def map(self, function: Function[R], blocks: Sequence[Block]) -> Iterator[R]:
        """Yield the results in the order of the blocks."""
        return in_order(lambda block: self._pool.submit(_apply, function, block), blocks, self._processes)


@contextmanager
def processes(job: Job, number: int) -> Iterator[Executor]:
    """Start so many processes, each with its part of the memory and of the threads."""
    # A forked child would inherit DuckDB's locks without its threads.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(number, spawn, initializer=_begin, initargs=(job.for_one_of(number),)) as pool:
        yield Processes(pool, number)


_worker: Worker | None = None


def _begin(job: Job) -> None:
    global _worker
    _worker = Worker(job)


def _apply(function: Function[R], block: Block) -> R:
    assert _worker is not None  # made before the first block
    return function(_worker, block)


@contextmanager
def serial(job: Job, signals: tuple[Signal, ...] | None = None) -> Iterator[Executor]:
    """Compute in this process."""
    yield Serial(job, signals)


def processes_for(store: Store, tables: Iterable[str]) -> int:
    """Return how many processes `engine.executor` wants; `auto` takes one where there is little to do."""
    engine = store.params.engine
    rows = sum(store.tables[table].rows for table in tables)
    if engine.executor == "serial" or (engine.executor == "auto" and rows < ROWS_WORTH_A_POOL):
        return 1
    return engine.n_processes


def executor_of(
    job: Job, number: int, blocks: Sequence[Block], signals: tuple[Signal, ...]
) -> AbstractContextManager[Executor]:
    """Return an executor of so many processes or tasks; one block needs no pool.

    Raises:
        SourceError: `engine.executor` is spark, and there is none.
    """
    number = min(number, len(blocks))
    if job.params.engine.executor == "spark":
        return spark_tasks(job, number)
    return processes(job, number) if number > 1 else serial(job, signals)
