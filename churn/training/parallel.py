"""Run the folds of a backtest in parallel, with results that do not depend on the threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGE_FOLD_CELLS = 100_000_000
"""The number of cells above which folds run one after the other, so that memory holds only one fold."""


def map_parallel(
    work: Callable[[Item, int], Result],
    items: Sequence[Item],
    threads: int,
    cells: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> list[Result]:
    """Return `work(item, n_threads)` of every item, in the order of the items.

    The items share the threads. The number of threads changes no result.

    Args:
        work: The function to call; its second argument is the number of threads that it may use itself.
        items: The items; each item is the first argument of one call.
        threads: The threads for all items together.
        cells: The number of rows times the number of signals of one fold.
        advance: A function that is called after each item.
    """
    workers = 1 if cells > LARGE_FOLD_CELLS else max(1, min(threads, len(items)))
    n_threads = max(1, threads // workers)
    results = []
    with (
        one_blas_thread()
    ):  # around all items: inside an item, the first end would lift the limit for the other items
        for result in Parallel(n_jobs=workers, prefer="threads", return_as="generator")(
            delayed(work)(item, n_threads) for item in items
        ):
            results.append(result)
            advance()
    return results


def one_blas_thread() -> AbstractContextManager[object]:
    """Limit the linear algebra library to one thread inside a `with`, so that sums do not depend on threads.

    The limit holds for the whole process. The end of the block restores the earlier limit. If two threads set
    the limit at overlapping times, one thread could lift the limit of the other thread. So code that starts
    threads sets the limit around all its threads.
    """
    limits: AbstractContextManager[object] = threadpool_limits(1, "blas")
    return limits
