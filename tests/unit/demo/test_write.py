from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from churn.data.tables import CANONICAL_TABLES
from churn.demo import WATERMARK, world, write, write_company
from churn.demo.write import customer_ids
from churn.experiments.units import find_units

CUSTOMERS = 2500
TABLES = sorted(CANONICAL_TABLES)
TWO_CLOCKS = ("logins", "interactions", "orders")
WATERMARK_AT = pd.Timestamp(WATERMARK)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "company"
    write_company(folder, folder.with_name("truth"), CUSTOMERS, seed=7)
    return folder


def good_rows(company: Path, table: str) -> pd.DataFrame:
    """The rows before the spoilt copies, which come last."""
    rows = pd.read_parquet(company / f"{table}.parquet")
    good = pd.read_json(company.with_name("truth") / "dirt.json")["good"][table]
    return rows.iloc[: int(good)]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_company(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_company(tmp_path / name, tmp_path / f"{name}-truth", 300, seed)

    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    assert bytes_of(tmp_path / "a-truth") == bytes_of(tmp_path / "b-truth")
    assert bytes_of(tmp_path / "a")["logins.parquet"] != bytes_of(tmp_path / "c")["logins.parquet"]


@pytest.mark.parametrize("table", TABLES)
def test_every_canonical_table_is_there_with_its_columns(company: Path, table: str) -> None:
    schema = pq.read_schema(company / f"{table}.parquet")

    required = {column.name for column in CANONICAL_TABLES[table].columns if column.is_required}
    assert required <= set(schema.names)


@pytest.mark.parametrize("table", TABLES)
def test_ids_are_plain_text_and_times_are_naive(company: Path, table: str) -> None:
    schema = pq.read_schema(company / f"{table}.parquet")

    assert str(schema.field("customer_id").type) == "string"
    assert str(schema.field(CANONICAL_TABLES[table].time).type) == "timestamp[us]"


def test_ids_say_nothing_about_when_somebody_signed_up_or_whether_they_leave(company: Path) -> None:
    customers = good_rows(company, "customers")
    number = customers["customer_id"].str[1:].astype(int)
    gone = customers["customer_id"].isin(
        pd.read_parquet(company.with_name("truth") / "leavers.parquet")["customer_id"]
    )

    chance = 4 / np.sqrt(CUSTOMERS)
    assert customers["customer_id"].is_unique
    assert customers["customer_id"].str.fullmatch(r"C\d{6}").all()
    assert abs(number.corr(customers["signed_up_at"].astype("int64"), method="spearman")) < chance
    assert abs(number.corr(gone.astype(float), method="spearman")) < chance


@pytest.mark.parametrize("customers", [5, 5_000, 250_000])
def test_ids_are_distinct_shuffled_and_leave_room_for_strangers(customers: int) -> None:
    ids = customer_ids(np.arange(customers + 1000), customers).to_pylist()

    assert len(set(ids)) == len(ids)
    assert len({len(one) for one in ids}) == 1
    assert ids != sorted(ids)


WITHOUT_PAUSES = {("subscriptions", "paused_at"), ("subscriptions", "resumed_at")}
"""The times that the demo company does not have: nobody pauses a contract there."""


def outcome_columns() -> Iterator[tuple[str, str]]:
    for name in TABLES:
        for column in CANONICAL_TABLES[name].columns:
            if (name, column.name) in WITHOUT_PAUSES:
                continue
            if column.role in ("outcome", "time") or (column.role == "known" and name in TWO_CLOCKS):
                yield name, column.name


@pytest.mark.parametrize(("table", "column"), outcome_columns())
def test_an_export_at_the_watermark_holds_nothing_from_after_it(
    company: Path, table: str, column: str
) -> None:
    rows = good_rows(company, table)

    assert not (rows[column] >= WATERMARK_AT).any()


def test_a_renewal_date_never_lies_more_than_a_year_after_the_start_of_its_row(company: Path) -> None:
    rows = good_rows(company, "subscriptions").dropna(subset=["renews_at"])

    ahead = rows["renews_at"] - rows["started_at"].dt.normalize()
    assert len(rows) > 100
    assert ahead.max() <= pd.Timedelta(days=365)
    assert ahead.min() > pd.Timedelta(0)


def test_a_cancellation_is_requested_days_before_it_takes_effect(company: Path) -> None:
    rows = good_rows(company, "subscriptions").dropna(subset=["cancel_requested_at", "ended_at"])

    notice = (rows["ended_at"] - rows["cancel_requested_at"].dt.normalize()).dt.days
    assert len(rows) > 200
    assert notice.between(1, 14).all()
    assert notice.nunique() > 5


def test_people_leave_by_request_and_by_unpaid_bills_and_some_come_back(company: Path) -> None:
    rows = good_rows(company, "subscriptions").sort_values(["customer_id", "started_at"])
    reasons = rows["reason"].value_counts()
    last_end = rows.groupby("customer_id")["ended_at"].shift()
    absence = (rows["started_at"] - last_end).dt.days

    assert set(reasons.index) == {"request", "payment", "renewed", "plan change"}
    assert 0.05 < reasons["payment"] / (reasons["payment"] + reasons["request"]) < 0.4
    assert (absence > 30).sum() > 20
    assert absence.between(5, 30).sum() > 2
    assert (absence.dropna() >= 0).all()


def test_whoever_is_back_within_the_grace_period_has_not_left_for_good(company: Path) -> None:
    rows = good_rows(company, "subscriptions").sort_values(["customer_id", "started_at"])
    next_start = rows.groupby("customer_id")["started_at"].shift(-1)
    quick = rows[(next_start - rows["ended_at"]).dt.days.between(1, 30)]
    leavers = pd.read_parquet(company.with_name("truth") / "leavers.parquet")

    mended = leavers[~leavers["for_good"]]
    assert len(quick) > 5
    assert set(zip(mended["customer_id"], mended["ended_on"], strict=True)) == set(
        zip(quick["customer_id"], quick["ended_at"].dt.date, strict=True)
    )


def test_whoever_is_thrown_out_for_an_unpaid_bill_has_one(company: Path) -> None:
    # In the first weeks the bill may be older than the history.
    dunned = good_rows(company, "subscriptions").query("reason == 'payment' and ended_at > '2025-01-01'")
    unpaid = good_rows(company, "payments").query("paid_at.isna() and failed_at.notna()")

    bills = dunned.merge(unpaid, on="customer_id")
    owing = bills[bills["due_at"].lt(bills["ended_at"]) & (bills["ended_at"] - bills["due_at"] < "150 days")]
    assert len(dunned) > 50
    assert set(owing["customer_id"]) == set(dunned["customer_id"])


def test_hardly_anybody_logs_in_after_leaving(company: Path) -> None:
    subscriptions, logins = good_rows(company, "subscriptions"), good_rows(company, "logins")
    spells = subscriptions.groupby("customer_id").agg(
        open=("ended_at", lambda ends: ends.isna().any()), end=("ended_at", "max")
    )
    ends = spells.loc[~spells["open"], "end"]

    after = logins["happened_at"] > logins["customer_id"].map(ends)
    assert 0 < after.sum() < 0.002 * len(logins)


@pytest.mark.parametrize("table", [name for name in TABLES if name != "customers"])
def test_nothing_happens_before_sign_up(company: Path, table: str) -> None:
    signed_up = good_rows(company, "customers").set_index("customer_id")["signed_up_at"]
    rows = good_rows(company, table)

    assert (rows[CANONICAL_TABLES[table].time] > rows["customer_id"].map(signed_up)).all()


def test_sign_ups_grow_and_half_the_customers_were_there_before(company: Path) -> None:
    signed_up = good_rows(company, "customers")["signed_up_at"]

    first, last = (
        signed_up.between("2024-04-01", "2024-09-30").sum(),
        signed_up.between("2025-04-01", "2025-09-30").sum(),
    )
    assert 0.45 < (signed_up < "2024-04-01").mean() < 0.55
    assert last > 1.2 * first


def test_large_companies_are_made_in_chunks_that_fit_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "CHUNK_CUSTOMERS", 250)
    told: list[int] = []

    summary = write_company(tmp_path / "company", tmp_path / "truth", 600, 7, told.append)

    logins = pd.read_parquet(tmp_path / "company/logins.parquet")
    customers = pd.read_parquet(tmp_path / "company/customers.parquet")
    assert told == [250, 250, 100]
    assert customers["customer_id"].nunique() == 600
    assert logins["row_id"].nunique() == len(logins) - summary.bad["logins"]["repeated"]
    assert pq.ParquetFile(tmp_path / "company/logins.parquet").num_row_groups == 3


def test_a_company_stopped_half_way_leaves_nothing_in_the_folder(tmp_path: Path) -> None:
    def stop(made: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_company(tmp_path / "company", tmp_path / "truth", 100, 7, stop)

    assert not (tmp_path / "company").exists()
    assert not (tmp_path / "truth").exists()
    write_company(tmp_path / "company", tmp_path / "truth", 100, 7)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["company", "truth"]


@pytest.mark.parametrize("truth", ["company", "company/truth"])
def test_the_truth_may_not_lie_inside_the_source(tmp_path: Path, truth: str) -> None:
    with pytest.raises(ValueError, match="must not be readable as a source"):
        write_company(tmp_path / "company", tmp_path / truth, 100, 7)


@pytest.mark.parametrize("customers", [1, 3])
def test_a_company_of_very_few_customers_can_be_written(tmp_path: Path, customers: int) -> None:
    write_company(tmp_path / "company", tmp_path / "truth", customers, 7)

    assert len(pd.read_parquet(tmp_path / "company/customers.parquet")) == customers


@pytest.mark.parametrize("weeks", [1, 2, 4, 8])
def test_the_weeks_before_tonight_are_as_busy_as_those_before_earlier_nights(weeks: int) -> None:
    nights = [world.day_of(cutoff) for cutoff in world.truth_cutoffs()]

    *earlier, tonight = (world.USE_BY_DAY[night - 7 * weeks : night].mean() for night in nights)

    assert world.date_of(nights[-1]) == WATERMARK
    assert tonight == pytest.approx(np.median(earlier), rel=0.1)


def test_some_customers_belong_to_accounts_which_are_units_of_an_experiment(company: Path) -> None:
    customers = good_rows(company, "customers")
    account = customers["account_id"]

    units = find_units(customers[["customer_id", "account_id"]], "account")

    sizes = pd.Series(units.of(customers["customer_id"].tolist())).value_counts()
    assert account.notna().mean() == pytest.approx(0.3, abs=0.03)
    assert sizes.max() == 4
    assert (sizes > 1).sum() > 100
    assert len(sizes) == account.nunique() + account.isna().sum()
