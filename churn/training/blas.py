"""Keep the linear algebra library on one thread while results must not depend on threads."""

from __future__ import annotations

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits


def one_blas_thread() -> AbstractContextManager[object]:
    """Limit BLAS to one thread inside a `with`.

    The limit is the process's, and belongs to the thread that sets it first: others cannot set it until that
    one has left. So whoever starts threads sets it around them all.
    """
    limits: AbstractContextManager[object] = threadpool_limits(1, "blas")
    return limits
