"""When contracts ended, drawn: cutoff 2024-07-01, grace of 10 days, rows may trail in 2 days late."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from churn.errors import SourceError
from churn.features.library import select_signals
from churn.params import Params
from churn.snapshots.read import read_snapshots
from churn.snapshots.write import write_snapshots
from tests.drawn_company import draw

CUTOFF = date(2024, 7, 1)
LABEL = {"kind": "contract", "horizon_days": 14, "gap_days": 3, "grace_days": 10}
SUBSCRIPTIONS = """
    customer   | started_at | ended_at
    stays      | 2024-01-01 |
    in_window  | 2024-01-01 | 2024-07-10
    renewed    | 2024-01-01 | 2024-07-10
    renewed    | 2024-07-20 | 2024-08-15
    came_back  | 2024-01-01 | 2024-07-10
    came_back  | 2024-07-21 |
    in_gap     | 2024-01-01 | 2024-07-02
    certain    | 2024-01-01 | 2024-09-30
    too_young  | 2024-01-01 | 2024-10-01
    told_ahead | 2024-01-01 | 2025-01-31
"""
WATERMARK = "2024-10-13"  # 2024-09-30 + 1, + 10 days of grace, + 2 that data may be late


def write(folder: Path, watermark: str = WATERMARK, subscriptions: str = SUBSCRIPTIONS) -> Params:
    snapshot = {"watermark": watermark, "late_days": 2, "cutoffs": ["2024-07-01"]}
    world = draw(folder, subscriptions=subscriptions, label=LABEL, since=None, params={"snapshot": snapshot})
    write_snapshots(world.store, select_signals(world.store.params, world.store))
    return world.store.params


def ends_of(params: Params) -> dict[str, date | None]:
    table = pq.read_table(params.output / "snapshots" / f"cutoff={CUTOFF}" / "outcome.parquet").to_pydict()
    return dict(zip(table["customer_id"], table["ends_on"], strict=True))


def test_an_end_is_told_once_neither_a_renewal_nor_a_late_row_can_move_it(tmp_path: Path) -> None:
    assert ends_of(write(tmp_path)) == {
        "stays": None,
        "in_window": date(2024, 7, 10),
        "renewed": date(2024, 8, 15),
        "came_back": date(2024, 7, 10),
        "certain": date(2024, 9, 30),
        "too_young": None,
        "told_ahead": None,
    }


def test_a_day_earlier_the_youngest_end_is_not_certain_yet(tmp_path: Path) -> None:
    assert ends_of(write(tmp_path, "2024-10-12"))["certain"] is None


def test_customers_stand_in_the_order_of_the_part_file_also_while_the_label_is_immature(
    tmp_path: Path,
) -> None:
    params = write(tmp_path, "2024-07-20")

    part = pq.read_table(params.output / "snapshots" / f"cutoff={CUTOFF}" / "part.parquet", partitioning=None)

    assert list(ends_of(params)) == part["customer_id"].to_pylist()
    assert ends_of(params)["in_gap"] == date(2024, 7, 2)


def test_another_end_changes_the_digest_of_snapshots_whose_labels_are_the_same(tmp_path: Path) -> None:
    later = SUBSCRIPTIONS.replace("2024-09-30", "2024-09-29")

    one = read_snapshots(write(tmp_path / "one"))
    other = read_snapshots(write(tmp_path / "other", subscriptions=later))

    assert one.rows.left.tolist() == other.rows.left.tolist()
    assert one.digest != other.digest


def test_snapshots_without_ends_say_how_to_get_them(tmp_path: Path) -> None:
    params = write(tmp_path)
    (params.output / "snapshots" / f"cutoff={CUTOFF}" / "outcome.parquet").unlink()

    with pytest.raises(SourceError, match="churn snapshot"):
        read_snapshots(params)
