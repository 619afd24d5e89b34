"""The section `groups`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from churn.kpis.company import Company
from churn.kpis.groups import GroupsResult, groups_section
from churn.scoring.sink import LIST_FILES, side_list_path
from tests.drawn_company import DrawnCompany, draw

CUTOFF = date(2024, 7, 15)
LABEL = {"kind": "contract", "horizon_days": 28, "grace_days": 0}
CONTRACTS = """
    customer | started_at | ended_at
    ana      | 2024-01-01 |
    ben      | 2024-01-01 | 2024-06-10
    early    | 2024-01-01 | 2024-04-10
"""


def company(folder: Path, **tables: str) -> DrawnCompany:
    return draw(
        folder,
        subscriptions=CONTRACTS,
        label=LABEL,
        watermark=str(CUTOFF),
        since=None,
        params={"score": {"playbook": str(folder / "playbook.yaml")}},
        **tables,
    )


def section(drawn: DrawnCompany) -> GroupsResult:
    return groups_section(Company(drawn.store, CUTOFF))


def test_without_tables_each_part_has_its_own_reason(tmp_path: Path) -> None:
    result = section(company(tmp_path))

    assert result.rfm.reason == "no orders: map tables.orders"
    assert "no table of acts" in str(result.behaviour.reason)
    assert "no table of acts" in str(result.loyalty.reason)
    assert {entry.reason for entry in result.lists} == {"no night has been scored yet"}


def test_without_a_playbook_or_dates_of_renewal_the_other_parts_remain(tmp_path: Path) -> None:
    logins = "customer | happened_at\n ana | 2024-05-20\n ben | 2024-05-20"
    result = section(company(tmp_path, logins=logins))

    assert result.behaviour.reason is None
    assert {cell.stage for cell in result.behaviour.cells} == {"all"}
    assert result.behaviour.stage_reason is not None
    assert "renews_at" in str(result.loyalty.reason)


def test_lists_of_the_latest_night_are_counted(tmp_path: Path) -> None:
    drawn = company(tmp_path)
    output = drawn.store.params.output
    for night, n_rows in ((date(2024, 7, 1), 9), (date(2024, 7, 2), 2)):
        path = side_list_path(output, night, LIST_FILES[0])
        path.parent.mkdir(parents=True)
        (path.parent / "scores.parquet").write_bytes(b"")
        path.write_text("\ufeffrank,customer_id\r\n" + "1,ana\r\n" * n_rows, encoding="utf-8")

    advocates, gone = section(drawn).lists

    assert (advocates.night, advocates.customers) == (date(2024, 7, 2), 2)
    assert (gone.customers, gone.reason) == (None, "the playbook has no play for it")
