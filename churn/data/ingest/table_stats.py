"""What was seen while a table, or a part of one, was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from churn.data.sql import quoted
from churn.data.store import StoredTable
from churn.params import digest_of


@dataclass(frozen=True)
class Seen:
    """Facts of the rows of a part that add up over parts of different customers.

    `content` is the sum of the rows' hashes: the same for the same rows, however they are divided.
    """

    columns: tuple[str, ...]
    rows: int
    rows_read: int
    customers: int
    first_day: int | None
    last_day: int | None
    content: int
    missing: Mapping[str, int] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)

    def table(self, levels: Mapping[str, tuple[str, ...]]) -> StoredTable:
        """Return what the store says of the table; the rule that most rows break comes first."""
        by_count = sorted(self.rejects.items(), key=lambda item: (-item[1], item[0]))
        return StoredTable(
            rows=self.rows,
            rows_read=self.rows_read,
            customers=self.customers,
            first_day=self.first_day,
            last_day=self.last_day,
            columns=self.columns,
            missing={name: count for name, count in self.missing.items() if count},
            rejects=dict(by_count),
            levels=dict(levels),
            digest=digest_of([self.columns, levels, self.rows, self.content]),
        )


def seen_of(
    connection: duckdb.DuckDBPyConnection, part: str, rows_read: int, rejects: Mapping[str, int]
) -> Seen:
    """Return the facts of a written part, read by the SQL `part`."""
    names = [str(row[0]) for row in connection.execute(f"DESCRIBE SELECT * FROM {part}").fetchall()]
    nulls = ", ".join(f"count(*) - count({quoted(name)})" for name in names)
    hashed = ", ".join(quoted(name) for name in names)
    row = connection.execute(
        f"SELECT count(*), count(DISTINCT customer), min(day), max(day), "
        f"coalesce(sum(hash({hashed})::HUGEINT), 0)::VARCHAR, {nulls} FROM {part}"
    ).fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    rows, customers, first, last, content, *missing = row
    return Seen(
        columns=tuple(names),
        rows=rows,
        rows_read=rows_read,
        customers=customers,
        first_day=first,
        last_day=last,
        content=int(content),
        missing=dict(zip(names, missing, strict=True)),
        rejects=rejects,
    )


def added(parts: Sequence[Seen]) -> Seen:
    """Add up the facts of the parts of one table, which hold different customers."""
    rejects: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for part in parts:
        rejects.update(part.rejects)
        missing.update(part.missing)
    return replace(
        parts[0],
        rows=sum(part.rows for part in parts),
        rows_read=sum(part.rows_read for part in parts),
        customers=sum(part.customers for part in parts),
        first_day=min((part.first_day for part in parts if part.first_day is not None), default=None),
        last_day=max((part.last_day for part in parts if part.last_day is not None), default=None),
        content=sum(part.content for part in parts),
        missing={name: missing[name] for name in parts[0].columns},
        rejects=dict(rejects),
    )
