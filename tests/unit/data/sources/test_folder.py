"""A folder as a source: what is data is read, what is no data is not, and what is not read is named."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from churn.data.ingest.ingest import fresh_store, ingest
from churn.data.sources.connections import open_source
from churn.data.sources.folder import describe_unread, scan_folder
from churn.data.sql import literal
from churn.data.store import Store
from churn.errors import SourceError
from churn.params import Params
from tests.cases import case
from tests.drawn_company import params_of

LOGINS = "customer_id,happened_at\nana,2024-01-01\nben,2024-01-02\n"
CUSTOMERS = "customer_id,signed_up_at\nana,2023-01-01\nben,2023-01-02\n"


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def params_at(source: Path, output: Path, **tables: object) -> Params:
    return params_with(source, output, {"customers": {}, "logins": {}, **tables}, "logins")


def params_with(source: Path, output: Path, tables: dict[str, object], label_table: str) -> Params:
    return Params.model_validate(
        {
            "source": str(source),
            "tables": tables,
            "label": {"kind": "inactivity", "table": label_table, "horizon_days": 30},
            "output": str(output / "output"),
            "models": str(output / "models"),
        }
    )


def rows_in(source: Path, tmp_path: Path, table: str, columns: str = "*") -> list[tuple[object, ...]]:
    with open_source(params_at(source, tmp_path), tmp_path / "scratch") as opened:
        query = f"SELECT {columns} FROM {opened.require(table, 'tables')} ORDER BY ALL"
        return opened.connection.execute(query).fetchall()


def test_copies_that_programs_leave_among_the_files_are_not_read(tmp_path: Path) -> None:
    source = write(
        tmp_path / "source",
        {
            "logins/2023.csv": LOGINS,
            "logins/.ipynb_checkpoints/2023-checkpoint.csv": LOGINS,
            "logins/_temporary/0/part.csv": LOGINS,
            "logins/_SUCCESS": "",
            "._logins.csv": b"\x00\x05\x16\x07\x00\x02",
            ".~lock.logins.csv#": "ana",
            "~$payments.xlsx": "x",
            ".DS_Store": b"\0\0\0\1Bud1",
        },
    )

    scan = scan_folder(source)

    assert {name: len(paths) for name, paths in scan.files.items()} == {"logins": 1}
    assert [str(entry.path) for entry in scan.unread] == [
        "._logins.csv",
        "logins/.ipynb_checkpoints",
        "logins/_temporary",
    ]
    assert len(rows_in(source, tmp_path, "logins")) == 2


@pytest.mark.parametrize("name", ["checkpoint-folder", "apple-double"])
def test_the_copies_of_an_editor_and_of_a_mac_do_not_double_the_orders(name: str, tmp_path: Path) -> None:
    days = "ordered_at >= DATE '2024-06-01' - 91 AND ordered_at < DATE '2024-06-01'"

    total = rows_in(
        case(name), tmp_path, "orders", f"round(sum(amount) FILTER (customer_id = 'C1000' AND {days}), 2)"
    )

    assert total == [(250.30,)]


def test_a_file_that_is_not_read_is_named_with_the_reason(tmp_path: Path) -> None:
    source = write(
        tmp_path / "source",
        {"logins.csv": LOGINS, "tickets.avro": "Obj", "old/_tickets.csv": LOGINS, "README.md": "# Export"},
    )
    (source / "orders.parquet").symlink_to(tmp_path / "nowhere.parquet")

    lines = list(describe_unread(scan_folder(source).unread))

    assert [line.partition(" (")[0] for line in lines] == [
        "not read: old/_tickets.csv",
        "not read: orders.parquet",
        "not read: tickets.avro",
    ]
    assert "link to nothing" in lines[1]


def test_a_csv_file_without_any_byte_is_no_table_without_columns(tmp_path: Path) -> None:
    source = write(
        tmp_path / "source",
        {
            "contacts.csv": "",
            "tickets.csv": LOGINS.splitlines()[0],
            "logins/1.csv": LOGINS,
            "logins/2.csv": "",
        },
    )

    scan = scan_folder(source)

    assert {name: len(paths) for name, paths in scan.files.items()} == {"logins": 1, "tickets": 1}
    assert [(str(entry.path), entry.table) for entry in scan.unread] == [
        ("contacts.csv", "contacts"),
        ("logins/2.csv", "logins"),
    ]
    assert all("is empty" in entry.reason for entry in scan.unread)


def test_ordinary_files_are_read_without_a_word(tmp_path: Path) -> None:
    source = write(
        tmp_path / "source",
        {
            "logins.csv": LOGINS,
            "orders/2023-01.csv": LOGINS,
            "orders/2023-02.csv": LOGINS,
            "params.yaml": "",
            "_metadata": "",
        },
    )

    scan = scan_folder(source)

    assert scan.unread == ()
    assert {name: len(paths) for name, paths in scan.files.items()} == {"logins": 1, "orders": 2}


@pytest.mark.parametrize(
    "name", ["logins.CSV", "logins.Csv", "logins.TSV", "logins.CSV.GZ", "logins.csv.gz", "logins.JSONL"]
)
def test_the_case_of_a_suffix_does_not_matter(tmp_path: Path, name: str) -> None:
    text = LOGINS.replace(",", "\t") if "tsv" in name.lower() else LOGINS
    if "json" in name.lower():
        text = '{"customer_id": "ana", "happened_at": "2024-01-01"}\n{"customer_id": "ben"}\n'
    data = gzip.compress(text.encode()) if name.lower().endswith("gz") else text.encode()
    source = write(tmp_path / "source", {name: data, "customers.csv": CUSTOMERS})

    assert [row[0] for row in rows_in(source, tmp_path, "logins")] == ["ana", "ben"]


@pytest.mark.parametrize(
    ("log", "lake"),
    [
        ("_delta_log/00000000000000000000.json", "Delta Lake"),
        ("metadata/v1.metadata.json", "Iceberg"),
        (".hoodie/hoodie.properties", "Hudi"),
    ],
)
def test_a_lake_table_is_refused_by_name_and_the_other_tables_are_read(
    tmp_path: Path, log: str, lake: str
) -> None:
    source = write(
        tmp_path / "source",
        {
            f"orders/{log}": "{}",
            "orders/part-removed.csv": "customer_id,ordered_at,amount\nana,2024-01-01,5\n",
            "logins.csv": LOGINS,
            "customers.csv": CUSTOMERS,
        },
    )

    store = ingest(params_at(source, tmp_path), lambda _: None)
    with pytest.raises(
        SourceError, match=rf"tables\.orders: orders .* table of {lake}.*Spark.*Parquet"
    ) as error:
        ingest(params_at(source, tmp_path, orders={}), lambda _: None)

    assert store.tables["logins"].rows == 2
    assert error.value.exit_code == 11


def test_a_source_that_is_itself_a_lake_table_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "source", {"_delta_log/0.json": "{}", "part.csv": LOGINS})

    with pytest.raises(SourceError, match="Delta Lake"):
        scan_folder(source)


@pytest.mark.parametrize(
    "files",
    [
        {"logins.csv": LOGINS, "logins/2023.csv": LOGINS},
        {"logins.csv": LOGINS, "logins.csv.gz": gzip.compress(LOGINS.encode())},
        {"logins.csv": LOGINS, "logins.CSV": LOGINS},
    ],
)
def test_a_table_that_is_there_twice_is_a_question(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    source = write(tmp_path / "source", files)

    with pytest.raises(SourceError, match=r"'logins' exists twice \(logins.*logins.*Keep only one"):
        rows_in(source, tmp_path, "logins")


def test_tables_that_differ_only_in_capital_letters_are_a_question(tmp_path: Path) -> None:
    source = write(tmp_path / "source", {"logins.csv": LOGINS, "Logins.csv": LOGINS})

    with pytest.raises(SourceError, match="Logins and logins differ only in capital letters"):
        rows_in(source, tmp_path, "logins")


def test_a_table_behind_a_link_is_read_and_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", {"2023.csv": LOGINS})
    source = write(tmp_path / "source", {"customers.csv": CUSTOMERS})
    (source / "logins").symlink_to(tmp_path / "elsewhere")
    (source / "circle").symlink_to(source)

    assert len(rows_in(source, tmp_path, "logins")) == 2


@pytest.mark.parametrize(
    ("link", "target"),
    [("logins/latest", "2024"), ("logins/latest.csv", "2024/01.csv"), ("logins/a/latest", "../2024")],
)
def test_a_link_to_rows_of_the_same_table_does_not_double_them(
    tmp_path: Path, link: str, target: str
) -> None:
    source = write(tmp_path / "source", {"logins/2024/01.csv": LOGINS})
    (source / link).parent.mkdir(exist_ok=True)
    (source / link).symlink_to(target)

    scan = scan_folder(source)

    assert [str(path.relative_to(source)) for path in scan.files["logins"]] == ["logins/2024/01.csv"]
    assert any("that is read itself" in line for line in describe_unread(scan.unread))


def test_a_file_whose_name_says_that_it_is_no_data_does_not_make_the_store_old(tmp_path: Path) -> None:
    source = write(tmp_path / "source", {"logins.csv": LOGINS, "customers.csv": CUSTOMERS})
    params = params_at(source, tmp_path)
    ingest(params, lambda _: None)

    write(source, {"_logins.csv": LOGINS, ".customers.csv": "half"})

    assert fresh_store(params) is not None


def test_a_new_copy_beside_the_data_does_not_make_the_store_old(tmp_path: Path) -> None:
    source = write(tmp_path / "source", {"logins.csv": LOGINS, "customers.csv": CUSTOMERS})
    params = params_at(source, tmp_path)
    ingest(params, lambda _: None)

    write(source, {".logins.csv.swp": "x", "notes.md": "x"})
    store_after_copies = fresh_store(params)
    write(source, {"logins.csv": f"{LOGINS}ana,2024-01-05\n"})

    assert store_after_copies is not None
    assert fresh_store(params) is None


STRANGE_NAMES = [
    "amount=500",
    "customer=7",
    "day=3",
    "a[1]",
    "b?",
    "star*",
    "c%20d",
    "e#f",
    "g h",
    "i\\j",
    "k\\[l]",
]


@pytest.fixture(scope="module", params=["csv", "parquet"])
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Params, Store]:
    """A source in a folder with a plain name, and its store; the source is not changed."""
    orders = """
        customer | ordered_at       | amount | row_id
        ana      | 2024-01-01 10:00 | 1      | 1
        ana      | 2024-02-01 10:00 | 22     | 2
        ben      | 2024-02-01 10:00 | 333    | 3
    """
    folder = tmp_path_factory.mktemp("plain")
    params = params_of(folder, orders=orders)
    to_suffix(folder / "source", request.param)
    return params, ingest(params, lambda _: None)


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_the_path_of_a_source_and_of_the_output_gives_no_values(
    plain: tuple[Params, Store], tmp_path: Path, name: str
) -> None:
    params, expected = plain
    folder = tmp_path / name
    shutil.copytree(Path(params.source), folder / "source")
    is_csv = (folder / "source" / "orders.csv").exists()
    write(tmp_path / "a1", {"source/orders.csv": "customer_id,ordered_at,amount\nana,2024-01-01,9\n"})
    paths = {"source": str(folder / "source"), "output": folder / "output", "models": folder / "models"}

    store = ingest(params.model_copy(update=paths), lambda _: None)
    with (folder / "source" / "orders.csv").open("a") if is_csv else open(os.devnull, "a") as file:
        file.write("ben,2024-03-01 10:00,4444,4\r\n")
    again = ingest(params.model_copy(update=paths), lambda _: None)

    assert bytes_of(store) == bytes_of(expected)
    assert store.digest == expected.digest
    assert again.tables["orders"].rows == store.tables["orders"].rows + is_csv


def to_suffix(source: Path, suffix: str) -> None:
    for path in source.glob("*.csv") if suffix == "parquet" else ():
        target = literal(str(path.with_suffix(".parquet")))
        duckdb.sql(f"SELECT * FROM read_csv({literal(str(path))})").to_parquet(target.strip("'"))
        path.unlink()


def bytes_of(store: Store) -> dict[str, bytes]:
    return {f"{name}/{path.name}": path.read_bytes() for name in store.tables for path in store.files(name)}


def test_folders_below_the_source_give_columns_and_folders_above_it_do_not(tmp_path: Path) -> None:
    source = tmp_path / "country=FR" / "day=9"
    for country, day, amount in (("DE", "2024-01-01", 5), ("A%20T", "2024-01-02", 7)):
        folder = source / "orders" / f"country={country}" / f"day={day}"
        folder.mkdir(parents=True)
        duckdb.sql(f"SELECT 'ana' AS customer_id, {amount} AS amount, 'x' AS country").write_parquet(
            str(folder / "part-0.parquet")
        )

    rows = rows_in(source, tmp_path, "orders", "customer_id, amount, country, day::VARCHAR, typeof(day)")

    assert rows == [("ana", 5, "DE", "2024-01-01", "DATE"), ("ana", 7, "A T", "2024-01-02", "DATE")]


def test_a_new_day_of_a_partitioned_table_is_read_alone(tmp_path: Path) -> None:
    source = write(
        tmp_path / "source",
        {
            "customers.csv": CUSTOMERS,
            "logins/day=2024-01-01/a.csv": "customer_id\nana\nben\n",
            "logins/day=2024-01-02/a.csv": "customer_id\nana\n",
        },
    )
    params = params_at(source, tmp_path, logins={"columns": {"happened_at": "day"}})
    lines: list[str] = []
    ingest(params, lines.append)

    write(source, {"logins/day=2024-01-03/a.csv": "customer_id\nben\n"})
    store = ingest(params, lines.append)

    assert any("logins: 4 rows of 2 customers; 1 new rows read" in line for line in lines)
    assert store.tables["logins"].last_day == store.tables["logins"].first_day + 2  # type: ignore[operator]
