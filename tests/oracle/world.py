"""Random companies that are dirty on purpose, and what their store holds.

Ties, equal rows, midnights, days of 23 and 25 hours, late rows, late outcomes, clock errors (known before it
happened, paid before it was due), empty histories, sign-ups at the cutoff, and rows from forty years ago.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from churn.data.ingest.ingest import ingest
from churn.data.ingest.rules import ORDERED_TABLES
from churn.data.store import Store
from churn.data.tables import CANONICAL_TABLES, Column, Table, events_table, history_table
from churn.params import Params
from tests.oracle.known_rows import Row, in_store_order

Rows = Mapping[str, Mapping[str, Sequence[Row]]]
"""The rows of each table and customer."""

UTC = ZoneInfo("UTC")
LABEL_TABLE = "referrals"
"""Says who is at risk: most customers have an early row of it, whatever else they have."""
ACTIVE_DAYS = 3660
YEARS_40 = 40 * 365

TABLES: Mapping[str, Table] = {
    **{name: table for name, table in CANONICAL_TABLES.items() if name not in ("customers", "contacts")},
    **{table.name: table for table in (history_table("tier", "level"), history_table("seats", "number"))},
    "visits": events_table("visits"),
    "contacts": CANONICAL_TABLES["contacts"],
}

CHANGES = {
    "Europe/Berlin": ("2024-03-31", "2024-10-27"),
    "America/New_York": ("2024-03-10", "2024-11-03"),
    "Australia/Lord_Howe": ("2024-04-07", "2024-10-06"),
    "America/Santiago": ("2024-04-06", "2024-09-08"),
    "Asia/Beirut": ("2024-03-31", "2024-10-26"),
    "America/St_Johns": ("2010-03-14", "2010-11-07"),
}
"""Days on which the clocks change. Lord Howe moves by half an hour, Santiago and Beirut at midnight; in St.
John's they went back from 00:01 to the day before."""


@dataclass(frozen=True)
class Recipe:
    """What a random company is made from."""

    seed: int = 0
    zone: str = "Europe/Berlin"
    customers: int = 30
    most_rows: int = 16
    tables: tuple[str, ...] = tuple(TABLES)


@dataclass(frozen=True)
class RandomWorld:
    """A random company: what its source says, the same in the order of the store, and the store itself."""

    said: Rows
    rows: Rows
    signed_up: Mapping[str, date]
    objected: frozenset[str]
    cutoffs: tuple[date, ...]
    store: Store
    recipe: Recipe

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.recipe.zone)


def ingested(folder: Path, rows: Rows, maker: Maker) -> RandomWorld:
    """Write given rows as CSV and ingest them; no row may be rejected."""
    params = _written(folder, rows, maker)
    store = ingest(params, lambda _: None)
    rejected = {name: table.rejects for name, table in store.tables.items() if sum(table.rejects.values())}
    assert not rejected, rejected
    ordered = {
        name: {
            who: in_store_order(_told(own, TABLES[name]), TABLES[name]) for who, own in by_customer.items()
        }
        for name, by_customer in rows.items()
    }
    return RandomWorld(rows, ordered, maker.signed_up, maker.objected, maker.cutoffs, store, maker.recipe)


class Maker:
    """Draws customers and rows from a recipe's seed, or from a source of chance that is given."""

    def __init__(self, recipe: Recipe, rng: random.Random | None = None) -> None:
        self.recipe = recipe
        self.rng = rng or random.Random(recipe.seed)
        self.zone = ZoneInfo(recipe.zone)
        self.changes = [date.fromisoformat(day) for day in CHANGES[recipe.zone]]
        first, second = self.changes
        near = self.rng.choice([-1, 0, 1])
        between = first + timedelta(self.rng.randrange(2, (second - first).days))
        days = {first + timedelta(near), first + timedelta(near + 1), between, second, second + timedelta(1)}
        self.cutoffs = tuple(sorted(days))
        self.signed_up = {f"c{i:02}": self._sign_up() for i in range(recipe.customers)}
        self.objected = frozenset(who for who in self.signed_up if self.rng.random() < 0.05)

    def rows(self) -> Rows:
        """Draw the rows of every table and customer."""
        names = {LABEL_TABLE, *self.recipe.tables}
        drawn = {
            name: {who: list(self._rows(table)) for who in self.signed_up}
            for name, table in TABLES.items()
            if name in names and name != "contacts"
        }
        for who, own in drawn[LABEL_TABLE].items():
            if self.rng.random() < 0.9:
                early = self._first_instant(self.cutoffs[0] - timedelta(self.rng.randrange(2000, 3000)))
                drawn[LABEL_TABLE][who] = [{"happened_at": early, "known_at": early}, *own]
        if "contacts" in names:  # drawn last, so that the other tables do not depend on them
            drawn["contacts"] = {who: list(self._rows(TABLES["contacts"])) for who in self.signed_up}
        return drawn

    def later(self, rows: Rows, cutoff: date) -> Rows:
        """Return the rows and more that could not be known at a cutoff: later ones, late ones."""
        return {
            name: {who: [*own, *self._unknown(TABLES[name], cutoff)] for who, own in by_customer.items()}
            for name, by_customer in rows.items()
        }

    def _unknown(self, table: Table, cutoff: date) -> Iterator[Row]:
        midnight = self._first_instant(cutoff)
        for row in self._rows(table):
            if table.name == LABEL_TABLE or self.rng.random() < 0.5:
                ahead = midnight - row[table.time]
                yield {n: v + ahead if isinstance(v, datetime) else v for n, v in row.items()}
            else:
                yield {**row, "known_at": midnight + timedelta(hours=self.rng.choice([0, 1, 30]))}

    def _sign_up(self) -> date:
        if self.rng.random() < 0.4:
            return self.cutoffs[0] - timedelta(self.rng.randrange(1000, 4000))
        return self.rng.choice(self.cutoffs) - timedelta(self.rng.choice([-1, 0, 1, 7, 27, 28, 29, 60, 400]))

    def _rows(self, table: Table) -> Iterator[Row]:
        for _ in range(min(self.rng.choice([0, 0, 1, 2, 4, 8, 16]), self.recipe.most_rows)):
            row = self._row(table)
            yield row
            while self.rng.random() < 0.15:
                yield dict(row)

    def _row(self, table: Table) -> Row:
        happened = self._time()
        row: dict[str, Any] = {table.time: happened, "known_at": self._known(happened)}
        for column in table.columns:
            if column.name not in row:
                row[column.name] = self._cell(column, happened, table)
        if row.get("resumed_at") and (not row["paused_at"] or row["resumed_at"] < row["paused_at"]):
            row["resumed_at"] = None  # ingest rejects such a row
        return row

    def _known(self, happened: datetime) -> datetime:
        if self.rng.random() < 0.7:
            return happened
        hours = self.rng.choice([-30, -1, 1, 24, self.rng.randrange(24 * 60), self.rng.randrange(24 * 400)])
        return self._moved(happened, timedelta(hours=hours))

    def _cell(self, column: Column, happened: datetime, table: Table) -> Any:
        optional = column.may_be_emptied or not column.is_required
        if column.role in ("id", "row") or (optional and self.rng.random() < 0.3):
            return None
        if column.type == "instant":
            minutes = self.rng.choice([0, 1, 600, 60 * self.rng.randrange(24 * 90), 60 * 24 * 400])
            may_be_earlier = column.role == "scheduled" or not (
                table.name in ORDERED_TABLES or table.is_history
            )
            if may_be_earlier and self.rng.random() < 0.25:
                minutes = -self.rng.choice([1, 600, 60 * self.rng.randrange(24 * 40)])
            return self._moved(happened, timedelta(minutes=minutes))
        if column.type == "money":
            return self.rng.choice([0, 1, 2, 10, self.rng.randrange(100_000) / 100])
        if column.type == "number" and column.bounds == (-1, 1):
            return self.rng.choice([-1, 0, 1, self.rng.randrange(-1000, 1001) / 1000])
        if column.type == "number" and column.bounds == (0, 1):
            return self.rng.choice([0, 1, self.rng.randrange(1001) / 1000])
        if column.type == "number":
            whole = column.bounds == (0, 10) or self.rng.random() < 0.6
            return self.rng.randrange(11) if whole else self.rng.randrange(11_000) / 1000
        if column.type == "boolean":
            return self.rng.random() < 0.5
        if column.name == "arm":
            return self.rng.choice(["treated", "control", "Control"])
        return self.rng.choice(column.names or ["a", "b", "c", "d"])

    def _time(self) -> datetime:
        near = self.rng.choice([*self.cutoffs, *self.changes])
        back = self.rng.choice([0, 1, 2, 7, 14, 21, 28, 35, 56, 63, 84, 91, 112, 182, 364, 366])
        if self.rng.random() < 0.5:
            back = self.rng.choice([self.rng.randrange(30), self.rng.randrange(120), self.rng.randrange(400)])
        elif self.rng.random() < 0.1:
            back = self.rng.randrange(YEARS_40)
        day = near - timedelta(back - self.rng.choice([-1, 0, 0, 0, 1]))
        hour, minute = self.rng.choice([0, 0, 1, 2, 9, 22, 23]), self.rng.choice([0, 0, 30, 59])
        second = self.rng.choice([0, 0, 30])
        at = datetime(day.year, day.month, day.day, hour, minute, second)
        return self._local(at, fold=self.rng.choice([0, 1]))

    def _moved(self, at: datetime, by: timedelta) -> datetime:
        moved = (at.astimezone(UTC) + by).astimezone(self.zone)
        if by > timedelta(0) and self.rng.random() < 0.3:
            moved = self._first_instant(moved.date() + timedelta(1))
        return moved

    def _first_instant(self, day: date) -> datetime:
        return self._local(datetime(day.year, day.month, day.day))

    def _local(self, at: datetime, fold: int = 0) -> datetime:
        """Go through UTC, so that an hour that the clocks skip becomes the one after."""
        return at.replace(tzinfo=self.zone, fold=fold).astimezone(UTC).astimezone(self.zone)


def _told(rows: Iterable[Row], table: Table) -> Iterator[Row]:
    """Say of an emptied value that it is none: it ends the value before."""
    emptied = {c.name: "" if c.type == "level" else -inf for c in table.columns if c.may_be_emptied}
    for row in rows:
        yield {**row, **{name: none for name, none in emptied.items() if row[name] is None}}


def _written(folder: Path, rows: Mapping[str, Any], maker: Maker) -> Params:
    source = folder / "source"
    source.mkdir(parents=True)
    objected = dict.fromkeys(maker.objected, "2005-01-01")
    people = [(who, day, objected.get(who, "")) for who, day in maker.signed_up.items()]
    _write(source / "customers.csv", ("customer_id", "signed_up_at", "objected_at"), people)
    for name, by_customer in rows.items():
        columns = [column.name for column in TABLES[name].columns if column.role != "row"]
        flat = [{**row, "customer_id": who} for who, own in by_customer.items() for row in own]
        random.Random(1).shuffle(flat)
        cells = ([_cell(row.get(column)) for column in columns] for row in flat)
        _write(source / f"{name}.csv", columns, cells)
    histories = {
        "tier": {"from": "customers.tier"},
        "seats": {"from": "customers.seats", "kind": "number"},
    }
    history = {name: origin for name, origin in histories.items() if origin["from"] in rows}
    return Params.model_validate(
        {
            "source": str(source),
            "timezone": maker.recipe.zone,
            "tables": {
                "customers": {"history": history},
                **{name: {} for name in rows if name in CANONICAL_TABLES},
            },
            "events": {"visits": {}} if "visits" in rows else {},
            "label": {
                "kind": "inactivity",
                "table": LABEL_TABLE,
                "horizon_days": 30,
                "active_days": ACTIVE_DAYS,
            },
            "snapshot": {"watermark": str(maker.cutoffs[-1] + timedelta(500))},
            "engine": {"executor": "serial", "processes": 4},
            "output": str(folder / "output"),
            "models": str(folder / "models"),
        }
    )


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def _cell(value: Any) -> Any:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value
