"""Make the challenger the champion if it passes every gate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from churn.data.files import write_atomically
from churn.errors import CallError, ModelError, Stop
from churn.evaluation.champion import check_same_champion
from churn.evaluation.result import EvaluationResult
from churn.guards.sign_off import SignOffs
from churn.guards.verdict import Verdict
from churn.model.bundle import load_champion_if_any
from churn.model.registry import Registry
from churn.params import Params
from churn.promotion.gates import apply_gates
from churn.promotion.record import Promotion, keep_evaluation
from churn.reporting.model_card import write_card
from churn.reporting.promotion_page import render_promotion, render_promotion_summary
from churn.training.challenger import PROMOTION, read_challenger, training_folder
from pipelines.echo import Echo


def run(params: Params, *, cutoff: date | None = None, rollback: bool = False, echo: Echo) -> None:
    """Apply the gates to the last evaluation; if all pass, make the challenger champion and export it.

    The gates are not applied to a challenger that is already the champion.

    Args:
        params: The parameters.
        cutoff: Not used: the evaluation has its own cutoffs.
        rollback: Whether to swap the champion and the previous champion; no challenger is then promoted.
        echo: Prints lines, warnings and progress.

    Raises:
        CallError: the challenger was not evaluated, or the champion has changed since the evaluation.
        Stop: a gate refused the challenger; the champion is unchanged.
        ModelError: there is no previous champion to go back to, or the registry cannot export the new
            champion.
    """
    record = None if rollback else read_challenger(params.output)
    registry = Registry(params.tracking, params.models, params.file, echo.warn)
    is_repaired, trouble = _repair(registry, echo)
    if record is None and is_repaired:
        echo(
            "The champion was exported again; nothing was rolled back. "
            "Run `churn promote --rollback` again to roll back."
        )
        return
    is_champion = record is not None and registry.aliases().champion == record.version
    if trouble and is_champion:
        raise trouble
    for problem in trouble.problems if trouble else ():
        echo.warn(problem)  # a promotion or a rollback may still work
    if record is None:
        aliases = registry.rollback()
        echo(
            f"champion is version {aliases.champion} again, exported to {params.champion}; version "
            f"{aliases.previous} is now the previous champion"
        )
        return
    if is_champion and is_repaired:
        echo(f"champion is version {record.version}, exported to {params.champion}")
        return
    if is_champion:
        echo(f"version {record.version} is already the champion: nothing changes.")
        return
    if not trouble and (same_version := registry.champion_with(record.digest)):
        echo(
            f"version {record.version} is the same model as champion version {same_version}: nothing changes."
        )
        return
    folder = params.output / "evaluate"
    result = EvaluationResult.read(folder / "metrics.json")
    _check_models(result, record.digest, params, is_damaged=bool(trouble))
    verdict = apply_gates(result, params.promote, SignOffs.of(params), params.file)
    card = write_card(folder, result, training_folder(params.output) / "bundle", record.importance, verdict)
    _log(registry, record.run_id, [*_write_pages(folder, result, verdict), card.path])
    registry.describe_version(record.version, card.summary, record.run_id)
    if not verdict.accepted:
        raise Stop(
            *verdict.refusals,
            f"promote: {folder / 'promotion.html'} shows every gate, and {folder / 'report.html'} shows "
            "the evaluation.",
        )

    keep_evaluation(params.output, record.digest)
    registry.promote(record.version)
    echo(f"champion is version {record.version}, exported to {params.champion}")
    for gate in verdict.gates:
        echo(f"  {gate.words}")
    for note in (*verdict.notes, *verdict.signed):
        echo(f"  {note}")
    echo(f"page: {params.output / 'evaluate' / 'promotion.html'}")
    echo(registry.link(record.run_id))


def _repair(registry: Registry, echo: Echo) -> tuple[bool, ModelError | None]:
    """Export the registry's champion again if the folder of the champion holds another model.

    Returns:
        Whether the champion was exported again, and the error if the export failed.
    """
    try:
        repair = registry.repair()
    except ModelError as error:
        return False, error
    if repair is None:
        return False, None
    echo.warn(f"{repair.problem} Version {repair.version} is exported again: it is the registry's champion.")
    return True, None


def _check_models(result: EvaluationResult, digest: str, params: Params, *, is_damaged: bool) -> None:
    """Check that the evaluation compared the present challenger with the present champion.

    Args:
        result: The evaluation.
        digest: The digest of the challenger.
        params: The parameters: the folders of the evaluation and of the champion, and the number of threads.
        is_damaged: Whether the files of the champion may be damaged, so that they cannot be read.

    Raises:
        CallError: the evaluation is about another challenger or another champion.
        ModelError: the champion cannot be read, although `is_damaged` is false.
    """
    folder = params.output / "evaluate"
    if result.model.digest != digest:
        raise CallError(
            f"{folder}: the evaluated challenger is version {result.model.version}, but another challenger "
            "was trained since then. Run `churn evaluate` again."
        )
    try:
        champion = load_champion_if_any(params.champion, params.engine.threads)
    except ModelError:
        if not is_damaged:
            raise
    else:
        check_same_champion(result, champion, folder)


def _log(registry: Registry, run_id: str, pages: Sequence[Path]) -> None:
    """Log the pages of the promotion and the model card into the challenger's MLflow run."""
    with registry.run("train", run_id):
        for page in pages:
            registry.log_file(page, "evaluate")


def _write_pages(folder: Path, result: EvaluationResult, verdict: Verdict) -> Sequence[Path]:
    """Write promotion.json, and the pages that show the verdict to people."""
    version = result.model.version
    Promotion.of(result.model, verdict).write(folder)
    write_atomically(folder / "promotion.md", render_promotion_summary(version, verdict).encode())
    write_atomically(folder / "promotion.html", render_promotion(result, verdict).encode())
    return [folder / name for name in PROMOTION]


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("promote"))
