"""The four numbers side by side: later time, other customers too, the naive split, the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from churn.evaluation.champion import CHAMPION, RECIPE
from churn.evaluation.test_set import Exam
from churn.evaluation.unseen_customers import Judged, naive_split, out_of_customer
from churn.metrics.bootstrap import Estimate, draw_customers, estimate_metrics, paired_differences
from churn.metrics.metrics import Floats
from churn.training.parallel import map_parallel

NOT_TO_BE_QUOTED = "not to be quoted"
SHOWN = ("auc", "log_loss", "average_precision", "lift_at_contact_share", "observed_expected")
COUNTED = ("rows", "churners", "base_rate")
COMPARED = ("auc", "log_loss")


def four_numbers(exam: Exam) -> dict[str, Any]:
    """Return `four_numbers`.

    `out_of_time`: the challenger on the test cutoffs. `out_of_time_and_customer`: a fifth of the customers
    is never in training, and judged; beside it the same customers judged when they are, paired.
    `naive_split`: a random fifth of all rows, whose customers and whose future the model has seen: not to be
    quoted. `baselines`: what the challenger must beat.
    """
    judged = {
        name: {metric: numbers[metric] for metric in (*SHOWN, *COUNTED)}
        for name, numbers in exam.judged.candidates.items()
    }
    found: dict[str, Any] = {"out_of_time": judged.pop("challenger")}
    notes = {}
    naive, *folds = _fitted_once_more(exam)
    other = _out_of_customer(exam, folds)
    if other is None:
        notes["out_of_customer"] = "Too few customers leave to be judged out of customer."
    else:
        found["out_of_time_and_customer"] = other
    if isinstance(naive, Judged):
        found["naive_split"] = _naive(exam, naive)
    for name in (CHAMPION, RECIPE):
        judged.pop(name, None)
    return {"four_numbers": found | {"baselines": judged}, "notes": notes}


def _fitted_once_more(exam: Exam) -> list[Judged | Floats | None]:
    """Return the naive split, then each test cutoff out of customer; they are fitted side by side."""
    snapshots, recipe = exam.snapshots, exam.record.recipe

    def one(day: date | None, threads: int) -> Judged | Floats | None:
        if day is None:
            return naive_split(snapshots, recipe, exam.params.evaluate.seed, threads)
        return out_of_customer(snapshots, recipe, exam.made, day, threads)

    return map_parallel(one, [None, *exam.plan.test], exam.threads, snapshots.rows.matrix.size)


def _out_of_customer(exam: Exam, folds: Sequence[Judged | Floats | None]) -> dict[str, Any] | None:
    known = [fold for fold in folds if isinstance(fold, np.ndarray)]
    if len(known) < len(folds):
        return None
    probability = np.concatenate(known)
    if not np.isfinite(probability).any():
        return None
    same = np.where(np.isfinite(probability), exam.predictions["challenger"], np.nan)
    without, within = _judge(exam, probability), _judge(exam, same)
    differences = paired_differences(without, within)
    return _numbers(exam.rows.left, probability, without) | {
        "same_customers_in_training": _numbers(exam.rows.left, same, within),
        "out_minus_in_training": {name: differences[name] for name in COMPARED},
    }


def _naive(exam: Exam, found: Judged) -> dict[str, Any]:
    asked = exam.params.evaluate
    present, column = np.unique(found.rows.customer, return_inverse=True)
    draws = draw_customers(len(present), asked.bootstrap, asked.seed)
    estimates = estimate_metrics(found.rows.left, found.probability, column, draws, asked.contact_share)
    return {"label": NOT_TO_BE_QUOTED} | _numbers(found.rows.left, found.probability, estimates)


def _judge(exam: Exam, probability: Floats) -> dict[str, Estimate]:
    known = np.isfinite(probability)
    share = exam.params.evaluate.contact_share
    return estimate_metrics(exam.rows.left[known], probability[known], exam.column[known], exam.draws, share)


def _numbers(left: Floats, probability: Floats, estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    judged = left[np.isfinite(probability)]
    found: dict[str, Any] = {name: estimates[name].as_dict() for name in SHOWN}
    return found | {"rows": len(judged), "churners": int(judged.sum()), "base_rate": float(judged.mean())}
