from __future__ import annotations

import pytest

from benchmarks.leaks.__main__ import data_table
from benchmarks.leaks.catch import CheckResult, catch, equals_honest_twin
from benchmarks.leaks.model_traps import TRAPS, ModelTrap, catch_model
from benchmarks.leaks.trap import CLEAN, traps

SEED = 100
"""The reported table uses seeds 0 to 19; these tests and the thresholds do not."""


@pytest.mark.parametrize("name", traps())
def test_a_planted_leak_is_caught_by_a_guard_meant_for_it(name: str) -> None:
    result = catch(name, SEED)

    assert result.fitting_guards(traps()[name]), result.findings


@pytest.mark.parametrize("name", [name for name, trap in traps().items() if trap.honest])
def test_the_honest_mapping_of_the_same_tables_is_immune(name: str) -> None:
    assert equals_honest_twin(traps()[name], SEED)


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
@pytest.mark.parametrize("company", CLEAN)
def test_no_guard_finds_anything_in_a_clean_company(company: str, seed: int) -> None:
    result = catch(company, seed)

    assert result.findings == ()


@pytest.mark.parametrize("trap", TRAPS, ids=[trap.name for trap in TRAPS])
def test_a_leak_of_modelling_is_caught_by_a_guard_of_the_model(trap: ModelTrap) -> None:
    result = catch_model(trap.name, SEED)

    assert result.guards & set(trap.caught_by), result.findings


def test_no_guard_of_the_model_finds_anything_in_our_own_way() -> None:
    assert catch_model("clean", SEED).findings == ()


def test_guards_with_equal_counts_are_listed_by_name() -> None:
    result = CheckResult(tuple((guard, "elsewhere") for guard in "hgfedcba"))

    line = list(data_table({"overwritten state": [result]}, {}, range(1)))[-1]

    assert "| `a` 1, `b` 1, `c` 1, `d` 1, `e` 1, `f` 1, `g` 1, `h` 1 |" in line
