"""Turn raw tables into labelled snapshots, one per cutoff."""

from __future__ import annotations

from datetime import date

from churn.data.store import Store
from churn.features.engine.matrix import cohorts_at
from churn.features.library import select_signals
from churn.guards.run import guard_report
from churn.guards.sign_off import SignOffs, finding_lines
from churn.labels.calendar import snapshot_cutoffs
from churn.labels.truth_sheet import truth_sheet
from churn.params import LabelWords, Params
from churn.snapshots.manifest import SnapshotManifest
from churn.snapshots.write import write_snapshots
from pipelines.echo import Echo
from pipelines.ingest import ensure_store


def run(params: Params, *, cutoff: date | None = None, echo: Echo, store: Store | None = None) -> int | None:
    """Write `output/snapshots` and the truth sheet for the cutoffs of params.yaml, or for `--cutoff` only.

    The truth sheet counts the outcomes of the customers at each cutoff.

    Args:
        params: The parameters.
        cutoff: The only cutoff; by default the cutoffs of params.yaml.
        echo: Prints lines, warnings and progress.
        store: The store, if the caller has opened it; by default it is opened, and written if it is outdated.

    Raises:
        Stop: too many customers come back after they "left", and no person has accepted this.
    """
    store = store or ensure_store(params, echo)
    if cutoff is not None:
        cutoff = store.cutoff_or_tonight(cutoff)
    signals = select_signals(params, store)
    cutoffs = (cutoff,) if cutoff else snapshot_cutoffs(store)
    sheet = truth_sheet(store, cohorts_at(store, cutoffs))
    sheet.write(params.output)
    sheet.check_reactivation()
    report = guard_report(store, signals, cutoffs, echo.progress, echo.warn)
    lines = finding_lines(report.found, SignOffs.of(params), "check.accept")
    echo.report(*lines)  # before the long work, which a leak would spoil
    with echo.progress("snapshot", store.n_customers) as advance:
        manifest = write_snapshots(store, signals, advance, only=cutoff, guards=report)
    echo.report(_lines(manifest, params.label.words))
    return None


def _lines(manifest: SnapshotManifest, words: LabelWords) -> list[str]:
    """Return the lines about the content of the snapshots."""
    lines = [f"snapshots: {len(manifest.cutoffs)} cutoffs, {len(manifest.signals)} signals"]
    for day, facts in manifest.cutoffs.items():
        left = (
            f"label matures on {facts.mature_on}"
            if facts.left is None
            else f"{facts.left:,} {words.happened}"
        )
        lines.append(f"  {day}: {facts.rows:,} customers {words.candidates}, {left}")
    return lines


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("snapshot"))
