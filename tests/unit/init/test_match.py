"""The columns of a source by their canonical names: a share is not taken for an amount of money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from churn.errors import ParamsError
from churn.init.match import Match, matches
from churn.init.match_notes import result_warnings
from churn.init.params_file import params_text
from churn.init.profile import profile_table
from churn.params import load_params
from pipelines import cli
from tests.unit.init import exports

SHARES = [0.05, 0.1, 0.25, 0.5]
MONEY = [9.9, 19.5, 250.0, 8.0]
CENTS = [0.5, 0.25, 12.0, 0.0]
PERCENTS = [5.0, 10.0, 25.0, 50.0]


def match_of(name: str, columns: Mapping[str, Sequence[float]], time: str = "ordered_at") -> Match:
    """Return the best match of a table with 80 rows of twenty customers."""
    numbers = ", ".join(f'{list(values)}[1 + i % {len(values)}] AS "{c}"' for c, values in columns.items())
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE {name} AS SELECT 'U' || i % 20 AS customer_id, DATE '2024-01-01' + i::INTEGER "
            f"AS {time}, {numbers} FROM range(80) AS rows(i)"
        )
        table = profile_table(connection, name, name, "duckdb", date(2026, 1, 1))
        scores = list(matches(connection, table, table.columns[0]))
        return max(scores, key=lambda scored: scored[0])[1]


@pytest.mark.parametrize(
    ("name", "time", "columns", "used"),
    [
        ("orders", "ordered_at", {"amount": SHARES, "revenue": MONEY}, {"amount": "revenue"}),
        ("orders", "ordered_at", {"total": SHARES, "net_value": CENTS}, {"amount": "net_value"}),
        ("payments", "due_at", {"amount": SHARES, "betrag": MONEY}, {"amount": "betrag"}),
        ("orders", "ordered_at", {"amount": MONEY, "discount": SHARES}, {"amount": "amount"}),
        ("orders", "ordered_at", {"amount": MONEY, "discount_pct": PERCENTS}, {"amount": "amount"}),
        ("orders", "ordered_at", {"amount": MONEY, "Discount %": PERCENTS}, {"amount": "amount"}),
        ("orders", "ordered_at", {"umsatz": MONEY, "rabatt_prozent": PERCENTS}, {"amount": "umsatz"}),
    ],
)
def test_a_share_is_not_used_as_money(
    name: str, time: str, columns: dict[str, list[float]], used: dict[str, str]
) -> None:
    match = match_of(name, columns, time)

    assert {
        key: column.name for key, column in match.columns.items() if key in ("amount", "discount")
    } == used
    assert all(column.question is None for column in match.columns.values())
    assert any("share" in note for note in match.notes)


@pytest.mark.parametrize(
    "columns",
    [
        {"amount": MONEY, "discount": [0.0, 1.5, 0.2]},
        {"amount": CENTS},
        {"amount": [1.0, 0.0]},
        {"price": SHARES, "units": [100.0, 250.0]},
    ],
)
def test_money_of_small_amounts_is_used_without_a_word(columns: dict[str, list[float]]) -> None:
    match = match_of("orders", columns)

    used_names = {match.columns[key].name for key in ("amount", "units", "discount") if key in match.columns}
    assert used_names == set(columns)
    assert all(column.question is None for column in match.columns.values())
    assert not match.notes


@pytest.mark.parametrize("values", [SHARES, [0.0, 0.5], [0.333, 1.0, 0.25]])
def test_a_share_that_is_the_only_amount_is_a_question(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], values: list[float]
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    lines = [f"U{n % 9},2023-{n % 12 + 1:02}-{n % 27 + 1:02},{values[n % len(values)]}" for n in range(90)]
    (raw / "orders.csv").write_text("\n".join(["user_id,order_date,amount", *lines]) + "\n")
    path = tmp_path / "params.yaml"

    assert cli.main("init", ["--params", str(path), "--source", str(raw)]) == 0

    assert "columns.amount" in "".join(capsys.readouterr())
    with pytest.raises(ParamsError, match=r"columns\.amount.*as shares do: write"):
        load_params(path)


@pytest.mark.parametrize(
    ("table", "columns", "expected"),
    [
        ("season_tickets", "day AS started, day + 365 AS valid_until", "subscriptions"),
        ("tickets", "day AS valid_from, day + 30 AS valid_to", "subscriptions"),
        ("dauertickets", "day AS beginn, day + 365 AS gueltig_bis", "subscriptions"),
        ("tickets", "day AS opened_at, day + 3 AS closed_at", "tickets"),
        ("support_tickets", "day AS created_at, day + 3 AS snoozed_until", "tickets"),
    ],
)
def test_tickets_that_are_valid_until_a_day_are_no_support_tickets(
    table: str, columns: str, expected: str
) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE {table} AS SELECT 'U' || i % 20 AS customer_id, {columns} "
            "FROM (SELECT i, DATE '2024-01-01' + i::INTEGER AS day FROM range(80) AS rows(i))"
        )
        profile = profile_table(connection, table, table, "duckdb", date(2026, 1, 1))
        scores = list(matches(connection, profile, profile.columns[0]))

    assert max(scores, key=lambda scored: scored[0])[1].name == expected


@pytest.mark.parametrize(
    ("table", "columns", "expected"),
    [
        (
            "subscriptions",
            "day AS started_at, day + 90 AS ended_at, day + 9 AS paused_on, day + 19 AS resumed_on",
            {"paused_at": "paused_on", "resumed_at": "resumed_on"},
        ),
        (
            "vertraege",
            "day AS beginn, day + 90 AS ende, day + 9 AS pausiert_am, day + 19 AS fortgesetzt_am",
            {"paused_at": "pausiert_am", "resumed_at": "fortgesetzt_am"},
        ),
        (
            "tickets",
            "day AS opened_at, day + 3 AS closed_at, day + 1 AS sla_date",
            {"due_at": "sla_date"},
        ),
    ],
)
def test_pauses_of_contracts_and_promises_of_support_are_recognised(
    table: str, columns: str, expected: dict[str, str]
) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE {table} AS SELECT 'U' || i % 20 AS customer_id, {columns} "
            "FROM (SELECT i, DATE '2024-01-01' + i::INTEGER AS day FROM range(80) AS rows(i))"
        )
        profile = profile_table(connection, table, table, "duckdb", date(2026, 1, 1))
        match = max(matches(connection, profile, profile.columns[0]), key=lambda scored: scored[0])[1]

    assert {name: match.columns[name].name for name in expected} == expected


@pytest.mark.parametrize(
    ("name", "time", "columns", "expected"),
    [
        ("consents", "given_at", {"channel": ["phone"], "purpose": ["marketing"]}, "consents"),
        ("einwilligungen", "erteilt_am", {"kanal": ["phone", "sms"], "zweck": ["werbung"]}, "consents"),
        ("contacts", "contacted_at", {"play": ["call"], "result": ["done", "declined"]}, "contacts"),
        ("kontakte", "kontaktiert_am", {"Maßnahme": ["Anruf"], "kontaktkosten": [4.2, 5.0]}, "contacts"),
        ("kontakte", "angelegt_am", {"ort": ["Bonn", "Ulm"]}, "kontakte"),  # these are persons
        ("contacts", "created_at", {"city": ["Bonn", "Ulm"]}, "contacts_rows"),  # these are persons
        ("loyalty_events", "happened_at", {"kind": ["earn", "redeem"], "points": [5.0, 7.0]}, "loyalty"),
        (
            "loyalty_events",
            "happened_at",
            {"kind": ["Gutschrift", "Einlösung"], "points": [5.0, 7.0]},
            "loyalty_events",  # ingest would reject these rows: the kinds need a mapping
        ),
        ("loyalty_members", "created_at", {"city": ["Bonn", "Ulm"]}, "loyalty_members"),
    ],
)
def test_consents_contacts_and_loyalty_are_known_by_their_columns(name, time, columns, expected) -> None:
    assert match_of(name, columns, time).name == expected


@pytest.mark.parametrize(
    ("results", "warnings"),
    [
        (["done", "No_answer", "declined"], []),
        (
            ["erledigt", "nicht erreicht", "done"],
            [
                "ergebnis holds erledigt and nicht erreicht, which count as done: map result to SQL that "
                "translates them to done, no answer, declined, snoozed, such as case ergebnis when "
                "'erledigt' then '…' when 'nicht erreicht' then '…' end"
            ],
        ),
    ],
)
def test_results_of_contacts_in_other_words_come_with_a_warning(
    results: Sequence[str], warnings: Sequence[str]
) -> None:
    words = ", ".join(f"'{result}'" for result in results)
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE contacts AS SELECT 'U' || i % 20 AS customer_id, DATE '2024-01-01' + i::INTEGER AS "
            f"contacted_at, 'call' AS play, [{words}][1 + i % {len(results)}] AS ergebnis "
            "FROM range(80) AS rows(i)"
        )
        table = profile_table(connection, "contacts", "contacts", "duckdb", date(2026, 1, 1))
        scores = list(matches(connection, table, table.columns[0]))
        match = max(scores, key=lambda scored: scored[0])[1]

        assert list(result_warnings(connection, match, "duckdb")) == warnings


@pytest.mark.parametrize(
    ("column", "days_late", "share_late", "days_of_others", "is_offered"),
    [
        ("posted_at", 3, 0.5, 0, True),
        ("booked_on", 9, 0.05, 0, True),
        ("posted_at", 0, 1.0, 0, False),
        ("posted_at", -3, 0.5, 0, False),
        ("posted_at", 3, 0.5, -3, False),
        ("posted_at", 3, 0.5, None, False),
        ("delivered_at", 3, 0.5, 0, False),
        ("due_date", 3, 0.5, 0, False),
        ("current_period_start", 3, 0.5, 0, False),
    ],
)
def test_a_second_clock_is_offered_as_known_at(
    tmp_path: Path,
    column: str,
    days_late: int,
    share_late: float,
    days_of_others: int | None,
    is_offered: bool,
) -> None:
    days = [days_late if n % 20 < 20 * share_late else days_of_others for n in range(20)]
    rows = [
        row | {column: None if days[n % 20] is None else row["ordered_at"] + timedelta(days[n % 20])}
        for n, row in enumerate(exports.orders(str))
    ]
    source = exports.write_tables(tmp_path, {"customers": exports.members(str), "orders": rows})

    text = params_text(exports.draft(source), str(source))

    offer = f"if rows come into the data at that time, map known_at: {column}"
    assert (offer in " ".join(text.replace("#", " ").split())) == is_offered
    assert "known_at" not in [line.split(":")[0].strip() for line in text.splitlines()]
