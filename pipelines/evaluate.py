"""Judge challenger, champion and baselines on the test cutoffs."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from churn.params import Params
    from churn.training.backtest import OutOfTime
    from churn.training.record import Record
    from churn.training.snapshots import Snapshots
    from churn.training.split import Plan
    from pipelines.cli import Say


def run(params: Params, *, cutoff: date | None = None, say: Say) -> None:
    """Predict each test cutoff with what was known by then, and measure with intervals.

    Args:
        params: The parameters.
        cutoff: Evaluate as if on this date: only labels known by then.
        say: How to speak to the user.

    Raises:
        CallError: nothing was trained, or on other snapshots, or with choices made after a test cutoff.
        Stop: no matured cutoff leaves an earlier one to train on.
    """
    from churn.errors import Stop
    from churn.model.bundle import write_json
    from churn.training.backtest import baseline_predictions, calibrated_in_time
    from churn.training.baselines import recency_signals
    from churn.training.evaluation import judge_all, predictions_frame, rates
    from churn.training.gates import span, too_good
    from churn.training.plots import write_plots
    from churn.training.record import PROMOTION, read_record, training_folder
    from churn.training.snapshots import read_snapshots
    from churn.training.split import plan

    snapshots = read_snapshots(params, known_by=cutoff)
    record = read_record(params)
    cutoffs = plan(snapshots.rows, snapshots.mature_on, params.evaluate.test_cutoffs)
    if not cutoffs.test:
        raise Stop(
            "evaluate: no matured cutoff leaves an earlier matured one to train on. "
            "Add earlier cutoffs to snapshot in params.yaml."
        )
    record.check_fits(snapshots, cutoffs.test[0], training_folder(params))
    rows = snapshots.rows.at(cutoffs.test)

    with say.progress("evaluate", 3) as advance:
        made = _out_of_time(params, snapshots, record, cutoffs)
        advance()
        seen = recency_signals(snapshots.signals, params.label.core_table)
        predictions = {"challenger": calibrated_in_time(snapshots, record.recipe, made, cutoffs.test)}
        predictions |= baseline_predictions(snapshots, cutoffs.test, seen, params.engine.threads)
        champion, notes = _champion(params, snapshots, cutoffs)
        predictions |= champion
        advance()
        asked = params.evaluate
        judged = judge_all(
            rows, predictions, share=asked.contact_share, draws=asked.bootstrap, seed=asked.seed
        )
        advance()

    evaluated: dict[str, Any] = {
        "model": {
            "name": record.model,
            "version": record.version,
            "run_id": record.run_id,
            "digest": record.digest,
        },
        "cutoffs": [day.isoformat() for day in cutoffs.test],
        "before": rates(snapshots.rows.at([day for day in snapshots.cutoffs if day < cutoffs.test[0]])),
        "contact_share": asked.contact_share,
        "candidates": judged.candidates,
        "paired": judged.paired,
        "by_cutoff": judged.by_cutoff,
        "calibration_table": judged.calibration_table,
        "gain_table": judged.gain_table,
        "calibration": {"chosen": record.calibration.method, "tried": dict(record.calibration.tried)},
        "importance": [{"signal": name, "share": share} for name, share in record.importance.items()],
        "notes": notes,
    }
    folder = params.output / "evaluate"
    for name in PROMOTION:  # they judged an earlier evaluation
        (folder / name).unlink(missing_ok=True)
    write_json(folder / "metrics.json", evaluated)
    aside = folder / ".predictions.parquet.aside"
    predictions_frame(rows, predictions, snapshots.customers).to_parquet(aside, index=False)
    aside.replace(folder / "predictions.parquet")
    write_plots(folder / "plots", evaluated, record.importance)
    _write_card(params, record, folder)
    link = _log(params, record, folder)

    ours = evaluated["candidates"]["challenger"]
    say(
        f"challenger version {record.version} on {len(cutoffs.test)} test cutoffs, {ours['rows']:,} rows, "
        f"{ours['churners']:,} churners:"
    )
    say(
        f"  AUC {span(ours['auc'])}, "
        f"lift at {asked.contact_share:.0%} {span(ours['lift_at_contact_share'], 2)}, "
        f"observed/expected {span(ours['observed_expected'], 2)}"
    )
    for name, difference in judged.paired.items():
        say(f"  log loss, {name.replace('_', ' ')}: {span(difference['log_loss'], 4)}")
    for note in notes.values():
        say(f"  {note}")
    if found := too_good(evaluated):
        say.warn(f"challenger {found}; that is usually a leak. `churn promote` asks for a signature.")
    say(f"card: {folder / 'card.md'}")
    say(link)


def _out_of_time(params: Params, snapshots: Snapshots, record: Record, cutoffs: Plan) -> OutOfTime:
    """Return out-of-time predictions: those that train kept where they cover the cutoffs, else new ones."""
    from churn.training.backtest import out_of_time
    from churn.training.record import read_out_of_time

    needed = tuple(sorted({*record.choice_cutoffs, *cutoffs.test}))
    kept = read_out_of_time(params, snapshots)
    if kept is not None and set(needed) <= set(kept.cutoffs):
        return kept.at(needed)
    return out_of_time(snapshots, record.recipe, needed, params.engine.threads)


def _champion(params: Params, snapshots: Snapshots, cutoffs: Plan) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the champion's predictions where it had not seen the cutoffs, else a note that says why not."""
    from churn.model.champion import load_champion
    from churn.model.scorer import SchemaError
    from churn.training.backtest import champion_predictions

    if not params.champion.exists():
        return {}, {"champion": "There is no champion yet."}
    champion = load_champion(params)
    name = f"The champion (version {champion.version})"
    if champion.scorer.spec["label_id"] != params.label_id:
        return {}, {"champion": f"{name} predicts another label, so it is not compared."}
    try:
        probability, unseen = champion_predictions(snapshots, champion.scorer, cutoffs.test)
    except SchemaError as error:
        return {}, {"champion": f"{name} cannot be scored on these snapshots: {error.problems[0]}"}
    if not unseen:
        return {}, {"champion": f"{name} has seen these cutoffs, so it is not compared."}
    notes = {}
    if len(unseen) < len(cutoffs.test):
        notes["champion"] = (
            f"{name} is compared on {', '.join(map(str, unseen))} only; it has seen the others."
        )
    return {"champion": probability}, notes


def _write_card(params: Params, record: Record, folder: Path) -> None:
    import json

    from churn.data.files import write_whole
    from churn.training.card import card
    from churn.training.record import training_folder

    spec = json.loads((training_folder(params) / "bundle" / "spec.json").read_text(encoding="utf-8"))
    evaluated = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    write_whole(folder / "card.md", card(evaluated, spec, record.importance).encode())


def _log(params: Params, record: Record, folder: Path) -> str:
    """Log the evaluation into the challenger's run, a child run per candidate; return the link."""
    import json

    from churn.model.registry import Registry

    evaluated = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    registry = Registry(params)
    with registry.run("train", record.run_id):
        registry.log(metrics=_flat(evaluated["candidates"]["challenger"]))
        registry.log(
            metrics={
                f"{name}.{metric}": value["value"]
                for name, pair in evaluated["paired"].items()
                for metric, value in pair.items()
                if metric == "log_loss"
            },
            tags={"mlflow.note.content": (folder / "card.md").read_text(encoding="utf-8")},
        )
        registry.count_look(
            record.run_id, params.label_id, [date.fromisoformat(day) for day in evaluated["cutoffs"]]
        )
        registry.log_tree(folder)
        for name, numbers in evaluated["candidates"].items():
            with registry.child(record.run_id, name):
                registry.log(params={"candidate": name}, metrics=_flat(numbers))
    return registry.link(record.run_id)


def _flat(numbers: dict[str, Any]) -> dict[str, float]:
    """Return metrics under the same names in every run: `auc`, `auc_low`, `auc_high`."""
    flat: dict[str, float] = {}
    for name, one in numbers.items():
        if isinstance(one, dict):
            flat |= {name if part == "value" else f"{name}_{part}": each for part, each in one.items()}
        else:
            flat[name] = one
    return {name: value for name, value in flat.items() if value is not None}


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("evaluate"))
