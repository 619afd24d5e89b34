"""`churn init`: a parameter file from the tables alone, that loads and that `churn check` can work with."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from churn.data.ingest.ingest import ingest
from churn.data.store import Store
from churn.features.library import availability
from churn.params import load_params
from pipelines import cli


def init(folder: Path, source: object, *options: str) -> int:
    return cli.main("init", ["--params", str(folder / "params.yaml"), "--source", str(source), *options])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with one table of orders."""
    folder = tmp_path / "shop"
    folder.mkdir()
    begin = date(2023, 1, 1)
    rows = [
        f"{user},{begin + timedelta(day)},{9.5 + user}"
        for user in range(50)
        for day in range(user % 10, 100 + (37 * user) % 300, 7)
    ]
    (folder / "orders.csv").write_text("\n".join(["user_id,created_at,total", *rows]) + "\n")
    return folder


def test_the_demo_company_gives_the_signals_of_its_own_parameters(finished_run: Path, tmp_path: Path) -> None:
    shipped = load_params(finished_run / "params.yaml", ["tables.customers.static=[]"])

    code = init(tmp_path, finished_run / "data" / "company")

    windows = ",".join(str(days) for days in shipped.signals.windows)
    params = load_params(
        tmp_path / "params.yaml", [f"signals.windows=[{windows}]", "signals.leave_out=[setup_steps]"]
    )
    assert code == 0
    assert set(params.tables) == set(shipped.tables) - {"contacts"}  # it is empty, so init leaves it out
    assert params.label == shipped.label
    stores = ingest(params, lambda _: None), Store.open(load_params(finished_run / "params.yaml"))
    on = [
        {one.signal.name for one in availability(p, store) if one.off_because is None}
        for p, store in zip((params, shipped), stores, strict=True)
    ]
    assert on[0] == on[1]


def test_a_file_that_stands_there_is_kept_unless_told_otherwise(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("mine\n")

    refused = init(tmp_path, shop)

    assert refused == 2
    assert "--force" in capsys.readouterr().err
    assert path.read_text() == "mine\n"
    assert init(tmp_path, shop, "--force") == 0
    assert load_params(path).label.table == "orders"


def test_check_runs_on_what_init_wrote_and_a_playbook_lies_beside_it(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    written = init(tmp_path, shop)

    checked = cli.main("check", ["--params", str(tmp_path / "params.yaml")])

    assert (written, checked) == (0, 0)
    assert re.search(r"orders: [\d,]+ rows of 50 customers", capsys.readouterr().out)
    assert (tmp_path / "playbook.yaml").read_text() == (root / "playbook.yaml").read_text()
    assert (tmp_path / "templates" / "low_rating.de.txt").exists()


def test_a_playbook_that_is_there_is_kept(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "playbook.yaml").write_text("plays: []\n")

    init(tmp_path, shop)

    assert (tmp_path / "playbook.yaml").read_text() == "plays: []\n"


def test_without_a_source_it_looks_at_this_folder(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)

    code = cli.main("init", [])

    assert code == 0
    assert load_params(shop / "params.yaml").source == str(shop)


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("nowhere", 11, "no folder at"),
        ("mongodb://host/shop", 11, "is not supported"),
        (".", 11, "no table found"),
        ("${NOT_SET}/shop", 2, "NOT_SET, which is not set"),
    ],
)
def test_a_source_that_gives_nothing_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    source: str,
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    assert init(tmp_path, source) == code
    assert message in capsys.readouterr().err.replace("}", "").replace("{", "").replace("$", "")
    assert not (tmp_path / "params.yaml").exists()


def test_parameters_cannot_be_set_before_they_are_written(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = init(tmp_path, shop, "--set", "timezone=Europe/Berlin")

    assert code == 2
    assert "--set has nothing to change yet" in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "table", "horizon_days"),
    [
        ("completejourney", "orders", 60),
        ("online_retail", "orders", 90),
        ("relax_logins", "interactions", 28),
        ("cdnow", "orders", 90),
    ],
)
def test_real_data_give_a_label_that_makes_sense_and_pass_the_check(
    real_data: Path, tmp_path: Path, name: str, table: str, horizon_days: int
) -> None:
    written = init(tmp_path, real_data / name)

    params = load_params(tmp_path / "params.yaml")
    assert written == 0
    assert (params.label.core_table, params.label.horizon_days) == (table, horizon_days)
    store = ingest(params, lambda _: None)
    asked = params.snapshot
    assert asked.first
    assert asked.last
    assert asked.first < asked.last <= store.watermark - timedelta(horizon_days)
    assert cli.main("check", ["--params", str(tmp_path / "params.yaml")]) == 0
