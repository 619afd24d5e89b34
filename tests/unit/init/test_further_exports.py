"""Exports in many other shapes are read as what they are."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from churn.data.ingest.ingest import ingest
from churn.data.store import Store, day_number
from churn.params import load_params
from tests.unit.init.further_exports import (
    CONTRACTS,
    GERMAN,
    N_CONTRACTS,
    N_CUSTOMERS,
    ORDERS,
    PEOPLE,
    YEARS,
    Cell,
    Files,
    cents,
    customers,
    german,
    guests,
    indian,
    init,
    lasting,
    lines,
    number_of,
    shop,
    text_of,
    uuid_of,
    versions,
    when,
    with_ids,
)

pytestmark = pytest.mark.long


class Facts(NamedTuple):
    """What the store must hold of the orders or contracts."""

    table: str = "orders"
    rows: int = len(ORDERS)
    customers: int = N_CUSTOMERS
    amount: int | None = cents(ORDERS)


SHOP, TERMS = Facts(), Facts("subscriptions", N_CONTRACTS, N_CONTRACTS, None)
STRIPE = [
    {
        "id": f"sub_{n}",
        "customer": row["customer_id"],
        "start_date": int(row["started_at"].timestamp()),
        "ended_at": int(row["ended_at"].timestamp()) if row["ended_at"] else None,
        "status": "canceled" if row["ended_at"] else "active",
    }
    for n, row in enumerate(CONTRACTS)
]
CONTRACT_LIST = [
    {
        "Vertragsnummer": f"V{n}",
        "Kundennummer": row["customer_id"],
        "Vertragsbeginn": f"{row['started_at']:%d.%m.%Y}",
        "Gekündigt zum": f"{row['ended_at']:%d.%m.%Y}" if row["ended_at"] else "",
        "Monatsbeitrag": "29,90",
    }
    for n, row in enumerate(CONTRACTS)
]
WOO = {"order_no": "Order Number", "customer_id": "Email (Billing)", "ordered_at": "Order Date",
       "amount": "Order Total Amount"}  # fmt: skip
SQUARE = {"order_no": "Transaction ID", "customer_id": "Customer ID", "ordered_at": "Date",
          "amount": "Gross Sales"}  # fmt: skip

READ: dict[str, tuple[Files, Facts]] = {
    # a notation with two readings
    "dates with a short month": (shop(ordered_at=when("%d-%b-%Y %I:%M %p")), SHOP),
    "dates with a zone by name": (shop(ordered_at=when("%Y/%m/%d %H:%M:%S UTC")), SHOP),
    "euro before": (shop(";", amount=lambda x: f"€ {german(x)}"), SHOP),
    "euro after": (shop(";", amount=lambda x: f"{german(x)} €"), SHOP),
    "code after": (shop(amount=lambda x: f"{x:.2f} EUR"), SHOP),
    "dollar": (shop(amount=lambda x: f"${x:,.2f}", names=SQUARE), SHOP),
    "apostrophes": (
        shop(amount=lambda x: f"{10 * x:,.2f}".replace(",", "'")),
        SHOP._replace(amount=10 * cents(ORDERS)),
    ),
    "narrow blanks": (
        shop(";", amount=lambda x: f"{10 * x:,.2f}".replace(",", "\u202f").replace(".", ",")),
        SHOP._replace(amount=10 * cents(ORDERS)),
    ),
    "dashes for no cents": (
        shop(";", amount=lambda x: german(x).replace(",00", ",-")),
        SHOP,
    ),
    "groups of India": (shop(amount=lambda x: indian(1000 * x)), SHOP._replace(amount=1000 * cents(ORDERS))),
    "exponents": (shop(amount=lambda x: f"{x:.4e}"), SHOP),
    "hours and weekdays in columns of their own": (
        {
            **PEOPLE,
            "orders.csv": text_of(
                [
                    {
                        "customer_id": row["customer_id"],
                        "Date": f"{row['ordered_at']:%d.%m.%Y}",
                        "Order Time": f"{row['ordered_at']:%H:%M}h",
                        "Order Day": f"{row['ordered_at']:%A}",
                        "amount": row["amount"],
                    }
                    for row in ORDERS
                ]
            ),
        },
        SHOP,
    ),
    # files
    "leftovers of Spark": (
        {
            **PEOPLE,
            "orders/part-0.csv": text_of(ORDERS[::2]),
            "orders/part-1.csv": text_of(ORDERS[1::2]),
            "orders/_temporary/0/part-1.csv": text_of(ORDERS[1::2]),
            "orders/_SUCCESS": "",
        },
        SHOP,
    ),
    "leftovers of an archive": (
        {**shop(), "__MACOSX/orders.csv": "x", "__MACOSX/._orders.csv": b"\0", ".git/orders.csv": "x"},
        SHOP,
    ),
    "leftovers of an editor": (
        {**shop(), "orders.csv.bak": "x", ".orders.csv.swp": b"\0", ".~lock.orders.csv#": "x"},
        SHOP,
    ),
    "packed JSON lines": ({**PEOPLE, "ORDERS.NDJSON.GZ": gzip.compress(lines(ORDERS))}, SHOP),
    "big-endian UTF-16 with tabs": (
        {"customers.tsv": text_of(customers(), "\t").encode("utf-16"), "orders.csv": text_of(ORDERS)},
        SHOP,
    ),
    "packed UTF-8 with a mark": (
        {**PEOPLE, "orders.csv.gz": gzip.compress(text_of(ORDERS).encode("utf-8-sig"))},
        SHOP,
    ),
    # ids
    "UUIDs in capital letters": (with_ids(uuid_of, lambda c: uuid_of(c).upper()), SHOP),
    "ids as decimals": (with_ids(number_of, lambda c: f"{number_of(c)}.0"), SHOP),
    "ids with a hard blank": (with_ids(str, lambda c: f"{c}\u00a0"), SHOP),
    # words for no value
    "not a time": (lasting("NaT"), TERMS),
    "a German word": (lasting("unbefristet"), TERMS),
    "an error of a spreadsheet": (lasting("#NULL!"), TERMS),
    "zeros with points": (lasting("00.00.0000", "%d.%m.%Y"), TERMS),
    "zeros with slashes": (lasting("00/00/0000", "%m/%d/%Y"), TERMS),
    "the last day as a number": (lasting("99991231", "%Y%m%d"), TERMS),
    "zeros as a number": (lasting("00000000", "%Y%m%d"), TERMS),
    "the day before 1900": (lasting("1899-12-31"), TERMS),
    "the first day of Windows": (lasting("1601-01-01"), TERMS),
    # names
    "Stripe's own rows": ({"subscriptions.jsonl": lines(STRIPE)}, TERMS),
    "times of contracts in SAP": (
        {
            "PA0014.csv": text_of(
                [
                    {
                        "KUNNR": row["customer_id"],
                        "BEGDA": f"{row['started_at']:%Y%m%d}",
                        "ENDDA": f"{row['ended_at']:%Y%m%d}" if row["ended_at"] else "99991231",
                    }
                    for row in CONTRACTS
                ],
                ";",
            )
        },
        TERMS,
    ),
    "a German list of contracts": ({"Verträge.csv": text_of(CONTRACT_LIST, ";")}, TERMS),
    "one contract for each customer": ({"subscriptions.csv": text_of(CONTRACTS)}, TERMS),
    "WooCommerce": (
        {"orders.csv": text_of(ORDERS, names=WOO, cells={"customer_id": lambda c: f"{c}@example.com"})},
        SHOP,
    ),
    "Square": (
        {"transactions.csv": text_of(ORDERS, names=SQUARE, cells={"ordered_at": when("%m/%d/%Y")})},
        SHOP,
    ),
    # tables of one shape
    "years as folders": (
        {**PEOPLE, **{f"{year}/orders.csv": text_of(rows) for year, rows in YEARS.items()}},
        SHOP,
    ),
    "fiscal years": (
        {**PEOPLE, **{f"orders FY{year % 100}.csv": text_of(rows) for year, rows in YEARS.items()}},
        SHOP,
    ),
    "events of one shape": (
        {
            **shop(),
            "login_events.csv": text_of([{"user_id": r["customer_id"], "timestamp": r["ordered_at"]}
                                         for r in ORDERS[::2]]),
            "click_events.csv": text_of([{"user_id": r["customer_id"], "timestamp": r["ordered_at"]}
                                         for r in ORDERS[1::2]]),
        },
        SHOP,
    ),
    "returns of the shape of orders": ({**shop(), "order_returns.csv": text_of(ORDERS[::9])}, SHOP),
}  # fmt: skip


def stored(path: Path) -> Store:
    return ingest(load_params(path), lambda _: None)


@pytest.mark.parametrize("name", READ)
def test_an_export_is_read_as_what_it_is(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files, facts = READ[name]

    code, path = init(tmp_path, files)
    store = stored(path)

    table = store.tables[facts.table]
    assert code == 0
    assert (table.rows, table.customers, dict(table.rejects)) == (facts.rows, facts.customers, {})
    assert store.n_customers == facts.customers
    if facts.table == "subscriptions":
        assert table.missing["ended_at_day"] == sum(row["ended_at"] is None for row in CONTRACTS)
        assert table.first_day == day_number(CONTRACTS[0]["started_at"].date())
        return
    with store.connect() as connection:
        row = connection.execute(f"SELECT sum(amount) FROM {store.scan('orders')}").fetchone()
    first, last = ORDERS[0]["ordered_at"].date(), ORDERS[-1]["ordered_at"].date()
    assert row == (facts.amount,)
    assert (table.first_day, table.last_day) == (day_number(first), day_number(last))
    warnings = [text for text in capsys.readouterr().err.splitlines() if text.startswith("warning")]
    expected = {"UUIDs in capital letters": "spelt differently", "WooCommerce": "Email (Billing) is the id"}
    assert len(warnings) == (name in expected)
    assert all(expected[name] in text for text in warnings)


@pytest.mark.parametrize(
    "words", [["(not set)", "unknown"], ["anonym", "Laufkunde"], ["<NA>", "-"], ["#VALUE!", "NaT"]]
)
def test_ids_that_say_nobody_are_no_customers(tmp_path: Path, words: list[str]) -> None:
    _, path = init(tmp_path, guests(words))

    store = stored(path)

    n_guests = len(range(0, len(ORDERS), 7))
    assert store.n_customers == N_CUSTOMERS
    assert dict(store.tables["orders"].rejects) == {"customer_id is no placeholder": n_guests}


def test_rows_of_ids_that_are_not_in_the_table_of_customers_are_named_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, path = init(tmp_path, {**PEOPLE, **guests(["kiosk"])})

    n_guests = len(range(0, len(ORDERS), 7))
    warning = capsys.readouterr().err
    assert (
        f"{n_guests:,} of {len(ORDERS):,} rows have an id in customer_id that is not in customers" in warning
    )
    assert f"'kiosk' in {n_guests:,} rows" in warning
    assert stored(path).tables["orders"].rows == len(ORDERS) - n_guests


OTHER_KINDS = ("logins.json", "logins.txt", "logins.csv.bz2", "logins.avro", "logins.orc", "logins.zip")


def test_files_of_other_kinds_are_named_as_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, path = init(tmp_path, {**shop(), **dict.fromkeys(OTHER_KINDS, "x")})

    unread = next(line for line in capsys.readouterr().out.splitlines() if "not read" in line)
    assert code == 0
    assert "logins.avro, logins.csv.bz2, logins.json, logins.orc, logins.txt and 1 more" in unread
    assert stored(path).tables["orders"].rows == len(ORDERS)


@pytest.mark.parametrize(
    ("names", "open_end", "cell", "more"),
    [
        (("_fivetran_start", "_fivetran_end"), "9999-12-31 23:59:59", str, {}),
        (("row_effective_date", "row_expiration_date"), "9999-12-31", str, {"row_is_current": "NNY"}),
        (("gueltig_ab", "gueltig_bis"), "31.12.9999", when("%d.%m.%Y"), {}),
        (("dw_start_ts", "dw_end_ts"), "", str, {}),
    ],
)
def test_versions_of_customers_are_a_history_by_other_names(
    tmp_path: Path, names: tuple[str, str], open_end: str, cell: Cell, more: dict[str, Any]
) -> None:
    marks = {name: values.__getitem__ for name, values in more.items()}
    people = text_of(versions(names, open_end, cell, **marks))

    _, path = init(tmp_path, {"customers.csv": people, "orders.csv": text_of(ORDERS)})
    store = stored(path)

    counts = {name: (table.rows, table.customers) for name, table in store.tables.items()}
    assert counts == {
        "customers": (N_CUSTOMERS, N_CUSTOMERS),
        "customers.plan": (3 * N_CUSTOMERS, N_CUSTOMERS),
        "orders": (len(ORDERS), N_CUSTOMERS),
    }
    assert store.tables["customers.plan"].missing["valid_to_day"] == N_CUSTOMERS


@pytest.mark.parametrize("flag", [("J", "N"), ("cancel", "renew")])
def test_a_log_of_terms_as_numbers_is_a_table_of_contracts(tmp_path: Path, flag: tuple[str, str]) -> None:
    rows = []
    for n in range(50):
        at = date(2023, 1, 1).toordinal() + 5 * n
        for _ in range(4 + n % 9):
            rows.append({"Kundennr": f"P{n}", "Beginn": at, "Gültig bis": at + 30, "Storno": flag[1]})
            at += 30
        if n % 3 == 0:
            rows.append({"Kundennr": f"P{n}", "Beginn": at, "Gültig bis": at, "Storno": flag[0]})
    day: Cell = lambda number: f"{date.fromordinal(number):%Y%m%d}"  # noqa: E731
    text = text_of(rows, ";", cells={"Beginn": day, "Gültig bis": day})

    _, path = init(tmp_path, {"Policen.csv": text})
    store = stored(path)

    assert load_params(path).label.kind == "contract"
    assert store.n_customers == 50
    assert store.tables["subscriptions"].first_day == day_number(date(2023, 1, 1))
    assert dict(store.tables["subscriptions"].rejects) == {}


@pytest.mark.parametrize(
    ("people", "table"),
    [
        (
            {
                "Kunden.csv": text_of(
                    [{"Kundennummer": r["customer_id"], "Angelegt am": "15.03.2024"} for r in customers()],
                    ";",
                ),
                "Bestellungen.csv": text_of(ORDERS, ";", GERMAN, {"amount": german}),
            },
            "Bestellungen",
        ),
        (
            {
                "customers.csv": text_of([{**r, "signed_up_at": "2024-03-15"} for r in customers()]),
                "orders.jsonl": lines(ORDERS),
            },
            "orders",
        ),
    ],
    ids=["German", "JSON lines"],
)
def test_a_migrated_sign_up_is_named_with_the_rows_before_it(
    tmp_path: Path, people: Files, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    init(tmp_path, people)

    n_early = sum(row["ordered_at"] < datetime(2024, 3, 15) for row in ORDERS)
    words = f"{n_early:,} of {len(ORDERS):,} rows of {table} lie before the sign-up"
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "in_sql"), [("month", "month"), ("Monat", "Monat"), ("per month", '"per month"')]
)
def test_a_table_of_months_is_read_with_a_warning_about_the_day_of_its_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, in_sql: str
) -> None:
    months = [(year, month) for year in (2022, 2023) for month in range(1, 13)]
    rows = [
        {"customer_id": f"C{n}", name: f"{year}-{month:02}", "revenue": 20 + n}
        for n in range(40)
        for year, month in months[: 12 + n % 12]
    ]

    code, path = init(tmp_path, {"panel.csv": text_of(rows)})

    (warning,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert code == 0
    assert f"{name} holds months without days" in warning
    assert f"known_at: strptime({in_sql}, '%Y-%m') + interval 1 month" in warning
    (table,) = [table for name, table in stored(path).tables.items() if name != "customers"]
    assert (table.rows, table.first_day) == (len(rows), day_number(date(2022, 1, 1)))


def test_money_in_an_unknown_notation_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = shop(amount=lambda x: f"about {x:.2f} or so")

    code, _ = init(tmp_path, files)

    (warning,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert code == 0
    assert "amount (about " in warning
    assert "holds money, but in a notation that is not known here" in warning
