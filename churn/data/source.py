"""What an open source offers: its tables, their columns, and queries as views of DuckDB."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from churn.data.sql import quoted
from churn.errors import SourceError, did_you_mean


@dataclass(frozen=True)
class Source:
    """An open source whose tables DuckDB reads: files, or a DuckDB file."""

    connection: duckdb.DuckDBPyConnection
    tables: tuple[str, ...]
    place: str
    errors: tuple[type[Exception], ...] = (duckdb.Error,)

    def quote(self, name: str) -> str:
        """Quote a name in the source's dialect."""
        return quoted(name)

    def require(self, name: str, asked_by: str) -> str:
        """Return the quoted name of a table of the source.

        Raises:
            SourceError: the source has no such table.
        """
        if name in self.tables:
            return self.quote(name)
        there = ", ".join(self.tables) or "nothing"
        raise SourceError(
            f"{asked_by}: the source {self.place} has no table '{name}'.{did_you_mean(name, self.tables)} "
            f"It holds: {there}. Mend 'from', or remove the table from params.yaml to go without it."
        )

    def columns(self, origin: str) -> list[str]:
        """Return the columns of a table or query in the source's dialect."""
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {origin}").fetchall()
        return [str(row[0]) for row in described]

    def view(self, name: str, select: str) -> None:
        """Make a query in the source's dialect a view of `connection`."""
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {select}").fetchall()

    def count(self, origin: str) -> int | None:
        """Count the rows of a table or query; None where the files tell by themselves what has changed."""
        return None
