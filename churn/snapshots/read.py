"""Read the labelled snapshots that `churn snapshot` wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from churn.data.store import day_number
from churn.errors import CallError, Stop
from churn.features.definition import is_comparable
from churn.labels.contract_ends import ends_bytes
from churn.params import Params, digest_of
from churn.snapshots.dataset import Ints, Rows, dates_of
from churn.snapshots.matrix_reader import read_rows

ASKED = ("snapshot", "signals", "tables", "events")
"""The sections of params.yaml that decide what snapshots hold, beside the label."""


@dataclass(frozen=True)
class Snapshots:
    """All matured snapshots with what is known about them.

    Attributes:
        rows: Their labelled rows.
        signals: The dictionary entries of the signals, sorted by name.
        mature_on: For each matured cutoff the date from which it may train.
        waiting: Cutoffs whose labels are not known yet.
        customers: The customer ids that `rows.customer` counts.
        label_id: The label they were made for.
        store_digest: The data they were made from.
        digest: SHA-256 over the bytes of the matured snapshots, and of the ends of contracts beside them.
        watermark: Up to when the data were complete.
        guards: Which guards looked at those data, and what they found; empty where none did.
        known_by: The date whose knowledge is used, where one was asked for.
    """

    rows: Rows
    signals: tuple[dict[str, Any], ...]
    mature_on: Mapping[date, date]
    waiting: tuple[date, ...]
    customers: tuple[str, ...]
    label_id: str
    store_digest: str
    digest: str
    watermark: str
    known_by: date | None = None
    guards: Mapping[str, Any] = field(default_factory=dict)

    @property
    def as_of(self) -> date:
        """Return up to when outcomes are known: the date asked for, else the watermark."""
        return self.known_by or date.fromisoformat(self.watermark)

    @property
    def cutoffs(self) -> tuple[date, ...]:
        """Return the matured cutoffs in order."""
        return tuple(sorted(self.mature_on))

    def known_on(self, cutoff: Ints) -> Ints:
        """Return the day on which the label of each row was known; days count from 1970-01-01."""
        days, place = np.unique(cutoff, return_inverse=True)
        known = [day_number(self.mature_on[day]) for day in dates_of(days)]
        return np.array(known, dtype=np.int64)[place]

    @cached_property
    def monotone(self) -> tuple[int, ...]:
        """Return for each signal whether more of it may only raise (1) or lower (-1) the risk, or 0."""
        return tuple(int(s.get("monotone", 0)) if s["kind"] == "number" else 0 for s in self.signals)


def params_digest(params: Params) -> dict[str, str]:
    """Return a digest of each section of params.yaml that decides what snapshots hold.

    It is taken of what the file asks for; a cutoff named for one call (`--cutoff`) is no part of it.
    """
    stated = params.model_dump(mode="json", include=set(ASKED))
    return {section: digest_of(stated[section])[:12] for section in ASKED}


def read_snapshots(params: Params, known_by: date | None = None) -> Snapshots:
    """Read `output/snapshots`, keeping the rows whose label is known (by a date, if one is given).

    Raises:
        CallError: there are no snapshots, they are damaged or were made for another label, other cutoffs,
            signals or tables, or the date lies after the watermark.
        Stop: no label is matured.
    """
    folder = params.output / "snapshots"
    manifest = _manifest(folder, params)
    watermark = date.fromisoformat(str(manifest["watermark"]))
    if known_by is not None and known_by > watermark:
        raise CallError(
            f"--cutoff {known_by} lies after the watermark {manifest['watermark']}, up to which the data are "
            "complete. Name an earlier cutoff, or ingest newer data."
        )
    signals = tuple(sorted(manifest["signals"], key=lambda signal: str(signal["name"])))
    about = {date.fromisoformat(day): facts for day, facts in sorted(manifest["cutoffs"].items())}
    matured = {day: date.fromisoformat(f["mature_on"]) for day, f in about.items() if f["matured"]}
    matured = {day: on for day, on in matured.items() if known_by is None or on <= known_by}
    if not matured:
        raise Stop(_nothing_matured(about, manifest))
    parts = {day: folder / f"cutoff={day}" / "part.parquet" for day in matured}
    digest = hashlib.sha256()
    for day, path in parts.items():
        if not path.is_file():
            raise CallError(f"{folder}: the snapshot of {day} is gone. Run `churn snapshot` again.")
        with path.open("rb") as file:
            digest.update(f"{day} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        if params.label.kind == "contract":
            digest.update(ends_bytes(folder, day))
    rows, customers = read_rows(parts, signals)
    return Snapshots(
        rows=rows,
        signals=signals,
        mature_on=matured,
        waiting=tuple(day for day in about if day not in matured),
        customers=customers,
        label_id=str(manifest["label_id"]),
        store_digest=str(manifest["store_digest"]),
        digest=digest.hexdigest(),
        watermark=str(manifest["watermark"]),
        known_by=known_by,
        guards=manifest.get("guards", {}),
    )


def _manifest(folder: Path, params: Params) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CallError(f"{folder}: there are no snapshots. Run `churn snapshot` first.") from None
    if manifest["label_id"] != params.label_id:
        raise CallError(
            f"{folder}: they were made for another label than {params.file} asks for "
            f"({manifest['label_id']}, not {params.label_id}): label, timezone or the mapping of "
            f"{' and '.join(params.label.source_tables)} is another. Run `churn snapshot` again."
        )
    if not all(is_comparable(signal.get("definition")) for signal in manifest["signals"]):
        raise CallError(
            f"{folder}: they were written by another version of this program, which described signals in "
            "another format. Run `churn snapshot` again."
        )
    made, asked = manifest.get("params_digest", {}), params_digest(params)
    if other := [section for section in ASKED if made.get(section) != asked[section]]:
        raise CallError(
            f"{folder}: they were made with other {', '.join(other)} than {params.file} asks for. "
            "Run `churn snapshot` again."
        )
    return manifest


def _nothing_matured(about: Mapping[date, Mapping[str, Any]], manifest: Mapping[str, Any]) -> str:
    soonest = min((facts["mature_on"] for facts in about.values()), default="never")
    return (
        f"snapshots: no label is matured: the data are complete up to {manifest['watermark']}, the first "
        f"label is known on {soonest}. Add earlier cutoffs to snapshot, or shorten label.horizon_days."
    )
