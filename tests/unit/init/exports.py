"""Exports of other programs, drawn as files, and what `churn init` drafts from them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from churn.data.ingest.ingest import ingest
from churn.data.sources.connections import open_source
from churn.data.store import Store
from churn.init.draft import Draft, draft_params
from churn.init.params_file import params_for_source, params_text
from churn.params import load_params

TODAY = date(2025, 1, 1)
"""The day of each call: the rows of all exports lie before it."""


Rows = list[dict[str, Any]]

N_CUSTOMERS = 40


def address(n: int) -> str:
    """Return the e-mail address of a customer by number."""
    return f"c{n}@example.com"


def write_tables(folder: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    """Write tables as CSV files of the new folder `raw`, and return that folder."""
    raw = folder / "raw"
    raw.mkdir(parents=True)
    for name, rows in tables.items():
        with (raw / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return raw


def members(id_of: Callable[[int], Any], key: str = "customer_id") -> Rows:
    return [
        {key: id_of(n), "signed_up_at": date(2023, 1, 1) + timedelta(n), "country": "DE" if n % 3 else "AT"}
        for n in range(N_CUSTOMERS)
    ]


def orders(id_of: Callable[[int], Any], key: str = "customer_id") -> Rows:
    return [
        {
            "order_no": f"B{n}-{day}",
            key: id_of(n),
            "ordered_at": date(2023, 2, 15) + timedelta(day),
            "amount": 10 + n + day / 8,
        }
        for n in range(N_CUSTOMERS)
        for day in range(n % 9, 120 + 7 * n, 9)
    ]


def id_columns(written: Draft) -> dict[str, str]:
    """Return the SQL of the customer's id by table; `-` where the source has the canonical name."""
    return {
        name: body.get("columns", {}).get("customer_id", "-")
        for name, body in written.tree()["tables"].items()
    }


def draft(
    source: Path, *, key: str | None = None, home: Path | None = None, dialect: str = "duckdb"
) -> Draft:
    """Draft params.yaml from the tables of a folder; `home` holds what is written, beside them by default."""
    home = home or source.parent
    with open_source(params_for_source(str(source), home / "params.yaml"), home / "scratch") as tables:
        return draft_params(tables, dialect, TODAY, key_name=key)


def ingest_draft(source: Path, home: Path, key: str | None = None) -> Store:
    """Draft params.yaml from a folder and ingest with it."""
    home.mkdir(exist_ok=True)
    path = home / "params.yaml"
    path.write_text(params_text(draft(source, key=key, home=home), str(source)))
    return ingest(load_params(path), lambda _: None)
