"""Run everything, from raw tables to tonight's call list and report."""

from __future__ import annotations

from datetime import date

from churn.errors import Stop
from churn.model.bundle import load_champion
from churn.model.registry import Registry
from churn.model.tracking import check_answers
from churn.params import Params
from churn.promotion.record import NOT_EVALUATED, keep_evaluation, trial_of
from churn.reporting.report import report_path
from churn.scoring.sink import calls_path
from churn.training.challenger import read_challenger
from pipelines import evaluate, promote, report, score, snapshot, train
from pipelines.echo import Echo
from pipelines.ingest import ensure_store
from pipelines.night_handover import check_handover, hand_over_night


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> int | None:
    """Ingest, snapshot, train, evaluate, promote, score and report.

    For a night in the past (`--cutoff`), only labels that were known on that night are used in training. If
    the challenger cannot be evaluated, or its promotion is refused, the present champion scores, with a
    warning. If there is no champion yet, or if it does not fit the present parameters (for example, it
    predicts another label), the challenger scores the night as a trial.

    Raises:
        ChurnError: the playbook or another input of the night has mistakes; nothing is trained then.
        Stop: promotion is refused, and no champion can score. The night is scored, as a trial.
        DeliveryError: a database or a receiver does not answer, or did not take all of the night.
    """
    check_answers(params.tracking.uri, params.file)
    score.check_inputs(params)
    check_handover(params)
    store = ensure_store(params, echo)
    night = store.cutoff_or_tonight(cutoff)
    echo.finish_step("ingest")
    snapshot.run(params, echo=echo, store=store)
    echo.finish_step("snapshot")
    known_by = None if cutoff is None else night
    train.run(params, cutoff=known_by, echo=echo)
    echo.finish_step("train")
    refusal, trial = _evaluate_and_promote(params, known_by, echo), None
    if refusal:
        has_champion = params.champion.exists()
        problems = score.champion_problems(params, store) if has_champion else ()
        if has_champion and not problems:
            for problem in refusal.problems:
                echo.warn(problem)
            echo.warn(
                f"the present champion, version {load_champion(params.champion).version}, scores tonight."
            )
        else:
            trial = trial_of(params.output, refusal, problems)
    if trial and trial.because != NOT_EVALUATED:
        keep_evaluation(params.output, read_challenger(params.output).digest)
    score.run(params, cutoff=night, echo=echo, store=store, trial=trial, is_last_step=False)
    echo.finish_step("score")
    report.run(params, cutoff=night, echo=echo)
    if not trial:
        hand_over_night(params, store, night, echo)
    registry = Registry(params.tracking, params.models, params.file)
    challenger = read_challenger(params.output)
    if trial:
        with registry.run("train", challenger.run_id):
            registry.log(tags=trial.as_tags(str(night)))
    echo("")
    echo(f"call list  {calls_path(params.output, night)}{' (a trial)' if trial else ''}")
    echo(f"report     {report_path(params.output)}")
    echo(f"MLflow     {registry.link(challenger.run_id)} (once `churn ui` runs)")
    if refusal and trial:
        why_no_champion = (
            "the champion cannot score" if trial.champion_problems else "there is no champion yet"
        )
        raise Stop(
            *refusal.problems,
            *trial.champion_problems,
            f"run: {why_no_champion}, so version {challenger.version} scored the night of {night} as "
            f"a trial ({', '.join(trial.because)}). Its call list is marked, and no customer is in an arm, "
            "so that no other system takes the list over.",
        )
    return None


def _evaluate_and_promote(params: Params, known_by: date | None, echo: Echo) -> Stop | None:
    """Evaluate and promote the challenger; return the refusal, or None if it is the champion now."""
    try:
        evaluate.run(params, cutoff=known_by, echo=echo)
        echo.finish_step("evaluate")
        promote.run(params, echo=echo)
    except Stop as refusal:
        return refusal
    return None


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("run"))
