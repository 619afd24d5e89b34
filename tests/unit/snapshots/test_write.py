"""Which cutoffs a snapshot set has, and what is written of each."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from churn.errors import CallError, Stop
from churn.features.library import select_signals
from churn.labels.calendar import snapshot_cutoffs
from churn.snapshots.write import write_snapshots
from tests.drawn_company import DrawnCompany, draw


def cutoffs_of(folder: Path, first_login: str, watermark: str, **snapshot: object) -> list[str]:
    logins = f"customer | happened_at\nana | {first_login}\nana | {watermark}"
    world = draw(folder, logins=logins, since=None, params={"snapshot": {"watermark": watermark, **snapshot}})
    return [str(cutoff) for cutoff in snapshot_cutoffs(world.store)]


@pytest.mark.parametrize(
    ("first_login", "expected"),
    [
        ("2024-02-05", ["2024-04-01", "2024-05-01", "2024-06-01"]),  # 56 days later is the 1st itself
        ("2024-02-06", ["2024-05-01", "2024-06-01"]),
        ("2024-02-04", ["2024-04-01", "2024-05-01", "2024-06-01"]),
    ],
)
def test_months_begin_on_the_first_that_has_56_days_before_it(
    tmp_path: Path, first_login: str, expected: list[str]
) -> None:
    assert cutoffs_of(tmp_path, first_login, "2024-06-10", every="month") == expected


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (
            {"every": "month", "first": "2024-05-31", "last": "2024-07-31"},
            ["2024-05-31", "2024-06-30", "2024-07-31"],
        ),
        ({"first": "2024-05-31", "last": "2024-05-31"}, ["2024-05-31"]),
        ({"every": "month", "last": "2024-04-01"}, ["2024-03-01", "2024-04-01"]),
        ({"last": "2024-03-11"}, ["2024-02-26", "2024-03-04", "2024-03-11"]),
        ({"every": "10 days", "first": "2024-07-05"}, ["2024-07-05", "2024-07-15", "2024-07-25"]),
        ({"cutoffs": ["2024-03-01", "2024-02-01", "2024-03-01"]}, ["2024-02-01", "2024-03-01"]),
    ],
)
def test_cutoffs_are_those_asked_for(
    tmp_path: Path, snapshot: dict[str, object], expected: list[str]
) -> None:
    assert cutoffs_of(tmp_path, "2024-01-01", "2024-08-01", **snapshot) == expected


def test_a_test_cutoff_has_its_snapshot_whatever_the_grid(tmp_path: Path) -> None:
    logins = "customer | happened_at\nana | 2024-01-01\nana | 2024-08-01"
    params = {
        "snapshot": {"watermark": "2024-08-01", "last": "2024-03-11"},
        "evaluate": {"test_cutoffs": ["2024-06-03", "2024-03-04"]},
    }
    world = draw(tmp_path, logins=logins, since=None, params=params)

    found = [str(cutoff) for cutoff in snapshot_cutoffs(world.store)]

    assert found == ["2024-02-26", "2024-03-04", "2024-03-11", "2024-06-03"]


@pytest.mark.parametrize(
    ("snapshot", "said"),
    [
        ({"first": "2030-01-01"}, ["snapshot.first", "2030-01-01", "after the watermark 2024-08-01"]),
        ({"last": "2010-01-01"}, ["snapshot.last", "2010-01-01", "before 2024-02-26", "56 days", "logins"]),
        ({"last": "2024-02-25"}, ["snapshot.last", "2024-02-25", "before 2024-02-26"]),
        ({"last": "2030-01-01", "every": "month"}, ["2024-09-01", "after the watermark 2024-08-01"]),
        ({"cutoffs": ["2024-08-02"]}, ["2024-08-02", "after the watermark 2024-08-01"]),
    ],
)
def test_first_or_last_that_leave_no_cutoff_are_named(
    tmp_path: Path, snapshot: dict[str, object], said: list[str]
) -> None:
    with pytest.raises(CallError) as caught:
        cutoffs_of(tmp_path, "2024-01-01", "2024-08-01", **snapshot)

    assert [part for part in said if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("first_login", "snapshot", "said"),
    [
        ("2024-06-01", {"every": "month"}, "2024-08-01"),
        ("2024-06-01", {}, "2024-07-27"),
        ("2024-05-10", {"every": "month"}, "2024-08-01"),  # long enough, but without a first of a month
        ("2024-06-01", {"every": "month", "last": "2024-07-01"}, "2024-08-01"),
    ],
)
def test_data_too_short_for_a_cutoff_stop_the_work_and_say_when_the_first_would_be(
    tmp_path: Path, first_login: str, snapshot: dict[str, object], said: str
) -> None:
    with pytest.raises(Stop, match=f"{said}.*snapshot.cutoffs"):
        cutoffs_of(tmp_path, first_login, "2024-07-20", **snapshot)


SUBSCRIPTIONS = """
    customer | started_at | ended_at
    stays    | 2024-01-01 |
    leaves   | 2024-01-01 | 2024-07-20
    in_gap   | 2024-01-01 | 2024-07-03
    gone     | 2024-01-01 | 2024-06-01
"""
LABEL = {"kind": "contract", "horizon_days": 31, "gap_days": 7, "grace_days": 10}
MATURE_ON = "2024-08-20"  # 2024-07-01 + 7 + 31 days, + 10 days of grace, + 2 that data may be late


def written(folder: Path, watermark: str) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Write the snapshot of 2024-07-01; return what the manifest says of it, and its columns."""
    snapshot = {"watermark": watermark, "late_days": 2, "cutoffs": ["2024-07-01"]}
    world: DrawnCompany = draw(
        folder, subscriptions=SUBSCRIPTIONS, label=LABEL, since=None, params={"snapshot": snapshot}
    )
    params = world.store.params
    manifest = write_snapshots(world.store, select_signals(params, world.store))
    table = pq.read_table(params.output / "snapshots" / "cutoff=2024-07-01" / "part.parquet")
    return manifest.as_json()["cutoffs"]["2024-07-01"], table.to_pydict()


def test_a_snapshot_has_labels_from_the_day_on_which_nothing_can_change_them(tmp_path: Path) -> None:
    facts, columns = written(tmp_path, MATURE_ON)

    assert dict(zip(columns["customer_id"], columns["left"], strict=True)) == {"leaves": 1, "stays": 0}
    assert set(facts.pop("files")) == {"part.parquet", "outcome.parquet"}
    assert facts == {
        "rows": 2,
        "left": 1,
        "matured": True,
        "window_end": "2024-08-08",
        "mature_on": MATURE_ON,
        "excluded": {"no live contract": 1},
        "dropped": {"contract ends in the gap": 1},
    }


def test_a_day_earlier_labels_are_missing_and_no_row_is_dropped(tmp_path: Path) -> None:
    facts, columns = written(tmp_path, "2024-08-19")

    assert dict(zip(columns["customer_id"], columns["left"], strict=True)) == {
        "in_gap": None,
        "leaves": None,
        "stays": None,
    }
    assert facts["left"] is None
    assert facts["dropped"] == {}
    assert not facts["matured"]
    assert facts["rows"] == 3


def test_a_snapshot_says_of_which_cutoff_it_is(tmp_path: Path) -> None:
    _, columns = written(tmp_path, MATURE_ON)

    assert set(columns["cutoff"]) == {date(2024, 7, 1)}
    assert list(columns)[:3] == ["customer_id", "cutoff", "left"]
