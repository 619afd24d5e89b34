"""A first params.yaml is guessed from names, types and contents, in English and in German."""

from __future__ import annotations

import csv
import random
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from churn.data.ingest.ingest import ingest
from churn.data.sources.connections import open_source
from churn.errors import SourceError
from churn.init.draft import Draft, draft_params
from churn.init.name_patterns import snake_case
from churn.init.params_file import dialect_of, params_for_source, params_text, source_for_params
from churn.params import load_params
from tests.servers import running_postgresql

Row = dict[str, Any]
Names = Mapping[str, tuple[str, Mapping[str, str]]]
"""By canonical table: its name in a source, and by canonical column that of the source's."""

BEGIN = datetime(2023, 1, 1, 9)

ENGLISH: Names = {
    "customers": ("clients", {"customer_id": "id", "signed_up_at": "created_at", "country": "country"}),
    "logins": ("web_sessions", {"customer_id": "user_id", "happened_at": "started"}),
    "interactions": ("feature_usage", {"customer_id": "client", "happened_at": "ts", "kind": "feature"}),
    "payments": (
        "invoices",
        {
            "customer_id": "client_id",
            "due_at": "due_date",
            "amount": "total_eur",
            "paid_at": "paid_on",
            "invoice_id": "invoice_no",
        },
    ),
    "emails": (
        "mailings",
        {"customer_id": "ClientId", "sent_at": "SentAt", "opened_at": "OpenedAt", "clicked_at": "ClickedAt"},
    ),
    "surveys": (
        "nps_responses",
        {"customer_id": "client_id", "asked_at": "sent", "answered_at": "answered", "rating": "score"},
    ),
    "tickets": (
        "support_cases",
        {
            "customer_id": "client_id",
            "opened_at": "created",
            "first_reply_at": "first_response_at",
            "closed_at": "resolved_at",
        },
    ),
    "orders": (
        "purchases",
        {"customer_id": "client", "ordered_at": "purchase_date", "amount": "price", "units": "qty"},
    ),
    "subscriptions": (
        "contracts",
        {"customer_id": "client_id", "started_at": "start", "ended_at": "end", "plan": "tier", "mrr": "fee"},
    ),
    "referrals": ("invitations", {"customer_id": "client_id", "happened_at": "invited_on"}),
}

GERMAN: Names = {
    "customers": ("Kunden", {"customer_id": "KundenNr", "signed_up_at": "Angelegt am", "country": "Land"}),
    "logins": ("Anmeldungen", {"customer_id": "KundenNr", "happened_at": "Zeitpunkt"}),
    "interactions": ("Nutzung", {"customer_id": "KundenNr", "happened_at": "Datum", "kind": "Funktion"}),
    "payments": (
        "Rechnungen",
        {
            "customer_id": "KundenNr",
            "due_at": "Fällig am",
            "amount": "Rechnungsbetrag",
            "paid_at": "Bezahlt am",
            "invoice_id": "RechnungsNr",
        },
    ),
    "emails": (
        "Newsletter",
        {
            "customer_id": "KundenNr",
            "sent_at": "Versendet am",
            "opened_at": "Geöffnet am",
            "clicked_at": "Geklickt am",
        },
    ),
    "surveys": (
        "Umfragen",
        {
            "customer_id": "KundenNr",
            "asked_at": "Gesendet am",
            "answered_at": "Beantwortet am",
            "rating": "Bewertung",
        },
    ),
    "tickets": (
        "Anfragen",
        {
            "customer_id": "KundenNr",
            "opened_at": "Eröffnet am",
            "first_reply_at": "Erste Antwort am",
            "closed_at": "Geschlossen am",
        },
    ),
    "orders": (
        "Bestellungen",
        {"customer_id": "KundenNr", "ordered_at": "Bestelldatum", "amount": "Summe", "units": "Menge"},
    ),
    "subscriptions": (
        "Verträge",
        {
            "customer_id": "KundenNr",
            "started_at": "Vertragsbeginn",
            "ended_at": "Vertragsende",
            "plan": "Tarif",
            "mrr": "Monatspreis",
        },
    ),
    "referrals": ("Empfehlungen", {"customer_id": "KundenNr", "happened_at": "Empfohlen am"}),
}


def company() -> dict[str, list[Row]]:
    """Draw a year of sixty customers in canonical tables."""
    rng = random.Random(5)
    rows: dict[str, list[Row]] = {name: [] for name in ENGLISH}
    for number in range(60):
        who = f"K{1000 + number}"
        since = BEGIN + timedelta(rng.randrange(60), minutes=number)
        until = BEGIN + timedelta(rng.randrange(150, 700))
        left = until if until < BEGIN + timedelta(400) else None
        rows["customers"].append({"customer_id": who, "signed_up_at": since, "country": rng.choice("AB")})
        rows["subscriptions"].append(
            {
                "customer_id": who,
                "started_at": since,
                "ended_at": left,
                "plan": rng.choice("SML"),
                "mrr": 19.9,
            }
        )
        for day in range((until - since).days):
            at = since + timedelta(day, minutes=rng.randrange(600))
            if at > BEGIN + timedelta(400):
                break
            later = at + timedelta(hours=rng.randrange(1, 40))
            if rng.random() < 0.3:
                rows["logins"].append({"customer_id": who, "happened_at": at})
                rows["interactions"].append(
                    {"customer_id": who, "happened_at": at, "kind": rng.choice("xyz")}
                )
            if rng.random() < 0.1:
                amount = {"amount": rng.randrange(100, 9999) / 100, "units": rng.randrange(1, 5)}
                rows["orders"].append({"customer_id": who, "ordered_at": at, **amount})
                opened = {"opened_at": later if rng.random() < 0.6 else None, "clicked_at": None}
                rows["emails"].append({"customer_id": who, "sent_at": at, **opened})
            if day % 30 == 1:
                bill = {
                    "due_at": at,
                    "amount": 19.9,
                    "paid_at": later,
                    "invoice_id": f"R{len(rows['payments'])}",
                }
                rows["payments"].append({"customer_id": who, **bill})
            if rng.random() < 0.02:
                rows["surveys"].append(
                    {"customer_id": who, "asked_at": at, "answered_at": later, "rating": rng.randrange(11)}
                )
                rows["tickets"].append(
                    {"customer_id": who, "opened_at": at, "first_reply_at": later, "closed_at": later}
                )
                rows["referrals"].append({"customer_id": who, "happened_at": at})
    rows["emails"][0]["clicked_at"] = rows["emails"][0]["opened_at"] = rows["emails"][0]["sent_at"]
    return rows


def renamed_company(names: Names, cell: Callable[[Any], Any]) -> dict[str, list[Row]]:
    """Return the company with other names of tables and columns; `cell` writes a value."""
    rows_by_table = company()
    return {
        table: [{columns[key]: cell(value) for key, value in row.items()} for row in rows_by_table[name]]
        for name, (table, columns) in names.items()
    }


def iso(value: Any) -> Any:
    return value.isoformat(" ", "minutes") if isinstance(value, datetime) else value


def in_german(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%d.%m.%Y %H:%M")
    return str(value).replace(".", ",") if isinstance(value, float) else value


def as_csv(folder: Path, tables: Mapping[str, list[Row]]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return str(folder)


def as_duckdb(folder: Path, tables: Mapping[str, list[Row]]) -> str:
    with duckdb.connect(str(folder / "company.duckdb")) as connection:
        for name in tables:
            place = folder / "csv" / f"{name}.csv"
            connection.execute(f"CREATE TABLE \"{name}\" AS SELECT * FROM read_csv('{place}')")
    return f"duckdb:///{folder / 'company.duckdb'}"


def as_sqlite(folder: Path, tables: Mapping[str, list[Row]]) -> str:
    with sqlite3.connect(folder / "company.sqlite") as connection:
        for name, rows in tables.items():
            columns = ", ".join(f'"{column}"' for column in rows[0])
            connection.execute(f'CREATE TABLE "{name}" ({columns})')
            marks = ", ".join("?" for _ in rows[0])
            values = [tuple(row.values()) for row in rows]
            connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', values)
    return f"sqlite:///{folder / 'company.sqlite'}"


def as_postgresql(address: str, tables: Mapping[str, list[Row]]) -> None:
    from adbc_driver_postgresql import dbapi

    kinds = {datetime: "TIMESTAMP", float: "DOUBLE PRECISION", int: "INTEGER", str: "TEXT"}
    with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        for name, rows in tables.items():
            first = {
                column: next(row[column] for row in rows if row[column] is not None) for column in rows[0]
            }
            columns = ", ".join(f'"{column}" {kinds[type(value)]}' for column, value in first.items())
            cursor.execute(f'CREATE TABLE "{name}" ({columns})')
            cells = [["NULL" if value is None else f"'{value}'" for value in row.values()] for row in rows]
            values = ", ".join(f"({', '.join(row)})" for row in cells)
            cursor.execute(f'INSERT INTO "{name}" VALUES {values}')


@dataclass(frozen=True)
class WrittenDraft:
    """A draft, and the parameter file with it."""

    draft: Draft
    path: Path

    def table(self, name: str) -> dict[str, Any]:
        tables = self.draft.tree()["tables"] | self.draft.tree()["events"]
        return dict(tables[name])


def guess(source: str, folder: Path) -> WrittenDraft:
    """Draft params.yaml, write it, and check that it holds what was drafted."""
    path = folder / "params.yaml"
    scratch = folder / "scratch"
    with open_source(params_for_source(source, path), scratch) as tables:
        draft = draft_params(tables, dialect_of(source), date.today())
    path.write_text(params_text(draft, source_for_params(source, path)[0]), encoding="utf-8")
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    for part, body in draft.tree().items():
        assert {**tree.get(part, {}), **body} == tree.get(part, {})
    return WrittenDraft(draft, path)


@pytest.mark.parametrize(("names", "cell"), [(ENGLISH, iso), (GERMAN, in_german)], ids=["English", "German"])
def test_tables_and_columns_are_matched_by_other_names(tmp_path: Path, names: Names, cell: Any) -> None:
    source = as_csv(tmp_path / "raw", renamed_company(names, cell))

    written = guess(source, tmp_path)

    tables = written.draft.tree()["tables"]
    assert set(tables) == set(names)
    for name, (table, columns) in names.items():
        assert tables[name]["from"] == table
        mapped = tables[name]["columns"]
        wanted = {k: v for k, v in columns.items() if k not in ("country", "amount", "mrr")}
        assert {key: sql.strip('"') for key, sql in mapped.items() if key in wanted} == {
            key: column for key, column in wanted.items() if column != key
        }
    store = ingest(load_params(written.path), lambda _: None)
    rows_by_table = company()
    assert {name: table.rows for name, table in store.tables.items()} == {
        name: len(rows) for name, rows in rows_by_table.items()
    }
    with store.connect() as connection:
        (cents,) = connection.execute(f"SELECT sum(amount) FROM {store.scan('payments')}").fetchone() or (0,)
    assert cents == 1990 * len(rows_by_table["payments"])


@pytest.mark.parametrize("write", [as_duckdb, as_sqlite])
def test_a_database_gives_the_guess_that_files_give(
    tmp_path: Path, write: Callable[[Path, Mapping[str, list[Row]]], str]
) -> None:
    tables = renamed_company(ENGLISH, iso)
    from_files = guess(as_csv(tmp_path / "csv", tables), tmp_path).draft.tree()

    written = guess(write(tmp_path, tables), tmp_path)

    assert written.draft.tree() == from_files
    assert ingest(load_params(written.path), lambda _: None).n_customers == 60


def test_postgresql_gives_the_guess_that_files_give_and_its_password_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_files = guess(as_csv(tmp_path / "csv", renamed_company(ENGLISH, iso)), tmp_path).draft.tree()
    with running_postgresql() as address:
        as_postgresql(address, renamed_company(ENGLISH, lambda value: value))

        written = guess(address, tmp_path)

        assert written.draft.tree() == from_files
        assert "secret" not in written.path.read_text()
        monkeypatch.setenv("DATABASE_PASSWORD", "secret")
        assert ingest(load_params(written.path), lambda _: None).n_customers == 60


def test_contracts_that_end_make_the_label(tmp_path: Path) -> None:
    written = guess(as_csv(tmp_path / "raw", renamed_company(ENGLISH, iso)), tmp_path)

    assert written.draft.label.body == {"kind": "contract", "horizon_days": 31, "grace_days": 30}


def test_one_table_of_orders_is_enough(tmp_path: Path) -> None:
    orders = [
        {"order_no": f"B{number}", "customer": row["customer_id"], "date": iso(row["ordered_at"]), "total": 5}
        for number, row in enumerate(company()["orders"])
    ]
    source = as_csv(tmp_path / "raw", {"shop": orders})

    written = guess(source, tmp_path)

    assert written.table("orders") == {
        "from": "shop",
        "columns": {"customer_id": "customer", "ordered_at": "date", "amount": "total"},
        "row_id": "order_no",
    }
    assert "min(seen) as signed_up_at" in written.table("customers")["query"]
    assert written.draft.label.body == {"kind": "inactivity", "table": "orders", "horizon_days": 28}
    assert ingest(load_params(written.path), lambda _: None).tables["orders"].rows == len(orders)


def test_lines_of_an_order_become_one_row(tmp_path: Path) -> None:
    lines = [
        {
            "InvoiceNo": number,
            "CustomerID": "" if number % 9 == 0 else row["customer_id"],
            "InvoiceDate": iso(row["ordered_at"]),
            "UnitPrice": 2.5,
            "Quantity": pieces,
        }
        for number, row in enumerate(company()["orders"])
        for pieces in ((1, 3) if number % 7 else (-1, -2))
    ]

    written = guess(as_csv(tmp_path / "raw", {"transactions": lines}), tmp_path)

    store = ingest(load_params(written.path), lambda _: None)
    bought = {line["InvoiceNo"] for line in lines if line["CustomerID"] and line["Quantity"] > 0}
    assert store.tables["orders"].rows == len(bought)
    with store.connect() as connection:
        amounts = connection.execute(f"SELECT DISTINCT amount, units FROM {store.scan('orders')}").fetchall()
    assert amounts == [(1000, 4000)]


def test_seconds_since_1970_and_days_as_numbers_are_times(tmp_path: Path) -> None:
    rows_by_table = company()
    people = [
        {"user_id": row["customer_id"], "created": int(row["signed_up_at"].strftime("%Y%m%d"))}
        for row in rows_by_table["customers"]
    ]
    clicks = [
        {"user_id": row["customer_id"], "ts": int(row["happened_at"].timestamp() * 1000)}
        for row in rows_by_table["logins"]
    ]

    written = guess(as_csv(tmp_path / "raw", {"users": people, "clicks": clicks}), tmp_path)

    store = ingest(load_params(written.path), lambda _: None)
    assert store.tables["customers"].rows == 60
    assert not store.tables["interactions"].rejects
    first = min(row["signed_up_at"] for row in rows_by_table["customers"]).date()
    assert (store.tables["customers"].first_day or 0) == (first - datetime(1970, 1, 1).date()).days


def test_a_customer_is_found_through_the_table_that_a_row_names(tmp_path: Path) -> None:
    tables = renamed_company(ENGLISH, iso)
    for number, row in enumerate(tables["contracts"]):
        row["contract_id"] = f"V{number}"
    tables["feature_usage"] = [
        {"usage_id": n, "contract_id": f"V{n % 60}", "usage_date": f"2023-08-{n % 28 + 1:02}"}
        for n in range(500)
    ]

    written = guess(as_csv(tmp_path / "raw", tables), tmp_path)

    assert written.table("interactions")["query"].startswith("select o.client_id as customer_id, t.*")
    store = ingest(load_params(written.path), lambda _: None)
    assert (store.tables["interactions"].rows, store.tables["interactions"].customers) == (500, 60)


def test_a_table_of_churners_is_not_used_and_the_reason_is_given(tmp_path: Path) -> None:
    tables = renamed_company(ENGLISH, iso)
    tables["churn_events"] = [{"client_id": "K1000", "churn_date": "2023-06-01"}]
    tables["products"] = [{"product_id": 1, "name": "soap"}]
    tables["page_views"] = [
        {"client_id": f"K{1000 + n % 60}", "at": f"2023-06-{n % 28 + 1:02}"} for n in range(300)
    ]

    written = guess(as_csv(tmp_path / "raw", tables), tmp_path)

    assert dict(written.draft.unused_tables) == {
        "churn_events": "only churners are in it: as a signal it would leak the label",
        "products": "no column holds ids of customers",
    }
    assert set(written.draft.tree()["events"]) == {"page_views"}
    assert "#   products: no column holds ids of customers" in written.path.read_text()


def test_attributes_are_not_promised_to_stay_but_their_history_is_used(tmp_path: Path) -> None:
    tables = renamed_company(ENGLISH, iso)
    for row in tables["clients"]:
        row["status"] = "open"
    tables["plan_history"] = [
        {"client_id": row["id"], "valid_from": row["created_at"], "valid_to": "", "plan": "pro", "seats": 4}
        for row in tables["clients"]
    ]

    written = guess(as_csv(tmp_path / "raw", tables), tmp_path)

    since = {"customer_id": "client_id", "valid_from": "valid_from"}
    assert "static" not in written.table("customers")
    assert written.table("customers")["history"] == {
        "plan": {"from": "plan_history", "columns": {**since, "value": "plan"}},
        "seats": {"from": "plan_history", "columns": {**since, "value": "seats"}, "kind": "number"},
    }
    text = written.path.read_text()
    assert re.search(r"never change.*static: \[country\]", text)
    assert re.search(r"not used: .*may change.*: status", text)
    assert ingest(load_params(written.path), lambda _: None).tables["customers.plan"].rows == 60


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ({}, "no table found"),
        ({"people": [{"person_id": n, "age": n} for n in range(9)]}, "there are only customers"),
        (
            {"sales": [{"total": n, "date": "2023-01-01"} for n in range(9)]},
            "no column holds ids of customers",
        ),
    ],
)
def test_a_source_without_events_of_customers_is_refused(
    tmp_path: Path, tables: dict[str, list[Row]], reason: str
) -> None:
    source = as_csv(tmp_path / "raw", tables)

    with pytest.raises(SourceError) as caught:
        guess(source, tmp_path)

    assert reason in str(caught.value)


def test_a_table_with_rounded_in_its_error_is_one_reason_among_all(tmp_path: Path) -> None:
    tables = {"sales": [{"total": n, "date": "2023-01-01"} for n in range(9)]}
    as_csv(tmp_path / "csv", tables)
    source = as_duckdb(tmp_path, tables)
    with duckdb.connect(next(tmp_path.glob("*.duckdb"))) as database:
        database.execute("CREATE TABLE rounded AS SELECT 1 AS total")
        database.execute("CREATE VIEW rounded_sums AS SELECT total FROM rounded")
        database.execute("DROP TABLE rounded")

    with pytest.raises(SourceError) as caught:
        guess(source, tmp_path)

    assert "rounded_sums (it cannot be read: " in str(caught.value)
    assert "sales (no column holds ids of customers)" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("postgresql://ana:pa%40ss@db/shop", "postgresql://ana:${DATABASE_PASSWORD}@db/shop"),
        ("postgresql://${USER}:pass@db/shop", "postgresql://${USER}:${DATABASE_PASSWORD}@db/shop"),
        ("postgresql://ana:${PW}@db/shop", "postgresql://ana:${PW}@db/shop"),
        (
            "postgresql://db/shop?user=ana&password=x1&sslpassword=y2&sslmode=require",
            "postgresql://db/shop?user=ana&password=${DATABASE_PASSWORD}&sslpassword=${DATABASE_SSLPASSWORD}"
            "&sslmode=require",
        ),
        ("postgresql://ana@db/shop", "postgresql://ana@db/shop"),
        ("${LAKE}/shop", "${LAKE}/shop"),
    ],
)
def test_no_password_is_written_down(tmp_path: Path, source: str, address: str) -> None:
    assert source_for_params(source, tmp_path / "params.yaml")[0] == address


def test_a_path_is_written_as_seen_from_the_parameter_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    assert source_for_params("../raw", Path("params.yaml"))[0] == "../raw"
    assert source_for_params("sqlite:///raw.db", Path("../params.yaml"))[0] == "sqlite:///here/raw.db"
    assert source_for_params(str(tmp_path / "raw"), Path("params.yaml"))[0] == str(tmp_path / "raw")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("InvoiceNo", "invoice_no"),
        ("CustomerID", "customer_id"),
        ("Geöffnet am", "geoeffnet_am"),
        ("kdNr", "kd_nr"),
    ],
)
def test_names_are_read_word_by_word(name: str, words: str) -> None:
    assert snake_case(name) == words
