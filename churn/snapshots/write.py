"""Write snapshots: the cohort and its signals at each cutoff, and the labels once the outcomes are known."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.files import checksum_of, replace_folder
from churn.data.store import Store
from churn.features.definition import definitions
from churn.features.engine.blocks import STEP
from churn.features.engine.matrix import MatrixBuilder, Part
from churn.features.signal import Signal
from churn.finding import GuardReport
from churn.labels.calendar import snapshot_cutoffs
from churn.labels.contract import ContractEndsWriter
from churn.labels.labels import labels_at
from churn.labels.outcomes import DROP_REASONS, LEFT, Labels, LabelWindow, label_window
from churn.snapshots.manifest import PART_FILE, SnapshotCutoff, SnapshotManifest, params_digest


def write_snapshots(
    store: Store,
    signals: Sequence[Signal],
    advance: Callable[[int], None] = lambda _: None,
    only: date | None = None,
    guards: GuardReport | None = None,
) -> SnapshotManifest:
    """Write all snapshots into a new folder, replace `output/snapshots` with it, and return the manifest.

    For each cutoff, `part.parquet` has the columns customer_id, cutoff and left (1, 0, or missing if the
    label is not matured), and then the signals. For contract labels, `outcome.parquet` in the same folder
    has the day on which each customer's contract ended.

    Args:
        store: The store.
        signals: The signals to compute.
        advance: A function that is called after each block of customers, with the number of these customers.
        only: The only cutoff to write; by default the cutoffs of params.yaml are written.
        guards: Which guards checked the data, and what they found. The manifest keeps this report, so that
            later verbs need no store.

    Raises:
        CallError: a cutoff is after the watermark, or `snapshot.first` or `snapshot.last` leaves out all
            cutoffs.
        Stop: the data cover too few days for any cutoff.
    """
    params = store.params
    cutoffs = (only,) if only else snapshot_cutoffs(store)
    builder = MatrixBuilder(store, signals, cutoffs)
    labels = dict(zip(cutoffs, labels_at(store, cutoffs), strict=True))
    windows = {cutoff: label_window(cutoff, params.label, params.snapshot.late_days) for cutoff in cutoffs}
    temporary = params.output / ".snapshots.new"
    shutil.rmtree(temporary, ignore_errors=True)
    writer = _Writer(temporary, builder, labels, windows, store.watermark)
    if params.label.has_contract_ends:
        writer.ends = ContractEndsWriter(temporary, store, cutoffs, builder.customers.ids)
    for part in builder.parts(advance):
        writer.add(part)
    digests = definitions(builder.signals)
    manifest = SnapshotManifest(
        cutoffs=writer.close(),
        signals=tuple(
            s.facts_for(params.label.words) | {"definition": digests[s.name]} for s in builder.signals
        ),
        label_id=params.label_id,
        label=params.label.model_dump(mode="json"),
        store_digest=store.digest,
        params_digest=params_digest(params),
        watermark=store.watermark,
        guards=guards or GuardReport(),
    )
    manifest.write(temporary)
    replace_folder(temporary, params.output / "snapshots")
    return manifest


@dataclass
class _Counts:
    """The rows, churners and dropped rows of one snapshot, counted while the snapshot is written."""

    rows: int = 0
    left: int = 0
    drop_reasons: Counter[str] = field(default_factory=Counter)


class _Writer:
    """Writes one Parquet file per cutoff, one block of customers after the other, and counts the rows."""

    def __init__(
        self,
        folder: Path,
        builder: MatrixBuilder,
        labels: Mapping[date, Labels],
        windows: Mapping[date, LabelWindow],
        watermark: date,
    ) -> None:
        self.builder, self.labels, self.windows = builder, labels, windows
        self.matured = {cutoff: window.mature_on <= watermark for cutoff, window in windows.items()}
        self.ends: ContractEndsWriter | None = None
        kinds = {s.name: pa.string() if s.kind == "level" else pa.float64() for s in builder.signals}
        columns = {"customer_id": pa.string(), "cutoff": pa.date32(), "left": pa.int8(), **kinds}
        self.schema = pa.schema(list(columns.items()))
        self.folder = folder
        self.files: dict[date, pq.ParquetWriter] = {}
        self.counts: dict[date, _Counts] = {}
        for cutoff in builder.cutoffs:
            path = folder / f"cutoff={cutoff}" / PART_FILE
            path.parent.mkdir(parents=True)
            self.files[cutoff] = pq.ParquetWriter(path, self.schema, compression="zstd")
            self.counts[cutoff] = _Counts()

    def add(self, part: Part) -> None:
        """Append the rows of a block of customers at one cutoff; rows that get no label are only counted."""
        cutoff, counts = part.cutoff, self.counts[part.cutoff]
        keep = np.ones(len(part.codes), dtype=bool)
        left = pa.nulls(len(part.codes), pa.int8())
        if self.matured[cutoff]:
            labels = self.labels[cutoff][part.codes]
            for label, reason in DROP_REASONS.items():
                if number := int((labels == label).sum()):
                    counts.drop_reasons[reason] += number
            keep = ~np.isin(labels, list(DROP_REASONS))
            counts.left += int((labels[keep] == LEFT).sum())
            left = pa.array(labels[keep], pa.int8())
        codes = part.codes[keep]
        counts.rows += len(codes)
        columns = [
            pa.array(self.builder.customers.ids[codes], pa.string()),
            pa.array([cutoff] * len(codes), pa.date32()),
            left,
        ]
        for column in list(self.schema)[3:]:
            values = part.columns[column.name][keep]
            missing = np.isnan(values.astype(np.float64)) if column.type == pa.float64() else None
            columns.append(pa.array(values, column.type, mask=missing))
        table = pa.Table.from_arrays(columns, schema=self.schema)
        for start, end in pairwise([0, *(np.flatnonzero(np.diff(codes // STEP)) + 1), len(codes)]):
            if end > start:
                self.files[cutoff].write_table(table.slice(start, end - start))
                if self.ends:
                    self.ends.add(cutoff, codes[start:end])

    def close(self) -> dict[date, SnapshotCutoff]:
        """Close the files, and return the counts, dates and checksums of each snapshot."""
        for file in (*self.files.values(), *((self.ends,) if self.ends else ())):
            file.close()
        excluded = {cohort.cutoff: cohort.exclusion_counts() for cohort in self.builder.cohorts}
        return {
            cutoff: SnapshotCutoff(
                rows=counts.rows,
                left=counts.left if self.matured[cutoff] else None,
                matured=self.matured[cutoff],
                window_end=self.windows[cutoff].end,
                mature_on=self.windows[cutoff].mature_on,
                dropped=dict(counts.drop_reasons),
                excluded=excluded[cutoff],
                files={
                    path.name: checksum_of(path)
                    for path in sorted((self.folder / f"cutoff={cutoff}").glob("*.parquet"))
                },
            )
            for cutoff, counts in self.counts.items()
        }
