"""A small honest shop and its contracts, drawn, and the ways in which other programs write them as files."""

from __future__ import annotations

import csv
import io
import json
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines import cli

Row = dict[str, Any]
Cell = Callable[[Any], Any]
Files = Mapping[str, str | bytes]

N_CUSTOMERS, N_CONTRACTS = 40, 90
LAST = datetime(2024, 6, 20)
"""The end of the data."""


def number_of(customer: str) -> int:
    """Return the number in the id of a customer."""
    return int(customer[1:])


def customers() -> list[Row]:
    """Return one row for each customer of the shop."""
    first = date(2023, 1, 3)
    return [
        {"customer_id": f"C{1000 + n}", "signed_up_at": first + timedelta(3 * n), "country": "DE"}
        for n in range(N_CUSTOMERS)
    ]


def orders() -> list[Row]:
    """Return the orders of the shop by time; one in three customers leaves."""
    draw = random.Random(7)
    rows: list[Row] = []
    for n in range(N_CUSTOMERS):
        end = LAST if n % 3 else datetime(2023, 6, 10) + timedelta(9 * n)
        at = datetime(2023, 1, 3, 9) + timedelta(3 * n)
        while (at := at + timedelta(draw.randint(12, 30), draw.randint(0, 30_000))) < end:
            amount = round(draw.uniform(5, 480), 2)
            rows.append({"customer_id": f"C{1000 + n}", "ordered_at": at, "amount": amount})
    rows.sort(key=lambda row: row["ordered_at"])
    return [{"order_no": f"O{50_000 + n}", **row} for n, row in enumerate(rows)]


def contracts() -> list[Row]:
    """Return one contract for each customer; one in three runs."""
    rows = []
    for n in range(N_CONTRACTS):
        start = datetime(2022, 3, 1) + timedelta(5 * n, 420 * n)
        end = start + timedelta(30 * (1 + n % 7)) if n % 3 else None
        rows.append({"customer_id": f"C{1000 + n}", "started_at": start, "ended_at": end, "mrr": 29})
    return rows


def versions(names: tuple[str, str], open_end: str, cell: Cell = str, **more: Cell) -> list[Row]:
    """Return three versions of each customer, with a plan each.

    Args:
        names: The names of the columns with the first and the last time of a version.
        open_end: How the end of the last version is written.
        cell: How a time is written.
        more: Further columns, from the index of a version.
    """
    rows = []
    for n in range(N_CUSTOMERS):
        start = datetime(2023, 1, 3) + timedelta(3 * n)
        bounds = [start, start + timedelta(90), start + timedelta(200)]
        for index in range(3):
            ends = [*map(cell, bounds[1:]), open_end]
            row = {"customer_id": f"C{1000 + n}", "created_at": cell(start), "plan": "SML"[(n + index) % 3]}
            row |= {names[0]: cell(bounds[index]), names[1]: ends[index]}
            rows.append(row | {name: value(index) for name, value in more.items()})
    return rows


def cents(rows: Sequence[Row]) -> int:
    """Return the sum of the amounts in cents."""
    return sum(round(100 * row["amount"]) for row in rows)


def text_of(
    rows: Sequence[Row],
    mark: str = ",",
    names: Mapping[str, str] | None = None,
    cells: Mapping[str, Cell] | None = None,
) -> str:
    """Return rows as the text of a CSV file.

    Args:
        rows: The rows.
        mark: The mark between the cells.
        names: Other names of columns.
        cells: By column, how its values are written.
    """
    file = io.StringIO()
    writer = csv.writer(file, delimiter=mark, lineterminator="\n")
    writer.writerow([(names or {}).get(name, name) for name in rows[0]])
    for row in rows:
        writer.writerow([(cells or {}).get(name, str if value is not None else _empty)(value)
                         for name, value in row.items()])  # fmt: skip
    return file.getvalue()


def _empty(_: None) -> str:
    return ""


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files into the new folder `raw`, and return that folder."""
    for name, content in files.items():
        path = folder / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / "raw"


ORDERS, CONTRACTS = orders(), contracts()
PEOPLE = {"customers.csv": text_of(customers())}
GERMAN = {"order_no": "Belegnr", "customer_id": "Kundennummer", "ordered_at": "Bestelldatum",
          "amount": "Betrag"}  # fmt: skip
YEARS = {year: [row for row in ORDERS if row["ordered_at"].year == year] for year in (2023, 2024)}


def init(folder: Path, files: Files) -> tuple[int, Path]:
    """Write files, call `churn init` on them, and return its code and the path of params.yaml."""
    path = folder / "params.yaml"
    code = cli.main("init", ["--params", str(path), "--source", str(write(folder, files))])
    return code, path


def shop(mark: str = ",", names: Mapping[str, str] | None = None, **cells: Cell) -> Files:
    """Return the files of the shop, with other cells in columns of the orders."""
    return {**PEOPLE, "orders.csv": text_of(ORDERS, mark, names, cells)}


def when(time_format: str) -> Cell:
    """Return how a time is written in a format."""
    return lambda at: at.strftime(time_format)


def german(amount: float) -> str:
    """Return an amount with a decimal comma."""
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


def indian(amount: float) -> str:
    """Return an amount with groups of two digits before the last three, as in India."""
    whole, cents_text = f"{amount:.2f}".split(".")
    first, last = whole[:-3], whole[-3:]
    pairs = [first[max(end - 2, 0) : end] for end in range(len(first), 0, -2)]
    return ",".join([*reversed(pairs), last]) + f".{cents_text}"


def split(one: str, other: str, second: list[Row] = ORDERS[1::2]) -> Files:
    """Return the files of the shop with the orders in two files of one shape."""
    return {**PEOPLE, f"{one}.csv": text_of(ORDERS[::2]), f"{other}.csv": text_of(second)}


def lasting(word: str, time_format: str = "%Y-%m-%d %H:%M:%S") -> Files:
    """Return the file of the contracts; those that run have a word in place of their end."""
    cells: dict[str, Cell] = {
        "started_at": when(time_format),
        "ended_at": lambda at: at.strftime(time_format) if at else word,
    }
    return {"subscriptions.csv": text_of(CONTRACTS, cells=cells)}


def with_ids(people: Cell, others: Cell) -> Files:
    """Return the files of the shop with the ids spelt in one way in each table."""
    return {
        "customers.csv": text_of(customers(), cells={"customer_id": people}),
        "orders.csv": text_of(ORDERS, cells={"customer_id": others}),
    }


def guests(words: list[str]) -> Files:
    """Return orders without a table of customers; each seventh belongs to nobody."""
    rows = [
        {**row, "customer_id": row["customer_id"] if n % 7 else words[n // 7 % len(words)]}
        for n, row in enumerate(ORDERS)
    ]
    return {"orders.csv": text_of(rows)}


def lines(rows: list[Row]) -> bytes:
    """Return rows as JSON lines."""
    return "\n".join(json.dumps(row, default=str) for row in rows).encode()


def uuid_of(customer: str) -> str:
    """Return the UUID of a customer."""
    return str(uuid.UUID(int=number_of(customer) * 7919 * 10**20 + 0xABCDEF))
