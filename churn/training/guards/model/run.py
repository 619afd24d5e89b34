"""The guards of the model in order, as `churn train` and `churn evaluate` ask them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from churn.data.finding import Finding
from churn.errors import CallError
from churn.params import Params
from churn.training.exam import Exam
from churn.training.guards.model import outcomes
from churn.training.guards.model.columns import columns
from churn.training.guards.model.fits import shuffled, unseen
from churn.training.guards.model.method import drawn, rolling, sets_at
from churn.training.guards.model.newest import newest
from churn.training.guards.model.ripe import maturity
from churn.training.guards.model.sets import copies, disjoint
from churn.training.guards.model.signing import GUARDS, as_section, findings_of
from churn.training.record import training_folder
from churn.training.rows import dates_of
from churn.training.snapshots import Snapshots
from churn.training.split import Plan, trainable
from churn.training.waiting import newest_rows

TRAINING = ("maturity", "disjoint", "copies", "alone", "missing", "id_like", "calendar_like")
"""What `train` asks, before anything is fitted."""

EVALUATION = ("unseen", "shuffled", "newest", "too_good", "lead_time", "calibrated", "bands")
"""What `evaluate` asks, beside all that `train` did."""


def look_at_training(params: Params, snapshots: Snapshots, plan: Plan) -> list[Finding]:
    """Return what the guards find in the training rows; those of the last test cutoff, where there is one."""
    found = _named("maturity", maturity(snapshots, params))
    train = snapshots.rows
    if plan.test:
        few = drawn(snapshots, params.train.seed)
        for cutoff in plan.test:
            found += _named("disjoint", disjoint(sets_at(snapshots, cutoff), snapshots.mature_on))
        found += _named("copies", copies(sets_at(few, plan.test[-1])))
        train = snapshots.rows.at(trainable(snapshots.mature_on, plan.test[-1]))
    return found + list(columns(train))


def look_at_evaluation(exam: Exam, evaluated: Mapping[str, Any]) -> list[Finding]:
    """Return what the guards find in an evaluation; two of them fit the recipe again.

    Args:
        exam: What was judged.
        evaluated: The content of metrics.json so far.
    """
    snapshots, cutoff, seed = exam.snapshots, exam.plan.test[-1], exam.params.train.seed
    few, method = drawn(snapshots, seed), rolling(exam.record.recipe, exam.threads)
    found = _named("unseen", unseen(method, few, cutoff, seed))
    found += _named("shuffled", shuffled(method, few, cutoff, seed))
    new = newest_rows(exam.params, snapshots)
    days = dates_of(new.cutoff)
    earlier = snapshots.rows.at([day for day in snapshots.cutoffs if day < days[0]])
    found += _named("newest", newest(earlier, new, seed))
    found += outcomes.lead_time(evaluated, exam.params.label.gap_days)
    for guard in (outcomes.too_good_to_be_true, outcomes.calibrated, outcomes.bands):
        found += guard(evaluated)
    return found


def guards_of(exam: Exam, evaluated: Mapping[str, Any]) -> dict[str, Any]:
    """Return `guards` of metrics.json: what those of `train` found and those of `evaluate` find."""
    try:
        text = (training_folder(exam.params) / GUARDS).read_text(encoding="utf-8")
        before: dict[str, Any] = json.loads(text)
    except (OSError, ValueError):
        raise CallError(
            f"{training_folder(exam.params)}: what the guards of `churn train` found is not there. "
            "Run `churn train` again."
        ) from None
    found = [*findings_of(before), *look_at_evaluation(exam, evaluated)]
    return as_section([*before["looked"], *EVALUATION], found)


def _named(guard: str, found: Iterable[Finding]) -> list[Finding]:
    return [replace(one, guard=guard) for one in found]
