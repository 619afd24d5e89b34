"""Stage a table: write the query for the source, and create a view with typed canonical columns."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from churn.data.forgotten import NO_CUSTOMERS, ForgottenCustomers
from churn.data.ingest.mood import mood_sql
from churn.data.ingest.source_errors import from_clause, sql_error
from churn.data.ingest.type_casts import typed_column, typed_text
from churn.data.sources.source import Source
from churn.data.sources.table_specs import TableSpec
from churn.data.sql import identifier, internal_name, literal, trim_blanks
from churn.data.tables import HISTORY_PREFIX, MOOD_TEXTS, STORED_UNITS, Column
from churn.errors import SourceError, did_you_mean
from churn.params import TableParams

REPEATS_STORED_KEY = "__repeats_stored_key"
"""The boolean column that is true for a row that repeats the key of a stored row."""

MIN_LIKENESS = 0.8
"""The least likeness, as `difflib` measures it, of a name and its misspelt form."""

EMAIL_KINDS: Mapping[str, tuple[str, ...]] = {
    "sent_at": ("send", "sent", "delivered"),
    "opened_at": ("open", "opened"),
    "clicked_at": ("click", "clicked"),
    "unsubscribed_at": ("unsubscribe", "unsubscribed"),
}
"""The kinds of event that fill each column of e-mails."""


@dataclass(frozen=True)
class UnreadColumns:
    """Columns of the source that are not read, although a user may expect that they are.

    Args:
        unused_names: Columns of the table `customers` that params.yaml lists neither in `static` nor in
            `history`.
        near_names: The unread columns with a probably misspelt name, each with its correct name. The correct
            name belongs to an optional canonical column that the source lacks.
    """

    unused_names: tuple[str, ...] = ()
    near_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableQuery:
    """The query that gives the rows of one table, in the source's dialect.

    Args:
        spec: The table.
        query: The query.
        columns: The columns of the query's rows.
        expressions: The SQL of the columns, in the order of `columns`.
        unread: Columns of the source that are not read.
    """

    spec: TableSpec
    query: str
    columns: tuple[str, ...]
    expressions: tuple[str, ...] = ()
    unread: UnreadColumns = UnreadColumns()


@dataclass(frozen=True)
class StagedTable:
    """The views of one table in DuckDB.

    Args:
        spec: The table.
        rows_view: The view that gives the number of rows that were read from the source.
        typed_view: The view of the same rows with typed columns.
        columns: The canonical columns that the source gives.
        unread: See `TableQuery`.
        has_old_rejects: Whether the rows include rejects of an earlier ingest, which are checked again. If
            so, the column `__repeats_stored_key` marks the rejects that repeat the key of a stored row.
        forgotten_rows: The number of rows that are left out because their customer is forgotten.
    """

    spec: TableSpec
    rows_view: str
    typed_view: str
    columns: tuple[Column, ...]
    unread: UnreadColumns = UnreadColumns()
    has_old_rejects: bool = False
    forgotten_rows: int = 0

    def has(self, name: str) -> bool:
        """Return whether the source gives this column."""
        return any(column.name == name for column in self.columns)


def table_query(source: Source, spec: TableSpec) -> TableQuery:
    """Return the query that gives the rows of a table.

    Raises:
        SourceError: The table or a required column is missing, or the source rejects SQL of params.yaml.
    """
    source_columns = _source_columns(source, spec)
    expressions = _expressions(source, spec, source_columns)
    query = f"SELECT {_select_list(source, expressions)} FROM {from_clause(source, spec)}"
    unread_columns = UnreadColumns(near_names=_near_names(spec, source_columns, expressions))
    if isinstance(spec.origin, TableParams) and spec.table.name == "customers":
        names = unused_columns(source_columns, expressions.values(), spec.origin)
        unread_columns = replace(unread_columns, unused_names=names)
    return TableQuery(spec, query, tuple(expressions), tuple(expressions.values()), unread_columns)


def query_over(source: Source, query: TableQuery, rows: str) -> str:
    """Return the table's query, limited to the rows that `rows`, the SQL after FROM, gives."""
    origin = query.spec.origin
    name = source.quote(origin.from_ or query.spec.table.name)
    expressions = dict(zip(query.columns, query.expressions, strict=True))
    where = f" WHERE {origin.where}" if origin.where else ""
    return f"SELECT {_select_list(source, expressions)} FROM {rows} AS {name}{where}"


def _select_list(source: Source, expressions: Mapping[str, str]) -> str:
    return ", ".join(f"({sql}) AS {source.quote(column)}" for column, sql in expressions.items())


def _source_columns(source: Source, spec: TableSpec) -> list[str]:
    try:
        return source.columns(from_clause(source, spec))
    except source.errors as error:
        raise sql_error(source, spec, error) from None


def _expressions(source: Source, spec: TableSpec, source_columns: list[str]) -> dict[str, str]:
    """Map canonical columns to SQL: the SQL in params.yaml, or the source's column of the same name."""
    table, origin = spec.table, spec.origin
    mapping = ({"row_id": origin.row_id} if origin.row_id else {}) | origin.columns
    # The name of a column may be a keyword of SQL or contain spaces.
    expressions = {name: source.quote(sql) if sql in source_columns else sql for name, sql in mapping.items()}
    spelling = {name.lower(): name for name in reversed(source_columns)}
    spelling |= {name: name for name in source_columns}
    for name in table.names:
        if name in spelling:
            expressions.setdefault(name, source.quote(spelling[name]))
    if table.name == "surveys":
        _complete_surveys(expressions)
    if table.is_history:
        attribute = table.name.removeprefix(HISTORY_PREFIX)
        if attribute in spelling:
            expressions.setdefault("value", source.quote(spelling[attribute]))
        _complete_history(expressions)
    missing = [
        column.name for column in table.columns if column.is_required and column.name not in expressions
    ]
    misspelt = list(_misspelt_columns(spec, source_columns, expressions))
    if missing or misspelt:
        raise SourceError(
            *misspelt,
            *(
                f"{table.name}: the source has no column '{name}' for "
                f"{spec.key}.{did_you_mean(name, source_columns)} The source holds: "
                f"{', '.join(source_columns)}. Map '{name}' under {spec.key}.columns."
                for name in missing
            ),
        )
    return expressions


def _misspelt_columns(
    spec: TableSpec, source_columns: Collection[str], expressions: Mapping[str, str]
) -> Iterator[str]:
    """Yield an error message for each misspelt canonical name that stands after AS in a query.

    Without this error, nobody would notice that an optional column with a misspelt name is not read.
    """
    query = spec.origin.query or ""
    given_names = {name.lower() for name in re.findall(r"\bas\s+[\"`]?(\w+)", query, re.IGNORECASE)}
    for name, near_name in _near_names(spec, source_columns, expressions).items():
        if name.lower() in given_names:
            yield (
                f"{spec.key}.query returns '{name}', but churn knows no column of this name for this "
                f"table. Did you mean '{near_name}'? Rename the column in the query, or remove it from the "
                "query."
            )


def _near_names(
    spec: TableSpec, source_columns: Collection[str], expressions: Mapping[str, str]
) -> dict[str, str]:
    """Return the unread columns of the source whose names are nearly the names of missing columns."""
    used_names = {name.lower() for name in spec.table.names} | {"changed_at"}
    if isinstance(spec.origin, TableParams):
        used_names |= {name.lower() for name in spec.origin.history}
    sources_sql = [*expressions.values(), spec.origin.where or ""]
    used_names |= {word.lower() for sql in sources_sql for word in re.findall(r"\w+", sql)}
    free_names = [name for name in spec.table.names if name not in expressions]
    near_names = {
        name: difflib.get_close_matches(name.lower(), free_names, n=1, cutoff=MIN_LIKENESS)
        for name in source_columns
        if name.lower() not in used_names
    }
    return {name: names[0] for name, names in near_names.items() if names}


def _complete_history(expressions: dict[str, str]) -> None:
    """Add the columns that a change log lacks: `valid_from` (the time of the change) and an empty `valid_to`.

    So a value holds until the next change.
    """
    if "changed_at" in expressions:
        changed_at = expressions.pop("changed_at")
        expressions.setdefault("valid_from", changed_at)
    expressions.setdefault("valid_to", "CAST(NULL AS DATE)")


def _complete_surveys(expressions: dict[str, str]) -> None:
    """If the source has only one of `asked_at` and `answered_at`, fill in the other column from it."""
    if "asked_at" not in expressions and "answered_at" in expressions:
        expressions["asked_at"] = expressions["answered_at"]
    if "answered_at" not in expressions and {"asked_at", "rating"} <= expressions.keys():
        rating, asked_at = expressions["rating"], expressions["asked_at"]
        expressions["answered_at"] = f"CASE WHEN ({rating}) IS NOT NULL THEN ({asked_at}) END"


def unused_columns(
    source_columns: Collection[str], expressions: Collection[str], origin: TableParams
) -> tuple[str, ...]:
    """Return the unread columns of `customers`, which params.yaml lists neither in `static` nor in `history`.

    A column without a history holds today's value. At an earlier cutoff the value may have been different, so
    the column is not used until params.yaml lists it as static or gives its history.

    Args:
        source_columns: The columns of the source.
        expressions: The SQL of each column that is read.
        origin: The entry of the table `customers` in params.yaml.
    """
    sql = " ".join([*expressions, origin.where or ""]).lower()
    words = set(re.findall(r"\w+", sql))
    attributes = {name.lower() for name in origin.history}
    return tuple(
        name
        for name in source_columns
        if name.lower() not in words and name.lower() not in attributes and f'"{name.lower()}"' not in sql
    )


def raw_view(spec: TableSpec) -> str:
    """Return the name of the view of the rows as the source gives them."""
    return internal_name(f"raw_{spec.table.name}")


def create_raw_view(source: Source, query: TableQuery) -> None:
    """Create the view of all rows of a table as the source gives them.

    Raises:
        SourceError: The source does not understand the query.
    """
    try:
        source.view(raw_view(query.spec), query.query)
    except source.errors as error:
        raise sql_error(source, query.spec, error) from None


def create_typed_view(
    connection: duckdb.DuckDBPyConnection,
    query: TableQuery,
    timezone: str,
    forgotten: ForgottenCustomers = NO_CUSTOMERS,
) -> StagedTable:
    """Create the typed view of a table: a view of its raw rows in which each column has its canonical type.

    A column of times `<name>` is in UTC, and `<name>__local` holds the same times in local time. For each
    column, `<name>__raw` holds the value of the source. If the typed value is NULL, the raw value shows
    whether the source has a wrong value or none. The raw values of rejected rows are written to the rejects.

    Args:
        connection: The DuckDB that holds the views.
        query: The table's query.
        timezone: The company's time zone.
        forgotten: The customers whose rows are left out.

    Raises:
        SourceError: The source has one row per event of an e-mail, but no id of the e-mail.
    """
    spec = query.spec
    raw, typed_view = raw_view(spec), internal_name(f"typed_{spec.table.name}")
    names = query.columns
    if spec.table.name == "emails" and "kind" in names:
        raw = one_row_per_email(connection, raw, spec, names)
        names = (*names, *EMAIL_KINDS)
    if spec.reads_mood and "mood" not in names and MOOD_TEXTS[spec.table.name] in names:
        raw, names = with_mood(connection, raw, spec), (*names, "mood")
    columns = tuple(column for column in spec.table.columns if column.name in names)
    types = column_types(connection, raw)
    raw, forgotten_rows = _without_forgotten(connection, raw, spec, types, forgotten)
    parts = [
        typed_column(column, types[column.name], timezone, spec.origin.time_format) for column in columns
    ]
    has_old_rejects = REPEATS_STORED_KEY in types
    parts += [REPEATS_STORED_KEY] if has_old_rejects else []
    distinct = "DISTINCT " if spec.origin.distinct else ""
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {typed_view} AS SELECT {distinct}{', '.join(parts)} "
        f"FROM {_without_words(raw, columns, spec.origin.missing)}"
    ).fetchall()
    rows_view = typed_view if distinct else raw
    return StagedTable(spec, rows_view, typed_view, columns, query.unread, has_old_rejects, forgotten_rows)


def with_mood(connection: duckdb.DuckDBPyConnection, raw: str, spec: TableSpec) -> str:
    """Create a view of the rows with a further column, the mood of the customer's words; return its name."""
    name = internal_name(f"mood_{spec.table.name}")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT *, {mood_sql(MOOD_TEXTS[spec.table.name])} AS mood "
        f"FROM {raw}"
    ).fetchall()
    return name


def _without_forgotten(
    connection: duckdb.DuckDBPyConnection,
    raw: str,
    spec: TableSpec,
    types: Mapping[str, str],
    forgotten: ForgottenCustomers,
) -> tuple[str, int]:
    """Return the view of the rows without forgotten customers, and the number of rows left out."""
    if not forgotten.erased_on:
        return raw, 0
    is_forgotten = forgotten.condition(typed_text("customer_id", types["customer_id"]))
    view = internal_name(f"kept_{spec.table.name}")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {raw} WHERE NOT {is_forgotten}"
    ).fetchall()
    row = connection.execute(f"SELECT count(*) FROM {raw} WHERE {is_forgotten}").fetchone()
    return view, int(row[0]) if row else 0


def _without_words(raw: str, columns: Sequence[Column], missing: Mapping[str, Sequence[str]]) -> str:
    """Return SQL after FROM that reads the source's words for "no value" as NULL.

    Args:
        raw: The view that holds the source's words.
        columns: The canonical columns of this view.
        missing: The words for "no value" by column, from `missing` in params.yaml. In a column of times,
            a day such as 9999-12-31 turns all times on this day into NULL. In a column of numbers, a number
            such as -1 also turns -1.0 into NULL.
    """
    values = []
    for column in columns:
        if words := missing.get(column.name):
            name = identifier(column.name)
            text = trim_blanks(f"{name}::VARCHAR")
            is_missing = f"{text} IN ({', '.join(map(literal, words))})"
            days = [word for word in words if re.fullmatch(r"\d{4}-\d{2}-\d{2}", word)]
            if days and column.type == "instant":
                is_missing += f" OR left({text}, 10) IN ({', '.join(map(literal, days))})"
            numbers = [word for word in words if re.fullmatch(r"[-+]?\d+(\.\d+)?", word)]
            if numbers and column.type in STORED_UNITS:
                is_missing += f" OR TRY_CAST({text} AS DOUBLE) IN ({', '.join(numbers)})"
            values.append(f"CASE WHEN {is_missing} THEN NULL ELSE {name} END AS {name}")
    return f"(SELECT * REPLACE ({', '.join(values)}) FROM {raw})" if values else raw


def column_types(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return DuckDB's types of the columns of a relation or query."""
    return {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {relation}").fetchall()}


def one_row_per_email(
    connection: duckdb.DuckDBPyConnection, raw: str, spec: TableSpec, columns: Sequence[str]
) -> str:
    """Create a view with one row for each e-mail to a customer; return its name.

    The source has one row for each event of an e-mail, such as `sent` or `opened`. If an e-mail has several
    events of one kind, the first one counts.

    Args:
        connection: The DuckDB that holds the views.
        raw: The view with one row per event.
        spec: The table of e-mails.
        columns: The columns of `raw`.

    Raises:
        SourceError: The events have no `email_id`, so nothing shows which e-mail was opened.
    """
    if "email_id" not in columns:
        raise SourceError(
            "emails: the source has one row per event (it has a column 'kind') but no 'email_id', so "
            f"nothing shows which e-mail was opened. Map the id of the e-mail under {spec.key}.columns, or "
            "give a query with one row per e-mail and without 'kind'."
        )
    times = [
        f"min(sent_at) FILTER (lower(kind) IN ({', '.join(repr(kind) for kind in kinds)})) AS {column}"
        for column, kinds in EMAIL_KINDS.items()
    ]
    event_columns = {"customer_id", "email_id", "kind", *EMAIL_KINDS}
    values = [
        f"min({identifier(name)}) AS {identifier(name)}" for name in columns if name not in event_columns
    ]
    name = internal_name("emails_pivoted")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {name} AS "
        f"SELECT customer_id, email_id, {', '.join([*times, *values])} FROM {raw} GROUP BY 1, 2"
    ).fetchall()
    return name
