"""Which rows of each table are read tonight: those that are new since last night, or all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from churn.data.following import Show
from churn.data.ingest.high_water_marks import LastNight, Mark
from churn.data.ingest.incremental import (
    OTHER_TYPES,
    Reader,
    RewrittenError,
    can_be_read_back,
    reader_of,
    renewed,
)
from churn.data.ingest.staging import Selection, Staged, kinds_of, raw_of, read_all, type_rows
from churn.data.ingest.watermark import Days, days_of, days_stored
from churn.data.sources.source import Source
from churn.data.sql import first_line
from churn.errors import SourceError
from churn.params import Params


@dataclass(frozen=True)
class Plan:
    """What is read of one table.

    Args:
        selection: What the table is in the source.
        staged: The rows that are read.
        types: DuckDB's types of the columns as the source gave them.
        reader: What tells news of the table, if anything does.
        since: Where last night's reading ended, if only what came after is read.
    """

    selection: Selection
    staged: Staged
    types: Mapping[str, str]
    reader: Reader | None
    since: Mark | None

    @property
    def name(self) -> str:
        """Return the table's name."""
        return self.selection.wanted.table.name


@dataclass(frozen=True)
class Tonight:
    """Plans what is read of each table; without a last night everything is."""

    source: Source
    params: Params
    last: LastNight | None
    tell: Callable[[str], None]
    show: Show | None = None

    def plan(self, selection: Selection) -> Plan:
        """Plan to read what is new, where that can be told and the past is what it was; else all.

        Raises:
            SourceError: the source does not understand the query.
        """
        name = selection.wanted.table.name
        reader = reader_of(self.source, selection)
        mark = self.last.marks.get(name) if self.last else None
        if reader is None or mark is None or self.last is None:
            return self._whole(selection, reader)
        try:
            news = reader.news(mark, self.last.ties / f"{name}.parquet")
            if kinds_of(self.source.connection, f"SELECT * FROM ({news})") != mark.types:
                raise RewrittenError(OTHER_TYPES)
        except RewrittenError as why:
            self.tell(f"  {name}: {why}: read whole again")
            return self._whole(selection, reader)
        except self.source.errors as error:
            raise unreadable(name, error) from None
        renewed(self.source, selection, news, mark.types, self.last.rejects / f"{name}.parquet")
        staged = type_rows(self.source.connection, selection, self.params.timezone)
        return Plan(selection, staged, mark.types, reader, mark)

    def whole(self, plan: Plan, why: str) -> Plan:
        """Plan to read all of a table after all, and say why."""
        if plan.since is None:
            return plan
        self.tell(f"  {plan.name}: {why}: read whole again")
        return self._whole(plan.selection, plan.reader)

    def _whole(self, selection: Selection, reader: Reader | None) -> Plan:
        read_all(self.source, selection)
        types = kinds_of(self.source.connection, raw_of(selection.wanted))
        staged = type_rows(self.source.connection, selection, self.params.timezone)
        return Plan(selection, staged, types, reader if can_be_read_back(types) else None, None)

    def days(self, plan: Plan) -> Days:
        """Count the rows of a table by local day: those that are read, and those that are stored."""
        days = Counter(dict(days_of(self.source.connection, plan.staged)))
        if plan.since and self.last:
            stored = self.last.store.folder / plan.name
            days.update(dict(days_stored(self.source.connection, stored)))
        return sorted(days.items())

    def mark(self, plan: Plan, present: str | None, ties: Path) -> Mark | None:
        """Return how far a table is read now, and keep what the next night needs with it."""
        mark = plan.reader.mark(plan.staged, plan.types, present, plan.since) if plan.reader else None
        if plan.reader and mark:
            plan.reader.keep(mark, ties / f"{plan.name}.parquet")
        return mark


def unreadable(table: str, error: Exception) -> SourceError:
    """Return the error that says which table's rows the source could not give."""
    return SourceError(f"{table}: cannot be read as the parameters say: {first_line(error)}")
