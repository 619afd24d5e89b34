"""How often models are accepted, and how often the paired interval holds the true difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.uplift.worlds import WORLDS, World
from churn.metrics.standard_errors import wilson_interval
from churn.uplift.policy import (
    choose_share,
    compare_policies,
    group_effects,
    groups_left_alone,
    predict_held_out,
)
from churn.uplift.result import UpliftVerdict, judge_comparison

SHARE = 0.5
TITLES = (
    "world",
    "draws",
    "fewest events",
    "accepted",
    "interval holds the true difference",
    "somebody left alone wrongly",
)


@dataclass(frozen=True)
class DrawResult:
    """What one draw gives."""

    fewest_events: int
    is_accepted: bool
    is_covered: bool
    has_wrong_group: bool


def judge_draw(world: World, seed: int) -> DrawResult:
    sample, true_effect = world.draw(seed)
    judged_sample, predictions = predict_held_out(sample, seed=7, threads=1)
    comparison = compare_policies(judged_sample, predictions, SHARE)
    by_effect, by_risk = (
        choose_share(score, judged_sample.fold, SHARE) for score in (predictions.effect, predictions.risk)
    )
    true_difference = float((true_effect[sample.fold > 0] * (by_effect - by_risk)).mean())
    low, high = comparison.difference.low, comparison.difference.high
    alone = groups_left_alone(group_effects(judged_sample, predictions))
    # In a world without any effect, and where a contact drives nobody away, each group left alone is wrong.
    drives_away = world.drives_away > 0
    return DrawResult(
        sample.fewest_events(),
        judge_comparison(comparison)[0] == UpliftVerdict.ACCEPT,
        low is not None and high is not None and low <= true_difference <= high,
        bool(alone) and not drives_away,
    )


def table(n_draws: int, seed: int) -> Iterator[str]:
    yield f"| {' | '.join(TITLES)} |"
    yield f"|{'---|' * len(TITLES)}"
    for name, world in WORLDS.items():
        results = [judge_draw(world, seed * 100_000 + number) for number in range(n_draws)]
        cells = [name, str(n_draws), f"{np.mean([result.fewest_events for result in results]):.0f}"]
        for key in ("is_accepted", "is_covered", "has_wrong_group"):
            hits = sum(getattr(result, key) for result in results)
            low, high = wilson_interval(hits, n_draws)
            cells.append(f"{hits / n_draws:.1%} [{low:.1%}, {high:.1%}]")
        yield f"| {' | '.join(cells)} |"
