"""The guards of the model in order, as `churn train` and `churn evaluate` ask them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from churn.errors import CallError
from churn.evaluation.test_set import Exam
from churn.finding import Finding
from churn.guards.model import outcomes
from churn.guards.model.columns import columns
from churn.guards.model.drift import newest, newest_rows
from churn.guards.model.label_maturity import maturity
from churn.guards.model.refit_invariance import drawn, rolling, sets_at, shuffled, unseen
from churn.guards.model.split_overlap import copies, disjoint
from churn.guards.sign_off import EVALUATION, GUARDS, NOT_ASKED, TRAINING, as_section, findings_of
from churn.labels.calendar import trainable
from churn.params import Params
from churn.snapshots.dataset import cutoffs_of
from churn.snapshots.read import Snapshots
from churn.training.challenger import training_folder
from churn.training.split import CutoffPlan

NOT_LOOKED = Finding(
    "snapshots",
    "they were written without the guards of the data having looked, which `churn snapshot` asks: a leak in "
    "a table, or in how it is mapped, would not be seen.",
    "Run `churn snapshot` and `churn train` again.",
    "stop",
    NOT_ASKED,
)


def look_at_training(params: Params, snapshots: Snapshots, plan: CutoffPlan) -> list[Finding]:
    """Return what the guards find in the training rows; those of the last test cutoff, where there is one."""
    found = _named("maturity", maturity(snapshots, params))
    train = snapshots.rows
    if plan.test:
        few = drawn(snapshots, params.train.seed)
        for cutoff in plan.test:
            found += _named("disjoint", disjoint(sets_at(snapshots, cutoff), snapshots.mature_on))
        found += _named("copies", copies(sets_at(few, plan.test[-1])))
        train = snapshots.rows.at(trainable(snapshots.mature_on, plan.test[-1]))
    return found + [_as_mapped(one, params) for one in columns(train)]


def with_the_data(snapshots: Snapshots, found: Sequence[Finding]) -> dict[str, Any]:
    """Return what stands in `guards.json` of `train`: its own findings beside those of the data.

    Both may have asked of the same signal. All that the training rows show stays, as they are more; of what
    the data show there, only what is sterner.
    """
    here = {(one.guard, one.place) for one in found}
    stopped = {(one.guard, one.place) for one in found if one.severity == "stop"}
    data = [
        one
        for one in data_findings(snapshots)
        if (one.guard, one.place) not in (stopped if one.severity == "stop" else here)
    ]
    looked = dict.fromkeys([*snapshots.guards.get("looked", ()), *TRAINING])
    return as_section([*looked], [*data, *found])


def data_findings(snapshots: Snapshots) -> list[Finding]:
    """Return what the guards found in the data of the snapshots; a stop where they did not look."""
    return findings_of(snapshots.guards) if snapshots.guards else [NOT_LOOKED]


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
    days = cutoffs_of(new.cutoff)
    earlier = snapshots.rows.at([day for day in snapshots.cutoffs if day < days[0]])
    found += _named("newest", newest(earlier, new, seed))
    found += outcomes.lead_time(evaluated, exam.params.label.gap_days)
    for guard in (outcomes.too_good_to_be_true, outcomes.calibrated, outcomes.bands):
        found += guard(evaluated)
    return found


def found_before(params: Params) -> dict[str, Any]:
    """Return `guards.json` of `train`: what those of the data and of the training rows found."""
    try:
        text = (training_folder(params.output) / GUARDS).read_text(encoding="utf-8")
        before: dict[str, Any] = json.loads(text)
    except (OSError, ValueError):
        raise CallError(
            f"{training_folder(params.output)}: what the guards of `churn train` found is not there. "
            "Run `churn train` again."
        ) from None
    return before


def with_the_rest(before: Mapping[str, Any], found: Sequence[Finding]) -> dict[str, Any]:
    """Return `guards` of metrics.json: what was found before, and what those of `evaluate` find."""
    return as_section([*before["looked"], *EVALUATION], [*findings_of(before), *found])


def _as_mapped(one: Finding, params: Params) -> Finding:
    """Name a static attribute as `churn check` does, so that one sign-off counts for both."""
    customers = params.tables.get("customers")
    static = customers.static if customers else ()
    return replace(one, place=f"customers.{one.place}") if one.place in static else one


def _named(guard: str, found: Iterable[Finding]) -> list[Finding]:
    return [replace(one, guard=guard) for one in found]
