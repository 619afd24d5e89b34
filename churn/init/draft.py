"""Draft a first params.yaml from a source: tables, customers, label and cutoffs, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb

from churn.data.sources.source import Source
from churn.errors import SourceError
from churn.init.contract_log import read_contract_logs
from churn.init.customer_ids import (
    IdColumn,
    customers_table,
    id_column,
    may_be_ids,
    named_ids,
    require_key,
)
from churn.init.email_ids import address_key, read_addresses
from churn.init.entry import (
    Entry,
    customers_from_events,
    customers_from_table,
    early_rows,
    write_entry,
)
from churn.init.histories import VersionedCustomers, split_histories, versioned_customers
from churn.init.id_spelling import one_spelling, rounded_reason
from churn.init.joined_ids import address_columns, join_customer_ids
from churn.init.label import LabelGuess, guess_label
from churn.init.match import Match, matches
from churn.init.name_patterns import CHURN_EVENT, name_contains, snake_case
from churn.init.parts import join_parts
from churn.init.person_ids import (
    find_person_ids,
    ids_of_one_order,
    named_person_ids,
    possible_keys,
    rows_of_guests,
)
from churn.init.profile import profile_tables
from churn.init.reasons import no_contract_end, unknown_spelling, unread_time
from churn.init.source_table import KeyedTable, SourceColumn, SourceTable

MIN_SHARE = 0.3
"""A table is not used if less than this share of its ids are in the table of customers."""

DOUBTFUL_SHARE = 0.5
"""An entry gets a note if less than this share of its ids are in the table of customers."""


@dataclass(frozen=True)
class Draft:
    """The drafted parts of params.yaml, each with its reason.

    Attributes:
        tables: The tables under `tables:`, without the table of customers.
        events: The tables under `events:`.
        unused_tables: The tables that are not used, as pairs of a name and a reason.
    """

    customers: Entry
    tables: tuple[Entry, ...]
    events: tuple[Entry, ...]
    label: LabelGuess
    unused_tables: tuple[tuple[str, str], ...] = ()

    def tree(self) -> dict[str, Any]:
        """Return the keys and values of params.yaml that were guessed."""
        return {
            "tables": {entry.name: entry.body for entry in (self.customers, *self.tables)},
            "events": {entry.name: entry.body for entry in self.events},
            "label": self.label.body,
            "snapshot": self.label.snapshot,
        }


def draft_params(
    source: Source,
    dialect: str,
    today: date,
    advance: Callable[[int], None] = lambda _: None,
    *,
    key_name: str | None = None,
) -> Draft:
    """Look at the tables of a source and draft params.yaml.

    Args:
        source: The open source.
        dialect: The SQL dialect of the source: duckdb, postgresql, sqlite or spark.
        today: Today's date. Several formats are tried on texts with dates; a format that gives dates after
            today is wrong.
        advance: A function that is called with 1 after each table.
        key_name: The name of the column with the ids of customers, if the user has given it.

    Raises:
        CallError: No table has the column `key_name`.
        SourceError: No table holds what customers did, and when.
    """
    tables, unused_tables = profile_tables(source, dialect, today, advance)
    if key_name:
        require_key(tables, key_name)
    connection = source.connection
    tables, part_warnings = join_parts(connection, tables, dialect, today)
    ids, guess = _find_ids_or_guess(connection, tables, key_name, dialect, today)
    customers = ids.customers
    tables_with_ids = [
        KeyedTable(table, key.column)
        for table in ids.event_tables
        if (key := ids.columns[table.name]) and _has_enough_customers(key, customers)
    ]
    tables_with_ids += [customers] if customers else []
    join_warnings: list[str] = []
    candidates: list[tuple[float, Match]] = []
    logs: list[KeyedTable] = []
    for table in ids.event_tables:
        if table.name in ids.rounding_reasons:
            unused_tables.append((table.name, ids.rounding_reasons[table.name]))
            continue
        key = ids.columns[table.name]
        if not _has_enough_customers(key, customers):
            joined = join_customer_ids(connection, table, tables_with_ids, dialect)
            join_warnings += [joined.warning] if joined and joined.warning else []
            table, key = (joined.table, IdColumn(joined.table.columns[-1], 1.0)) if joined else (table, None)
        is_versions = ids.customer_versions is not None and table is ids.customer_versions.versions
        reason, scored_matches = _candidates(source, table, key, is_versions, customers, key_name)
        candidates += scored_matches
        if reason:
            unused_tables.append((table.name, reason))
        elif key:
            logs.append(KeyedTable(table, key.column))
    candidates, log_warnings = read_contract_logs(connection, candidates, logs, dialect, today)
    versions = ids.customer_versions.versions if ids.customer_versions else None
    histories, selection = split_histories(_select(candidates), customers, dialect, versions)
    if not selection:
        raise _no_events_error(source, tables, unused_tables, ids.rounding_reasons)
    entries = [write_entry(connection, match, dialect, customers) for match in selection]
    customers_entry = customers_from_table(connection, customers, dialect) if customers else None
    if customers_entry is None:
        key_names = [] if guess else [match.key.name for match in selection]
        customers_entry = customers_from_events(entries, customers, key_names)
    elif customers:
        customers_entry.warnings += early_rows(connection, customers, selection)
    if ids.customer_versions:
        customers_entry.reason = ids.customer_versions.reason
    customers_entry.body.update({"history": histories} if histories else {})
    customers_entry.warnings += [*ids.warnings, *join_warnings, *log_warnings, *part_warnings]
    if guess:
        cause = customers_entry.reason.partition(": ")[2]
        customers_entry.reason = f"a guess: {guess.reason}; {cause}"
    elif not key_name:
        customers_entry.warnings += rows_of_guests(connection, selection)
        customers_entry.warnings += ids_of_one_order(connection, selection)
    label = guess_label(connection, selection)
    if label is None:
        unused_tables += [(match.table.name, no_contract_end(connection, match)) for match in selection]
        raise _no_events_error(source, tables, unused_tables, ids.rounding_reasons)
    return Draft(
        customers_entry,
        tuple(entry for entry in entries if entry.canonical),
        tuple(entry for entry in entries if not entry.canonical),
        label,
        tuple(unused_tables),
    )


@dataclass(frozen=True)
class _Ids:
    """The ids of customers in the tables of a source.

    Attributes:
        customers: The table of customers and its key; None if there is none.
        event_tables: All tables except the table of customers.
        columns: The column with ids of customers, by table; None for a table without such a column.
        rounding_reasons: For each table whose ids a spreadsheet has rounded, why the ids are unusable.
        warnings: What the user has to know about the ids.
        customer_versions: The table with several rows for each customer, if `customers` was made from such a
            table; otherwise None.
    """

    customers: KeyedTable | None
    event_tables: tuple[SourceTable, ...]
    columns: dict[str, IdColumn | None]
    rounding_reasons: dict[str, str]
    warnings: tuple[str, ...] = ()
    customer_versions: VersionedCustomers | None = None


@dataclass(frozen=True)
class _KeyGuess:
    """The column that is guessed to be the key of customers.

    Attributes:
        key: The name of the column.
        reason: Why this column is the key, for the comment at `customers` in the drafted params.yaml.
        warning: The warning for the user: why this column is the key, and what to do if it is not.
    """

    key: str
    reason: str
    warning: str


def _find_ids_or_guess(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[SourceTable],
    key_name: str | None,
    dialect: str,
    today: date,
) -> tuple[_Ids, _KeyGuess | None]:
    """Find the ids of customers; guess a key if there are none, or if each order has a new customer id.

    Args:
        connection: The connection with the views of the tables.
        tables: The tables.
        key_name: The name of the column with the ids of customers, if the user has given it.
        dialect: The SQL dialect of the source.
        today: Today's date. Several formats are tried on texts with dates; a format that gives dates after
            today is wrong.
    """
    guess = None
    if not key_name:
        ids = _find_ids(connection, tables, None, dialect, today)
        guess = _guess_key(connection, tables, ids)
        if not guess:
            return ids, None
    key = guess.key if guess else key_name or ""
    addresses = read_addresses(connection, tables, key)
    ids = _find_ids(connection, addresses.tables, key, dialect, today)
    warnings = (*([guess.warning] if guess else []), *addresses.warnings)
    return replace(ids, warnings=(*ids.warnings, *warnings)), guess


def _guess_key(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[SourceTable], ids: _Ids
) -> _KeyGuess | None:
    """Return a better key of customers than the column found by its name, or None.

    The result is None if the column found by its name fits, if a spreadsheet has rounded its ids, or if no
    other column can be the key.
    """
    if any(ids.columns.values()):
        persons = find_person_ids(connection, ids.customers, ids.event_tables, ids.columns)
        if persons is None:
            return None
        reason = (
            f"{persons.key} is the id of a customer, as {persons.order_key} has a different id in most orders"
        )
        return _KeyGuess(persons.key, reason, persons.warning)
    if ids.rounding_reasons:
        return None
    if persons := named_person_ids(tables):
        return _KeyGuess(persons.key, f"{persons.key} is the id of a customer by its name", persons.warning)
    address = address_key(connection, tables)
    if address is None:
        return None
    warning = (
        f"no column holds ids of customers, so the e-mail address in {address} is the id, in lower case and "
        "without blanks at its ends. A person with two addresses counts as two customers. If another column "
        "has the id, name it with --key"
    )
    return _KeyGuess(address, f"the e-mail address in {address} is the id", warning)


def _find_ids(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[SourceTable],
    key_name: str | None,
    dialect: str,
    today: date,
) -> _Ids:
    """Find the table of customers and the ids of customers in all tables, and give all ids one spelling.

    Args:
        connection: The connection with the views of the tables.
        tables: The tables.
        key_name: The name of the column with the ids of customers, given or guessed; None if there is no
            such name yet.
        dialect: The SQL dialect of the source.
        today: Today's date. Several formats are tried on texts with dates; a format that gives dates after
            today is wrong.

    Raises:
        SourceError: A spreadsheet has rounded the ids in the table of customers.
    """
    customers = customers_table(connection, tables, key_name)
    customer_versions = None
    if customers is None:
        customer_versions = versioned_customers(connection, tables, key_name, dialect, today)
        customers = customer_versions.customers if customer_versions else None
    if customers and len(tables) == 1 and _is_of_contracts(connection, *customers):
        customers = None
    event_tables = tuple(table for table in tables if customers is None or table is not customers.table)
    named = customers or (named_ids(tables, key_name) if key_name else None)
    columns = {table.name: id_column(connection, table, named, key_name) for table in event_tables}
    rounded: dict[str, str] = {}
    for keyed in may_be_ids(tables, key_name):
        table = keyed.table
        key = customers.key if customers and customers.table is table else columns[table.name]
        column = key.column if isinstance(key, IdColumn) else key
        if (column or keyed.key).name == keyed.key.name and (reason := rounded_reason(connection, keyed)):
            rounded[table.name] = reason
            columns[table.name] = None
    if customers and customers.table.name in rounded:
        raise SourceError(f"init: {customers.table.name}: {rounded[customers.table.name]}.")
    respelt = [
        KeyedTable(table, key.column)
        for table in event_tables
        if (key := columns[table.name]) and key.respelt
    ]
    respelling = one_spelling(connection, respelt, customers) if customers else None
    if customers is None or respelling is None:
        return _Ids(customers, event_tables, columns, rounded, customer_versions=customer_versions)
    warning = (
        f"ids are spelt differently in {customers.table.name} and {respelling.table}, such as "
        f"{respelling.pair}. To make such ids equal, every id is changed by the SQL "
        f"{respelling.spelling.replace('$', 'the id')}. If such ids are different customers, map customer_id "
        "in each table to the id as it is"
    )
    return _Ids(
        KeyedTable(customers.table, respelling.applied_to(customers.key)),
        event_tables,
        {
            name: key and replace(key, column=respelling.applied_to(key.column))
            for name, key in columns.items()
        },
        rounded,
        (warning,),
        customer_versions,
    )


def _is_of_contracts(connection: duckdb.DuckDBPyConnection, table: SourceTable, key: SourceColumn) -> bool:
    """Return whether a table with one row for each customer holds the contracts of these customers."""
    return any("ended_at" in match.columns for _, match in matches(connection, table, key))


def _has_enough_customers(key: IdColumn | None, customers: KeyedTable | None) -> bool:
    return key is not None and (customers is None or key.share >= MIN_SHARE)


def _candidates(
    source: Source,
    table: SourceTable,
    key: IdColumn | None,
    is_versions: bool,
    customers: KeyedTable | None,
    key_name: str | None,
) -> tuple[str, list[tuple[float, Match]]]:
    """Return the possible uses of a table, each with a score (higher is better), or why the table has no use.

    Args:
        source: The open source.
        table: The table.
        key: The table's column with ids of customers, and the share of these ids that are in `customers`;
            None if there is no such column.
        is_versions: Whether the table has several rows for each customer, one for each version of the data.
        customers: The table of customers; None if there is none.
        key_name: The name of the column with the ids of customers, if the user has given it.
    """
    if not table.rows:
        return "it is empty", []
    if key is None:
        reason = "no column holds ids of customers"
        if key_name:
            return f"{reason}, which are in '{key_name}' by --key", []
        if customers and (spelling := unknown_spelling(source.connection, table, customers)):
            return f"{reason}{spelling}", []
        if address := next(address_columns(source.connection, table), None):
            reason += (
                f". The column {address.name} holds e-mail addresses, but no other table says which customer "
                f"has which address. To let the address be the id of all tables, use --key '{address.name}'"
            )
        return reason, []
    if name_contains(table.name, CHURN_EVENT):
        return "only churners are in it: as a signal it would leak the label", []
    if all(column.distinct <= 1 for column in table.columns if column.kind == "time"):
        return f"no column has the time of a row{unread_time(source.connection, table)}", []
    if is_versions:
        return "", [pair for pair in matches(source.connection, table, key.column) if not pair[1].canonical]
    names = [snake_case(column.name) for column in table.columns]
    if all(any(name.endswith(f"_{end}") for name in names) for end in ("valid_from", "valid_to")):
        return "it is a history of attributes: map each attribute under tables.customers.history", []
    scored_matches = list(matches(source.connection, table, key.column))
    if not scored_matches:
        return f"no column has the time of a row{unread_time(source.connection, table)}", []
    if customers and key.share < DOUBTFUL_SHARE:
        for _, match in scored_matches:
            match.notes.append(f"only {key.share:.0%} of its ids are ids of customers")
    return "", scored_matches


def _select(candidates: Sequence[tuple[float, Match]]) -> list[Match]:
    """Return the best source table for each table of params.yaml; no source table is used twice."""
    selection: list[Match] = []
    for _, match in sorted(candidates, key=lambda candidate: -candidate[0]):
        is_new = match.name not in {better.name for better in selection}
        if is_new and match.table not in [better.table for better in selection]:
            selection.append(match)
    return selection


def _no_events_error(
    source: Source,
    tables: Sequence[SourceTable],
    unused_tables: Sequence[tuple[str, str]],
    rounding_reasons: Mapping[str, str],
) -> SourceError:
    """Return the error of a source without events.

    If a spreadsheet has rounded the ids of some tables, the error names only this as the reason.

    Args:
        source: The open source.
        tables: The profiled tables.
        unused_tables: The tables that are not used, as pairs of a name and a reason.
        rounding_reasons: For each table whose ids a spreadsheet has rounded, why the ids are unusable.
    """
    if not tables:
        return SourceError(
            f"init: no table found in {source.address}. Name a folder of Parquet or CSV files, or a "
            "database, with --source."
        )
    if rounding_reasons:
        return SourceError(*(f"init: {name}: {reason}." for name, reason in rounding_reasons.items()))
    reasons = [f"{name} ({reason})" for name, reason in unused_tables]
    by_hand = (
        "If the source has a table of events, write the parameters by hand, as README.md shows under 'Your "
        "own data'."
    )
    return SourceError(
        f"init: no table in {source.address} holds what customers did, and when: "
        f"{'; '.join(reasons) or 'there are only customers'}. A table of events needs a column with the "
        f"customer's id and a column with the time. {possible_keys(tables) or by_hand}"
    )
