"""Mutations of the rows and columns of source files: CSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.faults.damage import replace_bytes, replace_text

TIMES = (
    *("2025-02-30", "2024-02-30 10:00:00", "9999-12-31", "9999-12-31 23:59:59", "0001-01-01", "1970-01-01"),
    *("0000-00-00", "1900-01-01", "2024-13-01", "2024-00-10", "2024-06-31 12:00:00", "2024-05-01T25:00:00"),
    *("2024-05-01 10:00:60", "2024-05-01 10:61:00", "31/12/2024", "05/06/2024", "12.05.2024", "20240501"),
    *("2024-05-01T10:00:00Z", "2024-05-01 10:00:00+02:00", "2024-05-01 10:00:00 -0400", "2024-05-01"),
    *(
        "2024-03-31 02:30:00",
        "2024-10-27 02:30:00",
        "1714557600",
        "45413",
        "2024-05-01 10:00:00.123456",
        "24-5-1",
    ),
    *(
        "10:00",
        "today",
        "epoch",
        "infinity",
        "-infinity",
        "292278994-08-17",
        "2024-05-01 10:00 PM",
        "2027-05-01",
    ),
)
NUMBERS = (
    *(
        "1e308",
        "1e400",
        "-1e400",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "1,5",
        "1.234,56",
        "1,234.56",
        "1_000",
        "0x10",
    ),
    *("1e3", "-12.50", "+7", ".5", "5.", "--1", "1-", "(12.50)", "12 EUR", "€12", "$1", "12%", "9" * 25),
    *("0.005", "0.015", "1e-320", "-0", "00012", "1.0.0", "true", "12345678901234.56", "½", "١٢"),
)
TEXTS = (
    *("", " ", "NULL", "null", "None", "n/a", "undefined", "#REF!", "\\N", "-", "?", "nan"),
    *("C0001 ", " C0001", "c0001", "C1", "4.5E+12", "C9999", "C0001\t", "C0001\u200b", "Ｃ0001"),
    *(
        "=1+1",
        "@SUM(A1)",
        "<script>alert(1)</script>",
        "\x1b[31mred",
        "'; DROP TABLE orders; --",
        "a'b",
        'a""b',
    ),
    *("x" * 10_000, "é", "\u202e", "🙂", "a\\b", "%s", "{}", "${HOME}"),
)


def cell_value(column: str, rng: random.Random) -> str:
    """Return a hostile value for a column of the company."""
    fitting = TIMES if column in ("placed", "signed_up_at") else NUMBERS if column == "amount" else TEXTS
    return rng.choice(fitting if rng.random() < 0.8 else (*TIMES, *NUMBERS, *TEXTS))


def mutate_rows(rows: list[dict[str, Any]], rng: random.Random) -> str:
    """Change rows in place: cells, missing values, repeated, removed and reordered rows."""
    operation = rng.choice(
        ("cells", "cells", "cells", "column", "repeat", "remove", "shuffle", "missing", "swap")
    )
    names = [*rows[0]]
    column = rng.choice(names)
    count = rng.choice((1, 1, 3, 20))
    chosen = [rng.randrange(len(rows)) for _ in range(count)]
    if operation == "cells":
        values = [cell_value(column, rng) for _ in range(count)]
        for number, value in zip(chosen, values, strict=True):
            rows[number] = rows[number] | {column: value}
        return f"{count} cells of {column}: {', '.join(values)[:80]}"
    if operation == "column":
        value = cell_value(column, rng)
        for number, row in enumerate(rows):
            rows[number] = row | {column: value}
        return f"all of {column}: {value[:40]}"
    if operation == "missing":
        for number in chosen:
            rows[number] = rows[number] | {column: None}
    elif operation == "repeat":
        rows += [rows[number] for number in chosen]
    elif operation == "remove":
        del rows[: rng.randrange(len(rows) + 1)]
    elif operation == "shuffle":
        rng.shuffle(rows)
    else:
        other = rng.choice(names)
        for number in chosen:
            row = rows[number]
            rows[number] = row | {column: row[other], other: row[column]}
        return f"{count} cells of {column} and {other} swapped"
    return f"{operation} {count} rows, {column}"


def mutate_csv(path: Path, rng: random.Random) -> str:
    """Change the rows, the header or the form of a CSV file."""
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    if rng.random() < 0.6:
        note = mutate_rows(rows, rng)
        replace_text(path, _csv_text(rows, [*rows[0]] if rows else ["customer_id"]))
        return note
    lines = path.read_text(encoding="utf-8").splitlines()
    return _FORMS[name := rng.choice([*_FORMS])](path, lines, rng) or name


def _csv_text(rows: list[dict[str, Any]], names: list[str], delimiter: str = ",") -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _header(path: Path, lines: list[str], rng: random.Random) -> str:
    names = lines[0].split(",")
    position = rng.randrange(len(names))
    new_name = rng.choice(
        (
            "",
            " ",
            names[0],
            names[position].upper(),
            f" {names[position]} ",
            "x" * 300,
            "a.b",
            'a"b',
            "\x1b[31m",
            "é",
            "1",
        )
    )
    old_name, names[position] = names[position], new_name
    replace_text(path, "\n".join([",".join(names), *lines[1:]]) + "\n")
    return f"header {old_name} -> {new_name[:20]!r}"


def _cut_row(path: Path, lines: list[str], rng: random.Random) -> str:
    position = rng.randrange(1, len(lines))
    lines[position] = rng.choice(
        ("", ",", ",,,,,,", lines[position] + ",extra", lines[position].partition(",")[0], '"', "#", "\x00")
    )
    replace_text(path, "\n".join(lines) + "\n")
    return f"row {position}: {lines[position][:40]!r}"


def _without_header(path: Path, lines: list[str], rng: random.Random) -> str:
    replace_text(path, "\n".join(lines[1:]) + "\n")
    return "no header"


def _other_form(path: Path, lines: list[str], rng: random.Random) -> str:
    delimiter = rng.choice((";", "\t", "|", ":", " ", "\x1f"))
    replace_text(path, "\n".join(line.replace(",", delimiter) for line in lines) + "\n")
    return f"delimiter {delimiter!r}"


def _line_ends(path: Path, lines: list[str], rng: random.Random) -> str:
    end = rng.choice(("\r\n", "\r", "\n\n", "\n\r"))
    replace_text(path, end.join(lines) + rng.choice(("", end)))
    return f"line ends {end!r}"


def _encoding(path: Path, lines: list[str], rng: random.Random) -> str:
    lines[-1] = lines[-1].replace("C00", "Cé€")
    encoding = rng.choice(("utf-16", "utf-16-le", "utf-32", "cp1252", "utf-8-sig", "utf-7", "shift_jis"))
    replace_bytes(path, ("\n".join(lines) + "\n").encode(encoding, "replace"))
    return f"encoding {encoding}"


def _quotes(path: Path, lines: list[str], rng: random.Random) -> str:
    quote = rng.choice(('"', "'", "`"))
    quoted = [",".join(f"{quote}{cell}{quote}" for cell in line.split(",")) for line in lines]
    replace_text(path, "\n".join(quoted) + "\n")
    return f"cells in {quote}"


def _preamble(path: Path, lines: list[str], rng: random.Random) -> str:
    first = rng.choice(("Report of 2024", "# made by a tool", "sep=,", "", "a,b,c,d,e,f", "\ufeff"))
    replace_text(path, "\n".join([first, *lines]) + "\n")
    return f"first line {first!r}"


_FORMS: dict[str, Callable[[Path, list[str], random.Random], str]] = {
    "header": _header,
    "row": _cut_row,
    "no header": _without_header,
    "delimiter": _other_form,
    "line ends": _line_ends,
    "encoding": _encoding,
    "quotes": _quotes,
    "preamble": _preamble,
}

JSON_VALUES = (
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    "",
    " ",
    "x",
    [],
    {},
    [1],
    {"a": 1},
    "2025-02-30",
    10**25,
    "NaN",
)


def mutate_json_lines(path: Path, rng: random.Random) -> str:
    """Change the rows of a file of JSON lines, or single lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if rng.random() < 0.6:
        rows = [json.loads(line) for line in lines]
        note = mutate_rows(rows, rng)
        replace_text(path, "".join(json.dumps(row) + "\n" for row in rows))
        return note
    position = rng.randrange(len(lines))
    row = json.loads(lines[position])
    column = rng.choice([*row])
    value = rng.choice(JSON_VALUES)
    operation = rng.choice(("value", "value", "raw", "no key", "key", "two keys", "array"))
    if operation == "value":
        lines[position] = json.dumps(row | {column: value})
    elif operation == "raw":
        lines[position] = rng.choice(
            ("", "{", "null", "[]", "{}", "NaN", '{"customer_id": NaN}', "x", lines[position][:-1])
        )
    elif operation == "no key":
        lines[position] = json.dumps({key: cell for key, cell in row.items() if key != column})
    elif operation == "key":
        lines[position] = json.dumps(
            {(key.upper() if key == column else key): cell for key, cell in row.items()}
        )
    elif operation == "two keys":
        lines[position] = lines[position][:-1] + f', "{column}": "twice"}}'
    else:
        lines = [f"[{', '.join(lines)}]"]
    replace_text(path, "\n".join(lines) + "\n")
    return f"{operation} of {column} in line {position + 1}: {value!r:.20}"


def mutate_parquet(path: Path, rng: random.Random) -> str:
    """Change the rows, the names or the types of a Parquet file."""
    table = pq.read_table(path, partitioning=None, use_threads=False)
    column = rng.choice(table.column_names)
    position = table.column_names.index(column)
    operation = rng.choice(("rows", "rows", "type", "type", "name", "drop", "text"))
    if operation == "rows":
        rows = table.to_pylist()
        count = rng.choice((1, 5, len(rows)))
        for _ in range(count):
            rows[rng.randrange(len(rows))][column] = None
        rows = rows[: rng.choice((0, 1, len(rows), len(rows)))]
        table, note = (
            pa.Table.from_pylist(rows, table.schema),
            f"{count} missing in {column}, {len(rows)} rows",
        )
    elif operation == "type":
        types = (
            pa.string(),
            pa.date32(),
            pa.timestamp("ns"),
            pa.timestamp("s", "UTC"),
            pa.float32(),
            pa.int32(),
        )
        other_type = rng.choice(
            (*types, pa.decimal128(12, 2), pa.large_string(), pa.binary(), pa.null(), pa.int64())
        )
        try:
            changed = pc.cast(table[column], other_type, safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # The values have no such type, so the mutation is another one: a column without values.
            changed, other_type = pa.nulls(len(table), pa.null()), pa.null()
        table, note = table.set_column(position, column, changed), f"{column} as {other_type}"
    elif operation == "text":
        texts = [str(value) for value in table[column].to_pylist()]
        for _ in range(rng.choice((1, 3, 20))):
            texts[rng.randrange(len(texts))] = cell_value(column, rng)
        table, note = table.set_column(position, column, pa.array(texts)), f"{column} as hostile texts"
    elif operation == "name":
        new_name = rng.choice(("", column.upper(), "a.b", "é", "x" * 300, table.column_names[0]))
        table = table.rename_columns([new_name if name == column else name for name in table.column_names])
        note = f"{column} -> {new_name[:20]!r}"
    else:
        table, note = table.drop_columns([column]), f"no {column}"
    path.unlink()
    pq.write_table(table, path, compression=rng.choice(("snappy", "zstd", "none", "gzip")))
    return note
