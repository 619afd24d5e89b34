"""Keep the linear algebra library on one thread while results must not depend on threads."""

from __future__ import annotations

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits


def one_blas_thread() -> AbstractContextManager[object]:
    """Limit BLAS to one thread inside a `with`.

    The limit is the process's, and whoever leaves puts back what they found: threads that overlap would lift
    each other's limit, or keep it. So whoever starts threads sets it around them all.
    """
    limits: AbstractContextManager[object] = threadpool_limits(1, "blas")
    return limits
