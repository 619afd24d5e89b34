"""Check a night: what has changed since the training of the model, how good the model still is, and whether
to train again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.daily_rows import read_daily_rows
from churn.data.own_files import check_own_file
from churn.data.sources.table_specs import table_contracts
from churn.data.store import Store
from churn.drift.freshness import HISTORY_DAYS, freshness_of, table_alarms
from churn.drift.performance import estimate_figures, observed_expected_interval
from churn.drift.realised_nights import pool, read_realised
from churn.drift.result import Alarm, Drift, Performance, Population, TableFreshness, ToldApart
from churn.drift.signals import score_drift, signal_alarms, signal_drift
from churn.drift.triggers import WARN_AUC, is_off, triggers_of
from churn.drift.untreated_weights import CONTACT_DAYS, UntreatedWeights, weigh_untreated
from churn.errors import CallError, SourceError
from churn.experiments.ledger import Ledger
from churn.guards.model.drift import EARLIER_CUTOFFS, MIN_DRIFT_ROWS, tell_apart, unlabelled_rows
from churn.metrics.interval import Interval, format_interval
from churn.metrics.standard_errors import Z_95
from churn.model.reference import Bins, Reference, number_codes
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.manifest import PART_FILE, WRITE_AGAIN, SnapshotManifest
from churn.snapshots.read import read_rows

Floats = npt.NDArray[np.float64]

OWN_TABLES = ("contacts",)
"""The tables that our own call lists fill; they have new rows in the rhythm of the nights."""

MAX_ROWS = 20_000
"""The approximate largest number of training rows that are read."""

MAX_TOLD_ROWS = 5_000
"""The approximate largest number of rows with which the trees are fitted, from the training and from
tonight.
"""

STEADY_PSI = 0.05
"""The largest usual index (PSI) of a signal that hardly moves between cutoffs of the training."""

NO_REFERENCE = (
    "the model was trained by an earlier version of churn, which did not store the signals of the training. "
    "Train and promote a new model with `churn run`"
)


@dataclass(frozen=True)
class ScoredCohort:
    """What a model says, on a night, about the customers who can still leave.

    Attributes:
        cutoff: The cutoff of the night.
        frame: The column `customer_id` and the signals of each customer.
        probability: Each customer's probability of leaving, or of the event of the label, shape (customers,).
        spec: The content of the model's `spec.json`, such as its signals and facts about its training.
        version: The version of the model.
        digest: The SHA-256 that identifies the folder with the model's files.
        reference: What the signals and the scores looked like in the training of the model; None if the model
            does not store this.
    """

    cutoff: date
    frame: pd.DataFrame
    probability: Floats
    spec: Mapping[str, Any]
    version: str
    digest: str
    reference: Reference | None


def look_at_night(
    store: Store, cohort: ScoredCohort, ledger: Ledger, gate: tuple[float, float], seed: int
) -> Drift:
    """Return what has changed between the training of the model and a night.

    Equal inputs give equal results. The inputs are the store, the model, the snapshots, the ledger and the
    earlier nights.

    Args:
        store: The store.
        cohort: The customers that the night scored.
        ledger: The decisions of the nights before this night.
        gate: The range that the gates allow for the ratio of observed to expected churners.
        seed: The seed with which rows are sampled and trees are fitted.
    """
    night, output = cohort.cutoff, store.params.output
    customers = cohort.frame["customer_id"].astype(str).to_numpy(dtype=object)
    untreated = weigh_untreated(ledger, customers, night - timedelta(days=CONTACT_DAYS), night)
    learnt_until = max(date.fromisoformat(str(day)) for day in cohort.spec["trained_cutoffs"])

    freshness, alarms = _look_at_tables(store, night, learnt_until)
    signals = score = None
    if cohort.reference is not None:
        tables = {str(entry["name"]): str(entry.get("table", "")) for entry in cohort.spec["signals"]}
        columns = {str(name): cohort.frame[name].to_numpy() for name in cohort.frame.columns}
        signals = signal_drift(cohort.reference, columns, tables, untreated.weights)
        score = score_drift(cohort.reference, cohort.probability, untreated.weights)
        alarms += signal_alarms(signals, score)
    told_apart = _tell_apart(output, cohort, store.params.label_id, untreated, seed)
    alarms += _told_apart_alarms(told_apart)

    realised = read_realised(store, output, night, ledger, learnt_until)
    own = pool(
        [
            outcomes
            for outcomes, digest in zip(realised.outcomes, realised.digests, strict=True)
            if digest == cohort.digest
        ]
    )
    performance = Performance(
        estimate=estimate_figures(cohort.probability, np.ones(len(customers))) if len(customers) else None,
        realised_nights=realised.nights,
        level=observed_expected_interval(own) if own else None,
        because=None if own else "no night of this model has a known outcome yet",
    )
    alarms += _level_alarms(performance.level, gate)
    triggers = triggers_of(
        night,
        alarms=alarms,
        signals=signals,
        score=score,
        told_apart=told_apart,
        performance=performance,
        gate=gate,
        newest_cutoff=learnt_until,
        churners_learnt=int(cohort.spec["churners"]),
        churners_since=realised.churners_since,
    )
    return Drift(
        version=1,
        cutoff=night,
        model_version=cohort.version,
        model_digest=cohort.digest,
        label_id=store.params.label_id,
        population=Population(
            customers=len(customers),
            n_treated=untreated.n_treated,
            n_controls=untreated.n_controls,
            note=untreated.note,
        ),
        alarms=tuple(alarms),
        triggers=triggers,
        freshness=tuple(freshness),
        signals=signals,
        score=score,
        no_reference_because=NO_REFERENCE if cohort.reference is None else None,
        told_apart=told_apart,
        performance=performance,
        notes=realised.notes,
    )


def _look_at_tables(
    store: Store, night: date, learnt_until: date
) -> tuple[list[TableFreshness], list[Alarm]]:
    freshness, alarms = [], []
    for name, contract in table_contracts(store.params).items():
        if not store.has(name) or name in OWN_TABLES:
            continue
        rows = read_daily_rows(store, contract, night, HISTORY_DAYS)
        freshness.append(freshness_of(rows, night))
        alarms += table_alarms(rows, night, learnt_until)
    return freshness, alarms


def _tell_apart(
    output: Path, cohort: ScoredCohort, label_id: str, weighing: UntreatedWeights, seed: int
) -> ToldApart:
    """Return how well trees separate tonight's customers from the customers at the newest cutoffs of the
    training.

    The trees get only signals that hardly move between cutoffs. Instead of the value of a
    signal, the trees get the number of a bin, which holds about a tenth of the training rows. With exact
    values, trees could separate any two dates, because each date leaves a pattern in the values.
    """
    if cohort.reference is None:
        return ToldApart(because=NO_REFERENCE)
    folder = output / "snapshots"
    trained = {date.fromisoformat(str(day)) for day in cohort.spec["trained_cutoffs"]}
    try:
        manifest = SnapshotManifest.read(folder)
        days = sorted(
            day
            for day, snapshot in manifest.cutoffs.items()
            if day in trained and day < cohort.cutoff and snapshot.matured
        )[-EARLIER_CUTOFFS - 1 :]
        if manifest.label_id != label_id or len(days) < 2:
            return ToldApart(because="the snapshots of the training are not in the output folder")
        paths = {day: folder / f"cutoff={day}" / PART_FILE for day in days}
        for day, path in paths.items():
            check_own_file(path, manifest.cutoffs[day].files.get(PART_FILE), way_out=WRITE_AGAIN)
        signals = [entry for entry in manifest.signals if entry["name"] in cohort.frame.columns]
        training, customers, _, _ = read_rows(
            paths, sorted(signals, key=lambda entry: str(entry["name"])), MAX_ROWS
        )
    except (CallError, FileNotFoundError):
        return ToldApart(because="the snapshots of the training are not in the output folder")
    except SourceError as error:
        return ToldApart(because=str(error))
    tonight = unlabelled_rows(cohort.frame, cohort.cutoff, training, customers)
    bins = {own.name: own for own in cohort.reference.signals}
    steady = {name for name, own in bins.items() if own.usual_psi is not None and own.usual_psi <= STEADY_PSI}
    shifted = tell_apart(
        _in_tenths(training, bins), _in_tenths(tonight, bins), weighing.weights, seed, MAX_TOLD_ROWS, steady
    )
    if shifted is None:
        return ToldApart(
            because=f"trees need {MIN_DRIFT_ROWS} customers, and signals that hardly move between cutoffs"
        )
    auc, half = shifted.auc, Z_95 * shifted.error
    return ToldApart(
        auc=Interval(value=auc, low=max(0.0, auc - half), high=min(1.0, auc + half)),
        by=tuple(list(shifted.gain.items())[:5]),
    )


def _in_tenths(rows: LabelledRows, bins: Mapping[str, Bins]) -> LabelledRows:
    """Return the rows with each number replaced by the number of its bin; missing values stay missing.

    The bins were formed from the rows of the training.
    """
    matrix = rows.matrix.copy()
    for index, name in enumerate(rows.names):
        edges = bins[name].edges if name in bins else None
        if edges is not None:
            codes = number_codes(matrix[:, index], np.asarray(edges)).astype(np.float64)
            matrix[:, index] = np.where(np.isnan(matrix[:, index]), np.nan, codes)
    return replace(rows, matrix=matrix)


def _told_apart_alarms(told_apart: ToldApart) -> list[Alarm]:
    if told_apart.auc is None or (told_apart.auc.low or 0.0) <= WARN_AUC:
        return []
    by = ", ".join(f"{name} ({share:.0%})" for name, share in told_apart.by)
    return [
        Alarm(
            kind="told_apart",
            subject="all signals",
            text="a model of trees separates tonight's customers from the customers of the training "
            f"with AUC {format_interval(told_apart.auc, 2)}, mainly by {by}; the limit is "
            f"{WARN_AUC}.",
            way_out="Check the sources of these signals. If the customers themselves have changed, train "
            "again.",
        )
    ]


def _level_alarms(level: Interval | None, gate: tuple[float, float]) -> list[Alarm]:
    if not is_off(level, gate):
        return []
    return [
        Alarm(
            kind="level",
            subject="observed over expected",
            text="for customers whom nobody contacted, the ratio of observed to expected churners is "
            f"{format_interval(level, 2)}, which lies outside the range {gate[0]:g} to {gate[1]:g}.",
            way_out="Run `churn train --refresh` to correct the level of the probabilities, or `churn run` "
            "to train again.",
        )
    ]
