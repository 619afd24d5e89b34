"""How often models are accepted, and how often the paired interval holds the true difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from benchmarks.uplift.worlds import WORLDS, World
from churn.uplift.policy import (
    EffectGroup,
    choose_share,
    compare_policies,
    group_effects,
    groups_left_alone,
    predict_held_out,
)
from churn.uplift.result import UpliftVerdict, judge_comparison
from churn.uplift.sample import Floats

SHARE = 0.5
N_DRAWS = 200
"""The number of draws of a world; with four worlds they take some 8 CPU minutes."""
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
    """Fit a model to a sample of a world, and compare its verdict with the truth."""
    sample, true_effect = world.draw(seed)
    judged_sample, predictions = predict_held_out(sample, seed=7, threads=1)
    own_effect = true_effect[sample.fold > 0]
    comparison = compare_policies(judged_sample, predictions, SHARE)
    by_effect, by_risk = (
        choose_share(score, judged_sample.fold, SHARE) for score in (predictions.effect, predictions.risk)
    )
    true_difference = float((own_effect * (by_effect - by_risk)).mean())
    low, high = comparison.difference.low, comparison.difference.high
    alone = groups_left_alone(group_effects(judged_sample, predictions))
    return DrawResult(
        sample.fewest_events(),
        judge_comparison(comparison)[0] == UpliftVerdict.ACCEPT,
        low is not None and high is not None and low <= true_difference <= high,
        is_left_alone_wrongly(alone, predictions.effect, own_effect),
    )


def is_left_alone_wrongly(
    groups: Sequence[EffectGroup], predicted_effect: Floats, true_effect: Floats
) -> bool:
    """Return whether a contact does not harm those who are left alone: their mean true effect is 0 or more.

    Args:
        groups: The groups that are left alone, the lowest first.
        predicted_effect: The predicted effect of each row.
        true_effect: The true effect of each row.
    """
    if not groups:
        return False
    return bool(true_effect[predicted_effect <= groups[-1].up_to].mean() >= 0)


def table(n_draws: int, seed: int, report_progress: Callable[[str], None]) -> Iterator[str]:
    """Yield the lines of the table, a line for each world.

    Args:
        n_draws: The number of samples of each world.
        seed: The seed of the samples.
        report_progress: A function that shows the progress, after each tenth of the draws of a world.
    """
    yield f"| {' | '.join(TITLES)} |"
    yield f"|---|{'---:|' * (len(TITLES) - 1)}"
    for name, world in WORLDS.items():
        results = []
        for number in range(n_draws):
            results.append(judge_draw(world, seed * 100_000 + number))
            if (number + 1) % max(n_draws // 10, 1) == 0:
                report_progress(f"{name}: {number + 1} of {n_draws} draws")
        yield world_row(name, results)


def world_row(name: str, results: Sequence[DrawResult]) -> str:
    """Return a line of the table; the intervals are exact (Clopper and Pearson) and hold for few draws."""
    cells = [name, str(len(results)), f"{np.mean([result.fewest_events for result in results]):.0f}"]
    for key in ("is_accepted", "is_covered", "has_wrong_group"):
        hits = sum(getattr(result, key) for result in results)
        ends = binomtest(hits, len(results)).proportion_ci(method="exact")
        cells.append(f"{100 * hits / len(results):.1f} % [{100 * ends.low:.1f}, {100 * ends.high:.1f}]")
    return f"| {' | '.join(cells)} |"
