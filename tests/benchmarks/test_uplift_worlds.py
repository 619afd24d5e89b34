"""The worlds of the bench of uplift have the effect that they state."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.uplift.draws import DrawResult, is_left_alone_wrongly, judge_draw, table, world_row
from benchmarks.uplift.worlds import World
from churn.metrics.interval import Interval
from churn.uplift.policy import EffectGroup


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


@pytest.mark.parametrize(
    ("true_effect", "is_wrong"),
    [([-0.2, 0.1, 0.2], False), ([-0.1, 0.2, -0.3], True), ([0.0, 0.0, 0.2], True)],
    ids=["harmed", "helped", "no effect"],
)
def test_customers_are_left_alone_wrongly_if_a_contact_does_not_harm_them(
    true_effect: list[float], is_wrong: bool
) -> None:
    alone = EffectGroup(n=2, up_to=0.05, effect=Interval(value=-0.1, low=-0.2, high=0.0))
    predicted = np.array([-0.1, 0.05, 0.3])

    assert is_left_alone_wrongly((alone,), predicted, np.array(true_effect)) is is_wrong
    assert not is_left_alone_wrongly((), predicted, np.array(true_effect))


def test_a_row_has_exact_intervals_that_hold_for_few_draws() -> None:
    results = [DrawResult(100, number == 0, True, False) for number in range(40)]

    row = world_row("a", results)

    # Clopper and Pearson for 1, 40 and 0 of 40
    assert row == "| a | 40 | 100 | 2.5 % [0.1, 13.2] | 100.0 % [91.2, 100.0] | 0.0 % [0.0, 8.8] |"


def test_the_table_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    progress: list[str] = []
    monkeypatch.setattr("benchmarks.uplift.draws.WORLDS", {"tiny": World(n=500, control_share=0.5)})

    lines = list(table(2, 1, progress.append))

    assert progress == ["tiny: 1 of 2 draws", "tiny: 2 of 2 draws"]
    assert len(lines) == 3
