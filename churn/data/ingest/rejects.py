"""Describe the rejected rows of a table: the rules, the first values that break them, and the way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from churn.data.ingest.rules import DANGLING_RULE, PLACEHOLDER_RULE, ROUNDED_RULE
from churn.data.own_files import read_own_parquet
from churn.data.sources.table_specs import table_specs
from churn.data.sql import literal, parquet_rows
from churn.data.store import StoredTable
from churn.errors import SourceError
from churn.params import Params

MAX_EXAMPLES = 3
"""How many rejected values a message shows for each rule."""

MIN_RESPELT_SHARE = 0.1
"""If at least this share of ids is respelt, the ids of two tables are certainly written in different ways."""

COMMON_SPELLING = "ltrim(replace(lower($), ' ', ''), '0')"
"""The SQL of an id `$` without capital letters, blanks and leading zeros."""


def table_problems(
    params: Params, name: str, tables: Mapping[str, StoredTable], rejects: Path
) -> Iterator[str]:
    """Yield why the rows of a table cannot be used: too many are rejected, or none is left.

    Rows whose customer id is a placeholder, such as `undefined`, belong to no customer; they do not count as
    rejected here.

    Args:
        params: The parameters.
        name: The table's name.
        tables: What `ingest` counted in each table, by the table's name.
        rejects: The folder of the rejected rows.
    """
    table, path = tables[name], rejects / f"{name}.parquet"
    counts = {rule: count for rule, count in table.rejects.items() if rule != PLACEHOLDER_RULE}
    count = sum(counts.values())
    if count > params.check.max_rejects * table.rows_read or (count and not table.rows):
        share = count / table.rows_read
        limit = f", more than check.max_rejects ({params.check.max_rejects:.1%})" if table.rows else ""
        yield (
            f"{name}: {count:,} of {table.rows_read:,} rows ({share:.1%}) are rejected{limit}: "
            f"{describe_rejects(counts, path)}. See {params.output.name}/rejects/{name}.parquet; "
            "correct the source or its mapping."
            f"{_rounded_hint(counts)}{_time_format_hint(params, name, table)}"
        )
    elif table.rows == 0 and name in ("customers", params.label.core_table):
        yield f"{name}: the table is empty, but it is needed. Correct 'source' or the mapping."


def describe_rejects(counts: Mapping[str, int], path: Path) -> str:
    """Return the rules that rejected rows break, each with the first values that break it.

    Args:
        counts: The number of rejected rows by rule.
        path: The file of the rejected rows.
    """
    parts: list[str] = []
    rejects = _read_rejects(path)
    for rule, count in counts.items():
        values: list[str] = []
        column = rule.split(" ")[0]
        if column in rejects.column_names:
            rows = rejects.filter(pc.field("rule") == rule)
            values = [repr(value) for value in rows[column].unique().to_pylist() if value is not None]
        examples = f" ({', '.join(values[:MAX_EXAMPLES])})" if values else ""
        parts.append(f"{count:,} break '{rule}'{examples}")
    return ", ".join(parts)


def _rounded_hint(counts: Mapping[str, int]) -> str:
    """Return advice if a spreadsheet has rounded the ids of rejected rows; otherwise an empty text."""
    if ROUNDED_RULE not in counts:
        return ""
    return (
        " A spreadsheet has rounded these ids, so several customers have the same id. Export the ids "
        "again, as text."
    )


def _read_rejects(path: Path) -> pa.Table:
    way_out = "Delete the store and run `churn ingest` again."
    try:
        return read_own_parquet(path, ("rule",), way_out=way_out)
    except FileNotFoundError:
        raise SourceError(f"{path}: the file is missing. {way_out}") from None


def _time_format_hint(params: Params, name: str, table: StoredTable) -> str:
    """Return advice on how to state the format of times if rejected rows break a rule about times."""
    if not any(rule.endswith(" is a time") for rule in table.rejects):
        return ""
    spec = next(spec for spec in table_specs(params) if spec.table.name == name)
    if spec.origin.time_format:
        return f" {spec.key}.time_format is {spec.origin.time_format!r}, but these times have another form."
    return (
        f" Times in another form than 2024-01-31 10:00 need {spec.key}.time_format, "
        'for example time_format: "%d.%m.%Y %H:%M".'
    )


def placeholder_line(name: str, table: StoredTable, rejects: Path) -> Iterator[str]:
    """Yield a line that lists each placeholder used as a customer id in a table, and its number of rows."""
    count = table.rejects.get(PLACEHOLDER_RULE)
    if not count:
        return
    rows = _read_rejects(rejects / f"{name}.parquet")
    values = rows.filter(pc.field("rule") == PLACEHOLDER_RULE)["customer_id"].value_counts().to_pylist()
    names = ", ".join(
        f"{entry['values']!r} {entry['counts']:,}"
        for entry in sorted(values, key=lambda entry: (-entry["counts"], entry["values"]))
    )
    yield (
        f"{name}: {count:,} rows belong to no customer and are left out: {names}. If such an id is a "
        "customer, map it with a prefix, as in customer_id: \"'c-' || id\""
    )


def respelt_ids(
    connection: duckdb.DuckDBPyConnection, customers: str, tables: Mapping[str, StoredTable], rejects: Path
) -> Iterator[str]:
    """Yield a problem for each table whose ids differ from the ids of customers only in their spelling.

    Spelling means capital letters, blanks and leading zeros. If ids are random letters, `aB3` and `Ab3` may
    be two customers. So an id with small and capital letters is compared only if it is an e-mail address.

    Args:
        connection: The DuckDB that reads the customers and the rejected rows.
        customers: SQL that follows FROM to read the customers that break no rule.
        tables: What `ingest` counted in each table, by the table's name.
        rejects: The folder of the rejected rows.
    """
    common = COMMON_SPELLING.replace("$", "customer_id")
    comparable = "customer_id IN (lower(customer_id), upper(customer_id)) OR contains(customer_id, '@')"
    ids = (
        f"SELECT {common} AS spelling, count(*) AS n, min(customer_id) AS first_id, "
        f"max(customer_id) AS last_id FROM {customers} WHERE ({comparable}) AND {common} <> '' GROUP BY 1"
    )
    row = connection.execute(
        f"SELECT coalesce(sum(n), 0), min(first_id || ' and ' || last_id) FROM ({ids}) WHERE n > 1"
    ).fetchone()
    count, pair = row or (0, None)
    if count > max(MIN_RESPELT_SHARE * tables["customers"].rows, 2):
        yield _respelt_problem("customers", count, pair)
    for name, table in tables.items():
        if not table.rejects.get(DANGLING_RULE):
            continue
        strays = (
            f"SELECT DISTINCT customer_id, {common} AS spelling "
            f"FROM {parquet_rows(rejects / f'{name}.parquet')} WHERE rule = {literal(DANGLING_RULE)}"
        )
        row = connection.execute(
            "SELECT count(*), min(customer_id || ' and ' || first_id) "
            f"FROM ({strays}) JOIN ({ids}) USING (spelling)"
        ).fetchone()
        count, pair = row or (0, None)
        if count > max(MIN_RESPELT_SHARE * (count + table.customers), 1):
            yield _respelt_problem(name, count, pair)


def _respelt_problem(name: str, count: int, pair: str) -> str:
    return (
        f"{name}: {count:,} ids differ from another customer's id only in capital letters, blanks or "
        f"leading zeros, such as {pair}. Two tables probably spell the same id in different ways. Map "
        "customer_id to the same spelling in all tables, such as customer_id: upper(trim(id))."
    )
