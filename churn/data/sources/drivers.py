"""What must be known of a database to read it through ADBC: another one is an entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


def _whole(uri: str) -> dict[str, Any]:
    return {"uri": uri}


@dataclass(frozen=True)
class Driver:
    """One kind of database.

    Args:
        module: The package of its ADBC driver; `dbapi` in it connects.
        extra: The extra of this package that installs the driver.
        listing: The query of the names of its tables and views.
        arguments: What `connect` is given, from `source` of params.yaml.
        quotation: The mark before and after a name; one inside is doubled.
        moment: The statement after which all that is read is of one moment; empty where that is so anyway.
        told_by_rows: The aggregate over all columns, `{}`, that tells rows from others, where it can hash.
        told_by_columns: The aggregates over each column, `{}`, that do, where it cannot.
        options: Options of the driver's statements.
    """

    module: str
    extra: str
    listing: str
    arguments: Callable[[str], dict[str, Any]] = _whole
    quotation: str = '"'
    moment: str = ""
    told_by_rows: str = ""
    told_by_columns: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    def quote(self, name: str) -> str:
        """Quote a name."""
        return self.quotation + name.replace(self.quotation, 2 * self.quotation) + self.quotation


DRIVERS: dict[str, Driver] = {
    "postgresql": Driver(
        module="adbc_driver_postgresql",
        extra="postgres",
        listing=(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = ANY (current_schemas(false)::text[])"
        ),
        moment="SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        told_by_rows="sum(hashtextextended(ROW({})::text, 0)::numeric)",
    ),
    # SQLite has no hash: numbers, distinct values, ends and sums of its columns, the sums also as of times,
    # change with nearly every rewriting; what only swaps values between rows is not seen.
    "sqlite": Driver(
        module="adbc_driver_sqlite",
        extra="sqlite",
        listing="SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
        arguments=lambda uri: {"uri": uri.partition(":///")[2]},
        told_by_columns=(
            *("count({})", "count(DISTINCT {})", "min({})", "max({})", "sum({})"),
            "sum(strftime('%s', {}))",
        ),
        options={"adbc.sqlite.query.batch_rows": "65536"},
    ),
}
"""By the scheme of `source`."""
