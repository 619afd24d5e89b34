from __future__ import annotations

import pytest

from benchmarks.leaks.catch import catch
from benchmarks.leaks.immune import immune
from benchmarks.leaks.trap import CLEAN, traps

SEED = 100
"""The reported table uses seeds 0 to 19; these tests and the thresholds do not."""


@pytest.mark.parametrize("name", traps())
def test_a_planted_leak_is_caught_by_a_guard_meant_for_it(name: str) -> None:
    caught = catch(name, SEED)

    assert caught.by(traps()[name]), caught.spoke


@pytest.mark.parametrize("name", [name for name, trap in traps().items() if trap.honest])
def test_the_honest_mapping_of_the_same_tables_is_immune(name: str) -> None:
    assert immune(traps()[name], SEED)


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
@pytest.mark.parametrize("company", CLEAN)
def test_no_guard_speaks_of_a_clean_company(company: str, seed: int) -> None:
    caught = catch(company, seed)

    assert caught.spoke == ()
