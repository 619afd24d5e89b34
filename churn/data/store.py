"""The store: the tables that every later stage reads; their form does not depend on the source."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import duckdb

from churn.data.files import LEASE_FILE, checksum_of, lease_folder
from churn.data.own_files import PARQUET_ERRORS, parquet_damage
from churn.data.sql import connect, connect_again, parquet_rows
from churn.errors import CallError, SourceError
from churn.params import Params, digest_of

STORE_FORMAT = 4
"""The version of the store's files; a store of another version must be written again."""

MANIFEST_FILE = "manifest.json"
EPOCH = date(1970, 1, 1)
"""The day with the day number 0."""


def day_number(day: date) -> int:
    """Return the local day number: days since 1970-01-01."""
    return (day - EPOCH).days


def date_of_day(number: int) -> date:
    """Return the date of a local day number."""
    return EPOCH + timedelta(days=number)


def day_number_sql(time: str) -> str:
    """Return the SQL that turns a date or a local time into its day number.

    >>> day_number_sql("at")
    "(at::DATE - DATE '1970-01-01')"
    """
    return f"({time}::DATE - DATE '{EPOCH}')"


def date_of_day_sql(number: str) -> str:
    """Return the SQL that turns a day number into its date.

    >>> date_of_day_sql("day")
    "(DATE '1970-01-01' + day)"
    """
    return f"(DATE '{EPOCH}' + {number})"


@dataclass(frozen=True)
class StoredTable:
    """What the manifest says about one table of the store: its columns, and what `ingest` counted.

    Args:
        rows: The number of rows in the store.
        rows_read: The number of rows of the source, rejects included.
        customers: The number of customers with at least one row.
        first_day: The local day number of the first row; None for an empty table.
        last_day: The local day number of the last row; None for an empty table.
        columns: The stored columns.
        missing: The number of missing values by column; columns without missing values are left out.
        rejects: The number of rejected rows by rule; the rule that most rows break comes first.
        levels: The names in each column of the type `level`; the code of a name is its position, from 0.
        unused_columns: The source columns of the table `customers` that params.yaml lists neither in `static`
            nor in `history`.
        near_names: For each unread column of the source whose name is probably misspelt, the right name: an
            optional column that is missing.
        digest: A digest of the columns, the levels and the rows.
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
    unused_columns: tuple[str, ...] = ()
    near_names: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""

    @property
    def two_clocks(self) -> bool:
        """Return whether the rows say when they became known, and not only when they happened."""
        return "known_day" in self.columns

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> StoredTable:
        """Read a table's entry in the manifest."""
        return cls(
            rows=entry["rows"],
            rows_read=entry["rows_read"],
            customers=entry["customers"],
            first_day=entry["first_day"],
            last_day=entry["last_day"],
            columns=tuple(entry["columns"]),
            missing=entry["missing"],
            rejects=entry["rejects"],
            levels={column: tuple(names) for column, names in entry["levels"].items()},
            unused_columns=tuple(entry["left_out"]),
            near_names=entry.get("near_names", {}),
            digest=entry["digest"],
        )

    def as_json(self) -> dict[str, Any]:
        """Return the table's entry in the manifest."""
        return {
            "rows": self.rows,
            "rows_read": self.rows_read,
            "customers": self.customers,
            "first_day": self.first_day,
            "last_day": self.last_day,
            "columns": self.columns,
            "missing": dict(self.missing),
            "rejects": dict(self.rejects),
            "levels": dict(self.levels),
            "left_out": self.unused_columns,
            **({"near_names": dict(self.near_names)} if self.near_names else {}),
            "digest": self.digest,
        }


@dataclass(frozen=True)
class Store:
    """The tables as Parquet files, with rows in order of customer and time.

    Each table has the columns `customer` (code), `at` (UTC) and `day`. If the source also says when a row
    became known, the table has the column `known_day`. Each outcome, such as `paid_at`, becomes the
    columns `<name>_day` and `<name>_after` (seconds since the row's own time). Each scheduled time, such as
    `renews_at`, becomes a column `<name>_day`. Money is in cents, other numbers are in thousandths, and names
    from a short list (levels) are codes.

    Args:
        folder: The folder of the tables. The store keeps a lease on this folder, so that no process
            deletes it.
        tables: What the manifest says about each table, by the table's name.
        parts: The paths of the files of all tables, below the folder; the files of each table are in
            order of the customer codes.
        watermark: The day up to which the data are complete.
        digest: A digest of all rows.
        fingerprint: A digest of the source's state and of the parameters that shape the store.
        params: The parameters with which the store was opened.
    """

    folder: Path
    tables: Mapping[str, StoredTable]
    parts: tuple[str, ...]
    watermark: date
    digest: str
    fingerprint: str
    params: Params = field(repr=False)

    @classmethod
    def open(cls, params: Params) -> Store:
        """Open the store under `params.output`.

        An open store stays the same even if `ingest` writes a new store.

        Raises:
            SourceError: There is no store, or another version of the program wrote it.
            DamagedStoreError: A file of the store has changed since `ingest` wrote it.
        """
        folder, manifest, lease = _open_folder(params.output / "store")
        store = cls(
            folder=folder,
            tables={name: StoredTable.from_json(entry) for name, entry in manifest["tables"].items()},
            parts=tuple(sorted(name for name in manifest["files"] if _is_part(name))),
            watermark=date.fromisoformat(manifest["watermark"]),
            digest=manifest["digest"],
            fingerprint=manifest["fingerprint"],
            params=params,
        )
        weakref.finalize(store, lease.close)
        return store

    @staticmethod
    def digest_in(folder: Path) -> str:
        """Return the digest of the rows of a store that is written but not yet published."""
        return str(json.loads((folder / MANIFEST_FILE).read_bytes())["digest"])

    @property
    def tonight(self) -> date:
        """Return the latest midnight that is not after the watermark."""
        return self.watermark

    @property
    def n_customers(self) -> int:
        """Return the number of customers in the store."""
        return self.tables["customers"].rows

    def cutoff_or_tonight(self, cutoff: date | None) -> date:
        """Return the requested cutoff; if it is None, return the cutoff of tonight.

        Raises:
            CallError: The cutoff is after the watermark.
        """
        if cutoff is not None and cutoff > self.tonight:
            raise CallError(
                f"--cutoff {cutoff} is after the watermark: the data are complete up to {self.tonight}. "
                f"Give {self.tonight} or an earlier date, or ingest newer data."
            )
        return cutoff or self.tonight

    def has(self, table: str) -> bool:
        """Return whether the table exists and has rows."""
        return table in self.tables and self.tables[table].rows > 0

    def files(self, table: str) -> list[Path]:
        """Return the files that `ingest` wrote for a table, in order of the customer codes in them."""
        return [self.folder / name for name in self.parts if name.startswith(f"{table}/")]

    @contextmanager
    def damage_in_words(self, path: Path) -> Iterator[None]:
        """Report a damaged store if the `with` block cannot read a Parquet file.

        Raises:
            DamagedStoreError: The file is missing or damaged.
        """
        try:
            yield
        except PARQUET_ERRORS as problem:
            is_missing = isinstance(problem, FileNotFoundError)
            damage = "it is missing" if is_missing else parquet_damage(problem)
            raise DamagedStoreError.of(
                self.params.output / "store", f"{path} cannot be read: {damage}"
            ) from None

    def scan(self, table: str) -> str:
        """Return the SQL that reads a table of the store."""
        return parquet_rows(*self.files(table))

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open a connection to the store's DuckDB, which has the limits under `engine` in params.yaml.

        All connections share one DuckDB, because a verb opens many connections, and starting a new DuckDB
        takes about ten milliseconds.
        """
        return connect_again(self._database)

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        """Return the store's DuckDB, to which `connect` opens connections; it exists as long as the store."""
        return connect(self.params.engine, self.params.output / ".scratch")

    def visible_before(self, table: str, cutoff: date) -> str:
        """Return the SQL condition that a row happened before the cutoff and was known before the cutoff."""
        day = day_number(cutoff)
        known_condition = f" AND known_day < {day}" if self.tables[table].two_clocks else ""
        return f"day < {day}{known_condition}"

    def in_force(self, cutoff: date) -> str:
        """Return the SQL condition that a subscription is running at the cutoff.

        Only what was known at the cutoff counts.
        """
        visible = self.visible_before("subscriptions", cutoff)
        if "ended_at_day" not in self.tables["subscriptions"].columns:
            return visible
        return f"{visible} AND (ended_at_day IS NULL OR ended_at_day >= {day_number(cutoff)})"


def _is_part(name: str) -> bool:
    """Return whether a path in a store is a file of a table, and not a hidden checksum file of Spark."""
    return name.endswith(".parquet") and not any(part.startswith(".") for part in Path(name).parts)


def part_files(folder: Path) -> list[Path]:
    """Return the files in a table's folder, sorted by name, and so in order of the customer codes in them."""
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))


class DamagedStoreError(SourceError):
    """A store whose files differ from those that `ingest` wrote."""

    @classmethod
    def of(cls, link: Path, damage: str) -> DamagedStoreError:
        """Return the error about a damaged store; `damage` says which file is wrong."""
        return cls(f"{link}: the store is damaged: {damage}. Run `churn ingest` to write the store again.")


def _open_folder(link: Path) -> tuple[Path, dict[str, Any], IO[str]]:
    """Return the folder that the store's link points to, its manifest, and the lease on it."""
    folder, manifest, lease = _lease_manifest(link)
    tables = {name: checksum for name, checksum in manifest["files"].items() if not name.startswith(".")}
    if damage := _find_damage(folder, tables):
        raise DamagedStoreError.of(link, damage)
    return folder, manifest, lease


def _lease_manifest(link: Path) -> tuple[Path, dict[str, Any], IO[str]]:
    """Return the same as `_open_folder`, but do not check the files of the tables."""
    folder = link.resolve()
    try:
        lease = lease_folder(folder)
        text = (folder / MANIFEST_FILE).read_bytes()
    except OSError:
        if link.resolve() != folder:  # a new store was published in the meantime
            return _lease_manifest(link)
        raise SourceError(f"{link}: no store here. Run `churn ingest` first.") from None
    try:
        manifest = json.loads(text)
        written_format = manifest["format"]
        checksum = manifest.pop("checksum", None)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DamagedStoreError.of(link, f"{MANIFEST_FILE} is not a manifest") from None
    if written_format != STORE_FORMAT:
        raise SourceError(
            f"{link}: the store has the format of another version of churn. Run `churn ingest` again."
        )
    if checksum != _manifest_checksum(manifest):
        raise DamagedStoreError.of(link, f"{MANIFEST_FILE} has changed")
    if not all((folder / name).resolve().is_relative_to(folder) for name in manifest["files"]):
        raise DamagedStoreError.of(link, f"{MANIFEST_FILE} names a file elsewhere")
    return folder, manifest, lease


@dataclass(frozen=True)
class StoreFacts:
    """What `ingest` counted in each table, and the day up to which the data are complete."""

    tables: Mapping[str, StoredTable]
    watermark: date


def read_store_facts(output: Path) -> StoreFacts:
    """Read what `ingest` counted, without reading the rows.

    Raises:
        SourceError: There is no store, another version of the program wrote it, or its manifest is damaged.
    """
    _, manifest, lease = _lease_manifest(output / "store")
    lease.close()
    return StoreFacts(
        tables={name: StoredTable.from_json(entry) for name, entry in manifest["tables"].items()},
        watermark=date.fromisoformat(manifest["watermark"]),
    )


def _find_damage(folder: Path, checksums: Mapping[str, str]) -> str:
    """Return a text that names a changed, unreadable or added file of a store; empty if there is none.

    Args:
        folder: The folder of the store.
        checksums: The checksum of each file of a table, by the path of the file within the folder.
    """
    for name, checksum in checksums.items():
        try:
            if checksum_of(folder / name) != checksum:
                return f"{name} has changed"
        except OSError:
            return f"{name} cannot be read"
    for path in folder.glob("*/*.parquet"):
        name = str(path.relative_to(folder))
        if name not in checksums and not name.startswith(".") and not path.name.startswith("."):
            return f"{name} is not part of it"
    return ""


def has_records_of_ingest(store: Store) -> bool:
    """Return whether the records that `ingest` wrote for the next `ingest` are still there, and unchanged.

    The records are files that say what was read; their names begin with a dot. A store is complete without
    these files, but the next ingest must then read all rows.
    """
    manifest = json.loads((store.folder / MANIFEST_FILE).read_bytes())
    try:
        return all(
            checksum_of(store.folder / name) == checksum
            for name, checksum in manifest["files"].items()
            if name.startswith(".")
        )
    except OSError:
        return False


def _manifest_checksum(manifest: Mapping[str, Any]) -> str:
    return digest_of(manifest)


def write_manifest(
    folder: Path, tables: Mapping[str, StoredTable], *, watermark: date, digest: str, fingerprint: str
) -> None:
    """Write the manifest, which turns a folder of Parquet files into a store.

    The manifest holds a checksum of each file.

    Args:
        folder: The folder of the tables.
        tables: What the manifest says about each table, by the table's name.
        watermark: The day up to which the data are complete.
        digest: A digest of all rows.
        fingerprint: A digest of the source's state and of the parameters that shape the store.
    """
    manifest = {
        "format": STORE_FORMAT,
        "watermark": watermark.isoformat(),
        "digest": digest,
        "fingerprint": fingerprint,
        "tables": {name: table.as_json() for name, table in tables.items()},
        "files": {
            str(path.relative_to(folder)): checksum_of(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in (LEASE_FILE, MANIFEST_FILE)
        },
    }
    manifest = json.loads(json.dumps(manifest))  # the checksum is that of the manifest as a reader gets it
    manifest["checksum"] = _manifest_checksum(manifest)
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
