"""A source that was opened: it lists its tables and columns, and creates DuckDB views from queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from churn.data.sources.file_readers import TableFiles
from churn.data.sources.folder import UnreadPath
from churn.data.sql import identifier
from churn.errors import SourceError, did_you_mean


@dataclass(frozen=True)
class Source:
    """An opened source whose tables DuckDB reads itself: files, or a DuckDB file.

    Args:
        connection: The connection to DuckDB, which reads the source.
        tables: The names of the tables.
        address: Where the source is, without a password, for messages.
        errors: The exceptions that a query can raise.
        files: The files of each table if the source is a folder.
        unread: If the source is a folder, the files and folders in it that are not read.
    """

    connection: duckdb.DuckDBPyConnection
    tables: tuple[str, ...]
    address: str
    errors: tuple[type[Exception], ...] = (duckdb.Error,)
    files: Mapping[str, TableFiles] = field(default_factory=dict)
    unread: tuple[UnreadPath, ...] = ()

    @property
    def has_duckdb_sql(self) -> bool:
        """Return whether the source's dialect of SQL is DuckDB's."""
        return True

    def quote(self, name: str) -> str:
        """Quote a name in the source's dialect."""
        return identifier(name)

    def require(self, name: str, required_by: str) -> str:
        """Return the quoted name of a table of the source.

        Args:
            name: The table's name.
            required_by: The key in params.yaml that names the table, for the message.

        Raises:
            SourceError: The source has no such table.
        """
        if name in self.tables:
            return self.quote(name)
        for entry in self.unread:
            if entry.table.lower() == name.lower():
                raise SourceError(f"{required_by}: {entry.path} in {self.address} {entry.reason}.")
        tables = ", ".join(self.tables) or "nothing"
        raise SourceError(
            f"{required_by}: the source {self.address} has no table "
            f"'{name}'.{did_you_mean(name, self.tables)} The source holds: {tables}. Correct 'from', or "
            "remove this table's entry to work without the table."
        )

    def columns(self, origin: str) -> list[str]:
        """Return the columns of `origin`: a table, or a query in the SQL dialect of the source."""
        rows = self.connection.execute(f"DESCRIBE SELECT * FROM {origin}").fetchall()
        return [str(row[0]) for row in rows]

    def view(self, name: str, select: str) -> None:
        """Create a DuckDB view from a query in the source's dialect; the view is visible in `connection`."""
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {select}").fetchall()

    def checksum(self, query: str, columns: Sequence[str]) -> str:
        """Return how many rows a query has, and a checksum of them that does not depend on their order."""
        values = ", ".join(self.quote(name) for name in columns)
        row = self.connection.execute(
            f"SELECT count(*), coalesce(sum(hash({values})::HUGEINT), 0)::VARCHAR FROM ({query}) AS checked"
        ).fetchone()
        assert row is not None  # an aggregate without GROUP BY always gives one row
        return f"{row[0]} rows {row[1]}"

    def state(self, query: str, columns: Sequence[str]) -> str | None:
        """Return a checksum of the rows of a query; None if the source consists of files.

        A changed file has a new modification time, so the program needs no checksum of its rows.
        """
        return None
