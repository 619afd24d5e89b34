"""Trees are grown and read back whatever the names of the signals are."""

from __future__ import annotations

import numpy as np
import pytest

from churn.snapshots.dataset import LabelledRows, scorer_columns
from churn.training.trees import fit_trees

PARAMS = {"objective": "binary", "num_leaves": 4, "min_child_samples": 5, "verbosity": -1, "seed": 3}


def drawn(names: tuple[str, str]) -> LabelledRows:
    """Return rows of a number and of a text signal with these names."""
    rng = np.random.default_rng(5)
    days, plan = rng.uniform(0, 100, 300), rng.integers(0, 2, 300)
    return LabelledRows(
        names=names,
        levels={names[1]: ("basic", "plus")},
        matrix=np.column_stack([days, plan]).astype(float),
        left=(days + 40 * plan > 70).astype(float),
        customer=np.arange(300),
        cutoff=np.zeros(300, dtype=np.int64),
    )


@pytest.mark.parametrize(
    "names",
    [("Days: seen", "Plan: Typ"), ("a,b", "a:b"), ('"x"', "[x]"), ("{y}", "y z"), ("Tage 😀", "Größe")],
)
def test_a_signal_may_have_any_name(names: tuple[str, str]) -> None:
    plain, named = drawn(("a", "b")), drawn(names)
    expected = fit_trees(plain, PARAMS, 10, [0, 0], 1).logits(plain, 1)

    fitted = fit_trees(named, PARAMS, 10, [0, 0], 1)
    parts = fitted.scorer({"method": "none"}, 1).contributions(scorer_columns(named))

    assert np.array_equal(fitted.logits(named, 1), expected)
    assert set(parts) == {*names, "baseline"}
    assert np.std(expected) > 0.1
