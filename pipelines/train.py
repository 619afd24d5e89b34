"""Train a challenger on all matured snapshots (those whose outcomes are known), and register it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from churn.data.files import replace_folder, write_json
from churn.data.own_files import write_own_json
from churn.evaluation.baselines import check_rule
from churn.evaluation.segments import check_segments
from churn.experiments.exposure import read_untreated
from churn.finding import Finding
from churn.guards.model.run import check_training, data_findings, training_report
from churn.guards.sign_off import REPORT_FILE, SignOffs, count_sentence, finding_lines
from churn.labels.contract import wait_days
from churn.model.bundle import BUNDLE_FOLDER, load_champion, write_bundle
from churn.model.reference import REFERENCE_FILE
from churn.model.registry import Registry
from churn.model.scorer import read_bundle
from churn.model.tracking import check_answers
from churn.params import Params, TrainParams
from churn.reporting.mlflow_log import (
    EXPOSURE_FILE,
    FILES,
    git_commit,
    log_exposure,
    log_search,
    log_training,
    params_of,
    run_name,
)
from churn.snapshots.exposure import exposure_in_words
from churn.snapshots.read import Snapshots
from churn.training.calibration import CalibrationChoice
from churn.training.challenger import Challenger, spec_of, training_folder, write_challenger
from churn.training.discrete_hazard import describe_horizons, fit_horizons
from churn.training.recipe import Recipe, SplineLogistic
from churn.training.reference import reference_of, with_refreshed_scores
from churn.training.refresh import check_unseen, refresh_level
from churn.training.select import select_candidate
from churn.training.split import CutoffPlan, check_enough_data, folds_of, plan_cutoffs
from churn.training.train import TrainedChallenger, train_challenger
from pipelines.echo import Echo


def run(params: Params, *, cutoff: date | None = None, refresh: bool = False, echo: Echo) -> None:
    """Select a model on cutoffs before the first test cutoff, fit it on all matured snapshots, register it.

    A snapshot is matured once the outcomes of its customers are known.

    Args:
        params: The parameters.
        cutoff: The date of the training: only labels that were known on this date are used. By default, all
            labels of matured snapshots are used.
        refresh: Keep the champion's model, and adjust the level of its probabilities to the known labels of
            the cutoffs after its training.
        echo: Prints lines, warnings and progress.

    Raises:
        ParamsError: evaluate.rule or evaluate.segments names signals that the snapshots do not have.
        Stop: no label is known yet, or there are too few rows or customers, no churners, no stayers or no
            signals. A further reason to stop is that no control represents some contacted customers, unless
            `evaluate.accept` accepts this.
        ModelError: there is no champion to refresh.
    """
    snapshots = read_untreated(params, known_by=cutoff)
    if snapshots.exposures:
        echo(f"ledger: {exposure_in_words(snapshots.exposures, snapshots.no_controls_accepted)}")
    if warning := snapshots.memory_warning(params.train.memory_limit, params.file):
        echo.warn(warning)
    check_answers(params.tracking.uri, params.file)  # not after an hour of training
    if refresh:
        _refresh(params, snapshots, echo)
    else:
        _train(params, snapshots, echo)


def _train(params: Params, snapshots: Snapshots, echo: Echo) -> None:
    check_enough_data(snapshots)
    # `evaluate` needs the rule and the segments: a mistake in them costs less time before the training.
    check_rule(params.evaluate.rule, snapshots.rows, params.locate("evaluate.rule"))
    check_segments(params.evaluate.segments, snapshots.rows, params.locate("evaluate.segments"))
    plan = _plan(params, snapshots)
    if not plan.test:
        echo.warn(
            "the model cannot be evaluated, because there is no test cutoff. A test cutoff needs known "
            "outcomes, and an earlier cutoff on which a model can be trained. Add earlier cutoffs to the "
            f"section 'snapshot' of {params.file}."
        )
    findings = _look(params, snapshots, plan, echo)

    training = train_challenger(snapshots, plan, params.train, params.engine.threads, echo.progress)
    horizons = fit_horizons(
        params.output / "snapshots",
        params.label,
        wait_days(params.label, params.snapshot.late_days),
        snapshots,
        training.predictions,
    )
    spec = spec_of(
        snapshots,
        training.model,
        training.recipe,
        training.calibration,
        training.probabilities,
        model=params.tracking.model,
        label=params.label,
        timezone=params.timezone,
    )

    folder = _new_folder(params.output)
    reference = reference_of(snapshots, training.predictions, training.probabilities)
    files = {**training.model.boosters, REFERENCE_FILE: reference.as_text()}
    digest = write_bundle(folder / "bundle", spec | horizons, files)
    draft = Challenger(
        model=params.tracking.model,
        version="",
        run_id="",
        digest=digest,
        snapshots_digest=snapshots.digest,
        recipe=training.recipe,
        calibration=training.calibration_choice,
        chosen_by=plan.chosen_by,
        choice_cutoffs=plan.choice,
        scores=training.selection.scores,
        logistic=training.selection.logistic,
        importance=training.model.importance(snapshots.rows, params.engine.threads),
    )
    training_id = draft.training_id(training.search.as_dict() if training.search else None)
    registry = Registry(params.tracking, params.models, params.file, echo.warn)
    earlier_run_id = registry.training_run(training_id)
    with registry.run(f"train {training.recipe.candidate}", earlier_run_id) as run_id:
        challenger = replace(draft, version=registry.register(folder / "bundle"), run_id=run_id)
        write_challenger(folder, challenger, training.predictions, snapshots)
        _write_reports(folder, snapshots, findings)
        write_json(folder / "horizons.json", horizons)
        if training.search:
            write_json(folder / "search.json", training.search.as_dict())
        if earlier_run_id is None:
            if training.search:
                log_search(registry, training.search, folder / "search.json")
            _describe_run(registry, snapshots, challenger, challenger.recipe.candidate, folder)
            registry.log(params=params_of(params, snapshots, challenger))
            log_training(registry, challenger, training.choice_predictions, snapshots.mature_on)
            log_exposure(registry, snapshots)
            _log_origin(registry, params, snapshots)
            registry.log(tags={"training_id": training_id})  # last: a run without it is not complete
    replace_folder(folder, training_folder(params.output))  # the last step: a failed training changes no file

    for line in _lines(snapshots, challenger, training):
        echo(line)
    for line in describe_horizons(horizons):
        echo(line)
    echo(f"most important signals: {', '.join(list(challenger.importance)[:3])}")
    if earlier_run_id:
        echo("this training equals an earlier one, so the earlier run in MLflow is used again.")
    echo(registry.link(run_id))


def _refresh(params: Params, snapshots: Snapshots, echo: Echo) -> None:
    """Register a challenger: the champion's model, with the level of its probabilities adjusted.

    If the champion's probabilities still fit, nothing is registered.

    Raises:
        ModelError: there is no champion.
        Stop: no cutoff after the champion's training has known labels, or the champion has learnt from
            labels that became known after a test cutoff.
    """
    champion = load_champion(params.champion, params.engine.threads)
    refresh = refresh_level(champion, snapshots)
    cutoffs = ", ".join(refresh.spec["refreshed"]["cutoffs"])
    finding = (
        f"champion version {champion.version} at {cutoffs}, which the champion has not seen: "
        f"{refresh.n_churners:,} customers left, observed/expected {refresh.observed_expected:.2f}"
    )
    if not refresh.shift:
        echo(f"{finding}. The level of the champion's probabilities is still right: nothing was refreshed.")
        return
    plan = _plan(params, snapshots)
    check_unseen(refresh, plan.test)
    findings = _look(params, snapshots, plan, echo)

    files = read_bundle(params.champion / BUNDLE_FOLDER)
    boosters = {name: text for name, text in files.items() if name != "spec.json"}
    folder = _new_folder(params.output)
    bundle_files = with_refreshed_scores(boosters, refresh.predictions, refresh.probabilities)
    digest = write_bundle(folder / "bundle", refresh.spec, bundle_files)
    draft = Challenger(
        model=params.tracking.model,
        version="",
        run_id="",
        digest=digest,
        snapshots_digest=snapshots.digest,
        recipe=refresh.recipe,
        calibration=CalibrationChoice(refresh.recipe.calibration),
        chosen_by=plan.chosen_by,
        choice_cutoffs=tuple(day for day in plan.choice if day in refresh.predictions.cutoffs),
        scores=(),
        logistic=_select_logistic(snapshots, plan, params.train, params.engine.threads),
        importance=refresh.model(boosters).importance(snapshots.rows, params.engine.threads),
    )
    registry = Registry(params.tracking, params.models, params.file, echo.warn)
    earlier_run_id = registry.training_run(draft.training_id())
    with registry.run("refresh", earlier_run_id) as run_id:
        challenger = replace(draft, version=registry.register(folder / "bundle"), run_id=run_id)
        write_challenger(folder, challenger, refresh.predictions, snapshots)
        _write_reports(folder, snapshots, findings)
        if earlier_run_id is None:
            _describe_run(registry, snapshots, challenger, f"refresh of v{champion.version}", folder)
            registry.log(
                params=params_of(params, snapshots, challenger)
                | {"refresh.version": champion.version, "refresh.cutoffs": cutoffs},
                metrics={
                    "refresh/shift_log_odds": refresh.shift,
                    "refresh/observed_expected": refresh.observed_expected,
                },
            )
            log_exposure(registry, snapshots)
            _log_origin(registry, params, snapshots)
            registry.log(tags={"training_id": draft.training_id()})
    replace_folder(folder, training_folder(params.output))
    echo(f"{finding}. The challenger adds {refresh.shift:+.2f} to the log-odds of the champion.")
    echo(f"challenger version {challenger.version}: continue with `churn evaluate` and `churn promote`.")
    echo(registry.link(run_id))


def _plan(params: Params, snapshots: Snapshots) -> CutoffPlan:
    return plan_cutoffs(
        snapshots.rows,
        snapshots.mature_on,
        params.evaluate.test_cutoffs,
        params.label.horizon_days,
        params.file,
    )


def _look(params: Params, snapshots: Snapshots, plan: CutoffPlan, echo: Echo) -> list[Finding]:
    """Print and return the findings in the training rows; print how many findings `churn snapshot` made."""
    customers = params.tables.get("customers")
    findings = check_training(
        snapshots,
        plan,
        label=params.label,
        late_days=params.snapshot.late_days,
        attributes=customers.static if customers else (),
        seed=params.train.seed,
    )
    sign_offs = SignOffs.of(params)
    if earlier := data_findings(snapshots):
        echo(f"findings of `churn snapshot`: {count_sentence(earlier, sign_offs)}.")
    echo.report(*finding_lines(findings, sign_offs))
    return findings


def _select_logistic(snapshots: Snapshots, plan: CutoffPlan, settings: TrainParams, threads: int) -> Recipe:
    """Return the recipe of the logistic regression with which `evaluate` compares the refreshed champion.

    The recipe has the prior variance of the weights that gives the lowest log loss over all folds.
    """
    settings = settings.model_copy(update={"candidates": (SplineLogistic.name,)})
    return select_candidate(folds_of(snapshots, plan), snapshots.monotone, settings, threads).logistic


def _new_folder(output: Path) -> Path:
    """Return the path of a new folder beside the challenger's folder; delete it if an earlier run left it."""
    folder = output / ".train.new"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _write_reports(folder: Path, snapshots: Snapshots, findings: Sequence[Finding]) -> None:
    """Write the findings of the guards into the folder of the challenger.

    If customers were contacted, also write how many of their rows are left out of the training.
    """
    write_own_json(folder / REPORT_FILE, training_report(snapshots, findings).as_json())
    if snapshots.exposures:
        write_json(
            folder / EXPOSURE_FILE,
            {
                "cutoffs": [own.model_dump(mode="json") for own in snapshots.exposures],
                "no_controls_accepted": snapshots.no_controls_accepted,
            },
        )


def _describe_run(
    registry: Registry, snapshots: Snapshots, challenger: Challenger, name: str, folder: Path
) -> None:
    registry.describe_run(
        run_name(challenger.version, name, snapshots.cutoffs[-1]),
        version=challenger.version,
        digest=challenger.digest,
        files=[folder / file for file in FILES if (folder / file).exists()],
    )


def _log_origin(registry: Registry, params: Params, snapshots: Snapshots) -> None:
    """Log in MLflow which snapshots a run used, and the git commit of the folder above the output folder."""
    registry.log_dataset("snapshots", snapshots.digest, params.output / "snapshots")
    if commit := git_commit(params.output.parent):
        registry.log(tags={"mlflow.source.git.commit": commit})


def _lines(snapshots: Snapshots, challenger: Challenger, training: TrainedChallenger) -> Sequence[str]:
    """Return the lines about the model and the candidates that were not selected."""
    rows = snapshots.rows
    lines = [
        f"challenger version {challenger.version}: {training.recipe.describe()}, on {len(rows):,} rows with "
        f"{rows.churners:,} churners at {len(snapshots.cutoffs)} cutoffs; "
        f"calibration {training.recipe.calibration}"
    ]
    if training.search:
        lines.append(training.search.describe())
    for score in challenger.scores[1:]:
        lines.append(
            f"  {score.recipe.candidate} was not selected: its log loss on the choice cutoffs is "
            f"{score.behind:.4f} higher (standard error {score.standard_error:.4f})"
        )
    return lines


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("train"))
