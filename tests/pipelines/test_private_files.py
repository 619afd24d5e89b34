"""What a verb writes is readable by its user alone, unless the parameters leave that to the umask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import cli

PARAMS = """\
source: raw
tables:
  customers: {from: clients, columns: {customer_id: id, signed_up_at: since}}
  orders: {from: sales, columns: {customer_id: client, ordered_at: ts, amount: price}}
label: {kind: inactivity, table: orders, horizon_days: 7}
"""


@pytest.fixture
def open_umask() -> Iterator[None]:
    earlier = os.umask(0o022)
    yield
    os.umask(earlier)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "clients.csv").write_text("id,since\na,2023-01-01\n")
    (tmp_path / "raw" / "sales.csv").write_text("client,ts,price\na,2023-02-01,5\na,2023-03-01,x\n")
    (tmp_path / "params.yaml").write_text(PARAMS + "check: {max_rejects: 0.9}\n")
    return tmp_path


def modes(folder: Path) -> set[tuple[str, int]]:
    return {
        ("folder" if path.is_dir() else "file", path.stat().st_mode & 0o777)
        for path in [folder, *folder.rglob("*")]
        if not path.is_symlink()
    }


def test_store_and_rejects_are_private_also_after_a_second_ingest(shop: Path, open_umask: None) -> None:
    codes = [cli.main("ingest", ["--params", str(shop / "params.yaml")])]
    with (shop / "raw" / "sales.csv").open("a") as file:
        file.write("a,2023-04-01,6\n")
    codes.append(cli.main("ingest", ["--params", str(shop / "params.yaml")]))

    assert codes == [0, 0]
    assert modes(shop / "output") == {("folder", 0o700), ("file", 0o600)}
    assert os.umask(0o022) == 0o022


def test_private_files_can_be_left_to_the_umask(shop: Path, open_umask: None) -> None:
    code = cli.main("ingest", ["--params", str(shop / "params.yaml"), "--set", "private_files=false"])

    assert code == 0
    assert modes(shop / "output") == {("folder", 0o755), ("file", 0o644)}
