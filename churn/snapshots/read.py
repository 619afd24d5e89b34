"""Read the labelled snapshots that `churn snapshot` wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.data.store import day_number
from churn.errors import CallError, Stop
from churn.features.definition import is_comparable
from churn.finding import GuardReport
from churn.labels.contract import contract_ends_bytes
from churn.params import Params, digest_of
from churn.snapshots.dataset import Ints, LabelledRows, cutoffs_of

DECIDING_SECTIONS = ("snapshot", "signals", "tables", "events")
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

    rows: LabelledRows
    signals: tuple[dict[str, Any], ...]
    mature_on: Mapping[date, date]
    waiting: tuple[date, ...]
    customers: tuple[str, ...]
    label_id: str
    store_digest: str
    digest: str
    watermark: str
    known_by: date | None = None
    guards: GuardReport = field(default_factory=GuardReport)

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
        known = [day_number(self.mature_on[day]) for day in cutoffs_of(days)]
        return np.array(known, dtype=np.int64)[place]

    @cached_property
    def monotone(self) -> tuple[int, ...]:
        """Return for each signal whether more of it may only raise (1) or lower (-1) the risk, or 0."""
        return tuple(int(s.get("monotone", 0)) if s["kind"] == "number" else 0 for s in self.signals)


def params_digest(params: Params) -> dict[str, str]:
    """Return a digest of each section of params.yaml that decides what snapshots hold.

    It is taken of what the file asks for; a cutoff named for one call (`--cutoff`) is no part of it.
    """
    stated = params.model_dump(mode="json", include=set(DECIDING_SECTIONS))
    return {section: digest_of(stated[section])[:12] for section in DECIDING_SECTIONS}


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
            digest.update(contract_ends_bytes(folder, day))
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
        guards=GuardReport.model_validate(manifest.get("guards", {})),
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
    if other := [section for section in DECIDING_SECTIONS if made.get(section) != asked[section]]:
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


KEYS = ("customer_id", "cutoff", "left")
BATCH_ROWS = 8192
"""Rows written into the matrix at a time: a batch of them stays in the processor's cache."""


def read_rows(
    parts: Mapping[date, Path], signals: Sequence[Mapping[str, Any]]
) -> tuple[LabelledRows, tuple[str, ...]]:
    """Return the labelled rows of some snapshots, and the customer ids that they count.

    Each file is read twice: what is labelled and which levels there are, then the values, a batch at a time
    straight into the matrix.

    Raises:
        CallError: a file is damaged or lacks a column.
        Stop: no row is labelled.
    """
    names = tuple(str(signal["name"]) for signal in signals)
    text = sorted(str(signal["name"]) for signal in signals if signal["kind"] == "level")
    kept, left, ids = [], [], []
    seen: dict[str, set[str]] = {name: set() for name in text}
    for path in parts.values():
        with _opened(path, [*KEYS, *names]) as file:
            table = file.read(columns=["customer_id", "left", *text])
        known = table.column("left").is_valid()
        kept.append(known.to_numpy())
        table = table.filter(known)
        left.append(table.column("left").cast(pa.float64()).to_numpy())
        ids.append(table.column("customer_id").cast(pa.large_string()))
        for name in text:
            seen[name] |= set(table.column(name).drop_null().unique().cast(pa.string()).to_pylist())
    counts = [len(one) for one in left]
    if not sum(counts):
        raise Stop("snapshots: the matured cutoffs hold no customer at risk. See `churn check` for why.")
    levels = {name: tuple(sorted(found)) for name, found in seen.items()}
    matrix = np.empty((sum(counts), len(names)))
    start = 0
    for path, known in zip(parts.values(), kept, strict=True):
        for columns in _batches(path, names, known):
            end = start + columns.num_rows
            for place, name in enumerate(names):
                matrix[start:end, place] = _values(columns.column(name), levels.get(name))
            start = end
    customer, customers = _counted(pa.chunked_array([chunk for one in ids for chunk in one.chunks]))
    days = [(day - date(1970, 1, 1)).days for day in parts]
    rows = LabelledRows(
        names=names,
        levels=levels,
        matrix=matrix,
        left=np.concatenate(left),
        customer=customer,
        cutoff=np.repeat(np.array(days, dtype=np.int64), counts),
    )
    return rows, customers


@contextmanager
def _opened(path: Path, columns: Sequence[str]) -> Iterator[pq.ParquetFile]:
    """Open a snapshot that has all of some columns.

    Raises:
        CallError: it has not, or its bytes are damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            held = set(file.schema_arrow.names)
            if missing := [name for name in columns if name not in held]:
                raise KeyError(f"it has no column {', '.join(missing[:3])}.")
            yield file
    except (OSError, pa.ArrowException, KeyError) as error:
        raise CallError(
            f"{path} cannot be read: {str(error.args[0]).splitlines()[0]:.120} Run `churn snapshot` again."
        ) from None


def _batches(path: Path, names: Sequence[str], known: npt.NDArray[np.bool_]) -> Iterator[pa.RecordBatch]:
    """Yield the values of the rows whose label is known."""
    start = 0
    with _opened(path, names) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=list(names)):
            wanted = known[start : start + len(batch)]
            start += len(batch)
            yield batch if wanted.all() else batch.filter(pa.array(wanted))


def _values(column: pa.Array, levels: Sequence[str] | None) -> npt.NDArray[np.float64]:
    """Return numbers, or the places of text in `levels`; NaN where missing."""
    if levels is not None:
        column = pc.index_in(column.cast(pa.string()), value_set=pa.array(levels, pa.string()))
    values: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _counted(ids: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    """Return each row's customer as a dense integer in the order of the ids, and the ids."""
    coded = ids.combine_chunks().dictionary_encode()
    order = pc.sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[coded.indices.to_numpy()], tuple(coded.dictionary.take(pa.array(order)).to_pylist())
