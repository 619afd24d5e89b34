"""Random companies that are dirty on purpose: ties, equal rows, midnights, changes of clocks, late rows."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from churn.data.ingest import ingest
from churn.data.store import Store
from churn.data.tables import CANONICAL, EMPTIED, Column, Table, events_table, history_table
from churn.params import Params

CUTOFFS = ["2024-03-31", "2024-04-01", "2024-04-02", "2024-06-01", "2024-10-28", "2024-11-15"]
"""Around both changes of clocks in Berlin (2024-03-31 and 2024-10-27), some a day apart."""

ORDERING = ("outcome", "scheduled", "value", "attribute")
"""Roles of the columns by which the store orders rows of one time."""

TABLES: dict[str, Table] = {
    **{name: table for name, table in CANONICAL.items() if name not in ("customers", "contacts")},
    "visits": events_table("visits"),
    **{table.name: table for table in (history_table("tier", "level"), history_table("seats", "number"))},
}


@dataclass(frozen=True)
class RandomWorld:
    """A random company: what its source says, and its store."""

    rows: dict[str, dict[str, list[dict[str, Any]]]]
    signed_up: dict[str, date]
    store: Store
    zone: ZoneInfo


def random_world(folder: Path, seed: int, customers: int = 25) -> RandomWorld:
    """Make a company from a seed, write it as CSV and ingest it."""
    rng = random.Random(seed)
    zone = ZoneInfo("Europe/Berlin")
    signed_up = {f"c{i:02}": date(2023, 6, 1) + timedelta(rng.randrange(480)) for i in range(customers)}
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, table in TABLES.items():
        rows[name] = {
            customer: sorted(_rows(rng, table, zone), key=lambda row: _store_order(row, table))
            for customer in signed_up
        }
    return ingested(folder, rows, signed_up)


def ingested(folder: Path, rows: dict[str, Any], signed_up: dict[str, date]) -> RandomWorld:
    """Write given rows as CSV and ingest them."""
    store = ingest(_written(folder, rows, signed_up), lambda _: None)
    return RandomWorld(rows, signed_up, store, ZoneInfo("Europe/Berlin"))


def cut(world: RandomWorld, cutoff: str) -> dict[str, Any]:
    """Return the rows as the source held them on the eve of a cutoff: nothing later, no later outcome."""
    day = date.fromisoformat(cutoff)
    midnight = datetime(day.year, day.month, day.day, tzinfo=world.zone)
    return {
        name: {
            customer: [
                _as_of(row, TABLES[name], midnight)
                for row in own
                if row[TABLES[name].time] < midnight and row["known_at"] < midnight
            ]
            for customer, own in by_customer.items()
        }
        for name, by_customer in world.rows.items()
    }


def _as_of(row: dict[str, Any], table: Table, midnight: datetime) -> dict[str, Any]:
    outcomes = {column.name for column in table.of_role("outcome")}
    late = {name for name in outcomes if row[name] is not None and row[name] >= midnight}
    late |= {column.name for column in table.columns if column.known_with in late}
    return {name: None if name in late else value for name, value in row.items()}


def _rows(rng: random.Random, table: Table, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for _ in range(rng.choice([0, 1, 2, 5, 15])):
        row = _row(rng, table, zone)
        yield row
        while rng.random() < 0.15:
            yield dict(row)


def _row(rng: random.Random, table: Table, zone: ZoneInfo) -> dict[str, Any]:
    happened = _time(rng, zone)
    row: dict[str, Any] = {table.time: happened, "known_at": happened}
    if rng.random() < 0.2:
        row["known_at"] = _midnight_or_not(rng, happened + timedelta(hours=rng.randrange(24 * 60)), zone)
    for column in table.columns:
        if column.name not in row:
            row[column.name] = _cell(rng, column, happened, zone)
    return row


def _cell(rng: random.Random, column: Column, happened: datetime, zone: ZoneInfo) -> Any:
    optional = column.may_be_emptied or not column.required
    if column.role in ("id", "row") or (optional and rng.random() < 0.3):
        return None
    if column.type == "instant":
        ahead = timedelta(minutes=rng.choice([0, 1, 600, 60 * rng.randrange(24 * 90)]))
        return _midnight_or_not(rng, happened + ahead, zone)
    if column.type in ("money", "number"):
        return rng.randrange(0, 11)
    if column.type == "boolean":
        return rng.random() < 0.5
    return rng.choice(["a", "b", "c"])


def _time(rng: random.Random, zone: ZoneInfo) -> datetime:
    near = rng.choice([*CUTOFFS, "2023-12-01"])
    days = rng.choice([0, 1, 7, 14, 28, 35, 56, 84, 91, 112, 182, 366, rng.randrange(400)])
    day = date.fromisoformat(near) - timedelta(days - rng.choice([-1, 0, 0, 1]))
    at = datetime(
        day.year, day.month, day.day, rng.choice([0, 0, 2, 9, 23]), rng.choice([0, 30, 59]), tzinfo=zone
    )
    return _real(at)


def _midnight_or_not(rng: random.Random, at: datetime, zone: ZoneInfo) -> datetime:
    """Push a time to the next local midnight now and then: times never before their row's."""
    if rng.random() < 0.3:
        day = at.astimezone(zone).date() + timedelta(1)
        return datetime(day.year, day.month, day.day, tzinfo=zone)
    return _real(at)


def _real(at: datetime) -> datetime:
    """Go through UTC, so that an hour skipped by a change of clocks becomes the one after."""
    return at.astimezone(ZoneInfo("UTC")).astimezone(at.tzinfo)


def _store_order(row: dict[str, Any], table: Table) -> tuple[Any, ...]:
    """Time, day of knowing, then the stored columns in order, missing last: how the store breaks ties."""
    utc = ZoneInfo("UTC")
    stored = [emptied(row[column.name], column) for column in table.columns if column.role in ORDERING]
    comparable = [value.astimezone(utc) if isinstance(value, datetime) else value for value in stored]
    known_day = row["known_at"].astimezone(ZoneInfo("Europe/Berlin")).date()
    return (
        row[table.time].astimezone(utc),
        known_day,
        *((v is None, 0 if v is None else v) for v in comparable),
    )


def emptied(value: Any, column: Column) -> Any:
    """A value as the store keeps it where to have none says something too."""
    if value is not None or not column.may_be_emptied:
        return value
    return "" if column.type == "level" else EMPTIED


def _written(folder: Path, rows: dict[str, Any], signed_up: dict[str, date]) -> Params:
    source = folder / "source"
    source.mkdir(parents=True)
    with (source / "customers.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("customer_id", "signed_up_at"), *signed_up.items()])
    for name, by_customer in rows.items():
        flat = [{**row, "customer_id": who} for who, own in by_customer.items() for row in own]
        random.Random(1).shuffle(flat)
        with (source / f"{name}.csv").open("w", newline="") as file:
            columns = [column.name for column in TABLES[name].columns if column.role != "row"]
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(flat)
    return Params.model_validate(
        {
            "source": str(source),
            "timezone": "Europe/Berlin",
            "tables": {
                "customers": {
                    "history": {
                        "tier": {"from": "customers.tier"},
                        "seats": {"from": "customers.seats", "kind": "number"},
                    }
                },
                **{name: {} for name in rows if name in CANONICAL},
            },
            "events": {"visits": {}},
            "label": {"kind": "inactivity", "table": "logins", "horizon_days": 30},
            "snapshot": {"watermark": "2025-12-31"},
            "output": str(folder / "output"),
            "models": str(folder / "models"),
        }
    )
