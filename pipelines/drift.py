"""Show what has changed since training: sources, signals, scores, performance; and whether to retrain."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from churn.data.own_files import write_own_json
from churn.data.store import Store
from churn.drift.night import ScoredCohort, look_at_night
from churn.drift.result import Drift, drift_path
from churn.experiments.ledger import Ledger, read_ledger
from churn.features.definition import definitions
from churn.features.engine.matrix import matrix_at
from churn.features.library import all_signals, select_signals
from churn.metrics.metrics import Floats
from churn.model.bundle import BUNDLE_FOLDER, Champion, load_champion
from churn.model.reference import read_reference
from churn.model.registry import Registry
from churn.params import Params
from churn.reporting.drift_lines import detail_lines, drift_lines, drift_metrics, drift_warnings
from churn.scoring.champion_checks import check_fit
from churn.training.challenger import training_folder
from pipelines.echo import Echo
from pipelines.ingest import ensure_store


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> int | None:
    """Compare a night (tonight by default) with the training of the champion, and write `output/drift`.

    `score` makes the same comparison for the night that it scores. This verb also prints the details, and
    logs the figures to MLflow.

    Raises:
        CallError: the cutoff is after the watermark.
        ModelError: there is no champion, or it does not fit these parameters.
    """
    champion = load_champion(params.champion, params.engine.threads)
    store = ensure_store(params, echo)
    night = store.cutoff_or_tonight(cutoff)
    matrix = matrix_at(store, select_signals(params, store), night)
    digests = definitions(all_signals(params).values())
    check_fit(champion.scorer.spec, params, digests, [str(name) for name in matrix.frame.columns])
    probability = np.asarray(champion.scorer.predict(matrix.frame), dtype=np.float64)
    ledger = read_ledger(params.output, night)
    drift = write_drift(params, store, night, champion, matrix.frame, probability, ledger)
    echo.report(drift_lines(drift), drift_warnings(drift.alarms))
    echo.report(detail_lines(drift))
    echo(f"drift: {drift_path(params.output, night)}")
    registry = Registry(params.tracking, params.models, params.file, echo.warn)
    name = f"drift {night}"
    with registry.run(name, registry.run_named(name)) as run_id:
        registry.log(metrics=drift_metrics(drift), tags={"label_id": params.label_id})
        registry.log_file(drift_path(params.output, night), "drift")
    echo(registry.link(run_id))
    return 0


def write_drift(
    params: Params,
    store: Store,
    night: date,
    champion: Champion,
    frame: pd.DataFrame,
    probability: Floats,
    ledger: Ledger,
    is_trial: bool = False,
) -> Drift:
    """Compare a scored night with the training and write its `drift.json`; other files do not change.

    Args:
        params: The parameters.
        store: The store.
        night: The night.
        champion: The model that scored the night; in a trial, this is the challenger.
        frame: `customer_id` and the signals of each customer at risk.
        probability: The probability that the model gives each customer of `frame`, shape (customers,).
        ledger: The earlier nights in the ledger.
        is_trial: Whether the night is a trial, which the challenger scored in place of the champion.
    """
    bundle = training_folder(params.output) / "bundle" if is_trial else params.champion / BUNDLE_FOLDER
    cohort = ScoredCohort(
        cutoff=night,
        frame=frame,
        probability=probability,
        spec=champion.scorer.spec,
        version=str(champion.version),
        digest=champion.digest,
        reference=read_reference(bundle),
    )
    low, high = params.promote.observed_expected
    drift = look_at_night(store, cohort, ledger, (low, high), params.train.seed)
    write_own_json(drift_path(params.output, night), drift.as_json())
    return drift


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("drift"))
