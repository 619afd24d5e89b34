"""Measure whether contacts helped: churn of treated customers beside their control group."""

from __future__ import annotations

from datetime import date

from churn.data.own_files import write_own_json
from churn.errors import Stop
from churn.experiments.ledger import read_ledger, read_whole_ledger
from churn.experiments.measure import measure
from churn.experiments.unit_outcomes import read_outcomes
from churn.model.registry import Registry
from churn.params import Params
from churn.reporting.effects_table import effect_lines, effect_metrics
from pipelines.echo import Echo
from pipelines.ingest import ensure_store


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> int | None:
    """Measure each experiment of the ledger on matured outcomes; write it to `output/measure` and MLflow.

    Args:
        params: The parameters.
        cutoff: Measure as of this date: earlier nights, and outcomes known by then; by default all.
        echo: Prints lines, warnings and progress.

    Raises:
        Stop: there is no night in the ledger.
        CallError: the cutoff lies after the data.
    """
    store = ensure_store(params, echo)
    day = store.cutoff_or_tonight(cutoff)
    ledger = read_ledger(params.output, day) if cutoff else read_whole_ledger(params.output)
    if not ledger.nights:
        before = f" before {cutoff}" if cutoff else ""
        raise Stop(
            f"{params.output / 'ledger'}: there is no night{before}, so nobody was assigned to an arm and "
            "there is nothing to measure. Score nights with `churn score`; outcomes are known after the "
            "horizon of the label."
        )
    effects = measure(ledger, read_outcomes(store, ledger, day), params.label_id)
    path = params.output / "measure" / "effects.json"
    write_own_json(path, effects.as_json())
    lines = effect_lines(effects)
    echo.report(lines)
    for experiment in effects.experiments:
        if experiment.ratio is not None and experiment.ratio.alarm:
            echo.warn(f"measure: {experiment.name}: the sizes of the arms do not agree with the design.")
    echo(f"effects: {path}")
    registry = Registry(params.tracking, params.models, params.file, echo.warn)
    name = f"measure {day}"
    with registry.run(name, registry.run_named(name)) as run_id:
        registry.log(metrics=effect_metrics(effects), tags={"label_id": params.label_id})
        registry.log_file(path, path.parent.name)
    echo(registry.link(run_id))
    return 0


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("measure"))
