"""Print the truth sheet: how many customers of each cohort had each outcome, and how many were excluded."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from churn.data.files import write_atomically
from churn.data.store import Store
from churn.features.engine.matrix import cohorts_at
from churn.labels.calendar import snapshot_cutoffs
from churn.labels.horizon import MAX_RETURN, suggest_horizon
from churn.labels.kaplan_meier import ReturnCurve
from churn.labels.outcomes import HOW_LEFT
from churn.labels.truth_sheet import truth_sheet
from churn.metrics.interval import format_interval
from churn.params import LabelParams, Params
from churn.reporting.console import reactivation_line, truth_table
from churn.reporting.plots.level import write_horizon_plot
from pipelines.echo import Echo
from pipelines.ingest import ensure_store


def run(params: Params, *, cutoff: date | None = None, horizon: bool = False, echo: Echo) -> int | None:
    """Print how many customers had each outcome at each cutoff, and write these numbers to `output/label`.

    No signal is computed.

    Args:
        params: The parameters.
        cutoff: The only cutoff at which to count; None counts at the cutoff of every snapshot.
        horizon: Whether to suggest a horizon and print the chance that a silent customer comes back, instead
            of counting outcomes.
        echo: Prints lines, warnings and progress.

    Raises:
        Stop: too many silent customers come back, or there is too little data to suggest a horizon.
    """
    store = ensure_store(params, echo)
    if horizon:
        _suggest_horizon(store, params.output / "label", echo)
        return None
    cutoffs = (store.cutoff_or_tonight(cutoff),) if cutoff else snapshot_cutoffs(store)
    label = params.label
    echo(
        f"label {params.label_id}: {label.kind}, {_what_counts(label)} in [cutoff + {label.gap_days} d, "
        f"cutoff + {label.gap_days + label.horizon_days} d); watermark {store.watermark}"
    )
    sheet = truth_sheet(store, cohorts_at(store, cutoffs))
    lines = [*truth_table(sheet), reactivation_line(sheet)]
    echo.report(f"  {line}" for line in lines if line)
    sheet.write(params.output)
    sheet.check_reactivation()
    return None


def _what_counts(label: LabelParams) -> str:
    """Return in words what makes a customer a churner, or which other event the label counts."""
    if not label.is_event:
        return HOW_LEFT[label.leaving]
    where = f" where {label.where}" if label.where else ""
    return f"{label.words.happened}, a row of {label.core_table}{where},"


def _suggest_horizon(store: Store, folder: Path, echo: Echo) -> None:
    horizon = suggest_horizon(store)
    curve = horizon.curve
    write_atomically(folder / "horizon.json", (json.dumps(horizon.as_json(), indent=1) + "\n").encode())
    write_horizon_plot(folder, horizon)
    echo(
        f"{horizon.silences:,} silences of {horizon.table}, followed for {curve.followed_days} days, "
        f"before {horizon.before}"
    )
    if horizon.suggested_days is None:
        half = curve.followed_days // 2
        echo(
            f"  no horizon is suggested: after {half} silent days, {_returns_after(curve, half)}. A "
            f"horizon is suggested only if at most {MAX_RETURN:.0%} of the customers come back after it. The "
            f"data are too short to judge a silence of more than {half} days. For example, a silence of 10 "
            "days can be judged only if the data also cover the next 10 days. Ingest more history, or accept "
            "that customers come back, and write the reason in the parameters: label: {accept_reactivation: "
            "the reason}."
        )
    for name, days in (("suggested", horizon.suggested_days), ("in the parameters", horizon.requested_days)):
        if days is not None:
            echo(f"  {name}: label.horizon_days: {days}, after which {_returns_after(curve, days)}")
    echo(f"  see {folder / 'horizon.png'}")


def _returns_after(curve: ReturnCurve, days: int) -> str:
    """Return in words what share of the customers who are silent for `days` days come back later."""
    chance = curve.after(days)
    if chance is None:
        return "no customer can be followed"
    return f"{format_interval(chance, 1, percent=True)} come back later"


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("label"))
