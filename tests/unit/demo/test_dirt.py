from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churn.demo import WATERMARK, write_company
from churn.demo.bad_rows import BAD_ROW_RATES, BAD_ROWS_BY_TABLE, TIME_COLUMNS

FAR_AHEAD = pd.Timestamp(WATERMARK) + pd.Timedelta(days=367)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dirt") / "company"
    write_company(folder, folder.with_name("truth"), 1200, seed=11)
    return folder


@pytest.fixture(scope="module")
def stated(company: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((company.with_name("truth") / "dirt.json").read_text())
    return content


def found(company: Path, table: str) -> dict[str, int]:
    """Count the bad rows by looking for them."""
    rows = pd.read_parquet(company / f"{table}.parquet")
    known = set(pd.read_parquet(company / "customers.parquet")["customer_id"].dropna())
    time, key = rows[TIME_COLUMNS[table]], "customer_id" if table == "customers" else "row_id"
    counts = {
        "repeated": rows.dropna(subset=["customer_id"]).duplicated(key).sum(),
        "dangling_id": (rows["customer_id"].notna() & ~rows["customer_id"].isin(known)).sum(),
        "missing_id": rows["customer_id"].isna().sum(),
        "missing_time": time.isna().sum(),
        "years_ahead": (time > FAR_AHEAD).sum(),
        "epoch_zero": (time < pd.Timestamp("1970-01-02")).sum(),
    }
    if "rating" in rows:
        counts["impossible_rating"] = (rows["rating"].notna() & ~rows["rating"].between(0, 10)).sum()
    if "amount" in rows:
        counts["negative_amount"] = (rows["amount"] < 0).sum()
    return {kind: int(count) for kind, count in counts.items() if count}


@pytest.mark.parametrize("table", sorted(name for name, kinds in BAD_ROWS_BY_TABLE.items() if kinds))
def test_the_bad_rows_are_those_that_the_truth_counts(
    company: Path, stated: dict[str, Any], table: str
) -> None:
    counted = found(company, table)

    assert counted == stated["bad"][table]
    assert set(counted) == set(BAD_ROWS_BY_TABLE[table])


@pytest.mark.parametrize("table", sorted(name for name, kinds in BAD_ROWS_BY_TABLE.items() if kinds))
def test_dirt_comes_at_its_stated_rates_and_below_the_share_that_stops_the_work(
    stated: dict[str, Any], table: str
) -> None:
    good, bad = stated["good"][table], stated["bad"][table]

    assert sum(bad.values()) < 0.05 * good
    for kind, count in bad.items():
        assert count == max(1, round(BAD_ROW_RATES[kind] * good))


@pytest.mark.parametrize("table", sorted(name for name, kinds in BAD_ROWS_BY_TABLE.items() if kinds))
def test_every_bad_row_is_an_addition_so_the_good_rows_stay_whole(
    company: Path, stated: dict[str, Any], table: str
) -> None:
    rows = pd.read_parquet(company / f"{table}.parquet")
    good = rows.iloc[: stated["good"][table]]

    assert len(rows) == stated["good"][table] + sum(stated["bad"][table].values())
    assert good["customer_id"].notna().all()
    assert good[TIME_COLUMNS[table]].notna().all()
    assert not good.duplicated("customer_id" if table == "customers" else "row_id").any()


@pytest.mark.parametrize("table", ["logins", "interactions", "orders"])
def test_late_rows_are_good_rows_known_days_after_they_happened(
    company: Path, stated: dict[str, Any], table: str
) -> None:
    good = pd.read_parquet(company / f"{table}.parquet").iloc[: stated["good"][table]]

    delay = good["known_at"] - good[TIME_COLUMNS[table]]
    assert (delay >= pd.Timedelta(0)).all()
    assert (delay > pd.Timedelta(0)).sum() == stated["late"][table]
    assert 0.005 < stated["late"][table] / len(good) < 0.015
    assert delay[delay > pd.Timedelta(0)].between(pd.Timedelta(days=1), pd.Timedelta(days=6)).all()
