"""Find the model of the effect of contacts for a night: the latest model that was measured before the night,
if it was accepted.

A night reads only results of `churn uplift` that were computed from outcomes of earlier days. So a night that
runs again gives the same bytes, even if more was measured since then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.files import dated_paths
from churn.data.own_files import read_own_json
from churn.errors import ModelError, SourceError
from churn.model.bundle import bundle_digest
from churn.model.scorer import CorruptError, SchemaError, Scorer
from churn.uplift.files import AS_OF, KIND, MEASURE_AGAIN, model_path, uplift_folder
from churn.uplift.ledger_sample import task_covariates
from churn.uplift.result import CONTACTS, MeasuredUplift, UpliftResult, UpliftVerdict

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]


@dataclass(frozen=True)
class EffectModel:
    """An accepted model of the effect of a contact.

    Attributes:
        scorer: The scorer, which adds up the values of the model's trees.
        as_of: The model was learnt from the outcomes that were known up to this day.
        digest: The digest of the model.
        up_to: A customer is not contacted if the predicted effect is at most this value; None if nobody is
            left out for this reason.
    """

    scorer: Scorer
    as_of: date
    digest: str
    up_to: float | None

    def predict(self, frame: pd.DataFrame, plays: Objects, channels: Objects, probability: Floats) -> Floats:
        """Return for each customer by how much a contact lowers the probability of leaving.

        The result is NaN for a customer without a play or without a channel. An effect is never larger than
        the customer's churn probability.

        Args:
            frame: The column `customer_id` and the signals of each customer.
            plays: The name of each customer's play; None for a customer without a play.
            channels: The channel of each customer; None for a customer without a channel.
            probability: The churn probability of each customer.

        Raises:
            ModelError: the signals do not fit the model.
        """
        columns = task_covariates(frame, plays, channels, probability)
        try:
            effect = self.scorer.logits(self.scorer.matrix(columns))
        except SchemaError as error:
            raise ModelError(
                f"the model of the effect does not fit the night: {' '.join(error.problems)} {MEASURE_AGAIN}"
            ) from None
        has_task = np.array([play is not None for play in plays]) & np.array(
            [channel is not None for channel in channels]
        )
        return np.where(has_task, np.minimum(effect, probability), np.nan)


@dataclass(frozen=True)
class KnownUplift:
    """The effect model that a night uses, or the reason why the night uses none.

    Attributes:
        model: The model; None if the night ranks customers by risk.
        reason: Why the night ranks customers by risk, as a sentence; empty if there is a model, or if nothing
            was measured.
    """

    model: EffectModel | None
    reason: str = ""

    @property
    def reads(self) -> dict[str, str]:
        """Return the digest of the model that the night uses, as input to the night's id.

        The result is empty if there is no model.
        """
        if self.model is None:
            return {}
        return {"uplift": f"{self.model.digest} {self.model.up_to}"}


def read_known_uplift(
    output: Path, night: date, *, label_id: str, definitions: Mapping[str, str], threads: int = 0
) -> KnownUplift:
    """Return the effect model that a night uses, or the reason why it uses none.

    Args:
        output: The output folder.
        night: The cutoff of the night.
        label_id: The id of the label that the night predicts.
        definitions: The digest of each signal's definition, by name.
        threads: The number of threads for predictions.

    Raises:
        ModelError: a file of the model is damaged, or the definitions of its signals have changed since its
            training.
        SourceError: the result file of `churn uplift` is damaged.
    """
    path = _latest_before(uplift_folder(output), night)
    if path is None:
        return KnownUplift(None)
    result = read_own_json(path, UpliftResult, way_out=MEASURE_AGAIN, error=SourceError)
    experiment = next((part for part in result.experiments if part.name == CONTACTS), None)
    if experiment is None or result.as_of is None:
        return KnownUplift(None)
    if result.label_id != label_id:
        return KnownUplift(
            None,
            f"the effect model, learnt from outcomes up to {result.as_of}, is for another label. "
            f"{MEASURE_AGAIN}",
        )
    if experiment.verdict != UpliftVerdict.ACCEPT or experiment.model_digest is None:
        return KnownUplift(None, f"{experiment.reason} (outcomes up to {result.as_of})")
    return KnownUplift(_load(output, experiment, experiment.model_digest, result.as_of, definitions, threads))


def _latest_before(folder: Path, night: date) -> Path | None:
    """Return the path of the latest result of `churn uplift` before a night; None if there is none."""
    days = dated_paths(folder, AS_OF, ".json")
    latest = max((day for day in days if day < night), default=None)
    return None if latest is None else days[latest]


def _load(
    output: Path,
    experiment: MeasuredUplift,
    digest: str,
    as_of: date,
    definitions: Mapping[str, str],
    threads: int,
) -> EffectModel:
    folder = model_path(output, digest)
    try:
        scorer = Scorer.load(folder, threads)
    except (CorruptError, FileNotFoundError) as error:
        raise ModelError(f"{folder}: {error} {MEASURE_AGAIN}") from None
    if bundle_digest(folder) != digest or scorer.spec.get("kind") != KIND:
        raise ModelError(f"{folder}: these are not the files of the model that was accepted. {MEASURE_AGAIN}")
    changes = [
        name
        for name, own in scorer.spec.get("definitions", {}).items()
        if name in definitions and own != definitions[name]
    ]
    if changes:
        raise ModelError(
            f"{folder}: the model of the effect was fitted with other definitions of these signals: "
            f"{', '.join(changes)}. {MEASURE_AGAIN}"
        )
    return EffectModel(scorer, as_of, digest, experiment.do_not_disturb_up_to)
