"""The champion's predictions for the test cutoffs.

If the champion has learnt from some test cutoffs, a model that is newly trained with the champion's recipe is
compared instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from churn.errors import CallError, ModelError
from churn.evaluation.measures import CHAMPION, CHAMPION_RECIPE
from churn.evaluation.result import ChampionIdentity, EvaluationResult, Freshness
from churn.metrics.metrics import Floats
from churn.model.bundle import Champion
from churn.model.scorer import SchemaError
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime, calibrate_out_of_time, predict_champion, predict_out_of_time
from churn.training.challenger import Challenger
from churn.training.recipe import Recipe


@dataclass(frozen=True)
class ChampionPredictions:
    """The champion's predictions for the test cutoffs.

    Attributes:
        predictions: The probabilities of churn that each model predicts, by the name of the model.
            The champion's own probabilities have the name `champion`. They are only for the test cutoffs from
            which the champion has not learnt. If the champion has learnt from a test cutoff or cannot score
            the snapshots, a new model is trained with its recipe. The new model's probabilities have the name
            `champion_recipe` and are for all test cutoffs.
        notes: A sentence that says what was compared, or why nothing was compared. Its key is `champion`.
        champion: The champion itself; None if there is none.
    """

    predictions: dict[str, Floats] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    champion: Champion | None = None


def check_same_champion(result: EvaluationResult, champion: Champion | None, folder: Path) -> None:
    """Check that the present champion is the champion with which the evaluation compared the challenger.

    Args:
        result: The evaluation.
        champion: The current champion; None if there is none.
        folder: The folder of the evaluation, for messages.

    Raises:
        CallError: The champion is now another model, or there is no longer a champion.
    """
    current = identity_of(champion)
    if (result.champion and result.champion.digest) == (current and current.digest):
        return
    then, now = (
        f"champion version {identity.version}" if identity else "no champion"
        for identity in (result.champion, current)
    )
    raise CallError(
        f"{folder}: when challenger version {result.model.version} was evaluated, there was {then}, but "
        f"now there is {now}. Run `churn evaluate` again."
    )


def identity_of(champion: Champion | None) -> ChampionIdentity | None:
    """Return the champion's version and the digest of its files; None if there is no champion."""
    return ChampionIdentity(version=champion.version, digest=champion.digest) if champion else None


def freshness_of(snapshots: Snapshots, champion: Champion | None) -> Freshness:
    """Return for the challenger and for the champion the day on which its latest label became known.

    Args:
        snapshots: The snapshots from which the challenger learnt.
        champion: The champion with which the challenger is compared; None if there is none.
    """
    facts = {"challenger": max(snapshots.mature_on.values())}
    if champion is not None:
        facts["champion"] = champion.scorer.spec["mature_on"]
    return Freshness.model_validate(facts)


def champion_predictions(
    champion: Champion | None,
    snapshots: Snapshots,
    record: Challenger,
    past: OutOfTime,
    test_cutoffs: Sequence[date],
    threads: int,
) -> ChampionPredictions:
    """Predict the churn after the test cutoffs with the champion.

    If the champion has learnt from some test cutoffs, a model that is newly trained with the champion's
    recipe is compared instead. The champion counts as having learnt from a test cutoff if one of the labels
    of its training became known after this cutoff. A champion that was trained a month ago has usually learnt
    from all test cutoffs. For each test cutoff the new model is fitted on the labels that were known by that
    cutoff, with the signals of `snapshots`. A recipe that another version of the program wrote cannot be
    fitted again; then nothing is compared.

    Args:
        champion: The current champion; None if there is none.
        snapshots: All matured snapshots.
        record: The challenger.
        past: The challenger's uncalibrated log-odds at the test cutoffs, and at the cutoffs on which the
            challenger was selected.
        test_cutoffs: The cutoffs on which the models are tested.
        threads: The number of threads.
    """
    if champion is None:
        return _not_compared("There was no champion to compare with.", None)
    name = f"The champion (version {champion.version})"
    if champion.digest == record.digest:
        return _not_compared(f"{name} is this model.", champion)
    if champion.scorer.spec["label_id"] != snapshots.label_id:
        return _not_compared(
            f"{name} predicts another label, so it is not compared with the challenger.", champion
        )
    predictions: dict[str, Floats] = {}
    try:
        probability, unseen_cutoffs = predict_champion(snapshots, champion.scorer, test_cutoffs)
        reason = f"{name} has seen {'some of ' if unseen_cutoffs else ''}these cutoffs"
    except SchemaError as error:
        unseen_cutoffs, reason = (), f"{name} cannot score these snapshots ({error.problems[0]})"
    if unseen_cutoffs:
        predictions[CHAMPION] = probability
    if len(unseen_cutoffs) == len(test_cutoffs):
        return ChampionPredictions(predictions, champion=champion)
    try:
        recipe = Recipe.of_spec(champion.scorer.spec, way_out="")
    except ModelError as error:
        words = f"{reason}, and its recipe cannot be refitted, so the challenger is not compared with it"
        return _not_compared(f"{words}: {error}", champion)
    if recipe != record.recipe.with_calibration(recipe.calibration):
        past = predict_out_of_time(snapshots, recipe, past.cutoffs, threads)
    predictions[CHAMPION_RECIPE] = calibrate_out_of_time(snapshots, recipe, past, test_cutoffs)
    note = (
        f"{reason}; instead, a model with the champion's recipe is fitted for each cutoff and compared with "
        "the challenger."
    )
    return ChampionPredictions(predictions, {CHAMPION: note}, champion)


def _not_compared(reason: str, champion: Champion | None) -> ChampionPredictions:
    return ChampionPredictions(notes={CHAMPION: reason}, champion=champion)
