"""An independent reading of the company's files, with which the store is compared.

It uses the readers of Python and Arrow and the words of the documentation, and no code of `churn`.
"""

from __future__ import annotations

import codecs
import csv
import functools
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

ZONE = ZoneInfo("Europe/Berlin")
TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:(?:T|\s+)(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.\d+)?)?(?:\s*(Z|[+-]\d\d(?::?\d\d)?))?)?"
)
NUMBER = re.compile(r"[+-]?(\d+(_\d+)*\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
PLACEHOLDERS = (
    *("undefined", "null", "(null)", "<null>", "none", "(none)", "nil", "nan", "n/a", "#n/a", "(not set)"),
    *("unknown", "anonymous", "guest", "not_authenticated", "[object object]", "\\n", "<na>", "nat"),
    *("#null!", "#value!", "#ref!", "-", "--", ".", "?", "-1", "walk-in", "walkin", "anonym", "gast"),
    *("unbekannt", "laufkunde", "laufkundschaft", "barverkauf", "keine angabe", "k.a."),
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
)
"""The words of docs/your-data.md for the id of nobody."""
ROUNDED_ID = re.compile(r"\d([.,]\d+)?[eE][+]\d{2,}", re.ASCII)
"""An id that a spreadsheet has rounded; it belongs to several customers."""

ARROW_SCHEMA = b"ARROW:schema"
"""The key of the copy of the schema that Arrow adds to a Parquet file."""

DATA_END = datetime(2025, 1, 1)
"""The watermark of the company's parameters."""

YEAR = timedelta(days=367)
LARGEST = 1e12

Rows = Counter[tuple[Any, ...]]


class UnreadableError(Exception):
    """A file of which the independent reading can make no table."""


def rows_of(path: Path) -> list[Mapping[str, Any]]:
    """Read the rows of a source file as they are.

    Raises:
        UnreadableError: The file cannot be read as a whole.
    """
    try:
        return list(_READERS[path.suffix](path))
    except UnreadableError:
        raise
    except Exception as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def _text(path: Path) -> str:
    """Read a text by its byte order mark, as UTF-8, or as Windows-1252, in this order."""
    data = path.read_bytes()
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return data.decode("utf-32")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252")


def _csv_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    text = _text(path)
    quote = "'" if re.match(r"('[^']*',)+'[^']*'\s", text) else '"'
    delimiter = max(",;\t|", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote, strict=True)
    header = next(reader, [])
    names = [name.strip() for name in header]
    for cells in reader:
        if cells and len(cells) != len(names):
            raise UnreadableError(f"line {reader.line_num}: {len(cells)} cells under {len(names)} names")
        if cells:
            yield dict(zip(names, cells, strict=True))


def _json_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    text = _text(path)
    rows = (
        json.loads(text)
        if text.lstrip().startswith("[")
        else map(json.loads, filter(str.strip, text.splitlines()))
    )
    spellings: dict[str, str] = {}
    for row in rows:
        if row is None:  # the line `null` holds no value
            yield {}
            continue
        if not isinstance(row, dict):
            raise UnreadableError("a line is no object")
        for key in row:
            if spellings.setdefault(key.lower(), key) != key:
                raise UnreadableError(f"the keys {spellings[key.lower()]} and {key} may be one column or two")
        yield row


def _parquet_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    table = _arrow_table(path)
    for number, column in enumerate(table.columns):
        if pa.types.is_timestamp(column.type):  # a time that Python cannot hold is no time of a company
            times = pa.array(map(_time_or_none, column), pa.timestamp("us", column.type.tz))
            table = table.set_column(number, table.column_names[number], times)
    yield from table.to_pylist()


def _arrow_table(path: Path) -> pa.Table:
    """Read a Parquet file; a damaged copy of the schema, which only Arrow reads, is left out."""
    try:
        return pq.read_table(path, partitioning=None, use_threads=False)
    except (OSError, pa.ArrowException):
        data = path.read_bytes()
        if ARROW_SCHEMA not in data:
            raise
        no_schema = data.replace(ARROW_SCHEMA, ARROW_SCHEMA.lower())
        return pq.read_table(pa.BufferReader(no_schema), use_threads=False)


def _time_or_none(value: pa.TimestampScalar) -> datetime | None:
    try:
        return value.as_py()  # type: ignore[no-any-return]
    except (OverflowError, ValueError):  # beyond the year 9999, or digits below the microsecond
        return None


_READERS = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}


def expected_rows(folder: Path) -> tuple[Rows, Rows]:
    """Return the good customers and the good orders of a folder, each with its count.

    Raises:
        UnreadableError: A file cannot be read as a whole, or holds a value in a form of its own.
    """
    (customers_file,) = folder.glob("customers.*")
    (orders_file,) = folder.glob("orders.*")
    customers: dict[str, tuple[Any, ...]] = {}
    candidates = []
    customer_rows = [*map(_with_plain_names, rows_of(customers_file))]
    order_rows = [*map(_with_plain_names, rows_of(orders_file))]
    latest = YEAR + max(
        _end_of([row.get(name) for row in rows])
        for name, rows in (("signed_up_at", customer_rows), ("placed", order_rows))
    )
    for row in customer_rows:
        customer_id, at = id_of(row.get("customer_id")), instant_of(row.get("signed_up_at"))
        if customer_id and at is not None and at <= latest:
            attributes = tuple(text_of(row.get(name)) for name in ("plan: typ", "country"))
            candidates.append((at, str(row.get("signed_up_at")), str(attributes), customer_id, attributes))
    for at, _, _, customer_id, attributes in sorted(candidates, key=lambda item: item[:3]):
        customers.setdefault(customer_id, (customer_id, at, *attributes))
    orders: Rows = Counter()
    for row in order_rows:
        customer_id, at = id_of(row.get("customer_id")), instant_of(row.get("placed"))
        amount = cents_of(row.get("amount"))
        if customer_id in customers and at is not None and at <= latest and amount is not None:
            orders[customer_id, at, amount] += 1
    return Counter(customers.values()), orders


def _end_of(values: Sequence[Any]) -> datetime:
    """Return the time up to which nine tenths of a table's times lie, or the watermark if that is later."""
    times = sorted(time for time in map(instant_of, values) if time is not None)
    return max([DATA_END, *times[math.ceil(0.9 * len(times)) - 1 :][:1]])


def _with_plain_names(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row with names in small letters: SQL does not tell capital letters apart."""
    return {name.strip().lower(): value for name, value in row.items()}


def text_of(value: Any) -> str | None:
    """Return an id or a level as text, without blanks at its ends; None for no value."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    text = "" if value is None else str(value).strip()
    return text or None


def id_of(value: Any) -> str | None:
    """Return the id of a customer; None for no value, a placeholder or a rounded id."""
    text = text_of(value)
    is_id = text and text.lower() not in PLACEHOLDERS and not ROUNDED_ID.fullmatch(text)
    return text if is_id else None


def instant_of(value: Any) -> datetime | None:
    """Return a time in UTC, to the second; None if the value is no time after 1970."""
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, date):
        return _in_utc(datetime(value.year, value.month, value.day))
    return None if value is None else _instant_of_text(str(value))


@functools.cache
def _instant_of_text(text: str) -> datetime | None:
    match = TIME.fullmatch(text.strip())
    if not match:
        return None
    try:
        moment = datetime(*(int(part or 0) for part in match.groups()[:6]))  # type: ignore[arg-type]
        zone = match.group(7)
        if zone:
            moment = moment.replace(tzinfo=datetime.strptime(_offset(zone), "%z").tzinfo)
    except ValueError:
        return None
    return _in_utc(moment)


@functools.cache
def _in_utc(moment: datetime) -> datetime | None:
    moment = moment.replace(microsecond=0)
    try:
        # A local time that the clocks show twice is the first one.
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=ZONE, fold=0)
        utc = zoned.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return None
    return utc if utc >= datetime(1970, 1, 2) else None


def _offset(zone: str) -> str:
    return "+0000" if zone == "Z" else zone.replace(":", "").ljust(5, "0")


def cents_of(value: Any) -> int | None:
    """Return an amount of money in cents; None if the value is no number."""
    if isinstance(value, bool):
        return None
    if not isinstance(value, int | float | Decimal):
        if value is None or not NUMBER.fullmatch(str(value).strip()):
            return None
        value = str(value).strip()
    number = float(value)
    if not math.isfinite(number) or not 0 <= number <= LARGEST:
        return None
    return int(Decimal(number * 100).to_integral_value(ROUND_HALF_UP))


def stored_rows(store: Path) -> tuple[Rows, Rows]:
    """Return the customers and the orders of a store, each with its count."""
    customers = _part_rows(store / "customers")
    names = {row["customer"]: row["customer_id"] for row in customers}
    customer_rows = Counter(
        (row["customer_id"], row["at"].replace(microsecond=0), row.get("Plan: Typ"), row.get("country"))
        for row in customers
    )
    order_rows = Counter(
        (names[row["customer"]], row["at"].replace(microsecond=0), row["amount"])
        for row in _part_rows(store / "orders")
    )
    return customer_rows, order_rows


def _part_rows(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.parquet")):
        rows += pq.read_table(path, partitioning=None, use_threads=False).to_pylist()
    return rows


def difference(expected: tuple[Rows, Rows], actual: tuple[Rows, Rows]) -> str:
    """Return how two readings differ, in words; an empty text if they are equal."""
    notes = []
    for name, wanted_rows, rows in zip(("customers", "orders"), expected, actual, strict=True):
        lost, added = wanted_rows - rows, rows - wanted_rows
        if lost or added:
            notes.append(
                f"{name}: {sum(lost.values())} rows are not in the store, such as {[*lost][:2]}; "
                f"{sum(added.values())} rows are only there, such as {[*added][:2]}"
            )
    return "; ".join(notes)
