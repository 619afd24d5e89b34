"""Tables of contracts are drafted with their start and their end, in the columns that exports have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from churn.data.ingest.ingest import ingest
from churn.params import load_params
from pipelines import cli
from tests.cases import case
from tests.unit.init.exports import draft, write_tables

Row = dict[str, Any]

LAST = datetime(2024, 6, 30)
"""The day of the exports."""


def contracts(row: Callable[[int, datetime, datetime | None, datetime], Row]) -> list[Row]:
    """Draw contracts of thirty days each, renewed once or more; two in three have ended.

    Args:
        row: Returns a row of the export from a contract's number, its start, its end (None while it runs) and
            the start of its current billing period.
    """
    rows = []
    for n in range(90):
        start = datetime(2022, 3, 1) + timedelta(days=5 * n, minutes=7 * n)
        end = start + timedelta(30 * (1 + n % 7)) if n % 3 else None
        period = (end or LAST - timedelta(n % 29)) - timedelta(30 if end else 0)
        rows.append(row(n, start, end, period))
    return rows


def text(time: datetime | None, time_format: str = "%Y-%m-%d %H:%M:%S") -> str:
    return time.strftime(time_format) if time else ""


def chargebee(n: int, start: datetime, end: datetime | None, period: datetime) -> Row:
    return {
        "subscriptions.id": f"Az{n}",
        "subscriptions.customer_id": f"C{n}",
        "subscriptions.plan_id": ("basic", "pro")[n % 2],
        "subscriptions.status": "cancelled" if end else "active",
        "subscriptions.current_term_start": text(period),
        "subscriptions.next_billing_at": "" if end else text(period + timedelta(30)),
        "subscriptions.created_at": text(start),
        "subscriptions.started_at": text(start),
        "subscriptions.cancelled_at": text(end),
    }


def paddle(n: int, start: datetime, end: datetime | None, period: datetime) -> Row:
    iso = "%Y-%m-%dT%H:%M:%SZ"
    return {
        "id": f"sub_{n}",
        "status": "canceled" if end else "active",
        "customer_id": f"ctm_{n}",
        "created_at": text(start, iso),
        "updated_at": text(period, iso),
        "started_at": text(start, iso),
        "next_billed_at": "" if end else text(period + timedelta(30), iso),
        "canceled_at": text(end, iso),
        "current_billing_period_starts_at": "" if end else text(period, iso),
    }


def recurly(n: int, start: datetime, end: datetime | None, period: datetime) -> Row:
    zone = "%Y-%m-%d %H:%M:%S UTC"
    return {
        "subscription_id": f"4a{n}",
        "account_code": f"acc{n}",
        "plan_code": ("gold", "silver")[n % 2],
        "state": "expired" if end else "active",
        "activated_at": text(start, zone),
        "canceled_at": text(end - timedelta(9), zone) if end else "",
        "expires_at": text(end, zone),
        "current_period_started_at": text(period, zone),
    }


PROVIDERS: Mapping[str, tuple[Any, str, Mapping[str, str]]] = {
    "Chargebee": (
        chargebee,
        "Subscriptions",
        {"started_at": "subscriptions.started_at", "ended_at": "subscriptions.cancelled_at"},
    ),
    "Paddle": (paddle, "subscriptions", {"ended_at": "canceled_at"}),
    "Recurly": (
        recurly,
        "subscriptions_export",
        {"started_at": "activated_at", "ended_at": "expires_at", "cancel_requested_at": "canceled_at"},
    ),
}


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_export_of_a_payment_provider_holds_contracts(tmp_path: Path, name: str) -> None:
    row, table, columns = PROVIDERS[name]

    drafted = draft(write_tables(tmp_path, {table: contracts(row)}))

    (entry,) = drafted.tables
    assert entry.name == "subscriptions"
    mapped = entry.body["columns"]
    times = ("started_at", "ended_at", "cancel_requested_at", "renews_at")
    assert {key: mapped[key] for key in times if key in mapped} == columns
    assert drafted.label.body["kind"] == "contract"
    assert drafted.label.snapshot["watermark"] == LAST.date()


@pytest.mark.slow
def test_stripes_export_is_read_as_contracts_and_passes_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "params.yaml"
    source = str(case("payment-provider-subscriptions"))
    assert cli.main("init", ["--params", str(path), "--source", source]) == 0

    code = cli.main("check", ["--params", str(path)])

    mapped = load_params(path).tables["subscriptions"].columns
    assert (mapped["started_at"], mapped["ended_at"]) == ("Start (UTC)", "Ended At (UTC)")
    assert "0 say stop, 0 warn" in "".join(capsys.readouterr())
    assert code == 0


def test_a_cancellation_after_which_a_contract_runs_on_is_not_its_end(tmp_path: Path) -> None:
    def row(n: int, start: datetime, end: datetime | None, period: datetime) -> Row:
        export_row = paddle(n, start, end, period)
        return export_row | ({"status": "active"} if n % 6 == 1 else {})

    source = write_tables(tmp_path, {"subscriptions": contracts(row)})
    events = [{"customer_id": f"ctm_{n % 90}", "used_at": f"2024-0{n % 6 + 1}-03"} for n in range(400)]
    (source / "usage.csv").write_text(
        "\n".join(["customer_id,used_at", *(",".join(event.values()) for event in events)]) + "\n"
    )

    drafted = draft(source)

    assert drafted.label.body["kind"] == "inactivity"
    notes = [reason for _, reason in drafted.unused_tables]
    notes += [note for entry in (*drafted.tables, *drafted.events) for note in entry.notes]
    assert any("canceled_at is not read as the end, as 15 rows with it still run" in note for note in notes)


def test_a_renewal_that_ended_contracts_have_too_is_used(tmp_path: Path) -> None:
    def row(n: int, start: datetime, end: datetime | None, period: datetime) -> Row:
        return paddle(n, start, end, period) | {"next_billed_at": text(start + timedelta(30))}

    drafted = draft(write_tables(tmp_path, {"subscriptions": contracts(row)}))

    assert drafted.tables[0].body["columns"]["renews_at"] == "next_billed_at"


def test_the_contracts_of_an_export_are_stored_with_their_ends(tmp_path: Path) -> None:
    source = write_tables(tmp_path, {"subscriptions": contracts(chargebee)})
    path = tmp_path / "params.yaml"
    cli.main("init", ["--params", str(path), "--source", str(source)])

    store = ingest(load_params(path), lambda _: None)

    stored = store.tables["subscriptions"]
    assert (stored.rows, stored.missing["ended_at_day"], dict(stored.rejects)) == (90, 30, {})


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("Amount", "Amount is not used, as its period is not certain (Interval says month and year)"),
        ("Fee", None),  # the name of a monthly price
        ("Seats", None),
    ],
)
def test_an_amount_whose_period_is_not_certain_is_named_and_not_used(
    tmp_path: Path, name: str, note: str | None
) -> None:
    rows = [
        row | {name: 10.5 + n % 3, "Interval": ("month", "year")[n % 2]}
        for n, row in enumerate(contracts(paddle))
    ]

    (entry,) = draft(write_tables(tmp_path, {"subscriptions": rows})).tables

    notes = [text for text in entry.notes if "map mrr" in text]
    assert [text.partition(":")[0] for text in notes] == ([note] if note else [])
