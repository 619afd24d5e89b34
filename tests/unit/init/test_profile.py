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
