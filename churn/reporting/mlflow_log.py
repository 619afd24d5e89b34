"""What a training shows in MLflow, under the same names in every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from churn.labels.calendar import trainable
from churn.metrics.catalog import MAIN_METRICS, units_in_words
from churn.metrics.metrics import auc, log_loss
from churn.model.registry import Registry
from churn.params import Params
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime
from churn.training.calibration import NO_CALIBRATION, apply_calibration, fit_calibration
from churn.training.challenger import Challenger
from churn.training.tune import SearchResult

FILES = ("recipe.json", "signals.json", "importance.json", "horizons.json", "guards.json")
"""What training leaves at the top of a run's artefacts."""


def run_name(version: str, what: str, until: date) -> str:
    """Return the name of a run: its version, what it is, the last cutoff it learnt from.

    >>> run_name("3", "trees", date(2025, 8, 1))
    'v3 trees 2025-08-01'
    """
    return f"v{version} {what} {until}"


def params_of(params: Params, snapshots: Snapshots, record: Challenger) -> dict[str, Any]:
    """Return the parameters of a run, grouped: `recipe.`, `label.` and `data.`; what is unset is left out."""
    rows = snapshots.rows
    label = params.label.model_dump(mode="json") | {"id": snapshots.label_id}
    data = {
        "rows": len(rows),
        "churners": rows.churners,
        "signals": len(rows.names),
        "watermark": snapshots.watermark,
        "cutoffs": ", ".join(map(str, snapshots.cutoffs)),
        "choice_cutoffs": ", ".join(map(str, record.choice_cutoffs)),
        "snapshots_digest": snapshots.digest,
        "store_digest": snapshots.store_digest,
    }
    return grouped("recipe", record.recipe.active()) | grouped("label", label) | grouped("data", data)


def grouped(group: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under `group.name`, without the unset ones.

    >>> grouped("label", {"kind": "contract", "table": None})
    {'label.kind': 'contract'}
    """
    return {f"{group}.{name}": value for name, value in values.items() if value is not None}


def metrics_of(numbers: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of a model, the main ones first.

    >>> metrics_of({"rows": 9, "auc": {"value": 0.8, "low": 0.7, "high": 0.9}})
    {'judged/auc': 0.8, 'judged/auc_low': 0.7, 'judged/auc_high': 0.9, 'rest/rows': 9}
    """
    main = {f"judged/{name}": numbers[name] for name in MAIN_METRICS if name in numbers}
    return _flat(main | {f"rest/{name}": one for name, one in numbers.items() if name not in MAIN_METRICS})


def paired_of(paired: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return the paired differences of log loss with their intervals; below 0 the challenger is better.

    Args:
        paired: Differences by name, such as `challenger_minus_recency`, and metric.
    """
    return _flat(
        {f"paired/log_loss_{name}": pair["log_loss"] for name, pair in paired.items() if "log_loss" in pair}
    )


def spread_of(spread: Mapping[str, Any]) -> dict[str, float]:
    """Return the lowest and highest value of each main metric over the test cutoffs.

    >>> spread_of({"auc": {"min": 0.8, "max": 0.9, "sd": 0.05}, "cutoffs": 3})
    {'spread/auc_min': 0.8, 'spread/auc_max': 0.9}
    """
    return {
        f"spread/{name}_{end}": spread[name][end]
        for name in MAIN_METRICS
        if name in spread
        for end in ("min", "max")
    }


def table_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return rows as columns and data, the form that MLflow shows as a table.

    >>> table_of([{"decile": 1, "lift": 5.5}, {"decile": 2, "lift": 1.5}])
    {'columns': ['decile', 'lift'], 'data': [[1, 5.5], [2, 1.5]]}
    """
    columns = list(rows[0]) if rows else []
    return {"columns": columns, "data": [[row[name] for name in columns] for row in rows]}


def note_of(version: str, judged: str, card: str, pages: Mapping[str, str]) -> str:
    r"""Return the note of a run: links to its pages, by what it was judged, then the model card in short.

    MLflow cuts a tag, which a note is, after 8,000 characters.

    >>> note_of("1", "Judged on May.", "# Model card", {"charts": "#/charts"})
    'Version 1: [charts](#/charts)\n\nJudged on May.\n\n# Model card'
    """
    links = " · ".join(f"[{name}]({address})" for name, address in pages.items())
    return f"Version {version}: {links}\n\n{judged}\n\n{card}"


def _flat(numbers: Mapping[str, Any]) -> dict[str, float]:
    """Return numbers by name, the parts of an interval as `name`, `name_low` and `name_high`."""
    flat: dict[str, float | None] = {}
    for name, one in numbers.items():
        if isinstance(one, Mapping):
            parts = {part: one[part] for part in ("value", "low", "high") if part in one} | dict(one)
            flat |= {name if part == "value" else f"{name}_{part}": each for part, each in parts.items()}
        else:
            flat[name] = one
    return {name: value for name, value in flat.items() if value is not None}


def judged_by(evaluated: Mapping[str, Any], params: Params) -> dict[str, Any]:
    """Return as parameters of a run what `judged/`, `rest/` and `paired/` depend on.

    Args:
        evaluated: The content of metrics.json, for the test cutoffs that were taken.
        params: The parameters.
    """
    asked = params.evaluate
    return {
        "evaluate.test_cutoffs": ", ".join(evaluated["cutoffs"]),
        "evaluate.contact_share": asked.contact_share,
        "evaluate.contact_cost_in_currency": asked.profit.contact_cost,
        "evaluate.incentive_cost_in_currency": asked.profit.incentive_cost,
        "evaluate.accept_share": asked.profit.accept_share,
        "evaluate.bootstrap_draws": asked.bootstrap,
        "evaluate.bootstrap_seed": asked.seed,
    }


def judged_in_words(judged: Mapping[str, Any]) -> str:
    """Return the same as sentences for the note of a run, with the units.

    Args:
        judged: What `judged_by` gives.
    """
    return (
        f"Judged on {judged['evaluate.test_cutoffs']}; lift, precision and profit at a contact share of "
        f"{judged['evaluate.contact_share']:.0%}, where a contact costs "
        f"{judged['evaluate.contact_cost_in_currency']:g}, an incentive "
        f"{judged['evaluate.incentive_cost_in_currency']:g}, and {judged['evaluate.accept_share']:.0%} of "
        f"the leavers accept it. {units_in_words()}"
    )


def log_training(
    registry: Registry,
    challenger: Challenger,
    choice_predictions: OutOfTime,
    mature_on: Mapping[date, date],
) -> None:
    """Log candidates, calibration methods and choice cutoffs as child runs of the open run.

    Nothing is logged about the test cutoffs: `evaluate` does that.

    Args:
        registry: The registry whose run is open.
        challenger: The challenger, registered.
        choice_predictions: Its out-of-time predictions of the choice cutoffs.
        mature_on: For each matured cutoff the date from which it may train.
    """
    for score in challenger.scores:
        with registry.run(f"candidate {score.recipe.candidate}"):
            registry.log(
                params=grouped("recipe", score.recipe.active()),
                metrics={
                    "tried/log_loss": score.log_loss,
                    "tried/auc": score.auc,
                    "tried/log_loss_behind": score.behind,
                    "tried/log_loss_behind_standard_error": score.standard_error,
                },
            )
    for name, loss in challenger.calibration.log_loss.items():
        with registry.run(f"calibration {name}"):
            registry.log(params={"recipe.calibration": name}, metrics={"tried/log_loss": loss})
    log_folds(registry, challenger.run_id, choice_predictions, mature_on)
    left, logits = choice_predictions.left, choice_predictions.logits
    if len(left):
        method = challenger.recipe.calibration
        calibration = fit_calibration(method, logits, left, choice_predictions.customer)
        registry.log(metrics={"out_of_time/auc": auc(left, apply_calibration(logits, calibration))})


def log_search(registry: Registry, result: SearchResult, file: Path) -> None:
    """Log a search into the open run, and each trial as a child run.

    Args:
        registry: The registry whose run is open.
        result: The search.
        file: Its `search.json`.
    """
    registry.log_file(file)
    registry.log(
        params={"search.trials": len(result.trials), "search.chosen": result.simplest},
        metrics={
            "search/gain_log_loss": result.gain,
            "search/gain_standard_error": result.standard_error,
        },
    )
    for trial in result.trials:
        with registry.run(f"trial {trial.number:02d}"):
            registry.log(
                params=grouped("recipe", trial.recipe.active()),
                metrics={
                    "tried/log_loss": trial.log_loss,
                    "tried/log_loss_behind": trial.behind,
                    "tried/log_loss_behind_standard_error": trial.standard_error,
                    "tried/leaves_times_trees": trial.size,
                },
            )


def log_folds(
    registry: Registry, run_id: str, predictions: OutOfTime, mature_on: Mapping[date, date]
) -> None:
    """Log each predicted cutoff as a child run: what its model learnt from, and its uncalibrated metrics.

    Args:
        registry: The registry whose run is open.
        run_id: That run.
        predictions: Out-of-time predictions of the cutoffs to log.
        mature_on: For each matured cutoff the date from which it may train.
    """
    for day in predictions.cutoffs:
        fold = predictions.at([day])
        uncalibrated = apply_calibration(fold.logits, NO_CALIBRATION)
        with registry.child(run_id, f"fold {day}"):
            registry.log(
                params={
                    "data.cutoff": day,
                    "data.cutoffs_learnt_from": len(trainable(mature_on, day)),
                },
                metrics={
                    "within_fold/rows": len(fold.left),
                    "within_fold/churners": float(fold.left.sum()),
                    "within_fold/log_loss": log_loss(fold.left, uncalibrated),
                    "within_fold/auc": auc(fold.left, uncalibrated),
                },
            )
