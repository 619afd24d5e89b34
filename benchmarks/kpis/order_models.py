"""Compare our models BG/NBD and gamma-gamma with those of the library clvkit, on customers of CDNOW.

clvkit has an environment of its own: `uv venv /tmp/clvkit && uv pip install --python /tmp/clvkit/bin/python
clvkit==0.2.1`, then `python -m benchmarks.kpis clvkit --python /tmp/clvkit/bin/python --data $CHURN_DATA`.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from churn.features.language.btyd import expected_events, fit_lifetimes, p_alive
from churn.features.language.reader import NEVER
from churn.kpis.gamma_gamma import fit_order_values
from churn.kpis.order_histories import HistoryTally, OrderHistories
from churn.kpis.order_rows import Orders

INSIDE = Path(__file__).with_name("order_models_inside.py")
HORIZON_DAYS = 91
FIT_TOLERANCE, VALUE_TOLERANCE = 1e-3, 1e-9
"""The largest relative differences: of parameters, which two searches find, and of values with equal ones."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """One number of ours beside that of clvkit; of many customers, the pair that differs most."""

    name: str
    own_value: float
    reference_value: float
    tolerance: float

    @property
    def difference(self) -> float:
        """Return the relative difference."""
        return abs(self.own_value - self.reference_value) / max(abs(self.reference_value), 1e-300)


def read_histories(data: Path, transactions_file: Path) -> OrderHistories:
    """Read the orders of CDNOW with a value, write them for clvkit, and return the histories of customers."""
    table = pq.read_table(data / "cdnow" / "transactions.parquet")
    table = table.filter(pc.greater(table["dollar_value"], 0)).sort_by(
        [("customer_id", "ascending"), ("date", "ascending")]
    )
    table = table.select(["customer_id", "date", "dollar_value"]).rename_columns(
        ["customer_id", "date", "amount"]
    )
    pa_csv.write_csv(table, transactions_file)
    day = table["date"].cast("date32").cast("int32").to_numpy().astype(np.int64)
    tally = HistoryTally(int(day.max()))
    tally.add(
        Orders(
            np.unique(table["customer_id"].to_pylist(), return_inverse=True)[1].astype(np.int64),
            day,
            np.round(table["amount"].to_numpy() * 100).astype(np.int64),
            np.zeros(len(day), dtype=np.int64),
            np.full(len(day), NEVER, dtype=np.int64),
        )
    )
    return tally.histories()


def compare(python: Path, data: Path) -> Iterator[Comparison]:
    """Yield the comparisons: the parameters, then the largest difference over all customers.

    Args:
        python: The Python of the environment of clvkit.
        data: The folder of the real data.

    Raises:
        ValueError: a model cannot be fitted.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "transactions.csv"
        histories = read_histories(data, file)
        counts = (histories.repeats, histories.recency, histories.age)
        has_value = histories.paid_repeats > 0
        orders = fit_lifetimes(*counts)
        values = fit_order_values(histories.paid_repeats[has_value], histories.mean[has_value])
        if orders is None or values is None:
            raise ValueError("a model has no maximum")
        ours = {**asdict(orders), **{name: getattr(values, name) for name in "pqv"}}
        command = [str(python), str(INSIDE), str(file), str(HORIZON_DAYS), json.dumps(ours)]
        theirs: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=-1).stdout)
    for name, value in ours.items():
        yield Comparison(f"parameter {name}", value, theirs["fitted"][name], FIT_TOLERANCE)
    own_values = {
        "alive": p_alive(orders, *counts),
        "orders": expected_events(orders, *counts, HORIZON_DAYS),
        "value": values.expected_value(histories.paid_repeats, histories.mean),
    }
    for name, own in own_values.items():
        other: Floats = np.array(theirs["by_customer"][name])
        worst = int(np.argmax(np.abs(own - other) / np.abs(other)))
        title = f"{name} of {len(own):,} customers"
        yield Comparison(title, float(own[worst]), float(other[worst]), VALUE_TOLERANCE)
