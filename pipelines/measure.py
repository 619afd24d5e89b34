"""Measure whether contacts helped: compare the churn of treated customers and of their control group."""

from __future__ import annotations

from datetime import date

from churn.data.forgotten import read_forgotten
from churn.data.sources.connections import open_source
from churn.errors import Stop
from churn.experiments.contact_costs import read_costs
from churn.experiments.design import DEFAULT_DAYS, ExperimentDesign, design_experiments, design_terms
from churn.experiments.experiment_units import Maturity
from churn.experiments.ledger import Ledger, read_ledger, read_whole_ledger
from churn.experiments.measure import measure
from churn.experiments.measured_effects import MeasuredEffects, read_measured_effects, write_effects
from churn.experiments.outside import label_nights, measure_outside
from churn.experiments.outside_rows import OutsideUnits, read_outside
from churn.experiments.play_success import SuccessReader
from churn.experiments.result import no_effects
from churn.experiments.unit_outcomes import read_labels, read_outcomes
from churn.features.library import all_signals
from churn.labels.outcomes import label_window
from churn.model.registry import Registry
from churn.params import OutsideParams, Params
from churn.reporting.effects_table import effect_lines, effect_metrics, size_warnings
from churn.scoring.playbook import Playbook, read_playbook
from pipelines.echo import Echo
from pipelines.ingest import ensure_store


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> int | None:
    """Measure the experiments of the ledger on matured outcomes, and the experiments that the company ran by
    itself.

    The result goes to `output/measure` and to MLflow.

    Args:
        params: The parameters.
        cutoff: The date at which to measure: only nights before it count, and only outcomes that were known
            before it; by default, all nights and outcomes count.
        echo: Prints lines, warnings and progress.

    Raises:
        Stop: there is no night in the ledger, and no other experiment.
        PlaybookError: the playbook has mistakes.
        SourceError: the rows of an experiment of the company may be wrong, so they cannot be used.
        CallError: the cutoff is after the watermark.
    """
    outside = outside_as_of(params, cutoff, "measure", echo)
    needs_label = any(experiment.has_label for experiment in outside)
    ledger = read_ledger(params.output, cutoff) if cutoff else read_whole_ledger(params.output)
    event = event_of(params)
    if not ledger.nights and not outside:
        before = f" before {cutoff}" if cutoff else ""
        raise Stop(
            f"{params.output / 'ledger'}: the ledger holds no night{before}, so nobody was assigned to an "
            "arm and there is nothing to measure. Score nights with `churn score`; outcomes are known after "
            "the horizon of the label. An experiment that you ran by yourself goes under experiments.outside."
        )
    store = ensure_store(params, echo) if ledger.nights or needs_label else None
    day = store.cutoff_or_tonight(cutoff) if store else None
    units = read_outside_units(params, outside)
    if store and day and ledger.nights:
        playbook = _playbook(params)
        success_of = SuccessReader(store, params.output, ledger, playbook, day)
        effects = measure(ledger, read_outcomes(store, ledger, day), params.label_id, success_of, event)
        effects = effects.model_copy(update={"designs": _designs(params, ledger, playbook)})
        if costs := read_costs(store, ledger, day):
            effects = effects.model_copy(update={"costs": costs})
    else:
        effects = no_effects(params.label_id, event)
    labels = read_labels(store, label_nights(units), day) if store and day and needs_label else None
    measured = [measure_outside(*pair, labels, event) for pair in zip(outside, units, strict=True)]
    effects = effects.model_copy(update={"outside": tuple(measured)})
    effects = effects.model_copy(update={"erased_units": read_forgotten(params.output).erased_units})
    path = write_effects(params.output, effects)
    echo.report(effect_lines(effects))
    for warning in size_warnings(effects):
        echo.warn(warning)
    echo(f"effects: {path}")
    registry = Registry(params.tracking, params.models, params.file, echo.warn)
    name = f"measure {day or 'experiments of the company'}"
    with registry.run(name, registry.run_named(name)) as run_id:
        registry.log(metrics=effect_metrics(effects), tags={"label_id": params.label_id})
        registry.log_file(path, path.parent.name)
    echo(registry.link(run_id))
    return 0


def event_of(params: Params) -> str | None:
    """Return the name of the event that the label counts; None if it counts who leaves."""
    return params.label.words.event if params.label.is_event else None


def kept_share_of(params: Params) -> float | None:
    """Return the assumed share of churners whom a contact keeps; None if the label is not about leaving."""
    return None if params.label.is_event else params.evaluate.profit.accept_share


def outside_as_of(params: Params, cutoff: date | None, verb: str, echo: Echo) -> list[OutsideParams]:
    """Return the experiments of the company that can be measured at the cutoff."""
    experiments = params.experiments.outside
    if cutoff is None:
        return list(experiments)
    for experiment in experiments:
        if not experiment.has_label:
            echo.warn(
                f"{verb}: {experiment.name} is left out: there is no record of the day on which "
                f"'{experiment.outcome}' became known, so nobody can tell which outcomes were known on "
                f"{cutoff}."
            )
    return [experiment for experiment in experiments if experiment.has_label]


def known_effects(params: Params, night: date | None) -> MeasuredEffects:
    """Return the plays' effects and costs that were measured before a night. If the parameters forbid their
    use, return the reason.

    Args:
        params: The parameters.
        night: The cutoff of the night; None for the latest effects.

    Raises:
        SourceError: the file of the effects is damaged.
    """
    if params.experiments.effects == "assumed":
        setting = params.locate("experiments.effects")
        return MeasuredEffects(reason=f"{setting} is assumed, so what was measured is not used")
    return read_measured_effects(params.output, night, params.label_id)


def _playbook(params: Params) -> Playbook:
    signals = {name: signal.kind for name, signal in all_signals(params).items()}
    return read_playbook(
        params.score.playbook,
        signals,
        params.score.language,
        set(params.events),
        is_event=params.label.is_event,
    )


def _designs(params: Params, ledger: Ledger, playbook: Playbook) -> tuple[ExperimentDesign, ...]:
    """Return how many units (such as customers) and days each experiment needs to show an effect.

    If the share of controls in params.yaml is 0, the result is empty.
    """
    share = params.experiments.control.share
    if not share:
        return ()
    last_night, late_days = ledger.nights[-1].cutoff, params.snapshot.late_days
    mature_on = {
        night.cutoff: label_window(night.cutoff, params.label, late_days).mature_on for night in ledger.nights
    }
    designs = design_experiments(
        ledger,
        design_terms(playbook, universal_share=share, kept_share=kept_share_of(params)),
        effect=None,
        days=DEFAULT_DAYS,
        maturity=Maturity(mature_on.__getitem__, last_night),
        maturity_days=(mature_on[last_night] - last_night).days,
        is_gain=params.label.is_event,
    )
    return tuple(designs)


def read_outside_units(params: Params, experiments: list[OutsideParams]) -> list[OutsideUnits]:
    """Return the units (such as customers) of each experiment that the company ran by itself.

    The source is opened only if there are such experiments.
    """
    if not experiments:
        return []
    with open_source(params, params.output / ".scratch") as source:
        return read_outside(source, experiments, params.timezone, params.file)


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("measure"))
