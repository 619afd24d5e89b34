"""The store: what every later stage reads, whatever the source was."""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any

import duckdb

from churn.data.files import lease_folder
from churn.data.sql import connect, literal
from churn.errors import CallError, SourceError
from churn.params import Params

STORE_FORMAT = 2
"""Raised when the files of the store change, so that an older store is written again."""

EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Return the local day number: days since 1970-01-01."""
    return (day - EPOCH).days


def date_of_day(number: int) -> date:
    """Return the date of a local day number."""
    return EPOCH + timedelta(days=number)


@dataclass(frozen=True)
class StoredTable:
    """What `ingest` saw of one table; days are local day numbers, missing while the table is empty.

    `levels` names the codes of each level column: code 0 is the first name. `left_out` names the columns of
    customers that nothing reads.
    """

    rows: int
    rows_read: int
    customers: int
    first_day: int | None
    last_day: int | None
    columns: tuple[str, ...]
    missing: Mapping[str, int] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    digest: str = ""

    @property
    def two_clocks(self) -> bool:
        """Tell whether rows carry the day on which they became known."""
        return "known_day" in self.columns


@dataclass(frozen=True)
class Store:
    """Per table, Parquet ordered by (customer, time): dense customer codes, local day numbers, integers.

    Columns: `customer` (code), `at` (UTC), `day`, `known_day` (only with a second clock); per outcome
    `<name>_day` and `<name>_after` (seconds since the row's own time); per scheduled time `<name>_day`;
    money in cents and other numbers in thousandths; levels as codes.
    """

    folder: Path
    tables: Mapping[str, StoredTable]
    watermark: date
    digest: str
    fingerprint: str
    params: Params = field(repr=False)

    @classmethod
    def open(cls, params: Params) -> Store:
        """Open the store under `params.output`; it stays as it is, also when another is written meanwhile.

        Raises:
            SourceError: there is none, or one of another format.
        """
        folder, stated, held = _opened(params.output / "store")
        store = cls(
            folder=folder,
            tables={name: _stored_table(table) for name, table in stated["tables"].items()},
            watermark=date.fromisoformat(stated["watermark"]),
            digest=stated["digest"],
            fingerprint=stated["fingerprint"],
            params=params,
        )
        weakref.finalize(store, held.close)
        return store

    @property
    def tonight(self) -> date:
        """Return the latest midnight not after the watermark."""
        return self.watermark

    @property
    def n_customers(self) -> int:
        """Return how many customers have a code."""
        return self.tables["customers"].rows

    def cutoff_or_tonight(self, cutoff: date | None) -> date:
        """Return the cutoff asked for, by default tonight.

        Raises:
            CallError: the cutoff lies after the watermark.
        """
        if cutoff is not None and cutoff > self.tonight:
            raise CallError(
                f"--cutoff {cutoff} lies after the watermark: the data are complete up to {self.tonight}. "
                f"Give {self.tonight} or an earlier date, or ingest newer data."
            )
        return cutoff or self.tonight

    def has(self, table: str) -> bool:
        """Tell whether the table is there and holds rows."""
        return table in self.tables and self.tables[table].rows > 0

    def files(self, table: str) -> list[Path]:
        """Return the files of a table; in the order of their names they hold ascending customers."""
        return sorted((self.folder / table).glob("*.parquet"))

    def scan(self, table: str) -> str:
        """Return the SQL that reads a table of the store."""
        return f"read_parquet({literal(str(self.folder / table / '*.parquet'))})"

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open a DuckDB within the engine's limits."""
        return connect(self.params.engine, self.params.output / ".scratch")

    def visible_before(self, table: str, cutoff: date) -> str:
        """Return the SQL condition that a row happened and was known before the cutoff."""
        day = day_number(cutoff)
        known = f" AND known_day < {day}" if self.tables[table].two_clocks else ""
        return f"day < {day}{known}"

    def in_force(self, cutoff: date) -> str:
        """Return the SQL condition that a subscription runs at the cutoff, as known then."""
        visible = self.visible_before("subscriptions", cutoff)
        if "ended_at_day" not in self.tables["subscriptions"].columns:
            return visible
        return f"{visible} AND (ended_at_day IS NULL OR ended_at_day >= {day_number(cutoff)})"


def _opened(place: Path) -> tuple[Path, dict[str, Any], IO[str]]:
    """Return the folder that `place` means now, what its manifest states, and what holds it."""
    folder = place.resolve()
    try:
        held = lease_folder(folder)
        stated: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError):
        if place.resolve() != folder:  # another store took its place meanwhile
            return _opened(place)
        raise SourceError(f"{place}: no store here. Run `churn ingest` first.") from None
    if stated["format"] != STORE_FORMAT:
        raise SourceError(f"{place}: written by another version. Run `churn ingest` again.")
    return folder, stated, held


def _stored_table(stated: Mapping[str, Any]) -> StoredTable:
    levels = {column: tuple(names) for column, names in stated["levels"].items()}
    return StoredTable(
        **{
            **stated,
            "columns": tuple(stated["columns"]),
            "levels": levels,
            "left_out": tuple(stated["left_out"]),
        }
    )


def write_manifest(folder: Path, stated: Mapping[str, Any], tables: Mapping[str, StoredTable]) -> None:
    """Write the manifest, which makes a folder of Parquet files a store."""
    whole = {
        "format": STORE_FORMAT,
        **stated,
        "tables": {name: asdict(table) for name, table in tables.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")
