"""Log the trials of a search as child runs of the training run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn.model.registry import Registry
    from churn.training.tune import Searched


def log_trials(registry: Registry, searched: Searched, folder: Path) -> None:
    """Log each trial under the open run, and what came of the search into it."""
    from churn.reporting.mlflow_log import grouped
    from churn.training.recipe_settings import used

    registry.log_file(folder / "search.json")
    registry.log(
        params={"search.trials": len(searched.trials), "search.chosen": searched.chosen},
        metrics={
            "search/gain_log_loss": searched.gain,
            "search/gain_standard_error": searched.standard_error,
        },
    )
    for one in searched.trials:
        with registry.run(f"trial {one.number:02d}"):
            registry.log(
                params=grouped("recipe", used(one.recipe.as_dict())),
                metrics={
                    "tried/log_loss": one.log_loss,
                    "tried/log_loss_behind": one.behind,
                    "tried/log_loss_behind_standard_error": one.standard_error,
                    "tried/leaves_times_trees": one.size,
                },
            )
