"""Read spreadsheets: each sheet that is not empty becomes a table, copied to Parquet."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.sources.file_readers import TableFiles
from churn.data.sql import parquet_rows
from churn.errors import SourceError


def read_workbook(
    connection: duckdb.DuckDBPyConnection, folder: Path, paths: Sequence[Path], scratch: Path
) -> Iterator[tuple[str, TableFiles]]:
    """Yield each filled sheet of a spreadsheet as a table, with an empty name if there is only one sheet.

    Args:
        connection: The DuckDB connection of the source; not used, because spreadsheets are read without
            DuckDB.
        folder: The source.
        paths: One spreadsheet, or several with one sheet each, which are parts of one table.
        scratch: The folder for copies of the sheets as Parquet.

    Raises:
        SourceError: A spreadsheet cannot be read, or one of several spreadsheets has more than one sheet.
    """
    reader = importlib.import_module("python_calamine")
    copies: dict[str, list[Path]] = {}
    for path in paths:
        try:
            workbook = reader.CalamineWorkbook.from_path(str(path))
            sheets = {
                name: _sheet(workbook.get_sheet_by_name(name).to_python()) for name in workbook.sheet_names
            }
        except reader.CalamineError as error:
            raise SourceError(
                f"source: {path.name} cannot be read as a spreadsheet: {error}. Save the file again, or "
                "save it as CSV."
            ) from None
        filled = {name: table for name, table in sheets.items() if table.num_columns}
        if len(filled) > 1 and len(paths) > 1:
            raise SourceError(
                f"source: {path.name} has several sheets ({', '.join(filled)}), but it is one of "
                "several files of a table, and such a file may have only one sheet. Give each "
                "sheet a file of its own."
            )
        for name, table in filled.items():
            copy = scratch / "sheets" / path.relative_to(folder) / f"{len(copies)}.parquet"
            copy.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, copy)
            copies.setdefault(name if len(filled) > 1 else "", []).append(copy)
    for name, sheet_copies in copies.items():
        scan = parquet_rows(*sheet_copies, union_by_name=True)
        yield name, TableFiles(tuple(paths), scan, "workbook", is_copy=True)


def _sheet(rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Return the cells of a sheet as a table; the first row with content holds the names of the columns."""
    filled = [row for row in rows if any(cell != "" for cell in row)]
    if not filled:
        return pa.table({})
    header, *body = filled
    columns: dict[str, pa.Array] = {}
    for number, name in enumerate(header):
        cells = [row[number] if row[number] != "" else None for row in body]
        if name == "" and all(cell is None for cell in cells):
            continue
        title = _text_of(name) if name != "" else f"column_{number + 1}"
        while title in columns:
            title = f"{title}_{number + 1}"
        columns[title] = _cells(cells)
    return pa.table(columns)


def _cells(cells: Sequence[Any]) -> pa.Array:
    """Return the cells of a column: times, numbers or booleans if all are of one kind, else texts."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds and kinds <= {dt.date, dt.datetime}:
        times = [
            dt.datetime(cell.year, cell.month, cell.day) if type(cell) is dt.date else cell for cell in cells
        ]
        return pa.array(times, pa.timestamp("us"))
    if kinds and kinds <= {int, float}:
        is_whole = all(cell is None or float(cell).is_integer() for cell in cells)
        numbers = [cell if cell is None else int(cell) if is_whole else float(cell) for cell in cells]
        fits = is_whole and all(number is None or abs(number) < 1 << 53 for number in numbers)
        return pa.array(numbers, pa.int64() if fits else pa.float64())
    if kinds == {bool}:
        return pa.array(cells, pa.bool_())
    return pa.array([None if cell is None else _text_of(cell) for cell in cells], pa.string())


def _text_of(cell: Any) -> str:
    """Return a cell as text, as the spreadsheet shows it: a whole number has no decimal point."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat(" ") if isinstance(cell, dt.datetime) else str(cell)
