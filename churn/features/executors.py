"""Who computes the blocks of a job: this process, a pool of processes, or tasks elsewhere.

Every executor gives the same results in the order of the blocks; only time and place differ.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import islice
from typing import Protocol, TypeVar

from churn.data.store import Store
from churn.features.blocks import Block, Job, Worker
from churn.features.signal import Signal

ROWS_WORTH_A_POOL = 50_000_000
"""Starting processes takes some seconds of their processors; with fewer rows all is done by then."""

R = TypeVar("R")
Function = Callable[[Worker, Block], R]


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
        rest = iter(blocks)
        waiting: list[Future[R]] = []
        for block in islice(rest, self._processes + 1):
            waiting.append(self._pool.submit(_apply, function, block))
        while waiting:
            yield waiting.pop(0).result()
            for block in islice(rest, 1):
                waiting.append(self._pool.submit(_apply, function, block))


@contextmanager
def processes(job: Job, number: int) -> Iterator[Executor]:
    """Start so many processes, each with its part of the memory and of the threads."""
    engine = job.params.engine
    memory = f"{engine.memory_bytes // number // 1024}KiB"
    share = engine.model_copy(update={"memory_limit": memory, "threads": max(1, engine.threads // number)})
    job = replace(job, params=job.params.model_copy(update={"engine": share}))
    # A forked child would inherit DuckDB's locks without its threads.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(number, spawn, initializer=_begin, initargs=(job,)) as pool:
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
    """Return an executor of so many processes; one block needs no pool."""
    number = min(number, len(blocks))
    return processes(job, number) if number > 1 else serial(job, signals)
