"""Run everything, from raw tables to tonight's call list and report."""

from __future__ import annotations

from datetime import date

from churn.errors import Stop
from churn.model.bundle import load_champion
from churn.model.registry import Registry
from churn.params import Params
from churn.reporting.report import report_path
from churn.scoring.sink import calls_path
from churn.training.challenger import read_challenger
from pipelines import evaluate, promote, report, score, snapshot, train
from pipelines.echo import Echo
from pipelines.ingest import ensure_store


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> int | None:
    """Ingest, snapshot, train, evaluate, promote, score and report.

    For a night in the past (`--cutoff`), only labels that were known on that night are used in training. If
    promotion is refused, the present champion scores, with a warning.

    Raises:
        Stop: promotion is refused, and there is no champion yet.
    """
    store = ensure_store(params, echo)
    night = store.cutoff_or_tonight(cutoff)
    snapshot.run(params, echo=echo, store=store)
    known_by = None if cutoff is None else night
    train.run(params, cutoff=known_by, echo=echo)
    evaluate.run(params, cutoff=known_by, echo=echo)
    try:
        promote.run(params, echo=echo)
    except Stop as refusal:
        if not params.champion.exists():
            raise
        for problem in refusal.problems:
            echo.warn(problem)
        echo.warn(f"the present champion, version {load_champion(params.champion).version}, scores tonight.")
    score.run(params, cutoff=night, echo=echo, store=store)
    report.run(params, cutoff=night, echo=echo)
    echo("")
    echo(f"call list  {calls_path(params.output, night)}")
    echo(f"report     {report_path(params.output)}")
    registry = Registry(params.tracking, params.models, params.file)
    echo(f"MLflow     {registry.link(read_challenger(params.output).run_id)} (once `churn ui` runs)")
    return None


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("run"))
