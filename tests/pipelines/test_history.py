"""An attribute with a history from the raw tables to the call list, on a tiny company where it decides."""

from __future__ import annotations

import csv
import json
import random
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from pipelines import cli

pytestmark = pytest.mark.slow

BEGIN = date(2023, 1, 1)
DAYS = 379
CUTOFF = "2023-10-01"
PLANS = ("basic", "pro")

PARAMS: dict[str, Any] = {
    "source": "raw",
    "tables": {
        "customers": {
            "history": {
                "plan": {
                    "from": "plan_history",
                    "columns": {"customer_id": "client", "valid_from": "since", "valid_to": "until"},
                },
                "seats": {
                    "from": "changes",
                    "columns": {"customer_id": "client", "changed_at": "at", "value": "new"},
                    "where": "field = 'seats'",
                    "kind": "number",
                },
            }
        },
        "logins": {},
        "subscriptions": {},
    },
    "label": {"kind": "contract", "horizon_days": 31, "grace_days": 0},
    "snapshot": {"every": "month", "first": "2023-05-01", "last": "2023-12-01", "watermark": "2024-01-15"},
    "signals": {"windows": [28]},
    "train": {"learning_rate": 0.2, "max_rounds": 60, "calibration": "none"},
    "evaluate": {"bootstrap": 100, "accept": {"too_good": "the plan decides who leaves"}},
    "promote": {"observed_expected": [0.1, 10]},
}


class Company:
    """Customers whose plan changes now and then; nearly all who leave do so on `basic`."""

    def __init__(self) -> None:
        rng = random.Random(3)
        self.logins: list[dict[str, Any]] = []
        self.plans: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.contracts: list[dict[str, Any]] = []
        for number in range(500):
            who, plan, since, left = f"c{number:03}", rng.choice(PLANS), BEGIN, None
            self.changes.append({"client": who, "at": BEGIN, "field": "seats", "new": rng.randrange(9)})
            self.changes.append({"client": who, "at": BEGIN, "field": "owner", "new": "kim"})
            for day in (BEGIN + timedelta(step) for step in range(DAYS)):
                if rng.random() < 0.01:
                    self.plans.append({"client": who, "since": since, "until": day, "plan": plan})
                    plan, since = rng.choice(PLANS), day
                if rng.random() < 0.1:
                    self.logins.append({"customer_id": who, "happened_at": day})
                if rng.random() < (0.006 if plan == "basic" else 0.0002):
                    left = day
                    break
            self.plans.append({"client": who, "since": since, "until": "", "plan": plan})
            self.contracts.append({"customer_id": who, "started_at": BEGIN, "ended_at": left or ""})

    def plan_of(self, who: str, cutoff: date) -> str:
        """Return what the source says of a customer just before a cutoff."""
        known = [row for row in self.plans if row["client"] == who and row["since"] < cutoff]
        return str(max(known, key=lambda row: row["since"])["plan"])

    def write(self, folder: Path, until: date | None = None) -> Path:
        """Write the raw tables and params.yaml; with `until` as they were on its eve."""
        raw = folder / "raw"
        raw.mkdir(parents=True)
        people = [{"customer_id": row["customer_id"], "signed_up_at": BEGIN} for row in self.contracts]
        for name, time, end, rows in (
            ("customers", "signed_up_at", "", people),
            ("logins", "happened_at", "", self.logins),
            ("subscriptions", "started_at", "ended_at", self.contracts),
            ("changes", "at", "", self.changes),
            ("plan_history", "since", "until", self.plans),
        ):
            kept = [dict(row) for row in rows if until is None or row[time] < until]
            for row in kept:
                if until and row.get(end) and row[end] >= until:
                    row[end] = ""
            with (raw / f"{name}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(kept)
        path = folder / "params.yaml"
        path.write_text(yaml.safe_dump(PARAMS))
        (folder / "playbook.yaml").write_text(yaml.safe_dump(PLAYBOOK))
        return path


PLAYBOOK = {
    "plays": [
        {
            "name": "offer-pro",
            "when": {"plan": {"equals": "basic"}},
            "action": "Offer the larger plan",
            "owner": "sales",
            "channel": "phone",
            "due_in_days": 3,
            "success": "On pro after four weeks",
        }
    ]
}


def verb(name: str, path: Path, *options: str) -> int:
    return cli.main(name, ["--params", str(path), *options])


def snapshot(path: Path, cutoff: str = CUTOFF) -> list[dict[str, Any]]:
    part = pq.read_table(path.parent / "output" / "snapshots" / f"cutoff={cutoff}" / "part.parquet")
    return part.drop_columns(["left"]).to_pylist()


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


@pytest.fixture(scope="module")
def path(company: Company, tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """The parameter file of the company, its snapshots taken."""
    found = company.write(tmp_path_factory.mktemp("company"))
    shutil.copy(migrated, found.parent / "mlflow.db")
    assert verb("snapshot", found) == 0
    return found


def test_a_snapshot_holds_the_value_of_its_cutoff(company: Company, path: Path) -> None:
    rows = snapshot(path)

    assert len(rows) > 100
    assert {row["plan"] for row in rows} == set(PLANS)
    assert [row["plan"] for row in rows] == [
        company.plan_of(row["customer_id"], date.fromisoformat(CUTOFF)) for row in rows
    ]
    assert {row["seats"] for row in rows} == set(map(float, range(9)))


def test_a_snapshot_is_the_same_whether_or_not_the_source_knows_what_came_later(
    company: Company, path: Path, tmp_path: Path
) -> None:
    cut = company.write(tmp_path, until=date.fromisoformat(CUTOFF))

    code = verb("snapshot", cut, "--cutoff", CUTOFF, "--set", f"snapshot={{watermark: {CUTOFF}}}")

    assert code == 0
    assert snapshot(cut) == snapshot(path)


def test_a_model_learns_from_it_and_a_night_uses_it(path: Path) -> None:
    codes = [verb(name, path) for name in ("train", "evaluate", "promote", "score")]

    assert codes == [0, 0, 0, 0]
    spec = json.loads(next(path.parent.glob("models/champion/**/spec.json")).read_text())
    (plan,) = [signal for signal in spec["signals"] if signal["name"] == "plan"]
    assert plan["levels"] == list(PLANS)
    (scores,) = path.parent.glob("output/scores/cutoff=*/scores.parquet")
    rows = [row for row in pq.read_table(scores).to_pylist() if row["churn_probability"] is not None]
    on = {True: [], False: []}  # type: dict[bool, list[float]]
    for row in rows:
        on[row["play"] == "offer-pro"].append(row["churn_probability"])
    assert sum(on[True]) / len(on[True]) > 2 * sum(on[False]) / len(on[False])
    assert any("whose plan is basic" in str(row["reason_1"]) for row in rows)
