"""No verb writes or prints a password of a database address, nor a value that came from `${NAME}`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from churn.data.sinks.open_sink import open_sink
from churn.data.sources.database import open_database
from churn.data.sql import connect
from churn.params import EngineParams, load_params
from churn.secrets import Address, forget_secrets
from pipelines import cli
from tests.hostile_passwords import END, PASSWORDS, START, parts_in
from tests.run_folders import copy_run
from tests.servers import running_postgresql

PARAMS = """\
source: {source}
tables:
  customers: {{from: clients, columns: {{customer_id: id, signed_up_at: since}}}}
  orders: {{from: sales, columns: {{customer_id: client, ordered_at: ts, amount: price}}}}
label: {{kind: inactivity, table: orders, horizon_days: 7}}
"""

EVERYTHING = f"{START}/#?%@: '\"\\&=+<%41${{HOME}}{END}"
"""A password with most marks at once."""


@pytest.fixture(scope="module")
def guarded_postgresql() -> Iterator[str]:
    """A PostgreSQL that asks the user `guarded` for the password `EVERYTHING`."""
    with running_postgresql() as address:
        run_sql(
            address,
            f"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD {sql_text(EVERYTHING)}",
            "CREATE TABLE clients (id text, since date)",
            "CREATE TABLE sales (client text, ts timestamp, price numeric)",
            "INSERT INTO clients SELECT 'c' || n, DATE '2023-01-01' FROM generate_series(1, 40) n",
            "INSERT INTO sales SELECT 'c' || (n % 40 + 1), TIMESTAMP '2023-02-01' + n * INTERVAL '7 hours', "
            "n FROM generate_series(1, 900) n",
            "COPY (SELECT unnest(ARRAY['host all guarded 127.0.0.1/32 scram-sha-256', 'host all postgres "
            "127.0.0.1/32 trust'])) TO PROGRAM 'cat > \"$PGDATA\"/pg_hba.conf'",
            "SELECT pg_reload_conf()",
        )
        yield address


def run_sql(address: str, *statements: str) -> None:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def sql_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def parts_in_files(folder: Path, password: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    parts = [part for path in files for part in parts_in(text_of(path), password)]
    names = [part for path in folder.rglob("*") for part in parts_in(str(path), password)]
    return parts + names


def text_of(path: Path) -> str:
    """Return the bytes of a file as text, with the texts that a Parquet file holds packed."""
    text = path.read_bytes().decode("latin-1")
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        columns = [table.column(field.name) for field in table.schema if "string" in str(field.type)]
        text += "\n".join(value for column in columns for value in set(map(str, column.to_pylist())))
    return text


@pytest.mark.parametrize("password", PASSWORDS)
def test_an_address_that_refuses_the_connection_gives_no_password_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], password: str
) -> None:
    monkeypatch.chdir(tmp_path)
    raw, code = (f"postgresql://ana:{text}@127.0.0.1:1/shop" for text in (password, quote(password, safe="")))
    (tmp_path / "own.yaml").write_text(PARAMS.format(source="'postgresql://ana:${PW}@127.0.0.1:1/shop'"))
    monkeypatch.setenv("PW", password)
    own = ("--params", "own.yaml")
    calls: list[tuple[str, ...]] = [
        ("init", "--source", raw),
        ("init", "--source", code),
        ("init", raw),
        ("init", f"--source=host=127.0.0.1 port=1 password='{password}'"),
        ("check", *own, "--debug"),
        ("ingest", *own, "--set", f"source={quoted(raw)}"),
        ("ingest", *own, "--set", f"source={raw}"),
        ("ingest", *own, "--set", f"source:{raw}"),
    ]

    codes = {cli.main(None, call) for call in calls}

    output = "".join(capfd.readouterr())
    assert codes <= {2, 10, 11}
    assert "a bug" not in output
    assert parts_in(output, password) == []
    assert parts_in_files(tmp_path, password) == []


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.parametrize("password", PASSWORDS[::4])
def test_a_tracking_server_that_refuses_the_connection_gives_no_password_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], password: str
) -> None:
    monkeypatch.setenv("PW", password)
    params = tmp_path / "own.yaml"
    text = PARAMS.format(source="raw") + "tracking: {uri: 'http://ana:${PW}@127.0.0.1:1'}\n"
    params.write_text(text)
    raw = quoted(f"http://ana:{password}@127.0.0.1:1")

    codes = [
        cli.main(verb, ["--params", str(params), *overrides])
        for verb in ("ui", "run")
        for overrides in ([], ["--set", f"tracking.uri={raw}"])
    ]

    output = "".join(capfd.readouterr())
    assert codes == [13] * 4
    assert parts_in(output, password) == []


@pytest.mark.parametrize("password", PASSWORDS[::4])
def test_a_database_of_the_nights_that_refuses_the_connection_gives_no_password_away(
    tmp_path: Path,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    password: str,
) -> None:
    monkeypatch.setenv("PW", password)
    monkeypatch.setenv("ADDRESS", f"postgresql://ana:{password}@127.0.0.1:1/shop")
    shutil.copy(root / "playbook.yaml", tmp_path)
    shutil.copytree(root / "templates", tmp_path / "templates")
    params = tmp_path / "own.yaml"
    sink = "score: {sink: {connection: 'postgresql://ana:${PW}@127.0.0.1:1/shop'}}\n"
    params.write_text(PARAMS.format(source="raw") + sink)
    raw = quoted(f"postgresql://ana:{password}@127.0.0.1:1/shop")

    codes = [
        cli.main("run", ["--params", str(params), *overrides])
        for overrides in (
            [],
            ["--set", f"score.sink.connection={raw}"],
            ["--set", "score.sink.connection=${ADDRESS}"],
            ["--set", f"score.sink={raw}"],
        )
    ]

    output = "".join(capfd.readouterr())
    assert codes[0] == 17, output
    assert set(codes[1:3]) <= {10, 17}
    assert codes[3] == 10
    assert parts_in(output, password) == []


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_value_from_the_environment_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], password: str
) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "clients.csv").write_text("id,since\na,2023-01-01\n")
    (tmp_path / "raw" / "sales.csv").write_text("client,ts,price\na,2023-02-01,5\n")
    monkeypatch.setenv("HOSTILE", password)
    text = PARAMS.format(source="raw")
    mistakes = {
        "timezone": text + "timezone: ${HOSTILE}\n",
        "number": text + "engine: {threads: '${HOSTILE}'}\n",
        "list": text + "signals: {windows: ['${HOSTILE}']}\n",
        "choice": text.replace("inactivity", "${HOSTILE}"),
        "folder": text.replace("source: raw", "source: ${HOSTILE}"),
        "sql": text.replace("amount: price", "amount: '${HOSTILE}'"),
        "filter": text.replace("from: sales", "from: sales, where: 'client = ${HOSTILE}'"),
        "scheme": text.replace("source: raw", "source: 'mysql://${HOSTILE}/shop'"),
    }

    for name, mistake in mistakes.items():
        params = tmp_path / f"{name}.yaml"
        params.write_text(mistake)
        forget_secrets()
        code = cli.main("check", ["--params", str(params), "--debug"])

        output = "".join(capfd.readouterr())
        assert code in (10, 11), (name, output)
        assert parts_in(output, password) == [], name


@pytest.mark.parametrize("password", [*PASSWORDS, EVERYTHING])
def test_a_password_reaches_the_server_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guarded_postgresql: str, password: str
) -> None:
    run_sql(guarded_postgresql, f"ALTER ROLE guarded PASSWORD {sql_text(password)}")
    monkeypatch.setenv("PW", password)
    host = Address.parse(guarded_postgresql).host
    (tmp_path / "params.yaml").write_text(
        PARAMS.format(source=f"'postgresql://guarded:${{PW}}@{host}/postgres'")
    )

    params = load_params(
        tmp_path / "params.yaml",
        [f"score.sink.connection=postgresql://guarded:${{PW}}@{host}/postgres"],
    )
    source, sink = params.source, params.score.sink

    assert sink is not None
    with open_sink(sink, "params.yaml") as nights:
        assert nights.tables(["scores"]) == {}
    connection = connect(EngineParams(), tmp_path)
    with open_database(connection, "postgresql", source, tmp_path) as database:
        assert database.tables == ("clients", "sales")


@pytest.mark.slow
def test_the_verbs_on_a_real_server_write_and_print_no_password(
    tmp_path: Path, guarded_postgresql: str, churn: Callable[..., object]
) -> None:
    run_sql(guarded_postgresql, f"ALTER ROLE guarded PASSWORD {sql_text(EVERYTHING)}")
    host = Address.parse(guarded_postgresql).host
    address = f"postgresql://guarded:{quote(EVERYTHING, safe='')}@{host}/postgres"

    init = churn("init", "--source", address, cwd=tmp_path)
    others = [
        churn(*words, cwd=tmp_path, DATABASE_PASSWORD=EVERYTHING)
        for words in (("ingest",), ("check", "--debug"))
    ]
    wrong = churn("ingest", cwd=tmp_path, DATABASE_PASSWORD=quote(EVERYTHING, safe=""))

    output = "".join(call.stdout + call.stderr for call in (init, *others, wrong))
    written = (tmp_path / "params.yaml").read_text()
    assert f"source: 'postgresql://guarded:${{DATABASE_PASSWORD}}@{host}/postgres'" in written
    assert "export DATABASE_PASSWORD='...'" in init.stdout
    assert [call.returncode for call in others] == [0, 15], output  # nobody left in these tables
    assert (wrong.returncode, "without codes such as %40" in wrong.stderr) == (11, True)
    assert parts_in(output, EVERYTHING) == []
    assert parts_in_files(tmp_path, EVERYTHING) == []


@pytest.mark.parametrize("password", PASSWORDS)
def test_the_search_finds_a_password_that_a_parquet_file_holds_packed(tmp_path: Path, password: str) -> None:
    path = tmp_path / "part.parquet"
    pq.write_table(
        pa.table({"word": [f"a {password}"], "words": [["b", password]]}), path, compression="zstd"
    )

    assert password in parts_in(text_of(path), password)


@pytest.mark.slow
def test_a_whole_run_that_uses_forty_passwords_writes_and_prints_none_of_them(
    tmp_path: Path, small_run: Path, churn: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = copy_run(small_run, tmp_path / "company")
    shutil.rmtree(folder / "output")
    words = {f"WORD_{number}": password for number, password in enumerate(PASSWORDS)}
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    quoted = ", ".join(f"$w$${{{name}}}$w$" for name in words)
    params["tables"]["surveys"] = {"where": f"customer_id not in ({quoted})"}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")

    calls = [churn(*verb, cwd=folder, **words) for verb in (("run",), ("run", "--set", "no=1", "--debug"))]

    output = "".join(call.stdout + call.stderr for call in calls)
    assert [call.returncode for call in calls] == [0, 10], output
    files = [path for path in folder.rglob("*") if path.is_file()]
    written = "\n".join([output, *map(str, folder.rglob("*")), *map(text_of, files)])
    assert [part for password in PASSWORDS for part in parts_in(written, password)] == []
