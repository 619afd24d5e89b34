"""All sources give the same store, and all executors the same snapshots and scores, byte by byte.

Spark starts once for all of these tests.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml

from churn.data.files import scratch_folder
from churn.data.ingest.ingest import ingest
from churn.data.ingest.spark import lake_store
from churn.data.ingest.writing import TableWriter
from churn.data.sources.lake import open_lake
from churn.data.sources.spark import run_tasks
from churn.data.sql import literal
from churn.data.store import Store
from churn.demo.write import write_company
from churn.errors import SourceError
from churn.features.engine import blocks
from churn.features.library import select_signals
from churn.finding import Finding
from churn.guards.context import open_context
from churn.guards.late_rows import late_rows
from churn.params import Params, TableParams
from churn.snapshots import write
from churn.snapshots.write import write_snapshots
from pipelines import cli
from tests.drawn_company import params_of
from tests.servers import running_postgresql, running_spark

ROOT = Path(__file__).parents[2]
HISTORY = {
    "plan": {"from": "subscriptions", "columns": {"valid_from": "started_at", "valid_to": "ended_at"}},
    "basket": {
        "from": "orders",
        "columns": {"changed_at": "ordered_at", "value": "amount"},
        "kind": "number",
    },
}
"""Histories of attributes, made from tables of the demo company."""


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    with running_spark() as session:
        yield session


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw tables of a small demo company."""
    folder = tmp_path_factory.mktemp("demo")
    write_company(folder / "company", folder / "truth", customers=120, seed=7)
    return folder / "company"


@dataclass(frozen=True)
class Stores:
    """The demo company's two stores, and the numbers of rows that the driver collected from Spark."""

    from_files: Store
    from_spark: Store
    row_counts: list[int]


@pytest.fixture(scope="module")
def stores(spark: Any, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    folder = tmp_path_factory.mktemp("stores")
    params = params_at(folder / "files", str(demo))
    from_files = ingest(params, lambda _: None)
    offer(spark, demo)
    row_counts: list[int] = []
    frame = type(spark.range(1))
    collect = frame.collect

    def collect_and_count(self: Any) -> Any:
        rows = collect(self)
        row_counts.append(len(rows))
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lake_store, "ROWS_PER_RANGE", 6_000)
        patch.setattr(frame, "collect", collect_and_count)
        for name in ("toArrow", "toPandas", "toLocalIterator"):
            patch.setattr(frame, name, None)
        patch.setattr(TableWriter, "write", None)  # in the driver only; the tasks are other processes
        from_spark = ingest(of_spark(params, folder), lambda _: None)
    return Stores(from_files, from_spark, row_counts)


def test_spark_gives_the_store_and_the_rejects_that_files_give(stores: Stores) -> None:
    assert stores.from_spark.tables == stores.from_files.tables
    assert stores.from_spark.digest == stores.from_files.digest
    assert rejects_of(stores.from_spark) == rejects_of(stores.from_files)


def test_each_file_of_the_store_has_later_customers_than_the_file_before(stores: Stores) -> None:
    assert_ascending_ranges(stores.from_spark, at_least=3)


def test_the_driver_collects_no_rows_of_tables(stores: Stores) -> None:
    assert max(stores.row_counts) <= len(stores.from_spark.tables)


def test_databases_give_the_store_that_files_give(stores: Stores, demo: Path, tmp_path: Path) -> None:
    with running_postgresql() as postgresql:
        sources = (to_duckdb(demo, tmp_path), to_sqlite(demo, tmp_path), to_postgresql(demo, postgresql))

        from_databases = [
            ingest(params_at(tmp_path / str(number), source), lambda _: None)
            for number, source in enumerate(sources)
        ]

    for store in from_databases:
        assert store.tables == stores.from_files.tables
        assert store.digest == stores.from_files.digest


@pytest.mark.parametrize("executor", ["processes", "spark"])
def test_every_executor_writes_the_same_snapshots(
    spark: Any, stores: Stores, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    for module in (blocks, write):
        monkeypatch.setattr(module, "STEP", 50)  # several blocks
    serial = snapshots_of(stores.from_files, "serial")

    from_executor = snapshots_of(stores.from_spark, executor)

    assert len(serial) > 2
    assert from_executor == serial


def test_rows_of_several_ranges_are_checked_as_those_of_files_are(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row_id belongs to several customers, e-mails are rows of events, ids have blanks around them."""
    params = params_of(
        tmp_path,
        visits="""
            customer | happened_at      | row_id | kind
            ana      | 2024-05-01 10:00 | 1      | first
            ben      | 2024-05-01 09:00 | 1      | kept
            zoe      | 2024-05-02 10:00 | 1      | lost
            zoe      | 2024-05-01 09:00 | 1      | late
            ben      | 2024-05-03 10:00 | 2      | kept
            ben      | 2024-05-03 11:00 | 2      | lost
            ana      | 2024-05-04 10:00 |        | free
            zoe      | 2024-05-04 10:00 |        | free
            nobody   | 2024-05-01 08:00 | 3      | dangling
            ana      | 2024-05-05 08:00 | 3      | kept
                     | 2024-05-05 08:00 | 4      | nameless
        """,
        emails="""
            customer | email_id | kind | sent_at
            ana      | a        | send | 2024-05-01 10:00
            zoe      | b        | send | 2024-05-01 10:00
            zoe      | b        | open | 2024-05-02 10:00
        """,
        customers="""
            customer | signed_up_at
            ana      | 2024-01-01
            ben      | 2024-01-01
            ben      | 2023-01-01
            zoe      | 2024-01-01
        """,
        label={"kind": "inactivity", "table": "visits", "horizon_days": 30},
        params={"check": {"max_rejects": 0.9}},
    )
    from_files = ingest(params, lambda _: None)
    offer(spark, as_parquet(Path(params.source), tmp_path / "parquet", pad="emails"))
    monkeypatch.setattr(lake_store, "ROWS_PER_RANGE", 3)

    from_spark = ingest(of_spark(params, tmp_path), lambda _: None)

    assert from_files.tables["visits"].levels == {"kind": ("free", "kept")}
    assert from_spark.tables == from_files.tables
    assert rejects_of(from_spark).keys() == rejects_of(from_files).keys()
    assert_ascending_ranges(from_spark, at_least=2)


def test_the_guard_of_late_rows_finds_on_spark_what_it_finds_in_files(spark: Any, tmp_path: Path) -> None:
    days = range(1, 31)
    rows = "\n".join(f"c{day % 7} | 2024-05-{day:02} 10:00 | 2024-06-{day:02} 10:00" for day in days)
    params = params_of(
        tmp_path,
        visits=f"customer | happened_at | loaded_at\n{rows}",
        customers="customer | signed_up_at\n" + "\n".join(f"c{n} | 2024-01-01" for n in range(7)),
        label={"kind": "inactivity", "table": "visits", "horizon_days": 30},
        since=None,
    )
    offer(spark, as_parquet(Path(params.source), tmp_path / "parquet"))

    found = [late_findings(ingest(own, lambda _: None)) for own in (params, of_spark(params, tmp_path))]

    assert [finding.severity for finding in found[0]] == ["stop"]
    assert found[1] == found[0]


def late_findings(store: Store) -> list[Finding]:
    with (
        scratch_folder(store.params.output / ".scratch") as scratch,
        open_context(store, (), (), scratch) as context,
    ):
        return list(late_rows(context))


def test_rows_for_a_view_that_the_driver_does_not_find_are_noticed(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(spark, as_parquet(write_visits(tmp_path / "csv"), tmp_path / "parquet"))
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))  # as if the folder were on another machine

    with (
        duckdb.connect() as connection,
        open_lake(connection, "spark:///", tmp_path) as lake,
        pytest.raises(SourceError, match=r"executors wrote 2 rows .* finds only 0 of these rows"),
    ):
        lake.view("some_rows", "SELECT * FROM visits")


def test_a_view_of_spark_holds_the_rows_and_their_types(spark: Any, tmp_path: Path) -> None:
    offer(spark, as_parquet(write_visits(tmp_path / "csv"), tmp_path / "parquet"))

    with duckdb.connect() as connection, open_lake(connection, "spark:///", tmp_path) as lake:
        lake.view("all_rows", "SELECT * FROM visits")
        lake.view("no_rows", "SELECT * FROM visits WHERE customer_id = 'nobody'")
        all_rows, no_rows = (connection.table(name).to_arrow_table() for name in ("all_rows", "no_rows"))

    assert sorted(all_rows["customer_id"].to_pylist()) == ["a", "b"]
    assert (no_rows.num_rows, no_rows.schema) == (0, all_rows.schema)


def write_visits(folder: Path) -> Path:
    folder.mkdir()
    (folder / "visits.csv").write_text("customer_id,happened_at\na,2024-05-01 10:00\nb,2024-05-02 10:00\n")
    return folder


def test_init_does_not_read_spark_and_says_what_to_do(
    spark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    code = cli.main("init", ["--source", "spark:///"])

    assert code == 11
    assert "start from an extract in files" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "params.yaml").exists()


def test_sql_that_spark_does_not_understand_is_reported_with_its_key(spark: Any, tmp_path: Path) -> None:
    params = params_of(
        tmp_path,
        logins="customer | happened_at\nana | 2024-05-01",
        orders="customer | ordered_at | amount\nana | 2024-05-01 | 5",
    )
    offer(spark, as_parquet(Path(params.source), tmp_path / "parquet"))
    no_column = params.tables["logins"].model_copy(update={"where": "no_column > 1"})
    no_number = params.tables["orders"].model_copy(update={"columns": {"amount": "cast('ten' as int)"}})

    with pytest.raises(SourceError) as no_column_error:
        ingest(of_spark(params, tmp_path, logins=no_column), lambda _: None)
    with pytest.raises(SourceError) as no_number_error:
        ingest(of_spark(params, tmp_path, orders=no_number), lambda _: None)

    assert "params.yaml: tables.logins: the SQL is not understood by the source" in str(no_column_error.value)
    assert "the rows have no column" in str(no_column_error.value)
    assert "params.yaml: tables.orders: the SQL is not understood by the source" in str(no_number_error.value)
    assert not (params.output / "store").exists()


def test_executors_that_do_not_share_the_output_folder_are_noticed(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = params_of(tmp_path, logins="customer | happened_at\nana | 2024-05-01")
    offer(spark, as_parquet(Path(params.source), tmp_path / "parquet"))
    monkeypatch.setattr(lake_store, "count_rows", lambda frame: (frame, lambda: 7))

    with pytest.raises(SourceError, match=r"executors wrote 7 rows .* finds only [12] of these rows"):
        ingest(of_spark(params, tmp_path), lambda _: None)


def test_every_executor_writes_the_same_night(
    spark: Any, demo: Path, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion was trained on a larger company."""
    for name in ("params.yaml", "playbook.yaml"):
        shutil.copy(small_run / name, tmp_path)
    shutil.copytree(small_run / "models", tmp_path / "models")
    monkeypatch.setattr(blocks, "STEP", 100)  # several blocks
    nights = []

    for executor in ("serial", "processes", "spark"):
        for name in ("scores", "calls"):
            shutil.rmtree(tmp_path / "output" / name, ignore_errors=True)
        settings = [f"source={demo}", f"engine.executor={executor}", "engine.processes=2"]
        options = [word for setting in settings for word in ("--set", setting)]
        assert cli.main("score", ["--params", str(tmp_path / "params.yaml"), *options]) == 0
        nights.append(files_of(tmp_path / "output", "*/cutoff=*/*"))

    assert len(nights[0]) >= 2
    assert nights[1] == nights[0]
    assert nights[2] == nights[0]


def test_an_exception_in_a_task_is_raised_in_the_driver(spark: Any) -> None:
    def divide(number: int) -> float:
        return 1 / number

    with pytest.raises(ZeroDivisionError):
        run_tasks(spark, divide, 2)


def params_at(folder: Path, source: str) -> Params:
    """The parameters of the demo company, with two cutoffs."""
    settings = yaml.safe_load((ROOT / "params.yaml").read_text())
    settings["tables"]["customers"]["history"] = HISTORY
    cutoffs = {"cutoffs": ["2025-02-01", "2025-05-01"], "watermark": "2025-10-01"}
    folders = {"source": source, "output": str(folder / "output"), "models": str(folder / "models")}
    return Params.model_validate(settings | folders | {"snapshot": cutoffs})


def of_spark(params: Params, folder: Path, **tables: TableParams) -> Params:
    update = {"source": "spark:///", "output": folder / "spark", "tables": {**params.tables, **tables}}
    return params.model_copy(update=update)


def snapshots_of(store: Store, executor: str) -> dict[str, bytes]:
    engine = store.params.engine.model_copy(update={"executor": executor, "processes": 2})
    params = store.params.model_copy(update={"engine": engine})
    opened_store = Store.open(params)
    write_snapshots(opened_store, select_signals(params, opened_store))
    return files_of(params.output / "snapshots", "*")


def files_of(folder: Path, pattern: str) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob(pattern)) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def offer(session: Any, folder: Path) -> None:
    """Make the Parquet files of a folder tables of Spark."""
    for table in session.catalog.listTables():
        session.catalog.dropTempView(table.name)
    for path in folder.glob("*.parquet"):
        session.read.parquet(str(path)).createOrReplaceTempView(path.stem)


def as_parquet(source: Path, folder: Path, pad: str = "") -> Path:
    """Write the CSV files of a folder as Parquet; ids of the table `pad` get blanks around them."""
    folder.mkdir()
    with duckdb.connect() as connection:
        for path in source.glob("*.csv"):
            replacement = "REPLACE (' ' || customer_id || '  ' AS customer_id)" if path.stem == pad else ""
            rows = f"SELECT * {replacement} FROM read_csv({literal(str(path))})"
            target = literal(str(folder / f"{path.stem}.parquet"))
            connection.execute(f"COPY ({rows}) TO {target}")
    return folder


def to_duckdb(company: Path, folder: Path) -> str:
    with duckdb.connect(str(folder / "company.duckdb")) as connection:
        for path in company.glob("*.parquet"):
            connection.execute(f"CREATE TABLE {path.stem} AS FROM read_parquet({literal(str(path))})")
    return f"duckdb:///{folder}/company.duckdb"


def to_sqlite(company: Path, folder: Path) -> str:
    from adbc_driver_sqlite import dbapi

    with dbapi.connect(str(folder / "company.sqlite")) as connection:
        write_tables(connection, company)
    return f"sqlite:///{folder}/company.sqlite"


def to_postgresql(company: Path, address: str) -> str:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(address) as connection:
        write_tables(connection, company)
    return address


def write_tables(connection: Any, company: Path) -> None:
    with connection.cursor() as cursor:
        for path in company.glob("*.parquet"):
            cursor.adbc_ingest(path.stem, pq.read_table(path))
    connection.commit()


def rejects_of(store: Store) -> dict[str, bytes]:
    return files_of(store.params.output / "rejects", "*")


def assert_ascending_ranges(store: Store, at_least: int) -> None:
    with duckdb.connect() as connection:
        for name, table in store.tables.items():
            files = sorted((store.folder / name).iterdir())
            assert len(files) >= at_least
            ranges = [
                connection.execute(
                    f"SELECT min(customer), max(customer) FROM read_parquet({literal(str(path))})"
                ).fetchone()
                for path in files
            ]
            nonempty = [pair for pair in ranges if pair and pair[0] is not None]
            assert all(before[1] < after[0] for before, after in pairwise(nonempty)), name
            assert table.rows == 0 or nonempty
