"""Train a challenger: select a candidate and a calibration method on labels from before the first test
cutoff, then fit the model on all known labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from churn.metrics.metrics import Floats
from churn.params import TrainParams
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime, predict_and_fit, predict_out_of_time
from churn.training.calibration import (
    CalibrationChoice,
    apply_calibration,
    fit_calibration,
    select_calibration,
)
from churn.training.fitted_model import FittedModel
from churn.training.recipe import Recipe
from churn.training.select import CandidateSelection, select_candidate
from churn.training.split import CutoffPlan, folds_of
from churn.training.tune import SearchResult, search

FitProgress = Callable[[str, int], AbstractContextManager[Callable[[], Any]]]
"""A function that opens a progress display with a title and a number of steps; it yields a function that
advances by one step.
"""


@contextmanager
def no_fit_progress(label: str, total: int) -> Iterator[Callable[[], None]]:
    """Show no progress: the default if there is no display."""
    yield lambda: None


@dataclass(frozen=True)
class TrainedChallenger:
    """A trained challenger, before it is registered.

    Attributes:
        recipe: The settings of its fit, including the selected calibration.
        model: The model without calibration, fitted on all snapshots whose labels are known.
        calibration: The calibration of the model, fitted on the predictions in `predictions`.
        selection: The comparison of the candidates.
        search: The result of the search for good settings of the trees; None if there was no search.
        calibration_choice: The comparison of the calibration methods.
        choice_predictions: The out-of-time predictions for the choice cutoffs (see `CutoffPlan`).
        predictions: The out-of-time predictions for the choice cutoffs and for the test cutoffs.
    """

    recipe: Recipe
    model: FittedModel
    calibration: Mapping[str, Any]
    selection: CandidateSelection
    search: SearchResult | None
    calibration_choice: CalibrationChoice
    choice_predictions: OutOfTime
    predictions: OutOfTime

    @property
    def probabilities(self) -> Floats:
        """Return the calibrated probabilities of `predictions`, shape (rows,)."""
        return apply_calibration(self.predictions.logits, self.calibration)


def train_challenger(
    snapshots: Snapshots,
    plan: CutoffPlan,
    settings: TrainParams,
    threads: int = 1,
    progress: FitProgress = no_fit_progress,
) -> TrainedChallenger:
    """Select a candidate on cutoffs before the first test cutoff, and fit it on all matured snapshots.

    A snapshot is matured when its labels are known. For `evaluate`, the rows of each test cutoff are
    predicted by a model that learnt only from labels known at that cutoff. Nothing is selected on the test
    cutoffs.

    Args:
        snapshots: All matured snapshots.
        plan: The choice cutoffs, on which the candidate is selected, and the test cutoffs.
        settings: The section `train` of the parameters.
        threads: The threads to use; they do not change the result.
        progress: A function that shows how many fits are done.
    """
    folds = folds_of(snapshots, plan)
    trials = settings.search.trials
    monotone = snapshots.monotone
    with progress("train", trials + len(folds) + len(plan.test) + 1) as advance:
        search_result = search(folds, monotone, settings, threads, advance) if trials else None
        tree_recipe = search_result.recipe if search_result else None
        selection = select_candidate(folds, monotone, settings, threads, advance, tree_recipe)
        choice_predictions = selection.predictions
        if choice_predictions is None:
            choice_predictions = predict_out_of_time(snapshots, selection.recipe, plan.choice, threads)
        calibration_choice = select_calibration(
            settings.calibration,
            choice_predictions.logits,
            choice_predictions.left,
            choice_predictions.cutoff,
            snapshots.known_on(choice_predictions.cutoff),
            choice_predictions.customer,
            choice_predictions.weight,
            is_untreated=snapshots.treated_rows is not None,
        )
        recipe = selection.recipe.with_calibration(calibration_choice.method)
        test_predictions, model = predict_and_fit(snapshots, recipe, plan.test, threads, advance)
    predictions = choice_predictions.join(test_predictions)
    calibration = fit_calibration(
        recipe.calibration, predictions.logits, predictions.left, predictions.customer, predictions.weight
    )
    return TrainedChallenger(
        recipe=recipe,
        model=model,
        calibration=calibration,
        selection=selection,
        search=search_result,
        calibration_choice=calibration_choice,
        choice_predictions=choice_predictions,
        predictions=predictions,
    )
