"""The champion on the test cutoffs, or what stands for it where it has seen them."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from churn.errors import CallError
from churn.metrics.metrics import Floats
from churn.model.bundle import Champion, load_champion_if_any
from churn.model.scorer import SchemaError
from churn.params import Params
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime, calibrate_out_of_time, predict_champion, predict_out_of_time
from churn.training.challenger import Challenger
from churn.training.recipe import Recipe
from churn.training.split import CutoffPlan

CHAMPION, RECIPE = "champion", "champion_recipe"


@dataclass(frozen=True)
class Standing:
    """What the champion says of the test cutoffs.

    Attributes:
        predictions: Probabilities as `champion` where it had not seen the labels, and as `champion_recipe`
            where it had seen some.
        notes: What it was compared on, or why it was not.
        champion: The champion itself; None where there is none.
    """

    predictions: dict[str, Floats] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    champion: Champion | None = None

    @classmethod
    def told(cls, words: str, champion: Champion | None = None) -> Standing:
        """Return a champion that is not compared, and why."""
        return cls(notes={CHAMPION: words}, champion=champion)


def standing(candidates: Container[str]) -> str | None:
    """Return the candidate that a challenger is held against: the recipe where it stands, else the champion.

    >>> standing({"challenger", "champion", "champion_recipe"})
    'champion_recipe'
    """
    return next((name for name in (RECIPE, CHAMPION) if name in candidates), None)


def champion_itself(evaluated: Mapping[str, Any]) -> bool:
    """Return whether the judged model was the champion when it was judged.

    >>> champion_itself({"model": {"digest": "d"}, "champion": {"version": "1", "digest": "d"}})
    True
    """
    champion = evaluated.get("champion")
    return champion is not None and bool(champion["digest"] == evaluated["model"]["digest"])


def check_champion_stands(evaluated: Mapping[str, Any], champion: Champion | None, folder: Path) -> None:
    """Check that the champion beside which a challenger was judged is the one that stands.

    Args:
        evaluated: The content of metrics.json.
        champion: The champion that stands; None where there is none.
        folder: Where the evaluation lies.

    Raises:
        CallError: another champion stands, or none does.
    """
    beside, stands = evaluated.get("champion"), champion.identity if champion else None
    if (beside or {}).get("digest") == (stands or {}).get("digest"):
        return
    told, now = (f"champion version {one['version']}" if one else "no champion" for one in (beside, stands))
    raise CallError(
        f"{folder}: version {evaluated['model']['version']} was judged beside {told}, but now there is "
        f"{now}. Run `churn evaluate` again."
    )


def champion_beside(
    params: Params, snapshots: Snapshots, record: Challenger, made: OutOfTime, cutoffs: CutoffPlan
) -> Standing:
    """Return the champion's predictions where it had not seen the test, and those of its recipe otherwise.

    A month after a champion was made every test cutoff lies before the last label it has learnt. So its
    recipe stands for it: fitted anew for each cutoff on what was known by then, on today's signals.

    Args:
        params: The parameters.
        snapshots: All matured snapshots.
        record: The challenger.
        made: The challenger's uncalibrated log-odds at the choice and test cutoffs.
        cutoffs: The test cutoffs.
    """
    champion = load_champion_if_any(params.champion, params.engine.threads)
    if champion is None:
        return Standing.told("There was no champion to compare with.")
    name = f"The champion (version {champion.version})"
    if champion.digest == record.digest:
        return Standing.told(f"{name} is this model.", champion)
    if champion.scorer.spec["label_id"] != params.label_id:
        return Standing.told(f"{name} predicts another label, so it is not compared.", champion)
    found: dict[str, Floats] = {}
    try:
        probability, unseen = predict_champion(snapshots, champion.scorer, cutoffs.test)
        why = f"{name} has seen {'some of ' if unseen else ''}these cutoffs"
    except SchemaError as error:
        unseen, why = (), f"{name} cannot be scored on these snapshots ({error.problems[0]})"
    if unseen:
        found[CHAMPION] = probability
    if len(unseen) == len(cutoffs.test):
        return Standing(found, champion=champion)
    found[RECIPE] = _fitted_anew(params, snapshots, record, champion, made, cutoffs)
    words = f"{why}; its recipe, fitted anew for each, stands for it."
    return Standing(found, {CHAMPION: words}, champion)


def _fitted_anew(
    params: Params,
    snapshots: Snapshots,
    record: Challenger,
    champion: Champion,
    made: OutOfTime,
    cutoffs: CutoffPlan,
) -> Floats:
    recipe = Recipe(**champion.scorer.spec["recipe"])
    fitted_already = recipe == record.recipe.with_calibration(recipe.calibration)
    if not fitted_already:
        made = predict_out_of_time(snapshots, recipe, made.cutoffs, params.engine.threads)
    return calibrate_out_of_time(snapshots, recipe, made, cutoffs.test)
