"""Write labelled snapshots: cohort x signals at every cutoff, with labels once matured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.files import replace_folder
from churn.data.store import Store
from churn.features.definition import definitions
from churn.features.engine.blocks import STEP
from churn.features.engine.matrix import MatrixBuilder, Part
from churn.features.signal import Signal
from churn.finding import GuardReport
from churn.labels.calendar import snapshot_cutoffs
from churn.labels.contract import ContractEndsWriter
from churn.labels.labels import labels_at
from churn.labels.outcomes import DROP_REASONS, LEFT, Labels, label_window
from churn.params import Params
from churn.snapshots.read import params_digest


def write_snapshots(
    params: Params,
    store: Store,
    signals: Sequence[Signal],
    advance: Callable[[int], None] = lambda _: None,
    only: date | None = None,
    guards: GuardReport | None = None,
) -> dict[str, Any]:
    """Write `output/snapshots`, aside first, and return its manifest.

    The cutoffs are those of params.yaml, or `only` one. Per cutoff `part.parquet`: customer_id, cutoff,
    left (1, 0, missing while immature), then the signals. For contract labels `outcome.parquet` beside it
    says when each customer's contract ended. `guards`, what those of the data found, goes with them into the
    manifest, so that the verbs after this one need no store.

    Raises:
        CallError: a cutoff lies after the watermark, or `first` or `last` leaves none.
        Stop: the data are too short for one.
    """
    cutoffs = (only,) if only else snapshot_cutoffs(store)
    builder = MatrixBuilder(store, signals, cutoffs)
    decided = dict(zip(cutoffs, labels_at(store, cutoffs), strict=True))
    aside = params.output / ".snapshots.new"
    shutil.rmtree(aside, ignore_errors=True)
    writer = _Writer(aside, builder, decided, params, store.watermark)
    if params.label.kind == "contract":
        writer.ends = ContractEndsWriter(aside, store, cutoffs, builder.customers.ids)
    for part in builder.parts(advance):
        writer.add(part)
    digests = definitions(builder.signals)
    manifest = {
        "cutoffs": writer.close(),
        "signals": [s.facts() | {"definition": digests[s.name]} for s in builder.signals],
        "label_id": params.label_id,
        "label": params.label.model_dump(mode="json"),
        "store_digest": store.digest,
        "params_digest": params_digest(params),
        "watermark": store.watermark.isoformat(),
        "guards": guards.as_json() if guards else {},
    }
    (aside / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    replace_folder(aside, params.output / "snapshots")
    return manifest


class _Writer:
    """Appends parts to one Parquet file per cutoff and counts what it wrote."""

    def __init__(
        self,
        folder: Path,
        builder: MatrixBuilder,
        decided: dict[date, Labels],
        params: Params,
        watermark: date,
    ) -> None:
        self.builder, self.decided = builder, decided
        self.ends: ContractEndsWriter | None = None
        kinds = {s.name: pa.string() if s.kind == "level" else pa.float64() for s in builder.signals}
        fields = {"customer_id": pa.string(), "cutoff": pa.date32(), "left": pa.int8(), **kinds}
        self.schema = pa.schema(list(fields.items()))
        self.files: dict[date, pq.ParquetWriter] = {}
        self.facts: dict[date, dict[str, Any]] = {}
        for cutoff in builder.cutoffs:
            place = folder / f"cutoff={cutoff}"
            place.mkdir(parents=True)
            self.files[cutoff] = pq.ParquetWriter(place / "part.parquet", self.schema, compression="zstd")
            window = label_window(cutoff, params.label, params.snapshot.late_days)
            matured = window.mature_on <= watermark
            self.facts[cutoff] = {
                "rows": 0,
                "left": 0 if matured else None,
                "matured": matured,
                "window_end": window.end.isoformat(),
                "mature_on": window.mature_on.isoformat(),
                "dropped": {},
            }

    def add(self, part: Part) -> None:
        """Append the rows of one part; those whose label drops them are counted only."""
        cutoff, facts = part.cutoff, self.facts[part.cutoff]
        keep = np.ones(len(part.codes), dtype=bool)
        left = pa.nulls(len(part.codes), pa.int8())
        if facts["matured"]:
            found = self.decided[cutoff][part.codes]
            for label, why in DROP_REASONS.items():
                if count := int((found == label).sum()):
                    facts["dropped"][why] = facts["dropped"].get(why, 0) + count
            keep = ~np.isin(found, list(DROP_REASONS))
            facts["left"] += int((found[keep] == LEFT).sum())
            left = pa.array(found[keep], pa.int8())
        codes = part.codes[keep]
        facts["rows"] += len(codes)
        columns = [
            pa.array(self.builder.customers.ids[codes], pa.string()),
            pa.array([cutoff] * len(codes), pa.date32()),
            left,
        ]
        for field in list(self.schema)[3:]:
            values = part.columns[field.name][keep]
            missing = np.isnan(values.astype(np.float64)) if field.type == pa.float64() else None
            columns.append(pa.array(values, field.type, mask=missing))
        table = pa.Table.from_arrays(columns, schema=self.schema)
        for start, end in pairwise([0, *(np.flatnonzero(np.diff(codes // STEP)) + 1), len(codes)]):
            if end > start:
                self.files[cutoff].write_table(table.slice(start, end - start))
                if self.ends:
                    self.ends.add(cutoff, codes[start:end])

    def close(self) -> dict[str, dict[str, Any]]:
        """Finish the files and return what is in them, by cutoff."""
        for file in (*self.files.values(), *((self.ends,) if self.ends else ())):
            file.close()
        for cohort in self.builder.cohorts:
            self.facts[cohort.cutoff]["excluded"] = cohort.exclusion_counts()
        return {cutoff.isoformat(): facts for cutoff, facts in self.facts.items()}
