from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.kills.night import KilledNight, ledger_tasks, state_of_files, table

BEFORE = {"scores": "1", "calls": "1"}
COMPLETE = {"scores": "2", "calls": "2"}


@pytest.mark.parametrize(
    ("files", "state"),
    [
        ({}, "none"),
        (BEFORE, "before"),
        (COMPLETE, "complete"),
        (BEFORE | {"calls": "2"}, "OTHER"),
        ({"calls": "2"}, "OTHER"),
    ],
)
def test_files_of_two_nights_and_half_a_night_are_no_state_of_a_night(
    files: dict[str, str], state: str
) -> None:
    assert state_of_files(files, BEFORE, COMPLETE) == state


def test_a_night_knows_the_tasks_of_its_page_and_of_earlier_pages_and_no_pending_page(tmp_path: Path) -> None:
    for folder, task in (("cutoff=2024-01-01", "a"), ("cutoff=2024-01-02", "b"), (".pending-cutoff=x", "c")):
        path = tmp_path / "output" / "ledger" / folder
        path.mkdir(parents=True)
        pq.write_table(pa.table({"task_id": [task]}), path / "tasks.parquet")

    assert ledger_tasks(tmp_path) == {("2024-01-01", "a"), ("2024-01-02", "a"), ("2024-01-02", "b")}


def test_the_table_counts_states_and_problems() -> None:
    nights = [
        KilledNight("a new night", 0.1, -9, "none", "before", ()),
        KilledNight("a new night", 0.2, 0, "complete", "complete", ("litter: x",)),
    ]

    assert "| 1 of 2 | complete, complete: 1; none, before: 1 | 1 |" in [*table(nights)][2]
