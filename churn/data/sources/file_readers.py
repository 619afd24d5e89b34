"""The SQL that reads the files of one table: Parquet, CSV, JSON lines and spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb

from churn.data.sources.text_encoding import BYTES_PER_READ, as_utf8, is_packed
from churn.data.sql import file_list, identifier, literal, parquet_rows
from churn.errors import SourceError

FileFormat = Literal["parquet", "csv", "json", "workbook"]

MISREAD_TESTS = {
    "DATE": "NOT regexp_full_match($, '[0-9]{4}-[0-9]{2}-[0-9]{2}')",
    "TIMESTAMP": "NOT regexp_full_match($, '[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9:.]*)?')",
    "TIMESTAMP WITH TIME ZONE": "NOT regexp_full_match($, '.*:[0-9]{2}[0-9.]*[ ]?(Z|UTC|GMT|[+-][0-9:]+)')",
    "TIME": "$ IS NOT NULL",
    "BOOLEAN": "$ NOT IN ('true', 'false')",
    "BIGINT": "$ <> TRY_CAST($ AS BIGINT)::VARCHAR",
    "HUGEINT": "$ <> TRY_CAST($ AS HUGEINT)::VARCHAR",
    "DOUBLE": (  # the patterns are slower than the quick tests that stand before them
        "CASE WHEN strlen($) > 15 OR contains($, 'e') OR contains($, 'E') "
        "THEN regexp_full_match($, '[0-9]+[eE][0-9]+|[0-9]{16,}') "
        "OR regexp_full_match($, '[0-9]([.][0-9]+)?[eE][+](1[1-9]|[2-9][0-9])') END"
    ),
}
"""For each type that DuckDB may guess for a CSV column: the test whether this type would change the text `$`.

A date with the day first needs `time_format`. A time without a zone is local; DuckDB drops the zone UTC. The
texts 007, 12e3 and t may be ids; 4.5E+12 may be an id that a spreadsheet has rounded.
"""

HAS_POINT = "bool_or(contains($, '.'))"
"""The test whether a column has a number with a point."""

HAS_THREE_DIGITS = (
    f"bool_and(CASE WHEN contains($, '.') THEN trim($) LIKE '%.___' ELSE true END) AND {HAS_POINT}"
)
"""The quick test whether three characters follow each point of a column."""

MAY_BE_THOUSANDS = (
    r"bool_and(regexp_full_match(trim($), '[-+]?([1-9][0-9]{0,2}[.][0-9]{3}|[0-9]+)|(?i:nan)'))"
)
"""The test whether a column has only whole numbers and numbers such as 4.620, which may be 4620."""

ARE_PROBABLY_THOUSANDS = f"{MAY_BE_THOUSANDS} AND max(length(trim($))) FILTER (NOT contains($, '.')) <= 3"
"""The test whether, in addition, all numbers without a point are below 1000, as they are if points group
thousands.
"""

HAS_DECIMAL_COMMA = (
    r"avg(regexp_full_match(trim($), '[-+]?([0-9]+|[1-9][0-9]{0,2}([.][0-9]{3})+)(,[0-9]+)?')::INTEGER) "
    r">= 0.98 "
    r"AND bool_or(regexp_matches(trim($), '[.][0-9]{3}[.,]|,[0-9]{1,2}\z|,[0-9]{4,}|^[-+]?0,|[0-9]{4,},'))"
)
"""The test whether a text column has numbers that have a decimal comma, or points between thousands."""

TEXT_IN_JSON = ("JSON", "UUID", "TIME", "DATE")
"""The types of JSON values that are read as text.

DuckDB drops the zone of a time in a JSON text. It keeps the quotation marks of a text in a column that also
holds numbers.
"""

NO_MARK = "(empty)"
"""The word that DuckDB's sniffer writes if a CSV file has no such mark."""

MIN_WIDE = 200
"""The least number of separators in a line of a wide file."""

DELIMITERS = (b",", b";", b"\t", b"|")
OTHER_MARKS = (b'"', b"'", b"#", b"\\", b"\r")
"""Marks that may stand for quotes, comments, escapes or the end of a line; DuckDB must find out which."""


@dataclass(frozen=True)
class TableFiles:
    """The files of one table in order, and the SQL that reads their rows.

    Args:
        paths: The files.
        scan: The SQL after FROM that reads the columns stored inside the files.
        file_format: The format of the files.
        partition_columns: The SQL of each column that comes from `key=value` folders below the source.
        replaced_columns: Columns in the files, each replaced by a partition column of the same name.
        is_copy: Whether `scan` reads a copy of the files, which is made again for each verb.
    """

    paths: tuple[Path, ...]
    scan: str
    file_format: FileFormat
    partition_columns: Mapping[str, str] = field(default_factory=dict)
    replaced_columns: tuple[str, ...] = ()
    is_copy: bool = False

    @property
    def reader(self) -> str:
        """Return the SQL after FROM that reads all rows."""
        return f"({self.select()})" if self.partition_columns else self.scan

    @property
    def has_positions(self) -> bool:
        """Return whether a row can always be found again by its file name and its position in the file."""
        return self.file_format in ("parquet", "csv") and not self.is_copy

    def select(self, condition: str = "") -> str:
        """Return the query of the rows that meet a condition, such as `WHERE filename = 'a.csv'`."""
        columns = [f"{sql} AS {identifier(name)}" for name, sql in self.partition_columns.items()]
        excluded = ", ".join(map(identifier, self.replaced_columns))
        star = f"* EXCLUDE ({excluded})" if excluded else "*"
        return f"SELECT {', '.join([star, *columns])} FROM {self.scan} {condition}".rstrip()


def read_table(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    paths: Sequence[Path],
    file_format: FileFormat,
    scratch: Path,
) -> TableFiles:
    """Return the files of a table (Parquet, CSV or JSON lines) with the SQL that reads them.

    Args:
        connection: The DuckDB that looks at the files.
        folder: The folder of the source. A folder `key=value` inside it gives a column `key`; a folder above
            it does not.
        paths: The files.
        file_format: The format of the files.
        scratch: The folder for UTF-8 copies of the text files that have another encoding.

    Raises:
        duckdb.Error: A file cannot be read.
        SourceError: The encoding of a text file is unknown, or a column has the name `filename`, which is
            needed to read `key=value` folders.
    """
    read_paths = list(paths)
    if file_format in ("csv", "json"):
        read_paths = [as_utf8(path, scratch / "utf-8" / path.relative_to(folder)) for path in paths]
    if file_format == "parquet":
        scan = parquet_rows(*read_paths, union_by_name=True)
    else:
        scan = (_csv_scan if file_format == "csv" else _json_scan)(connection, read_paths)
    partition_columns = _partition_columns([path.relative_to(folder) for path in paths])
    replaced: tuple[str, ...] = ()
    if partition_columns:
        keys = {name.lower() for name in partition_columns}
        rows = connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
        replaced = tuple(str(row[0]) for row in rows if str(row[0]).lower() in keys)
        # This is DuckDB's own column of file names.
        if any(str(row[0]).lower() == "filename" for row in rows):
            raise SourceError(
                f"source: {paths[0].relative_to(folder)} has a column 'filename'. churn needs this "
                "name itself, to read the values in the names of the folders "
                f"{', '.join(f'{key}=…' for key in partition_columns)}. Rename the column in the files."
            )
    is_copy = read_paths != list(paths)
    return TableFiles(tuple(paths), scan, file_format, partition_columns, replaced, is_copy)


def _compression(paths: Sequence[Path]) -> str:
    """Return DuckDB's option for compressed files; DuckDB itself knows the suffix `.gz` but not `.GZ`."""
    suffixes = {path.suffix.lower() for path in paths}
    kind = {".gz": "gzip", ".zst": "zstd"}.get(suffixes.pop()) if len(suffixes) == 1 else None
    return f", compression = '{kind}'" if kind else ""


def _csv_scan(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> str:
    """Return the SQL that reads CSV files; a column stays text if a guessed type would change its values."""
    files = file_list(paths)
    options = f"hive_partitioning = false{_compression(paths)}"
    if len(paths) == 1:  # without these options, DuckDB would detect the format again in each query
        plain = plain_format_of(paths[0])
        dialect, types = sniff_csv_format(connection, files[1:-1], f"{options}{plain}")
        options = f"{options}, auto_detect = false{dialect}"
        texts = f"read_csv({files}, {options}, columns = {_struct(dict.fromkeys(types, 'VARCHAR'))})"
        text_columns = _columns_read_as_text(connection, texts, types)
        return f"read_csv({files}, {options}, columns = {_struct(types | text_columns)})"
    for path in paths:
        if not is_packed(path) and _first_line_of_comment(path):
            sniff_csv_format(connection, literal(str(path)), options)
    options = f"union_by_name = true, sample_size = -1, comment = '', {options}"
    rows = connection.execute(f"DESCRIBE SELECT * FROM read_csv({files}, {options})").fetchall()
    texts = f"read_csv({files}, {options}, all_varchar = true)"
    text_columns = _columns_read_as_text(connection, texts, {str(name): str(kind) for name, kind, *_ in rows})
    return f"read_csv({files}, {options}{f', types = {_struct(text_columns)}' if text_columns else ''})"


def sniff_csv_format(
    connection: duckdb.DuckDBPyConnection, file: str, options: str
) -> tuple[str, dict[str, str]]:
    """Return the options of `read_csv` that describe a CSV file, and the type of each column.

    Raises:
        SourceError: DuckDB takes a character of the file, such as `#`, for the start of a comment. DuckDB
            would silently drop each row that begins with this character. In other rows, it would drop the end
            of the line, from this character on.
    """
    marks = {"delim": "Delimiter", "quote": "Quote", "escape": "Escape", "comment": "Comment"}
    other = {"new_line": "NewLineDelimiter", "dateformat": "DateFormat", "timestampformat": "TimestampFormat"}
    names = {**marks, **other}
    row = connection.execute(
        f"SELECT Columns, SkipRows, HasHeader, {', '.join(names.values())} "
        f"FROM sniff_csv({file}, sample_size = -1, {options})"
    ).fetchone()
    assert row is not None  # sniff_csv gives one row or raises
    columns, skipped_rows, has_header, *values = row
    mark = values[list(names).index("comment")]
    if mark is not None and mark != NO_MARK:
        path = Path(file.strip("'").replace("''", "'"))
        number = None if is_packed(path) else _first_line_of_comment(path, mark.encode())
        raise SourceError(
            f"source: {path.name}: {f'line {number}' if number else 'a line'} begins with {mark!r}, and this "
            "line has other columns than the other lines. It may be a comment or a damaged row. Delete such "
            "lines, or write the file again."
        )
    dialect = f", skip = {skipped_rows}, header = {str(has_header).lower()}"
    for option, value in zip(names, values, strict=True):
        if value is not None:
            mark = "" if option in marks and value == NO_MARK else value
            dialect += f", {option} = {literal(mark)}"
    return dialect, {str(column["name"]): str(column["type"]) for column in columns}


def _first_line_of_comment(path: Path, mark: bytes = b"#") -> int | None:
    """Return the number, from 1, of the first line that begins with `mark`; None if no line does."""
    n_lines, last = 1, b"\n"
    with path.open("rb") as file:
        while block := file.read(BYTES_PER_READ):
            text = last + block  # include the last byte of the block before, because a line may end there
            if (position := text.find(b"\n" + mark)) >= 0:
                return n_lines + text.count(b"\n", 1, position + 1)
            n_lines += block.count(b"\n")
            last = block[-1:]
    return None


def plain_format_of(path: Path) -> str:
    """Return options of `read_csv` if a file has many columns, one separator and no quotes; otherwise ''.

    Without these options, DuckDB would try each separator on each column, which takes long.
    """
    if is_packed(path) or path.suffix.lower() == ".zst":
        return ""
    with path.open("rb") as file:
        header = file.readline()
        counts = {mark: header.count(mark) for mark in DELIMITERS}
        delimiter, n_delimiters = max(counts.items(), key=lambda item: item[1])
        is_only_one = sum(count > 0 for count in counts.values()) == 1
        if n_delimiters < MIN_WIDE or not is_only_one or any(mark in header for mark in OTHER_MARKS):
            return ""
        for line in file:
            if line.count(delimiter) != n_delimiters or any(mark in line for mark in OTHER_MARKS):
                return ""
    return f", delim = {literal(delimiter.decode())}, quote = '', escape = '', comment = ''"


def _struct(types: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in types.items()) + "}"


def _columns_read_as_text(
    connection: duckdb.DuckDBPyConnection, texts: str, types: Mapping[str, str]
) -> dict[str, str]:
    """Return the type VARCHAR for each column whose texts would change if cast to the guessed type.

    For example, the text 007 would become the number 7.

    Args:
        connection: The DuckDB that reads the file.
        texts: The SQL that reads all columns as texts.
        types: The guessed types.
    """
    doubles = [name for name, kind in types.items() if kind == "DOUBLE"]
    tests = [
        (name, f"bool_or({MISREAD_TESTS[kind]})") for name, kind in types.items() if kind in MISREAD_TESTS
    ]
    passed = _passed_tests(connection, texts, [*tests, *((name, HAS_THREE_DIGITS) for name in doubles)])
    misread = {name for name, test in passed if test != HAS_THREE_DIGITS}
    ambiguous = {name for name, test in passed if test == HAS_THREE_DIGITS}
    tests = [(name, test) for name in ambiguous for test in (MAY_BE_THOUSANDS, ARE_PROBABLY_THOUSANDS)]
    passed = _passed_tests(connection, texts, tests)
    ambiguous = {name for name, _ in passed}
    if ambiguous and _has_decimal_points(connection, texts, types, ambiguous):
        ambiguous = {name for name, test in passed if test == ARE_PROBABLY_THOUSANDS}
    return dict.fromkeys([name for name in types if name in misread | ambiguous], "VARCHAR")


def _has_decimal_points(
    connection: duckdb.DuckDBPyConnection, texts: str, types: Mapping[str, str], ambiguous: set[str]
) -> bool:
    """Return whether the file has decimal points (in columns not in `ambiguous`) and no decimal commas.

    Args:
        connection: The DuckDB that reads the file.
        texts: The SQL that reads all columns as texts.
        types: The guessed type of each column.
        ambiguous: The columns whose points may also group thousands.
    """
    doubles = [name for name, kind in types.items() if kind == "DOUBLE" and name not in ambiguous]
    tests = [(name, HAS_POINT) for name in doubles]
    tests += [(name, HAS_DECIMAL_COMMA) for name, kind in types.items() if kind == "VARCHAR"]
    return {test for _, test in _passed_tests(connection, texts, tests)} == {HAS_POINT}


def _passed_tests(
    connection: duckdb.DuckDBPyConnection, texts: str, tests: Sequence[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Return the pairs (column, test) in which the column passes the test.

    A test is an SQL aggregate in which `$` stands for the column.
    """
    if not tests:
        return set()
    columns = [f"coalesce({test.replace('$', identifier(name))}, false)" for name, test in tests]
    row = connection.execute(f"SELECT {', '.join(columns)} FROM {texts}").fetchone()
    return {pair for pair, passes in zip(tests, row or (), strict=True) if passes}


def _json_scan(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> str:
    """Return the SQL that reads files with one JSON object per line; times and ids stay texts."""
    files = file_list(paths)
    options = f"format = 'newline_delimited', hive_partitioning = false{_compression(paths)}"
    described = connection.execute(
        f"DESCRIBE SELECT * FROM read_json({files}, {options}, union_by_name = true, sample_size = -1, "
        "map_inference_threshold = -1)"
    ).fetchall()
    _check_key_spellings(connection, paths, [str(name) for name, *_ in described])
    columns = ", ".join(
        f"{literal(str(name))}: {literal('VARCHAR' if _is_text_in_json(str(kind)) else str(kind))}"
        for name, kind, *_ in described
    )
    return f"read_json({files}, {options}, columns = {{{columns}}})"


def _check_key_spellings(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], columns: Sequence[str]
) -> None:
    """Check that no two keys of JSON lines differ only in capital letters.

    If a file has the keys `id` and `ID`, DuckDB names the second column `ID_1`, and finds no values for it.

    Args:
        connection: The DuckDB that reads the files.
        paths: The files.
        columns: The names that DuckDB gives to the keys.

    Raises:
        SourceError: Some keys differ only in capital letters.
    """
    names = {name.lower() for name in columns}
    stems = {name.lower().rpartition("_")[0] for name in columns if re.search(r"_\d+$", name)}
    if not stems & names:
        return
    objects = f"read_json_objects({file_list(paths)}, format = 'newline_delimited'{_compression(paths)})"
    keys = f"SELECT unnest(json_keys(json)) AS key FROM {objects}"
    rows = connection.execute(
        "SELECT list(key ORDER BY n DESC, key), list(n ORDER BY n DESC, key) FROM "
        f"(SELECT key, count(*) AS n FROM ({keys}) GROUP BY key) "
        "GROUP BY lower(key) HAVING count(*) > 1 ORDER BY min(key)"
    ).fetchall()
    if rows:
        spellings = "; ".join(
            " and ".join(f"{key!r} ({n:,} lines)" for key, n in zip(keys, counts, strict=True))
            for keys, counts in rows
        )
        raise SourceError(
            f"source: {paths[0].name} has keys that differ only in capital letters: {spellings}. SQL does "
            "not tell such names apart, so their values would be lost. Write each key in one spelling in all "
            "lines."
        )


def _is_text_in_json(duckdb_type: str) -> bool:
    return duckdb_type in TEXT_IN_JSON or duckdb_type.startswith("TIMESTAMP")


def _partition_columns(paths: Sequence[Path]) -> dict[str, str]:
    """Return the SQL of the columns that come from `key=value` folders below a table's folder.

    Args:
        paths: The paths of the files, relative to the source. The columns exist only if the folders of all
            files have the same keys.
    """
    folders = [dict(part.split("=", 1) for part in path.parts[1:-1] if "=" in part[1:]) for path in paths]
    if len({tuple(folder) for folder in folders}) != 1:
        return {}
    return {key: _partition_column(key, {folder[key] for folder in folders}) for key in folders[0]}


def _partition_column(key: str, values: set[str]) -> str:
    """Return the SQL of a column from `key=value` folders; its type is BIGINT, DATE or text."""
    pattern = literal(f"^.*/{re.escape(key)}=([^/]*)/")
    text = f"nullif(url_decode(regexp_extract(filename, {pattern}, 1)), '__HIVE_DEFAULT_PARTITION__')"
    filled = values - {"__HIVE_DEFAULT_PARTITION__"}
    if filled and all(re.fullmatch(r"-?\d{1,18}", value) for value in filled):
        return f"CAST({text} AS BIGINT)"
    if filled and all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) for value in filled):
        return f"CAST({text} AS DATE)"
    return text
