"""Train a challenger on all matured snapshots and register it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from churn.model.registry import Registry
    from churn.params import Params
    from churn.snapshots.read import Snapshots
    from churn.training.backtest import OutOfTime
    from churn.training.challenger import Record
    from pipelines.echo import Echo


def run(params: Params, *, cutoff: date | None = None, refresh: bool = False, echo: Echo) -> None:
    """Choose on cutoffs before the first test, fit on all matured snapshots, register the challenger.

    Args:
        params: The parameters.
        cutoff: Train as if on this date: only labels known by then.
        refresh: Keep the champion's model and move its level to the labels that matured since.
        echo: Where lines, warnings and progress go.

    Raises:
        ParamsError: evaluate.rule or evaluate.segments names what the snapshots do not hold.
        Stop: no label is matured, nobody or everybody left, or there are too few rows.
    """
    if refresh:
        from pipelines.refresh import refresh_champion

        refresh_champion(params, cutoff, echo)
        return
    import shutil

    from churn.data.files import replace_folder
    from churn.evaluation.segments import check_segments
    from churn.evaluation.team_rule import check_rule
    from churn.guards.model.run import data_findings, look_at_training, with_the_data
    from churn.guards.sign_off import GUARDS
    from churn.model.bundle import write_bundle, write_json
    from churn.model.registry import Registry
    from churn.snapshots.read import read_snapshots
    from churn.training import calibration
    from churn.training.backtest import out_of_time, out_of_time_and_fitted
    from churn.training.challenger import Record, training_folder, write_record
    from churn.training.describe import importance, spec_of
    from churn.training.discrete_hazard import fit_horizons, horizon_lines
    from churn.training.select import choose, folds_of, refuse_thin
    from churn.training.split import plan
    from churn.training.tune import search
    from pipelines.findings import echo_earlier_findings, echo_findings
    from pipelines.trials import log_trials

    threads = params.engine.threads
    snapshots = read_snapshots(params, known_by=cutoff)
    refuse_thin(snapshots)
    check_rule(params, snapshots.rows)  # evaluate asks for it, too late to mend a slip cheaply
    check_segments(params, snapshots.rows)
    asked, horizon_days = params.evaluate.test_cutoffs, params.label.horizon_days
    cutoffs = plan(snapshots.rows, snapshots.mature_on, asked, horizon_days, params.file)
    if not cutoffs.test:
        echo.warn("no cutoff leaves an earlier matured one to train on: the model cannot be evaluated.")

    guarded = look_at_training(params, snapshots, cutoffs)
    echo_earlier_findings(data_findings(snapshots), params, echo, "snapshot")
    echo_findings(guarded, params, echo)

    folds = folds_of(snapshots, cutoffs)
    trials = params.train.search.trials
    steps = trials + len(folds) + len(cutoffs.test) + 1
    with echo.progress("train", steps) as advance:
        searched = search(folds, snapshots.monotone, params.train, threads, advance) if trials else None
        found = searched.recipe if searched else None
        choice = choose(folds, snapshots.monotone, params.train, threads, advance, found)
        tried = choice.tried
        recipe = tried[0].recipe
        past = choice.past or out_of_time(snapshots, recipe, cutoffs.choice, threads)
        chosen = calibration.choose_as_asked(
            params.train.calibration,
            past.logits,
            past.left,
            past.cutoff,
            snapshots.known_on(past.cutoff),
            past.customer,
        )
        recipe = recipe.with_calibration(chosen.method)
        recent, fitted = out_of_time_and_fitted(snapshots, recipe, cutoffs.test, threads, advance)
    made = past.joined(recent)

    calibrator = calibration.fit(recipe.calibration, made.logits, made.left, made.customer)
    scores = calibration.apply(made.logits, calibrator)
    aside = params.output / ".train.new"
    shutil.rmtree(aside, ignore_errors=True)
    horizons = fit_horizons(params, snapshots, made)
    spec = spec_of(params, snapshots, fitted, recipe, calibrator, scores) | horizons
    digest = write_bundle(aside / "bundle", spec, fitted.boosters)

    registry = Registry(params)
    with registry.run(f"train {recipe.candidate}") as run_id:
        record = Record(
            model=params.tracking.model,
            version=registry.register(aside / "bundle"),
            run_id=run_id,
            digest=digest,
            snapshots_digest=snapshots.digest,
            recipe=recipe,
            calibration=chosen,
            chosen_by=cutoffs.chosen_by,
            choice_cutoffs=cutoffs.choice,
            tried=tried,
            logistic=choice.logistic,
            importance=importance(fitted, snapshots.rows, threads),
        )
        write_record(aside, record, made, snapshots)
        write_json(aside / GUARDS, with_the_data(snapshots, guarded))
        write_json(aside / "horizons.json", horizons)
        if searched:
            write_json(aside / "search.json", searched.as_dict())
            log_trials(registry, searched, aside)
        _log(registry, params, snapshots, record, past, aside)  # of the test nothing is measured yet
    replace_folder(aside, training_folder(params))  # last, so that a training that dies leaves the old one

    rows = snapshots.rows
    echo(
        f"challenger version {record.version}: {recipe.words}, on {len(rows):,} rows with "
        f"{rows.churners:,} churners at {len(snapshots.cutoffs)} cutoffs; calibration {chosen.method}"
    )
    if searched:
        echo(searched.words)
    for one in tried[1:]:
        echo(
            f"  {one.recipe.candidate} was not taken: its log loss on the choice cutoffs is {one.behind:.4f} "
            f"higher (standard error {one.standard_error:.4f})"
        )
    for line in horizon_lines(horizons):
        echo(line)
    echo(f"looks most at {', '.join(list(record.importance)[:3])}")
    echo(registry.link(run_id))


def _log(
    registry: Registry,
    params: Params,
    snapshots: Snapshots,
    record: Record,
    past: OutOfTime,
    folder: Path,
) -> None:
    """Log parameters and files, and each candidate, calibration and fold before the test as a child run."""
    from churn.metrics.metrics import auc
    from churn.reporting.mlflow_log import FILES, grouped, params_of, run_name
    from churn.training.calibration import apply, fit
    from churn.training.recipe_settings import used
    from pipelines.folds import log_folds

    registry.describe_run(
        run_name(record.version, record.recipe.candidate, snapshots.cutoffs[-1]),
        version=record.version,
        digest=record.digest,
        files=[folder / name for name in FILES],
    )
    registry.log(params=params_of(params, snapshots, record))
    for one in record.tried:
        with registry.run(f"candidate {one.recipe.candidate}"):
            registry.log(
                params=grouped("recipe", used(one.recipe.as_dict())),
                metrics={
                    "tried/log_loss": one.log_loss,
                    "tried/auc": one.auc,
                    "tried/log_loss_behind": one.behind,
                    "tried/log_loss_behind_standard_error": one.standard_error,
                },
            )
    for name, loss in record.calibration.tried.items():
        with registry.run(f"calibration {name}"):
            registry.log(params={"recipe.calibration": name}, metrics={"tried/log_loss": loss})
    log_folds(registry, record.run_id, past, snapshots.mature_on)
    if len(past.left):
        scores = apply(past.logits, fit(record.recipe.calibration, past.logits, past.left, past.customer))
        registry.log(metrics={"out_of_time/auc": auc(past.left, scores)})


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("train"))
