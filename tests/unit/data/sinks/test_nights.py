"""Nights in a real PostgreSQL, a DuckDB and a SQLite file: whole, once, and nothing of others touched."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from churn.data.sinks.nights import (
    NIGHT_SCHEMA,
    StoredNight,
    customer_rows,
    erase_customer,
    is_whole,
    read_nights,
    rehearse,
    write_night,
)
from churn.data.sinks.open_sink import open_sink
from churn.errors import BusyError, ChurnError, DeliveryError, ParamsError
from churn.params import SinkParams
from tests.servers import running_postgresql

SUNDAY, MONDAY = date(2024, 3, 3), date(2024, 3, 4)
SCORES = pa.schema(
    {
        "cutoff": pa.date32(),
        "customer_id": pa.string(),
        "probability": pa.float64(),
        "health": pa.int8(),
        "trial": pa.bool_(),
    }
)
CALLS = pa.schema(
    [("cutoff", pa.date32()), ("customer_id", pa.string()), ("not_before", pa.timestamp("us", tz="UTC"))]
)
READER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
input()
"""
SIX = datetime(2024, 3, 4, 6, tzinfo=UTC)


def night_of(cutoff: date, *customers: tuple[Any, ...], digest: str = "d") -> dict[str, pa.Table]:
    """Return a night: customer, probability and health of each; the first one is called at six."""
    ids, probabilities, health = zip(*customers, strict=True)
    n = len(ids)
    scores = pa.table(
        [
            pa.array(values, field.type, from_pandas=False)
            for values, field in zip(
                ([cutoff] * n, ids, probabilities, health, [False] * n), SCORES, strict=True
            )
        ],
        SCORES,
    )
    calls = pa.table([[cutoff], [ids[0]], [SIX]], CALLS)
    night = pa.table([[cutoff], ["run"], ["3"], [digest], [n], [1]], NIGHT_SCHEMA)
    return {"scores": scores, "calls": calls, "nights": night}


def with_column(tables: dict[str, pa.Table], name: str, values: Any) -> dict[str, pa.Table]:
    scores = tables["scores"]
    if name in scores.column_names:
        scores = scores.set_column(scores.column_names.index(name), name, values)
    else:
        scores = scores.append_column(name, values)
    return tables | {"scores": scores}


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with running_postgresql() as address:
        yield address


@pytest.fixture(params=["postgresql", "duckdb", "sqlite"])
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> SinkParams:
    schema = f"night {tmp_path.name}"[-40:]
    if request.param == "postgresql":
        return SinkParams(connection=request.getfixturevalue("postgresql"), schema=schema)
    return SinkParams(connection=f"{request.param}:///{tmp_path}/nights.{request.param}", schema=schema)


@pytest.fixture
def sqlite(tmp_path: Path) -> SinkParams:
    return SinkParams(connection=f"sqlite:///{tmp_path}/nights.sqlite", schema="churn")


def write(sink: SinkParams, cutoff: date, tables: dict[str, pa.Table]) -> None:
    with open_sink(sink, "params.yaml") as connection:
        write_night(connection, cutoff, tables)


def rows(sink: SinkParams, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    with open_sink(sink, "params.yaml") as connection:
        return connection.execute(f"SELECT {columns} FROM {connection.quote(table)} ORDER BY 1, 2")


def test_a_night_is_read_as_it_was_written_and_a_number_that_is_none_is_missing(sink: SinkParams) -> None:
    night = night_of(SUNDAY, ("ann", 0.25, 2), ('o\'neil \\ "x"', float("nan"), None))

    write(sink, SUNDAY, night)

    day = str(SUNDAY) if sink.connection.startswith("sqlite") else SUNDAY
    assert rows(sink, "scores") == [
        (day, "ann", 0.25, 2, False),
        (day, 'o\'neil \\ "x"', None, None, False),
    ]
    assert rows(sink, "scores_latest") == rows(sink, "scores")
    (call,) = rows(sink, "calls", "customer_id, CAST(not_before AS VARCHAR(40))")
    assert call[1].startswith("2024-03-04 06:00:00+00")
    assert rows(sink, "nights") == [(day, "run", "3", "d", 2, 1)]


def test_a_repeated_night_replaces_its_own_rows_alone(sink: SinkParams) -> None:
    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2), ("bob", 0.2, 1)))
    write(sink, MONDAY, night_of(MONDAY, ("ann", 0.3, 2)))

    write(sink, SUNDAY, night_of(SUNDAY, ("cem", 0.9, 5), digest="e"))

    assert rows(sink, "scores", "customer_id, probability") == [("ann", 0.3), ("cem", 0.9)]
    with open_sink(sink, "params.yaml") as connection:
        nights = read_nights(connection)
        assert nights == {SUNDAY: StoredNight("e", 1, 1), MONDAY: StoredNight("d", 1, 1)}
        assert [is_whole(connection, cutoff, night) for cutoff, night in nights.items()] == [True, True]


def test_a_backfilled_night_is_not_the_latest(sink: SinkParams) -> None:
    write(sink, MONDAY, night_of(MONDAY, ("ann", 0.3, 2)))

    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))

    assert rows(sink, "scores_latest", "customer_id, probability") == [("ann", 0.3)]


def test_a_night_of_which_rows_are_gone_is_not_whole(sink: SinkParams) -> None:
    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2), ("bob", 0.2, 1)))
    with open_sink(sink, "params.yaml") as connection, connection.transaction():
        connection.execute(f"DELETE FROM {connection.quote('scores')} WHERE customer_id = 'bob'")

    with open_sink(sink, "params.yaml") as connection:
        night = read_nights(connection)[SUNDAY]
        assert night == StoredNight("d", 2, 1)
        assert not is_whole(connection, SUNDAY, night)


def test_a_later_version_adds_columns_and_an_earlier_one_keeps_them(sink: SinkParams) -> None:
    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))
    later = with_column(night_of(MONDAY, ("ann", 0.3, 2)), "reason_4", pa.array(["few logins"]))

    write(sink, MONDAY, later)
    latest = rows(sink, "scores_latest", "customer_id, reason_4")
    write(sink, SUNDAY, night_of(SUNDAY, ("bob", 0.2, 1)))

    assert latest == [("ann", "few logins")]
    assert rows(sink, "scores", "customer_id, reason_4") == [("ann", "few logins"), ("bob", None)]


def test_columns_of_another_type_are_refused_together_and_nothing_changes(sink: SinkParams) -> None:
    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))
    other = with_column(night_of(SUNDAY, ("bob", 0.1, 2)), "probability", pa.array(["high"]))
    other = with_column(other, "health", pa.array(["good"]))

    with pytest.raises(DeliveryError, match="has the column probability with the type") as error:
        write(sink, SUNDAY, other)

    assert len(error.value.problems) == 2
    assert rows(sink, "scores", "customer_id, probability") == [("ann", 0.1)]


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_a_table_or_view_of_others_under_our_name_is_refused_and_stays(sink: SinkParams, kind: str) -> None:
    with open_sink(sink, "params.yaml") as connection, connection.transaction():
        connection.create_schema()
        connection.execute(f"CREATE {kind} {connection.quote('calls')} AS SELECT 1 AS own, 2 AS more")

    with open_sink(sink, "params.yaml") as connection, pytest.raises(DeliveryError, match="did not write"):
        rehearse(connection, {name: table.schema for name, table in night_of(SUNDAY, ("a", 0.1, 2)).items()})

    assert rows(sink, "calls") == [(1, 2)]


def test_a_rehearsal_leaves_no_table(sink: SinkParams) -> None:
    with open_sink(sink, "params.yaml") as connection:
        rehearse(connection, {name: table.schema for name, table in night_of(SUNDAY, ("a", 0.1, 2)).items()})

        assert connection.tables(["scores", "calls", "nights", "scores_latest"]) == {}


def test_a_night_that_fails_halfway_leaves_the_night_before_whole(
    sink: SinkParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))
    broken = night_of(SUNDAY, ("bob", 0.9, 1))
    with open_sink(sink, "params.yaml") as connection:
        append = connection.append

        def fail_at_calls(table: str, rows: pa.Table) -> None:
            if table == "calls":
                raise DeliveryError("the connection is lost")
            append(table, rows)

        monkeypatch.setattr(connection, "append", fail_at_calls)
        with pytest.raises(DeliveryError, match="lost"):
            write_night(connection, SUNDAY, broken)

    assert rows(sink, "scores_latest", "customer_id, probability") == [("ann", 0.1)]
    assert len(rows(sink, "calls", "cutoff, customer_id")) == 1


def test_the_name_of_a_schema_is_a_name_and_no_statement(sink: SinkParams) -> None:
    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))
    hostile = sink.model_copy(update={"db_schema": "x\"; DROP TABLE scores; --' %s \\"})

    write(hostile, MONDAY, night_of(MONDAY, ("bob", 0.2, 1)))

    assert rows(sink, "scores", "customer_id, probability") == [("ann", 0.1)]
    assert rows(hostile, "scores", "customer_id, probability") == [("bob", 0.2)]


def test_a_customer_is_erased_in_all_nights_and_the_nights_stay_whole(sink: SinkParams) -> None:
    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2), ("o'neil", 0.2, 1)))
    write(sink, MONDAY, night_of(MONDAY, ("o'neil", 0.3, 2), ("bob", 0.2, 1)))

    with open_sink(sink, "params.yaml") as connection:
        before = customer_rows(connection, "o'neil")
        erase_customer(connection, "o'neil")
        erase_customer(connection, "nobody")

    assert before == {"scores": 2, "calls": 1}
    assert rows(sink, "scores", "customer_id, probability") == [("ann", 0.1), ("bob", 0.2)]
    assert rows(sink, "calls", "customer_id, 1") == [("ann", 1)]
    with open_sink(sink, "params.yaml") as connection:
        nights = read_nights(connection)
        assert nights == {SUNDAY: StoredNight("d", 1, 1), MONDAY: StoredNight("d", 1, 0)}


def test_no_byte_of_an_erased_customer_stays_in_a_sqlite_file(tmp_path: Path) -> None:
    sink, name = SinkParams(connection=f"sqlite:///{tmp_path}/nights.sqlite"), "customer-to-forget"
    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2), (name, 0.2, 1)))
    before = (tmp_path / "nights.sqlite").read_bytes()

    with open_sink(sink, "params.yaml") as connection:
        erase_customer(connection, name)

    assert name.encode() in before
    for path in tmp_path.iterdir():
        assert name.encode() not in path.read_bytes()


def test_a_database_without_nights_holds_no_customer(sink: SinkParams) -> None:
    with open_sink(sink, "params.yaml") as connection:
        assert customer_rows(connection, "ann") == {}
        erase_customer(connection, "ann")


# --- PostgreSQL


def test_an_open_reader_of_postgresql_reads_the_old_night_to_its_end_and_is_not_waited_for(
    postgresql: str,
) -> None:
    sink = SinkParams(connection=postgresql, schema="open_reader")
    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2), ("bob", 0.2, 1)))
    with open_sink(sink, "params.yaml") as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        query = f"SELECT cutoff, customer_id FROM {reader.quote('scores_latest')} ORDER BY 2"
        before = reader.execute(query)

        write(sink, MONDAY, night_of(MONDAY, ("cem", 0.3, 2)))

        assert before == reader.execute(query) == [(SUNDAY, "ann"), (SUNDAY, "bob")]
        reader.rollback()
        assert reader.execute(query) == [(MONDAY, "cem")]


def test_a_second_writer_of_postgresql_waits_and_is_refused_as_busy(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = SinkParams(connection=postgresql, schema="two_writers")
    monkeypatch.setattr("churn.data.sinks.postgresql.ANSWER_SECONDS", 1)

    with open_sink(sink, "params.yaml") as writer, writer.transaction(), pytest.raises(BusyError):
        write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))

    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))


def test_texts_that_postgresql_cannot_hold_are_counted(postgresql: str) -> None:
    sink = SinkParams(connection=postgresql, schema="nul")
    night = night_of(SUNDAY, ("ann\0", 0.1, 2), ("b\0b", 0.2, 1), ("cem", 0.2, 1))

    with pytest.raises(DeliveryError, match=r"2 texts of scores\.customer_id contain the character NUL\."):
        write(sink, SUNDAY, night)


def test_a_role_without_rights_reads_what_to_grant(postgresql: str) -> None:
    with open_sink(SinkParams(connection=postgresql), "params.yaml") as connection:
        connection.execute("CREATE ROLE visitor LOGIN")
        connection.commit()
    visitor = SinkParams(connection=postgresql.replace("postgres:secret@", "visitor@"), schema="no_rights")

    with pytest.raises(DeliveryError, match=r"permission denied.*Grant the role CREATE"):
        write(visitor, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))


def test_a_setting_that_postgresql_does_not_know_is_a_mistake_of_the_parameters(postgresql: str) -> None:
    sink = SinkParams(connection=f"{postgresql}?sllmode=require")

    with pytest.raises(ParamsError, match="a setting after"), open_sink(sink, "params.yaml"):
        pass


# --- files that others hold


def test_a_reader_of_sqlite_is_waited_for_and_named(
    sqlite: SinkParams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("churn.data.sinks.files.ANSWER_SECONDS", 0.1)
    write(sqlite, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))
    with closing(sqlite3.connect(tmp_path / "nights.sqlite", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT customer_id FROM churn_scores_latest").fetchall()

        with pytest.raises(BusyError, match="another program has kept the file locked"):
            write(sqlite, MONDAY, night_of(MONDAY, ("bob", 0.2, 1)))

        assert (
            before == reader.execute("SELECT customer_id FROM churn_scores_latest").fetchall() == [("ann",)]
        )
    write(sqlite, MONDAY, night_of(MONDAY, ("bob", 0.2, 1)))
    assert rows(sqlite, "scores_latest", "customer_id, health") == [("bob", 1)]


def test_a_reader_of_duckdb_is_waited_for_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("churn.data.sinks.files.ANSWER_SECONDS", 0.1)
    sink = SinkParams(connection=f"duckdb:///{tmp_path}/nights.duckdb")
    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))
    command = [sys.executable, "-c", READER, str(tmp_path / "nights.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()

        with pytest.raises(BusyError, match="another program has kept the file locked"):
            write(sink, MONDAY, night_of(MONDAY, ("bob", 0.2, 1)))

        reader.communicate("\n")
    write(sink, MONDAY, night_of(MONDAY, ("bob", 0.2, 1)))
    with duckdb.connect(str(tmp_path / "nights.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT customer_id FROM churn.scores_latest").fetchall() == [("bob",)]


def test_a_duckdb_file_may_have_the_name_of_its_schema_and_is_read_under_any_name(tmp_path: Path) -> None:
    sink = SinkParams(connection=f"duckdb:///{tmp_path}/churn.duckdb", schema="churn")

    write(sink, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))
    write(sink, MONDAY, night_of(MONDAY, ("bob", 0.2, 1)))

    with duckdb.connect(str(tmp_path / "churn.duckdb"), read_only=True) as own:
        query = "SELECT customer_id FROM churn.churn.scores_latest"
        assert own.execute(query).fetchall() == [("bob",)]
    with duckdb.connect() as other:
        other.execute(f"ATTACH '{tmp_path}/churn.duckdb' AS nights (READ_ONLY)")
        query = "SELECT customer_id FROM nights.churn.scores_latest"
        assert other.execute(query).fetchall() == [("bob",)]


def test_a_file_that_is_no_database_is_refused_in_words(sqlite: SinkParams, tmp_path: Path) -> None:
    (tmp_path / "nights.sqlite").write_bytes(
        b"these bytes are no database, and there are enough of them" * 20
    )

    with pytest.raises(DeliveryError, match="file is not a database"):
        write(sqlite, SUNDAY, night_of(SUNDAY, ("ann", 0.1, 2)))


# --- addresses


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mysql://ana:hunter22@db/x", "'mysql://' is not supported"),
        ("nights.sqlite", "this is no address"),
        ("host=db password=hunter22", "this is no address"),
        ("sqlite:////no/such/folder/x.sqlite", "the folder of the file does not exist"),
        ("duckdb:///", "write duckdb:///FILE"),
        ("postgresql://ana:hun/ter22@db/x", "cannot separate the parts of the address"),
        ("postgresql://ana:hunter22@127.0.0.1:1/x", "the database cannot be opened"),
    ],
)
def test_an_address_that_cannot_be_opened_is_refused_without_its_password(address: str, words: str) -> None:
    with pytest.raises(ChurnError, match=words) as error, open_sink(SinkParams(connection=address), "p.yaml"):
        pass

    assert "ter22" not in str(error.value)


def test_a_missing_driver_is_reported_with_its_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql.dbapi", None)
    sink = SinkParams(connection="postgresql://db/x")

    with pytest.raises(ParamsError, match=r"pip install 'churn\[postgres\]'"), open_sink(sink, "params.yaml"):
        pass
