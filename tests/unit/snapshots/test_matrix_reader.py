from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.errors import SourceError, Stop
from churn.params import bytes_of
from churn.snapshots import read
from churn.snapshots.dataset import recode_levels
from churn.snapshots.read import bytes_needed, read_rows, rows_that_fit
from tests.drawn_company import parse
from tests.small_snapshots import rows_of, snapshots_from

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

    rows, customers, *_ = read_rows(written(tmp_path, FIRST, SECOND), SIGNALS)

    assert [customers[each] for each in rows.customer] == ["b", "ä", "a", "b"]
    assert list(customers) == sorted(customers)
    assert rows.left.tolist() == [1, 0, 0, 1]
    assert np.array_equal(rows.matrix, [[3, 1], [np.nan, 0], [7, np.nan], [5, 1]], equal_nan=True)
    assert rows.levels == {"plan": ("basic", "plus")}
    assert np.unique(rows.cutoff, return_counts=True)[1].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("max_rows", "share", "kept"),
    [
        (None, 1, ["b 3", "ä nan", "a 7", "b 5"]),
        (4, 1, ["b 3", "ä nan", "a 7", "b 5"]),
        (3, 2, ["ä nan", "a 7"]),
        (1, 4, ["a 7"]),
        (0, 4, ["a 7"]),
    ],
)
def test_of_more_rows_than_fit_all_rows_of_every_nth_customer_are_read(
    tmp_path: Path, max_rows: int | None, share: int, kept: list[str]
) -> None:
    everything = read_rows(written(tmp_path, FIRST, SECOND), SIGNALS)

    part = read_rows(written(tmp_path, FIRST, SECOND), SIGNALS, max_rows)

    rows = part.rows
    names = [part.customers[number] for number in rows.customer]
    assert [f"{name} {value:.0f}" for name, value in zip(names, rows.matrix[:, 0], strict=True)] == kept
    assert part.customers == everything.customers[::share]
    assert (part.customer_share, part.rows_on_disk) == (share, 4)
    left = {
        (everything.customers[number], day): value
        for number, day, value in zip(
            everything.rows.customer, everything.rows.cutoff, everything.rows.left, strict=True
        )
    }
    assert [left[key] for key in zip(names, rows.cutoff, strict=True)] == rows.left.tolist()


@pytest.mark.parametrize("size", ["1GiB", "8GiB", "100 GB"])
def test_the_rows_that_fit_need_the_memory_and_no_more(size: str) -> None:
    limit = bytes_of(size)

    fitting = rows_that_fit(limit, 226)

    assert bytes_needed(fitting, 226) <= limit < bytes_needed(fitting + 1, 226)


def test_only_a_training_on_a_part_of_the_customers_is_worth_a_sentence() -> None:
    whole = snapshots_from(rows_of({"logins": [3, 0, 7]}, [0, 1, 0]))

    assert whole.memory_warning("8GiB", "params.yaml") == ""
    warning = replace(whole, customer_share=3, rows_on_disk=9_000_000).memory_warning("8GiB", "params.yaml")
    assert "params.yaml: train.memory_limit: 9,000,000 labelled rows" in warning
    assert f"use only one customer in 3: {len(whole.rows):,} rows in all" in warning


def test_no_labelled_row_is_a_stop(tmp_path: Path) -> None:
    drawn = "customer_id | cutoff | left | logins | plan\na | 2024-01-01 | | 4 | gold"

    with pytest.raises(Stop):
        read_rows(written(tmp_path, drawn), SIGNALS)


def test_a_file_without_a_signal_is_named(tmp_path: Path) -> None:
    parts = written(tmp_path, FIRST)

    with pytest.raises(SourceError) as refused:
        read_rows(parts, [*SIGNALS, {"name": "orders", "kind": "number"}])

    assert "1.parquet" in refused.value.problems[0]
    assert "orders" in refused.value.problems[0]


def test_where_all_levels_are_known_nothing_is_copied(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path, FIRST, SECOND), SIGNALS).rows

    whole = recode_levels(rows, rows.levels)
    fewer = recode_levels(rows, {"plan": ("plus",)})

    assert whole is rows.matrix
    assert np.array_equal(fewer, [[3, 0], [np.nan, np.nan], [7, np.nan], [5, 0]], equal_nan=True)
    assert rows.matrix[0, 1] == 1
