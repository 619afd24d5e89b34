"""A log of payments up to an expiry is drafted as contracts; rows that cancel are ends, not contracts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from churn.data.ingest.ingest import ingest
from churn.data.store import Store
from churn.init.cancel_rows import says_cancelled
from churn.params import load_params
from pipelines import cli
from tests.cases import case
from tests.unit.init.exports import draft, ingest_draft, write_tables

Row = dict[str, str]


def periods(row: Callable[[int, date, date, bool], Row], cancel_days: int = 12) -> list[Row]:
    """Draw sixty customers, who pay for thirty days one to six times; every second of them cancels.

    Args:
        row: Returns a row of the export from a customer's number, its day, its expiry and whether it cancels.
        cancel_days: The days from the last payment to the cancellation.
    """
    rows = []
    for n in range(60):
        day = date(2023, 9, 1) + timedelta(3 * n)
        for _ in range(1 + n % 6):
            rows.append(row(n, day, day + timedelta(30), False))
            day += timedelta(30)
        if n % 2:
            cancelled = day - timedelta(30 - cancel_days)
            rows.append(row(n, cancelled, cancelled + timedelta(1), True))
    return rows


def german(n: int, day: date, expiry: date, cancels: bool) -> Row:
    return {
        "Kunde": f"K{n}",
        "Buchungsdatum": f"{day:%d.%m.%Y}",
        "bezahlt bis": f"{expiry:%d.%m.%Y}",
        "Vorgang": "Kündigung" if cancels else "Zahlung",
        "Betrag": "9,90",
    }


def passes(n: int, day: date, expiry: date, cancels: bool) -> Row:
    return {
        "member_id": f"M{n}",
        "created_at": str(day),
        "valid_until": str(expiry),
        "is_cancellation": str(cancels).lower(),
    }


def contract_lengths(store: Store) -> list[tuple[int, int]]:
    """Return the lengths of the contracts in days, each with the number of contracts."""
    rows = store.scan("subscriptions")
    with store.connect() as connection:
        return connection.execute(
            f"SELECT ended_at_day - day AS days, count(*) FROM {rows} GROUP BY 1 ORDER BY 1"
        ).fetchall()


@pytest.mark.slow
def test_transactions_with_an_expiry_are_contracts_and_their_cancel_rows_are_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "params.yaml"
    source = str(case("yyyymmdd-transactions"))
    assert cli.main("init", ["--params", str(path), "--source", source]) == 0

    store = ingest(load_params(path), lambda _: None)

    contracts = store.tables["subscriptions"]
    assert (contracts.rows, contracts.customers, dict(contracts.rejects)) == (2_224, 250, {})
    assert not contracts.missing.get("ended_at_day")
    assert load_params(path).label.kind == "contract"
    told = capsys.readouterr().err
    assert "5 of 2,297 rows of transactions are left out" in told
    assert "such as 19700101" in told
    assert "the 68 rows where is_cancel says cancelled are no contracts" in path.read_text()


@pytest.mark.parametrize(("table", "row"), [("Buchungen", german), ("payments", passes)])
def test_a_cancel_row_ends_the_contract_before_it(
    tmp_path: Path, table: str, row: Callable[[int, date, date, bool], Row]
) -> None:
    source = write_tables(tmp_path, {table: periods(row)})
    path = tmp_path / "params.yaml"
    assert cli.main("init", ["--params", str(path), "--source", str(source)]) == 0

    store = ingest(load_params(path), lambda _: None)

    assert contract_lengths(store) == [(13, 30), (30, 180)]


@pytest.mark.parametrize(
    ("key", "spelling", "cancel_spelling"),
    [("email", "u{}@x.de", "U{}@x.de"), ("email", "u{}@x.de", "u{}@x.de "), ("member_id", "M{}", "M{} ")],
    ids=["address in capitals", "address with a blank", "id with a blank"],
)
def test_a_cancel_row_ends_the_contract_of_an_id_in_another_spelling(
    tmp_path: Path, key: str, spelling: str, cancel_spelling: str
) -> None:
    rows = periods(
        lambda n, day, expiry, cancels: {
            key: (cancel_spelling if cancels else spelling).format(n),
            "created_at": str(day),
            "valid_until": str(expiry),
            "is_cancellation": str(cancels).lower(),
        }
    )

    store = ingest_draft(write_tables(tmp_path, {"payments": rows}), tmp_path / "home")

    assert contract_lengths(store) == [(13, 30), (30, 180)]


@pytest.mark.parametrize(
    "word",
    [
        *(
            "not cancelled",
            "Not yet cancelled",
            "notCancelled",
            "no cancellation",
            "un-cancel",
            "Undo cancel",
        ),
        *("cancellation withdrawn", "cancel revoked", "cancellation reversed", "cancellation rejected"),
        *("reactivated after cancel", "cancellation: no", "cancellation cancelled", "nicht gekündigt"),
        *("keine Kündigung", "Kündigung zurückgenommen", "Rücknahme der Kündigung", "Kündigung abgelehnt"),
        *("Kündigung widerrufen", "Storno der Kündigung", "Kündigung storniert", "Kündigung: nein"),
    ],
)
def test_a_word_that_takes_a_cancellation_back_is_no_cancellation(word: str) -> None:
    assert not says_cancelled(word, is_flag=False)
    assert not says_cancelled(word, is_flag=True)


@pytest.mark.parametrize(
    "word",
    [
        *("cancel", "Cancelled", "subscription cancelled", "cancelled: no payment", "terminated"),
        *("cancelled - payment failed", "cancelled, not renewed", "cancellation confirmed", "Storno"),
        *("Kündigung", "gekündigt", "Vertrag gekündigt (ohne Frist)", "Zahlung nicht erfolgt, gekündigt"),
        *("Kündigung, Betrag zurückgezahlt", "abbestellt"),
    ],
)
def test_a_word_of_cancellation_with_its_reason_is_a_cancellation(word: str) -> None:
    assert says_cancelled(word, is_flag=False)


def test_the_words_of_cancellations_are_listed_and_a_withdrawn_one_cancels_nothing(tmp_path: Path) -> None:
    def row(n: int, day: date, expiry: date, cancels: bool) -> Row:
        word = "Kündigung" if cancels else ("Zahlung", "Kündigung zurückgenommen")[day.day % 2]
        return german(n, day, expiry, cancels) | {"Vorgang": word}

    source = write_tables(tmp_path, {"Buchungen": periods(row)})

    (entry,) = draft(source).tables
    notes = "\n".join(entry.notes)
    assert "the 30 rows where Vorgang says cancelled ('Kündigung') are no contracts" in notes
    assert "'Kündigung zurückgenommen' is not read as a cancellation" in notes
    assert contract_lengths(ingest_draft(source, tmp_path / "home")) == [(13, 30), (30, 180)]


def test_rows_without_an_expiry_still_run_and_are_a_warning(tmp_path: Path) -> None:
    rows = [entry for entry in periods(passes) if entry["is_cancellation"] == "false"]
    rows[-1]["valid_until"] = ""

    (entry,) = draft(write_tables(tmp_path, {"payments": rows})).tables

    assert entry.body["from"] == "payments"
    assert entry.warnings == [
        "1 of 210 rows of payments have no valid_until: they are read as contracts that still run"
    ]


def test_contracts_that_were_cancelled_later_stay_contracts(tmp_path: Path) -> None:
    rows = periods(passes, cancel_days=30)

    drafted = draft(write_tables(tmp_path, {"passes": rows}))

    (entry,) = drafted.tables
    assert entry.body["from"] == "passes"
    assert "query" not in entry.body
    assert any("30 rows where is_cancellation says cancelled are read as contracts" in n for n in entry.notes)


def test_times_in_two_notations_are_a_warning_and_no_guess(tmp_path: Path) -> None:
    rows = [row | {"valid_until": row["valid_until"].replace("-", "")} for row in periods(passes)]

    drafted = draft(write_tables(tmp_path, {"payments": rows}))

    (warning,) = drafted.customers.warnings
    assert "contracts: a contract runs from the time in created_at to the time in valid_until. But" in warning
    assert "written in different ways" in warning


def order(n: int, day: date, _expiry: date, _cancels: bool) -> Row:
    return {"customer_id": f"C{n}", "order_date": str(day), "delivery_date": str(day + timedelta(29))}


def voucher(n: int, day: date, expiry: date, _cancels: bool) -> Row:
    bought = day + timedelta(11 * n % 19)
    return order(n, bought, expiry, False) | {
        "valid_until": str(bought + timedelta(60)),
        "amount": f"{n % 9}.5",
    }


def invoice(n: int, day: date, expiry: date, _cancels: bool) -> Row:
    return {"customer_id": f"C{n}", "invoiced_at": str(day), "due_date": str(expiry), "amount": "9.90"}


def session(n: int, day: date, _expiry: date, _cancels: bool) -> Row:
    return {"user_id": f"U{n}", "created_at": f"{day} 08:00:00", "expires_at": f"{day} 20:00:00"}


def login(n: int, day: date, expiry: date, _cancels: bool) -> Row:
    return {
        "user_id": f"U{n}",
        "logged_in_at": f"{day} 08:00:00",
        "session_expires_at": f"{expiry} 08:00:00",
    }


def login_with_plain_expiry(n: int, day: date, expiry: date, _cancels: bool) -> Row:
    return {"user_id": f"U{n}", "logged_in_at": f"{day} 08:00:00", "expires_at": f"{expiry} 08:00:00"}


def email(n: int, day: date, expiry: date, _cancels: bool) -> Row:
    return {
        "email_id": f"{n}-{day}",
        "customer_id": f"C{n}",
        "sent_at": f"{day} 08:00:00",
        "opened_at": f"{day} 09:00:00" if day.day % 2 else "",
        "offer_expires_at": f"{expiry} 08:00:00",
    }


def coupon(n: int, day: date, expiry: date, _cancels: bool) -> Row:
    return order(n, day, expiry, False) | {"amount": f"{n % 9}.5", "coupon_valid_until": str(expiry)}


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("orders", order),
        ("orders", voucher),
        ("orders", coupon),
        ("invoices", invoice),
        ("sessions", session),
        ("logins", login),
        ("logins", login_with_plain_expiry),
        ("emails", email),
    ],
)
def test_other_tables_with_a_second_time_are_no_log_of_contracts(
    tmp_path: Path, table: str, row: Callable[[int, date, date, bool], Row]
) -> None:
    drafted = draft(write_tables(tmp_path, {table: periods(row)}))

    entries = [*drafted.tables, *drafted.events]
    assert "subscriptions" not in [entry.name for entry in entries]
    assert drafted.label.body["kind"] == "inactivity"
    assert not [warning for entry in (drafted.customers, *entries) for warning in entry.warnings]


@pytest.mark.parametrize(
    ("table", "row", "expiry"),
    [("orders", coupon, "coupon_valid_until"), ("logins", login_with_plain_expiry, "expires_at")],
)
def test_a_table_that_only_behaves_like_contracts_gets_a_note(
    tmp_path: Path, table: str, row: Callable[[int, date, date, bool], Row], expiry: str
) -> None:
    (entry,) = draft(write_tables(tmp_path, {table: periods(row)})).tables

    assert entry.name == table
    assert any(f"near the {expiry} of the row before" in note for note in entry.notes)


@pytest.mark.parametrize(
    ("table", "expiry"),
    [
        ("payments", "membership_expire_date"),
        ("payments", "current_period_end"),
        ("Zahlungen", "Vertrag gültig bis"),
        ("season_ticket_subscriptions", "gold_until"),
    ],
)
def test_an_expiry_with_the_name_of_a_contract_shows_contracts(
    tmp_path: Path, table: str, expiry: str
) -> None:
    rows = [
        {"customer_id": row["member_id"], "paid_on": row["created_at"], expiry: row["valid_until"]}
        for row in periods(passes)
    ]

    (entry,) = draft(write_tables(tmp_path, {table: rows})).tables

    assert (entry.name, entry.body["columns"]["ended_at"]) == ("subscriptions", expiry)
