"""The methods that write the results of a night to a database: PostgreSQL, DuckDB or SQLite."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from churn.data.sql import identifier
from churn.errors import DeliveryError

MARK = "Written by churn. Columns may be added; rows are replaced night by night."
"""The comment that this program gives to its tables; a table without the comment is never changed."""

ANSWER_SECONDS = 10
"""How many seconds to wait for the answer of a server, or for a lock that another program holds."""

KIND = "score.sink"
"""The key in params.yaml that messages about a sink name."""


@dataclass(frozen=True)
class StoredTable:
    """A table, a view or a similar object that is in the database.

    Attributes:
        name: The name in lower case, without the schema.
        kind: `table` or `view`; for a similar object, the word that the database uses for its kind.
        is_marked: Whether the table has the comment that this program gives to its own tables.
        types: The type of each column, in the database's spelling; the keys are the names of the columns, in
            the order of the table.
    """

    name: str
    kind: str
    is_marked: bool
    types: Mapping[str, str]


def stored_tables(rows: Sequence[Sequence[Any]], kinds: Mapping[str, str]) -> dict[str, StoredTable]:
    """Return the tables that a database's catalogue lists; the keys are their names in lower case.

    Args:
        rows: The rows of the catalogue. Each row holds the table's name, the table's kind, the table's
            comment, a column's name and the column's type. In SQLite, the SQL that created the table stands
            in place of the comment. The comment or the SQL contains `MARK` if churn made the table.
        kinds: Maps the catalogue's words for kinds of objects, such as `r`, to `table` or `view`.
    """
    tables: dict[str, StoredTable] = {}
    columns: dict[str, dict[str, str]] = {}
    for name, kind, comment, column, column_type in rows:
        types = columns.setdefault(str(name).lower(), {})
        if column is not None:
            types[str(column)] = str(column_type)
        key = str(name).lower()
        tables[key] = StoredTable(key, kinds.get(str(kind), str(kind)), MARK in (comment or ""), types)
    return tables


class SinkConnection(ABC):
    """An open database into which the results of each night are written.

    All statements between two calls of `commit` are one transaction.

    Attributes:
        address: Where the database is, without user and password, for messages.
        schema: The name of the schema that holds the tables; in SQLite, the first part of their names.
        has_keys: Whether the tables get primary keys.
        first_value: The placeholder for the first value in a statement, such as `$1`.
    """

    address: str
    schema: str
    has_keys: bool = True
    first_value: str = "$1"

    @abstractmethod
    def begin(self) -> None:
        """Begin a transaction that keeps other writers of this schema out; readers are not disturbed."""

    @abstractmethod
    def commit(self) -> None:
        """End the transaction: from now on, readers see all its changes."""

    @abstractmethod
    def rollback(self) -> None:
        """Undo the open transaction; do nothing if none is open."""

    @abstractmethod
    def execute(self, sql: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with `values` in place of its placeholders, and return its rows."""

    @abstractmethod
    def append(self, table: str, rows: pa.Table) -> None:
        """Append rows to a table; each column goes to the column of the same name."""

    @abstractmethod
    def tables(self, names: Sequence[str]) -> dict[str, StoredTable]:
        """Return the tables and views of the schema whose name is in `names`; the keys are their names."""

    @abstractmethod
    def type_of(self, kind: pa.DataType) -> str:
        """Return the name that the database gives to the type of a column."""

    @abstractmethod
    def create_schema(self) -> None:
        """Create the schema if it is missing."""

    @abstractmethod
    def create_table(self, table: str, columns: Sequence[str]) -> None:
        """Create a table that carries the comment `MARK`, so that churn knows it as its own.

        Args:
            table: The name.
            columns: The definitions of columns and keys, as SQL.
        """

    @abstractmethod
    def replace_view(self, view: str, select: str) -> None:
        """Create a view that carries the comment `MARK`; a view of the same name is replaced."""

    def quote(self, table: str) -> str:
        """Return the table's full name in SQL, `schema.table`, with both parts quoted."""
        return f"{identifier(self.schema)}.{identifier(table)}"

    def name_in_view(self, table: str) -> str:
        """Return the name by which the SQL of a view calls a table."""
        return self.quote(table)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the statements of the block as one transaction: either all of them take effect, or none."""
        try:
            self.begin()
            yield
            self.commit()
        except BaseException:
            self.rollback()
            raise


SQL_TYPES: Mapping[pa.DataType, str] = {
    pa.string(): "text",
    pa.float64(): "double",
    pa.int8(): "int8",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.date32(): "date",
    pa.bool_(): "boolean",
    pa.timestamp("us", tz="UTC"): "timestamp",
}
"""SQL types for the columns of a night; each kind of database has its own type for each of them."""


def finite(rows: pa.Table) -> pa.Table:
    """Return the table with null for each NaN or infinite number: a database would sort NaN as largest.

    >>> finite(pa.table({"value": [1.5, float("nan"), None]}))["value"].to_pylist()
    [1.5, None, None]
    """
    for position, field in enumerate(rows.schema):
        if pa.types.is_floating(field.type):
            column = rows[field.name]
            rows = rows.set_column(position, field, pc.if_else(pc.is_finite(column), column, None))
    return rows


def refuse_nul(table: str, rows: pa.Table, address: str) -> None:
    """Refuse texts with the character NUL, which PostgreSQL cannot hold.

    Raises:
        DeliveryError: texts hold the character; the error names each column.
    """
    problems = []
    for field in rows.schema:
        if pa.types.is_string(field.type):
            count = pc.sum(pc.match_substring(rows[field.name], "\0")).as_py() or 0
            if count:
                problems.append(
                    f"{address}: {count:,} texts of {table}.{field.name} contain the character NUL. The "
                    "database cannot store this character. Remove the character in the source."
                )
    if problems:
        raise DeliveryError(*problems)
