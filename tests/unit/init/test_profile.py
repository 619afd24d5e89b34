"""A table is profiled by all of its rows: an exact count decides whether a column is a key."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from churn.data.sources.connections import open_source
from churn.init.params_file import params_for_source
from churn.init.profile import profile_tables
from churn.init.source_table import SourceColumn


def only_column(folder: Path, text: str) -> SourceColumn:
    """Profile the one column of a CSV file."""
    raw = folder / "raw"
    raw.mkdir()
    (raw / "members.csv").write_text(text)
    with open_source(params_for_source(str(raw), folder / "params.yaml"), folder / "scratch") as source:
        tables, _ = profile_tables(source, "duckdb", date.today())
    (column,) = tables[0].columns
    return column


@pytest.mark.parametrize("first", [332 * 9381, 0], ids=["counted-as-6244-by-sketch", "other-ids"])
def test_a_column_of_different_ids_is_unique_whatever_a_sketch_counts(tmp_path: Path, first: int) -> None:
    ids = [f"C{first + number}" for number in range(9381)]

    column = only_column(tmp_path, "\n".join(["member", *ids]))

    assert column.distinct == 9381
    assert column.unique


@pytest.mark.parametrize(("n_repeated", "unique"), [(2, True), (4, False)])
def test_a_key_has_another_value_in_97_of_100_rows(tmp_path: Path, n_repeated: int, unique: bool) -> None:
    ids = [str(max(number, n_repeated)) for number in range(100)]

    column = only_column(tmp_path, "\n".join(["member", *ids]))

    assert column.distinct == 100 - n_repeated
    assert column.unique == unique


def test_a_column_with_many_empty_rows_is_no_key(tmp_path: Path) -> None:
    rows = [str(number) if number % 10 else '""' for number in range(100)]

    column = only_column(tmp_path, "\n".join(["member", *rows]))

    assert column.distinct == 90
    assert not column.unique


@pytest.mark.parametrize("rows_profiled_together", [0, 1000])
def test_a_wide_table_has_the_profile_of_its_columns_in_narrow_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_profiled_together: int
) -> None:
    cells = ["U1", "2024-03-01", "13/04/2023", "4.25", "12,50", "x", "true"]
    rows = [",".join(f'"{cell}"' for cell in cells)] * 30 + ['U2,2024-03-02,05/06/2023,1.5,"7,5",NULL,false']
    text = "\n".join(["a,b,c,d,e,f,g", *rows])
    path = tmp_path / "raw" / "members.csv"
    path.parent.mkdir()
    path.write_text(text)
    profiles = []
    for columns_per_batch in (100, 2):
        monkeypatch.setattr("churn.init.profile.COLUMNS_PER_BATCH", columns_per_batch)
        monkeypatch.setattr("churn.init.profile.ROWS_PROFILED_TOGETHER", rows_profiled_together)
        params = params_for_source(str(path.parent), tmp_path / "params.yaml")
        with open_source(params, tmp_path / "scratch") as source:
            profiles.append(profile_tables(source, "duckdb", date(2026, 1, 1)))

    assert profiles[0] == profiles[1]
    assert [column.distinct for column in profiles[0][0][0].columns] == [2] * 7


@pytest.mark.parametrize(
    ("no_value", "filled_share"), [("1900-01-01", 0.75), ("1900-01-01 00:00:00", 0.75), ("2023-05-01", 1.0)]
)
def test_a_day_for_no_value_does_not_count_as_filled(
    tmp_path: Path, no_value: str, filled_share: float
) -> None:
    days = [f"2023-02-{number % 28 + 1:02}" if number % 4 else no_value for number in range(80)]

    column = only_column(tmp_path, "\n".join(["signed_up_at", *days]))

    assert column.kind == "time"
    assert column.filled_share == pytest.approx(filled_share)
