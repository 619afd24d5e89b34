"""What Spark's tasks do with a range of customers, one after the other: look, compare, write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from churn.data.ingest.rule_sql import judged_rows, order_of
from churn.data.ingest.spark.lake_range import Levels, Range, Work, naming, open_duckdb, open_range, read_all
from churn.data.ingest.staging import Staged
from churn.data.ingest.table_stats import Seen
from churn.data.ingest.watermark import Days, days_of, days_stored
from churn.data.ingest.writing import COPY_OPTIONS, levels_said
from churn.data.sql import literal


@dataclass(frozen=True)
class Survey:
    """What a range holds that matters to others: good customers, and levels that its rows name."""

    customers: int
    levels: Levels


@dataclass(frozen=True)
class Written:
    """The facts of a written range, the levels of its good rows, and the days of the label's table."""

    seen: Mapping[str, Seen]
    levels: Levels
    days: Days


def count_days(work: Work, number: int) -> dict[str, Days]:
    """Count the rows of each table by local day."""
    days: dict[str, Days] = {}
    with open_range(work, number) as opened:
        for name, staged in opened.tables.items():
            with naming(name):
                days[name] = days_of(opened.connection, staged)
    return days


def survey(work: Work, number: int) -> Survey:
    """Look at what matters to other ranges; leave the hashes of each table's keys as `keys`, in buckets."""
    levels: dict[str, Mapping[str, tuple[str, ...]]] = {}
    with open_range(work, number) as opened:
        with naming("customers"):
            customers = opened.writer("customers").write().rows
        for name, staged in opened.tables.items():
            with naming(name):
                levels[name] = levels_said(opened.connection, staged)
                if name != "customers" and staged.has("row_id") and work.ranges > 1:
                    _leave_keys(opened, staged)
    return Survey(customers, levels)


def _leave_keys(opened: Range, staged: Staged) -> None:
    name, ranges = staged.wanted.table.name, opened.work.ranges
    keys = (
        f"SELECT DISTINCT {literal(name)} AS of_table, hash(row_id) AS key, key % {ranges} AS bucket "
        f"FROM {staged.typed} WHERE row_id IS NOT NULL"
    )
    aside = opened.aside / "keys"
    options = "FORMAT parquet, PARTITION_BY (bucket), OVERWRITE"
    opened.connection.execute(f"COPY ({keys}) TO {literal(str(aside))} ({options})").fetchall()
    for path in aside.glob("bucket=*/*.parquet"):
        opened.put(path, opened.work.folder / "keys" / path.parent.name / name)


def compare(work: Work, number: int) -> set[str]:
    """Leave the keys of a bucket that several ranges hold as `crossing`; return the tables that have any."""
    keys = work.folder / "keys" / f"bucket={number}"
    if not keys.exists():
        return set()
    files = literal(str(keys / "*" / "*.parquet"))
    with open_duckdb(work) as connection:
        connection.execute(
            f"CREATE TABLE crossing AS SELECT of_table, key FROM read_parquet({files}) "
            "GROUP BY ALL HAVING count(*) > 1"
        ).fetchall()
        tables = {
            str(row[0]) for row in connection.execute("SELECT DISTINCT of_table FROM crossing").fetchall()
        }
        for name in tables:
            place = work.left("crossing", name)
            place.mkdir(parents=True, exist_ok=True)
            rows = f"SELECT key FROM crossing WHERE of_table = {literal(name)}"
            whole = literal(str(place / f"bucket-{number}.parquet"))
            connection.execute(f"COPY ({rows}) TO {whole} ({COPY_OPTIONS})").fetchall()
    return tables


def claim(work: Work, number: int) -> None:
    """Leave the range's first row of each key that other ranges hold too, as `claims`."""
    with open_range(work, number) as opened:
        opened.writer("customers").write()
        for name in sorted(work.crossing):
            staged = opened.tables[name]
            with naming(name):
                judged = judged_rows(opened.connection, staged, work.present)
                opened.leave(
                    f"SELECT row_id, {order_of(staged)}, {number} AS __range FROM ({judged}) "
                    f"WHERE __broken IS NULL AND hash(row_id) IN "
                    f"(SELECT key FROM {read_all(work.left('crossing', name))})",
                    "claims",
                    name,
                )


def write(work: Work, number: int) -> Written:
    """Write the range's part of every table of the store; leave its rejects as `rejected`."""
    seen: dict[str, Seen] = {}
    levels: dict[str, Mapping[str, tuple[str, ...]]] = {}
    with open_range(work, number) as opened:
        for name in opened.tables:
            with naming(name):
                writer = opened.writer(name)
                seen[name] = writer.write()
                levels[name] = writer.levels_used()
                if seen[name].rejects:
                    opened.put(opened.aside / f"{name}.parquet", work.left("rejected", name))
        days = days_stored(opened.connection, opened.aside / work.core_table)
        for name in opened.tables:
            opened.put(opened.aside / name / f"{opened.part}.parquet", work.store / name)
    return Written(seen, levels, days)


def gather_rejects(work: Work, number: int) -> None:
    """Make one ordered file of what all ranges rejected of one table, counted as in `selections`."""
    name = work.selections[number].wanted.table.name
    if not work.left("rejected", name).exists():
        return
    whole = literal(str(work.rejects / f"{name}.parquet"))
    rows = f"SELECT * FROM {read_all(work.left('rejected', name))} ORDER BY ALL"
    with open_duckdb(work) as connection:
        connection.execute(f"COPY ({rows}) TO {whole} ({COPY_OPTIONS})").fetchall()
