"""What the gates of `churn promote` say about two challengers in the company in which ours contacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.loop.company import MONTH, Floats
from churn.evaluation.comparison import compare_candidates
from churn.evaluation.evaluate import signal_verdict
from churn.evaluation.result import EvaluatedModel, EvaluationResult, Freshness, HealthBands
from churn.finding import GuardReport
from churn.guards.sign_off import SignOffs
from churn.metrics.bootstrap import draw_customers
from churn.metrics.interval import Interval
from churn.params import EvaluateParams, PromoteParams
from churn.promotion.gates import apply_gates
from churn.snapshots.dataset import LabelledRows, cutoffs_of

N_DRAWS = 200
CONTACT_SHARE = EvaluateParams().contact_share


@dataclass(frozen=True)
class Predictions:
    """The probabilities of one month, each of shape (customers,), from what was known before it.

    Attributes:
        own_way: Our way of learning: the champion's recipe, trained again.
        naive: The same recipe, learnt from everybody's labels of the same company.
        logistic: The baseline that is a logistic regression, trained as ours.
        base_rate: The weighted share of untreated rows that left.
    """

    own_way: Floats
    naive: Floats
    logistic: Floats
    base_rate: Floats


@dataclass(frozen=True)
class Judgement:
    """The verdict on a challenger.

    Attributes:
        challenger: Ours or naive.
        on: The rows that judge.
        level: Observed over expected on these rows.
        loss: The log loss, challenger minus the champion's recipe.
        refused_by: The gates that refuse; empty if the challenger is promoted.
    """

    challenger: Literal["ours", "naive"]
    on: str
    level: Interval
    loss: Interval
    refused_by: tuple[str, ...]


def judge(
    challenger: Literal["ours", "naive"],
    on: str,
    rows: LabelledRows,
    predictions: Sequence[Predictions],
    mask: npt.NDArray[np.bool_],
    champion_knows: date,
) -> Judgement:
    """Apply the gates to a challenger. The champion learnt as ours, and is trained again for each month.

    Args:
        challenger: The challenger.
        on: What the rows are called.
        rows: The rows that judge.
        predictions: What each model predicts for everybody, month by month.
        mask: Who of everybody the rows are.
        champion_knows: The day on which the latest label of the champion in force became known.
    """

    def of_rows(name: str) -> Floats:
        values: Floats = np.concatenate([getattr(month, name) for month in predictions])[mask]
        return values

    customers = len(np.unique(rows.customer))
    comparison = compare_candidates(
        rows,
        {
            "challenger": of_rows("own_way" if challenger == "ours" else challenger),
            "champion_recipe": of_rows("own_way"),
            "logistic": of_rows("logistic"),
            "base_rate": of_rows("base_rate"),
        },
        draw_customers(customers, N_DRAWS, seed=7),
        share=CONTACT_SHARE,
    )
    own = comparison.candidates["challenger"]
    cutoffs = cutoffs_of(rows.cutoff)
    result = EvaluationResult.model_construct(
        model=EvaluatedModel(name="loop", version="1", run_id="", digest=challenger, candidate="trees"),
        champion=None,
        cutoffs=tuple(cutoffs),
        cutoffs_possible=len(cutoffs),
        before=(),
        candidates=comparison.candidates,
        paired=comparison.paired,
        by_cutoff=comparison.by_cutoff,
        segments={},
        freshness=Freshness(challenger=cutoffs[-1] + timedelta(MONTH), champion=champion_knows),
        health_bands=HealthBands(usual={}, outcomes=(), changed=None),
        exposure=None,
        notes={},
        guards=GuardReport(),
        signal=signal_verdict(own.auc, comparison.paired["challenger_minus_base_rate"].log_loss),
    )
    verdict = apply_gates(result, PromoteParams(), SignOffs({}, {}), "params.yaml")
    return Judgement(
        challenger,
        on,
        own.observed_expected,
        comparison.paired["challenger_minus_champion_recipe"].log_loss,
        tuple(gate.name for gate in verdict.gates if not gate.passed),
    )
