"""Compute the blocks of a job in this process, in a pool of processes, or as Spark tasks.

Every executor returns the same results in the order of the blocks. Executors differ only in speed, and in
where they compute.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from churn.data.files import private_folder
from churn.data.sources.spark import open_session, run_tasks
from churn.data.store import Store
from churn.features.engine.blocks import Block, Job, Worker
from churn.features.signal import Signal

ROWS_WORTH_A_POOL = 50_000_000
"""The smallest number of rows for which a pool of processes is started. A pool takes seconds to start, and
fewer rows are computed sooner without a pool."""

R = TypeVar("R")
BlockFunction = Callable[[Worker, Block], R]


class Executor(Protocol):
    """Applies functions to the blocks of one job; each process makes a `Worker` that computes its blocks."""

    def map(self, function: BlockFunction[R], blocks: Sequence[Block]) -> Iterator[R]:
        """Yield the results in the order of the blocks."""
        ...


def executor_of(
    job: Job, number: int, blocks: Sequence[Block], signals: tuple[Signal, ...]
) -> AbstractContextManager[Executor]:
    """Return the executor that the parameter `engine.executor` names; one block needs no pool of processes.

    Args:
        job: The job to compute.
        number: The number of processes or tasks to run at once; at most one for each block is started.
        blocks: All blocks of the job.
        signals: The signals of the job. A signal's function cannot be sent to another process, so the
            processes of a pool find the signals by name.

    Raises:
        SourceError: `engine.executor` is spark, and Spark is not installed or cannot be started.
    """
    number = min(number, len(blocks))
    if job.params.engine.executor == "spark":
        return spark_tasks(job, number)
    return processes(job, number) if number > 1 else serial(job, signals)


def processes_for(store: Store, tables: Iterable[str]) -> int:
    """Return how many processes the parameter `engine.executor` asks for; with `auto`, 1 if rows are few."""
    engine = store.params.engine
    rows = sum(store.tables[table].rows for table in tables)
    if engine.executor == "serial" or (engine.executor == "auto" and rows < ROWS_WORTH_A_POOL):
        return 1
    return engine.n_processes


class Serial:
    """Computes in this process, one block after another.

    If `signals` is None, the job's signals are looked up by name in `churn.features.library`.
    """

    def __init__(self, job: Job, signals: tuple[Signal, ...] | None = None) -> None:
        self._worker = Worker(job, signals)

    def map(self, function: BlockFunction[R], blocks: Sequence[Block]) -> Iterator[R]:
        """Yield the results in the order of the blocks."""
        for block in blocks:
            yield function(self._worker, block)


@contextmanager
def serial(job: Job, signals: tuple[Signal, ...] | None = None) -> Iterator[Executor]:
    """Compute in this process."""
    yield Serial(job, signals)


def in_order(submit: Callable[[Block], Future[R]], blocks: Sequence[Block], workers: int) -> Iterator[R]:
    """Yield the results in the order of the blocks.

    One more block is submitted than there are workers, so no worker waits, and memory stays bounded.

    Args:
        submit: The function that starts the computation of a block in another process.
        blocks: The blocks to compute.
        workers: The number of blocks that are computed at once.
    """
    remaining = iter(blocks)
    pending = [submit(block) for block in islice(remaining, workers + 1)]
    while pending:
        yield pending.pop(0).result()
        pending += [submit(block) for block in islice(remaining, 1)]


class Processes:
    """Computes in a pool of processes."""

    def __init__(self, pool: ProcessPoolExecutor, number: int) -> None:
        self._pool = pool
        self._number = number

    def map(self, function: BlockFunction[R], blocks: Sequence[Block]) -> Iterator[R]:
        """Yield the results in the order of the blocks."""

        def submit(block: Block) -> Future[R]:
            with ctrl_c_blocked():  # a process that starts here inherits the blocking of Ctrl-C
                return self._pool.submit(_compute_in_process, function, block)

        return in_order(submit, blocks, self._number)


@contextmanager
def ctrl_c_blocked() -> Iterator[None]:
    """Delay the effect of Ctrl-C until the `with` statement ends."""
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


@contextmanager
def processes(job: Job, number: int) -> Iterator[Executor]:
    """Start `number` processes, each with its share of the memory and of the threads."""
    # A forked child would inherit DuckDB's locks without its threads.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(number, spawn, initializer=_start, initargs=(job.for_one_of(number),)) as pool:
        yield Processes(pool, number)


_worker_of_process: Worker | None = None


def _start(job: Job) -> None:
    """Prepare a process of the pool.

    Ctrl-C ends this process without a traceback, because its parent reports what happened.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    global _worker_of_process
    _worker_of_process = Worker(job)


def _compute_in_process(function: BlockFunction[R], block: Block) -> R:
    assert _worker_of_process is not None  # set before the first block
    return function(_worker_of_process, block)


class SparkTasks:
    """Computes each block as a Spark job of one task, which writes its result to a file."""

    def __init__(self, session: Any, job: Job, pool: ThreadPoolExecutor, number: int, folder: Path) -> None:
        self._session = session
        self._job = job
        self._pool = pool
        self._number = number
        self._folder = folder

    def map(self, function: BlockFunction[R], blocks: Sequence[Block]) -> Iterator[R]:
        """Yield the results in the order of the blocks.

        Raises:
            SourceError: a task could not run.
        """
        for name in in_order(
            lambda block: self._pool.submit(self._run, function, block), blocks, self._number
        ):
            path = self._folder / name
            result: R = pickle.loads(path.read_bytes())
            path.unlink()
            yield result

    def _run(self, function: BlockFunction[R], block: Block) -> str:
        task = partial(_compute_in_task, self._job, function, block, self._folder)
        return run_tasks(self._session, task, 1)[0]


@contextmanager
def spark_tasks(job: Job, number: int) -> Iterator[SparkTasks]:
    """Open an executor that computes `number` blocks at once, in the active Spark session or in a new one.

    Raises:
        SourceError: Spark is not installed, or cannot be started.
    """
    session = open_session("engine.executor: spark")
    with ThreadPoolExecutor(number) as pool:
        folder = private_folder(job.params.output / ".scratch", pool)
        yield SparkTasks(session, job.for_one_of(number), pool, number, folder)


_worker_of_task: tuple[str, Worker] | None = None


def _compute_in_task(job: Job, function: BlockFunction[R], block: Block, folder: Path, _: int) -> str:
    """Compute a block in a Spark task, write the result to a file, and return the file's name.

    The Spark process keeps the `Worker` that it has made, and uses it again for the next block.
    """
    global _worker_of_task
    digest = Store.open(job.params).digest  # the data may have changed since the last call
    if _worker_of_task is None or _worker_of_task[0] != digest or _worker_of_task[1].job != job:
        _worker_of_task = digest, Worker(job)
    name = uuid4().hex
    with (folder / name).open("wb") as file:
        pickle.dump(function(_worker_of_task[1], block), file, protocol=pickle.HIGHEST_PROTOCOL)
    return name
