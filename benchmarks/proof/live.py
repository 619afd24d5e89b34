"""Nights with the demo company: is the measured effect the true one, and what does a policy earn?

A run is a folder with a demo company, a model and nights, made by the verbs. The truth is in the simulator:
each customer has two lives, as lived and as if nobody had been contacted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.proof.live_policies import PolicyProfit, policy_profits
from churn.demo.world import LABEL_GRACE_DAYS, LABEL_HORIZON_DAYS
from churn.experiments.ledger import Ledger, read_whole_ledger

ROOT = Path(__file__).parents[2]
CUSTOMERS = 6000
CONTROL_SHARE = 0.3
"""A larger control than by default, so that 24 nights give a useful interval."""
N_DRAWS = 2000
TITLES = (
    "seed",
    "units treated",
    "units control",
    "measured effect, points",
    "adjusted by the score",
    "**true effect**",
    "contacts of controls",
    "changed lives of controls",
)
POLICY_TITLES = ("policy", "contacts", "profit", "difference to ours")


@dataclass(frozen=True)
class LiveRun:
    """The results of a run.

    Attributes:
        seed: The seed of the company.
        nights: The number of nights.
        treated: The number of treated units whose outcome is known.
        control: The number of control units whose outcome is known.
        measured: The measured difference of churn, control minus treated, with its interval.
        adjusted: The difference that is adjusted by the score, with its interval; None if it is unknown.
        truth: The true difference of the treated units: their churn untouched, minus their churn as lived.
        contacts_of_controls: The number of contacts of customers of the control group.
        changed_lives_of_controls: The number of customers of the control group whose two lives differ.
    """

    seed: int
    nights: int
    treated: int
    control: int
    measured: tuple[float, float, float]
    adjusted: tuple[float, float, float] | None
    truth: float
    contacts_of_controls: int
    changed_lives_of_controls: int


def make_run(folder: Path, customers: int, seed: int, nights: int) -> None:
    """Write a company, train a model and live through nights, by the verbs; what is finished is kept.

    Args:
        folder: The folder of the run.
        customers: The number of customers.
        seed: The seed of the company.
        nights: The number of nights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "params.yaml").exists():
        _call(folder, "demo", "--customers", str(customers), "--seed", str(seed))
        text = (folder / "params.yaml").read_text(encoding="utf-8")
        shipped, wanted = "control: {share: 0.1}", f"control: {{share: {CONTROL_SHARE}}}"
        if shipped not in text:
            raise ValueError(f"{folder / 'params.yaml'} does not say {shipped}")
        (folder / "params.yaml").write_text(text.replace(shipped, wanted), encoding="utf-8")
    if not (folder / "models" / "champion").exists():
        _call(folder, "run")
    first = date(2025, 10, 1)
    days = (lived_until(folder) - first).days
    if remaining := nights - days // 7:
        _call(folder, "demo", "--live", str(remaining))
    _call(folder, "measure", "--set", f"snapshot.watermark={lived_until(folder)}")


def lived_until(folder: Path) -> date:
    """Return the day up to which the company of a run has lived."""
    stamp = json.loads((folder / "data" / "company" / "demo.json").read_text(encoding="utf-8"))
    return date.fromisoformat(stamp.get("lived_until", stamp["watermark"]))


def _call(folder: Path, verb: str, *options: str) -> None:
    command = [sys.executable, "-m", f"pipelines.{verb}", *options]
    subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, stdout=subprocess.DEVNULL
    )


def read_run(folder: Path, seed: int) -> LiveRun:
    """Return the results of a run: what was measured, and what is true.

    Args:
        folder: The folder of the run, whose effects have been measured.
        seed: The seed of its company.
    """
    effects = json.loads((folder / "output" / "measure" / "effects.json").read_text(encoding="utf-8"))
    universal = effects["universal"]
    ledger = read_whole_ledger(folder / "output")
    spells = pd.read_parquet(folder / "data" / "company-truth" / "spells.parquet")
    contacts = pd.read_parquet(folder / "data" / "company" / "contacts.parquet")
    controls = {name for names in _universal(ledger, "control")["customers"] for name in names}
    treated = _matured(_universal(ledger, "treated"), lived_until(folder))
    left = {
        world: left_units(treated, spells[spells["world"] == world]) for world in ("untouched", "as lived")
    }
    adjusted = universal["adjusted_difference"]
    return LiveRun(
        seed=seed,
        nights=len(ledger.nights),
        treated=len(treated),
        control=len(_matured(_universal(ledger, "control"), lived_until(folder))),
        measured=_interval(universal["difference"]["difference"]),
        adjusted=_interval(adjusted["difference"]) if adjusted else None,
        truth=float(left["untouched"].mean() - left["as lived"].mean()),
        contacts_of_controls=int(contacts["customer_id"].isin(controls).sum()),
        changed_lives_of_controls=_changed_lives(spells[spells["customer_id"].isin(controls)]),
    )


def _interval(entry: dict[str, float]) -> tuple[float, float, float]:
    return entry["value"], entry["low"], entry["high"]


def _universal(ledger: Ledger, arm: str) -> pd.DataFrame:
    rows = ledger.assignments
    return rows[(rows["experiment"] == "universal") & (rows["arm"] == arm)]


def _matured(units: pd.DataFrame, until: date) -> pd.DataFrame:
    last = until - timedelta(LABEL_HORIZON_DAYS + LABEL_GRACE_DAYS)
    return units[pd.to_datetime(units["assigned_on"]) <= pd.Timestamp(last)]


def left_units(units: pd.DataFrame, spells: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return which units left: a contract of a customer ended in the window and was not renewed in the grace.

    Args:
        units: The units: `customers` and `assigned_on`.
        spells: The spells of one world: `customer_id`, `started_on` and `ended_on`.
    """
    rows = spells.sort_values(["customer_id", "started_on"])
    ended = pd.to_datetime(rows["ended_on"])
    next_start = pd.to_datetime(rows.groupby("customer_id")["started_on"].shift(-1))
    is_final = ~((next_start - ended).dt.days <= LABEL_GRACE_DAYS)
    ends: dict[str, list[pd.Timestamp]] = {}
    for name, day in zip(rows["customer_id"][is_final], ended[is_final], strict=True):
        ends.setdefault(name, []).append(day)
    horizon = pd.Timedelta(days=LABEL_HORIZON_DAYS)
    left = [
        any(begin <= day < begin + horizon for name in names for day in ends.get(name, []))
        for names, begin in zip(units["customers"], pd.to_datetime(units["assigned_on"]), strict=True)
    ]
    return np.array(left, dtype=bool)


def _changed_lives(spells: pd.DataFrame) -> int:
    columns = ["customer_id", "started_on", "ended_on"]
    lives = {
        world: set(map(tuple, rows[columns].astype(str).to_numpy()))
        for world, rows in spells.groupby("world")
    }
    return len({row[0] for row in lives["untouched"] ^ lives["as lived"]})


def table(nights: int, seeds: int, customers: int, folder: Path) -> Iterator[str]:
    """Yield the lines of the two tables: the effects of each run, and the profits of the policies.

    Args:
        nights: The number of nights of a run.
        seeds: The number of runs, with the seeds 7, 8 and so on.
        customers: The number of customers of a company.
        folder: The folder of the runs; runs that are there are used.
    """
    runs, profits = [], []
    for seed in range(7, 7 + seeds):
        home = folder / f"seed-{seed}"
        make_run(home, customers, seed, nights)
        runs.append(read_run(home, seed))
        profits.append(policy_profits(home))
    yield f"| {' | '.join(TITLES)} |"
    yield f"|{'---:|' * len(TITLES)}"
    yield from map(run_row, runs)
    yield ""
    yield f"| {' | '.join(POLICY_TITLES)} |"
    yield f"|---|{'---:|' * (len(POLICY_TITLES) - 1)}"
    yield from policy_rows(profits)


def run_row(run: LiveRun) -> str:
    """Return a line of the table of effects.

    >>> run_row(LiveRun(7, 24, 900, 400, (0.03, 0.01, 0.05), None, 0.021, 0, 0))
    '| 7 | 900 | 400 | 3.0 [1.0, 5.0] | unknown | **2.1** | 0 | 0 |'
    """
    cells = [
        str(run.seed),
        f"{run.treated:,}",
        f"{run.control:,}",
        _points(run.measured),
        _points(run.adjusted) if run.adjusted else "unknown",
        f"**{100 * run.truth:.1f}**",
        str(run.contacts_of_controls),
        str(run.changed_lives_of_controls),
    ]
    return f"| {' | '.join(cells)} |"


def _points(interval: tuple[float, float, float]) -> str:
    value, low, high = (100 * number for number in interval)
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def policy_rows(runs: list[dict[str, PolicyProfit]]) -> Iterator[str]:
    """Yield a line for each policy: its profit over all runs, with intervals from drawing customers.

    Args:
        runs: The profits of the policies in each run, by policy; "ours" is one of them.
    """
    rng = np.random.default_rng(1)
    ours = np.concatenate([run["ours"].profit for run in runs])
    draws = rng.multinomial(len(ours), np.full(len(ours), 1 / len(ours)), N_DRAWS)
    for name in runs[0]:
        profit = np.concatenate([run[name].profit for run in runs])
        cells = [f"{sum(run[name].contacts for run in runs):,}", _money(profit, draws)]
        cells.append("" if name == "ours" else _money(profit - ours, draws))
        yield f"| {name} | {' | '.join(cells)} |"


def _money(profit: npt.NDArray[np.float64], draws: npt.NDArray[np.int64]) -> str:
    low, high = np.quantile(draws @ profit, (0.025, 0.975))
    return f"{profit.sum():,.0f} [{low:,.0f}, {high:,.0f}]"
