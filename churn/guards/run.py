"""Run the guards of the data (if their input has changed), and apply the sign-offs of `check.accept`.

The guards of the data look for leaks and errors in tables, labels and signals before a model is trained. The
guards of the model are in `churn.guards.model`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import churn
from churn.data.files import scratch_folder
from churn.data.own_files import read_own_json, write_own_json
from churn.data.sql import Progress
from churn.data.store import Store
from churn.errors import SourceError, did_you_mean
from churn.features.signal import Signal
from churn.finding import Finding, GuardReport
from churn.guards import proofs
from churn.guards.announcements import announced_by_event, announced_by_level
from churn.guards.as_of_today import as_of_today
from churn.guards.context import GuardContext, open_context
from churn.guards.degenerate import degenerate
from churn.guards.duplicates import duplicates
from churn.guards.histories import deleted_histories, zeroed_rows
from churn.guards.late_rows import late_rows
from churn.guards.names import known_leaks, suspicious_names
from churn.guards.row_times import filled_afterwards, stamped_early
from churn.guards.shapes import shapes
from churn.guards.sign_off import MODEL_GUARDS, REPORT_FILE, SignOffs
from churn.guards.single_signal import missing_values, single_signal
from churn.guards.survivors import dangling_histories, survivors
from churn.guards.trailing import trailing_tables
from churn.params import digest_of

Guard = Callable[[GuardContext], Iterator[Finding]]

GUARDS: Mapping[str, Guard] = {
    "known_leaks": known_leaks,
    "suspicious_names": suspicious_names,
    "shapes": shapes,
    "as_of_today": as_of_today,
    "only_leavers": announced_by_level,
    "announced": announced_by_event,
    "filled_afterwards": filled_afterwards,
    "stamped_early": stamped_early,
    "late_rows": late_rows,
    "trailing": trailing_tables,
    "duplicates": duplicates,
    "purged": deleted_histories,
    "zeroed": zeroed_rows,
    "dangling": dangling_histories,
    "cohort": degenerate,
    "survivors": survivors,
    "alone": single_signal,
    "missing": missing_values,
}
"""The guards of the data, by the name that users write under `accept:`. Expensive guards come last."""


def guard_names() -> tuple[str, ...]:
    """Return the names of the guards of the data, and of the proofs that no signal sees the future."""
    return (*GUARDS, *proofs.PROOFS)


def run_guards(
    store: Store,
    signals: Sequence[Signal],
    cutoffs: Sequence[date],
    advance: Callable[[int], None] = lambda _: None,
) -> list[Finding]:
    """Run every guard in `GUARDS`, and return all findings.

    Args:
        store: The data.
        signals: The selected signals.
        cutoffs: The cutoffs of the snapshots; guards that need labels leave out cutoffs whose labels are not
            known yet.
        advance: A function that is called with 1 after each guard.
    """
    findings: list[Finding] = []
    with (
        scratch_folder(store.params.output / ".scratch") as scratch,
        open_context(store, signals, cutoffs, scratch) as context,
    ):
        for name, guard in GUARDS.items():
            findings += [
                replace(finding, guard=name).spoken(context.label.words.speak) for finding in guard(context)
            ]
            advance(1)
    return findings


def guard_report_path(output: Path) -> Path:
    """Return the path of the report of the guards of the data."""
    return output / "check" / REPORT_FILE


def guard_report(
    store: Store,
    signals: Sequence[Signal],
    cutoffs: Sequence[date],
    show: Progress,
    warn: Callable[[str], None] = lambda _: None,
) -> GuardReport:
    """Return the report of the guards of the data; run them only if the report file is not up to date.

    Args:
        store: The data.
        signals: The selected signals.
        cutoffs: The cutoffs of the snapshots.
        show: A function that shows how many guards have run.
        warn: A function that tells the user that the file is damaged; the file is then written again.
    """
    key, path = _report_key(store, signals, cutoffs), guard_report_path(store.params.output)
    try:
        if earlier := _read_report(path, key):
            return earlier
    except SourceError as error:
        warn(str(error))
    with show("guards", len(GUARDS)) as advance:
        findings = run_guards(store, signals, cutoffs, advance)
    report = GuardReport.of([*GUARDS], findings)
    write_own_json(path, _KeyedReport(key=key, looked=report.looked, found=report.found).as_json())
    return report


class _KeyedReport(GuardReport):
    """The content of the report file: the report, and a digest of everything that the guards used."""

    key: str


def _read_report(path: Path, key: str) -> GuardReport | None:
    """Return the report in a file; None if there is no file, or if its digest is not `key`.

    Raises:
        SourceError: the file is damaged.
    """
    try:
        report = read_own_json(path, _KeyedReport, way_out="The guards run again now.")
    except FileNotFoundError:
        return None
    return GuardReport(looked=report.looked, found=report.found) if report.key == key else None


def _report_key(store: Store, signals: Sequence[Signal], cutoffs: Sequence[date]) -> str:
    """Return a digest of everything that the guards use: data, parameters, cutoffs and code."""
    params = store.params
    sections = params.model_dump(mode="json", include={"timezone", "tables", "events", "label", "signals"})
    data = [store.fingerprint, store.digest, sections, params.snapshot.late_days, params.train.seed]
    return digest_of([*data, [signal.name for signal in signals], [*map(str, cutoffs)], _code_digest()])


def _code_digest() -> str:
    digest = hashlib.sha256()
    package = Path(churn.__file__).parent
    for path in sorted((*package.rglob("*.py"), *package.rglob("*.yaml"))):
        digest.update(f"{path.relative_to(package)} ".encode() + path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Review:
    """The findings of guards after the sign-offs in params.yaml were applied.

    Attributes:
        stops: The findings that end `churn check` with exit code 15.
        warnings: The findings that only warn.
        signed_off: The findings that a person signed off, each with its reason.
        idle_keys: A message for each key of `check.accept` that signs off no finding.
    """

    stops: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    signed_off: tuple[tuple[Finding, str], ...]
    idle_keys: tuple[str, ...]


def review(findings: Sequence[Finding], sign_offs: SignOffs, guards: Sequence[str]) -> Review:
    """Split findings into stops, warnings and signed-off findings; list the keys that sign off no finding.

    Only keys of `check.accept` are listed. A key of `evaluate.accept` is not listed, because it may sign off
    a finding of the guards of the model. Those guards do not run here.

    Args:
        findings: The findings of the guards.
        sign_offs: The keys in params.yaml that sign off findings, each with its reason.
        guards: The names of the guards that ran; the key of a guard that did not run is not listed.
    """
    unsigned_findings: list[Finding] = []
    signed_findings: list[tuple[Finding, str]] = []
    keys: set[str] = set()
    for finding in findings:
        signature = sign_offs.signature(finding)
        if signature is None:
            unsigned_findings.append(finding)
        else:
            keys.add(signature.key)
            signed_findings.append((finding, signature.reason))
    names = (*guard_names(), *MODEL_GUARDS)
    # `train` runs some of these guards later, and may find something under their keys.
    finished_guards = {*guards}.difference(MODEL_GUARDS)
    suggestions = (*names, *(finding.place for finding in unsigned_findings))
    idle_keys = tuple(
        f"check.accept.{key}: no guard finds anything under this key. Remove it."
        f"{did_you_mean(key, suggestions)}"
        for key in sign_offs.check
        if key not in keys and (key in finished_guards or key not in names)
    )
    return Review(
        stops=tuple(finding for finding in unsigned_findings if finding.severity == "stop"),
        warnings=tuple(finding for finding in unsigned_findings if finding.severity == "warn"),
        signed_off=tuple(signed_findings),
        idle_keys=idle_keys,
    )
