"""A company so small that `churn run` takes seconds, with a cause of leaving that a model can learn."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import yaml

CUTOFFS = [date(2024, 4, 1) + timedelta(days=28 * number) for number in range(6)]
FIRST_DAY, LAST_DAY = date(2024, 1, 1), CUTOFFS[-1] + timedelta(days=56)
CUSTOMERS = 260
HAZARD = 0.1
"""The share of the contracts that end in each period of four weeks."""

PLAYBOOK = Path(__file__).parents[2] / "playbook.yaml"

PARAMS = {
    "timezone": "UTC",
    "tables": {"customers": {}, "logins": {}, "tickets": {}, "subscriptions": {}},
    "label": {"kind": "contract", "horizon_days": 28, "grace_days": 0},
    "snapshot": {"cutoffs": CUTOFFS, "watermark": LAST_DAY},
    "signals": {"windows": [28], "names": ["tickets_count_28d", "logins_days_since_last", "tenure_days"]},
    "train": {"candidates": ["logistic"], "calibration": "none"},
    "evaluate": {
        "test_cutoffs": CUTOFFS[-3:],
        "bootstrap": 100,
        "accept": {"too_good": "the company is made so that its tickets tell who leaves"},
    },
    "promote": {"observed_expected": [0.2, 5.0]},
    "engine": {"threads": 1, "executor": "serial"},
}


def write_source(folder: Path, seed: int = 5) -> None:
    """Write the tables of the company as CSV.

    Most customers who leave open a ticket in the four weeks before; few others open one.

    Args:
        folder: The folder of the tables; it is created.
        seed: The seed of the random draws; another seed gives another company.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    periods = (LAST_DAY - FIRST_DAY).days // 28
    customers, contracts, tickets, logins = [], [], [], []
    for number in range(CUSTOMERS):
        name = f"c{number:03d}"
        start = FIRST_DAY - timedelta(days=int(rng.integers(1, 700)))
        period = int(rng.geometric(HAZARD))
        end = FIRST_DAY + timedelta(days=28 * period + int(rng.integers(0, 28))) if period < periods else None
        customers.append(f"{name},{start}T08:00:00")
        contracts.append(f"{name},{start}T09:00:00,{f'{end}T09:00:00' if end else ''},20")
        last = min(end or LAST_DAY, LAST_DAY)
        day = FIRST_DAY + timedelta(days=int(rng.integers(0, 7)))
        while day < last:
            logins.append(f"{name},{day}T{int(rng.integers(8, 18)):02d}:00:00")
            day += timedelta(days=int(rng.integers(2, 12)))
        opened = [day for day in _days(rng, FIRST_DAY, last) if rng.random() < 0.05]
        if end and rng.random() < 0.85:
            opened.append(end - timedelta(days=int(rng.integers(1, 27))))
        tickets += [f"{name},{day}T10:00:00" for day in opened if FIRST_DAY <= day < LAST_DAY]
    for table, head, lines in (
        ("customers", "customer_id,signed_up_at", customers),
        ("subscriptions", "customer_id,started_at,ended_at,mrr", contracts),
        ("tickets", "customer_id,opened_at", tickets),
        ("logins", "customer_id,happened_at", logins),
    ):
        (folder / f"{table}.csv").write_text("\n".join([head, *lines, ""]), encoding="utf-8")


def write_project(folder: Path, source: Path) -> None:
    """Write `params.yaml` and `playbook.yaml` into a folder that is otherwise empty.

    Args:
        folder: The folder in which the verbs work; it is created.
        source: The folder of the tables.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PLAYBOOK, folder / "playbook.yaml")
    params = {"source": str(source), **PARAMS}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def _days(rng: np.random.Generator, first: date, last: date) -> list[date]:
    """Return one day of each four weeks."""
    return [
        first + timedelta(days=28 * number + int(rng.integers(0, 28)))
        for number in range((last - first).days // 28)
    ]
