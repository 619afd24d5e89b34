"""Write the demo company to a folder, chunk by chunk of customers, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.data.files import replace_folder
from churn.demo import tables_contract, tables_mail, tables_money, tables_usage, tables_voice, truth
from churn.demo import world as w
from churn.demo.columns import Chunk, Streams
from churn.demo.dirt import soil
from churn.demo.ids import customer_ids, places
from churn.demo.life import live
from churn.demo.people import draw_people
from churn.demo.world import Array

CHUNK_CUSTOMERS = 10_000
"""Customers made at once: this, and not the size of the company, decides how much memory is needed."""

STAMP = "demo.json"
VERSION = 2
"""Part of the stamp: a company of another version is not the same company."""

MAKERS: Mapping[str, Callable[[Chunk], pa.Table]] = {
    "customers": tables_contract.customers,
    "subscriptions": tables_contract.subscriptions,
    "logins": tables_usage.logins,
    "interactions": tables_usage.interactions,
    "payments": tables_money.payments,
    "emails": tables_mail.emails,
    "surveys": tables_voice.surveys,
    "tickets": tables_voice.tickets,
    "orders": tables_money.orders,
    "referrals": tables_usage.referrals,
}
TRUTHS: Mapping[str, Callable[[Chunk], pa.Table]] = {
    "probabilities": truth.probabilities,
    "episodes": truth.troubles,
    "leavers": truth.leavers,
}


@dataclass(frozen=True)
class Summary:
    """What was written: rows of each table (good and bad), bad rows by table and kind, late rows by table."""

    customers: int
    seed: int
    rows: dict[str, int]
    bad: dict[str, dict[str, int]]
    late: dict[str, int]
    left: int


def stamp(customers: int, seed: int) -> dict[str, object]:
    """Return the settings that decide every byte of a company."""
    return {
        "made_by": "churn demo",
        "version": VERSION,
        "customers": customers,
        "seed": seed,
        "first_day": w.FIRST_DAY.isoformat(),
        "watermark": w.WATERMARK.isoformat(),
    }


def write_company(
    folder: Path, truth: Path, customers: int, seed: int, advance: Callable[[int], None] | None = None
) -> Summary:
    """Write the tables to `folder` and what only the simulation knows to `truth`, replacing both.

    One Parquet file a table, one row group or more a chunk; the same settings give the same bytes.

    Args:
        folder: the company's folder, to be read as a source.
        truth: a folder outside `folder`, for tests alone.
        customers: how many customers there ever were, at least 1.
        seed: another seed is another company.
        advance: told the number of customers finished, after each chunk.

    Raises:
        ValueError: `truth` lies inside `folder`, or there are no customers to make.
    """
    if customers < 1:
        raise ValueError(f"customers is {customers}; a company needs at least 1")
    if folder.resolve() in (truth.resolve(), *truth.resolve().parents):
        raise ValueError(f"{truth} lies inside {folder}; the truth must not be readable as a source")
    tables_aside, truth_aside = _aside(folder), _aside(truth)
    tally = _Tally()
    with _Files(tables_aside) as tables, _Files(truth_aside) as truths:
        for number, first in enumerate(range(0, customers, CHUNK_CUSTOMERS)):
            size = min(CHUNK_CUSTOMERS, customers - first)
            _write_chunk(_make_chunk(number, first, size, customers, seed), customers, tables, truths, tally)
            if advance is not None:
                advance(size)
    summary = Summary(customers, seed, tables.rows, tally.bad, tally.late, truths.rows["leavers"])
    _write_json(truth_aside / "dirt.json", {"good": tally.good, "bad": tally.bad, "late": tally.late})
    _write_json(truth_aside / "summary.json", asdict(summary))
    _write_json(tables_aside / STAMP, stamp(customers, seed))
    replace_folder(truth_aside, truth)
    replace_folder(tables_aside, folder)
    return summary


class _Tally:
    """Counts good, bad and late rows over the chunks."""

    def __init__(self) -> None:
        self.good: dict[str, int] = {}
        self.bad: dict[str, dict[str, int]] = {}
        self.late: dict[str, int] = {}

    def add(self, name: str, good: int, bad: Mapping[str, int], late: int) -> None:
        self.good[name] = self.good.get(name, 0) + good
        kinds = self.bad.setdefault(name, {})
        for kind, count in bad.items():
            kinds[kind] = kinds.get(kind, 0) + count
        if late:
            self.late[name] = self.late.get(name, 0) + late


class _Files:
    """One Parquet writer a table, opened when the first rows come."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, int] = {}
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> _Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()

    def write(self, name: str, table: pa.Table) -> None:
        if name not in self._writers:
            # Without Arrow's own schema a reader sees plain text, not Arrow's dictionaries.
            path = self.folder / f"{name}.parquet"
            self._writers[name] = pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False)
        self._writers[name].write_table(table, row_group_size=262_144)
        self.rows[name] = self.rows.get(name, 0) + table.num_rows


def _make_chunk(number: int, first: int, size: int, customers: int, seed: int) -> Chunk:
    streams = Streams(seed, number)
    people = draw_people(first, size, streams.get("people"))
    ids = customer_ids(people.number, customers)
    return Chunk(people, live(people, streams.get("life")), streams, ids)


def _write_chunk(chunk: Chunk, customers: int, tables: _Files, truths: _Files, tally: _Tally) -> None:
    def strangers(numbers: Array) -> pa.Array:
        spare = places(customers) - customers
        texts = customer_ids(customers + numbers % spare, customers)
        return pa.DictionaryArray.from_arrays(pa.array(np.arange(len(texts), dtype=np.int32)), texts)

    for name, make in MAKERS.items():
        rows, late = _arrived(make(chunk))
        soiled = soil(name, rows, tables.rows.get(name, 0), strangers, chunk.streams.get(f"dirt {name}"))
        tables.write(name, soiled.table.unify_dictionaries())
        tally.add(name, soiled.good, soiled.bad, late)
    for name, make in TRUTHS.items():
        truths.write(name, make(chunk).unify_dictionaries())


def _arrived(table: pa.Table) -> tuple[pa.Table, int]:
    """Drop rows that reach the warehouse only after the watermark; count those that came late."""
    if "late" not in table.column_names:
        return table, 0
    watermark = pa.scalar(w.WATERMARK_SECONDS * 1_000_000).cast(pa.timestamp("us"))
    table = table.filter(pc.less(table["known_at"], watermark))
    return table.drop_columns(["late"]), int(pc.sum(table["late"]).as_py() or 0)


def _aside(folder: Path) -> Path:
    aside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    return aside


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
