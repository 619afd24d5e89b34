"""Evaluate the challenger on the test cutoffs, and collect all figures in one result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from churn.errors import Stop
from churn.evaluation.baselines import check_rule
from churn.evaluation.champion import freshness_of, identity_of
from churn.evaluation.comparison import compare_candidates
from churn.evaluation.exposure import measure_exposure
from churn.evaluation.horizons import measure_horizons
from churn.evaluation.lead_time import measure_lead_time
from churn.evaluation.measures import Differences
from churn.evaluation.prediction_tables import (
    DEPENDENCE_SIGNALS,
    NO_EVENT_HEALTH,
    NO_HEALTH_BANDS,
    decile_table,
    health_bands,
    partial_dependence,
    prediction_histogram,
)
from churn.evaluation.result import (
    CalibrationChoice,
    CampaignTerms,
    Cohort,
    CustomerValue,
    CutoffRate,
    EvaluatedModel,
    EvaluationResult,
    FamilyImportance,
    Purging,
    SignalImportance,
    SignalVerdict,
    TrainedCandidate,
)
from churn.evaluation.segments import calibration_by_segment, check_segments, measure_segments
from churn.evaluation.split_comparison import compare_splits
from churn.evaluation.test_set import TestSet
from churn.labels.calendar import purged_cutoffs, trainable
from churn.labels.contract import wait_days
from churn.metrics.interval import Interval, format_interval
from churn.metrics.profit import CustomerValues
from churn.model.scorer import Scorer
from churn.model.value import VARIANT
from churn.params import EvaluateParams, LabelParams, ValueParams
from churn.snapshots.dataset import LabelledRows, cutoffs_of
from churn.snapshots.manifest import SnapshotManifest
from churn.snapshots.read import Snapshots
from churn.training.backtest import calibrate_out_of_time
from churn.training.challenger import Challenger
from churn.training.discrete_hazard import read_lives
from churn.training.split import plan_cutoffs

EVALUATION_STEPS = 8
"""The number of times that `evaluate_challenger` reports progress."""

CHANCE_AUC = 0.5

MIN_AUC_ABOVE_RFM = 0.005
"""How much the AUC must exceed the AUC of recency, frequency and money, so that the other signals are said to
add something.
"""


def plan_test(
    snapshots: Snapshots,
    record: Challenger,
    *,
    settings: EvaluateParams,
    horizon_days: int,
    training: Path,
    params_file: str,
) -> tuple[date, ...]:
    """Return the test cutoffs, after a check that the challenger may be evaluated on them.

    Args:
        snapshots: All matured snapshots.
        record: The challenger.
        settings: The section `evaluate` of the parameters.
        horizon_days: The horizon of the label, in days.
        training: The folder of the challenger, for messages.
        params_file: The name of the parameter file, for messages.

    Raises:
        CallError: the challenger did not learn from these snapshots, or was selected after a test cutoff.
        ParamsError: evaluate.rule or evaluate.segments names signals that the snapshots do not have.
        Stop: there is no test cutoff, because the labels known at each cutoff were not enough to train a
            model.
    """
    check_rule(settings.rule, snapshots.rows, f"{params_file}: evaluate.rule")
    check_segments(settings.segments, snapshots.rows, f"{params_file}: evaluate.segments")
    plan = plan_cutoffs(snapshots.rows, snapshots.mature_on, settings.test_cutoffs, horizon_days, params_file)
    if not plan.test:
        raise Stop(
            "evaluate: there is no test cutoff. A test cutoff needs known outcomes, and an earlier cutoff on "
            "which a model can be trained. Add earlier cutoffs to the section 'snapshot' of "
            f"{params_file}."
        )
    record.check_fits(snapshots, plan.test[0], training, f"{params_file}: evaluate.test_cutoffs")
    return plan.test


def evaluate_challenger(
    test_set: TestSet,
    scorer: Scorer,
    *,
    settings: EvaluateParams,
    label: LabelParams,
    late_days: int,
    value_terms: ValueParams,
    snapshots_folder: Path,
    threads: int,
    advance: Callable[[], None] = lambda: None,
) -> EvaluationResult:
    """Compute the figures of `churn evaluate`.

    `EvaluationResult.with_guards` later adds the guards' findings, and how often the test set was used.

    Args:
        test_set: The predictions of all candidates for the test cutoffs.
        scorer: The scorer of the challenger, which computes the partial dependence.
        settings: The section `evaluate` of the parameters.
        label: The definition of the label.
        late_days: The largest number of days by which an outcome may arrive late.
        value_terms: The settings by which the value of a customer is computed.
        snapshots_folder: The folder of the snapshots, which holds their manifest and the ends of contracts.
        threads: The number of threads.
        advance: A function that is called after each of `EVALUATION_STEPS` steps.
    """
    snapshots, record, past = test_set.snapshots, test_set.record, test_set.out_of_time

    comparison = compare_candidates(
        test_set.rows,
        test_set.predictions,
        test_set.draws,
        share=settings.contact_share,
        values=test_set.values,
    )
    advance()
    splits, split_notes = compare_splits(test_set, comparison.candidates, seed=settings.seed, threads=threads)
    advance()
    segments = measure_segments(test_set, settings.segments)
    advance()
    calibration, calibration_notes = calibration_by_segment(
        snapshots.rows.at(past.cutoffs),
        past,
        calibrate_out_of_time(snapshots, record.recipe, past, past.cutoffs),
        settings.segments,
    )
    advance()
    lead_time = measure_lead_time(test_set, gap_days=label.gap_days, threads=threads)
    advance()
    top_signals = [name for name, share in record.importance.items() if share > 0][:DEPENDENCE_SIGNALS]
    dependence = partial_dependence(scorer, snapshots.rows.at(snapshots.cutoffs[-1:]), top_signals)
    advance()
    bands = NO_HEALTH_BANDS if label.is_event else health_bands(test_set)
    missing = {"health_bands": NO_EVENT_HEALTH} if label.is_event else {}
    advance()
    lives = read_lives(snapshots_folder, label, wait_days(label, late_days), snapshots, past)
    horizons = lives and measure_horizons(test_set, lives, label.horizon_days)
    advance()
    exposure, exposure_notes = measure_exposure(test_set, seed=settings.seed, threads=threads)

    auc = comparison.candidates["challenger"].auc
    base_rate = comparison.paired.get("challenger_minus_base_rate")
    result = EvaluationResult(
        model=EvaluatedModel(
            name=record.model,
            version=record.version,
            run_id=record.run_id,
            digest=record.digest,
            candidate=record.recipe.candidate,
        ),
        champion=identity_of(test_set.champion),
        cutoffs=test_set.cutoffs,
        cutoffs_possible=_cutoffs_possible(snapshots, record, label.horizon_days),
        contact_share=settings.contact_share,
        cohort=_cohort_counts(snapshots_folder, test_set.cutoffs[-1]),
        before=cutoff_rates(
            snapshots.rows.at([day for day in snapshots.cutoffs if day < test_set.cutoffs[0]])
        ),
        purged=purging(snapshots, test_set.cutoffs),
        value=_customer_value(test_set.values, value_terms),
        candidates=comparison.candidates,
        paired=comparison.paired,
        by_cutoff=comparison.by_cutoff,
        spread=comparison.spread,
        calibration_table=comparison.calibration_table,
        gain_table=comparison.gain_table,
        profit_curve=comparison.profit_curve,
        four_numbers=splits,
        segments=segments,
        calibration_by_segment=calibration,
        lead_time=lead_time,
        calibration=CalibrationChoice.model_validate(record.calibration.as_dict()),
        tried=tuple(TrainedCandidate.model_validate(score.as_dict()) for score in record.scores),
        importance=tuple(
            SignalImportance(signal=name, share=share) for name, share in record.importance.items()
        ),
        decile_table=decile_table(
            test_set.rows.left, test_set.challenger, test_set.values, test_set.rows.weight
        ),
        prediction_histogram=prediction_histogram(test_set.rows.left, test_set.challenger),
        importance_by_family=_importance_by_family(snapshots, record),
        partial_dependence=dependence,
        freshness=freshness_of(snapshots, test_set.champion if test_set.champion_reference else None),
        health_bands=bands,
        notes={**test_set.notes, **split_notes, **calibration_notes, **missing, **exposure_notes},
        signal=signal_verdict(
            auc, base_rate.log_loss if base_rate else None, comparison.paired.get("challenger_minus_rfm")
        ),
    )
    if exposure:
        result = result.model_copy(update={"exposure": exposure})
    if label.is_event:
        return result.in_words_of(label.words)
    return result.model_copy(update={"horizons": horizons}) if horizons else result


def signal_verdict(
    auc: Interval, against_base_rate: Interval | None, against_rfm: Differences | None = None
) -> SignalVerdict:
    """Return one of four verdicts on the question whether the signals predict who leaves.

    For each verdict, its meaning comes first, then its conditions.

    - "no signal": it is not shown that the order of the customers is better than a random order. The interval
      of the AUC is not above .5.
    - "no more than RFM": the challenger is better than a random order, but hardly better than recency,
      frequency and money (RFM). The interval of the AUC is above .5. But the challenger's AUC exceeds the AUC
      of RFM by less than `MIN_AUC_ABOVE_RFM`. And the challenger's log loss is not shown to be lower than the
      log loss of RFM.
    - "ranks only": the order of the customers is useful, but the probabilities are not. The interval of the
      AUC is above .5. But the challenger's log loss is not shown to be lower than the log loss of the base
      rate.
    - "signal": both the order and the probabilities are useful. The interval of the AUC is above .5, and the
      challenger's log loss is shown to be lower than the log loss of the base rate.

    Args:
        auc: The challenger's AUC.
        against_base_rate: The difference in log loss, challenger minus base rate; None if they were not
            compared.
        against_rfm: The difference in each metric, challenger minus the baseline of recency, frequency and
            money; None if they were not compared.
    """
    ranks = auc.low is not None and auc.low > CHANCE_AUC
    better = (
        against_base_rate is not None and against_base_rate.high is not None and against_base_rate.high < 0
    )
    loss = (
        "the model's log loss minus the log loss of the base rate for everybody is "
        f"{format_interval(against_base_rate, 4)}"
    )
    if not ranks:
        return SignalVerdict(
            found="no signal",
            words=f"no signal: AUC {format_interval(auc)} is not proved to be above one half, and {loss}. "
            "The signals do not predict who leaves.",
        )
    if against_rfm is not None and _is_no_more_than_rfm(against_rfm):
        return SignalVerdict(
            found="no more than RFM",
            words="no better than a model of recency, frequency and value (RFM): the AUC is "
            f"{format_interval(auc)}, only {format_interval(against_rfm.auc)} above the AUC of "
            "RFM. The log loss of the challenger minus the log loss of RFM is "
            f"{format_interval(against_rfm.log_loss, 4)}, which is not proved to be below 0. These "
            "data do not prove that signals beyond recency, frequency and value add anything.",
        )
    if not better:
        return SignalVerdict(
            found="ranks only",
            words=f"the model ranks customers (AUC {format_interval(auc)}), but its probabilities are not "
            f"proved to be better than the base rate: {loss}. The probabilities are proved to be better "
            "only if the whole interval of this difference in log loss lies below 0.",
        )
    return SignalVerdict(found="signal", words=f"signal: AUC {format_interval(auc)}, and {loss}.")


def _is_no_more_than_rfm(difference: Differences) -> bool:
    """Return whether the challenger is hardly better than the simple rule RFM.

    Two conditions must be true. The challenger's AUC exceeds the AUC of RFM by less than `MIN_AUC_ABOVE_RFM`.
    The challenger's log loss is not shown to be lower than the log loss of RFM.
    """
    loss, auc = difference.log_loss, difference.auc
    is_better = loss.high is not None and loss.high < 0
    return not is_better and auc.value is not None and auc.value < MIN_AUC_ABOVE_RFM


def cutoff_rates(rows: LabelledRows) -> tuple[CutoffRate, ...]:
    """Return for each cutoff how many customers there were, and how many and what share of them left."""
    rates = []
    for cutoff in cutoffs_of(rows.cutoff):
        at_cutoff = rows.at([cutoff])
        rate = at_cutoff.rate
        rates.append(
            CutoffRate(cutoff=cutoff, rows=len(at_cutoff), churners=at_cutoff.churners, base_rate=rate)
        )
    return tuple(rates)


def purging(snapshots: Snapshots, cutoffs: Sequence[date]) -> tuple[Purging, ...]:
    """Return for each test cutoff which earlier snapshots its model learns from, and which are left out.

    A snapshot is left out if its label window, together with gap, grace and late days, had not ended by the
    test cutoff.
    """
    purgings = []
    for cutoff in cutoffs:
        training_cutoffs = trainable(snapshots.mature_on, cutoff)
        excluded_cutoffs = purged_cutoffs(snapshots.mature_on, cutoff)
        purgings.append(
            Purging(
                cutoff=cutoff,
                trained_on=training_cutoffs,
                trained_rows=len(snapshots.rows.at(training_cutoffs)),
                purged=excluded_cutoffs,
                purged_rows=len(snapshots.rows.at(excluded_cutoffs)),
            )
        )
    return tuple(purgings)


def _cutoffs_possible(snapshots: Snapshots, record: Challenger, horizon_days: int) -> int | None:
    """Return how many test cutoffs the snapshots allow, at most `TEST_CUTOFFS`.

    This number does not consider what the model has learnt. So it is None for a refreshed champion
    (`churn train --refresh`), which can be tested only on cutoffs from which it has not learnt.
    """
    if record.recipe.calibration == "shifted":
        return None
    return len(plan_cutoffs(snapshots.rows, snapshots.mature_on, (), horizon_days).test)


def _cohort_counts(folder: Path, cutoff: date) -> Cohort:
    snapshot = SnapshotManifest.read(folder).cutoffs[cutoff]
    return Cohort(cutoff=cutoff, rows=snapshot.rows, excluded=snapshot.excluded)


def _customer_value(values: CustomerValues | None, terms: ValueParams) -> CustomerValue | None:
    if values is None:
        return None
    known_values = values.value[np.isfinite(values.value)]
    return CustomerValue(
        rows=len(values.value),
        known=len(known_values),
        mean=float(known_values.mean()),
        median=float(np.median(known_values)),
        profit=CampaignTerms.model_validate(values.terms.model_dump()),
        months=terms.months,
        margin=terms.margin,
        discount_year=terms.discount_year,
        variant=VARIANT,
    )


def _importance_by_family(snapshots: Snapshots, record: Challenger) -> tuple[FamilyImportance, ...]:
    family = {str(signal["name"]): str(signal["family"]) for signal in snapshots.signals}
    shares: dict[str, float] = {}
    for signal, share in record.importance.items():
        shares[family[signal]] = shares.get(family[signal], 0.0) + share
    names = sorted(shares, key=lambda name: (-shares[name], name))
    return tuple(FamilyImportance(family=name, share=shares[name]) for name in names)
