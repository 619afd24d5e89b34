from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info

from churn.training.parallel import map_parallel, one_blas_thread


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("threads", [1, 2])
def test_linear_algebra_takes_one_thread_in_every_fold_whoever_limited_it_before(threads: int) -> None:
    before = blas_threads()
    with one_blas_thread():
        pass

    def work(item: int, n_threads: int) -> set[int]:
        with one_blas_thread():
            return blas_threads()

    limits = map_parallel(work, range(4), threads)

    assert limits == [{1}] * 4
    assert blas_threads() == before
