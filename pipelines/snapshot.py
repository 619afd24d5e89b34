"""Turn raw tables into labelled snapshots, one per cutoff."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from churn.params import Params
from pipelines.ingest import ensure_store

if TYPE_CHECKING:
    from pipelines.cli import Say


def run(params: Params, *, cutoff: date | None = None, say: Say) -> int | None:
    """Write `output/snapshots` for the cutoffs of params.yaml, or for `--cutoff` alone."""
    from churn.features.library import selected
    from churn.training.build import write_snapshots

    store = ensure_store(params, say)
    if cutoff is not None:
        cutoff = store.cutoff_or_tonight(cutoff)
    signals = selected(params, store)
    with say.progress("snapshot", store.n_customers) as advance:
        manifest = write_snapshots(params, store, signals, advance, only=cutoff)
    for line in told(manifest):
        say(line)
    return None


def told(manifest: dict[str, Any]) -> list[str]:
    """Return the lines that say what the snapshots hold."""
    cutoffs = manifest["cutoffs"]
    lines = [f"snapshots: {len(cutoffs)} cutoffs, {len(manifest['signals'])} signals"]
    for day, facts in cutoffs.items():
        left = f"{facts['left']:,} left" if facts["matured"] else f"label matures on {facts['mature_on']}"
        lines.append(f"  {day}: {facts['rows']:,} customers at risk, {left}")
    return lines


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("snapshot"))
