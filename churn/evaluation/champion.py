"""The champion on the test cutoffs, or its recipe where the champion has seen them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from churn.errors import CallError
from churn.evaluation.measures import CHAMPION, CHAMPION_RECIPE
from churn.evaluation.result import ChampionIdentity, EvaluationResult, Freshness
from churn.metrics.metrics import Floats
from churn.model.bundle import BUNDLE_FOLDER, Champion, load_champion_if_any
from churn.model.scorer import SchemaError
from churn.params import Params
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime, calibrate_out_of_time, predict_champion, predict_out_of_time
from churn.training.challenger import Challenger
from churn.training.recipe import Recipe
from churn.training.split import CutoffPlan


@dataclass(frozen=True)
class ChampionPredictions:
    """The champion's predictions for the test cutoffs.

    Attributes:
        predictions: Probabilities as `champion` where it had not seen the labels, and as `champion_recipe`
            where it had seen some.
        notes: What was compared, or why nothing was.
        champion: The champion itself; None where there is none.
    """

    predictions: dict[str, Floats] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    champion: Champion | None = None


def check_same_champion(result: EvaluationResult, champion: Champion | None, folder: Path) -> None:
    """Check that the champion is still the one at the time of the evaluation.

    Args:
        result: The evaluation.
        champion: The current champion; None where there is none.
        folder: The folder of the evaluation.

    Raises:
        CallError: there is another champion, or none any more.
    """
    current = identity_of(champion)
    if (result.champion and result.champion.digest) == (current and current.digest):
        return
    then, now = (
        f"champion version {identity.version}" if identity else "no champion"
        for identity in (result.champion, current)
    )
    raise CallError(
        f"{folder}: version {result.model.version} was evaluated with {then}, but now there is {now}. "
        "Run `churn evaluate` again."
    )


def identity_of(champion: Champion | None) -> ChampionIdentity | None:
    """Return version and digest of a champion."""
    return ChampionIdentity(version=champion.version, digest=champion.digest) if champion else None


def freshness_of(snapshots: Snapshots, champion: Path | None) -> Freshness:
    """Return the days on which the latest label of challenger and champion became known.

    Args:
        snapshots: The snapshots from which the challenger learnt.
        champion: The folder of the exported champion; None where there is none to compare with.
    """
    facts = {"challenger": max(snapshots.mature_on.values())}
    if champion is not None:
        spec = json.loads((champion / BUNDLE_FOLDER / "spec.json").read_text(encoding="utf-8"))
        facts["champion"] = spec["mature_on"]
    return Freshness.model_validate(facts)


def champion_predictions(
    params: Params, snapshots: Snapshots, record: Challenger, past: OutOfTime, cutoffs: CutoffPlan
) -> ChampionPredictions:
    """Predict the test cutoffs with the champion, or with its recipe where the champion has seen them.

    A month after its training, all test cutoffs lie before the last label from which a champion learnt. So
    its recipe replaces it: refitted for each cutoff on what was known by then, on the current signals.

    Args:
        params: The parameters.
        snapshots: All matured snapshots.
        record: The challenger.
        past: The challenger's uncalibrated log-odds at the choice and test cutoffs.
        cutoffs: The test cutoffs.
    """
    champion = load_champion_if_any(params.champion, params.engine.threads)
    if champion is None:
        return _not_compared("There was no champion to compare with.", None)
    name = f"The champion (version {champion.version})"
    if champion.digest == record.digest:
        return _not_compared(f"{name} is this model.", champion)
    if champion.scorer.spec["label_id"] != params.label_id:
        return _not_compared(f"{name} predicts another label, so it is not compared.", champion)
    predictions: dict[str, Floats] = {}
    try:
        probability, unseen = predict_champion(snapshots, champion.scorer, cutoffs.test)
        reason = f"{name} has seen {'some of ' if unseen else ''}these cutoffs"
    except SchemaError as error:
        unseen, reason = (), f"{name} cannot be scored on these snapshots ({error.problems[0]})"
    if unseen:
        predictions[CHAMPION] = probability
    if len(unseen) == len(cutoffs.test):
        return ChampionPredictions(predictions, champion=champion)
    recipe = Recipe(**champion.scorer.spec["recipe"])
    if recipe != record.recipe.with_calibration(recipe.calibration):
        past = predict_out_of_time(snapshots, recipe, past.cutoffs, params.engine.threads)
    predictions[CHAMPION_RECIPE] = calibrate_out_of_time(snapshots, recipe, past, cutoffs.test)
    note = f"{reason}; its recipe, refitted for each cutoff, is compared instead."
    return ChampionPredictions(predictions, {CHAMPION: note}, champion)


def _not_compared(reason: str, champion: Champion | None) -> ChampionPredictions:
    return ChampionPredictions(notes={CHAMPION: reason}, champion=champion)
