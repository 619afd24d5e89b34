"""Check the tables against their data contracts, list what they hold, and look for leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from churn.data.check import describe_tables
from churn.data.store import Store
from churn.errors import CallError, Stop
from churn.features.engine.matrix import cohorts_at
from churn.features.library import availability, select_signals
from churn.features.signal import Signal
from churn.finding import Finding
from churn.guards import proofs
from churn.guards.run import GUARDS, guard_report, guard_report_path, review
from churn.guards.sign_off import SignOffs, group_findings, group_sentence, sign_off_hint
from churn.labels.calendar import latest_matured_cutoff, snapshot_cutoffs
from churn.labels.truth_sheet import truth_sheet
from churn.params import Params
from churn.reporting.console import truth_table
from pipelines.echo import Echo
from pipelines.ingest import ensure_store

MAX_PROOF_CUTOFFS = 3
"""The proof of the signals uses at most this many cutoffs, spread over the cutoffs of the snapshots."""
MAX_NAMES_LISTED = 4
"""At most this many signals that are off for one reason are named; the others are counted."""


def run(params: Params, *, cutoff: date | None = None, echo: Echo, prove: bool = False) -> int | None:
    """Print the tables, the possible signals, the cohort at an example cutoff, and what the guards find.

    Args:
        params: The parameters.
        cutoff: The example cutoff; by default the latest cutoff with a known label.
        echo: Prints lines, warnings and progress.
        prove: Also compute signals again from altered data, to prove that no signal sees the future.

    Raises:
        Stop: a guard found a reason to stop, and no person has accepted the finding.
    """
    store = ensure_store(params, echo)
    echo.report(describe_tables(store))
    _list_signals(params, store, echo)
    _list_cohort(params, store, cutoff, echo)
    _look(params, store, echo, prove)
    return None


def _list_signals(params: Params, store: Store, echo: Echo) -> None:
    entries = availability(params, store)
    signals = [entry.signal for entry in entries if entry.off_because is None]
    echo(f"signals: {len(signals)} possible; `churn signals` lists their names and meanings")
    counts = Counter(signal.family for signal in signals)
    if counts:
        echo(f"  {', '.join(f'{family} {counts[family]}' for family in counts)}")
    for reason in dict.fromkeys(entry.off_because for entry in entries if entry.off_because):
        names = [entry.signal.name for entry in entries if entry.off_because == reason]
        further_text = f" and {len(names) - MAX_NAMES_LISTED} more" if len(names) > MAX_NAMES_LISTED else ""
        echo(f"  off, {reason}: {', '.join(names[:MAX_NAMES_LISTED])}{further_text}")


def _list_cohort(params: Params, store: Store, cutoff: date | None, echo: Echo) -> None:
    sample = store.cutoff_or_tonight(cutoff) if cutoff else latest_matured_cutoff(store)
    echo(
        f"label {params.label_id}; the data are complete up to {store.watermark}; the customers at one "
        "cutoff, as an example:"
    )
    echo.report(f"  {line}" for line in truth_table(truth_sheet(store, cohorts_at(store, [sample]))))


def _look(params: Params, store: Store, echo: Echo, prove: bool) -> None:
    """Print what the guards find; raise `Stop` if a guard says stop and nobody has accepted the finding."""
    signals = select_signals(params, store)
    cutoffs: tuple[date, ...] = ()
    try:
        cutoffs = snapshot_cutoffs(store)
    except (CallError, Stop) as error:
        echo.warn(f"the guards that need labels find nothing without cutoffs: {error.problems[0]}")
    _warn_of_returns(params, store, cutoffs, echo)
    report = guard_report(store, signals, cutoffs, echo.progress, echo.warn)
    guards, proof_findings = [*GUARDS], []
    if prove:
        proof_findings = _prove(params, store, signals, cutoffs, echo)
        guards += proofs.PROOFS
    result = review([*report.found, *proof_findings], SignOffs.of(params), guards)
    reasons = dict(result.signed_off)
    for group in group_findings([*reasons], reasons.__getitem__):
        echo(f"signed off: {group_sentence(group)} Accepted: {reasons[group[0]]}")
    for group in group_findings(result.warnings):
        echo.warn(f"{group_sentence(group)} {sign_off_hint(group, 'check.accept')}")
    for message in result.idle_keys:
        echo.warn(message)
    counts = f"{len(result.stops)} say stop, {len(result.warnings)} warn, {len(reasons)} signed off"
    scope = "All findings but those of the proofs" if proof_findings else "All findings"
    file = f" {scope}: {guard_report_path(params.output)}" if report.found else ""
    echo(f"guards: {len(guards)} looked; {counts}.{file}")
    if result.stops:
        raise Stop(
            *map(group_sentence, group_findings(result.stops)),
            f"check: {len(result.stops)} {'findings say' if len(result.stops) > 1 else 'finding says'} stop. "
            "Fix the cause of each finding before you train, or accept the finding with a reason in "
            f"{params.locate('check')}: {{accept: {{PLACE or GUARD: the reason}}}}.",
        )
    n_warnings = len(result.warnings)
    plural = "s" if n_warnings > 1 else ""
    advice = f"Read the {n_warnings} warning{plural} above, then call" if n_warnings else "Call"
    echo(f"check: no finding says stop. {advice} `churn run`.")


def _warn_of_returns(params: Params, store: Store, cutoffs: tuple[date, ...], echo: Echo) -> None:
    """Warn if `snapshot` will refuse the label because many silent customers come back."""
    if params.label.kind != "inactivity" or not cutoffs:
        return
    try:
        truth_sheet(store, cohorts_at(store, cutoffs)).check_reactivation()
    except Stop as refusal:
        echo.warn(refusal.problems[0])


def _prove(
    params: Params, store: Store, signals: Sequence[Signal], cutoffs: tuple[date, ...], echo: Echo
) -> list[Finding]:
    """Prove that no signal sees the future; return a finding for each failed proof."""
    if not cutoffs:
        return []
    last, steps = len(cutoffs) - 1, max(MAX_PROOF_CUTOFFS - 1, 1)
    sample = sorted({cutoffs[number * last // steps] for number in range(MAX_PROOF_CUTOFFS)})
    with echo.progress("prove", len(sample) * len(proofs.PROOFS)) as advance:
        findings = list(proofs.prove(store, signals, sample, params.train.seed, advance))
    echo(
        f"proofs passed: {len(signals)} signals were computed again for "
        f"{min(proofs.MAX_PROOF_CUSTOMERS, store.n_customers):,} customers at the cutoffs "
        f"{', '.join(map(str, sample))}. The proofs show: {'; '.join(proofs.PROOFS.values())}."
        if not findings
        else f"proofs failed. Findings: {len(findings)}. For each finding, the program computed a signal or "
        "the cohort again and got other values than in the snapshots."
    )
    return findings


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("check"))
