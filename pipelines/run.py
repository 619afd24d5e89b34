"""The whole way, from raw tables to tonight's call list and report."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from churn.errors import Stop
from churn.params import Params

if TYPE_CHECKING:
    from pipelines.cli import Say


def run(params: Params, *, cutoff: date | None = None, say: Say) -> int | None:
    """Ingest, snapshot, train, evaluate, promote, score and report.

    When promotion is refused the standing champion scores, which is said.

    Raises:
        Stop: promotion is refused and there is no champion yet.
    """
    from churn.model.registry import has_champion, page_of_experiment
    from churn.reporting.pages import report_path
    from churn.scoring.sink import calls_path
    from pipelines import evaluate, promote, report, score, snapshot, train
    from pipelines.ingest import ensure_store

    store = ensure_store(params, say)
    night = store.cutoff_or_tonight(cutoff)
    snapshot.run(params, say=say)
    train.run(params, say=say)
    evaluate.run(params, say=say)
    try:
        promote.run(params, say=say)
    except Stop as refusal:
        if not has_champion(params):
            raise
        for problem in refusal.problems:
            say.warn(problem)
        say.warn("run: the standing champion scores tonight.")
    score.run(params, cutoff=night, say=say)
    report.run(params, cutoff=night, say=say)
    say("")
    say(f"call list  {calls_path(params.output, night)}")
    say(f"report     {report_path(params.output)}")
    say(f"MLflow     {page_of_experiment(params)}")
    return None


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("run"))
