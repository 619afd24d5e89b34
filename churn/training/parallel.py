"""Run the fits of a backtest in parallel; the results do not depend on the number of threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import TypeVar

import scipy.linalg  # noqa: F401  it loads a linear algebra library of its own, which must be limited too
from joblib import Parallel, delayed
from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGE_FOLD_CELLS = 100_000_000
"""With more cells than this, folds run one after the other, so that memory holds only one of them."""


def map_parallel(
    work: Callable[[Item, int], Result],
    items: Sequence[Item],
    threads: int,
    cells: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> list[Result]:
    """Return `work(item, n_threads)` for every item, in the order of the items.

    The items share the threads. The number of threads changes no result.

    Args:
        work: The function that is called; its second argument is the number of threads that it may use.
        items: The items; each item is the first argument of one call.
        threads: The threads for all items together.
        cells: The number of rows times the number of signals in one fold.
        advance: A function that is called after each item.
    """
    workers = 1 if cells > LARGE_FOLD_CELLS else max(1, min(threads, len(items)))
    n_threads = max(1, threads // workers)
    results = []
    with (
        one_blas_thread()
        # the limit is around all items: inside an item, the end of the first item would remove the limit for
        # the others
    ):
        for result in Parallel(n_jobs=workers, prefer="threads", return_as="generator")(
            delayed(work)(item, n_threads) for item in items
        ):
            results.append(result)
            advance()
    return results


def one_blas_thread() -> AbstractContextManager[object]:
    """Limit the linear algebra library to one thread inside a `with` block.

    Its sums then do not depend on the number of threads. The limit is valid for the whole process, and the
    end of the block restores the earlier limit. If two threads set the limit at overlapping times, one thread
    could remove the limit of the other. So code that starts threads sets the limit around all its threads.
    """
    limits: AbstractContextManager[object] = _linear_algebra().limit(limits=1)
    return limits


@cache
def _linear_algebra() -> ThreadpoolController:
    """Find the linear algebra libraries of this process; the search is slow, so it runs only once."""
    return ThreadpoolController().select(user_api="blas")
