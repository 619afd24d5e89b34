"""Encodings, JSON lines and spreadsheets: a text is read as what it is, or refused with the way out."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import duckdb
import pytest

from churn.data.ingest.ingest import ingest
from churn.data.sources import file_readers
from churn.data.sources.connections import open_source
from churn.data.sources.file_readers import plain_format_of, sniff_csv_format
from churn.errors import SourceError
from tests.cases import case
from tests.unit.data.sources.test_folder import CUSTOMERS, params_at, rows_in, write

CITIES = "customer_id,city\n1,München\n2,Łódź\n3,東京 🙂\n"
EXPECTED_CITIES = [(1, "München"), (2, "Łódź"), (3, "東京 🙂")]


@pytest.mark.parametrize(
    "data",
    [
        CITIES.encode("utf-8"),
        CITIES.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + CITIES.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + CITIES.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + CITIES.encode("utf-32-le"),
        codecs.BOM_UTF16_LE + CITIES.replace("\n", "\r\n").encode("utf-16-le"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_text_with_a_byte_order_mark_is_read(tmp_path: Path, data: bytes, packed: bool) -> None:
    name = "cities.csv.gz" if packed else "cities.csv"
    source = write(tmp_path / "source", {name: gzip.compress(data) if packed else data})

    assert rows_in(source, tmp_path, "cities") == EXPECTED_CITIES


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (CITIES.replace("東京 🙂", "x").encode("cp1250", "replace"), r"line 2.*0xfc.*encoding.*iconv"),
        (CITIES.encode("utf-16-le"), r"bytes of value 0.*encoding UTF-16.*iconv"),
        (("a,b\n" + "1,2\n" * 400_000 + "1,Zürich\n").encode("cp1252"), r"line 400002.*encoding"),
        ("id;price\n1;5 €\n".encode("cp1252"), "line 2, byte 0x80"),
    ],
)
def test_a_text_of_unknown_encoding_is_refused_with_its_line(tmp_path: Path, data: bytes, words: str) -> None:
    source = write(tmp_path / "source", {"cities.csv": data})

    with pytest.raises(SourceError, match=f"cities.csv.*{words}"):
        rows_in(source, tmp_path, "cities")


def test_the_export_in_utf_16_has_all_its_orders(tmp_path: Path) -> None:
    assert len(rows_in(case("utf-16"), tmp_path, "orders")) == 4528


def test_the_export_in_windows_1252_is_refused_with_the_word_encoding(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as error:
        rows_in(case("windows-1252"), tmp_path, "Kunden")

    assert [("Kunden.csv" in text, "encoding" in text) for text in error.value.problems] == [
        (False, True),
        (True, True),
    ]


def test_json_lines_give_the_store_that_csv_gives(tmp_path: Path) -> None:
    times = ["2024-01-01T10:00:00Z", "2024-01-01T12:30:00+02:00", "2024-07-01 10:00"]
    csv = "".join(f"007,{time}\n" for time in times)
    json = "".join(f'{{"customer_id": "007", "happened_at": "{time}"}}\n' for time in times)
    customers = "customer_id,signed_up_at\n007,2023-01-01\n"
    stores = []
    for name, text in (("logins.csv", f"customer_id,happened_at\n{csv}"), ("logins.jsonl", json)):
        source = write(tmp_path / name / "source", {name: text, "customers.csv": customers})
        params = params_at(source, tmp_path / name).model_copy(update={"timezone": "Europe/Berlin"})
        stores.append(ingest(params, lambda _: None))

    assert stores[0].tables["logins"].rows == 3
    assert stores[0].digest == stores[1].digest


def test_values_of_json_keep_their_text(tmp_path: Path) -> None:
    lines = (
        '{"id": 7, "code": "007", "n": 1.5, "at": "2024-01-01T10:00:00Z", "tags": ["a"]}\n'
        '{"id": "x", "code": "08", "n": null, "at": "2024-01-02T10:00:00Z"}\n'
    )
    source = write(tmp_path / "source", {"events.ndjson": lines})

    rows = rows_in(source, tmp_path, "events", 'id, code, n, "at"')

    assert rows == [("7", "007", 1.5, "2024-01-01T10:00:00Z"), ("x", "08", None, "2024-01-02T10:00:00Z")]


def test_keys_of_json_that_differ_only_in_capital_letters_are_refused(tmp_path: Path) -> None:
    lines = '{"id": 1, "plan": "a"}\n{"id": 2, "PLAN": "b"}\n{"id": 3, "plan": "a"}\n'
    source = write(tmp_path / "source", {"events.jsonl": lines})

    with pytest.raises(SourceError) as error:
        rows_in(source, tmp_path, "events")

    assert "'plan' (2 lines) and 'PLAN' (1 lines)" in str(error.value)


def test_keys_of_json_that_end_in_numbers_are_read(tmp_path: Path) -> None:
    lines = '{"plan": "a", "plan_1": "b"}\n{"plan": "c", "plan_2": "d"}\n'
    source = write(tmp_path / "source", {"events.jsonl": lines})

    rows = rows_in(source, tmp_path, "events", "plan, plan_1, plan_2")

    assert rows == [("a", "b", None), ("c", None, "d")]


def test_broken_json_is_refused_with_its_place(tmp_path: Path) -> None:
    source = write(tmp_path / "source", {"events.jsonl": '{"a": 1}\n{"a": \n'})

    with pytest.raises(SourceError, match=r"events\.jsonl cannot be read: .*line 3"):
        rows_in(source, tmp_path, "events")


def test_other_kinds_of_files_are_read_or_named(tmp_path: Path) -> None:
    raw = case("other-file-kinds")
    copy = write(tmp_path / "source", {p.name: p.read_bytes() for p in raw.iterdir() if p.suffix != ".xlsx"})

    assert len(rows_in(copy, tmp_path, "logins")) == 4528
    assert len(rows_in(copy, tmp_path, "TICKETS")) == 4528


def test_a_spreadsheet_is_read_with_its_extra_or_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "source", {"payments.xlsx": b"PK", "customers.csv": CUSTOMERS})
    monkeypatch.setattr("churn.data.sources.folder.find_spec", lambda _: None)

    with open_source(params_at(source, tmp_path), tmp_path / "scratch") as opened:
        assert opened.tables == ("customers",)
        with pytest.raises(SourceError, match=r"payments\.xlsx.*spreadsheet.*churn\[excel\].*CSV"):
            opened.require("payments", "params.yaml: tables.payments")


def workbook(path: Path, **sheets: list[list[object]]) -> None:
    """Write the smallest workbook that a reader accepts; texts are inline."""
    from zipfile import ZipFile

    def cell(value: object) -> str:
        if isinstance(value, bool):
            return f'<c t="b"><v>{int(value)}</v></c>'
        if isinstance(value, int | float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>' if value is not None else "<c/>"

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in zip(numbers, sheets, strict=True)
    )
    related = "".join(
        f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/s{n}.xml"/>' for n in numbers
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w") as file:
        file.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"/>')
        file.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
            f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>',
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships">{related}</Relationships>',
        )
        for n, rows in zip(numbers, sheets.values(), strict=True):
            body = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
            file.writestr(
                f"xl/worksheets/s{n}.xml",
                f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>',
            )


def test_the_cells_of_a_spreadsheet_become_typed_columns(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="needs the extra 'excel'")
    workbook(
        tmp_path / "source" / "orders.xlsx",
        Orders=[
            [None, None, None, None],
            ["customer", "amount", "code", "paid"],
            [17850, 2.5, "007", True],
            [None, None, None, None],
            [17851, 3, 8, False],
        ],
    )

    rows = rows_in(tmp_path / "source", tmp_path, "orders", "customer, amount, code, paid, typeof(customer)")

    assert rows == [(17850, 2.5, "007", True, "BIGINT"), (17851, 3.0, "8", False, "BIGINT")]


def test_each_filled_sheet_of_a_workbook_is_a_table(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="needs the extra 'excel'")
    workbook(tmp_path / "source" / "crm.xlsx", Customers=[["id"], ["a"]], Notes=[], Logins=[["id"], ["b"]])

    assert rows_in(tmp_path / "source", tmp_path, "crm_Logins") == [("b",)]
    assert rows_in(tmp_path / "source", tmp_path, "crm_Customers") == [("a",)]


def test_a_damaged_spreadsheet_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="needs the extra 'excel'")
    source = write(tmp_path / "source", {"orders.xlsx": b"PK\3\4 not a zip"})

    with pytest.raises(SourceError, match=r"orders\.xlsx cannot be read as a spreadsheet"):
        rows_in(source, tmp_path, "orders")


def test_a_bad_byte_in_parquet_is_no_question_of_encoding(tmp_path: Path) -> None:
    source = write(tmp_path / "source", {"orders.parquet": b"PAR1\xff\xfe"})

    with pytest.raises(SourceError, match=r"orders\.parquet cannot be read") as error:
        rows_in(source, tmp_path, "orders")

    assert "encoding" not in str(error.value)
    assert duckdb.sql("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize(("suffix", "options"), [("csv", "HEADER"), ("jsonl", "FORMAT json")])
def test_a_text_packed_with_zstandard_is_read(tmp_path: Path, suffix: str, options: str) -> None:
    (tmp_path / "source").mkdir()
    path = tmp_path / "source" / f"cities.{suffix}.zst"
    rows = ", ".join(f"({number}, '{city}')" for number, city in EXPECTED_CITIES)
    duckdb.execute(
        f"COPY (FROM (VALUES {rows}) AS t(customer_id, city)) TO '{path}' ({options}, COMPRESSION zstd)"
    )

    read = rows_in(tmp_path / "source", tmp_path, "cities", "customer_id::INTEGER, city")

    assert read == EXPECTED_CITIES


def test_a_packed_text_does_not_replace_the_plain_text_of_the_same_name(tmp_path: Path) -> None:
    first, second = (
        "\ufeffcustomer_id\n1\n".encode("utf-16-le"),
        "\ufeffcustomer_id\n2\n".encode("utf-16-le"),
    )
    source = write(tmp_path / "source", {"o/a.csv": first, "o/a.csv.gz": gzip.compress(second)})

    assert rows_in(source, tmp_path, "o") == [(1,), (2,)]


def test_a_column_named_filename_does_not_decide_the_values_of_folders(tmp_path: Path) -> None:
    source = write(tmp_path / "source", {"o/k=1/a.csv": "id,filename\n7,x\n"})

    with pytest.raises(SourceError, match=r"column 'filename'.*k=.*Rename"):
        rows_in(source, tmp_path, "o")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("orders.csv", "iconv -f UTF-16 -t UTF-8 orders.csv > .new && mv .new orders.csv"),
        (
            "orders.csv.gz",
            "gzip -dc orders.csv.gz | iconv -f UTF-16 -t UTF-8 | gzip > .new && mv .new orders.csv.gz",
        ),
    ],
)
def test_the_command_that_converts_a_text_puts_it_in_the_same_place(
    tmp_path: Path, name: str, command: str
) -> None:
    data = CITIES.encode("utf-16-le")
    source = write(tmp_path / "source", {name: gzip.compress(data) if name.endswith(".gz") else data})

    with pytest.raises(SourceError) as caught:
        rows_in(source, tmp_path, "orders")

    assert f": {command}. Then look at a name with an accent" in str(caught.value)


def wide_lines(mark: str, cell: str = "x") -> list[str]:
    """Return the lines of a table with 250 columns: ids, times, numbers and texts."""
    header = mark.join(["id", "at", *(f"c{i}" for i in range(248))])
    rows = [
        mark.join([f"U{n}", f"2024-01-0{n + 1}", *(str(i * n / 4) if i % 2 else cell for i in range(248))])
        for n in range(9)
    ]
    return [header, *rows]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_format_of_a_wide_plain_file_is_the_one_that_duckdb_finds(tmp_path: Path, mark: str) -> None:
    path = write(tmp_path, {"wide.csv": "\n".join([*wide_lines(mark), ""])}) / "wide.csv"

    plain_format = plain_format_of(path)

    assert plain_format
    with duckdb.connect() as connection:
        sniffed = sniff_csv_format(connection, f"'{path}'", "hive_partitioning = false")
        assert (
            sniff_csv_format(connection, f"'{path}'", f"hive_partitioning = false{plain_format}") == sniffed
        )


@pytest.mark.parametrize(
    "lines",
    [
        [*wide_lines(",")[:5], "a line of a report"],
        wide_lines(",", '"x"'),
        [line.replace(";c3;", ";c,3;") for line in wide_lines(";")],
        wide_lines(",", "# x"),
        ["id,at", "U1,2024-01-01"],
    ],
)
def test_the_format_of_another_file_is_left_to_duckdb(tmp_path: Path, lines: list[str]) -> None:
    path = write(tmp_path, {"wide.csv": "\n".join([*lines, ""])}) / "wide.csv"

    assert plain_format_of(path) == ""


PLAIN = ["customer_id,city", *(f"C{number},Bonn" for number in range(20))]


@pytest.mark.parametrize("n_files", [1, 2], ids=["a file", "a folder of files"])
@pytest.mark.parametrize("line", ["#", "# page 2"])
def test_a_line_that_may_be_a_comment_is_refused_with_its_number(
    tmp_path: Path, n_files: int, line: str
) -> None:
    text = "\n".join([*PLAIN, line, "#17,Kiel", "C8,Haus #2"]) + "\n"
    files = {"cities/a.csv": text.encode(), "cities/b.csv": "\n".join(PLAIN).encode()}
    source = write(tmp_path / "source", dict([*files.items()][:n_files]))

    with pytest.raises(SourceError, match=r"a\.csv: line 22 begins with '#'.*Delete such lines"):
        rows_in(source, tmp_path, "cities")


@pytest.mark.parametrize("n_bytes", [1, 2, 7, 50, 1000])
def test_the_number_of_a_line_does_not_depend_on_how_the_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_bytes: int
) -> None:
    monkeypatch.setattr(file_readers, "BYTES_PER_READ", n_bytes)
    path = tmp_path / "cities.csv"
    path.write_text("\n".join([*PLAIN, "# page 2"]) + "\n")

    assert file_readers._first_line_of_comment(path) == len(PLAIN) + 1
    path.write_text("#id,city\n")
    assert file_readers._first_line_of_comment(path) == 1
    path.write_text("\n".join(PLAIN) + "\nC8,#b")
    assert file_readers._first_line_of_comment(path) is None


@pytest.mark.parametrize("n_files", [1, 2], ids=["a file", "a folder of files"])
def test_rows_and_cells_with_the_sign_of_a_comment_are_read(tmp_path: Path, n_files: int) -> None:
    text = "\n".join([*PLAIN, "#17,Kiel", "C8,Haus #2", "C9,#b"]) + "\n"
    files = {"cities/a.csv": text.encode(), "cities/b.csv": b"customer_id,city\n"}
    source = write(tmp_path / "source", dict([*files.items()][:n_files]))

    assert {("#17", "Kiel"), ("C8", "Haus #2"), ("C9", "#b")} <= set(rows_in(source, tmp_path, "cities"))
