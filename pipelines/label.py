"""Print the truth sheet: at every cutoff who was at risk, who left, and who is left out and why."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from churn.params import Params
from pipelines.ingest import ensure_store

if TYPE_CHECKING:
    from pipelines.cli import Say


def run(params: Params, *, cutoff: date | None = None, say: Say) -> int | None:
    """Print counts per cutoff without computing any signal."""
    from churn.features.matrix import cohorts_at
    from churn.training.build import snapshot_cutoffs
    from churn.training.label import truth_sheet

    store = ensure_store(params, say)
    cutoffs = (store.cutoff_or_tonight(cutoff),) if cutoff else snapshot_cutoffs(params, store)
    label = params.label
    say(
        f"label {params.label_id}: {label.kind}, left in [cutoff + {label.gap_days} d, "
        f"cutoff + {label.gap_days + label.horizon_days} d); watermark {store.watermark}"
    )
    for line in truth_sheet(store, cohorts_at(store, cutoffs)):
        say(f"  {line}")
    return None


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("label"))
