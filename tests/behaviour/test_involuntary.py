"""A model of involuntary leaving, from raw tables to the champion, in a company where the ways differ."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.model.bundle import load_champion
from churn.params import load_params
from churn.reporting import plots
from pipelines import cli

pytestmark = pytest.mark.slow

PARAMS = f"""
source: raw
score: {{playbook: {Path(__file__).parents[2] / "examples" / "payment_playbook.yaml"}}}
tables: {{customers: {{}}, logins: {{}}, payments: {{}}, subscriptions: {{}}}}
label: {{kind: contract, horizon_days: 31, grace_days: 30, leaving: involuntary}}
snapshot: {{every: month, first: 2024-06-01, last: 2025-01-01, watermark: 2025-04-01}}
signals: {{windows: [28], generic: {{logins: [recency], payments: [recency]}}}}
train: {{learning_rate: 0.1, candidates: [trees]}}
evaluate:
  test_cutoffs: [2024-11-01, 2024-12-01, 2025-01-01]
  bootstrap: 200
  accept: {{too_good: "bills stay open before they end a contract"}}
"""
FIRST, LAST = date(2024, 1, 1), date(2025, 4, 1)
DUNNING_DAYS = 40


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """A folder with raw tables and params.yaml.

    Each month one customer in 25 stops paying and is ended after the dunning; one in 33 falls silent, asks
    to leave and pays to the end; one in four pays weeks late and stays.
    """
    folder = tmp_path_factory.mktemp("involuntary")
    shutil.copy(migrated, folder / "mlflow.db")
    rng = np.random.default_rng(11)
    people, payments, logins, contracts = [], [], [], []
    for number in range(1000):
        who = f"c{number:03}"
        begun = FIRST + timedelta(days=int(rng.integers(-300, 300)))
        people.append((who, begun))
        end, asked, broke, day = None, None, False, max(begun, FIRST) + timedelta(days=int(rng.integers(28)))
        while day < LAST and (end is None or day < end):
            fate = rng.random() if end is None else 1.0
            late = int(rng.integers(20, 60)) if 0.07 <= fate < 0.3 else 1
            broke = broke or fate < 0.04
            payments.append((who, day, 20.0, None if broke else day + timedelta(days=late)))
            if fate < 0.04:
                end = day + timedelta(days=DUNNING_DAYS)
            elif fate < 0.07:
                end = day + timedelta(days=55)
                asked = end - timedelta(days=8)
            silent = end is not None and not broke
            seen = 0 if silent else rng.poisson(6)
            logins += [(who, day + timedelta(days=int(rng.integers(30)), hours=9)) for _ in range(seen)]
            day += timedelta(days=30)
        ended = end if end and end < LAST else None
        contracts.append((who, begun, ended, asked if ended else None))
    tables = {
        "customers": (people, ["customer_id", "signed_up_at"]),
        "payments": (payments, ["customer_id", "due_at", "amount", "paid_at"]),
        "logins": (logins, ["customer_id", "happened_at"]),
        "subscriptions": (contracts, ["customer_id", "started_at", "ended_at", "cancel_requested_at"]),
    }
    (folder / "raw").mkdir()
    for name, (rows, columns) in tables.items():
        pd.DataFrame(rows, columns=columns).to_csv(folder / "raw" / f"{name}.csv", index=False)
    (folder / "params.yaml").write_text(PARAMS)
    return folder


@pytest.fixture(scope="module")
def evaluated(company: Path) -> dict[str, object]:
    """What `churn evaluate` measured, after everything before it ended well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "FIGURES", {"gain": plots.FIGURES["gain"]})
        for verb in ("snapshot", "train", "evaluate", "promote", "score"):
            assert cli.main(verb, ["--params", str(company / "params.yaml")]) == 0, verb
    found: dict[str, object] = json.loads((company / "output" / "evaluate" / "metrics.json").read_text())
    return found


def test_it_is_told_by_open_bills(company: Path, evaluated) -> None:
    measured = evaluated["candidates"]["challenger"]
    importance = json.loads((company / "output" / "train" / "train.json").read_text())["importance"]

    assert measured["auc"]["low"] > 0.8
    assert importance[0][0].startswith("payment")


def test_whoever_leaves_of_their_own_will_is_no_case_of_it(company: Path, evaluated) -> None:
    params = load_params(company / "params.yaml")
    tested = pd.read_parquet(company / "output" / "evaluate" / "predictions.parquet")
    contracts = pd.read_csv(company / "raw" / "subscriptions.csv", parse_dates=["ended_at"])
    tested = tested.merge(contracts, on="customer_id")
    ahead = (tested["ended_at"] - pd.to_datetime(tested["cutoff"])).dt.days.between(0, 30)
    unwilling = ahead & tested["cancel_requested_at"].isna()
    willing = ahead & tested["cancel_requested_at"].notna()

    assert (tested["left"] == unwilling).all()
    assert willing.sum() > 20
    assert tested.loc[willing, "challenger"].mean() < tested.loc[unwilling, "challenger"].mean() / 5
    assert load_champion(params.champion).scorer.spec["label_id"] == params.label_id


def test_an_open_bill_is_called_about_first(company: Path, evaluated) -> None:
    (calls,) = (company / "output" / "calls").glob("*/calls.csv")
    first = pd.read_csv(calls).iloc[0]

    assert first["play"] == "unpaid-bill"
    assert any(word in first["reason_1"] for word in ("overdue", "bill", "paid"))


def test_the_card_and_every_guard_speak_of_this_label(company: Path, evaluated) -> None:
    card = (company / "models" / "champion" / "README.md").read_text()

    assert "Left involuntarily means" in card
    assert [one for one in evaluated["guards"]["found"] if one["severity"] == "stop"] == []
    assert evaluated["horizons"]["days"]["30"]["observed_expected"]["low"] < 1.2
