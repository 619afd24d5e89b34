"""Read labelled snapshots into one matrix: its own size is nearly all the memory that takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.errors import CallError, Stop
from churn.snapshots.dataset import Ints, Rows

KEYS = ("customer_id", "cutoff", "left")
BATCH_ROWS = 8192
"""Rows written into the matrix at a time: a batch of them stays in the processor's cache."""


def read_rows(
    parts: Mapping[date, Path], signals: Sequence[Mapping[str, Any]]
) -> tuple[Rows, tuple[str, ...]]:
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
    rows = Rows(
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
