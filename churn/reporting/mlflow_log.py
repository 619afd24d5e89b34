"""The parameters and metrics that training and evaluation log in MLflow, with fixed names."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from churn.evaluation.measures import CandidateMetrics, Differences, Spread
from churn.labels.calendar import trainable
from churn.metrics.catalog import MAIN_METRICS, units_in_words
from churn.metrics.interval import Part
from churn.metrics.metrics import auc, log_loss
from churn.model.registry import Registry
from churn.params import EvaluateParams, Params
from churn.reporting.markdown import escape_sentence
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime
from churn.training.calibration import NO_CALIBRATION, apply_calibration, fit_calibration
from churn.training.challenger import Challenger
from churn.training.tune import SearchResult

EXPOSURE_FILE = "exposure.json"
"""The name of the file that counts, for each cutoff, the treated rows, and the rows of controls that get a
higher weight in their place; absent if nobody was treated.
"""

FILES = ("recipe.json", "signals.json", "importance.json", "horizons.json", "guards.json", EXPOSURE_FILE)
"""The files of a training that are logged in the top folder of a run's artefacts."""


def run_name(version: str, candidate: str, until: date) -> str:
    """Return the name of a run: the version, the candidate, and the last cutoff of the training data.

    >>> run_name("3", "trees", date(2025, 8, 1))
    'v3 trees 2025-08-01'
    """
    return f"v{version} {candidate} {until}"


def git_commit(folder: Path) -> str | None:
    """Return the git commit that is checked out in a folder; None if there is no git, or if the folder is not
    in a repository.

    Args:
        folder: The folder.
    """
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout.strip() if process.returncode == 0 else None


def params_of(params: Params, snapshots: Snapshots, record: Challenger) -> dict[str, Any]:
    """Return the parameters of a run in three groups, `recipe.`, `label.` and `data.`; parameters without a
    value are left out.
    """
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
    if snapshots.exposures:
        data |= {
            "treated_left_out": sum(own.treated_rows for own in snapshots.exposures),
            "controls_weighted": sum(own.control_rows for own in snapshots.exposures),
            "no_controls_accepted": snapshots.no_controls_accepted,
        }
    return (
        with_prefix("recipe", record.recipe.active())
        | with_prefix("label", label)
        | with_prefix("data", data)
    )


def log_exposure(registry: Registry, snapshots: Snapshots) -> None:
    """Log the share of treated rows, and the share of control rows that replace the treated rows.

    A row is treated if its customer was contacted in the label window; treated rows are left out of the
    training. To replace them, the rows of controls who had a task in the label window get a higher weight.
    The share of treated rows, and the share of such control rows, are computed over all rows. A cutoff
    without treated rows and without such control rows is left out. If no cutoff is left, nothing is logged.
    """
    if not snapshots.exposures:
        return
    rows = sum(own.rows for own in snapshots.exposures)
    registry.log(
        metrics={
            "exposure/treated_share": sum(own.treated_rows for own in snapshots.exposures) / rows,
            "exposure/control_share": sum(own.control_rows for own in snapshots.exposures) / rows,
        }
    )


def with_prefix(group: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with the names `group.name`; values that are not set are left out.

    >>> with_prefix("label", {"kind": "contract", "table": None})
    {'label.kind': 'contract'}
    """
    return {f"{group}.{name}": value for name, value in values.items() if value is not None}


def metrics_of(metrics: CandidateMetrics) -> dict[str, float]:
    """Return all metrics of a candidate: the main metrics under `judged/`, and all others under `rest/`."""
    figures: dict[str, Any] = metrics.as_json()
    main = {f"judged/{name}": figures[name] for name in MAIN_METRICS if name in figures}
    return _flatten(
        main | {f"rest/{name}": value for name, value in figures.items() if name not in MAIN_METRICS}
    )


def paired_of(pairs: Mapping[str, Differences]) -> dict[str, float]:
    """Return the differences in log loss between the challenger and other candidates, with intervals.

    The two candidates of a difference are measured on the same rows. A difference below 0 means that the
    challenger is better.

    Args:
        pairs: The differences by name, such as `challenger_minus_recency`.
    """
    return _flatten({f"paired/log_loss_{name}": pair.log_loss.as_json() for name, pair in pairs.items()})


def spread_of(spread: Spread) -> dict[str, float]:
    """Return the lowest and the highest value of each main metric among the test cutoffs."""
    ranges = {name: spread.metric(name) for name in MAIN_METRICS}
    return {
        f"spread/{name}_{end}": value
        for name, values in ranges.items()
        if values is not None
        for end, value in (("min", values.min), ("max", values.max))
    }


def table_of(rows: Sequence[Part]) -> dict[str, Any]:
    """Return rows as MLflow needs them for a table: the names of the columns, and the values of each row."""
    records = [row.as_json() for row in rows]
    columns = list(records[0]) if records else []
    return {"columns": columns, "data": [[record[name] for name in columns] for record in records]}


def run_note(version: str, settings: str, summary: str, pages: Mapping[str, str]) -> str:
    r"""Return the note of a run: links to its pages, the settings of the evaluation, and the summary of the
    model card.

    The note is kept short, because MLflow cuts a note after 8,000 characters.

    Args:
        version: The version of the model.
        settings: The settings of the evaluation in words.
        summary: The summary of the model card.
        pages: The address of each page, by its title.

    >>> run_note("1", "Evaluated at 2024-05-01.", "# Model card", {"charts": "#/charts"})
    'Version 1: [charts](#/charts)\n\nEvaluated at 2024-05-01.\n\n# Model card'
    """
    links = " · ".join(f"[{title}]({address})" for title, address in pages.items())
    return f"Version {version}: {links}\n\n{escape_sentence(settings)}\n\n{summary}"


def _flatten(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures by name; a figure with an interval becomes `name`, `name_low` and `name_high`."""
    flat: dict[str, float | None] = {}
    for name, figure in figures.items():
        if isinstance(figure, Mapping):
            flat |= {name if part == "value" else f"{name}_{part}": value for part, value in figure.items()}
        else:
            flat[name] = figure
    return {name: value for name, value in flat.items() if value is not None}


@dataclass(frozen=True)
class EvaluationSettings:
    """The settings on which the figures of an evaluation depend.

    Attributes:
        test_cutoffs: The test cutoffs that were used.
        settings: The section `evaluate` of the parameters.
    """

    test_cutoffs: tuple[date, ...]
    settings: EvaluateParams

    def as_params(self) -> dict[str, Any]:
        """Return the settings in the form of parameters of a run; the names contain the units."""
        terms = self.settings.profit
        return {
            "evaluate.test_cutoffs": ", ".join(map(str, self.test_cutoffs)),
            "evaluate.contact_share": self.settings.contact_share,
            "evaluate.contact_cost_in_currency": terms.contact_cost,
            "evaluate.incentive_cost_in_currency": terms.incentive_cost,
            "evaluate.accept_share": terms.accept_share,
            "evaluate.bootstrap_draws": self.settings.bootstrap,
            "evaluate.bootstrap_seed": self.settings.seed,
        }

    def in_words(self) -> str:
        """Return the settings and the units of the metrics as sentences for the note of a run."""
        terms = self.settings.profit
        return (
            f"Evaluated at {', '.join(map(str, self.test_cutoffs))}. Lift, precision and profit are measured "
            f"for a call list of {self.settings.contact_share:.0%} of the customers. A contact costs "
            f"{terms.contact_cost:g}, an incentive {terms.incentive_cost:g}, and {terms.accept_share:.0%} "
            f"of the contacted churners accept the incentive. {units_in_words()}"
        )


def log_training(
    registry: Registry,
    challenger: Challenger,
    choice_predictions: OutOfTime,
    mature_on: Mapping[date, date],
) -> None:
    """Log each candidate, calibration method and choice cutoff as a child run of the open run.

    The choice cutoffs are the cutoffs on which the candidate and the calibration method were chosen. Nothing
    about the test cutoffs is logged here; `churn evaluate` logs their figures.

    Args:
        registry: The registry through which the open run was opened.
        challenger: The registered challenger.
        choice_predictions: The out-of-time predictions of the challenger at the choice cutoffs.
        mature_on: For each cutoff with known labels, the date from which they may be used in training.
    """
    for score in challenger.scores:
        with registry.run(f"candidate {score.recipe.candidate}"):
            registry.log(
                params=with_prefix("recipe", score.recipe.active()),
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
    """Log a search of settings into the open run, and each trial of the search as a child run.

    Args:
        registry: The registry through which the open run was opened.
        result: The result of the search.
        file: The path of `search.json`, which the search wrote.
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
                params=with_prefix("recipe", trial.recipe.active()),
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
    """Log a child run for each cutoff of `predictions`, with the metrics before calibration.

    The child run also states from how many cutoffs the model of this cutoff learnt.

    Args:
        registry: The registry through which the open run was opened.
        run_id: The id of the open run.
        predictions: The out-of-time predictions for the cutoffs that are logged.
        mature_on: For each cutoff with known labels, the date from which they may be used in training.
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
