"""Learn whom a contact helps, and use it only if that is better than the risk."""

from __future__ import annotations

from datetime import date

from churn.errors import Stop
from churn.experiments.outside import label_nights, measure_outside
from churn.experiments.unit_outcomes import read_labels
from churn.model.registry import Registry
from churn.params import Params
from churn.reporting.uplift_lines import uplift_lines, uplift_metrics
from churn.uplift.files import write_model, write_result
from churn.uplift.measure import UpliftTerms, measure_uplift
from churn.uplift.outside_sample import outside_samples
from churn.uplift.result import FORMAT, MeasuredUplift, UpliftResult
from pipelines.echo import Echo
from pipelines.ingest import ensure_store
from pipelines.measure import outside_as_of, read_outside_units, refuse_event_label


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> int | None:
    """Compare contacts by the predicted effect with contacts by the risk, at equal budget.

    The result goes to `output/uplift` and to MLflow, and an accepted model too.

    Args:
        params: The parameters.
        cutoff: Use outcomes known before this date; by default all.
        echo: Prints lines, warnings and progress.

    Raises:
        Stop: there is no experiment.
        SourceError: the rows of an experiment of the company cannot be used for certain.
        CallError: the cutoff lies after the data, or the label is of kind event.
    """
    outside = outside_as_of(params, cutoff, "uplift", echo)
    needs_label = any(experiment.has_label for experiment in outside)
    if needs_label or not outside:
        refuse_event_label(params, "uplift")
    if not outside:
        raise Stop(
            f"{params.file}: experiments.outside names no experiment, so there is nothing to learn from. "
            "Name one with its arms, its outcome and its covariates."
        )
    units = read_outside_units(params, outside)
    store = ensure_store(params, echo) if needs_label else None
    day = store.cutoff_or_tonight(cutoff) if store else None
    labels = read_labels(store, label_nights(units), day) if store and day else None
    settings = params.experiments.uplift
    terms = UpliftTerms(settings.contact_share, settings.seed, params.engine.threads)
    samples = [
        sample
        for experiment, own in zip(outside, units, strict=True)
        for sample in outside_samples(experiment, own, measure_outside(experiment, own, labels), labels)
    ]
    experiments: list[MeasuredUplift] = []
    for sample, facts in samples:
        measured, model = measure_uplift(sample, facts, terms)
        if model is not None:
            digest = write_model(
                params.output, model, {"experiment": facts.name, "treatment": facts.treatment}
            )
            measured = measured.model_copy(update={"model_digest": digest})
        experiments.append(measured)
    result = UpliftResult(format=FORMAT, as_of=day, label_id=params.label_id, experiments=tuple(experiments))
    path = write_result(params.output, result)
    echo.report(uplift_lines(result))
    echo(f"uplift: {path}")
    registry = Registry(params.tracking, params.models, params.file, echo.warn)
    name = f"uplift {day or 'experiments of the company'}"
    with registry.run(name, registry.run_named(name)) as run_id:
        registry.log(metrics=uplift_metrics(result), tags={"label_id": params.label_id})
        registry.log_file(path, path.parent.name)
    echo(registry.link(run_id))
    return 0


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("uplift"))
