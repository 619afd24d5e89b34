"""What an open source offers: its tables, their columns, and queries as views of DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from churn.data.sources.folder import Files
from churn.data.sql import identifier
from churn.errors import SourceError, did_you_mean


@dataclass(frozen=True)
class Source:
    """An open source whose tables DuckDB reads: files, or a DuckDB file."""

    connection: duckdb.DuckDBPyConnection
    tables: tuple[str, ...]
    place: str
    errors: tuple[type[Exception], ...] = (duckdb.Error,)
    files: Mapping[str, Files] = field(default_factory=dict)

    def quote(self, name: str) -> str:
        """Quote a name in the source's dialect."""
        return identifier(name)

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
            f"It holds: {there}. Mend 'from', or remove the table there to go without it."
        )

    def columns(self, origin: str) -> list[str]:
        """Return the columns of a table or query in the source's dialect."""
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {origin}").fetchall()
        return [str(row[0]) for row in described]

    def view(self, name: str, select: str) -> None:
        """Make a query in the source's dialect a view of `connection`."""
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {select}").fetchall()

    def checksum(self, query: str, columns: Sequence[str]) -> str:
        """Return what tells a query's rows, in any order, from other rows: their number and more."""
        hashed = ", ".join(self.quote(name) for name in columns)
        row = self.connection.execute(
            f"SELECT count(*), coalesce(sum(hash({hashed})::HUGEINT), 0)::VARCHAR FROM ({query}) AS checked"
        ).fetchone()
        assert row is not None  # an aggregate without GROUP BY always gives one row
        return f"{row[0]} rows {row[1]}"

    def state(self, query: str, columns: Sequence[str]) -> str | None:
        """Return the checksum of a query's rows; None where the files tell by themselves what has changed."""
        return None
