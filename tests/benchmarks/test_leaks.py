from __future__ import annotations

import pytest

from benchmarks.leaks.__main__ import report
from benchmarks.leaks.catch import Caught, catch
from benchmarks.leaks.immune import immune
from benchmarks.leaks.modelling import TRAPS, ModelTrap, catch_model
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


@pytest.mark.parametrize("trap", TRAPS, ids=[trap.name for trap in TRAPS])
def test_a_leak_made_while_modelling_is_caught_by_a_guard_of_the_model(trap: ModelTrap) -> None:
    caught = catch_model(trap.name, SEED)

    assert {guard for guard, _ in caught.spoke} & set(trap.caught_by), caught.spoke


def test_no_guard_of_the_model_speaks_of_our_own_way() -> None:
    assert catch_model("clean", SEED).spoke == ()


def test_guards_that_spoke_equally_often_stand_in_the_order_of_the_alphabet() -> None:
    spoke = Caught(tuple((guard, "elsewhere") for guard in "hgfedcba"))

    line = list(report({"overwritten state": [spoke]}, {}, range(1)))[-1]

    assert "| `a` 1, `b` 1, `c` 1, `d` 1, `e` 1, `f` 1, `g` 1, `h` 1 |" in line
