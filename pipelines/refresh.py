"""What `churn train --refresh` does: the champion's model stays, its level moves to newer labels."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn.params import Params
    from pipelines.echo import Echo


def refresh_champion(params: Params, cutoff: date | None, echo: Echo) -> None:
    """Register the champion with a moved level as challenger; where its level holds, say so and stop there.

    Raises:
        ModelError: there is no champion.
        Stop: no label has matured since it learnt, or a test cutoff cannot judge it.
    """
    import shutil

    from churn.data.files import replace_folder
    from churn.guards.model.run import data_findings, look_at_training, with_the_data
    from churn.guards.sign_off import GUARDS
    from churn.model.bundle import write_bundle, write_json
    from churn.model.champion import BUNDLE, load_champion
    from churn.model.registry import Registry
    from churn.model.scorer import read_bundle
    from churn.reporting.mlflow_log import FILES, params_of, run_name
    from churn.snapshots.read import read_snapshots
    from churn.training.calibration import Choice
    from churn.training.challenger import Record, training_folder, write_record
    from churn.training.describe import importance
    from churn.training.fitted_model import Fitted
    from churn.training.recipe import Recipe
    from churn.training.refresh import check_tests, refresh
    from churn.training.select import choose, folds_of
    from churn.training.split import plan
    from pipelines.findings import echo_earlier_findings, echo_findings

    snapshots = read_snapshots(params, known_by=cutoff)
    champion = load_champion(params)
    refreshed = refresh(champion, snapshots)
    spec = refreshed.spec
    found = (
        f"champion version {champion.version} at {', '.join(spec['refreshed']['cutoffs'])}, which it had not "
        f"seen: {refreshed.leavers:,} customers left, observed/expected {refreshed.ratio:.2f}"
    )
    if not refreshed.by:
        echo(f"{found}. Its level holds: nothing to refresh.")
        return
    asked = params.evaluate.test_cutoffs
    cutoffs = plan(snapshots.rows, snapshots.mature_on, asked, params.label.horizon_days, params.file)
    check_tests(refreshed, cutoffs.test)
    guarded = look_at_training(params, snapshots, cutoffs)
    echo_earlier_findings(data_findings(snapshots), params, echo, "snapshot")
    echo_findings(guarded, params, echo)

    alone = params.train.model_copy(update={"candidates": ("logistic",)})
    rival = choose(folds_of(snapshots, cutoffs), snapshots.monotone, alone, params.engine.threads)
    files = read_bundle(params.champion / BUNDLE)
    boosters = {name: text for name, text in files.items() if name != "spec.json"}
    levels = {one["name"]: tuple(one["levels"]) for one in spec["signals"] if one["kind"] == "level"}
    fitted = Fitted(tuple(champion.scorer.names), levels, spec["members"], boosters)
    aside = params.output / ".train.new"
    shutil.rmtree(aside, ignore_errors=True)
    digest = write_bundle(aside / "bundle", spec, boosters)
    registry = Registry(params)
    with registry.run("refresh") as run_id:
        record = Record(
            model=params.tracking.model,
            version=registry.register(aside / "bundle"),
            run_id=run_id,
            digest=digest,
            snapshots_digest=snapshots.digest,
            recipe=Recipe(**spec["recipe"]).with_calibration("shifted"),
            calibration=Choice("shifted", {}),
            chosen_by=cutoffs.chosen_by,
            choice_cutoffs=tuple(day for day in cutoffs.choice if day in refreshed.made.cutoffs),
            tried=(),
            logistic=rival.logistic,
            importance=importance(fitted, snapshots.rows, params.engine.threads),
        )
        write_record(aside, record, refreshed.made, snapshots)
        write_json(aside / GUARDS, with_the_data(snapshots, guarded))
        registry.describe_run(
            run_name(record.version, f"refresh of v{champion.version}", snapshots.cutoffs[-1]),
            version=record.version,
            digest=digest,
            files=[aside / name for name in FILES if (aside / name).exists()],
        )
        registry.log(
            params=params_of(params, snapshots, record)
            | {
                "refresh.version": champion.version,
                "refresh.cutoffs": ", ".join(spec["refreshed"]["cutoffs"]),
            },
            metrics={"refresh/shift_log_odds": refreshed.by, "refresh/observed_expected": refreshed.ratio},
        )
    replace_folder(aside, training_folder(params))
    echo(f"{found}. Its log-odds move by {refreshed.by:+.2f}.")
    echo(
        f"challenger version {record.version}: `churn evaluate` and `churn promote` judge it like any other."
    )
    echo(registry.link(run_id))
