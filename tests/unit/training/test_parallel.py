from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from churn.training import parallel
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


def test_the_threads_of_other_libraries_stay_as_they_are() -> None:
    importlib.import_module("lightgbm")  # it loads OpenMP
    parallel._linear_algebra.cache_clear()

    with threadpool_limits(2, "openmp"), one_blas_thread():
        threads = {part["num_threads"] for part in threadpool_info() if part["user_api"] == "openmp"}

    assert threads == {2}


def test_the_limit_holds_for_each_library_that_is_loaded_later() -> None:
    program = (
        "from churn.training.parallel import one_blas_thread\n"
        "with one_blas_thread():\n"
        "    import lightgbm, scipy.linalg, scipy.optimize, sklearn.linear_model\n"
        "    from threadpoolctl import threadpool_info\n"
        "    print(sorted({part['num_threads'] for part in threadpool_info() if part['user_api'] == 'blas'}))"
    )

    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert process.stdout == "[1]\n"


def test_the_libraries_are_looked_for_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with one_blas_thread():
        pass
    monkeypatch.setattr(ThreadpoolController, "_load_libraries", None)

    with one_blas_thread():
        threads = [library.num_threads for library in parallel._linear_algebra().lib_controllers]

    assert set(threads) == {1}
