"""Predictions and reasons of a finished run of the demo company, joined with the truth of the simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.store import Store
from churn.demo.troubles import TROUBLE_FAMILIES
from churn.features.engine.matrix import matrix_at
from churn.features.library import select_signals
from churn.model.bundle import load_champion
from churn.model.scorer import Scorer
from churn.params import Params
from churn.scoring.reasons import SignalFacts, cohort_medians, reasons_for
from churn.scoring.sink import scores_path

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DECILES = 10


@dataclass(frozen=True)
class Tonight:
    """The latest night: the cohort's signals, the champion, and `scores` joined with the truth.

    `scores` holds only the cohort, in the order of `frame`: the columns of the score file, then `truth` (the
    true chance of leaving), and a boolean for each family: whether it is in trouble.
    """

    cutoff: date
    frame: pd.DataFrame
    champion: Scorer
    scores: pd.DataFrame

    def call_mask(self) -> Bools:
        """Return the rows that are on the call list."""
        return (self.scores["arm"] == "treated").to_numpy(dtype=bool)


def read_truth(params: Params) -> pd.DataFrame:
    """Return `customer_id, cutoff (ISO text), truth` and the booleans of the families in trouble."""
    company = Path(params.source)
    rows = pd.read_parquet(company.with_name(f"{company.name}-truth") / "probabilities.parquet")
    rows = rows.rename(columns={"probability": "truth"})
    rows["cutoff"] = rows["cutoff"].map(str)
    return rows[["customer_id", "cutoff", "truth", *TROUBLE_FAMILIES]]


def read_tested(params: Params) -> pd.DataFrame:
    """Return the predictions of all candidates on the test cutoffs, with the truth."""
    tested = pd.read_parquet(params.output / "evaluate" / "predictions.parquet")
    return _with_truth(tested.assign(cutoff=tested["cutoff"].map(str)), params)


def read_tonight(params: Params) -> Tonight:
    """Compute the night's signals again and join its scores with the truth."""
    store = Store.open(params)
    cutoff = store.tonight
    frame = matrix_at(store, select_signals(params, store), cutoff).frame
    scores = pd.read_parquet(scores_path(params.output, cutoff))
    scores = scores.assign(cutoff=scores["cutoff"].map(str))
    scores = _with_truth(frame[["customer_id"]].merge(scores, on="customer_id", validate="1:1"), params)
    return Tonight(cutoff, frame, load_champion(params.champion, params.engine.threads).scorer, scores)


def _with_truth(rows: pd.DataFrame, params: Params) -> pd.DataFrame:
    joined = rows.merge(read_truth(params), on=["customer_id", "cutoff"], how="left", validate="1:1")
    if lacking := int(joined["truth"].isna().sum()):
        raise ValueError(f"{lacking} of {len(joined)} customers at risk are unknown to the simulation")
    return joined


def first_families(night: Tonight, rows: Bools) -> list[str | None]:
    """Return the family of each row's first reason; None without a reason.

    The score file only holds sentences. So the reasons are computed again with their families, and their
    sentences are compared.
    """
    signals = [SignalFacts.from_spec(entry) for entry in night.champion.spec["signals"]]
    values = night.frame[rows]
    reasons_by_row = reasons_for(
        values,
        night.champion.contributions(values),
        signals,
        cohort_medians(night.frame, signals),
        "en",
        1,
    )
    written_texts = night.scores.loc[rows, "reason_1"]
    texts = [reasons[0].text if reasons else None for reasons in reasons_by_row]
    if texts != [None if pd.isna(text) else text for text in written_texts]:
        raise ValueError("the reasons of the score file are not those of the champion")
    return [reasons[0].family if reasons else None for reasons in reasons_by_row]


@dataclass(frozen=True)
class ReasonAccuracy:
    """How often the first reason names a family that is in trouble.

    Attributes:
        customers: The number of customers.
        share: The share of customers whose reason names one of their families in trouble.
        chance: The sorted shares after the reasons are shuffled among the customers, one per draw.
        always: For each family, the share if every reason named this family.
    """

    customers: int
    share: float
    chance: Floats
    always: Mapping[str, float]


def compare_families(
    families: Sequence[str | None], troubles: pd.DataFrame, draws: int, seed: int
) -> ReasonAccuracy:
    """Compare the families that reasons name with the families in trouble.

    Args:
        families: The family of each customer's first reason.
        troubles: Whether each family is in trouble: a row per customer, a boolean column per family.
        draws: The number of shuffles of the reasons.
        seed: The seed of the shuffles.
    """
    names = list(troubles.columns)
    truth = troubles.to_numpy(dtype=bool)
    family_indices = np.array([names.index(family) if family in names else -1 for family in families])
    rows = np.arange(len(family_indices))

    def share(indices: npt.NDArray[np.int64]) -> float:
        return float(((indices >= 0) & truth[rows, indices]).mean())

    rng = np.random.default_rng(seed)
    return ReasonAccuracy(
        customers=len(family_indices),
        share=share(family_indices),
        chance=np.sort([share(rng.permutation(family_indices)) for _ in range(draws)]),
        always={name: float(truth[:, at].mean()) for at, name in enumerate(names)},
    )


@dataclass(frozen=True)
class Bin:
    """Rows of similar prediction: the mean prediction, the mean truth and its standard error."""

    rows: int
    predicted: float
    truth: float
    error: float


def deciles(predicted: Floats, truth: Floats, customers: Sequence[str], bins: int = DECILES) -> list[Bin]:
    """Return bins with equal numbers of rows, in the order of the prediction.

    For the standard error, a customer with several cutoffs counts once, because its
    rows depend on each other.
    """
    tenths = []
    names = np.asarray(customers, dtype=object)
    for part in np.array_split(np.argsort(predicted, kind="stable"), bins):
        off = pd.Series(truth[part] - truth[part].mean()).groupby(names[part]).sum()
        error = float(np.sqrt((off**2).sum()) / len(part))
        tenths.append(Bin(len(part), float(predicted[part].mean()), float(truth[part].mean()), error))
    return tenths


def distance(bins: Sequence[Bin]) -> float:
    """Return the mean distance between predicted and true probability: the calibration error to the truth."""
    return sum(bin_.rows * abs(bin_.predicted - bin_.truth) for bin_ in bins) / sum(
        bin_.rows for bin_ in bins
    )


def chance(bins: Sequence[Bin]) -> float:
    """Return the distance that the standard errors of the bins explain: the mean of |N(0, error)|."""
    share = sum(bin_.rows * bin_.error for bin_ in bins) / sum(bin_.rows for bin_ in bins)
    return float(np.sqrt(2 / np.pi)) * share


def rank_correlation(first: Floats, second: Floats) -> float:
    """Return Spearman's correlation; ties get their mean rank."""
    return float(pd.Series(first).corr(pd.Series(second), method="spearman"))
