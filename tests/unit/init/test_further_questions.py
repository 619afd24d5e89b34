"""Exports with two readings are questions, and exports that cannot be read are refused with the reason."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import pytest

from pipelines import cli
from tests.unit.init.further_exports import (
    CONTRACTS,
    GERMAN,
    ORDERS,
    PEOPLE,
    Files,
    customers,
    init,
    lines,
    number_of,
    shop,
    split,
    text_of,
    uuid_of,
    when,
    with_ids,
)

pytestmark = pytest.mark.long

AMBIGUOUS = [row for row in ORDERS if row["ordered_at"].day <= 12]
ASKED: dict[str, tuple[Files, list[str]]] = {
    "slashes in JSON lines": (
        {
            "orders.jsonl": lines(
                [{**row, "ordered_at": f"{row['ordered_at']:%d/%m/%Y %H:%M}"} for row in AMBIGUOUS]
            )
        },
        ["tables.orders.time_format", "'%d/%m/%Y %H:%M'", "'%m/%d/%Y %H:%M'"],
    ),
    "contracts with dashes": (
        {
            "contracts.tsv": text_of(
                [{"contract_id": n, **row} for n, row in enumerate(CONTRACTS)
                 if row["started_at"].day <= 12 and (row["ended_at"] is None or row["ended_at"].day <= 12)],
                "\t",
                cells={"started_at": when("%d-%m-%Y"), "ended_at": lambda at: f"{at:%d-%m-%Y}" if at else ""},
            )
        },
        ["tables.subscriptions.time_format", "'%d-%m-%Y'", "'%m-%d-%Y'"],
    ),
    "two currencies": (
        shop(amount=lambda x: f"{'€' if int(x) % 2 else '$'}{x:.2f}"),
        ["columns.amount", "several currencies (€, $)"],
    ),
    "thousands of dollars": (
        shop(amount=lambda x: f"${1000 + int(100 * x):,}"),
        ["columns.amount", "thousands and decimals cannot be told apart"],
    ),
    "a monthly price with points": (
        {"subscriptions.csv": text_of(CONTRACTS, cells={"mrr": lambda x: f"1.0{x}"})},
        ["columns.mrr", "1.029 is 1029", "1.029 is 1.029"],
    ),
    "a copy": (split("orders", "orders - Kopie", ORDERS[::2]), ["values of order_no are in more than one"]),
    "a backup folder": (
        {**shop(), "backup/orders.csv": text_of(ORDERS)},
        ["orders, backup have the same columns", "values of order_no are in more than one"],
    ),
    "an archive": (split("orders", "orders_archive"), ["orders, orders_archive have the same columns"]),
    "countries": (split("orders_de", "orders_at"), ["orders_at, orders_de have the same columns"]),
    "channels": (split("online_orders", "store_orders"), ["online_orders, store_orders have the same"]),
    "names that say nothing": (split("webshop", "filiale"), ["filiale, webshop have the same columns"]),
    "halves of a year": (
        split("Umsätze Januar bis Juni", "Umsätze Juli bis Dezember"),
        ["Umsätze Januar bis Juni, Umsätze Juli bis Dezember have the same columns"],
    ),
    "customers by country": (
        {
            "customers_de.csv": text_of(customers()[::2]),
            "customers_at.csv": text_of(customers()[1::2]),
            "orders.csv": text_of(ORDERS),
        },
        ["tables.customers.query", "customers_at, customers_de have the same columns"],
    ),
    "days of a spreadsheet beside another time": (
        {
            **PEOPLE,
            "orders.csv": text_of(
                [
                    {
                        "customer_id": row["customer_id"],
                        "order_date": (row["ordered_at"] - datetime(1899, 12, 30)).days,
                        "shipped": row["ordered_at"].date(),
                        "amount": row["amount"],
                    }
                    for row in ORDERS
                ]
            ),
        },
        ["tables.orders.time_format", "order_date is the time of a row by its name"],
    ),
    "a day in words beside another time": (
        {
            **PEOPLE,
            "orders.csv": text_of([
                {"customer_id": r["customer_id"], "Order Date": f"{r['ordered_at']:%A %d %B %Y}",
                 "shipped": r["ordered_at"].date(), "amount": r["amount"]} for r in ORDERS
            ]),
        },
        ["tables.orders.time_format", "Order Date is the time of a row by its name"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_an_export_with_two_readings_is_a_question_that_stops_the_check(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files, words = ASKED[name]
    code, path = init(tmp_path, files)
    drafted = capsys.readouterr().err

    stopped = cli.main("check", ["--params", str(path)])

    message = capsys.readouterr().err
    assert (code, stopped) == (0, 10)
    assert "without it `churn check` stops" in drafted
    assert all(word in message for word in words), message


def rounded(customer: str) -> str:
    return f"{45_000_000_000_000 + number_of(customer):.5E}".replace(".", ",")


REFUSED: dict[str, tuple[Files, list[str]]] = {
    "a month in words": (shop(ordered_at=when("%d. %B %Y")), ["ordered_at (", "time_format"]),
    "eBay's dates": (shop(ordered_at=when("%b-%d-%y")), ["ordered_at (Apr-", "time_format"]),
    "days of a spreadsheet": (
        shop(ordered_at=lambda at: (at - datetime(1899, 12, 30)).days),
        ["ordered_at (449", "time_format"],
    ),
    "another prefix": (
        with_ids(str, lambda c: f"CUST-{c}"),
        ["customer_id (CUST-C1000)", "(customers) spells the ids in another way: customer_id (C1000)"],
    ),
    "UUIDs in braces": (with_ids(uuid_of, lambda c: "{" + uuid_of(c) + "}"), ["spells the ids in another"]),
    "rounded ids with a comma": (
        {
            "Kunden.csv": text_of(customers(), ";", cells={"customer_id": rounded}),
            "Bestellungen.csv": text_of(ORDERS, ";", names=GERMAN, cells={"customer_id": rounded}),
        },
        ["a spreadsheet has rounded its ids", "4,50000E+13"],
    ),
    "rounded ids in JSON lines": (
        {"orders.jsonl": lines([{**r, "customer_id": 1.5e19 + 1e5 * number_of(r["customer_id"])}
                                for r in ORDERS])},
        ["a spreadsheet has rounded its ids"],
    ),
    "ends that are no times": (
        {
            "subscriptions.csv": text_of(
                [{"id": n, **row, "ended_at": f"week {n}"} for n, row in enumerate(CONTRACTS)]
            )
        },
        ["no column has the times at which they ended", "ended_at (week 0)"],
    ),
    "two tables in a folder": (
        {"export/customers.csv": text_of(customers()), "export/orders.csv": text_of(ORDERS)},
        ["the files of the folder export do not have the same columns", "customers.csv: customer_id"],
    ),
    "two tables of events in a folder": (
        {
            **shop(),
            "data/logins.csv": text_of([{"customer_id": "C1000", "happened_at": "2023-05-05"}]),
            "data/tickets.csv": text_of([{"customer_id": "C1", "opened_at": "2023-05-05", "topic": "x"}]),
        },
        ["the files of the folder data do not have the same columns"],
    ),
    "UTF-16 without a mark": (
        {**shop(), "customers.csv": text_of(customers()).encode("utf-16-le")},
        ["customers.csv is not UTF-8", "encoding UTF-16"],
    ),
    "an old Mac": (
        {
            "orders.csv": text_of(ORDERS),
            "customers.csv": text_of([{**row, "country": "Österreich"} for row in customers()]).encode(
                "mac_roman"
            ),
        },
        ["customers.csv is not UTF-8 (line 2, byte 0x85)", "encoding"],
    ),
    "packed Windows-1252": (
        {
            "orders.csv": text_of(ORDERS),
            "customers.csv.gz": gzip.compress(
                text_of(customers(), names={"country": "Länder"}).encode("cp1252")
            ),
        },
        ["customers.csv.gz is not UTF-8", "encoding"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_export_that_cannot_be_read_is_refused_with_the_reason(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files, words = REFUSED[name]

    code, path = init(tmp_path, files)

    message = capsys.readouterr().err
    assert code == 11
    assert not path.exists()
    assert all(word in message for word in words), message
