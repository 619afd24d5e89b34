"""Customers twice, customers who are missing, rows that came in late."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from churn.data.ingest.ingest import ingest
from churn.guards.context import open_context
from churn.guards.duplicates import duplicates
from churn.guards.late_rows import is_loading_name, late_rows
from churn.guards.survivors import dangling_histories, survivors
from churn.params import Params
from tests.cases import case
from tests.guard_companies import churners, draw_contracts, draw_table, findings_of, severities, stayers
from tests.unit.data.sources.test_folder import params_with

MONTHS = [f"2024-{month:02}-01" for month in range(2, 12)]


def moments(number: int, rows: int = 12) -> list[str]:
    """Return times that only customer `number` has."""
    return [
        f"2024-03-{n + 1:02} {number % 24:02}:{n * 4 + number // 24:02}:{number * 7 % 60:02}"
        for n in range(rows)
    ]


@pytest.mark.parametrize(
    ("copies", "rows", "expected"),
    [(6, 12, ["stop"]), (1, 12, ["warn"]), (0, 12, []), (6, 5, ["stop"]), (6, 4, [])],
    ids=["many", "one pair", "none", "histories of five rows", "histories of four rows"],
)
def test_customers_with_the_same_whole_history(
    tmp_path: Path, copies: int, rows: int, expected: list[str]
) -> None:
    people = stayers(300)
    logins = [(one, at) for n, one in enumerate(people) for at in moments(n, rows)]
    logins += [(f"copy{n}", at) for n in range(copies) for at in moments(n, rows)]

    found = findings_of(
        duplicates,
        tmp_path,
        subscriptions=draw_contracts([], [*people, *(f"copy{n}" for n in range(copies))]),
        logins=draw_table("customer | happened_at", logins),
    )

    assert [one.severity for one in found] == expected


@pytest.mark.parametrize(
    ("kept", "own", "expected"),
    [(12, 20, ["stop"]), (10, 2, ["stop"]), (6, 20, []), (3, 0, [])],
    ids=["the new id goes on", "the old id too", "half of the rows", "three rows"],
)
def test_an_id_that_holds_the_history_of_another_id(
    tmp_path: Path, kept: int, own: int, expected: list[str]
) -> None:
    """Six customers moved to a new system, with the rows that were kept there and rows of the new id."""
    people = stayers(300)
    logins = [(one, at) for n, one in enumerate(people) for at in moments(n)]
    logins += [(f"new{n}", at) for n in range(6) for at in moments(n)[:kept]]
    logins += [
        (f"new{n}", f"2024-08-{day + 1:02} 05:{n:02}:{day:02}") for n in range(6) for day in range(own)
    ]

    found = findings_of(
        duplicates,
        tmp_path,
        subscriptions=draw_contracts([], [*people, *(f"new{n}" for n in range(6))]),
        logins=draw_table("customer | happened_at", logins),
    )

    assert [one.severity for one in found] == expected


def test_newcomers_with_one_event_on_the_same_day_are_no_duplicates(tmp_path: Path) -> None:
    people = stayers(300)
    logins = [(one, at) for n, one in enumerate(people) for at in moments(n)]
    logins += [(f"new{n:03}", f"2024-06-{n % 5 + 1:02}") for n in range(150)]

    found = findings_of(
        duplicates,
        tmp_path,
        subscriptions=draw_contracts([], [*people, *(f"new{n:03}" for n in range(150))]),
        logins=draw_table("customer | happened_at", logins),
    )

    assert found == []


def test_agreed_prices_on_the_same_billing_days_make_no_duplicates(tmp_path: Path) -> None:
    """Each price is agreed with two or three customers only, and all of them pay on the first of a month."""
    bills = [(one, day, 10 + n % 130) for n, one in enumerate(stayers(300)) for day in MONTHS]

    found = findings_of(
        duplicates,
        tmp_path,
        subscriptions=draw_contracts([], stayers(300)),
        payments=draw_table("customer | due_at | amount", bills),
    )

    assert found == []


def test_mails_that_follow_the_sign_up_make_no_duplicates(tmp_path: Path) -> None:
    """Two customers sign up on each day, and get ten mails in the same order at the same hour."""
    people = stayers(200)
    mails = [
        (one, f"{date(2024, 2, 1) + timedelta(n // 2 + 7 * mail)} 09:00:00", f"mail {mail}")
        for n, one in enumerate(people)
        for mail in range(10)
    ]
    logins = [(one, at) for n, one in enumerate(people) for at in moments(n, 2)]

    found = findings_of(
        duplicates,
        tmp_path,
        subscriptions=draw_contracts([], people),
        emails=draw_table("customer | sent_at | campaign", mails),
        logins=draw_table("customer | happened_at", logins),
    )

    assert found == []


def test_players_of_some_common_matches_are_no_duplicates(tmp_path: Path) -> None:
    people = stayers(300)
    logins = [(one, at) for n, one in enumerate(people) for at in moments(n)]
    logins += [(one, at) for n, one in enumerate(people) for at in moments(400 + n // 2, 6)]

    found = findings_of(
        duplicates,
        tmp_path,
        subscriptions=draw_contracts([], people),
        logins=draw_table("customer | happened_at", logins),
    )

    assert found == []


def test_bills_of_the_same_days_make_no_duplicates(tmp_path: Path) -> None:
    bills = [(one, day, 9.5) for one in stayers(60) for day in MONTHS]

    found = findings_of(
        duplicates,
        tmp_path,
        subscriptions=draw_contracts([], stayers(60)),
        payments=draw_table("customer | due_at | amount", bills),
    )

    assert found == []


@pytest.mark.parametrize(
    ("strangers", "rows_each", "expected"),
    [(10, 10, ["stop"]), (3, 10, ["warn"]), (1, 10, []), (60, 1, [])],
    ids=["a join", "a few", "one", "stray rows"],
)
def test_histories_without_a_customer(
    tmp_path: Path, strangers: int, rows_each: int, expected: list[str]
) -> None:
    ids = [*stayers(90), *(f"lost{n}" for n in range(strangers))]
    logins = [(one, f"2024-03-{n + 1:02}") for one in stayers(90) for n in range(10)]
    logins += [(one, f"2024-03-{n + 1:02}") for one in ids[90:] for n in range(rows_each)]

    found = findings_of(
        dangling_histories,
        tmp_path,
        customers=draw_table("customer | signed_up_at", [(one, "2023-01-01") for one in stayers(90)]),
        subscriptions=draw_contracts([], stayers(90)),
        logins=draw_table("customer | happened_at", logins),
        params={"check": {"max_rejects": 0.5}},
    )

    assert [one.severity for one in found] == expected


def joined(months: list[int], same_age: bool) -> list[tuple[str, str, str | None]]:
    """List 60 who stay and four who leave in each of these months: id, sign-up, end."""
    people = [(one, None) for one in stayers(60)]
    people += [(f"g{m}-{n}", f"2024-{m:02}-1{n}") for m in months for n in range(4)]
    first, step = (date(2023, 10, 1), 0) if same_age else (date(2020, 1, 1), 13)
    return [(one, str(first + timedelta(step * (n * 37 % 97))), end) for n, (one, end) in enumerate(people)]


@pytest.mark.parametrize(
    ("months", "same_age", "expected"),
    [
        ([9, 10, 11], False, ["stop"]),  # those who left before September are gone from the tables
        (list(range(2, 12)), False, []),
        ([5, 6], False, []),  # one wave, long over
        ([9, 10, 11], True, []),  # all are as old as each other: contracts of a year end late
        ([], False, ["stop"]),  # nobody ever left
    ],
    ids=["survivors", "steady", "a wave", "contracts of a year", "nobody"],
)
def test_tables_of_survivors(tmp_path: Path, months: list[int], same_age: bool, expected: list[str]) -> None:
    people = joined(months, same_age)

    found = findings_of(
        survivors,
        tmp_path,
        customers=draw_table("customer | signed_up_at", [(one, began) for one, began, _ in people]),
        subscriptions=draw_table("customer | started_at | ended_at", people),
        cutoffs=MONTHS,
    )

    assert [one.severity for one in found] == expected


@pytest.mark.parametrize(
    ("each", "expected"),
    [(2, []), (8, ["stop"])],
    ids=["few churners, each in three windows", "many"],
)
def test_a_churner_in_three_label_windows_counts_once(tmp_path: Path, each: int, expected: list[str]) -> None:
    people = [(one, None) for one in stayers(60)]
    people += [(f"g{month}-{n}", f"2024-{month:02}-20") for month in range(7, 13) for n in range(each)]

    found = findings_of(
        survivors,
        tmp_path,
        label={"kind": "contract", "horizon_days": 92},
        customers=draw_table("customer | signed_up_at", [(one, "2020-01-01") for one, _ in people]),
        subscriptions=draw_table(
            "customer | started_at | ended_at", [(a, "2020-01-01", b) for a, b in people]
        ),
        cutoffs=MONTHS,
    )

    assert [one.severity for one in found] == expected


def test_a_young_shop_whose_first_customers_could_not_yet_leave_is_no_table_of_survivors(
    tmp_path: Path,
) -> None:
    """All customers of the case came within seven months; each stayed for two months or more."""
    columns = {"customer_id": "user_id", "ordered_at": "timestamp"}
    customers = "select user_id as customer_id, min(timestamp) as signed_up_at from events group by 1"
    tables = {"customers": {"query": customers}, "orders": {"from": "events", "columns": columns}}
    params = params_with(case("placeholder-ids"), tmp_path, tables, "orders")
    label = params.label.model_copy(update={"horizon_days": 60})
    store = ingest(params.model_copy(update={"label": label}), lambda _: None)
    cutoffs = [date(2023, month, 1) for month in (10, 11, 12)] + [date(2024, n, 1) for n in range(1, 7)]

    with open_context(store, [], cutoffs, tmp_path) as context:
        findings = list(survivors(context))

    assert findings == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["loaded_at", "ingestedAt", "_etl_ts", "date_imported", "posted_at", "Gebucht am"], True),
        (["update_count", "at", "uploaded_by", "created_by", "paid_at", "delivered_on"], False),
    ],
)
def test_a_name_says_when_a_row_was_written(names: list[str], expected: bool) -> None:
    assert {is_loading_name(name) for name in names} == {expected}


def logins_loaded(late: int, of: int, bulk: bool = False) -> str:
    rows = []
    for n in range(of):
        at = date(2024, 3, 1) + timedelta(n % 60)
        loaded = date(2024, 6, 1) if bulk else at + timedelta(5 if n < late else 0)
        rows.append(("ana", f"{at} 10:00", f"{loaded} 10:05"))
    return draw_table("customer | happened_at | loaded_at", rows)


@pytest.mark.parametrize(
    ("logins", "columns", "expected"),
    [
        (logins_loaded(20, 100), {}, [("logins", "stop")]),
        (logins_loaded(2, 100), {}, [("logins", "warn")]),
        (logins_loaded(0, 100), {}, []),
        (logins_loaded(0, 100, bulk=True), {}, []),
        (logins_loaded(20, 100), {"known_at": "loaded_at"}, []),
    ],
    ids=["many", "few", "none", "all at once", "mapped"],
)
def test_rows_that_came_in_late(
    tmp_path: Path, logins: str, columns: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    found = findings_of(
        late_rows,
        tmp_path,
        tables={"logins": {"columns": columns}},
        subscriptions=draw_contracts([], ["ana"]),
        logins=logins,
    )

    assert severities(found) == expected


def test_rows_that_came_in_late_are_seen_in_times_of_another_form(tmp_path: Path) -> None:
    head, *lines = logins_loaded(20, 100).strip().splitlines()
    german = re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\3.\2.\1", "\n".join(lines))

    found = findings_of(
        late_rows,
        tmp_path,
        tables={"logins": {"time_format": "%d.%m.%Y %H:%M"}},
        subscriptions=draw_contracts([], ["ana"]),
        logins=f"{head}\n{german}",
    )

    assert severities(found) == [("logins", "stop")]


def test_the_way_out_for_seconds_since_1970_gives_times(tmp_path: Path) -> None:
    head, *lines = logins_loaded(20, 100).strip().splitlines()
    rows = [line.rpartition("|") for line in lines]
    seconds = [
        f"{start}| {int(datetime.fromisoformat(f'{loaded.strip()}:00+00:00').timestamp())}"
        for start, _, loaded in rows
    ]
    logins = "\n".join([head, *seconds])
    company = {"subscriptions": draw_contracts([], ["ana"]), "logins": logins}

    (found,) = findings_of(late_rows, tmp_path / "before", tables={"logins": {}}, **company)
    known_at = re.search(r"known_at: (.*?)\. But if this column says", found.way_out)

    assert known_at is not None
    mapped = {"logins": {"columns": {"known_at": yaml.safe_load(known_at[1])}}}
    assert findings_of(late_rows, tmp_path / "after", tables=mapped, **company) == []


def test_the_way_out_for_seconds_in_a_database_is_in_its_own_sql(tmp_path: Path) -> None:
    pytest.importorskip("adbc_driver_sqlite")
    path = tmp_path / "company.sqlite"
    times = [datetime(2024, 3, 1, 10) + timedelta(n % 60) for n in range(100)]
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE customers AS SELECT 'ana' AS customer_id, '2023-01-01' AS signed_up_at"
        )
        connection.execute("CREATE TABLE logins (customer_id TEXT, happened_at TEXT, loaded_at INTEGER)")
        seconds = [int(at.replace(tzinfo=UTC).timestamp()) + 432_000 * (n < 20) for n, at in enumerate(times)]
        rows = [("ana", str(at), loaded) for at, loaded in zip(times, seconds, strict=True)]
        connection.executemany("INSERT INTO logins VALUES (?, ?, ?)", rows)
    params = Params.model_validate(
        {
            "source": f"sqlite:///{path}",
            "tables": {"customers": {}, "logins": {}},
            "label": {"kind": "inactivity", "table": "logins", "horizon_days": 31},
            "output": tmp_path / "output",
        }
    )

    (tmp_path / "scratch").mkdir()
    with open_context(ingest(params, lambda _: None), [], [], tmp_path / "scratch") as context:
        (finding,) = late_rows(context)

    assert "known_at: \"strftime('%Y-%m-%dT%H:%M:%SZ', loaded_at, 'unixepoch')\"" in finding.way_out


@pytest.mark.parametrize("name", ["loaded", "Loaded: at", "loaded at #2", "posted_at"])
def test_the_way_out_has_the_quotes_that_yaml_needs(tmp_path: Path, name: str) -> None:
    logins = logins_loaded(20, 100).replace("loaded_at", name)
    company = {"subscriptions": draw_contracts([], ["ana"]), "logins": logins}

    (finding,) = findings_of(late_rows, tmp_path, tables={"logins": {}}, **company)
    line = re.search(r"(known_at: .*?)\.( But if this column says|$)", finding.way_out)

    assert line is not None
    assert yaml.safe_load(line[1]) == {"known_at": name}


def test_leavers_copied_to_balance_the_classes_are_pointed_out(tmp_path: Path) -> None:
    people = churners(20) + stayers(60)
    logins = [(one, at) for n, one in enumerate(people) for at in moments(n)]
    logins += [(f"copy{n}", at) for n in range(20) for at in moments(n)]

    (found,) = findings_of(
        duplicates,
        tmp_path,
        subscriptions=draw_contracts([*churners(20), *(f"copy{n}" for n in range(20))], stayers(60)),
        logins=draw_table("customer | happened_at", logins),
    )

    assert "may have been copied" in found.found


def parcels(second: str, *, waiting: bool, ahead: bool = False, delay: int = 8) -> str:
    """Draw a table that is written every day up to the end of the data, with a second time `delay` days on.

    Args:
        second: The name of the second time column.
        waiting: Whether the table holds rows whose second time has not come by the end of the data.
        ahead: Whether such rows already hold their second time.
        delay: The days between both times of a row; every third row has none.
    """
    rows: list[tuple[object, ...]] = []
    end = date(2024, 12, 31)
    for n in range(600):
        at = date(2024, 3, 7) + timedelta(n // 2)
        second_day = at + timedelta(0 if n % 3 == 0 else delay)
        if at >= end or (second_day >= end and not waiting):
            continue
        cell = f"{second_day} 09:00" if second_day < end or ahead else None
        rows.append((f"c{n % 40:02}", f"{at} 08:00", cell))
    return draw_table(f"customer | happened_at | {second}", rows)


def late_findings(folder: Path, logins: str, **entry: object) -> list[tuple[str, str]]:
    found = findings_of(
        late_rows,
        folder,
        tables={"logins": dict(entry)},
        subscriptions=draw_contracts([], ["ana"]),
        logins=logins,
    )
    return severities(found)


@pytest.mark.parametrize("second", ["posted_at", "zz", "delivered_on", "settlement"])
def test_rows_that_come_in_at_a_second_time_whatever_its_name(tmp_path: Path, second: str) -> None:
    assert late_findings(tmp_path, parcels(second, waiting=False)) == [("logins", "stop")]


@pytest.mark.parametrize("ahead", [False, True], ids=["delivered later", "due later"])
@pytest.mark.parametrize("second", ["zz", "delivered_on", "processed_at"])
def test_rows_that_wait_for_their_second_time_are_no_late_rows(
    tmp_path: Path, second: str, ahead: bool
) -> None:
    assert late_findings(tmp_path, parcels(second, waiting=True, ahead=ahead)) == []


@pytest.mark.parametrize("second", ["current_term_start", "current_billing_period_starts_at"])
def test_the_start_of_the_present_period_is_no_time_of_writing(tmp_path: Path, second: str) -> None:
    assert late_findings(tmp_path, parcels(second, waiting=False)) == []


def test_a_second_time_that_is_mapped_as_an_outcome_also_shows_late_rows(tmp_path: Path) -> None:
    rows = parcels("first_reply_at", waiting=False).replace("happened_at", "opened_at")

    found = findings_of(
        late_rows, tmp_path, subscriptions=draw_contracts([], ["ana"]), tickets=rows, tables={"tickets": {}}
    )

    assert severities(found) == [("tickets", "stop")]


@pytest.mark.parametrize(
    "query",
    [
        "select customer_id, happened_at from logins",
        "with a as (select customer_id, happened_at as t from logins) "
        "select customer_id, t as happened_at from a",
        "select customer_id, min(happened_at) as happened_at from logins group by customer_id, happened_at",
    ],
    ids=["plain", "with", "groups"],
)
@pytest.mark.parametrize(("waiting", "expected"), [(False, [("logins", "stop")]), (True, [])])
def test_a_query_that_leaves_the_second_time_out_hides_nothing(
    tmp_path: Path, query: str, waiting: bool, expected: list[tuple[str, str]]
) -> None:
    found = late_findings(tmp_path, parcels("zz", waiting=waiting), query=query)

    assert found == expected


def test_a_second_time_of_which_the_values_do_not_say_what_it_is_only_warns(tmp_path: Path) -> None:
    rows = logins_loaded(20, 100).replace("loaded_at", "zz")

    assert late_findings(tmp_path, rows) == [("logins", "warn")]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [(0, []), (1, ["stop"])],
    ids=["the mailing reached others too", "only these customers have the rows"],
)
def test_equal_mailings_of_different_people_are_no_duplicates(
    tmp_path: Path, extra: int, expected: list[str]
) -> None:
    people = stayers(120)
    logins = [(one, at) for n, one in enumerate(people) for at in moments(n)]
    mailings = [f"2024-04-{n + 1:02} 12:00" for n in range(12)]
    mails = [(one, at) for one in people for at in mailings]
    silent = [f"quiet{n}" for n in range(20)]
    mails += [(one, at) for one in silent for at in (moments(200) if extra else mailings)]

    found = findings_of(
        duplicates,
        tmp_path,
        subscriptions=draw_contracts([], [*people, *silent]),
        logins=draw_table("customer | happened_at", logins + mails),
    )

    assert [one.severity for one in found] == expected


def test_zeros_that_a_meter_writes_after_the_end_make_no_duplicates(tmp_path: Path) -> None:
    people = churners(20) + stayers(60)
    september, october = ([f"2024-{month}-{day:02}" for day in range(1, 21)] for month in ("09", "10"))
    rows = [(one, at, 1 + n % 7) for n, one in enumerate(people) for at in moments(n, 4)]
    rows += [(one, at, 0) for one in churners(20) for at in october]
    rows += [(f"idle{n}", at, 0) for n in range(20) for at in september]

    found = findings_of(
        duplicates,
        tmp_path,
        subscriptions=draw_contracts([*churners(20), *(f"idle{n}" for n in range(20))], stayers(60)),
        interactions=draw_table("customer | happened_at | quantity", rows),
    )

    assert found == []


def test_a_mapped_due_date_of_a_small_table_is_no_late_row(tmp_path: Path) -> None:
    opened = [date(2024, 3, 1) + timedelta(6 * n) for n in range(45)]
    rows = [(f"c{n}", f"{day} 09:00", f"{day + timedelta(2)} 09:00") for n, day in enumerate(opened)]

    found = findings_of(
        late_rows,
        tmp_path,
        subscriptions=draw_contracts([], ["ana"]),
        tickets=draw_table("customer | opened_at | due_at", rows),
    )

    assert found == []


@pytest.mark.parametrize(("last_month", "expected"), [(11, []), (12, [("subscriptions", "stop")])])
def test_a_table_that_ends_before_the_others_shows_no_late_rows(
    tmp_path: Path, last_month: int, expected: list[tuple[str, str]]
) -> None:
    """Terms of a month, written ahead up to November: no term is open at the end of the other tables.

    The same rows up to the end of December come in when their term of two weeks is over.
    """
    starts = [date(2024, month, day) for month in range(1, last_month + 1) for day in range(1, 28)]
    if last_month == 12:
        starts = [start for start in starts if start + timedelta(14) < date(2024, 12, 31)]
    days = 31 if last_month == 11 else 14
    rows = [(f"c{n:03}", start, start + timedelta(days)) for n, start in enumerate(starts)]
    rows = [row for row in rows if row[2] < date(2024, 12, 31)]

    found = findings_of(
        late_rows,
        tmp_path,
        subscriptions=draw_table("customer | started_at | ended_at", rows),
        logins=draw_table("customer | happened_at", [("c000", "2024-12-30")]),
    )

    assert severities(found) == expected
