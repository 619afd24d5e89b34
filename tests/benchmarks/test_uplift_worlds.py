"""The worlds of the bench of uplift have the effect that they state."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.uplift.draws import judge_draw
from benchmarks.uplift.worlds import World


def test_a_world_has_the_effect_that_it_states() -> None:
    sample, effect = World(n=40_000, control_share=0.5, effect=0.2, drives_away=0.1).draw(1)

    left, arm = sample.rows.left, sample.in_treatment
    for own in (effect > 0, effect < 0):
        difference = left[own & ~arm].mean() - left[own & arm].mean()
        assert difference == pytest.approx(effect[own][0], abs=0.02)
    assert np.unique(effect).tolist() == [-0.1, 0.2]


def test_a_draw_of_a_world_without_effect_is_judged_against_0() -> None:
    result = judge_draw(World(n=500, control_share=0.5), 3)

    assert not result.is_accepted
    assert result.is_covered
