from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.errors import CallError, Stop
from churn.snapshots import read
from churn.snapshots.dataset import recode_levels
from churn.snapshots.read import read_rows
from tests.drawn_company import parse

SIGNALS = [{"name": "logins", "kind": "number"}, {"name": "plan", "kind": "level"}]
FIRST = """
    customer_id | cutoff     | left | logins | plan
    b           | 2024-01-01 | 1    | 3      | plus
    a           | 2024-01-01 |      | 4      | gold
    ä           | 2024-01-01 | 0    |        | basic
"""
SECOND = """
    customer_id | cutoff     | left | logins | plan
    a           | 2024-02-01 | 0    | 7      |
    b           | 2024-02-01 | 1    | 5      | plus
"""


def written(folder: Path, *drawn: str) -> dict[date, Path]:
    parts = {}
    for month, text in enumerate(drawn, start=1):
        parts[date(2024, month, 1)] = folder / f"{month}.parquet"
        frame = pd.DataFrame(parse(text)).replace("", None)
        frame = frame.astype({"left": "Int8", "logins": "Float64"}, errors="raise")
        frame.to_parquet(folder / f"{month}.parquet", index=False)
    return parts


@pytest.mark.parametrize("batch", [1, 2, 8192])
def test_labelled_rows_come_in_order_whatever_the_size_of_a_batch(
    tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "MATRIX_BATCH_ROWS", batch)

    rows, customers = read_rows(written(tmp_path, FIRST, SECOND), SIGNALS)

    assert [customers[each] for each in rows.customer] == ["b", "ä", "a", "b"]
    assert list(customers) == sorted(customers)
    assert rows.left.tolist() == [1, 0, 0, 1]
    assert np.array_equal(rows.matrix, [[3, 1], [np.nan, 0], [7, np.nan], [5, 1]], equal_nan=True)
    assert rows.levels == {"plan": ("basic", "plus")}
    assert np.unique(rows.cutoff, return_counts=True)[1].tolist() == [2, 2]


def test_no_labelled_row_is_a_stop(tmp_path: Path) -> None:
    drawn = "customer_id | cutoff | left | logins | plan\na | 2024-01-01 | | 4 | gold"

    with pytest.raises(Stop):
        read_rows(written(tmp_path, drawn), SIGNALS)


def test_a_file_without_a_signal_is_named(tmp_path: Path) -> None:
    parts = written(tmp_path, FIRST)

    with pytest.raises(CallError) as refused:
        read_rows(parts, [*SIGNALS, {"name": "orders", "kind": "number"}])

    assert "1.parquet" in refused.value.problems[0]
    assert "orders" in refused.value.problems[0]


def test_where_all_levels_are_known_nothing_is_copied(tmp_path: Path) -> None:
    rows, _ = read_rows(written(tmp_path, FIRST, SECOND), SIGNALS)

    whole = recode_levels(rows, rows.levels)
    fewer = recode_levels(rows, {"plan": ("plus",)})

    assert whole is rows.matrix
    assert np.array_equal(fewer, [[3, 0], [np.nan, np.nan], [7, np.nan], [5, 0]], equal_nan=True)
    assert rows.matrix[0, 1] == 1
