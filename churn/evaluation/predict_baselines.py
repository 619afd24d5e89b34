"""The baselines on the test cutoffs, each with what was known by then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from churn.data.store import Store
from churn.errors import SourceError
from churn.evaluation import baselines
from churn.evaluation.buy_till_you_die import p_inactive
from churn.evaluation.team_rule import rule_prediction
from churn.labels.calendar import trainable
from churn.metrics.metrics import Floats
from churn.params import Params
from churn.snapshots.read import Snapshots
from churn.training import calibration
from churn.training.parallel import map_parallel
from churn.training.recipe import Recipe, fit_recipe


def baseline_predictions(
    params: Params, snapshots: Snapshots, logistic: Recipe, test: Sequence[date]
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Return the probabilities of every baseline on the test cutoffs, and why one is missing.

    `logistic` looks at all signals; `recency`, `rfm`, the team's `rule` and `bg_nbd` at little; `base_rate`
    at none. `bg_nbd` learns from events alone, and only inactivity is what it speaks of.

    Args:
        params: The parameters.
        snapshots: The matured snapshots.
        logistic: The recipe of the logistic regression, its strength chosen before the first test cutoff.
        test: The test cutoffs.
    """
    seen = baselines.recency_signals(snapshots.signals, params.label.core_table)
    three = baselines.rfm_signals(snapshots.signals, seen)
    rule = params.evaluate.rule

    def one(day: date, threads: int) -> dict[str, Floats]:
        train = snapshots.rows.at(trainable(snapshots.mature_on, day))
        rows = snapshots.rows.at([day])
        logits = fit_recipe(train, logistic, snapshots.monotone, threads).logits(rows, threads)
        made = {"logistic": calibration.apply_calibration(logits, calibration.NO_CALIBRATION)}
        if seen:
            made["recency"] = baselines.recency(train, rows, seen)
            made["rfm"] = baselines.rfm(train, rows, three)
        if rule:
            made["rule"] = rule_prediction(train, rows, rule)
        return made | {"base_rate": baselines.base_rate(train, rows)}

    cells = snapshots.rows.matrix.size
    folds = map_parallel(one, sorted(test), params.engine.threads, cells)
    predictions = {name: np.concatenate([fold[name] for fold in folds]) for name in folds[0]}
    notes = {}
    if not seen:
        notes["recency"] = "There is no days-since-last signal, so recency and RFM are not judged."
    if params.label.kind == "inactivity":
        found, why = _bg_nbd(params, snapshots, test)
        predictions |= found
        notes |= why
    return predictions, notes


def _bg_nbd(
    params: Params, snapshots: Snapshots, test: Sequence[date]
) -> tuple[dict[str, Floats], dict[str, str]]:
    try:
        store = Store.open(params)
    except SourceError:
        store = None
    if store is None or store.digest != snapshots.store_digest:
        why = "the store from which the snapshots were made is no longer there; `churn snapshot` makes both"
        return {}, {"bg_nbd": f"BG/NBD is not judged: {why}."}
    parts = []
    for day in sorted(test):
        ids = np.asarray(snapshots.customers, dtype=object)[snapshots.rows.at([day]).customer]
        parts.append(p_inactive(store, day, ids.tolist()))
    probability = np.concatenate(parts)
    if not np.isfinite(probability).any():
        why = "fewer than 100 customers have a history, or nobody came twice"
        return {}, {"bg_nbd": f"BG/NBD is not judged: {why}."}
    return {"bg_nbd": probability}, {}
