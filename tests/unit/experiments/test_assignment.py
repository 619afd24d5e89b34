"""Assignments are drawn once, are nested over shares, balanced over strata and fair to each unit."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.experiments.assignment import (
    ASSIGNMENT_COLUMNS,
    Draw,
    assign,
    draw_positions,
    strata_of,
)
from churn.scoring.scores import CONTROL_ARM

NIGHT = date(2025, 1, 1)
DRAW = Draw("salt", "universal", NIGHT)
NOTHING = pd.DataFrame({name: pd.Series(dtype=object) for name in ASSIGNMENT_COLUMNS})


def units(n: int, first: int = 0) -> pd.DataFrame:
    names = [f"u{number:05}" for number in range(first, first + n)]
    score = np.random.default_rng(first).uniform(size=n)
    return pd.DataFrame(
        {"unit": names, "score": score, "value": 100 * score[::-1], "customers": [[name] for name in names]}
    )


def test_each_stratum_has_its_share_of_controls_for_each_share():
    table = units(997)
    strata = strata_of(table["score"].to_numpy(), table["value"].to_numpy())
    position = draw_positions(table["unit"], strata, DRAW)

    for share in (0.05, 0.1, 0.33, 0.5):
        for stratum in set(strata):
            in_stratum = strata == stratum
            expected = share * in_stratum.sum()
            assert abs((position[in_stratum] < share).sum() - expected) < 1


def test_a_larger_share_keeps_each_control():
    table = units(500)
    _, first = assign(table, NOTHING, share=0.05, draw=DRAW)
    later, changed = assign(table, first, share=0.1, draw=Draw("salt", "universal", date(2025, 2, 1)))

    before = set(first.loc[first["arm"] == CONTROL_ARM, "unit"])
    after = set(later.loc[later["arm"] == CONTROL_ARM, "unit"])
    assert len(before) == pytest.approx(25, abs=8)
    assert len(after) == pytest.approx(50, abs=8)
    assert before < after
    assert set(changed["unit"]) == after - before


def test_a_repeat_gives_the_same_and_nothing_new():
    table = units(200)
    arms, rows = assign(table, NOTHING, share=0.1, draw=DRAW)
    again, new_rows = assign(table, rows, share=0.1, draw=Draw("salt", "universal", date(2025, 3, 1)))

    pd.testing.assert_frame_equal(arms, again)
    assert new_rows.empty


def test_other_customers_of_the_night_do_not_redraw_an_earlier_unit():
    _, rows = assign(units(100), NOTHING, share=0.3, draw=DRAW)
    both = pd.concat([units(50, first=100), units(100)], ignore_index=True)

    arms, new_rows = assign(both, rows, share=0.3, draw=Draw("salt", "universal", date(2025, 3, 1)))

    assert set(new_rows["unit"]) == set(units(50, first=100)["unit"])
    merged = arms.merge(rows, on="unit", suffixes=("", "_before"))
    assert (merged["arm"] == merged["arm_before"]).all()
    assert len(merged) == 100


def test_another_salt_or_experiment_draws_anew():
    positions = [
        draw_positions(units(300)["unit"], ["all"] * 300, Draw(salt, experiment, NIGHT))
        for salt, experiment in (("s", "a"), ("t", "a"), ("s", "b"))
    ]
    for one in range(3):
        for other in range(one):
            assert abs(np.corrcoef(positions[one], positions[other])[0, 1]) < 0.2


def test_each_unit_is_a_control_with_the_stated_probability():
    n_draws, share = 4000, 0.1
    names = [f"u{number}" for number in range(7)]
    strata = ["a"] * 3 + ["b"] * 4
    counts = sum(
        draw_positions(names, strata, Draw(f"salt {n}", "universal", NIGHT)) < share for n in range(n_draws)
    )
    # Five standard errors of a share over this number of draws.
    assert np.abs(counts / n_draws - share).max() < 5 * np.sqrt(share * (1 - share) / n_draws)


@given(st.integers(1, 60), st.floats(0, 0.5))
@settings(max_examples=50, deadline=None)
def test_positions_are_evenly_spread(n, share):
    position = draw_positions([f"u{number}" for number in range(n)], ["one"] * n, DRAW)

    assert ((position >= 0) & (position < 1)).all()
    assert abs((position < share).sum() - share * n) < 1 + 1e-9
