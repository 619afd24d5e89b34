"""Evaluate challenger, champion and baselines on the test cutoffs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from churn.data.files import write_json
from churn.errors import SourceError
from churn.evaluation.evaluate import EVALUATION_STEPS, evaluate_challenger, plan_test
from churn.evaluation.result import EvaluationResult
from churn.evaluation.test_set import TestSet, predict_test_set, predictions_frame, store_of_snapshots
from churn.experiments.exposure import read_untreated
from churn.guards.model.run import check_evaluation, evaluation_report, read_training_report
from churn.guards.sign_off import SignOffs, count_sentence, finding_lines
from churn.model.bundle import load_champion_if_any
from churn.model.registry import Registry
from churn.params import Params, digest_of
from churn.promotion.record import keep_evaluation, verdict_of_champion, verdict_of_unchanged
from churn.reporting.console import evaluation_summary
from churn.reporting.evaluation_page import write_evaluation_page
from churn.reporting.mlflow_log import (
    EvaluationSettings,
    log_folds,
    metrics_of,
    paired_of,
    run_note,
    spread_of,
    table_of,
)
from churn.reporting.model_card import write_card
from churn.reporting.plots import write_plots
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime
from churn.training.challenger import (
    PROMOTION,
    load_challenger,
    read_challenger,
    read_out_of_time,
    training_folder,
)
from pipelines.echo import Echo
from pipelines.measure import known_effects


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> None:
    """Predict the rows of each test cutoff from what was known then; compute metrics and their intervals.

    Args:
        params: The parameters.
        cutoff: The date of the evaluation: only labels that were known on this date are used; by default all
            matured labels.
        echo: Prints lines, warnings and progress.

    Raises:
        CallError: no challenger was trained, or the challenger was trained on other snapshots, or the
            challenger was selected after a test cutoff.
        Stop: there is no test cutoff, because the labels known at each cutoff were not enough to train a
            model.
    """
    snapshots = read_untreated(params, known_by=cutoff)
    if warning := snapshots.memory_warning(params.train.memory_limit, params.file):
        echo.warn(warning)
    record, training_path = read_challenger(params.output), training_folder(params.output)
    test_cutoffs = plan_test(
        snapshots,
        record,
        settings=params.evaluate,
        horizon_days=params.label.horizon_days,
        training=training_path,
        params_file=params.file,
    )
    training = read_training_report(training_path)
    challenger = load_challenger(params.output, params.engine.threads)
    champion = load_champion_if_any(params.champion, params.engine.threads)
    threads, snapshots_folder = params.engine.threads, params.output / "snapshots"
    effects = known_effects(params, cutoff)
    terms = effects.profit_terms(params.evaluate.profit)
    settings = params.evaluate.model_copy(update={"profit": terms})
    with echo.progress("evaluate", 2 + EVALUATION_STEPS) as advance:
        store, missing_store = store_of_snapshots(params, snapshots)
        test_set = predict_test_set(
            snapshots,
            record,
            test_cutoffs,
            settings=settings,
            label=params.label,
            value_terms=params.score.value,
            threads=threads,
            out_of_time=_out_of_time(params.output, snapshots, echo),
            champion=champion,
            store=store,
            missing_store=missing_store,
        )
        advance()
        result = evaluate_challenger(
            test_set,
            challenger.scorer,
            settings=settings,
            label=params.label,
            late_days=params.snapshot.late_days,
            value_terms=params.score.value,
            snapshots_folder=snapshots_folder,
            threads=threads,
            advance=advance,
        )
        result = effects.state_in(result)
        findings = check_evaluation(
            test_set,
            result,
            snapshots_folder,
            gap_days=params.label.gap_days,
            seed=params.train.seed,
            threads=threads,
        )
        advance()
    registry = Registry(params.tracking, params.models, params.file, echo.warn)
    evaluation_id = digest_of([record.digest, test_cutoffs, params.evaluate.model_dump(mode="json")])[:16]
    times_used = registry.count_test_set_use(record.run_id, params.label_id, test_cutoffs, evaluation_id)
    result = result.with_guards(evaluation_report(training, findings), times_used)

    folder = params.output / "evaluate"
    try:
        verdict = verdict_of_champion(folder, result) or verdict_of_unchanged(folder, result)
    except SourceError as error:
        echo.warn(f"{error} This evaluation removes the damaged file.")
        verdict = None
    if verdict is None:
        for name in PROMOTION:  # these files are about an earlier evaluation
            (folder / name).unlink(missing_ok=True)
    result.write(folder / "metrics.json")
    write_json(folder / "decile_table.json", table_of(result.decile_table))
    partial = folder / ".predictions.parquet.new"
    predictions_frame(test_set).to_parquet(partial, index=False)
    partial.replace(folder / "predictions.parquet")
    write_plots(folder / "plots", result)
    page = write_evaluation_page(folder, result)
    card = write_card(folder, result, training_path / "bundle", record.importance, verdict)
    logged = EvaluationSettings(result.cutoffs, settings)
    link = _log(registry, folder, logged, test_set, result, card.summary)
    if result.evaluated_champion:
        keep_evaluation(params.output, record.digest)

    echo.report(evaluation_summary(result))
    sign_offs = SignOffs.of(params)
    if training.found:
        echo(f"findings of `churn train`: {count_sentence(training.found, sign_offs)}.")
    echo.report(*finding_lines(findings, sign_offs))
    echo(f"card: {card.path}, with charts: {page}")
    echo(link)


def _out_of_time(output: Path, snapshots: Snapshots, echo: Echo) -> OutOfTime | None:
    """Return the out-of-time predictions of `train`; None, with a warning, if their file is damaged.

    An out-of-time prediction comes from a model that learnt only from labels that were known at the row's
    cutoff.
    """
    try:
        return read_out_of_time(output, snapshots)
    except SourceError as error:
        echo.warn(f"{error} This evaluation computes the predictions again.")
        return None


def _log(
    registry: Registry,
    folder: Path,
    settings: EvaluationSettings,
    test_set: TestSet,
    result: EvaluationResult,
    summary: str,
) -> str:
    """Log the evaluation into the challenger's run and its child runs; return the link to the run."""
    record = test_set.record
    pages = registry.pages(record.run_id, record.version)
    with registry.run("train", record.run_id):
        registry.log_params_or_tags(settings.as_params())
        registry.log(
            metrics=metrics_of(result.challenger)
            | paired_of(result.paired)
            | spread_of(result.spread["challenger"]),
            tags={"mlflow.note.content": run_note(record.version, settings.in_words(), summary, pages)},
        )
        registry.log_tree(folder)
        registry.log_table(folder / "decile_table.json", folder.name)
        registry.describe_version(record.version, summary, record.run_id)
        for name, metrics in result.candidates.items():
            with registry.child(record.run_id, f"judged {name}"):
                registry.log(params={"judged": name}, metrics=metrics_of(metrics))
        if record.recipe.calibration != "shifted":  # a refreshed champion is not refitted
            past = test_set.out_of_time.at(test_set.cutoffs)
            log_folds(registry, record.run_id, past, test_set.snapshots.mature_on)
    return registry.link(record.run_id)


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("evaluate"))
