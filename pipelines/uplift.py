"""Learn whom a contact helps; accept a model only if it beats choosing customers by their churn risk."""

from __future__ import annotations

from datetime import date

from churn.data.store import Store
from churn.errors import CallError, Stop
from churn.experiments.ledger import Ledger, read_ledger, read_whole_ledger
from churn.experiments.outside import label_nights, measure_outside
from churn.experiments.unit_outcomes import read_labels
from churn.features.definition import definitions
from churn.features.engine.matrix import matrix_at
from churn.features.library import all_signals, select_signals
from churn.model.registry import Registry
from churn.params import Params
from churn.reporting.uplift_lines import uplift_lines, uplift_metrics
from churn.scoring.playbook import read_playbook
from churn.uplift.files import write_model, write_result
from churn.uplift.ledger_sample import ledger_sample
from churn.uplift.measure import SampleFacts, UpliftTerms, measure_uplift
from churn.uplift.outside_sample import outside_samples
from churn.uplift.result import CONTACTS, FORMAT, MeasuredUplift, UpliftResult
from churn.uplift.sample import Sample
from pipelines.echo import Echo
from pipelines.ingest import ensure_store
from pipelines.measure import outside_as_of, read_outside_units


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> int | None:
    """Compare two ways to choose contacts, by the predicted effect and by the risk, at equal budgets.

    The result goes to `output/uplift` and to MLflow. A model of the effect that beats the choice by risk is
    accepted and goes to `output/uplift/models`.

    Args:
        params: The parameters.
        cutoff: Use outcomes known before this date; by default all outcomes.
        echo: Prints lines, warnings and progress.

    Raises:
        Stop: the ledger has no scored night, and params.yaml names no experiment that the company ran by
            itself (`experiments.outside`).
        PlaybookError: the playbook has mistakes.
        SourceError: the rows of an experiment that the company ran by itself may be wrong, so they cannot be
            used.
        CallError: the cutoff is after the watermark (the end of the data), or the label is of kind event.
    """
    outside = outside_as_of(params, cutoff, "uplift", echo)
    needs_label = any(experiment.has_label for experiment in outside)
    ledger = read_ledger(params.output, cutoff) if cutoff else read_whole_ledger(params.output)
    if needs_label or ledger.nights or not outside:
        _refuse_event_label(params)
    if not outside and not ledger.nights:
        raise Stop(
            f"{params.output / 'ledger'}: there is no scored night, and experiments.outside in "
            f"{params.file} names no experiment. Without a scored night or an experiment, no effect can "
            "be learnt. Score nights with `churn score`, or name an experiment with its arms, its outcome "
            "and its covariates."
        )
    units = read_outside_units(params, outside)
    store = ensure_store(params, echo) if ledger.nights or needs_label else None
    day = store.cutoff_or_tonight(cutoff) if store else None
    labels = read_labels(store, label_nights(units), day) if store and day and needs_label else None
    settings = params.experiments.uplift
    terms = UpliftTerms(settings.contact_share, settings.seed, params.engine.threads)
    samples: list[tuple[Sample, SampleFacts]] = []
    if store and day and ledger.nights:
        samples.append(_contacts(params, store, ledger, day))
    for experiment, own in zip(outside, units, strict=True):
        samples += outside_samples(experiment, own, measure_outside(experiment, own, labels), labels)
    experiments: list[MeasuredUplift] = []
    for sample, facts in samples:
        measured, model = measure_uplift(sample, facts, terms)
        if model is not None:
            known: dict[str, object] = {
                "experiment": facts.name,
                "treatment": facts.treatment,
                "label_id": params.label_id,
            }
            if facts.name == CONTACTS:
                digests = definitions(all_signals(params).values())
                known |= {"definitions": {name: digests[name] for name in model.names if name in digests}}
            measured = measured.model_copy(update={"model_digest": write_model(params.output, model, known)})
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


def _refuse_event_label(params: Params) -> None:
    """Refuse a label of kind event, because `churn uplift` learns only how much a contact lowers churn.

    Raises:
        CallError: the label is of kind event.
    """
    if params.label.is_event:
        raise CallError(
            f"{params.locate('label.kind')} is event. But `churn uplift` learns which customers a contact "
            "keeps from leaving, so it would treat each event as a loss. `churn measure` "
            "shows for each play how much more often the event happens because of the play. `churn uplift` "
            "needs a label of kind contract or inactivity (`--set label.kind=...`)."
        )


def _contacts(params: Params, store: Store, ledger: Ledger, day: date) -> tuple[Sample, SampleFacts]:
    """Return the contacts of the ledger as a sample from which a model can learn."""
    known_signals = all_signals(params)
    playbook = read_playbook(
        params.score.playbook,
        {name: signal.kind for name, signal in known_signals.items()},
        params.score.language,
        set(params.events),
        is_event=params.label.is_event,
    )
    signals = select_signals(params, store)
    return ledger_sample(
        ledger,
        read_labels(store, set(ledger.tasks["planned_on"]), day),
        lambda night: matrix_at(store, signals, night).frame,
        playbook.measured_list_plays,
    )


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("uplift"))
