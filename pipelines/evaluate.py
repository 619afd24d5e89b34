"""Evaluate challenger, champion and baselines on the test cutoffs."""

from __future__ import annotations

from datetime import date

from churn.data.files import write_json
from churn.evaluation.evaluate import STEPS, evaluate_challenger, plan_test
from churn.evaluation.result import EvaluationResult
from churn.evaluation.test_set import TestSet, predict_test_set, predictions_frame
from churn.guards.model.run import check_evaluation, evaluation_report, read_training_report
from churn.guards.sign_off import SignOffs, count_sentence, finding_lines
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
from churn.snapshots.read import read_snapshots
from churn.training.challenger import PROMOTION, read_challenger, training_folder
from pipelines.echo import Echo


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> None:
    """Predict each test cutoff with what was known by then, and measure the predictions with intervals.

    Args:
        params: The parameters.
        cutoff: Evaluate as on this date: with labels known by then.
        echo: Prints lines, warnings and progress.

    Raises:
        CallError: nothing was trained, or on other snapshots, or the model was selected after a test cutoff.
        Stop: no matured cutoff has an earlier one to train on.
    """
    snapshots = read_snapshots(params, known_by=cutoff)
    record = read_challenger(params.output)
    cutoffs = plan_test(params, snapshots, record)
    training = read_training_report(training_folder(params.output))
    with echo.progress("evaluate", 2 + STEPS) as advance:
        test_set = predict_test_set(params, snapshots, record, cutoffs)
        advance()
        result = evaluate_challenger(params, test_set, advance)
        findings = check_evaluation(
            test_set,
            result,
            params.output / "snapshots",
            gap_days=params.label.gap_days,
            seed=params.train.seed,
            threads=params.engine.threads,
        )
        advance()
    registry = Registry(params.tracking, params.models, params.file)
    evaluation_id = digest_of([record.digest, cutoffs.test, params.evaluate.model_dump(mode="json")])[:16]
    times_used = registry.count_test_set_use(record.run_id, params.label_id, cutoffs.test, evaluation_id)
    result = result.with_guards(evaluation_report(training, findings), times_used)

    folder = params.output / "evaluate"
    verdict = verdict_of_champion(folder, result) or verdict_of_unchanged(folder, result)
    if verdict is None:
        for name in PROMOTION:  # they are about an earlier evaluation
            (folder / name).unlink(missing_ok=True)
    result.write(folder / "metrics.json")
    write_json(folder / "decile_table.json", table_of(result.decile_table))
    partial = folder / ".predictions.parquet.aside"
    predictions_frame(test_set).to_parquet(partial, index=False)
    partial.replace(folder / "predictions.parquet")
    write_plots(folder / "plots", result)
    page = write_evaluation_page(folder, result)
    bundle = training_folder(params.output) / "bundle"
    card = write_card(folder, result, bundle, record.importance, verdict)
    link = _log(registry, params, test_set, result, card.summary)
    if result.evaluated_champion:
        keep_evaluation(params.output, record.digest)

    echo.report(evaluation_summary(result))
    sign_offs = SignOffs.of(params)
    if training.found:
        echo(f"guards of `churn train`: {count_sentence(training.found, sign_offs)}.")
    echo.report(*finding_lines(findings, sign_offs))
    echo(f"card: {card.path}, with charts: {page}")
    echo(link)


def _log(
    registry: Registry, params: Params, test_set: TestSet, result: EvaluationResult, summary: str
) -> str:
    """Log the evaluation into the challenger's run, with child runs; return the link."""
    record, folder = test_set.record, params.output / "evaluate"
    settings = EvaluationSettings(result.cutoffs, params.evaluate)
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
