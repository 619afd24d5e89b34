"""Read what the company and the customers agreed and did: consents, contacts, and how to reach customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import pyarrow as pa

from churn.data.sql import literal
from churn.data.store import Store, date_of_day_sql, day_number
from churn.data.tables import COST, NOT_MADE, STORED_UNITS

CONSENT_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("channel", pa.string()),
        ("purpose", pa.string()),
        ("given_at", pa.timestamp("us")),
        ("withdrawn_at", pa.timestamp("us")),
    ]
)
CONTACT_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("contacted_at", pa.timestamp("us")),
        ("contacted_on", pa.date32()),
        *((name, pa.string()) for name in ("task_id", "play", "variant", "arm", "channel", "result")),
        ("answered_on", pa.date32()),
        ("snoozed_until", pa.date32()),
    ]
)
COST_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("customer_id", "task_id", "play")] + [(COST, pa.float64())]
)
REACH_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        *((name, pa.string()) for name in ("email", "person_id", "account_id", "timezone", "language")),
        ("has_objected", pa.bool_()),
    ]
)


def read_consents(store: Store, cutoff: date) -> pa.Table:
    """Return the consents that were given and known before the cutoff, ordered by customer and time.

    The result has the columns of `CONSENT_SCHEMA`; times are UTC. `withdrawn_at` is null if the consent was
    not withdrawn before the cutoff. The table is empty if the company has no consents.
    """
    if not store.has("consents"):
        return CONSENT_SCHEMA.empty_table()
    columns = {
        "channel": _level(store, "consents", "channel"),
        "purpose": _level(store, "consents", "purpose"),
        "given_at": "rows.at",
        "withdrawn_at": _outcome_time(store, "consents", "withdrawn_at", cutoff),
    }
    return _read(store, "consents", columns, CONSENT_SCHEMA, cutoff)


def read_contacts(store: Store, cutoff: date) -> pa.Table | None:
    """Return the contacts that happened and were known before the cutoff; None if no contacts are mapped.

    The result has the columns of `CONTACT_SCHEMA`; columns that the company does not have are null.
    `contacted_on` and `answered_on` are local days. `answered_on` is null if the customer had not answered
    before the cutoff.
    """
    if "contacts" not in store.tables:
        return None
    if not store.has("contacts"):
        return CONTACT_SCHEMA.empty_table()
    text = {name: _text(store, "contacts", name) for name in ("task_id", "play", "variant", "arm")}
    columns = {
        "contacted_at": "rows.at",
        "contacted_on": date_of_day_sql("rows.day"),
        **text,
        "channel": _level(store, "contacts", "channel"),
        "result": _level(store, "contacts", "result"),
        "answered_on": _outcome_day(store, "contacts", "answered_at", cutoff),
        "snoozed_until": _day(store, "contacts", "snoozed_until"),
    }
    return _read(store, "contacts", columns, CONTACT_SCHEMA, cutoff)


def read_contact_costs(store: Store, cutoff: date) -> pa.Table | None:
    """Return the contacts that happened and were known before the cutoff, with what each of them cost.

    The result has the columns of `COST_SCHEMA`. The cost is in currency; it is null, and not 0, if nobody
    recorded it. Contacts of controls are left out, because nobody made them. The result is None if
    params.yaml maps no column of costs.
    """
    if "contacts" not in store.tables or COST not in _columns(store, "contacts"):
        return None
    if not store.has("contacts"):
        return COST_SCHEMA.empty_table()
    arm, control = NOT_MADE["contacts"]
    columns = {name: _text(store, "contacts", name) for name in ("task_id", "play")}
    columns[COST] = f"rows.{COST} / {STORED_UNITS['number']}.0"
    is_made = f"lower({arm}) IS DISTINCT FROM {literal(control)}"
    condition = is_made if arm in _columns(store, "contacts") else "true"
    return _read(store, "contacts", columns, COST_SCHEMA, cutoff, condition)


def read_event_days(
    store: Store, table: str, cutoff: date, column: str | None = None, *, since: date
) -> pa.Table:
    """Return the local days in `[since, cutoff)` on which customers had an event: `customer_id` and `day`.

    Args:
        store: The store.
        table: The table; if the company does not have it, the result is empty.
        cutoff: Only what was known before the cutoff counts.
        column: The time column whose day is returned, such as `unsubscribed_at`; None for the day of the
            row itself.
        since: The first day that counts. Only these days are read, so a long history costs no memory.
    """
    schema = pa.schema([("customer_id", pa.string()), ("day", pa.date32())])
    is_there = store.has(table) and (column is None or f"{column}_day" in _columns(store, table))
    if not is_there:
        return schema.empty_table()
    number = "day" if column is None else f"{column}_day"
    condition = f"{number} >= {day_number(since)} AND {number} < {day_number(cutoff)}"
    return _read(store, table, {"day": date_of_day_sql(f"rows.{number}")}, schema, cutoff, condition)


EVENTS_OF_RHYTHM = (
    *(("logins", None), ("interactions", None), ("orders", None)),
    *(("emails", "opened_at"), ("contacts", "answered_at")),
)
"""The events that show when customers are active: pairs of a table and the outcome whose time counts. If the
outcome is None, the time of the row counts.
"""


def read_active_hours(store: Store, cutoff: date, zones: Mapping[str, str], *, since: date) -> pa.Table:
    """Count the events of each customer in `[since, cutoff)` by local weekday and local hour.

    The columns are `customer_id`, the local `weekday` (Monday is 0), the local `hour`, and `events`. A time
    that is exactly midnight in the company's zone is left out: it is a date without a time of day.

    Args:
        store: The store.
        cutoff: Only what was known before the cutoff counts.
        zones: The time zone of each customer, by id; only these customers are read.
        since: The first day that counts.
    """
    parts = []
    for table, outcome in EVENTS_OF_RHYTHM:
        if not store.has(table) or (outcome and f"{outcome}_day" not in _columns(store, table)):
            continue
        day = f"{outcome}_day" if outcome else "day"
        at = f"rows.at + to_seconds(rows.{outcome}_after)" if outcome else "rows.at"
        parts.append(
            f"SELECT customer, timezone('UTC', {at}) AS instant FROM {store.scan(table)} AS rows WHERE "
            f"{store.visible_before(table, cutoff)} AND {day} >= {day_number(since)} AND "
            f"{day} < {day_number(cutoff)}"
        )
    schema = pa.schema(
        [("customer_id", pa.string()), ("weekday", pa.int64()), ("hour", pa.int64()), ("events", pa.int64())]
    )
    if not parts:
        return schema.empty_table()
    company_zone = literal(store.params.timezone)
    query = (
        "WITH moments AS (SELECT customer_id, timezone(zone, instant) AS local FROM "
        f"({' UNION ALL '.join(parts)}) JOIN (SELECT customer, customer_id FROM {store.scan('customers')}) "
        "USING (customer) JOIN zones USING (customer_id) "
        f"WHERE timezone({company_zone}, instant)::TIME <> TIME '00:00:00') "
        "SELECT customer_id, isodow(local) - 1 AS weekday, hour(local) AS hour, count(*) AS events "
        "FROM moments GROUP BY ALL ORDER BY ALL"
    )
    with store.connect() as connection:
        connection.register("zones", pa.table({"customer_id": list(zones), "zone": list(zones.values())}))
        return connection.sql(query).to_arrow_table().cast(schema)


def read_ratings(store: Store, cutoff: date, *, since: date) -> pa.Table | None:
    """Return the answers to surveys in `[since, cutoff)`: `customer_id`, `answered_at` (a day) and `rating`.

    The result is None if the company has no ratings.

    Args:
        store: The store.
        cutoff: Only what was known before the cutoff counts.
        since: The first day that counts.
    """
    if not store.has("surveys") or not {"answered_at_day", "rating"} <= set(_columns(store, "surveys")):
        return None
    schema = pa.schema([("customer_id", pa.string()), ("answered_at", pa.date32()), ("rating", pa.float64())])
    columns = {
        "answered_at": date_of_day_sql("rows.answered_at_day"),
        "rating": f"rows.rating / {STORED_UNITS['number']}.0",
    }
    condition = f"answered_at_day >= {day_number(since)} AND answered_at_day < {day_number(cutoff)}"
    return _read(store, "surveys", columns, schema, cutoff, condition)


def read_bills(store: Store, cutoff: date, *, since: date) -> pa.Table | None:
    """Return the bills that were not paid before the day `since`.

    The columns are `customer_id` and the dates `due_at` and `paid_at`; `paid_at` is null if the bill was not
    paid before the cutoff. The result is None if the company does not record payments of bills.

    Args:
        store: The store.
        cutoff: Only what was known before the cutoff counts.
        since: Bills that were paid before this day are left out.
    """
    if not store.has("payments") or "paid_at_day" not in _columns(store, "payments"):
        return None
    schema = pa.schema([("customer_id", pa.string()), ("due_at", pa.date32()), ("paid_at", pa.date32())])
    columns = {
        "due_at": date_of_day_sql("rows.day"),
        "paid_at": _outcome_day(store, "payments", "paid_at", cutoff),
    }
    condition = f"(paid_at_day IS NULL OR paid_at_day >= {day_number(since)})"
    return _read(store, "payments", columns, schema, cutoff, condition)


def read_objection_days(store: Store, cutoff: date, *, since: date) -> pa.Table | None:
    """Return the days in `[since, cutoff)` on which customers objected to contacts: `customer_id` and `day`.

    The result is None if the company does not record objections.

    Args:
        store: The store.
        cutoff: Only objections from before the cutoff count.
        since: The first day that counts.
    """
    if "objected_at_day" not in store.tables["customers"].columns:
        return None
    day = date_of_day_sql("objected_at_day")
    with store.connect() as connection:
        query = (
            f"SELECT customer_id, {day} AS day FROM {store.scan('customers')} "
            f"WHERE objected_at_day >= {day_number(since)} AND objected_at_day < {day_number(cutoff)} "
            "ORDER BY customer"
        )
        schema = pa.schema([("customer_id", pa.string()), ("day", pa.date32())])
        return connection.sql(query).to_arrow_table().cast(schema)


def read_reach(store: Store) -> pa.Table:
    """Return how to reach each customer and who objected to contacts, in the store's order of customers.

    The result has the columns of `REACH_SCHEMA`; columns that the company does not have are null. If the
    company does not record objections, `has_objected` is false. All values are those of today, not those of a
    cutoff, so an objection counts at once even if a night is repeated.
    """
    names = ("email", "person_id", "account_id", "timezone", "language")
    columns = {name: _text(store, "customers", name) for name in names}
    objected = "objected_at_day" in store.tables["customers"].columns
    columns["has_objected"] = "rows.objected_at_day IS NOT NULL" if objected else "false"
    return _read(store, "customers", columns, REACH_SCHEMA, None)


def _read(
    store: Store,
    table: str,
    columns: dict[str, str],
    schema: pa.Schema,
    cutoff: date | None,
    condition: str = "true",
) -> pa.Table:
    """Return the given columns of a table's rows, with the customer ids, as an Arrow table.

    Args:
        store: The store.
        table: The table.
        columns: The SQL of each column by its name.
        schema: The names and types of the result's columns.
        cutoff: Only rows that were known before this day count; None for all rows.
        condition: SQL that is true for the rows to read.
    """
    # The code of a customer is the number of the customer's row in the table of customers.
    selected = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    visible = "true" if cutoff is None else store.visible_before(table, cutoff)
    people, rows = f"(SELECT customer, customer_id FROM {store.scan('customers')})", store.scan(table)
    is_customers = table == "customers"
    chosen_rows = f"(SELECT * FROM {rows} WHERE {visible} AND {condition}) AS rows"
    source = f"{rows} AS rows" if is_customers else f"{chosen_rows} JOIN {people} AS people USING (customer)"
    id_column = "rows.customer_id" if is_customers else "people.customer_id"
    order = ", ".join(["rows.customer", "rows.at", *(name for name in columns if name not in ("given_at",))])
    with store.connect() as connection:
        query = f"SELECT {id_column} AS customer_id, {selected} FROM {source} ORDER BY {order}"
        return connection.sql(query).to_arrow_table().cast(schema)


def _columns(store: Store, table: str) -> Iterable[str]:
    return store.tables[table].columns


def _text(store: Store, table: str, name: str) -> str:
    return f"rows.{name}" if name in _columns(store, table) else "NULL::VARCHAR"


def _level(store: Store, table: str, name: str) -> str:
    """Return SQL that turns the stored codes of a column, such as `channel`, into text."""
    levels = store.tables[table].levels.get(name, ())
    if name not in _columns(store, table) or not levels:
        return "NULL::VARCHAR"
    cases = " ".join(f"WHEN {code} THEN {literal(level)}" for code, level in enumerate(levels))
    return f"CASE rows.{name} {cases} END"


def _day(store: Store, table: str, name: str) -> str:
    column = f"{name}_day"
    return date_of_day_sql(f"rows.{column}") if column in _columns(store, table) else "NULL::DATE"


def _outcome_day(store: Store, table: str, name: str, cutoff: date) -> str:
    column = f"{name}_day"
    if column not in _columns(store, table):
        return "NULL::DATE"
    return f"CASE WHEN rows.{column} < {day_number(cutoff)} THEN {date_of_day_sql(f'rows.{column}')} END"


def _outcome_time(store: Store, table: str, name: str, cutoff: date) -> str:
    if f"{name}_day" not in _columns(store, table):
        return "NULL::TIMESTAMP"
    time = f"rows.at + to_seconds(rows.{name}_after)"
    return f"CASE WHEN rows.{name}_day < {day_number(cutoff)} THEN {time} END"
