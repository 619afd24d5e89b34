"""Nights that read only new rows give the same store as one night that reads all rows."""

from __future__ import annotations

import csv
import random
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from churn.data.ingest.ingest import fresh_store, ingest
from churn.data.sql import literal
from churn.data.store import Store
from churn.errors import SourceError
from churn.params import Params

Rows = list[dict[str, Any]]
Writer = Callable[[Path, dict[str, list[Rows]]], str]

COLUMNS = {
    "customers": ["customer_id", "signed_up_at"],
    "logins": ["customer_id", "happened_at", "known_at", "row_id"],
    "interactions": ["customer_id", "happened_at", "known_at", "kind", "quantity"],
    "payments": ["customer_id", "due_at", "known_at", "amount", "paid_at"],
    "visits": ["customer_id", "happened_at", "known_at", "row_id", "kind", "value"],
}
TIMES = {"customers": "signed_up_at", "payments": "due_at"}


def drawn_nights(seed: int, nights: int = 3) -> dict[str, list[Rows]]:
    """Draw the rows that become known in each night, with all kinds of bad data.

    Rows arrive late; customers arrive after their rows; equal rows and equal ids arrive in different nights;
    some levels arrive later, some only in bad rows; some clocks are ahead, by years in the first night and by
    months in the others.
    """
    rng = random.Random(seed)
    ids = [f"c{number:02}" for number in rng.sample(range(40), 14)]
    begin = datetime(2024, 1, 1)
    sign_up_nights = {name: rng.randrange(nights) for name in ids}
    world: dict[str, list[Rows]] = {name: [[] for _ in range(nights)] for name in COLUMNS}
    for name, night in sign_up_nights.items():
        world["customers"][night].append({"customer_id": name, "signed_up_at": str(begin.date())})
    world["customers"][0].append({"customer_id": "c99", "signed_up_at": str(begin.date())})
    for table in list(COLUMNS)[1:]:
        for night in range(nights):
            evening = begin + timedelta(days=200 * (night + 1))
            earlier_rows = [row for rows in world[table][: night + 1] for row in rows]
            for _ in range(rng.choice([0, 3, 12, 30]) if night else 30):
                if earlier_rows and rng.random() < 0.1:
                    row = dict(rng.choice(earlier_rows))  # again, perhaps known later or with another value
                    row.update({"known_at": evening} if rng.random() < 0.5 else {})
                    row.update({"value": rng.randrange(9)} if "value" in row and rng.random() < 0.3 else {})
                else:
                    row = _row(rng, table, ids, night, evening)
                world[table][night].append(row | {"known_at": max(row["known_at"], evening - timedelta(200))})
    return world


def _row(rng: random.Random, table: str, ids: list[str], night: int, evening: datetime) -> dict[str, Any]:
    happened_at: Any = evening - timedelta(
        hours=rng.choice([0, 1, 24, 24, 100, 4000]), minutes=rng.choice([0, 7])
    )
    days_ahead = rng.choice([0] * 12 + ([3000] if night == 0 else [300, 500]))
    time: Any = rng.choice(["soon", ""]) if rng.random() < 0.05 else happened_at + timedelta(days=days_ahead)
    row: dict[str, Any] = {
        "customer_id": rng.choice([*ids, *ids, "nobody", ""]),
        TIMES.get(table, "happened_at"): time,
        "known_at": rng.choice([evening, evening, happened_at, evening - timedelta(hours=5)]),
        "row_id": rng.choice([None, f"r{rng.randrange(200)}"]),
        "kind": rng.choice(["page", "shop", None, f"kind{night}", f"odd{rng.randrange(20)}"]),
        "value": rng.choice([None, 1, 2.5, "many" if rng.random() < 0.1 else 3]),
        "quantity": rng.choice([None, 1, 2, -1 if rng.random() < 0.1 else 3]),
        "amount": rng.randrange(9),
        "paid_at": rng.choice([None, evening]),
    }
    return {name: row[name] for name in COLUMNS[table]}


def csv_files(folder: Path, nights_by_table: dict[str, list[Rows]]) -> str:
    for name, nights in nights_by_table.items():
        _write_csv(folder / f"{name}.csv", name, [row for night in nights for row in night])
    return str(folder)


def a_folder_of_csv_files(folder: Path, nights_by_table: dict[str, list[Rows]]) -> str:
    for name, nights in nights_by_table.items():
        for number, night in enumerate(nights):
            path = folder / name / f"{number}.csv"
            if not path.exists():
                path.parent.mkdir(exist_ok=True)
                _write_csv(path, name, night)
    return str(folder)


def parquet_files(folder: Path, nights_by_table: dict[str, list[Rows]]) -> str:
    with _tables(duckdb.connect(), nights_by_table) as connection:
        for name in nights_by_table:
            connection.execute(
                f"COPY {name} TO {literal(str(folder / f'{name}.parquet'))} (ROW_GROUP_SIZE 2048)"
            )
    return str(folder)


def a_duckdb_file(folder: Path, nights_by_table: dict[str, list[Rows]]) -> str:
    (folder / "company.duckdb").unlink(missing_ok=True)
    _tables(duckdb.connect(str(folder / "company.duckdb")), nights_by_table).close()
    return f"duckdb:///{folder}/company.duckdb"


def a_sqlite_file(folder: Path, nights_by_table: dict[str, list[Rows]]) -> str:
    pytest.importorskip("adbc_driver_sqlite")
    path = folder / "company.sqlite"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        for name, nights in nights_by_table.items():
            connection.execute(f"CREATE TABLE {name} ({', '.join(f'{c} TEXT' for c in COLUMNS[name])})")
            _insert(connection, name, nights)
    return f"sqlite:///{path}"


def _tables(
    connection: duckdb.DuckDBPyConnection, nights_by_table: dict[str, list[Rows]]
) -> duckdb.DuckDBPyConnection:
    for name, nights in nights_by_table.items():
        kinds = {"known_at": "TIMESTAMP", "amount": "DECIMAL(9, 2)"}
        columns = ", ".join(f"{column} {kinds.get(column, 'VARCHAR')}" for column in COLUMNS[name])
        connection.execute(f"CREATE TABLE {name} ({columns})")
        _insert(connection, name, nights)
    return connection


def _insert(connection: Any, name: str, nights: list[Rows]) -> None:
    rows = [[_text(row.get(column)) for column in COLUMNS[name]] for night in nights for row in night]
    if rows:
        parameters = ", ".join("?" for _ in COLUMNS[name])
        connection.executemany(f"INSERT INTO {name} VALUES ({parameters})", rows)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _write_csv(path: Path, name: str, rows: Rows) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS[name], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def params_at(source: str, output: Path) -> Params:
    return Params.model_validate(
        {
            "source": source,
            "timezone": "Europe/Berlin",
            "tables": {name: {} for name in COLUMNS if name != "visits"},
            "events": {"visits": {}},
            "label": {"kind": "inactivity", "table": "logins", "horizon_days": 30},
            "check": {"max_rejects": 1.0},
            "output": str(output),
        }
    )


def contents(store: Store) -> dict[str, Any]:
    """Return everything that a reader of the store can see, and the rejects."""
    parts = {str(path.relative_to(store.folder)): path.read_bytes() for path in store.folder.rglob("part-*")}
    rejects = store.params.output / "rejects"
    bad = {
        path.name: duckdb.sql(f"SELECT * FROM read_parquet({literal(str(path))}) ORDER BY ALL").fetchall()
        for path in rejects.glob("*.parquet")
    }
    return {"tables": dict(store.tables), "parts": parts, "rejects": bad, "watermark": store.watermark}


WRITERS = [csv_files, a_folder_of_csv_files, parquet_files, a_duckdb_file, a_sqlite_file]


@pytest.mark.slow
@pytest.mark.parametrize("write", WRITERS)
def test_nights_that_read_only_new_rows_give_the_store_of_all_rows(tmp_path: Path, write: Writer) -> None:
    world = drawn_nights(seed=1)
    (tmp_path / "source").mkdir()
    for night in range(3):
        source = write(tmp_path / "source", {name: nights[: night + 1] for name, nights in world.items()})
        night_by_night = ingest(params_at(source, tmp_path / "nights"), lambda _: None)

    at_once = ingest(params_at(source, tmp_path / "at_once"), lambda _: None)

    assert contents(night_by_night) == contents(at_once)


NIGHTS = {
    "customers": [[{"customer_id": "ana", "signed_up_at": "2023-01-01"}]] * 2,
    "logins": [
        [
            {
                "customer_id": "ana",
                "happened_at": f"2024-01-0{day} 10:00:00",
                "known_at": f"2024-01-0{day} 10:00:00",
            }
        ]
        for day in range(1, 7)
    ],
}
"""A login each night."""


def ingest_lines(params: Params) -> str:
    """Ingest and return the printed lines about the logins."""
    lines: list[str] = []
    ingest(params, lines.append)
    return "\n".join(line for line in lines if line.startswith("  logins:"))


def nights_until(last: int, **first_login: Any) -> dict[str, list[Rows]]:
    """Return the rows of the first nights; keywords replace values of the first login."""
    logins = [[dict(row) for row in night] for night in NIGHTS["logins"][:last]]
    logins[0][0].update(first_login)
    return {"customers": NIGHTS["customers"][:1], "logins": logins}


def logins_at(source: str, output: Path) -> Params:
    params = params_at(source, output)
    return params.model_copy(
        update={"tables": {n: params.tables[n] for n in ("customers", "logins")}, "events": {}}
    )


@pytest.mark.parametrize("write", WRITERS)
def test_the_number_of_new_rows_and_a_rewritten_past_are_reported(tmp_path: Path, write: Writer) -> None:
    source = tmp_path / "source"
    source.mkdir()
    params = logins_at(write(source, nights_until(3)), tmp_path / "output")
    first = ingest_lines(params)
    write(source, nights_until(5))
    second = ingest_lines(params)
    if write is a_folder_of_csv_files:
        (source / "logins" / "0.csv").unlink()
    write(source, nights_until(6, happened_at="2024-01-01 11:11:00"))
    third = ingest_lines(params)

    assert "new rows" not in first
    assert "2 new rows read" in second
    assert "the past was rewritten (" in third
    assert "the whole table is read again" in third
    rows = duckdb.sql(f"SELECT \"at\" FROM '{tmp_path}/output/store/logins/*.parquet' ORDER BY 1").fetchall()
    assert str(rows[0][0]) == "2024-01-01 10:11:00"


@pytest.mark.parametrize("write", [a_duckdb_file, a_sqlite_file])
def test_rows_with_the_known_time_of_the_last_row_are_read_once(tmp_path: Path, write: Writer) -> None:
    source = tmp_path / "source"
    source.mkdir()
    params = logins_at(write(source, nights_until(3)), tmp_path / "output")
    ingest(params, lambda _: None)
    world = nights_until(3)
    world["logins"][2] *= 3  # two more rows that equal the last row
    write(source, world)

    lines = ingest_lines(params)

    assert "5 rows of 1 customers; 2 new rows read" in lines


@pytest.mark.parametrize(
    ("key", "sql"),
    [
        ("query", "SELECT customer_id, max(happened_at) AS happened_at FROM logins GROUP BY 1"),
        ("where", "happened_at = (SELECT max(happened_at) FROM logins)"),
    ],
)
def test_a_table_whose_rows_depend_on_others_is_read_whole(tmp_path: Path, key: str, sql: str) -> None:
    (tmp_path / "source").mkdir()
    params = logins_at(csv_files(tmp_path / "source", nights_until(3)), tmp_path / "output")
    origin = params.tables["logins"].model_copy(update={key: sql})
    params = params.model_copy(update={"tables": {**params.tables, "logins": origin}})
    ingest(params, lambda _: None)
    csv_files(tmp_path / "source", nights_until(5))

    lines = ingest_lines(params)

    assert "new rows" not in lines


def test_the_night_after_an_interrupted_one_adds_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").mkdir()
    params = logins_at(csv_files(tmp_path / "source", nights_until(3)), tmp_path / "output")
    before = contents(ingest(params, lambda _: None))
    csv_files(tmp_path / "source", nights_until(5))

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("churn.data.ingest.ingest.write_manifest", interrupt)
        with pytest.raises(KeyboardInterrupt):
            ingest(params, lambda _: None)

    assert contents(Store.open(params)) == before
    assert "5 rows of 1 customers; 2 new rows read" in ingest_lines(params)


def test_the_rejects_of_a_refused_night_do_not_replace_those_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    source = csv_files(tmp_path / "source", nights_until(3, happened_at="soon"))
    params = logins_at(source, tmp_path / "output")
    ingest(params, lambda _: None)
    strict = params.model_copy(update={"check": params.check.model_copy(update={"max_rejects": 0.0})})
    csv_files(tmp_path / "source", nights_until(5, happened_at="soon"))
    with pytest.raises(SourceError):
        ingest(strict, lambda _: None)

    lines = ingest_lines(params)

    assert "4 rows of 1 customers, 1 rows rejected; 2 new rows read" in lines


@pytest.mark.parametrize("write", [a_duckdb_file, a_sqlite_file])
def test_a_store_is_outdated_when_rows_changed_and_their_number_did_not(
    tmp_path: Path, write: Writer
) -> None:
    (tmp_path / "source").mkdir()
    params = logins_at(write(tmp_path / "source", nights_until(3)), tmp_path / "output")
    ingest(params, lambda _: None)
    assert fresh_store(params) is not None

    write(tmp_path / "source", nights_until(3, happened_at="2024-01-01 11:11:00"))

    assert fresh_store(params) is None
