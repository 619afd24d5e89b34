"""Samples with a known effect: whom a contact helps is independent of who is at risk; and results."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from churn.snapshots.dataset import LabelledRows
from churn.uplift.result import (
    CONTACTS,
    FORMAT,
    ArmCount,
    MeasuredUplift,
    UpliftReason,
    UpliftResult,
    UpliftVerdict,
)
from churn.uplift.sample import Sample, make_sample

Floats = npt.NDArray[np.float64]

NAMES = ("helped_by", "noise", "risk")


def drawn_sample(
    seed: int,
    *,
    n: int = 4000,
    effect: float = 0.3,
    drives_away: float = 0.0,
    propensity: float = 0.5,
    is_wanted: bool = False,
) -> tuple[Sample, Floats]:
    """Return a sample and the true effect on each row, above 0 if it is good.

    Without a contact the outcome has the probability .25 to .55, by `risk`. A contact helps the half with a
    high `helped_by` by `effect`, and drives the others away by `drives_away`.
    """
    rng = np.random.default_rng(seed)
    matrix = rng.random((n, len(NAMES)))
    true_effect = np.where(matrix[:, 0] > 0.5, effect, -drives_away)
    in_treatment = rng.random(n) < propensity
    bad = 0.25 + 0.3 * matrix[:, 2] - np.where(in_treatment, true_effect, 0.0)
    happened = rng.random(n) < (1 - bad if is_wanted else bad)
    rows = LabelledRows(
        names=NAMES,
        levels={},
        matrix=matrix,
        left=happened.astype(np.float64),
        customer=np.arange(n),
        cutoff=np.zeros(n, dtype=np.int64),
    )
    customers = [f"{seed}-{row}" for row in range(n)]
    sample = make_sample(rows, customers, in_treatment, np.full(n, propensity), is_wanted=is_wanted)
    return sample, true_effect


def drawn_result(day: date, digest: str | None, label_id: str, up_to: float | None = None) -> UpliftResult:
    """Return what the contacts of the ledger show up to a day: an accepted model, or a refused one."""
    arm = ArmCount(name="x", n=1, events=1)
    measured = MeasuredUplift(
        name=CONTACTS,
        outcome="left",
        is_wanted=False,
        unit_of_gain="money",
        control=arm,
        treatment=arm,
        left_out_counts={},
        covariates=(),
        unequal_covariates=(),
        verdict=UpliftVerdict.ACCEPT if digest else UpliftVerdict.REFUSE,
        reason=UpliftReason.BETTER if digest else UpliftReason.NOT_SHOWN,
        comparison=None,
        groups=(),
        do_not_disturb=0,
        do_not_disturb_up_to=up_to,
        model_digest=digest,
    )
    return UpliftResult(format=FORMAT, as_of=day, label_id=label_id, experiments=(measured,))
