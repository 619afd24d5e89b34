"""Write the demo company to a folder, one chunk of customers after another; the folder appears completely or
not at all.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.data.files import replace_folder
from churn.demo import (
    contact_effects,
    contract_tables,
    loyalty_tables,
    relation_tables,
    setup_tables,
    truth,
)
from churn.demo import world as w
from churn.demo.bad_rows import add_bad_rows
from churn.demo.columns import Chunk, RandomStreams
from churn.demo.life import LifeState, simulate_life
from churn.demo.living import DAILY_TABLES
from churn.demo.people import draw_people
from churn.demo.world import Values

CHUNK_CUSTOMERS = 10_000
"""The number of customers who are simulated at once; the memory depends on this number, and not on the size
of the company.
"""

STAMP_FILE = "demo.json"
LIVED_UNTIL = "lived_until"
"""The key, in the file of settings, of the day up to which a company has lived on after its history."""

VERSION = 6
"""A part of the settings of a company, because another version gives other rows."""

TABLE_MAKERS: Mapping[str, Callable[[Chunk], pa.Table]] = {
    "customers": contract_tables.customers,
    "subscriptions": contract_tables.subscriptions,
    **DAILY_TABLES,
    "consents": relation_tables.consents,
    "contacts": relation_tables.contacts,
    "loyalty": loyalty_tables.loyalty,
    "setup_steps": setup_tables.setup_steps,
}
TRUTH_MAKERS: Mapping[str, Callable[[Chunk], pa.Table]] = {
    "probabilities": truth.true_probabilities,
    "episodes": truth.episodes,
    "leavers": truth.churned_spells,
    "contact_effects": contact_effects.contact_effects,
}


@dataclass(frozen=True)
class Summary:
    """The numbers of rows that were written to each table: all rows, bad rows by kind, and late rows."""

    customers: int
    seed: int
    rows: dict[str, int]
    bad: dict[str, dict[str, int]]
    late: dict[str, int]
    left: int


def stamp(customers: int, seed: int) -> dict[str, object]:
    """Return the settings of a company; the same settings give the same files, byte by byte."""
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
    """Write the tables to `folder` and the hidden truth to `truth`; both folders are replaced.

    Each table is one Parquet file with at least one row group for each chunk. The same number of customers
    and the same seed give the same bytes.

    Args:
        folder: The folder of the company, which a user then reads as a source.
        truth: A folder outside `folder`, which only tests and benchmarks read.
        customers: The number of customers, past and present together, at least 1.
        seed: The seed of the random numbers; another seed gives another company.
        advance: A function that is called after each chunk, with the number of its customers.

    Raises:
        ValueError: `truth` lies inside `folder`, or `customers` is below 1.
    """
    if customers < 1:
        raise ValueError(f"customers is {customers}; a company needs at least 1")
    if folder.resolve() in (truth.resolve(), *truth.resolve().parents):
        raise ValueError(f"{truth} lies inside {folder}; the truth must not be readable as a source")
    new_folder, new_truth = empty_folder_beside(folder), empty_folder_beside(truth)
    counts = _Counts()
    with _Files(new_folder) as tables, _Files(new_truth) as truths:
        for number, first, size in chunk_sizes(customers):
            chunk, _ = make_chunk(number, first, size, customers, seed)
            _write_chunk(chunk, customers, tables, truths, counts)
            if advance is not None:
                advance(size)
    summary = Summary(customers, seed, tables.rows, counts.bad, counts.late, truths.rows["leavers"])
    write_json(new_truth / "dirt.json", {"good": counts.good, "bad": counts.bad, "late": counts.late})
    write_json(new_truth / "summary.json", asdict(summary))
    write_json(new_folder / STAMP_FILE, stamp(customers, seed))
    replace_folder(new_truth, truth)
    replace_folder(new_folder, folder)
    return summary


class _Counts:
    """The numbers of good, bad and late rows, summed over the chunks."""

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
    """One Parquet writer for each table; it is opened when the table gets its first rows."""

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
            # Arrow's own schema is left out, so that readers see plain text instead of Arrow's dictionaries.
            path = self.folder / f"{name}.parquet"
            self._writers[name] = pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False)
        self._writers[name].write_table(table, row_group_size=262_144)
        self.rows[name] = self.rows.get(name, 0) + table.num_rows


def chunk_sizes(customers: int) -> Iterator[tuple[int, int, int]]:
    """Yield the chunks of a company, each as its number, the number of its first customer, and its size."""
    for number, first in enumerate(range(0, customers, CHUNK_CUSTOMERS)):
        yield number, first, min(CHUNK_CUSTOMERS, customers - first)


def make_chunk(number: int, first: int, size: int, customers: int, seed: int) -> tuple[Chunk, LifeState]:
    """Simulate the history of a chunk of customers; return the chunk, and its state at the end.

    Args:
        number: The number of the chunk.
        first: The number of the first customer in the chunk.
        size: The number of customers in the chunk.
        customers: The number of customers in the whole company.
        seed: The seed of the company's random numbers.
    """
    streams = RandomStreams(seed, number)
    people = draw_people(first, size, streams.get("people"))
    ids = customer_ids(people.number, customers)
    life, state = simulate_life(people, streams.get("life"))
    return Chunk(people, life, streams, ids), state


def customer_ids(numbers: Values, customers: int) -> pa.Array:
    """Return ids such as C000123, which are all different, in mixed order, and equally long.

    To mix the order, each number is multiplied by a constant, modulo a power of ten. The constant is not
    divisible by 2 or 5, so different numbers below `id_count(customers)` give different ids. Numbers below
    `customers` belong to customers; numbers from `customers` on give ids that no customer has.
    """
    n_ids = id_count(customers)
    codes = (numbers.astype(np.int64) * 618_033 + 271_829) % n_ids
    return pa.array([f"C{code:0{len(str(n_ids)) - 1}d}" for code in codes.tolist()])


def id_count(customers: int) -> int:
    """Return the number of possible ids: a power of ten that is at least a million, and at least ten times
    the number of customers.
    """
    n_ids = 1_000_000
    while n_ids < 10 * customers:
        n_ids *= 10
    return n_ids


def unknown_ids_of(customers: int) -> Callable[[Values], pa.Array]:
    """Return a function that turns random integers into ids that no customer of a company has."""

    def unknown_ids(numbers: Values) -> pa.Array:
        n_free = id_count(customers) - customers
        texts = customer_ids(customers + numbers % n_free, customers)
        return pa.DictionaryArray.from_arrays(pa.array(np.arange(len(texts), dtype=np.int32)), texts)

    return unknown_ids


def _write_chunk(chunk: Chunk, customers: int, tables: _Files, truths: _Files, counts: _Counts) -> None:
    unknown_ids = unknown_ids_of(customers)
    for name, make in TABLE_MAKERS.items():
        rows, late = _without_late_rows(make(chunk))
        dirty = add_bad_rows(
            name, rows, tables.rows.get(name, 0), unknown_ids, chunk.streams.get(f"dirt {name}")
        )
        tables.write(name, dirty.table.unify_dictionaries())
        counts.add(name, dirty.n_good, dirty.n_bad, late)
    for name, make in TRUTH_MAKERS.items():
        truths.write(name, make(chunk).unify_dictionaries())


def _without_late_rows(table: pa.Table) -> tuple[pa.Table, int]:
    """Return the rows that reach the warehouse before the watermark, and how many of them were delayed.

    The watermark is the end of the data. A delayed row reaches the warehouse some days after it happened.
    """
    if "late" not in table.column_names:
        return table, 0
    watermark = pa.scalar(w.WATERMARK_SECONDS * 1_000_000).cast(pa.timestamp("us"))
    table = table.filter(pc.less(table["known_at"], watermark))
    return table.drop_columns(["late"]), int(pc.sum(table["late"]).as_py() or 0)


def empty_folder_beside(folder: Path) -> Path:
    """Return a new empty folder, which will later replace a given folder."""
    new_folder = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new_folder, ignore_errors=True)
    new_folder.mkdir(parents=True)
    return new_folder


def write_json(path: Path, content: object) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
