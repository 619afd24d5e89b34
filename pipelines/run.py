"""Run everything, from raw tables to tonight's call list and report."""

from __future__ import annotations

from datetime import date, datetime

from churn.data.store import Store
from churn.errors import ParamsError, SourceError, Stop
from churn.evaluation.result import EvaluationResult
from churn.model.bundle import load_champion
from churn.model.registry import Registry
from churn.model.tracking import check_answers
from churn.params import Params
from churn.promotion.record import NOT_EVALUATED, keep_evaluation, trial_of
from churn.reporting.page.sources import read_report_sources
from churn.reporting.report import report_path
from churn.reporting.run_summary import (
    evaluation_line,
    figures_line,
    night_line,
    result_sentences,
    snapshots_line,
    tables_line,
    training_line,
)
from churn.scoring.sink import calls_path
from churn.snapshots.manifest import SnapshotManifest
from churn.training.challenger import read_challenger
from pipelines import evaluate, kpis, promote, report, score, snapshot, train
from pipelines.echo import Echo
from pipelines.ingest import ensure_store
from pipelines.night_handover import check_handover, hand_over_night
from pipelines.run_log import RunLog, run_log


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> int | None:
    """Ingest, snapshot, train, evaluate, promote, score, compute the figures of retention, and report.

    For a night in the past (`--cutoff`), only labels that were known on that night are used in training. If
    the challenger cannot be evaluated, or its promotion is refused, the present champion scores the night,
    and a warning says so. If there is no champion yet, or if it does not fit the present parameters (for
    example, it predicts another label), the challenger scores the night as a trial. Each step prints one
    line; the lines of the verbs go to `run.txt` below the output folder, and `--debug` prints them too.

    Raises:
        ChurnError: the playbook or another input of the night has mistakes; nothing is trained then.
        Stop: promotion is refused, and no champion can score, so the challenger scored the night as a trial.
        DeliveryError: a database or a receiver does not answer, or did not accept all data of the night.
    """
    check_answers(params.tracking.uri, params.file)
    score.check_inputs(params)
    check_handover(params)
    with run_log(echo, params.output, f"churn run, {datetime.now():%Y-%m-%d %H:%M:%S}") as log:
        return _run(params, cutoff, log)


def _run(params: Params, cutoff: date | None, log: RunLog) -> int | None:
    store = ensure_store(params, log)
    night = store.cutoff_or_tonight(cutoff)
    log.finish_step("ingest")
    log.show(f"1/5 tables      {tables_line(store.tables)}")
    snapshot.run(params, echo=log, store=store)
    log.finish_step("snapshot")
    log.show(f"2/5 snapshots   {snapshots_line(SnapshotManifest.read(params.output / 'snapshots'))}")
    known_by = None if cutoff is None else night
    train.run(params, cutoff=known_by, echo=log)
    log.finish_step("train")
    challenger = read_challenger(params.output)
    log.show(f"3/5 model       {training_line(challenger)}")
    refusal, trial = _evaluate_and_promote(params, known_by, log), None
    if refusal:
        has_champion = params.champion.exists()
        problems = score.champion_problems(params, store) if has_champion else ()
        if has_champion and not problems:
            for problem in refusal.problems:
                log.warn(problem)
            log.warn(
                f"the present champion, version {load_champion(params.champion).version}, scores tonight."
            )
        else:
            trial = trial_of(params.output, refusal, problems)
    if trial and trial.because != NOT_EVALUATED:
        keep_evaluation(params.output, challenger.digest)
    score.run(params, cutoff=night, echo=log, store=store, trial=trial, is_last_step=False)
    log.finish_step("score")
    _compute_figures(params, store, night, log)
    report.run(params, cutoff=night, echo=log)
    sources = read_report_sources(params.output, night)
    if sources.known_kpis.kpis is not None:
        log.show(f"    figures     {figures_line(sources.known_kpis.kpis)}")
    log.show(f"5/5 tonight     {night_line(sources)}")
    if not trial:
        hand_over_night(params, store, night, log)
    registry = Registry(params.tracking, params.models, params.file)
    if trial:
        with registry.run("train", challenger.run_id):
            registry.log(tags=trial.as_tags(str(night)))
    log.show("")
    for sentence in result_sentences(sources):
        log.show(sentence)
    log.show("")
    log.show(f"call list  {calls_path(params.output, night)}{' (a trial)' if trial else ''}")
    log.show(f"report     {report_path(params.output)}")
    log.show(f"MLflow     {registry.link(challenger.run_id)} (once `churn ui` runs)")
    log.show_path()
    if refusal and trial:
        why_no_champion = (
            "the champion cannot score" if trial.champion_problems else "there is no champion yet"
        )
        raise Stop(
            *refusal.problems,
            *trial.champion_problems,
            f"run: {why_no_champion}, so version {challenger.version} scored the night of {night} as a "
            f"trial ({', '.join(trial.because)}). The call list is marked as a trial, so that no other "
            "system uses it, and no customer is assigned to an arm of an experiment.",
        )
    return None


def _compute_figures(params: Params, store: Store, night: date, log: RunLog) -> None:
    """Compute the figures of retention for the report; if this fails, warn and go on with the night."""
    try:
        kpis.run(params, cutoff=night, echo=log, store=store)
    except (ParamsError, SourceError) as error:
        log.warn(f"{error} The report leaves out the figures of retention.")
        return
    log.finish_step("kpis")


def _evaluate_and_promote(params: Params, known_by: date | None, log: RunLog) -> Stop | None:
    """Evaluate and promote the challenger; return the refusal, or None if the challenger is now champion."""
    try:
        evaluate.run(params, cutoff=known_by, echo=log)
        log.finish_step("evaluate")
        result = EvaluationResult.read(params.output / "evaluate" / "metrics.json")
        log.show(f"4/5 evaluation  {evaluation_line(result)}")
        promote.run(params, echo=log)
    except Stop as refusal:
        return refusal
    return None


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("run"))
