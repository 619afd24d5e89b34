"""Run the guards of the model: some in `churn train` on the training rows, others in `churn evaluate`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from churn.data.own_files import read_own_json
from churn.errors import CallError
from churn.evaluation.result import EvaluationResult
from churn.evaluation.test_set import TestSet
from churn.finding import Finding, GuardReport
from churn.guards.model.columns import check_columns
from churn.guards.model.drift import drift, newest_rows
from churn.guards.model.label_maturity import label_maturity
from churn.guards.model.outcomes import (
    above_simple_models,
    bands,
    calibration,
    lead_time,
    too_good_to_be_true,
)
from churn.guards.model.refit_invariance import (
    fold_at,
    refit_with_other_future,
    refit_with_shuffled_labels,
    rolling_origin,
    sample_customers,
)
from churn.guards.model.split_overlap import copied_rows, disjoint
from churn.guards.sign_off import EVALUATION_GUARDS, NO_DATA_GUARDS, REPORT_FILE, TRAINING_GUARDS
from churn.guards.single_signal import tenure_auc
from churn.labels.calendar import trainable
from churn.labels.outcomes import label_window
from churn.params import LabelParams
from churn.snapshots.dataset import cutoffs_of
from churn.snapshots.read import Snapshots
from churn.training.split import CutoffPlan

UNCHECKED_DATA = Finding(
    "snapshots",
    "the guards of the data did not check the snapshots, so nobody would see a leak in a table or in its "
    "mapping.",
    "Run `churn snapshot` and `churn train` again.",
    "stop",
    NO_DATA_GUARDS,
)


def check_training(
    snapshots: Snapshots,
    plan: CutoffPlan,
    *,
    label: LabelParams,
    late_days: int,
    attributes: Collection[str],
    seed: int,
) -> list[Finding]:
    """Run the guards of `train`.

    The guards that check single columns use only the rows whose labels were known by the last test cutoff. If
    there is no test cutoff, these guards use all rows.

    Args:
        snapshots: The matured snapshots.
        plan: The test cutoffs.
        label: The definition of the label.
        late_days: The days by which rows may be late, `snapshot.late_days`.
        attributes: The names of the static attributes of customers.
        seed: The seed of the sample of customers.
    """
    mature_on = {cutoff: label_window(cutoff, label, late_days).mature_on for cutoff in snapshots.mature_on}
    findings = _by_guard("maturity", label_maturity(snapshots, mature_on))
    train = snapshots.rows
    if plan.test:
        last = plan.test[-1]
        for cutoff in plan.test:
            findings += _by_guard("disjoint", disjoint(fold_at(snapshots, cutoff), snapshots.mature_on))
        sample = sample_customers(snapshots, seed)
        findings += _by_guard("copies", copied_rows(fold_at(sample, last)))
        train = snapshots.rows.at(trainable(snapshots.mature_on, last))
    return [*findings, *check_columns(train, attributes, label=label)]


def training_report(snapshots: Snapshots, findings: Sequence[Finding]) -> GuardReport:
    """Return the report of `train`: the findings in the data, and the findings in the training rows.

    Some guards run on both the data and the training rows. All findings in the training rows are kept,
    because the guards of the data see only a sample of the rows. A finding in the data is dropped if the same
    guard found something about the same column in the training rows. But a stop is dropped only if the
    finding in the training rows is a stop too.
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
    """Return what the guards of the data found, or one finding of severity `stop` if they did not run."""
    return snapshots.guards.found if snapshots.guards.looked else (UNCHECKED_DATA,)


def check_evaluation(
    test_set: TestSet, result: EvaluationResult, folder: Path, *, gap_days: int, seed: int, threads: int
) -> list[Finding]:
    """Run the guards of an evaluation; two of them train new models by the challenger's recipe.

    Args:
        test_set: The test cutoffs and their rows, with the predictions of all candidate models.
        result: The results of the evaluation.
        folder: The folder of the snapshots.
        gap_days: The days from a cutoff to the label window.
        seed: The seed for drawing samples, for changing rows at random, and for fitting trees.
        threads: The number of threads that train these models; it does not change the result.
    """
    snapshots, cutoff = test_set.snapshots, test_set.cutoffs[-1]
    sample = sample_customers(snapshots, seed)
    method = rolling_origin(test_set.record.recipe, threads)
    findings = _by_guard("unseen", refit_with_other_future(method, sample, cutoff, seed))
    findings += _by_guard("shuffled", refit_with_shuffled_labels(method, sample, cutoff, seed))
    newest = newest_rows(snapshots, folder)
    first = cutoffs_of(newest.cutoff)[0]
    earlier = snapshots.rows.at([cutoff for cutoff in snapshots.cutoffs if cutoff < first])
    findings += _by_guard("newest", drift(earlier, newest, seed))
    challenger = result.challenger
    findings += lead_time(result.lead_time, gap_days)
    findings += too_good_to_be_true(challenger.auc, above_simple_models(result), tenure_auc(test_set.rows))
    findings += calibration(challenger.calibration_slope)
    findings += bands(result.health_bands.outcomes)
    return [finding.spoken(result.words.speak) for finding in findings]


def read_training_report(folder: Path) -> GuardReport:
    """Read the report of the guards that `train` wrote into this folder.

    Raises:
        CallError: The report is missing.
        SourceError: The report is damaged.
    """
    try:
        return read_own_json(folder / REPORT_FILE, GuardReport, way_out="Run `churn train` again.")
    except FileNotFoundError:
        problem = (
            f"{folder}: the findings of the guards of `churn train` are missing. Run `churn train` again."
        )
        raise CallError(problem) from None


def evaluation_report(training: GuardReport, findings: Sequence[Finding]) -> GuardReport:
    """Return the report of `evaluate`: its own findings, and the findings of the earlier verbs."""
    return GuardReport.of([*training.looked, *EVALUATION_GUARDS], [*training.found, *findings])


def _by_guard(guard: str, findings: Iterable[Finding]) -> list[Finding]:
    return [replace(finding, guard=guard) for finding in findings]
