"""When the contracts of a snapshot's customers ended: what the chances of leaving by day are learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.store import Store, day_number
from churn.errors import CallError
from churn.features.engine.rows import NEVER
from churn.features.engine.timeline import IntArray
from churn.labels.contract import counted_spells
from churn.params import Params

FILE = "outcome.parquet"
SCHEMA = pa.schema([("customer_id", pa.string()), ("ends_on", pa.date32())])


def wait_days(params: Params) -> int:
    """Return how many days after a contract's end it is certain: the grace for renewing and the late rows."""
    return params.label.grace_days + params.snapshot.late_days


def ends(store: Store, cutoffs: Sequence[date]) -> list[IntArray]:
    """Return per cutoff and customer code the local day on which the spell that runs at the cutoff ends.

    `NEVER` while no end is certain: day `d` is once `d + 1`, the grace and the late days lie at or before
    the watermark. To leave in a way that `label.leaving` does not count is not to leave. What is said of
    customers outside the cohort means nothing.

    Raises:
        SourceError: the label asks for a kind of leaving that the data do not tell.
    """
    merged = counted_spells(store)
    certain = merged.end.astype(np.int64) + 1 + wait_days(store.params) <= day_number(store.watermark)
    known = np.where(certain, merged.end, NEVER).astype(np.int32)
    result = []
    for cutoff in cutoffs:
        begun = np.flatnonzero(merged.start < day_number(cutoff))
        found = np.full(store.n_customers, NEVER, dtype=np.int32)
        found[merged.customer[begun]] = known[begun]  # in order, so each customer's latest spell stays
        result.append(found)
    return result


class EndsWriter:
    """Writes `outcome.parquet` beside each part file: customer_id and ends_on, row by row as the part."""

    def __init__(
        self, folder: Path, store: Store, cutoffs: Sequence[date], ids: npt.NDArray[np.object_]
    ) -> None:
        self._ids = ids
        self._ends = dict(zip(cutoffs, ends(store, cutoffs), strict=True))
        self._files = {
            cutoff: pq.ParquetWriter(folder / f"cutoff={cutoff}" / FILE, SCHEMA, compression="zstd")
            for cutoff in cutoffs
        }

    def add(self, cutoff: date, codes: npt.NDArray[np.integer]) -> None:
        """Append the outcomes of some customers."""
        found = self._ends[cutoff][codes]
        columns = [
            pa.array(self._ids[codes], pa.string()),
            pa.array(found, pa.int32(), mask=found == NEVER).cast(pa.date32()),
        ]
        self._files[cutoff].write_table(pa.Table.from_arrays(columns, schema=SCHEMA))

    def close(self) -> None:
        """Finish the files."""
        for file in self._files.values():
            file.close()


def read_ends(folder: Path, cutoff: date) -> tuple[list[str], IntArray]:
    """Return the customers of a snapshot in the order of its part file, and the days their contracts ended.

    Raises:
        CallError: the file is gone or damaged.
    """
    path = folder / f"cutoff={cutoff}" / FILE
    try:
        table = pq.read_table(path, partitioning=None, schema=SCHEMA)
    except (OSError, pa.ArrowException) as error:
        raise CallError(
            f"{path} cannot be read: {str(error).splitlines()[0]:.120} Run `churn snapshot` again."
        ) from None
    days = table["ends_on"].cast(pa.int32()).fill_null(NEVER).to_numpy()
    return table["customer_id"].to_pylist(), days.astype(np.int32)


def ends_bytes(folder: Path, cutoff: date) -> bytes:
    """Return the bytes of a snapshot's ends, for its digest.

    Raises:
        CallError: the file is gone.
    """
    try:
        return (folder / f"cutoff={cutoff}" / FILE).read_bytes()
    except OSError:
        raise CallError(
            f"{folder}: when the contracts of {cutoff} ended is gone, or was never written. "
            "Run `churn snapshot` again."
        ) from None
