"""Read the labelled snapshots of `churn snapshot` into one matrix.

Reading takes hardly more memory than the matrix.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from churn.data.own_files import check_own_file, open_own_parquet, read_own_parquet
from churn.data.store import day_number
from churn.errors import CallError, SourceError, Stop
from churn.finding import GuardReport
from churn.labels.contract import contract_ends_bytes
from churn.params import Params
from churn.snapshots.dataset import Floats, Ints, LabelledRows, cutoffs_of
from churn.snapshots.exposure import CutoffExposure
from churn.snapshots.manifest import PART_FILE, WRITE_AGAIN, SnapshotCutoff, SnapshotManifest

KEY_COLUMNS = ("customer_id", "cutoff", "left")

MATRIX_BATCH_ROWS = 8192
"""The number of rows of a batch, copied into the matrix at once; it stays in the processor's cache."""


@dataclass(frozen=True)
class Snapshots:
    """All matured snapshots, which are the snapshots whose labels are known.

    Attributes:
        rows: The labelled rows of the snapshots.
        signals: The entry of each signal in the dictionary of signals, sorted by name.
        mature_on: For each matured cutoff, the date from which a model may learn from it.
        immature_cutoffs: The cutoffs whose labels are not known yet.
        customers: The customer ids; `rows.customer` is an index into them.
        label_id: The id of the label's definition.
        store_digest: The digest of the store from which the snapshots were made.
        digest: The SHA-256 of the files of the matured snapshots; for contract labels, also of the files
            that hold the days on which contracts ended.
        watermark: The day up to which the data were complete, in ISO format.
        guards: Which guards checked the data, and what they found.
        known_by: Only labels that were known on this date are used; None if all known labels are used.
        customer_share: 1 if all customers were read, 3 if only one customer in three was read, and so on.
            It is above 1 only if the rows of all customers do not fit into the memory.
        rows_on_disk: The number of labelled rows of all customers; 0 if it was not counted.
        treated_rows: The left-out rows of customers who were contacted (treated) in the label window; None if
            nobody was treated, or if the ledger was not read.
        exposures: For each cutoff, how many rows of treated customers were left out, and how many rows of
            controls represent these customers with a higher weight.
        no_controls_accepted: Why the user accepts treated customers whom no control represents; None if there
            are no such customers.
    """

    rows: LabelledRows
    signals: tuple[Mapping[str, Any], ...]
    mature_on: Mapping[date, date]
    immature_cutoffs: tuple[date, ...]
    customers: tuple[str, ...]
    label_id: str
    store_digest: str
    digest: str
    watermark: str
    known_by: date | None = None
    guards: GuardReport = field(default_factory=GuardReport)
    customer_share: int = 1
    rows_on_disk: int = 0
    treated_rows: LabelledRows | None = None
    exposures: tuple[CutoffExposure, ...] = ()
    no_controls_accepted: str | None = None

    def memory_warning(self, memory_limit: str, file: str) -> str:
        """Return a warning that only a part of the customers is used; it is empty if all customers are used.

        A part of the customers is used if the rows of all customers do not fit into the memory.

        Args:
            memory_limit: The parameter `train.memory_limit`.
            file: The name of the parameter file.
        """
        if self.customer_share == 1:
            return ""
        needed = bytes_needed(self.rows_on_disk, len(self.signals)) / 1024**3
        return (
            f"{file}: train.memory_limit: {self.rows_on_disk:,} labelled rows, each with {len(self.signals)} "
            f"signals, need about {needed:.1f} GiB, but the limit is {memory_limit}. `train` and `evaluate` "
            f"use only one customer in {self.customer_share}: {len(self.rows):,} rows in all. The model may "
            "be a little worse, and intervals are wider. Raise the limit if the machine has more memory."
        )

    @property
    def as_of(self) -> date:
        """Return the date up to which outcomes are known: `known_by` if it is given, else the watermark."""
        return self.known_by or date.fromisoformat(self.watermark)

    @property
    def cutoffs(self) -> tuple[date, ...]:
        """Return the cutoffs of the matured snapshots, the earliest first."""
        return tuple(sorted(self.mature_on))

    def rows_at(self, cutoff: date) -> npt.NDArray[np.bool_]:
        """Return a mask of the rows of a cutoff, shape (rows,)."""
        return np.asarray(self.rows.cutoff == day_number(cutoff))

    def known_on(self, cutoff: Ints) -> Ints:
        """Return the day number on which the label of each row was known.

        Args:
            cutoff: The cutoff of each row as a day number, shape (rows,).
        """
        days, index = np.unique(cutoff, return_inverse=True)
        mature = [day_number(self.mature_on[day]) for day in cutoffs_of(days)]
        return np.array(mature, dtype=np.int64)[index]

    def without_treated(
        self, weight: Floats, exposures: Sequence[CutoffExposure], no_controls: str | None = None
    ) -> Snapshots:
        """Return the snapshots with these weights, and only with the rows whose weight is above 0.

        If all weights are 1, the snapshots are returned unchanged, so that not a single byte of the trained
        model changes.

        Args:
            weight: The weight of each row, shape (rows,): 0 if the row is left out.
            exposures: For each cutoff, how many rows of treated customers are left out, and how many rows of
                controls represent these customers with a higher weight.
            no_controls: Why the user accepts treated customers whom no control represents; None if there are
                no such customers.
        """
        if (weight == 1).all():
            return self
        has_weight = weight > 0
        digest = hashlib.sha256(f"{self.digest}\n".encode())
        digest.update(weight.astype("<f8").tobytes())
        return replace(
            self,
            rows=replace(self.rows.where(has_weight), weight=weight[has_weight]),
            treated_rows=self.rows.where(~has_weight),
            exposures=tuple(own for own in exposures if own.treated_rows or own.control_rows),
            no_controls_accepted=no_controls,
            digest=digest.hexdigest(),
        )

    @cached_property
    def monotone(self) -> tuple[int, ...]:
        """Return for each signal 1 if the risk may only rise with it, -1 if it may only fall, otherwise 0."""
        return tuple(int(s.get("monotone", 0)) if s["kind"] == "number" else 0 for s in self.signals)


def read_snapshots(params: Params, known_by: date | None = None) -> Snapshots:
    """Read the labelled rows of `output/snapshots`.

    Args:
        params: The parameters that the snapshots must fit.
        known_by: Only labels that were known on this date are used; None if all known labels are used.

    Raises:
        CallError: there are no snapshots, they do not fit the parameters, or `known_by` is after the
            watermark.
        SourceError: a file of the snapshots is missing or damaged.
        Stop: no label is known yet.
    """
    folder = params.output / "snapshots"
    manifest = SnapshotManifest.read(folder)
    manifest.check_fits(folder, params)
    if known_by is not None and known_by > manifest.watermark:
        raise CallError(
            f"--cutoff {known_by} is after the watermark {manifest.watermark}, up to which the data are "
            "complete. Name an earlier cutoff, or ingest newer data."
        )
    mature_on = {
        day: snapshot.mature_on
        for day, snapshot in sorted(manifest.cutoffs.items())
        if snapshot.matured and (known_by is None or snapshot.mature_on <= known_by)
    }
    if not mature_on:
        raise Stop(_nothing_matured(manifest))
    paths = {day: folder / f"cutoff={day}" / PART_FILE for day in mature_on}
    digest = hashlib.sha256()
    for day, path in paths.items():
        _check_files(path.parent, manifest.cutoffs[day])
        with path.open("rb") as file:
            digest.update(f"{day} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        if params.label.has_contract_ends:
            digest.update(contract_ends_bytes(folder, day))
    signals = tuple(sorted(manifest.signals, key=lambda signal: str(signal["name"])))
    max_rows = rows_that_fit(params.train.memory_bytes, len(signals))
    rows, customers, share, rows_on_disk = read_rows(paths, signals, max_rows)
    if share > 1:
        digest.update(f"one customer in {share}\n".encode())
    return Snapshots(
        rows=rows,
        signals=signals,
        mature_on=mature_on,
        immature_cutoffs=tuple(day for day in sorted(manifest.cutoffs) if day not in mature_on),
        customers=customers,
        label_id=manifest.label_id,
        store_digest=manifest.store_digest,
        digest=digest.hexdigest(),
        watermark=manifest.watermark.isoformat(),
        known_by=known_by,
        guards=manifest.guards,
        customer_share=share,
        rows_on_disk=rows_on_disk,
    )


MATRIX_FACTOR = 4.2
"""The largest memory of a training that benchmarks/README.md measured, per byte of its matrix."""

FIXED_BYTES = 750_000_000
"""The memory of a training with few rows: Python, the libraries and the results."""


def bytes_needed(n_rows: int, n_signals: int) -> float:
    """Return an estimate of the memory in bytes that a training takes at its peak.

    >>> round(bytes_needed(5_000_000, 120) / 1e9, 1)
    20.9
    """
    return FIXED_BYTES + MATRIX_FACTOR * 8 * n_rows * n_signals


def rows_that_fit(memory_bytes: int, n_signals: int) -> int:
    """Return the number of rows with which a training stays within a memory limit.

    >>> rows_that_fit(8 * 1024**3, 226)
    1032439
    """
    return int((memory_bytes - FIXED_BYTES) / (MATRIX_FACTOR * 8 * max(1, n_signals)))


def _nothing_matured(manifest: SnapshotManifest) -> str:
    soonest = min((str(snapshot.mature_on) for snapshot in manifest.cutoffs.values()), default="never")
    return (
        f"snapshots: no label is matured: the data are complete up to {manifest.watermark}, but the first "
        f"label becomes known on {soonest}. Add earlier cutoffs to the section 'snapshot', or shorten "
        "label.horizon_days."
    )


class ReadRows(NamedTuple):
    """The labelled rows of some snapshots.

    Attributes:
        rows: The labelled rows.
        customers: The customer ids to which `rows.customer` refers.
        customer_share: 1 if all customers were read, 3 if only one customer in three was read, and so on.
        rows_on_disk: The number of labelled rows of all customers.
    """

    rows: LabelledRows
    customers: tuple[str, ...]
    customer_share: int
    rows_on_disk: int


def read_rows(
    paths: Mapping[date, Path], signals: Sequence[Mapping[str, Any]], max_rows: int | None = None
) -> ReadRows:
    """Read the labelled rows of some snapshots.

    Each file is read twice. The first time, only the customer ids, the labels and the text signals are read.
    The second time, the values of all signals are copied into the matrix, one batch at a time.

    Args:
        paths: The file of each cutoff.
        signals: The entry of each signal in the dictionary of signals.
        max_rows: Roughly how many rows to read at most. If there are more, all rows of every second, third,
            … customer are read. With None all rows are read.

    Raises:
        SourceError: a file is damaged or lacks a column.
        Stop: no row is labelled.
    """
    names = tuple(str(signal["name"]) for signal in signals)
    text = sorted(str(signal["name"]) for signal in signals if signal["kind"] == "level")
    label_masks, left, ids = [], [], []
    words: dict[str, set[str]] = {name: set() for name in text}
    for path in paths.values():
        with open_own_parquet(path, [*KEY_COLUMNS, *names], way_out=WRITE_AGAIN) as file:
            table = file.read(columns=["customer_id", "left", *text])
        has_label = table.column("left").is_valid()
        label_masks.append(has_label.to_numpy(zero_copy_only=False).copy())
        table = table.filter(has_label)
        left.append(table.column("left").cast(pa.float64()).to_numpy())
        ids.append(table.column("customer_id").cast(pa.large_string()))
        for name in text:
            words[name] |= set(table.column(name).drop_null().unique().cast(pa.string()).to_pylist())
    counts = [len(column) for column in left]
    n_rows = sum(counts)
    if not n_rows:
        raise Stop(
            "snapshots: no row has a label, although the label windows of some cutoffs are over. "
            "`churn check` shows the reason."
        )
    customer, customers = _encode(pa.chunked_array([chunk for column in ids for chunk in column.chunks]))
    del ids
    share = -(-n_rows // max(1, max_rows)) if max_rows is not None else 1
    if share > 1:
        is_sampled = np.split(customer % share == 0, np.cumsum(counts)[:-1])
        for mask, part in zip(label_masks, is_sampled, strict=True):
            mask[mask] = part
        left = [column[part] for column, part in zip(left, is_sampled, strict=True)]
        counts = [len(column) for column in left]
        customer, customers = customer[customer % share == 0] // share, customers[::share]
    levels = {name: tuple(sorted(texts)) for name, texts in words.items()}
    matrix = np.empty((sum(counts), len(names)))
    start = 0
    for path, mask in zip(paths.values(), label_masks, strict=True):
        for columns in _batches(path, names, mask):
            end = start + columns.num_rows
            for index, name in enumerate(names):
                matrix[start:end, index] = _values(columns.column(name), levels.get(name))
            start = end
    days = [day_number(day) for day in paths]
    rows = LabelledRows(
        names=names,
        levels=levels,
        matrix=matrix,
        left=np.concatenate(left),
        customer=customer,
        cutoff=np.repeat(np.array(days, dtype=np.int64), counts),
    )
    return ReadRows(rows, customers, share, n_rows)


def read_part(folder: Path, cutoff: date, columns: Sequence[str]) -> pa.Table:
    """Return some columns of one snapshot.

    Args:
        folder: The folder of the snapshots.
        cutoff: The cutoff of the snapshot.
        columns: The names of the columns.

    Raises:
        SourceError: the file is missing or damaged.
    """
    snapshot, path = SnapshotManifest.read(folder).cutoffs[cutoff], folder / f"cutoff={cutoff}" / PART_FILE
    _check_files(path.parent, snapshot)
    return read_own_parquet(path, columns, way_out=WRITE_AGAIN, only=True)


def _check_files(folder: Path, snapshot: SnapshotCutoff) -> None:
    """Check that the files of a snapshot are as they were written.

    Raises:
        SourceError: a file is missing or damaged.
    """
    for name in {PART_FILE: "", **snapshot.files}:
        try:
            check_own_file(folder / name, snapshot.files.get(name), way_out=WRITE_AGAIN)
        except FileNotFoundError:
            raise SourceError(f"{folder / name}: the file is missing. {WRITE_AGAIN}") from None


def _batches(path: Path, names: Sequence[str], mask: npt.NDArray[np.bool_]) -> Iterator[pa.RecordBatch]:
    """Yield the values of the rows for which the mask is true, in batches."""
    start = 0
    with open_own_parquet(path, names, way_out=WRITE_AGAIN) as file:
        for batch in file.iter_batches(MATRIX_BATCH_ROWS, columns=list(names)):
            part = mask[start : start + len(batch)]
            start += len(batch)
            yield batch if part.all() else batch.filter(pa.array(part))


def _values(column: pa.Array, levels: Sequence[str] | None) -> npt.NDArray[np.float64]:
    """Return the column as numbers: a text becomes its index in `levels`, and a missing value becomes NaN."""
    if levels is not None:
        column = pc.index_in(column.cast(pa.string()), value_set=pa.array(levels, pa.string()))
    values: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _encode(ids: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    """Return the index of each row's customer in the sorted ids, and the sorted ids."""
    dictionary = ids.combine_chunks().dictionary_encode()
    order = pc.sort_indices(dictionary.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[dictionary.indices.to_numpy()], tuple(dictionary.dictionary.take(pa.array(order)).to_pylist())
