"""The search decodes each form of file, and finds a customer where the erasure does not know one."""

from __future__ import annotations

import errno
import gzip
import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.privacy.identifiers import Identifiers
from churn.privacy.search import search

ANN = Identifiers("C-1001", ("Ann Lee",))
Write = Callable[[Path, str], object]


def parquet(path: Path, text: str) -> None:
    pq.write_table(pa.table({"note": [text, "other"]}), path, compression="zstd")


def parquet_list(path: Path, text: str) -> None:
    pq.write_table(pa.table({"customers": [[text], []]}), path, compression="zstd")


def parquet_metadata(path: Path, text: str) -> None:
    pq.write_table(pa.table({"n": [1]}).replace_schema_metadata({"written for": text}), path)


def archive(path: Path, text: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/b.txt", f"rows of {text}")


def database(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE tags (value TEXT)")
        connection.execute("INSERT INTO tags VALUES (?)", [text])


WRITERS: list[tuple[str, Write]] = [
    ("a.parquet", parquet),
    ("b.parquet", parquet_list),
    ("c.parquet", parquet_metadata),
    ("d.zip", archive),
    ("e.json.gz", lambda path, text: path.write_bytes(gzip.compress(json.dumps([text]).encode()))),
    ("f.db", database),
    ("g.json", lambda path, text: path.write_text(json.dumps({"a": [{"b": text}]}))),
    ("h.jsonl", lambda path, text: path.write_text(json.dumps({"b": 1}) + "\n" + json.dumps({"b": text}))),
    ("i.csv", lambda path, text: path.write_text(f"rank;Kundennummer\r\n1;{text}\r\n")),
    (".hidden", lambda path, text: path.write_bytes(b"\xff\x00" + text.encode("utf-16-le"))),
    ("j.html", lambda path, text: path.write_text(f"<p>{text}</p>")),
]


@pytest.mark.parametrize(("name", "write"), WRITERS, ids=[name for name, _ in WRITERS])
@pytest.mark.parametrize("text", ["C-1001", "Ann Lee"])
def test_a_customer_is_found_in_each_form_of_file(tmp_path: Path, name: str, write: Write, text: str) -> None:
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep" / name, text)

    result = search([tmp_path], ANN)

    assert (result.files, result.paths) == (1, (tmp_path / "deep" / name,))


@pytest.mark.parametrize(("name", "write"), WRITERS, ids=[name for name, _ in WRITERS])
def test_other_customers_are_not_taken_for_this_one(tmp_path: Path, name: str, write: Write) -> None:
    write(tmp_path / name, "C-10012")

    assert search([tmp_path], ANN).paths == ()


def test_a_deleted_row_of_a_database_is_found_in_its_free_pages(tmp_path: Path) -> None:
    database(tmp_path / "runs.db", "C-1001")
    with closing(sqlite3.connect(tmp_path / "runs.db")) as connection, connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("DELETE FROM tags")

    assert len(search([tmp_path], ANN).paths) == 1


def test_a_short_id_is_found_by_column_and_not_by_bytes(tmp_path: Path) -> None:
    seven = Identifiers("7")
    (tmp_path / "page.html").write_text("7 customers")
    pq.write_table(pa.table({"model_version": ["7"], "n": [7]}), tmp_path / "other.parquet")
    pq.write_table(pa.table({"customer_id": ["7"]}), tmp_path / "own.parquet")

    assert search([tmp_path], seven).paths == (tmp_path / "own.parquet",)


def test_a_damaged_file_is_searched_byte_by_byte_and_counted(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 C-1001 PAR1")

    result = search([tmp_path], ANN)

    assert (len(result.paths), len(result.unreadable)) == (1, 1)


def test_spared_files_are_not_searched_and_missing_roots_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "proof.jsonl").write_text('{"customer_id": "C-1001"}')

    result = search([tmp_path, tmp_path / "nothing"], ANN, [tmp_path / "proof.jsonl"])

    assert (result.files, result.paths) == (0, ())


def test_files_behind_links_are_searched_once(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "output", tmp_path / "elsewhere"
    (root / "deep").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "a.txt").write_text("C-1001")
    (elsewhere / "up").symlink_to(root)
    (root / "scores").symlink_to(elsewhere)
    (root / "deep" / "b.txt").symlink_to(elsewhere / "a.txt")
    (root / "gone").symlink_to(tmp_path / "nothing")
    (root / "ring").symlink_to(root / "ring")

    result = search([root], ANN)

    assert (result.files, result.paths) == (1, (elsewhere / "a.txt",))


def test_a_folder_that_may_not_be_read_is_no_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> list[Path]:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)

    with pytest.raises(PermissionError):
        search([tmp_path], ANN)


def test_damage_within_the_pages_of_a_parquet_file_is_searched_byte_by_byte(tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    pq.write_table(pa.table({"n": range(1000)}), path, use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[4:40] = bytes(255 - byte for byte in data[4:40])
    path.write_bytes(data)

    result = search([tmp_path], ANN)

    assert (result.paths, result.unreadable) == ((), (path,))


def test_an_encrypted_archive_is_counted_as_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    archive(path, "nobody")
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    path.write_bytes(data)

    assert search([tmp_path], ANN).unreadable == (path,)
