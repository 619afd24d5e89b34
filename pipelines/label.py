"""Print the truth sheet: at every cutoff who was at risk, what became of them, who is left out and why."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

from churn.params import Params
from pipelines.ingest import ensure_store

if TYPE_CHECKING:
    from churn.data.store import Store
    from churn.labels.kaplan_meier import ReturnCurve
    from pipelines.echo import Echo


def run(params: Params, *, cutoff: date | None = None, horizon: bool = False, echo: Echo) -> int | None:
    """Print counts per cutoff without computing any signal, and write them to `output/label`.

    Args:
        params: The parameters.
        cutoff: Look at this cutoff alone.
        horizon: Instead of the sheet, show how likely a silent customer comes back, and suggest a horizon.
        echo: Where lines, warnings and progress go.

    Raises:
        Stop: silence seldom means leaving here, or there is too little to tell a horizon.
    """
    from churn.features.engine.matrix import cohorts_at
    from churn.labels.calendar import snapshot_cutoffs
    from churn.labels.outcomes import HOW_LEFT
    from churn.labels.truth_sheet import truth_sheet
    from churn.reporting.console import reactivation_line, truth_table

    store = ensure_store(params, echo)
    if horizon:
        _echo_horizon(params, store, echo)
        return None
    cutoffs = (store.cutoff_or_tonight(cutoff),) if cutoff else snapshot_cutoffs(params, store)
    label = params.label
    echo(
        f"label {params.label_id}: {label.kind}, {HOW_LEFT[label.leaving]} in [cutoff + {label.gap_days} d, "
        f"cutoff + {label.gap_days + label.horizon_days} d); watermark {store.watermark}"
    )
    sheet = truth_sheet(store, cohorts_at(store, cutoffs))
    for line in [*truth_table(sheet), reactivation_line(sheet)]:
        echo(f"  {line}")
    sheet.write()
    sheet.refuse_what_comes_back()
    return None


def _echo_horizon(params: Params, store: Store, echo: Echo) -> None:
    from churn.data.files import write_atomically
    from churn.labels.horizon import MAX_RETURN, suggest_horizon
    from churn.reporting.plots.horizon import write_horizon_plot

    found = suggest_horizon(store)
    folder = params.output / "label"
    write_atomically(folder / "horizon.json", (json.dumps(found.stated(), indent=1) + "\n").encode())
    write_horizon_plot(folder, found)
    followed = found.curve.followed_days
    echo(f"{found.silences:,} silences of {found.table}, followed for {followed} days, before {found.before}")
    if found.suggested is None:
        half = followed // 2
        echo(
            f"  no horizon is suggested: after {half} silent days {_told(found.curve, half)}, "
            f"more than {MAX_RETURN:.0%}, and a longer silence cannot be followed for as long again. "
            "Ingest more history, or sign off what comes back"
        )
    for name, days in (("suggested", found.suggested), ("asked for", found.asked)):
        if days is not None:
            echo(f"  {name}: label.horizon_days: {days}, after which {_told(found.curve, days)}")
    echo(f"  see {folder / 'horizon.png'}")


def _told(curve: ReturnCurve, days: int) -> str:
    from churn.metrics.interval import format_interval

    chance = curve.after(days)
    if chance is None:
        return "the data cannot follow anybody"
    return f"{format_interval(chance, 1, percent=True)} come back later"


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("label"))
