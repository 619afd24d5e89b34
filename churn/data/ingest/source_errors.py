"""Messages for errors of a source: which SQL of params.yaml fails, where, and what the table holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb

from churn.data.sources.source import Source
from churn.data.sources.table_specs import TableSpec
from churn.data.sql import reason_of
from churn.errors import SourceError, did_you_mean
from churn.secrets import hide_secrets

MAX_COLUMNS_LISTED = 40
"""How many columns of a table a message lists."""

NEAR_LENGTH = 30
"""How many characters of the SQL a message shows, beginning at the mistake."""

NO_COLUMN = re.compile(
    r'Referenced column "([^"]+)" not found|column "?([^"\s]+)"? does not exist|no such column: "?([^"\s]+)'
    r"|with name `([^`]+)` cannot be resolved"
)
"""The words of DuckDB, PostgreSQL, SQLite and Spark for a column that the rows do not have."""


def from_clause(source: Source, spec: TableSpec) -> str:
    """Return the SQL after FROM in the source's dialect: a table with its filter, or a query."""
    origin = spec.origin
    if origin.query:
        query = origin.query.rstrip("; \n\t")
        return f"({query}\n) AS {source.quote(spec.table.name + '_query')}"
    table = source.require(origin.from_ or spec.table.name, f"{spec.file}: {spec.key}")
    return f"{table} WHERE {origin.where}" if origin.where else table


def sql_error(source: Source, spec: TableSpec, error: Exception) -> SourceError:
    """Return the error that names each key in params.yaml whose SQL the source does not understand.

    Args:
        source: The source.
        spec: The table.
        error: The error that the source reported for the table's whole SQL.
    """
    start = f"{spec.file}: {spec.key}: the SQL is not understood by the source:"
    names = _column_names(source, spec)
    problems = [
        f"{start} '{key}' ({text}): {_reason_with_place(cause, text, names)} Correct '{key}' there."
        for key, text, cause in _failures(source, spec)
    ]
    if not problems:
        keys = "'query'" if spec.origin.query else "'from', or the table in the source,"
        problems = [f"{start} {reason_of(error)}. Correct {keys} there."]
    return SourceError(*(f"{problem}{_in_a_sentence(names)}" for problem in problems))


def _failures(source: Source, spec: TableSpec) -> Iterator[tuple[str, str, Exception]]:
    """Try each part of a table's SQL alone; yield the key, the SQL and the error of each part that fails."""
    origin = spec.origin
    if origin.query:
        query = origin.query.rstrip("; \n\t")
        try:
            source.columns(f"({query}\n) AS checked")
        except source.errors as error:
            yield "query", _short_text(query), error
            return
    else:
        table = source.require(origin.from_ or spec.table.name, f"{spec.file}: {spec.key}")
        if origin.where:
            try:
                source.columns(f"{table} WHERE {origin.where}")
            except source.errors as error:
                yield "where", _short_text(origin.where), error
                return
    rows = from_clause(source, spec)
    try:
        names = source.columns(rows)
    except source.errors:  # the table itself cannot be read, and the first error says why
        return
    for key, sql in _mapped_columns(spec).items():
        text = source.quote(sql) if sql in names else sql
        try:
            source.columns(f"(SELECT ({text}) AS checked FROM {rows}) AS checked")
        except source.errors as error:
            yield key, _short_text(sql), error


def _mapped_columns(spec: TableSpec) -> Mapping[str, str]:
    """Map each key `columns.<name>` of a table, and its key `row_id`, to the SQL that the key gives."""
    columns = {f"columns.{name}": sql for name, sql in spec.origin.columns.items()}
    return columns | ({"row_id": spec.origin.row_id} if spec.origin.row_id else {})


def _column_names(source: Source, spec: TableSpec) -> list[str]:
    """Return the columns that the SQL can use; none if the table cannot be read."""
    origin = spec.origin
    try:
        rows = from_clause(source, spec) if origin.query else source.quote(origin.from_ or spec.table.name)
        return list(source.columns(rows))
    except source.errors:
        return []


def _in_a_sentence(names: Sequence[str]) -> str:
    further = f" and {len(names) - MAX_COLUMNS_LISTED} more" if len(names) > MAX_COLUMNS_LISTED else ""
    return (
        f" The SQL can use these columns: {', '.join(names[:MAX_COLUMNS_LISTED])}{further}." if names else ""
    )


def _reason_with_place(error: Exception, sql: str, names: Sequence[str]) -> str:
    """Return a sentence with the reason of an error, and the part of the user's own SQL at which it arose.

    Args:
        error: The error of the source.
        sql: The SQL of the user.
        names: The columns that the SQL can use.
    """
    if "${" in sql:
        return (
            "the source's message is left out, because this SQL holds a value from ${NAME} and the message "
            "may quote this value."
        )
    if names and (match := NO_COLUMN.search(str(error))):
        name = hide_secrets(match[match.lastindex or 0])
        return f"the rows have no column '{name}'.{did_you_mean(name, names)}"
    reason = reason_of(error)
    match = re.search(r"^LINE \d+: (.*)\n( *)\^", str(error), re.MULTILINE)
    if match is None:
        return f"{reason}."
    excerpt = match[0].split("\n")[0]
    near = excerpt[len(match[2]) :][:NEAR_LENGTH].strip().rstrip(")")
    return f"{reason}, near '{near}'." if near and near in sql and near not in reason else f"{reason}."


def _short_text(sql: str) -> str:
    text = hide_secrets(" ".join(sql.split()))
    return text if len(text) <= 200 else f"{text[:200]}…"


def unreadable_table(table: str, error: Exception) -> Exception:
    """Return the error that names the table whose rows the source could not give."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return SourceError(
            f"{table}: its rows need more memory than engine.memory_limit allows: {reason_of(error)}. "
            "Raise engine.memory_limit, or lower engine.threads."
        )
    if isinstance(error, duckdb.IOException):
        return SourceError(f"{table}: the rows cannot be read or written: {reason_of(error)}.")
    return SourceError(
        f"{table}: the rows cannot be read in the way that the parameters describe: {reason_of(error)}. A "
        "row does not fit the SQL of this table in the parameters ('query', 'columns' or 'where'), or a file "
        "of the table is damaged. Correct the SQL or the file. Use try_cast for numbers and try_strptime for "
        "times: they give a missing value for a text that they cannot read."
    )


@contextmanager
def table_errors(table: str, errors: tuple[type[Exception], ...] = (duckdb.Error,)) -> Iterator[None]:
    """Turn an error that the source raises inside the block into an error that names the table.

    Raises:
        SourceError: The source reported an error inside the block.
        KeyboardInterrupt: The user stopped the query.
    """
    try:
        yield
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except errors as error:
        raise unreadable_table(table, error) from None
