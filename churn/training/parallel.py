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
"""Folds with more cells run one after the other, so that memory holds one of them."""


def map_parallel(
    work: Callable[[Item, int], Result],
    items: Sequence[Item],
    threads: int,
    cells: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> list[Result]:
    """Return `work(item, n_threads)` of every item, in the order of the items.

    Threads are shared between the items and change no result.

    Args:
        work: The function to call; its second argument is the number of threads that it may use itself.
        items: The items; each becomes the first argument of one call.
        threads: Threads for all items together.
        cells: Rows times signals of one fold.
        advance: Called after each item.
    """
    workers = 1 if cells > LARGE_FOLD_CELLS else max(1, min(threads, len(items)))
    n_threads = max(1, threads // workers)
    results = []
    with one_blas_thread():  # not inside an item: the first item to end would lift the limit of the others
        for result in Parallel(n_jobs=workers, prefer="threads", return_as="generator")(
            delayed(work)(item, n_threads) for item in items
        ):
            results.append(result)
            advance()
    return results


def one_blas_thread() -> AbstractContextManager[object]:
    """Limit the linear algebra library to one thread inside a `with`, so that sums do not depend on threads.

    The limit holds for the whole process, and its end restores the limit before it. Two threads that set it
    at overlapping times would lift or keep each other's limit. So code that starts threads sets it around all
    of them.
    """
    limits: AbstractContextManager[object] = threadpool_limits(1, "blas")
    return limits
