"""Run the folds of a backtest side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from joblib import Parallel, delayed

from churn.training.blas import one_blas_thread

Item = TypeVar("Item")
Made = TypeVar("Made")

LARGE = 100_000_000
"""Cells of a fold beyond which folds run one after the other, so that memory holds one of them."""


def side_by_side(
    work: Callable[[Item, int], Made],
    items: Sequence[Item],
    threads: int,
    cells: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> list[Made]:
    """Return `work(item, its threads)` of every item, in the order of the items.

    Threads are shared out and change no result.

    Args:
        work: What to do; it is given the threads it may use itself.
        items: What to do it with.
        threads: Threads for all together.
        cells: Rows times signals of one fold.
        advance: Called after each item.
    """
    workers = 1 if cells > LARGE else max(1, min(threads, len(items)))
    each = max(1, threads // workers)
    made = []
    with one_blas_thread():  # a fold could not: the first to end would lift the limit of the others
        for one in Parallel(n_jobs=workers, prefer="threads", return_as="generator")(
            delayed(work)(item, each) for item in items
        ):
            made.append(one)
            advance()
    return made
