from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.demo import troubles, write_company
from churn.demo.troubles import PHASES, TROUBLE_FAMILIES, TROUBLES

DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("truth") / "company"
    write_company(folder, folder.with_name("truth"), 6000, seed=5)
    return folder


@pytest.fixture(scope="module")
def matured(company: Path) -> pd.DataFrame:
    rows = pd.read_parquet(company.with_name("truth") / "probabilities.parquet")
    rows["cutoff"] = pd.to_datetime(rows["cutoff"])
    return rows.dropna(subset=["left"])


@pytest.fixture(scope="module")
def leavers(company: Path) -> pd.DataFrame:
    rows = pd.read_parquet(company.with_name("truth") / "leavers.parquet")
    return rows.assign(**{name: pd.to_datetime(rows[name]) for name in ("requested_on", "ended_on")})


@pytest.fixture(scope="module")
def episodes(company: Path) -> pd.DataFrame:
    rows = pd.read_parquet(company.with_name("truth") / "episodes.parquet")
    return rows.assign(**{name: pd.to_datetime(rows[name]) for name in ("began_on", "over_on")})


def z_score(group: pd.DataFrame) -> float:
    """How many standard errors the leavers are away from what the truth expects."""
    chance = group["probability"]
    return float((group["left"].sum() - chance.sum()) / np.sqrt((chance * (1 - chance)).sum()))


def test_the_truth_is_given_for_the_first_of_every_month_from_the_seventh_on(company: Path) -> None:
    cutoffs = pd.read_parquet(company.with_name("truth") / "probabilities.parquet")["cutoff"].unique()

    assert sorted(cutoffs) == [
        *(date(2024, month, 1) for month in (10, 11, 12)),
        *(date(2025, month, 1) for month in range(1, 11)),
    ]


def test_the_true_chances_are_calibrated_in_every_decile(matured: pd.DataFrame) -> None:
    decile = pd.qcut(matured["probability"], 10, labels=False)

    errors = [z_score(group) for _, group in matured.groupby(decile)]

    assert len(matured) > 20_000
    assert abs(z_score(matured)) < 3
    assert max(map(abs, errors)) < 4


def test_the_true_chances_are_calibrated_in_every_month_and_family(matured: pd.DataFrame) -> None:
    groups = [group for _, group in matured.groupby("cutoff")] + [
        matured[matured[name]] for name in TROUBLE_FAMILIES
    ]

    assert max(abs(z_score(group)) for group in groups) < 4


def test_the_true_chances_are_calibrated_by_contract_and_tenure(company: Path, matured: pd.DataFrame) -> None:
    contracts = pd.read_parquet(company / "subscriptions.parquet").drop_duplicates("row_id")
    contracts = contracts.dropna(subset=["customer_id", "started_at"]).sort_values("started_at")
    known = pd.merge_asof(
        matured.astype({"cutoff": "datetime64[us]"}).sort_values("cutoff"),
        contracts[["customer_id", "started_at", "renews_at"]],
        left_on="cutoff",
        right_on="started_at",
        by="customer_id",
        allow_exact_matches=False,
    )
    ahead = (known["renews_at"] - known["cutoff"]).dt.days
    term = np.select([ahead.isna(), ahead < 60], ["monthly", "soon renewed"], "calm")
    young = known["cutoff"] - known["started_at"] < 60 * DAY

    errors = [z_score(group) for _, group in known.groupby([term, young])]

    assert len(errors) >= 5
    assert max(map(abs, errors)) < 4


def test_chances_of_request_and_of_dunning_add_up(matured: pd.DataFrame) -> None:
    total = matured["probability_request"] + matured["probability_payment"]

    assert np.allclose(total, matured["probability"])
    assert total.between(0, 1).all()


def test_three_to_five_in_a_hundred_leave_a_month_and_the_truth_tells_who(matured: pd.DataFrame) -> None:
    rank = matured["probability"].rank()
    left = matured["left"] == 1
    auc = (rank[left].mean() - (left.sum() + 1) / 2) / (~left).sum()

    assert 0.03 < left.mean() < 0.05
    assert 0.87 < auc < 0.96


def test_the_outcome_is_the_end_of_the_merged_spell_inside_the_window(
    matured: pd.DataFrame, leavers: pd.DataFrame
) -> None:
    ends = matured.merge(leavers[leavers["for_good"]], on="customer_id")
    ahead = ends["ended_on"] - ends["cutoff"]
    inside = ends[(ahead >= 0 * DAY) & (ahead < 31 * DAY)]

    expected = set(zip(inside["customer_id"], inside["cutoff"], strict=True))
    left = matured[matured["left"] == 1]
    assert set(zip(left["customer_id"], left["cutoff"], strict=True)) == expected


def test_a_raised_family_has_an_episode_under_way(episodes: pd.DataFrame, matured: pd.DataFrame) -> None:
    families = {kind.name: kind.families for kind in TROUBLES}
    one = matured[matured["cutoff"] == "2025-06-01"].set_index("customer_id")

    going_on = episodes["over_on"].isna() | (episodes["over_on"] >= "2025-06-01")
    now = episodes[(episodes["began_on"] < "2025-06-01") & going_on]

    for family in TROUBLE_FAMILIES:
        raised = set(now[[family in families[kind] for kind in now["kind"]]]["customer_id"]) & set(one.index)
        assert set(one.index[one[family]]) == raised


def test_many_episodes_heal_by_themselves(episodes: pd.DataFrame, leavers: pd.DataFrame) -> None:
    over = episodes[(episodes["kind"] != "away") & episodes["over_on"].notna()]

    ended = over.merge(
        leavers, left_on=["customer_id", "over_on"], right_on=["customer_id", "ended_on"], how="left"
    )

    assert 0.3 < ended["ended_on"].isna().mean() < 0.8


def test_a_card_that_has_run_out_brings_payment_trouble(company: Path, episodes: pd.DataFrame) -> None:
    payments = pd.read_parquet(company / "payments.parquet").drop_duplicates("row_id")
    cards = payments.groupby("customer_id")["card_expires_at"].min()
    began = episodes.loc[episodes["kind"] == "payment_trouble"].set_index("customer_id")["began_on"]

    after = (began - began.index.to_series().map(cards)).dt.days

    assert after.between(0, 31).sum() > 3 * after.between(-32, -1).sum() > 30


def before_the_request(
    rows: pd.DataFrame, leavers: pd.DataFrame, time: str, first: int, last: int
) -> pd.DataFrame:
    """The rows of leavers from `first` days before their request up to `last` days before it."""
    joined = rows.merge(leavers[["customer_id", "requested_on"]], on="customer_id")
    ahead = joined["requested_on"] - joined[time]
    return joined[(ahead <= first * DAY) & (ahead > last * DAY)]


@pytest.mark.parametrize(
    ("cause", "table", "time", "at_most"),
    [
        ("usage_fading", "logins", "happened_at", 0.5),
        ("usage_fading", "interactions", "happened_at", 0.5),
        ("champion_lost", "logins", "happened_at", 0.5),
        ("bad_experience", "logins", "happened_at", 0.9),
        ("spending_less", "orders", "ordered_at", 0.6),
    ],
)
def test_use_falls_two_weeks_and_more_before_anybody_asks_to_leave(
    company: Path, leavers: pd.DataFrame, cause: str, table: str, time: str, at_most: float
) -> None:
    customers = pd.read_parquet(company / "customers.parquet").drop_duplicates("customer_id")
    those = leavers[leavers["cause"] == cause].merge(customers, on="customer_id")
    long_here = (those["requested_on"] - those["signed_up_at"] > 240 * DAY) & (
        those["requested_on"] > "2025-03-01"
    )
    rows = pd.read_parquet(company / f"{table}.parquet").drop_duplicates("row_id")

    late = len(before_the_request(rows, those[long_here], time, first=42, last=14)) / 28
    usual = len(before_the_request(rows, those[long_here], time, first=240, last=156)) / 84

    assert long_here.sum() > 30
    assert late < at_most * usual


@pytest.mark.parametrize(
    ("cause", "table", "time", "measure", "lower_by"),
    [
        ("mail_fatigue", "emails", "sent_at", lambda rows: rows["opened_at"].notna().mean(), 0.3),
        ("champion_lost", "emails", "sent_at", lambda rows: rows["opened_at"].notna().mean(), 0.2),
        ("bad_experience", "surveys", "asked_at", lambda rows: rows["rating"].clip(0, 10).mean(), 2.5),
        ("slow_support", "surveys", "asked_at", lambda rows: rows["rating"].clip(0, 10).mean(), 1.0),
        (
            "slow_support",
            "tickets",
            "opened_at",
            lambda rows: -(rows["first_reply_at"] - rows["opened_at"]).dt.total_seconds().median() / 3600,
            10,
        ),
    ],
)
def test_what_customers_say_and_open_sours_two_weeks_and_more_before(
    company: Path, leavers: pd.DataFrame, cause: str, table: str, time: str, measure, lower_by: float
) -> None:
    rows = pd.read_parquet(company / f"{table}.parquet").drop_duplicates("row_id")

    late = before_the_request(rows, leavers[leavers["cause"] == cause], time, first=42, last=14)

    assert len(late) > 50
    assert measure(late) < measure(rows) - lower_by


def test_everybody_thrown_out_for_payment_was_in_payment_trouble_for_days(
    episodes: pd.DataFrame, leavers: pd.DataFrame
) -> None:
    dunned = leavers[leavers["by_payment"] & (leavers["ended_on"] > "2025-01-01")]

    last = dunned.merge(
        episodes[episodes["kind"] == "payment_trouble"],
        left_on=["customer_id", "ended_on"],
        right_on=["customer_id", "over_on"],
    )

    days = (last["ended_on"] - last["began_on"]).dt.days
    assert len(last) == len(dunned) > 100
    assert dunned["requested_on"].isna().all()
    assert days.median() > 21


@pytest.mark.parametrize("kind", range(len(TROUBLES)), ids=troubles.TROUBLE_NAMES)
@pytest.mark.parametrize("billing", [True, False])
@pytest.mark.parametrize("expired", [True, False])
def test_the_spread_over_phases_is_what_rolling_gives_on_average(
    kind: int, billing: bool, expired: bool
) -> None:
    size = 400_000
    rng = np.random.default_rng(1)
    onset, flags = np.full(size, 0.05), (np.full(size, billing), np.full(size, expired))
    phase = np.tile(rng.integers(0, PHASES, size).astype(np.uint8), (len(TROUBLES), 1))
    shares = np.stack([phase[kind] == p for p in range(PHASES)]).astype(float)

    after = troubles.advance_shares(kind, shares, onset, *flags)
    troubles.advance_phases(
        phase, np.tile(onset, (len(TROUBLES), 1)), rng.random(phase.shape, dtype=np.float32), *flags
    )

    rolled = np.bincount(phase[kind], minlength=PHASES) / size
    assert np.allclose(after.sum(axis=0), 1.0)
    assert np.allclose(after.mean(axis=1), rolled, atol=0.003)
