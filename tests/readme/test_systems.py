"""The parts of docs/systems.md read the exports that the page shows: one company out of five systems."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from churn.data.store import Store
from churn.params import load_params
from pipelines import cli
from tests.readme.five_exports import N_CUSTOMERS, write_exports

ROOT = Path(__file__).parents[2]
TABLES = {"customers", "orders", "subscriptions", "payments", "tickets", "emails", "interactions", "logins"}


def parts_of_the_page() -> dict[str, Any]:
    """Return params.yaml as the page builds it, part by part."""
    page = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    whole: dict[str, Any] = {"tables": {}}
    for block in re.findall(r"^```yaml\n(.*?)^```", page, flags=re.M | re.S):
        part = yaml.safe_load(block)
        whole["tables"] |= part.pop("tables", {})
        assert not whole.keys() & part.keys()
        whole |= part
    return whole


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("systems")
    write_exports(folder / "exports")
    (folder / "params.yaml").write_text(yaml.safe_dump(parts_of_the_page()), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_the_parts_of_the_page_read_all_five_systems_and_no_finding_is_left(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main("check", ["--params", str(company / "params.yaml")])

    output = capsys.readouterr()
    assert code == 0, output.err
    assert "0 say stop, 0 warn, 1 signed off" in output.out
    store = Store.open(load_params(company / "params.yaml"))
    assert set(store.tables) == TABLES
    assert {name: sum(table.rejects.values()) for name, table in store.tables.items()} == dict.fromkeys(
        TABLES, 0
    )
    assert {table.rows for name, table in store.tables.items() if name in ("customers", "subscriptions")} == {
        N_CUSTOMERS
    }


def test_init_finds_the_contracts_and_the_orders_of_the_same_exports(company: Path) -> None:
    path = company / "first" / "params.yaml"

    code = cli.main("init", ["--params", str(path), "--source", str(company / "exports")])

    params = load_params(path)
    assert code == 0
    assert params.label.kind == "contract"
    assert {"customers", "subscriptions", "orders"} <= params.tables.keys()


def test_the_page_shows_the_heads_of_the_exports(company: Path) -> None:
    page = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    heads = {
        path.name: path.open(encoding="utf-8").readline().strip()
        for path in (company / "exports").glob("*.csv")
    }

    shown = {name for name, head in heads.items() if f"\n{head}\n" in page}

    assert shown == {"shop_orders.csv", "subscriptions.csv", "tickets.csv", "mail_activity.csv"}
