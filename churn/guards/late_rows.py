"""Find rows that came into the source a day or more after their event.

A second time column beside the time of the event, such as `loaded_at`, shows when a row came in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from churn.data.ingest.source_errors import from_clause
from churn.data.ingest.staging import column_types
from churn.data.sources.source import Source
from churn.data.sources.table_specs import TableSpec
from churn.data.sql import identifier, internal_name, literal
from churn.finding import Finding, Severity
from churn.guards.context import GuardContext
from churn.guards.names import identifiers, words_of
from churn.guards.second_time import SecondTime, measure_second_time
from churn.init.params_file import dialect_of
from churn.init.profile import seconds_as_time
from churn.init.source_table import name_in

LOADING_WORDS = {
    *("loaded", "load", "ingested", "ingest", "created", "inserted", "imported", "synced", "sync"),
    *("received", "arrived", "processed", "recorded", "exported", "extracted", "etl", "dwh", "entered"),
    *("posted", "posting", "booked", "booking", "registered", "captured", "logged", "stored", "saved"),
    *("geladen", "erfasst", "erfassung", "gebucht", "buchung", "importiert", "eingang", "angelegt"),
}
"""Words in the names of columns that hold the time at which a row was written."""

CHANGE_WORDS = {"updated", "update", "modified", "changed", "edited", "geaendert", "geändert"}
"""Words in the names of columns that hold the time at which a row was last changed."""

PERIOD_WORDS, START_WORDS = {"period", "term", "cycle"}, {"start", "starts", "started", "begin", "begins"}
"""Words in the names of columns that hold the start of the period that a contract is in now."""

TIME_WORDS = {"at", "time", "ts", "on", "date", "day", "timestamp", "datetime", "am", "datum", "zeit"}

YAML_WORDS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
"""Names that YAML reads as something else if they stand without quotes."""

LATE_WARN, LATE_STOP = 0.01, 0.05
"""The shares of rows that are late by a day or more; a larger share is a warning, or a stop.

`LATE_STOP` equals the share of bad rows at which `ingest` stops by default.
"""

BULK_DAYS = 3
"""A table whose rows were all loaded on at most this number of days was loaded in bulk. Its loading times
mean nothing.
"""

MIN_FILLED, MIN_IN_ORDER = 0.98, 0.98
"""The least shares of rows with a second time, and with a second time that is not before the row's event.

A time of writing exists for each row, and is not before the event. A few rows may be errors.
"""

MIN_PARSED = 0.98
"""A text column holds times if at least this share of its texts can be read as times."""

MIN_COMPARED_ROWS = 20
"""The least number of rows for a finding that is based on the values of a column and not on its name."""

EPOCH_SECONDS = (631_152_000, 4_102_444_800)
"""The years 1990 to 2100 in seconds since 1970: whole numbers in this range may be times."""

EPOCH_TYPES = ("BIGINT", "HUGEINT", "UBIGINT", "DOUBLE")
"""DuckDB's types of columns that may hold seconds or milliseconds since 1970."""

OWN_TIME = internal_name("own_time")
"""The name of the column that holds the row's own time: when its event happened."""


def late_rows(context: GuardContext) -> Iterator[Finding]:
    """Look for tables whose rows came into the source a day or more after their events.

    The guard compares the time of the event with every other time column of the source. This includes columns
    that are not mapped, and columns that the query of the table leaves out.
    """
    end = _end_of_data(context)
    with context.source() as source:
        for spec in context.specs.values():
            if spec.table.column("known_at") is not None:
                findings = list(_late_rows(source, spec, end))
                yield from sorted(findings, key=lambda finding: finding.severity != "stop")[:1]


def _end_of_data(context: GuardContext) -> int:
    """Return the day number at which the data end: the day after the last event, or the watermark if later.

    The watermark is the day up to which the data are complete. Contracts may begin in the future, so they do
    not show where the data end.
    """
    last_days = [
        context.store.tables[name].last_day for name in context.event_tables if name != "subscriptions"
    ]
    return max([context.watermark, *(day + 1 for day in last_days if day is not None)])


def is_loading_name(name: str) -> bool:
    """Return whether a name says that a column holds the time at which a row was written.

    >>> [is_loading_name(name) for name in ("loaded_at", "createdAt", "posted", "load", "created_by")]
    [True, True, True, False, False]
    """
    words = set(words_of(name))
    is_single_word = len(words) == 1 and bool(words & (LOADING_WORDS - {"load", "ingest", "sync", "etl"}))
    return is_single_word or bool(words & LOADING_WORDS and words & TIME_WORDS)


def is_period_start(name: str) -> bool:
    """Return whether a name says that a column holds the start of a contract's current billing period.

    The source overwrites such a time in each period, so it is not the time at which the row came in.

    >>> [is_period_start(name) for name in ("Current Period Start (UTC)", "term_start", "started_at")]
    [True, True, False]
    """
    words = set(words_of(name))
    return bool(words & PERIOD_WORDS and words & START_WORDS)


def _late_rows(source: Source, spec: TableSpec, end: int) -> Iterator[Finding]:
    """Yield a finding for each column with too many times that are a day or more after the event."""
    mapping, time = dict(spec.origin.columns), spec.table.time
    if spec.table.is_history and "changed_at" in mapping:
        mapping["valid_from"] = mapping["changed_at"]
    origin = from_clause(source, spec)
    columns = source.columns(origin)
    lower_names = {name.lower() for name in (*mapping, *columns)}
    if "known_at" in lower_names or time not in lower_names:
        return
    own_time = mapping.get(time, source.quote(time))
    own_time = source.quote(own_time) if own_time in columns else own_time
    mapped_names = {name.lower() for name in spec.table.names}
    mapped_names |= {name.lower() for sql in mapping.values() for name in identifiers(sql)}
    view, query_columns = _view_with_all_columns(source, spec, own_time, columns)
    own_names = {time.lower(), *(name.lower() for name in identifiers(mapping.get(time, time)))}
    types = column_types(source.connection, view)
    stored_time = _as_time(spec, OWN_TIME, types[OWN_TIME])
    for column, sql_type in types.items():
        is_own = column == OWN_TIME or column.removesuffix("_1").lower() in own_names
        if is_own or is_period_start(column):
            continue
        second_time = _time_of(source, spec, view, column, sql_type)
        measures = measure_second_time(source, view, stored_time, second_time, end) if second_time else None
        if second_time is None or measures is None:
            continue
        is_hidden = column in query_columns
        # A mapped column already has a meaning, so only its values can show that rows come in at its time.
        may_be_loading = not (is_hidden or spec.table.is_history or column.lower() in mapped_names)
        severity = _severity(measures, column, may_be_loading=may_be_loading)
        if severity:
            known_at = column
            if sql_type in EPOCH_TYPES:  # seconds since 1970 are a time only for SQL that converts them
                unit = _epoch_unit(source, view, column)
                known_at = second_time if source.has_duckdb_sql else _seconds_as_time(source, column, unit)
            yield _finding(spec, column, known_at, measures, severity, is_hidden=is_hidden)


def _severity(measures: SecondTime, column: str, *, may_be_loading: bool) -> Severity | None:
    """Return the severity of a finding on a time column; None if there is no finding.

    Args:
        measures: What was measured about the times in the column, such as the share of late rows.
        column: The name of the column.
        may_be_loading: Whether the column may hold the time of loading although neither its name nor its
            values show this. It is False for a mapped column and for the history of an attribute. It is
            also False for a column that the table's query in params.yaml leaves out. A left-out column may
            come from a joined table: then its times do not tell when the row was loaded.
    """
    if (
        measures.late_share < LATE_WARN
        or measures.days <= BULK_DAYS
        or measures.evidence == "rows are there before"
    ):
        return None
    is_complete = measures.filled_share >= MIN_FILLED and measures.in_order_share >= MIN_IN_ORDER
    is_change = bool(set(words_of(column)) & CHANGE_WORDS)
    trails = measures.evidence == "rows trail" and is_complete and not is_change
    if trails or (is_loading_name(column) and (may_be_loading or is_complete)):
        return "stop" if measures.late_share >= LATE_STOP else "warn"
    # The values allow two readings: the time of writing, or a time that follows each row, such as its
    # delivery.
    allows_both = is_complete and measures.ahead_share < LATE_WARN and measures.late_share >= LATE_STOP
    return "warn" if may_be_loading and allows_both and measures.rows >= MIN_COMPARED_ROWS else None


def _finding(
    spec: TableSpec, column: str, known_at: str, measures: SecondTime, severity: Severity, *, is_hidden: bool
) -> Finding:
    time = spec.table.time
    reason = (
        "a row was written only after its event, so a cutoff between the event and the writing would see "
        "the row too early."
        if is_loading_name(column)
        else f"the guard looked at some past dates. On average, {measures.usually_open:,.0f} rows had an "
        f"event before such a date, but a time in {identifier(column)} after it. At the "
        "date at which the data end, almost no row has a time after this date. So the source writes a row "
        f"only when the row's time in {identifier(column)} has come."
        if measures.evidence == "rows trail"
        else "perhaps the source wrote these rows only after their events. Then a cutoff between the event "
        "and the writing would see a row that did not exist yet."
    )
    query_hint = (
        f" Let the query that reads this table also return {identifier(column)}." if is_hidden else ""
    )
    is_plain = re.fullmatch(r"[A-Za-z_]\w*", known_at) and known_at.lower() not in YAML_WORDS
    known_at = known_at if is_plain else json.dumps(known_at, ensure_ascii=False)
    return Finding(
        spec.table.name,
        f"in {measures.late_share:.1%} of its rows {identifier(column)} is a day or more after {time} "
        f"(in half of these rows {measures.delay.days} days or more): {reason}",
        f"Map this column: {spec.key}.columns.known_at: {known_at}.{query_hint} But if this column says "
        "when a row was last changed, the row was written earlier: perhaps already at "
        f"{time}, and with other values."
        + (
            ""
            if severity == "stop"
            else " If the rows came into the source without delay, sign this finding off and give this as "
            "the reason."
        ),
        severity,
        figure=f"{measures.late_share:.1%}",
    )


def _view_with_all_columns(
    source: Source, spec: TableSpec, own_time: str, columns: list[str]
) -> tuple[str, set[str]]:
    """Create a view of a table's rows with the row's own time (as `OWN_TIME`) and all columns of the source.

    If params.yaml reads the table with a query, the view also has the columns that this query leaves out.

    Args:
        source: The source.
        spec: The table.
        own_time: The SQL of the row's own time (when its event happened).
        columns: The columns that the table has, or that its query returns.

    Returns:
        The name of the view, and the columns that the query leaves out.
    """
    view = internal_name(f"late_{spec.table.name}")
    select = f"SELECT ({own_time}) AS {source.quote(OWN_TIME)}, late_origin.* FROM"
    query = spec.origin.query
    if query and (widened := _widened_query(source, query)):
        try:
            source.view(view, f"{select} ({widened}) AS late_origin")
            names = column_types(source.connection, view)
            return view, {name for name in names if name not in (*columns, OWN_TIME)}
        except source.errors:  # the query is a union or an aggregate that cannot be extended: use it as it is
            pass
    source.view(view, f"{select} (SELECT * FROM {from_clause(source, spec)}) AS late_origin")
    return view, set()


def _widened_query(source: Source, query: str) -> str | None:
    """Return a query extended by all columns of the tables it reads; None if DuckDB cannot parse the query.

    If the query groups rows, each added column holds the largest value in the group.
    """
    tree = _syntax_tree(source, query.rstrip("; \n\t"))
    if tree.get("error", True):
        return None
    star, largest = (_select_item(source, item) for item in ("*", 'max(COLUMNS(*)) AS "\\0"'))
    _widen(tree, star, largest)
    row = source.connection.execute("SELECT json_deserialize_sql(?)", [json.dumps(tree)]).fetchone()
    return str(row[0]) if row else None


def _syntax_tree(source: Source, query: str) -> dict[str, Any]:
    """Return a query as DuckDB's syntax tree; the key `error` is true if DuckDB cannot parse the query."""
    row = source.connection.execute("SELECT json_serialize_sql(?)", [query]).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    return tree


def _select_item(source: Source, item: str) -> dict[str, Any]:
    """Return an item of a select list as a node of DuckDB's syntax tree."""
    (statement,) = _syntax_tree(source, f"SELECT {item} FROM t")["statements"]
    node: dict[str, Any] = statement["node"]["select_list"][0]
    return node


def _widen(node: Any, star: Mapping[str, Any], largest: Mapping[str, Any]) -> None:
    """Append `*` to the select list of each SELECT below a node of a parsed query."""
    if isinstance(node, list):
        for child in node:
            _widen(child, star, largest)
    elif isinstance(node, dict):
        if node.get("type") == "SELECT_NODE":
            parts = ("cte_map", "from_table")
            has_groups = bool(node.get("group_expressions") or node.get("group_sets"))
            is_aggregate = has_groups or node.get("aggregate_handling") == "FORCE_AGGREGATES"
            node["select_list"] = [*node["select_list"], largest if is_aggregate else star]
        else:
            parts = tuple(key for key in node if key not in ("where_clause", "select_list"))
        for key in parts:
            _widen(node.get(key), star, largest)


def _time_of(source: Source, spec: TableSpec, view: str, column: str, sql_type: str) -> str | None:
    """Return the SQL that reads a column as a time; None if the column holds no times."""
    name = identifier(column)
    if sql_type.startswith(("TIMESTAMP", "DATE")):
        return _as_time(spec, column, sql_type)
    if sql_type in EPOCH_TYPES:
        if not set(words_of(column)) & (TIME_WORDS | LOADING_WORDS | CHANGE_WORDS):
            return None
        unit = _epoch_unit(source, view, column)
        return f"make_timestamp(({name}::DOUBLE / {unit} * 1000000)::BIGINT)" if unit else None
    if sql_type != "VARCHAR":
        return None
    time = _as_time(spec, column, sql_type)
    row = source.connection.execute(
        f"SELECT avg(({time} IS NOT NULL)::INTEGER) FROM (SELECT {name} FROM {view} "
        f"WHERE {name} IS NOT NULL LIMIT 10000)"
    ).fetchone()
    return time if row and (row[0] or 0.0) >= MIN_PARSED else None


def _epoch_unit(source: Source, view: str, column: str) -> int:
    """Return 1 for a column of seconds since 1970, 1000 for milliseconds, and 0 for other numbers."""
    name = identifier(column)
    row = source.connection.execute(f"SELECT min({name}), max({name}) FROM {view}").fetchone()
    lowest, highest = row or (None, None)
    if lowest is None:
        return 0
    first, last = EPOCH_SECONDS
    return next((unit for unit in (1, 1000) if first * unit <= lowest <= highest <= last * unit), 0)


def _seconds_as_time(source: Source, column: str, unit: int) -> str:
    """Return SQL, in the dialect of the source, that turns a column of seconds since 1970 into a time.

    Args:
        source: The source.
        column: The name of the column.
        unit: 1 if the column holds seconds, 1000 if it holds milliseconds.
    """
    dialect = dialect_of(source.address)
    name = name_in(column, dialect)
    return seconds_as_time(dialect, name if unit == 1 else f"{name} / {unit}.0")


def _as_time(spec: TableSpec, column: str, sql_type: str) -> str:
    """Return the SQL that reads a column of times or texts as a time; a text that is no time becomes NULL."""
    time = f"TRY_CAST({identifier(column)} AS TIMESTAMP)"
    if sql_type != "VARCHAR" or not spec.origin.time_format:
        return time
    return (
        f"coalesce(try_strptime({identifier(column)}, {literal(spec.origin.time_format)})::TIMESTAMP, {time})"
    )
