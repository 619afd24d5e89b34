"""Who computes the blocks of a job: this process, a pool of processes, or tasks elsewhere.

Every executor gives the same results in the order of the blocks; only time and place differ.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import Protocol, TypeVar

from churn.features.blocks import Block, Job, Worker
from churn.features.signal import Signal

ROWS_WORTH_A_POOL = 5_000_000
"""Starting processes takes two seconds; fewer rows take less than that."""

R = TypeVar("R")
Function = Callable[[Worker, Block], R]


class Executor(Protocol):
    """Applies a function of this package to every block."""

    def map(self, function: Function[R], job: Job, blocks: Sequence[Block]) -> Iterator[R]:
        """Yield the results in the order of the blocks."""
        ...


class Serial:
    """Computes in this process, one block after another.

    `signals` may be handed over where they are not those of the library.
    """

    def __init__(self, signals: tuple[Signal, ...] | None = None) -> None:
        self._signals = signals

    def map(self, function: Function[R], job: Job, blocks: Sequence[Block]) -> Iterator[R]:
        """Yield the results in the order of the blocks."""
        worker = Worker(job, self._signals)
        for block in blocks:
            yield function(worker, block)


class Processes:
    """Computes in a pool of processes; at most one finished block a process waits to be fetched."""

    def __init__(self, processes: int) -> None:
        self._processes = processes

    def map(self, function: Function[R], job: Job, blocks: Sequence[Block]) -> Iterator[R]:
        """Yield the results in the order of the blocks."""
        # A forked child would inherit DuckDB's locks without its threads.
        spawn = multiprocessing.get_context("spawn")
        count = min(self._processes, len(blocks))
        share = _its_share(job, count)
        with ProcessPoolExecutor(count, spawn, initializer=_begin, initargs=(share,)) as pool:
            waiting: list[Future[R]] = []
            rest = iter(blocks)
            for block in islice(rest, 2 * count):
                waiting.append(pool.submit(_apply, function, block))
            while waiting:
                yield waiting.pop(0).result()
                for block in islice(rest, 1):
                    waiting.append(pool.submit(_apply, function, block))


_worker: Worker | None = None


def _begin(job: Job) -> None:
    global _worker
    _worker = Worker(job)


def _apply(function: Function[R], block: Block) -> R:
    assert _worker is not None  # made before the first block
    return function(_worker, block)


def _its_share(job: Job, processes: int) -> Job:
    """Return the job as one of several processes gets it: its part of the memory, one thread."""
    engine = job.params.engine
    memory = f"{engine.memory_bytes // processes // 1024}KiB"
    share = engine.model_copy(update={"memory_limit": memory, "threads": max(1, engine.threads // processes)})
    return replace(job, params=job.params.model_copy(update={"engine": share}))


def executor_of(job: Job, blocks: Sequence[Block], rows: int, signals: tuple[Signal, ...]) -> Executor:
    """Return the executor that `engine.executor` names; `auto` takes a pool where there is enough to do.

    `rows` is the number of rows of all tables that the job reads.
    """
    engine = job.params.engine
    pool = engine.executor == "processes" or (engine.executor == "auto" and rows >= ROWS_WORTH_A_POOL)
    if pool and engine.n_processes > 1 and len(blocks) > 1:
        return Processes(engine.n_processes)
    return Serial(signals)
