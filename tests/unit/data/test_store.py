"""A store whose files have changed is noticed before a row is read, and the next ingest writes it again."""

from __future__ import annotations

import gc
import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from churn.data.files import checksum_of, sync_folder
from churn.data.ingest.ingest import fresh_store, ingest
from churn.data.sql import literal
from churn.data.store import DamagedStoreError, Store, day_number, write_manifest
from churn.errors import SourceError
from churn.features.engine.rows import Rows, StoredRows
from churn.features.engine.timeline import Timeline
from churn.params import Params, digest_of
from tests.drawn_company import params_of

LOGINS = "customer | happened_at | row_id\n" + "\n".join(
    f"c{number % 40} | 2024-0{number % 9 + 1}-01 10:00 | {number}" for number in range(400)
)


Company = tuple[Params, Path]
"""The parameters of a company, and the folder of its store."""


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> tuple[Params, Path, Path]:
    """The parameters of a company whose rows were ingested once, its folder, and a copy of this folder."""
    folder = tmp_path_factory.mktemp("store") / "company"
    folder.mkdir()
    params = params_of(folder, logins=LOGINS, since=None)
    ingest(params, lambda _: None)
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy, symlinks=True)
    return params, folder, copy


@pytest.fixture
def company(ingested: tuple[Params, Path, Path]) -> Company:
    """A company as it was ingested, at the place where it was ingested: each test may damage it."""
    params, folder, copy = ingested
    shutil.rmtree(folder)
    shutil.copytree(copy, folder, symlinks=True)
    return params, (params.output / "store").resolve()


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("*/*.parquet"))}


ALL_DAYS = Timeline.over([day_number(date(2025, 1, 1))], [(400, 0)])


def all_rows(store: Store) -> Rows:
    """Read all rows, as the computation of signals does."""
    return StoredRows(store, "logins").read((), (), ALL_DAYS, (0, 40))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def delete(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zero_in_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def of_another_schema(path: Path) -> None:
    path.unlink()
    duckdb.sql(f"COPY (SELECT 1 AS customer, 2 AS day) TO {literal(str(path))} (FORMAT parquet)")


def repeated(path: Path) -> None:
    (path.parent / "part-1.parquet").write_bytes(path.read_bytes())


def folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [
    truncate,
    delete,
    empty,
    zero_in_the_middle,
    flip_a_bit,
    of_another_schema,
    repeated,
    folder_in_its_place,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("table", ["customers", "logins"])
def test_a_damaged_part_is_noticed_and_the_next_ingest_gives_the_same_bytes(
    company: Company, table: str, damage: Callable[[Path], None]
) -> None:
    params, folder = company
    expected = bytes_of(folder)
    damage(folder / table / "part-0.parquet")
    lines: list[str] = []

    with pytest.raises(DamagedStoreError, match=rf"store is damaged: {table}/part-.*churn ingest") as error:
        Store.open(params)
    is_fresh = fresh_store(params) is not None
    ingest(params, lines.append)

    assert error.value.exit_code == 11
    assert not is_fresh
    assert any(f"damaged: {table}/part-" in line and "read again" in line for line in lines)
    assert bytes_of((params.output / "store").resolve()) == expected
    assert fresh_store(params) is not None


@pytest.mark.parametrize("damage", [truncate, delete, empty], ids=lambda d: d.__name__)
def test_a_part_damaged_while_the_store_is_open_is_named_by_the_reader_of_signals(
    company: Company, damage: Callable[[Path], None]
) -> None:
    store = Store.open(company[0])
    path = store.files("logins")[0]
    damage(path)

    with pytest.raises(DamagedStoreError, match=r"the store is damaged: .*Run `churn ingest`") as error:
        all_rows(store)

    assert str(path) in str(error.value)


def test_a_part_damaged_between_two_blocks_is_named_by_the_reader_of_signals(company: Company) -> None:
    store = Store.open(company[0])
    rows = StoredRows(store, "logins")
    path = store.files("logins")[0]
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size // 2))

    with pytest.raises(DamagedStoreError, match=r"the store is damaged: .*Run `churn ingest`"):
        rows.read((), (), ALL_DAYS, (0, 40))


def spill_folder(connection: duckdb.DuckDBPyConnection) -> Path:
    row = connection.execute("SELECT current_setting('temp_directory')").fetchone()
    assert row is not None
    return Path(row[0])


def test_the_connections_of_a_store_share_one_duckdb_with_its_settings(company: Company) -> None:
    store, other = Store.open(company[0]), Store.open(company[0])
    settings = (
        "SELECT current_setting('TimeZone'), current_setting('threads'), current_setting('memory_limit')"
    )

    with store.connect() as first, store.connect() as second, other.connect() as third:
        first.execute("CREATE TABLE rows_of_first AS SELECT 1")

        assert spill_folder(first) == spill_folder(second) != spill_folder(third)
        assert second.execute("SELECT * FROM rows_of_first").fetchall() == [(1,)]
        assert first.execute(settings).fetchall() == second.execute(settings).fetchall()
        assert second.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_a_connection_keeps_the_folder_to_which_it_sorts_after_its_store_is_gone(company: Company) -> None:
    store = Store.open(company[0])
    connection = store.connect()
    folder = spill_folder(connection)

    del store
    gc.collect()
    was_there = folder.is_dir()
    connection.close()
    del connection
    gc.collect()

    assert (was_there, folder.exists()) == (True, False)


def test_a_lost_part_of_an_open_store_is_not_passed_over(company: Company) -> None:
    store = Store.open(company[0])
    delete(store.files("logins")[0])

    with store.connect() as connection, pytest.raises(duckdb.IOException, match="part-"):
        connection.execute(f"SELECT count(*) FROM {store.scan('logins')}")


def test_a_part_laid_into_an_open_store_is_not_read(company: Company) -> None:
    store = Store.open(company[0])
    path = store.files("logins")[0]
    shutil.copy(path, path.with_name("part-9.parquet"))

    assert store.files("logins") == [path]
    assert len(all_rows(store).day) == 400


@pytest.mark.parametrize(
    "text", ["[]", "{}", "", "null", "7", '{"format": 4}', '{"format": 4, "tables": []}', "\x00\x00", '"x"']
)
def test_a_damaged_manifest_is_noticed_and_heals(company: Company, text: str) -> None:
    params, folder = company
    (folder / "manifest.json").write_text(text)

    with pytest.raises(DamagedStoreError, match=r"manifest\.json"):
        Store.open(params)
    store = ingest(params, lambda _: None)

    assert store.tables["logins"].rows == 400


def test_a_changed_value_in_the_manifest_is_noticed(company: Company) -> None:
    params, folder = company
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["watermark"] = "2030-01-01"
    (folder / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(DamagedStoreError, match=r"manifest\.json has changed"):
        Store.open(params)


def test_a_manifest_cannot_name_a_file_outside_the_store(tmp_path: Path, company: Company) -> None:
    params, folder = company
    outside = tmp_path / "outside.parquet"
    outside.write_bytes(b"x")
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["checksum"]
    manifest["files"][os.path.relpath(outside, folder.resolve())] = checksum_of(outside)
    (folder / "manifest.json").write_text(json.dumps(manifest | {"checksum": digest_of(manifest)}))

    with pytest.raises(DamagedStoreError, match="names a file elsewhere"):
        Store.open(params)


def test_a_store_of_another_version_is_written_again(company: Company) -> None:
    params, folder = company
    (folder / "manifest.json").write_text('{"format": 2, "tables": {}}')

    with pytest.raises(SourceError, match="format of another version"):
        Store.open(params)

    assert ingest(params, lambda _: None).tables["logins"].rows == 400


@pytest.mark.parametrize("text", ["[]", "{}", "null", '{"made_by": 1}'])
def test_damaged_marks_are_not_trusted(company: Company, text: str) -> None:
    params, folder = company
    (folder / ".marks.json").write_text(text)
    lines: list[str] = []

    store = ingest(params, lines.append)

    assert not any("new rows read" in line for line in lines)
    assert store.tables["logins"].rows == 400


def test_a_copied_store_and_a_note_of_the_system_are_no_damage(company: Company) -> None:
    params, folder = company
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    (folder / "logins" / "._part-0.parquet").write_bytes(b"\x00\x05")
    (folder / ".DS_Store").write_bytes(b"x")

    store = Store.open(params)

    with store.connect() as connection:
        assert connection.execute(f"SELECT count(*) FROM {store.scan('logins')}").fetchone() == (400,)
    assert fresh_store(params) is not None


def test_the_files_are_on_the_disk_before_the_store_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def sync(folder: Path) -> None:
        order.append(f"sync {'manifest' if (folder / 'manifest.json').exists() else 'nothing'}")
        order.append(f"published {(folder.parent / 'store').exists()}")
        sync_folder(folder)

    monkeypatch.setattr("churn.data.files.sync_folder", sync)

    ingest(params_of(tmp_path, logins=LOGINS, since=None), lambda _: None)

    assert order == ["sync manifest", "published False"]


@pytest.mark.parametrize("damage", [truncate, delete, zero_in_the_middle], ids=lambda damage: damage.__name__)
def test_damaged_rejects_are_not_read_back_by_the_next_ingest(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    limits: dict[str, object] = {"check": {"max_rejects": 1.0}}
    params = params_of(tmp_path, logins=f"{LOGINS}\n c1 | never | 999", since=None, params=limits)
    expected = ingest(params, lambda _: None)
    damage(expected.folder / ".rejects" / "logins.parquet")

    store = ingest(params, lambda _: None)

    assert store.tables == expected.tables
    assert dict(store.tables["logins"].rejects) == {"happened_at is a time": 1}


def test_hidden_files_that_spark_writes_beside_a_part_are_no_parts(tmp_path: Path) -> None:
    store = ingest(params_of(tmp_path, logins=LOGINS, since=None), lambda _: None)
    (store.folder / "logins" / ".part-0.parquet.crc").write_bytes(b"crc")
    (store.folder / "logins" / "_SUCCESS").write_bytes(b"")
    write_manifest(
        store.folder,
        store.tables,
        watermark=store.watermark,
        digest=store.digest,
        fingerprint=store.fingerprint,
    )

    assert [path.name for path in Store.open(store.params).files("logins")] == ["part-0.parquet"]
