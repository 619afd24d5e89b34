"""Write labelled snapshots: cohort x signals at every cutoff, with labels once matured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.files import replace_folder
from churn.data.store import Store, day_of
from churn.errors import CallError, Stop
from churn.features.blocks import STEP
from churn.features.matrix import Builder, Part
from churn.features.signal import Signal
from churn.params import Params
from churn.training.contract_ends import EndsWriter
from churn.training.label import DROPPED, LEFT, Labels, labels, window_of
from churn.training.snapshots import params_digest

SHORTEST_HISTORY_DAYS = 56
"""Without cutoffs in params.yaml, the first lies this long after the first event of the label's table."""


def cutoffs_asked(params: Params, store: Store) -> tuple[date, ...]:
    """Return the cutoffs that params.yaml asks for, also late ones; none where the data are too short."""
    cutoffs = params.snapshot.cutoffs or tuple(_every(params, store))
    return (*cutoffs, *params.evaluate.test_cutoffs) if cutoffs else ()


def snapshot_cutoffs(params: Params, store: Store) -> tuple[date, ...]:
    """Return the cutoffs that params.yaml asks for, `evaluate.test_cutoffs` among them.

    By default there is one a week over all the data.

    Raises:
        CallError: a cutoff lies after the watermark, or `first` or `last` leaves none.
        Stop: the data are too short for one.
    """
    cutoffs = cutoffs_asked(params, store)
    late = [cutoff for cutoff in cutoffs if cutoff > store.tonight]
    if late:
        place = "evaluate.test_cutoffs" if late[0] in params.evaluate.test_cutoffs else "snapshot"
        raise CallError(
            f"{place}: cutoff {late[0]} lies after the watermark {store.watermark}, up to which the data "
            "are complete. Name earlier dates there, or ingest newer data."
        )
    if not cutoffs:
        raise _no_cutoff(params, store)
    return tuple(sorted(set(cutoffs)))


def _no_cutoff(params: Params, store: Store) -> CallError | Stop:
    """Return the mistake behind an empty list of cutoffs: `first`, `last`, or the data themselves."""
    asked = params.snapshot
    if asked.first:
        return CallError(
            f"snapshot.first: {asked.first} lies after the watermark {store.watermark}, up to which the data "
            "are complete, so that no cutoff is left. Give an earlier first, or ingest newer data."
        )
    begin = _default_first(params, store)
    why = f"at least {SHORTEST_HISTORY_DAYS} days after the first event of {params.label.core_table}"
    if asked.last and begin <= store.tonight:
        return CallError(
            f"snapshot.last: {asked.last} lies before {begin}, the first cutoff without snapshot.first "
            f"({why}), so that none is left. Give a later last, or name a first."
        )
    return Stop(
        f"snapshot: the first cutoff would be {begin} ({why}), after the watermark {store.watermark}. "
        "Ingest newer data, or name a cutoff under snapshot.cutoffs."
    )


def _default_first(params: Params, store: Store) -> date:
    begin = day_of(store.tables[params.label.core_table].first_day or 0) + timedelta(SHORTEST_HISTORY_DAYS)
    if params.snapshot.every == "month" and begin.day > 1:
        return (begin.replace(day=1) + timedelta(31)).replace(day=1)
    return begin


def _every(params: Params, store: Store) -> Sequence[date]:
    asked = params.snapshot
    first = asked.first or _default_first(params, store)
    last = asked.last or store.tonight
    if asked.every == "month":
        months = range((last.year - first.year) * 12 + last.month - first.month + 1)
        found = [_months_later(first, number) for number in months]
        return [cutoff for cutoff in found if cutoff <= last]
    step = 7 if asked.every == "week" else int(asked.every.split()[0])
    return [first + timedelta(number) for number in range(0, (last - first).days + 1, step)]


def _months_later(first: date, months: int) -> date:
    """Return the same day so many months later, or the last day of a shorter month."""
    month = first.year * 12 + first.month - 1 + months
    begin = date(month // 12, month % 12 + 1, 1)
    length = ((begin + timedelta(31)).replace(day=1) - begin).days
    return begin + timedelta(min(first.day, length) - 1)


def latest_matured(params: Params, store: Store) -> date:
    """Return the latest day whose label is matured, to show what a snapshot would hold."""
    wait = window_of(params, store.watermark).mature_on - store.watermark
    return store.watermark - wait


def write_snapshots(
    params: Params,
    store: Store,
    signals: Sequence[Signal],
    advance: Callable[[int], None] = lambda _: None,
    only: date | None = None,
    guards: Mapping[str, Any] | None = None,
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
    cutoffs = (only,) if only else snapshot_cutoffs(params, store)
    builder = Builder(store, signals, cutoffs)
    decided = dict(zip(cutoffs, labels(store, cutoffs), strict=True))
    aside = params.output / ".snapshots.new"
    shutil.rmtree(aside, ignore_errors=True)
    writer = _Writer(aside, builder, decided, params, store.watermark)
    if params.label.kind == "contract":
        writer.ends = EndsWriter(aside, store, cutoffs, builder.customers.ids)
    for part in builder.parts(advance):
        writer.add(part)
    manifest = {
        "cutoffs": writer.close(),
        "signals": [signal.described() for signal in builder.signals],
        "label_id": params.label_id,
        "label": params.label.model_dump(mode="json"),
        "store_digest": store.digest,
        "params_digest": params_digest(params),
        "watermark": store.watermark.isoformat(),
        "guards": guards or {},
    }
    (aside / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    replace_folder(aside, params.output / "snapshots")
    return manifest


class _Writer:
    """Appends parts to one Parquet file per cutoff and counts what it wrote."""

    def __init__(
        self, folder: Path, builder: Builder, decided: dict[date, Labels], params: Params, watermark: date
    ) -> None:
        self.builder, self.decided = builder, decided
        self.ends: EndsWriter | None = None
        kinds = {s.name: pa.string() if s.kind == "level" else pa.float64() for s in builder.signals}
        fields = {"customer_id": pa.string(), "cutoff": pa.date32(), "left": pa.int8(), **kinds}
        self.schema = pa.schema(list(fields.items()))
        self.files: dict[date, pq.ParquetWriter] = {}
        self.facts: dict[date, dict[str, Any]] = {}
        for cutoff in builder.cutoffs:
            place = folder / f"cutoff={cutoff}"
            place.mkdir(parents=True)
            self.files[cutoff] = pq.ParquetWriter(place / "part.parquet", self.schema, compression="zstd")
            window = window_of(params, cutoff)
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
            for label, why in DROPPED.items():
                if count := int((found == label).sum()):
                    facts["dropped"][why] = facts["dropped"].get(why, 0) + count
            keep = ~np.isin(found, list(DROPPED))
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
            self.facts[cohort.cutoff]["excluded"] = cohort.excluded()
        return {cutoff.isoformat(): facts for cutoff, facts in self.facts.items()}
