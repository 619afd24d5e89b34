"""The guards of the model: `churn train` runs some on the training rows, `churn evaluate` the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from churn.errors import CallError
from churn.evaluation.result import EvaluationResult
from churn.evaluation.test_set import TestSet
from churn.finding import Finding, GuardReport
from churn.guards.model.columns import check_columns
from churn.guards.model.drift import drift, newest_rows
from churn.guards.model.label_maturity import label_maturity
from churn.guards.model.outcomes import bands, calibration, lead_time, too_good_to_be_true
from churn.guards.model.refit_invariance import (
    fold_at,
    refit_with_other_future,
    refit_with_shuffled_labels,
    rolling_origin,
    sample_customers,
)
from churn.guards.model.split_overlap import copied_rows, disjoint
from churn.guards.sign_off import EVALUATION_GUARDS, NO_DATA_GUARDS, REPORT_FILE, TRAINING_GUARDS
from churn.labels.calendar import trainable
from churn.labels.outcomes import label_window
from churn.params import Params
from churn.snapshots.dataset import cutoffs_of
from churn.snapshots.read import Snapshots
from churn.training.split import CutoffPlan

UNCHECKED_DATA = Finding(
    "snapshots",
    "they were written without the guards of the data, which `churn snapshot` runs: a leak in a table, or in "
    "its mapping, would not be seen.",
    "Run `churn snapshot` and `churn train` again.",
    "stop",
    NO_DATA_GUARDS,
)


def check_training(params: Params, snapshots: Snapshots, plan: CutoffPlan) -> list[Finding]:
    """Run the guards of `train` on the training rows of the last test cutoff; without one, on all rows.

    Args:
        params: The parameters of the label, the static attributes and the seed.
        snapshots: The matured snapshots.
        plan: The test cutoffs.
    """
    customers = params.tables.get("customers")
    mature_on = {
        cutoff: label_window(cutoff, params.label, params.snapshot.late_days).mature_on
        for cutoff in snapshots.mature_on
    }
    findings = _by_guard("maturity", label_maturity(snapshots, mature_on))
    train = snapshots.rows
    if plan.test:
        last = plan.test[-1]
        for cutoff in plan.test:
            findings += _by_guard("disjoint", disjoint(fold_at(snapshots, cutoff), snapshots.mature_on))
        sample = sample_customers(snapshots, params.train.seed)
        findings += _by_guard("copies", copied_rows(fold_at(sample, last)))
        train = snapshots.rows.at(trainable(snapshots.mature_on, last))
    return [*findings, *check_columns(train, customers.static if customers else ())]


def training_report(snapshots: Snapshots, findings: Sequence[Finding]) -> GuardReport:
    """Return the report of `train`: the findings in the data, and the findings in the training rows.

    Some guards run on both. All findings in the training rows stay, because the training rows are more rows.
    If both have a finding of the same guard and place, the finding in the data stays only if it is a stop
    and the finding in the training rows is none.
    """
    keys = {(finding.guard, finding.place) for finding in findings}
    stop_keys = {(finding.guard, finding.place) for finding in findings if finding.severity == "stop"}
    data = [
        finding
        for finding in data_findings(snapshots)
        if (finding.guard, finding.place) not in (stop_keys if finding.severity == "stop" else keys)
    ]
    guards = dict.fromkeys([*snapshots.guards.looked, *TRAINING_GUARDS])
    return GuardReport.of([*guards], [*data, *findings])


def data_findings(snapshots: Snapshots) -> tuple[Finding, ...]:
    """Return the findings in the data of the snapshots; a stop if the guards of the data did not run."""
    return snapshots.guards.found if snapshots.guards.looked else (UNCHECKED_DATA,)


def check_evaluation(params: Params, test_set: TestSet, result: EvaluationResult) -> list[Finding]:
    """Run the guards of an evaluation; two of them fit the recipe again.

    Args:
        params: The parameters: the gap of the label, the seed, the threads and the output folder.
        test_set: The predictions of all candidates for the test cutoffs.
        result: The figures of the evaluation.
    """
    snapshots, cutoff, seed = test_set.snapshots, test_set.cutoffs[-1], params.train.seed
    sample = sample_customers(snapshots, seed)
    method = rolling_origin(test_set.record.recipe, params.engine.threads)
    findings = _by_guard("unseen", refit_with_other_future(method, sample, cutoff, seed))
    findings += _by_guard("shuffled", refit_with_shuffled_labels(method, sample, cutoff, seed))
    newest = newest_rows(snapshots, params.output / "snapshots")
    first = cutoffs_of(newest.cutoff)[0]
    earlier = snapshots.rows.at([cutoff for cutoff in snapshots.cutoffs if cutoff < first])
    findings += _by_guard("newest", drift(earlier, newest, seed))
    challenger, recency = result.challenger, result.pair("recency")
    findings += lead_time(result.lead_time, params.label.gap_days)
    findings += too_good_to_be_true(challenger.auc, recency.auc if recency else None)
    findings += calibration(challenger.calibration_slope)
    findings += bands(result.health_bands.outcomes)
    return findings


def read_training_report(folder: Path) -> GuardReport:
    """Read the report that `train` wrote into its folder.

    Raises:
        CallError: The report is missing or damaged.
    """
    try:
        return GuardReport.model_validate_json((folder / REPORT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        problem = (
            f"{folder}: the findings of the guards of `churn train` are missing. Run `churn train` again."
        )
        raise CallError(problem) from None


def evaluation_report(training: GuardReport, findings: Sequence[Finding]) -> GuardReport:
    """Return the report of `evaluate`: the findings of the earlier verbs, and the findings of `evaluate`."""
    return GuardReport.of([*training.looked, *EVALUATION_GUARDS], [*training.found, *findings])


def _by_guard(guard: str, findings: Iterable[Finding]) -> list[Finding]:
    return [replace(finding, guard=guard) for finding in findings]
