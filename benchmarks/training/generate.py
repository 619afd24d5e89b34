"""Made-up snapshots of any size, written as `churn snapshot` writes them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.own_files import write_own_json
from churn.features.definition import FORMAT
from churn.params import Params
from churn.snapshots.manifest import params_digest

CUTOFFS = 13
STEP_DAYS = 28
FIRST = date(2024, 1, 1)
PIECE_ROWS = 20_000
LEVELS = ("basic", "plus", "pro", "team")
RATE = -3.0
"""Log-odds of leaving of a customer whose signals are all usual: about one in fifteen leaves in all."""


def write_snapshots(params: Params, rows: int, columns: int, seed: int = 7) -> None:
    """Write `rows` labelled rows with `columns` signals at 13 cutoffs.

    One signal in thirty is text. A third of the other signals are counts, a third are skewed amounts with a
    fifth of the values missing, and a third are normally distributed. Twelve signals change the risk a
    little, so that trees have something to find.
    """
    rng = np.random.default_rng(seed)
    names = [f"signal_{number:03d}" for number in range(columns)]
    fields = {name: pa.string() if number % 30 == 29 else pa.float64() for number, name in enumerate(names)}
    schema = pa.schema(
        [("customer_id", pa.string()), ("cutoff", pa.date32()), ("left", pa.int8()), *fields.items()]
    )
    about = {}
    for step in range(CUTOFFS):
        cutoff = FIRST + timedelta(days=STEP_DAYS * step)
        customers = rows // CUTOFFS + (step < rows % CUTOFFS)
        left = 0
        partition = params.output / "snapshots" / f"cutoff={cutoff}"
        partition.mkdir(parents=True)
        with pq.ParquetWriter(partition / "part.parquet", schema, compression="zstd") as file:
            for start in range(0, customers, PIECE_ROWS):
                piece = _piece(rng, schema, cutoff, range(start, min(start + PIECE_ROWS, customers)))
                left += int(pa.compute.sum(piece.column("left")).as_py())
                file.write_table(piece)
        known_on = (cutoff + timedelta(days=STEP_DAYS)).isoformat()
        about[cutoff.isoformat()] = {
            "rows": customers,
            "left": left,
            "matured": True,
            "window_end": known_on,
            "mature_on": known_on,
            "dropped": {},
            "excluded": {},
        }
    manifest = {
        "cutoffs": about,
        "signals": [_describe(name, fields[name]) for name in names],
        "label_id": params.label_id,
        "label": params.label.model_dump(mode="json"),
        "store_digest": f"made-up-{seed}",
        "params_digest": params_digest(params),
        "watermark": (FIRST + timedelta(days=STEP_DAYS * CUTOFFS)).isoformat(),
    }
    write_own_json(params.output / "snapshots" / "manifest.json", manifest)


def _piece(rng: np.random.Generator, schema: pa.Schema, cutoff: date, customers: range) -> pa.Table:
    n = len(customers)
    odds = np.full(n, RATE)
    arrays: list[pa.Array] = []
    for number, field in enumerate(list(schema)[3:]):
        usual: npt.NDArray[np.float64] = rng.standard_normal(n)
        if number % 10 == 3:  # twelve of 120 signals matter
            odds += 0.3 * usual
        if field.type == pa.string():
            arrays.append(pa.array(np.asarray(LEVELS)[rng.integers(0, len(LEVELS), n)]))
        elif number % 3 == 0:
            arrays.append(pa.array(np.floor(np.exp(usual + 1))))
        elif number % 3 == 1:
            arrays.append(pa.array(np.exp(usual), mask=rng.random(n) < 0.2))
        else:
            arrays.append(pa.array(usual))
    left = rng.random(n) < 1 / (1 + np.exp(-odds))
    ids = pa.array([f"c{customer:08d}" for customer in customers])
    keys = [ids, pa.array([cutoff] * n, pa.date32()), pa.array(left.astype(np.int8))]
    return pa.Table.from_arrays([*keys, *arrays], schema=schema)


def _describe(name: str, kind: pa.DataType) -> dict[str, object]:
    return {
        "name": name,
        "table": "orders",
        "family": "activity",
        "unit": "number",
        "riskier_when": "either",
        "looks_back": 182,
        "reason": {"en": name, "de": name},
        "doc": "Made up.",
        "kind": "level" if kind == pa.string() else "number",
        "monotone": 0,
        "definition": f"{FORMAT}-{name}",
    }
