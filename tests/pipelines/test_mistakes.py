"""Each mistake is answered in a line or two: place, value, rule, way out; and by its exit code."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines import cli

PARAMS = """
source: raw
timezone: Europe/Berlin
tables: {customers: {}, orders: {}, logins: {}}
label: {kind: inactivity, table: orders, horizon_days: 28, active_days: 28}
snapshot: {first: 2024-03-01, last: 2024-06-01, watermark: 2024-07-01}
signals: {windows: [28]}
"""
FILE = "shop.yaml"
FIRST, LAST = date(2024, 1, 1), date(2024, 7, 1)
PEOPLE = 30
PROGRESS = ("guards: ", "snapshot: ", "train: ")

Mutate = Callable[[Path], object]


def write(folder: Path, table: str, header: str, rows: list[str]) -> None:
    (folder / "raw" / f"{table}.csv").write_text("\n".join([header, *rows]) + "\n")


def lines(folder: Path, table: str) -> list[list[str]]:
    with (folder / "raw" / f"{table}.csv").open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def shop(tmp_path: Path, root: Path) -> Path:
    """A shop that holds no mistake: a third of its customers stop buying in April."""
    folder = tmp_path / "shop"
    (folder / "raw").mkdir(parents=True)
    shutil.copy(root / "playbook.yaml", folder)
    (folder / FILE).write_text(PARAMS)
    days = [FIRST + timedelta(step) for step in range(0, (LAST - FIRST).days, 9)]
    bought = [(i, day) for i in range(PEOPLE) for day in days if i % 3 or day < date(2024, 4, 10)]
    write(folder, "customers", "customer_id,signed_up_at", [f"c{i},2023-12-01" for i in range(PEOPLE)])
    write(folder, "orders", "customer_id,ordered_at,amount", [f"c{i},{day} 12:00,9.5" for i, day in bought])
    write(folder, "logins", "customer_id,happened_at", [f"c{i},{day} 11:00" for i, day in bought])
    return folder


# --- how a mistake is made


def params(old: str, new: str) -> Mutate:
    def mutate(folder: Path) -> None:
        text = (folder / FILE).read_text()
        assert old in text
        (folder / FILE).write_text(text.replace(old, new))

    return mutate


def playbook(text: str) -> Mutate:
    return lambda folder: (folder / "playbook.yaml").write_text(text)


def without(name: str) -> Mutate:
    def mutate(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return mutate


def cells(table: str, column: int, value: str, every: int = 1) -> Mutate:
    """Put a value into a column of every n-th row."""

    def mutate(folder: Path) -> None:
        header, *rows = lines(folder, table)
        for row in rows[::every]:
            row[column] = value
        write(folder, table, ",".join(header), [",".join(row) for row in rows])

    return mutate


def only(table: str, keep: Callable[[list[str]], bool]) -> Mutate:
    def mutate(folder: Path) -> None:
        header, *rows = lines(folder, table)
        write(folder, table, ",".join(header), [",".join(row) for row in rows if keep(row)])

    return mutate


def only_of(*customers: str) -> Mutate:
    """Keep the rows of these customers in every table."""

    def mutate(folder: Path) -> None:
        for table in ("customers", "orders", "logins"):
            only(table, lambda row: row[0] in customers)(folder)

    return mutate


def no_parquet(folder: Path) -> None:
    (folder / "raw" / "logins.csv").unlink()
    (folder / "raw" / "logins.parquet").write_text("customer_id,happened_at\n")


def nothing(folder: Path) -> None:
    pass


def champion(small_run: Path, change: Mutate) -> Mutate:
    """Bring the champion of another company along, changed."""

    def mutate(folder: Path) -> None:
        shutil.copytree(small_run / "models" / "champion", folder / "models" / "champion")
        change(folder / "models" / "champion")

    return mutate


@dataclass(frozen=True)
class Case:
    """A mistake, the call that meets it, and what the answer must hold."""

    mistake: str
    call: str
    code: int
    words: tuple[str, ...]
    change: Mutate = nothing


ONE_PLAY = """
plays:
  - {name: quiet, when: {%s: {at_least: 14}}, action: Call, owner: sales, channel: phone, due_in_days: 2,
     success: An order}
"""

CASES = [
    Case("unknown verb", "scor", 2, ("scor", "'score'")),
    Case("cutoff that is no date", "check --cutoff 2024-13-01", 2, ("2024-13-01", "YYYY-MM-DD")),
    *(
        Case(
            f"cutoff after the watermark of {verb}",
            f"{verb} --cutoff 2024-07-02",
            2,
            ("2024-07-02", "2024-07-01"),
        )
        for verb in ("check", "label", "snapshot", "run")
    ),
    Case("no params file", "check --params other.yaml", 10, ("other.yaml",)),
    Case(
        "misspelt parameter",
        "check",
        10,
        ("label.horizon_day ", "'horizon_days'"),
        params("horizon_days", "horizon_day"),
    ),
    Case("section misspelt", "check", 10, ("snapshots ", "'snapshot'"), params("snapshot:", "snapshots:")),
    Case("unknown table name", "check", 10, ("tables.login ", "'logins'"), params("logins:", "login:")),
    Case(
        "label of a table not named",
        "check",
        10,
        ("label.table 'payments'", "logins, orders"),
        params("table: orders", "table: payments"),
    ),
    Case(
        "wrong override",
        "check --set label.horizon_days=soon",
        10,
        ("label.horizon_days", "soon", "a whole number"),
    ),
    Case("source folder missing", "check", 11, ("raw", "'source'"), without("raw")),
    Case("source not read", "check --set source=ftp://shop/raw", 11, ("ftp", "folder")),
    Case("missing table", "check", 11, ("tables.logins", "customers, orders"), without("raw/logins.csv")),
    Case(
        "missing column",
        "check",
        11,
        ("orders", "'ordered_at'", "customer_id, at, amount", "tables.orders.columns"),
        lambda folder: write(folder, "orders", "customer_id,at,amount", ["c1,2024-01-01,1"]),
    ),
    Case(
        "text in a time column",
        "check",
        11,
        ("orders", "ordered_at is a time", "rejects/orders.parquet"),
        cells("orders", 1, "yesterday"),
    ),
    Case(
        "text in one time of ten",
        "check",
        11,
        ("orders", "ordered_at is a time", "check.max_rejects", "5.0%"),
        cells("orders", 1, "yesterday", every=10),
    ),
    Case(
        "all rows rejected",
        "check",
        11,
        ("logins", "customer_id is in customers", "100.0%"),
        cells("logins", 0, "stranger"),
    ),
    Case("empty table", "check", 11, ("orders", "empty"), only("orders", lambda row: False)),
    Case("no customers", "check", 11, ("customers", "empty"), only("customers", lambda row: False)),
    Case("no parquet", "check", 11, ("logins.parquet", "remove it"), no_parquet),
    Case(
        "broken SQL in a query",
        "check",
        11,
        ("tables.logins", 'near "logins"', "'query'"),
        params("logins: {}", 'logins: {query: "SELECT * FORM logins"}'),
    ),
    Case(
        "query of a table that is not there",
        "check",
        11,
        ("tables.logins", "sessions"),
        params("logins: {}", 'logins: {query: "SELECT * FROM sessions"}'),
    ),
    Case(
        "broken SQL in a column",
        "check",
        11,
        ("tables.orders", "no column 'pric'", "'columns.amount'"),
        params("orders: {}", "orders: {columns: {amount: pric * 2}}"),
    ),
    Case(
        "unknown family",
        "snapshot --set signals.families=[purchases]",
        12,
        ("signals.families", "'purchases'", "'purchase'"),
    ),
    Case(
        "unknown signal left out",
        "snapshot --set signals.leave_out=[login_changes]",
        12,
        ("signals.leave_out", "'login_changes'", "'login_change'"),
    ),
    Case("no signal", "snapshot --set signals.families=[support]", 12, ("[support]", "`churn signals`")),
    Case("no champion", "score", 13, ("models/champion", "`churn train`", "`churn promote`")),
    Case("nothing trained", "promote", 2, ("`churn train`",)),
    Case("nothing to roll back to", "promote --rollback", 13, ("previous",)),
    Case("no night", "report", 2, ("`churn score`",)),
    Case("one customer", "run", 15, ("1 customers", "too few"), only_of("c1")),
    Case(
        "no matured label",
        "run --set snapshot.first=2024-06-15 --set snapshot.last=2024-06-15",
        15,
        ("2024-07-01", "2024-07-13", "snapshot"),
    ),
    Case(
        "no churners",
        "run",
        15,
        ("are stayers", "label"),
        only_of(*(f"c{i}" for i in range(PEOPLE) if i % 3)),
    ),
]


def answer(folder: Path, call: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Call a verb in a folder and return its exit code and what it said on stderr."""
    words = call.split()
    if "--params" not in words:
        words += ["--params", str(folder / FILE)]
    code = cli.main(argv=words)
    return code, capsys.readouterr().err.splitlines()


def assert_in_words(lines: list[str]) -> None:
    warnings = [line for line in lines if line.startswith("warning: ")]
    assert len(warnings) <= 2, lines
    assert 1 <= len(lines) - len(warnings) <= 2, lines
    for line in lines:
        assert len(line) < 420
        assert "Traceback" not in line
        assert "a bug" not in line
        assert not line.startswith(" ")
        assert "params.yaml" not in line


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.mistake)
def test_a_mistake_is_answered_in_words_and_by_its_code(
    case: Case, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case.change(shop)

    code, lines = answer(shop, case.call, capsys)

    messages = [line for line in lines if not line.startswith(PROGRESS)]
    assert code == case.code, lines
    assert_in_words(messages)
    for word in case.words:
        assert word in " ".join(messages)


def test_the_shop_itself_holds_no_mistake(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = answer(shop, "check", capsys)

    assert (code, [line for line in lines if not line.startswith(PROGRESS)]) == (0, [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("logins: {}", "loginz: {}"),
        ("table: orders", "table: payments"),
        ("orders: {}", "orders: {columns: {amont: price}}"),
    ],
)
def test_a_mistake_of_the_file_is_told_before_the_source_is_read(
    old: str, new: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params(old, new)(shop)

    code = cli.main(argv=["check", "--params", str(shop / FILE)])

    output = capsys.readouterr()
    assert (code, output.out) == (10, "")
    assert output.err.startswith(f"{FILE}: ")


def other_bytes(folder: Path) -> None:
    path = folder / "artifacts" / "bundle" / "booster_0.txt"
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_bytes, ("booster_0.txt", "churn promote")),
        (without("artifacts/bundle/spec.json"), ("spec.json", "churn promote")),
        (lambda folder: (folder / "champion.json").write_text("{"), ("champion.json", "churn promote")),
        (nothing, ("label", FILE, "train")),
    ],
    ids=["other bytes", "file missing", "no JSON", "another label"],
)
def test_a_champion_that_is_damaged_or_answers_another_question_does_not_score(
    change: Mutate,
    words: tuple[str, ...],
    shop: Path,
    finished_run: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    champion(finished_run, change)(shop)

    code, lines = answer(shop, "score", capsys)

    assert code == 13
    assert_in_words(lines)
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("playbook.yaml"), ("playbook.yaml", "score.playbook")),
        (playbook(ONE_PLAY % "logins_count_27d"), ("playbook.yaml", "plays[0]", "'logins_count_28d'")),
        (playbook("plays: []"), ("playbook.yaml", "plays", "at least one")),
        (playbook("plays: [{"), ("playbook.yaml", "line 1")),
    ],
    ids=["missing", "unknown signal", "no play", "no YAML"],
)
def test_a_night_with_a_mistake_in_the_playbook_is_not_scored(
    change: Mutate,
    words: tuple[str, ...],
    shop: Path,
    small_run: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    champion(small_run, nothing)(shop)
    shutil.copy(small_run / "params.yaml", shop / FILE)
    change(shop)

    code, lines = answer(shop, "score", capsys)

    assert code == 14
    assert_in_words(lines)
    for word in words:
        assert word in lines[0]
