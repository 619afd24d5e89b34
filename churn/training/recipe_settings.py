"""What of a recipe its model uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNUSED = {
    "logistic": (
        "rounds",
        "learning_rate",
        "num_leaves",
        "extra_trees",
        "min_child_samples",
        "lambda_l2",
        "feature_fraction",
        "seed",
    ),
    "trees": ("strength",),
    "extra_trees": ("strength",),
}
"""What belongs to the other half of a blend, by candidate."""


def used(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the decisions that a model depends on, without those that are unset or mean nothing to it.

    >>> used({"candidate": "logistic", "rounds": 2000, "strength": 0.01, "num_leaves": None})
    {'candidate': 'logistic', 'strength': 0.01}
    """
    idle = UNUSED.get(str(recipe.get("candidate")), ())
    return {name: value for name, value in recipe.items() if value is not None and name not in idle}
