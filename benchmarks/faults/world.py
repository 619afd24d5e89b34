"""A tiny company with a trained champion and a scored night; each mutated input is a copy of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

CUSTOMERS = 96
FIRST_DAY = datetime(2024, 1, 1)
DAYS = 366
FORMATS = ("csv", "parquet", "jsonl")

PARAMS = """\
source: {source}
timezone: Europe/Berlin
tables:
  customers: {{static: ["Plan: Typ", country]}}
  orders: {{columns: {{ordered_at: placed, amount: amount}}}}
label: {{kind: inactivity, table: orders, horizon_days: 28, gap_days: 0, active_days: 56,
        accept_reactivation: made up}}
snapshot: {{first: 2024-05-01, last: 2024-11-20, every: 14 days, watermark: 2025-01-01, late_days: 0}}
signals:
  windows: [28]
  names: [orders_count_28d, orders_amount_total_28d, orders_days_since_last, country, "Plan: Typ"]
train: {{seed: 7, candidates: [logistic], calibration: none}}
evaluate:
  bootstrap: 100
  test_cutoffs: [2024-09-18, 2024-10-02, 2024-10-16, 2024-10-30, 2024-11-13]
  contact_share: 0.1
  profit: {{contact_cost: 1, incentive_cost: 10, accept_share: 0.3}}
  accept: {{too_good: made up, no_signal: made up, calendar_like: made up}}
promote: {{observed_expected: [0.01, 100.0], margin: 1.0}}
score: {{reasons: 3, language: en, budget: {{share: 0.1}}, playbook: playbook.yaml}}
tracking: {{uri: "sqlite:///mlflow.db", experiment: churn, model: churn}}
output: output
models: models
engine: {{memory_limit: 1GiB, threads: 1, executor: serial}}
check:
  max_rejects: 0.5
  accept: {{}}
"""

PLAYBOOK = """\
plays:
  - name: fewer-orders
    when:
      all:
        - orders_days_since_last: {at_least: 30}
        - churn_probability: {above: 0.3}
    action: Call, and ask what changed
    owner: customer success
    channel: phone
    due_in_days: 3
    success: An order in the 28 days after the contact
    template: fewer_orders
  - name: anyone
    when:
      health: {at_most: 5}
    action: Write a letter
    owner: customer success
    channel: email
    due_in_days: 7
    success: An order in the 28 days after the contact
    template: letter
"""


def write_sources(folder: Path, seed: int = 7) -> None:
    """Write the same company as CSV, Parquet and JSON lines, into one folder for each format."""
    rng = random.Random(seed)
    ids = [f"C{number:04d}" for number in range(CUSTOMERS)]
    plans, countries = ("Basic", "Basic", "Pro", "Team"), ("DE", "FR", "PL")
    customers = {
        "customer_id": ids,
        "signed_up_at": [_day(rng.randrange(60)) for _ in ids],
        "Plan: Typ": [rng.choice(plans) for _ in ids],
        "country": [rng.choice(countries) for _ in ids],
    }
    orders: dict[str, list[object]] = {"customer_id": [], "placed": [], "amount": []}
    for customer_id, plan in zip(ids, customers["Plan: Typ"], strict=True):
        gap_days, day = rng.uniform(4, 12), rng.uniform(60, 90)
        last_day = rng.uniform(120, 400) if plan == "Basic" else 2 * DAYS
        while day < min(DAYS, last_day):
            orders["customer_id"].append(customer_id)
            orders["placed"].append(
                FIRST_DAY + timedelta(days=int(day), seconds=rng.randrange(30_000, 80_000))
            )
            orders["amount"].append(round(rng.lognormvariate(3.3, 0.5), 2))
            day += rng.expovariate(1 / gap_days) + 1
    for name, columns in (("customers", customers), ("orders", orders)):
        table = pa.table(columns)
        for file_format in FORMATS:
            path = folder / file_format / f"{name}.{file_format}"
            path.parent.mkdir(parents=True, exist_ok=True)
            _WRITERS[file_format](table, path)


def _day(number: int) -> datetime:
    return FIRST_DAY + timedelta(days=number)


def _write_csv(table: pa.Table, path: Path) -> None:
    lines = [",".join(table.column_names)]
    lines += [",".join(map(str, row.values())) for row in table.to_pylist()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_json(table: pa.Table, path: Path) -> None:
    lines = (json.dumps(row, default=str) for row in table.to_pylist())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_parquet(table: pa.Table, path: Path) -> None:
    pa.parquet.write_table(table, path)


_WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "jsonl": _write_json,
}


def write_world(folder: Path) -> None:
    """Write the company with its parameters and playbook."""
    write_sources(folder / "data")
    (folder / "params.yaml").write_text(
        PARAMS.format(source=folder.resolve() / "data" / "csv"), encoding="utf-8"
    )
    (folder / "playbook.yaml").write_text(PLAYBOOK, encoding="utf-8")
