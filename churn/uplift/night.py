"""The model of the effect that a night uses: the latest that was measured before it, if that is accepted.

A night reads only what was measured with outcomes of earlier days. So the same night gives the same bytes
again, also if more was measured since then.
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
        scorer: The trees.
        as_of: The day up to which outcomes were known.
        digest: The digest of the model.
        up_to: The effect up to which a customer is left alone; None if nobody is.
    """

    scorer: Scorer
    as_of: date
    digest: str
    up_to: float | None

    def predict(self, frame: pd.DataFrame, plays: Objects, channels: Objects, probability: Floats) -> Floats:
        """Return by how much a contact lowers the probability of leaving of each customer.

        It is NaN where there is no play or no channel. An effect is never larger than the probability.

        Args:
            frame: The customers: `customer_id` and the signals.
            plays: The name of the play of each customer; None without one.
            channels: The channel of each customer; None without one.
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
    """What a night knows about a model of the effect.

    Attributes:
        model: The model; None if the night goes by the risk.
        reason: Why it does, as a sentence; empty with a model, or if nothing was measured.
    """

    model: EffectModel | None
    reason: str = ""

    @property
    def reads(self) -> dict[str, str]:
        """Return the digest of what the night reads, for its id; empty without a model."""
        if self.model is None:
            return {}
        return {"uplift": f"{self.model.digest} {self.model.up_to}"}


def read_known_uplift(
    output: Path, night: date, *, label_id: str, definitions: Mapping[str, str], threads: int = 0
) -> KnownUplift:
    """Return the model that a night uses, or why it uses none.

    Args:
        output: The output folder.
        night: The cutoff of the night.
        label_id: The label of the night.
        definitions: The digest of each signal's definition, by name.
        threads: The threads for predictions.

    Raises:
        ModelError: a file of the model is damaged, or its signals have changed since then.
        SourceError: the result is damaged.
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
            None, f"the model learnt up to {result.as_of} is about another label. {MEASURE_AGAIN}"
        )
    if experiment.verdict != UpliftVerdict.ACCEPT or experiment.model_digest is None:
        return KnownUplift(None, f"{experiment.reason} (outcomes up to {result.as_of})")
    return KnownUplift(_load(output, experiment, experiment.model_digest, result.as_of, definitions, threads))


def _latest_before(folder: Path, night: date) -> Path | None:
    """Return the result of the latest day before a night."""
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
        raise ModelError(f"{folder}: it is not the model that was accepted. {MEASURE_AGAIN}")
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
