"""Make the challenger champion if every gate lets it through."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from churn.errors import ModelError
    from churn.evaluation.result import EvaluationResult
    from churn.guards.verdict import Verdict
    from churn.model.registry import Registry
    from churn.params import Params
    from pipelines.echo import Echo


def run(params: Params, *, cutoff: date | None = None, rollback: bool = False, echo: Echo) -> None:
    """Judge the gates on the last evaluation; move the aliases and export the champion.

    A challenger that is the champion already is not judged again: its verdict is that of its promotion.

    Args:
        params: The parameters.
        cutoff: Not used: the evaluation has its cutoffs.
        rollback: Swap champion and previous instead.
        echo: Where lines, warnings and progress go.

    Raises:
        CallError: the challenger was not evaluated, or not beside the champion that stands.
        Stop: a gate refused; the champion is unchanged.
        ModelError: there is nothing to roll back to, or the registry does not know the version.
    """
    from churn.errors import Stop
    from churn.model.registry import Registry
    from churn.promotion.gates import judge_gates
    from churn.reporting.model_card import write_card
    from churn.training.challenger import read_challenger, training_folder

    record = None if rollback else read_challenger(params.output)
    registry = Registry(params)
    repair, trouble = _mend(registry, echo)
    if record is None and repair:
        echo("that was all; call once more to put the previous champion back.")
        return
    stands = record is not None and registry.aliases().champion == record.version
    if trouble and stands:
        raise trouble
    for problem in trouble.problems if trouble else ():
        echo.warn(problem)  # a new champion, or the previous one, may still be had
    if record is None:
        aliases = registry.rollback()
        echo(
            f"champion is version {aliases.champion} again; version {aliases.previous} is previous. "
            f"Exported to {params.champion}"
        )
        return
    if stands and repair:
        echo(f"champion is version {record.version}, exported to {params.champion}")
        return
    if stands:
        echo(f"version {record.version} is champion already: nothing changes.")
        return
    if not trouble and (same_version := registry.champion_with(record.digest)):
        echo(
            f"version {record.version} is the same model as champion version {same_version}: nothing changes."
        )
        return
    folder = params.output / "evaluate"
    result = _evaluation(params, record.digest, is_damaged=bool(trouble))
    verdict = judge_gates(result, params)
    card = write_card(folder, result, training_folder(params.output) / "bundle", record.importance, verdict)
    _log(registry, record.run_id, [*_write_pages(folder, result, verdict), card.path])
    registry.describe_version(record.version, card.summary, record.run_id)
    if not verdict.accepted:
        raise Stop(*verdict.refusals)

    registry.promote(record.version)
    echo(f"champion is version {record.version}, exported to {params.champion}")
    for gate in verdict.gates:
        echo(f"  {gate.words}")
    for note in (*verdict.notes, *verdict.signed):
        echo(f"  {note}")
    echo(f"page: {params.output / 'evaluate' / 'promotion.html'}")
    echo(registry.link(record.run_id))


def _mend(registry: Registry, echo: Echo) -> tuple[bool, ModelError | None]:
    """Export the registry's champion again where the folder is not it: whether that was done, or why not."""
    from churn.errors import ModelError

    try:
        repair = registry.repair()
    except ModelError as error:
        return False, error
    if repair is None:
        return False, None
    echo.warn(f"{repair.problem} Version {repair.version} is exported again: it is the registry's champion.")
    return True, None


def _evaluation(params: Params, digest: str, *, is_damaged: bool) -> EvaluationResult:
    """Read the evaluation, which must be of the challenger and compared with the current champion.

    Args:
        params: The parameters.
        digest: The digest of the challenger.
        is_damaged: Whether the champion may be damaged beyond repair, and so unreadable.
    """
    from churn.errors import CallError, ModelError
    from churn.evaluation.champion import check_same_champion
    from churn.evaluation.result import EvaluationResult
    from churn.model.bundle import load_champion_if_any

    folder = params.output / "evaluate"
    result = EvaluationResult.read(folder / "metrics.json")
    if result.model.digest != digest:
        raise CallError(
            f"{folder}: it judged version {result.model.version}, but another challenger was "
            "trained since. Run `churn evaluate` again."
        )
    try:
        champion = load_champion_if_any(params.champion, params.engine.threads)
    except ModelError:
        if not is_damaged:
            raise
    else:
        check_same_champion(result, champion, folder)
    return result


def _log(registry: Registry, run_id: str, pages: Sequence[Path]) -> None:
    """Log the pages into the challenger's run."""
    with registry.run("train", run_id):
        for page in pages:
            registry.log_file(page, "evaluate")


def _write_pages(folder: Path, result: EvaluationResult, verdict: Verdict) -> Sequence[Path]:
    """Write promotion.json and the pages for people beside it."""
    from churn.data.files import write_atomically
    from churn.promotion.record import Promotion
    from churn.reporting.promotion_page import render_promotion
    from churn.training.challenger import PROMOTION

    version = result.model.version
    Promotion.of(result.model, verdict).write(folder)
    lines = [
        f"# Promotion of version {version}: {'accepted' if verdict.accepted else 'refused'}",
        "",
        *(f"- {gate.outcome}: {gate.words}" for gate in verdict.gates),
        *(f"- note: {note}" for note in verdict.notes),
        *(f"- signed off: {reason}" for reason in verdict.signed),
    ]
    write_atomically(folder / "promotion.md", ("\n".join(lines) + "\n").encode())
    write_atomically(folder / "promotion.html", render_promotion(result, verdict).encode())
    return [folder / name for name in PROMOTION]


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("promote"))
