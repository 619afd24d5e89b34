"""Refresh the champion: keep its model, and adjust the level of its probabilities to the labels that matured
after its training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from churn.errors import Stop
from churn.metrics.metrics import Floats, observed_expected
from churn.model.bundle import Champion
from churn.model.scorer import SchemaError, calibrate_logits, sigmoid
from churn.snapshots.dataset import scorer_columns
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime
from churn.training.calibration import NO_CALIBRATION, SHIFT_METHOD, add_shift, apply_calibration, fit_shift
from churn.training.challenger import base_rate
from churn.training.fitted_model import FittedModel, quantiles
from churn.training.recipe import Recipe


@dataclass(frozen=True)
class RefreshedChampion:
    """A champion whose probabilities were all raised, or all lowered, to fit later labels.

    Attributes:
        spec: The content of `spec.json` of the refreshed model.
        predictions: The champion's calibrated log-odds at the cutoffs on which the shift was fitted.
        shift: The number that is added to the champion's log-odds; 0 if its probabilities still fit.
        observed_expected: The number of churners in `predictions`, divided by the number that the champion
            expected.
    """

    spec: dict[str, Any]
    predictions: OutOfTime
    shift: float
    observed_expected: float

    @property
    def n_churners(self) -> int:
        """Return the number of churners in `predictions`; one who left after several cutoffs counts once."""
        return len(np.unique(self.predictions.customer[self.predictions.left > 0]))

    @property
    def probabilities(self) -> Floats:
        """Return the probabilities that `predictions` have after the refresh, shape (rows,)."""
        return sigmoid(self.predictions.logits + self.shift)

    @property
    def recipe(self) -> Recipe:
        """Return the champion's recipe with the calibration `shifted`."""
        return Recipe.of_spec(self.spec).with_calibration(SHIFT_METHOD)

    def model(self, boosters: Mapping[str, str]) -> FittedModel:
        """Return the champion's model; `boosters` are the texts that LightGBM wrote, by file name."""
        signals = self.spec["signals"]
        levels = {entry["name"]: tuple(entry["levels"]) for entry in signals if entry["kind"] == "level"}
        names = tuple(entry["name"] for entry in signals)
        return FittedModel(names, levels, self.spec["members"], boosters)


def refresh_level(champion: Champion, snapshots: Snapshots) -> RefreshedChampion:
    """Fit the shift of the champion's log-odds on the matured cutoffs after its training.

    These are the cutoffs on or after the champion's `mature_on`: the first day on which all labels that the
    champion learnt from were known.

    Raises:
        Stop: the champion predicts another label than the snapshots hold, the snapshots lack a signal that
            the champion needs, or there is no matured cutoff after the champion's training.
    """
    scorer = champion.scorer
    name = f"train --refresh: the champion, version {champion.version},"
    if scorer.spec["label_id"] != snapshots.label_id:
        raise Stop(f"{name} predicts another label than the parameters define. Run `churn train`.")
    learnt_by = date.fromisoformat(scorer.spec["mature_on"])
    unseen_cutoffs = tuple(day for day in snapshots.cutoffs if learnt_by <= day)
    if not unseen_cutoffs:
        raise Stop(
            f"{name} has learnt all labels that were known on {learnt_by}, and no later snapshot is "
            "matured. Once the labels of later cutoffs are known, run `churn snapshot`. If you set "
            "snapshot.last or snapshot.cutoffs, include these later cutoffs."
        )
    rows = snapshots.rows.at(unseen_cutoffs)
    try:
        logits = scorer.logits(scorer.matrix(scorer_columns(rows)))
    except SchemaError as error:
        raise Stop(f"{name} cannot score these snapshots: {error.problems[0]} Run `churn train`.") from None
    logits = calibrate_logits(logits, scorer.spec["calibration"])
    calibration = fit_shift(logits, rows.left, rows.customer, rows.weight)
    rate, n_cutoffs = base_rate(snapshots)
    spec = scorer.spec | {
        "calibration": add_shift(scorer.spec["calibration"], calibration["by"]),
        "refreshed": {
            "from_version": champion.version,
            "cutoffs": [day.isoformat() for day in unseen_cutoffs],
            "rows": len(rows),
            "churners": rows.churners,
            "by": calibration["by"],
        },
        "mature_on": max(snapshots.mature_on[day] for day in unseen_cutoffs).isoformat(),
        "base_rate": rate,
        "base_rate_cutoffs": n_cutoffs,
        "snapshots_digest": snapshots.digest,
        "store_digest": snapshots.store_digest,
        "watermark": snapshots.watermark,
        "score_quantiles": quantiles(apply_calibration(logits, calibration)),
    }
    return RefreshedChampion(
        spec=spec,
        predictions=OutOfTime(logits, rows.left, rows.customer, rows.cutoff, rows.weight),
        shift=calibration["by"],
        observed_expected=observed_expected(
            rows.left, apply_calibration(logits, NO_CALIBRATION), rows.weight
        ),
    )


def check_unseen(champion: RefreshedChampion, test: tuple[date, ...]) -> None:
    """Check that the champion has not seen any label of a test cutoff.

    Raises:
        Stop: the champion has seen the labels of a test cutoff.
    """
    unseen_cutoffs = champion.predictions.cutoffs
    seen_cutoffs = sorted(set(test) - set(unseen_cutoffs))
    if not seen_cutoffs:
        return
    raise Stop(
        "train --refresh: the champion has learnt from labels that became known after "
        f"the test cutoffs {', '.join(map(str, seen_cutoffs))}, so these cutoffs cannot test the champion. "
        "Under evaluate.test_cutoffs, name only cutoffs of this list: "
        f"{', '.join(map(str, unseen_cutoffs))}. Or run `churn train`."
    )
