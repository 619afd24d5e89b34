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
from benchmarks.proof.live_size import CONTROL_SHARE, DrivenAway, proof_lines
from churn.data.own_files import read_own_json
from churn.demo.world import LABEL_GRACE_DAYS, LABEL_HORIZON_DAYS
from churn.experiments.ledger import Ledger, read_whole_ledger
from churn.uplift.files import result_path
from churn.uplift.result import UpliftResult

ROOT = Path(__file__).parents[2]
CUSTOMERS = 6000
CHANGES = (
    ("control: {share: 0.1}", f"control: {{share: {CONTROL_SHARE}}}"),
    ("windows: [7, 14, 28, 56, 91, 182]", "windows: [28, 91]"),
    ("  # `trials` is the number", "  candidates: [trees]\n  # `trials` is the number"),
)
"""What is changed in the parameters of the demo company: the control, and fewer signals and candidates."""
QUARTER_DAYS = 91
"""How often what was learnt from the contacts is measured."""
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
POLICY_TITLES = ("policy", "contacts", "of these driven away", "profit", "difference to ours")


@dataclass(frozen=True)
class LiveRun:
    """The results of a run.

    Attributes:
        seed: The seed of the company.
        nights: The number of nights.
        treated_units: The number of treated units whose outcome is known.
        control: The number of control units whose outcome is known.
        measured_effect: The measured difference of churn, control minus treated, with its interval.
        adjusted_effect: The difference that is adjusted by the score, with its interval; None if unknown.
        truth: The true difference of the treated units: their churn untouched, minus their churn as lived.
        contacts_of_controls: The number of contacts of customers of the control group.
        changed_lives_of_controls: The number of customers of the control group whose two lives differ.
    """

    seed: int
    nights: int
    treated_units: int
    control: int
    measured_effect: tuple[float, float, float]
    adjusted_effect: tuple[float, float, float] | None
    truth: float
    contacts_of_controls: int
    changed_lives_of_controls: int


def make_run(folder: Path, customers: int, seed: int, nights: int, days_between: int = 7) -> None:
    """Write a company, train a model and live through nights, by the verbs; what is finished is kept.

    Each quarter `churn measure` and `churn uplift` look at the contacts so far. The next nights use what they
    have proved.

    Args:
        folder: The folder of the run.
        customers: The number of customers.
        seed: The seed of the company.
        nights: The number of nights.
        days_between: The days from one night to the next.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "params.yaml").exists():
        _call(folder, "demo", "--customers", str(customers), "--seed", str(seed))
        text = (folder / "params.yaml").read_text(encoding="utf-8")
        for shipped, wanted in CHANGES:
            if shipped not in text:
                raise ValueError(f"{folder / 'params.yaml'} does not say {shipped}")
            text = text.replace(shipped, wanted)
        (folder / "params.yaml").write_text(text, encoding="utf-8")
    if not (folder / "models" / "champion").exists():
        _call(folder, "run")
    first = date(2025, 10, 1)
    while remaining := nights - (lived_until(folder) - first).days // days_between:
        block = min(remaining, QUARTER_DAYS // days_between)
        _call(folder, "demo", "--live", str(block), "--days-between", str(days_between))
        for verb in ("measure", "uplift"):
            _call(folder, verb, "--set", f"snapshot.watermark={lived_until(folder)}")


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
        treated_units=len(treated),
        control=len(_matured(_universal(ledger, "control"), lived_until(folder))),
        measured_effect=_interval(universal["difference"]["difference"]),
        adjusted_effect=_interval(adjusted["difference"]) if adjusted else None,
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


def table(nights: int, seeds: int, customers: int, folder: Path, days_between: int = 7) -> Iterator[str]:
    """Yield the lines: the effects of each run, the profits of the policies, and who is left alone.

    Args:
        nights: The number of nights of a run.
        seeds: The number of runs, with the seeds 7, 8 and so on.
        customers: The number of customers of a company.
        folder: The folder of the runs; runs that are there are used.
        days_between: The days from one night to the next.
    """
    runs, profits, lines = [], [], []
    for seed in range(7, 7 + seeds):
        home = folder / f"seed-{seed}"
        make_run(home, customers, seed, nights, days_between)
        runs.append(read_run(home, seed))
        profits.append(policy_profits(home))
        lines += left_alone_lines(home, customers, nights * days_between)
    yield f"| {' | '.join(TITLES)} |"
    yield f"|{'---:|' * len(TITLES)}"
    yield from map(run_row, runs)
    yield ""
    yield f"| {' | '.join(POLICY_TITLES)} |"
    yield f"|---|{'---:|' * (len(POLICY_TITLES) - 1)}"
    yield from policy_rows(profits)
    yield ""
    yield from lines


def left_alone_lines(folder: Path, customers: int, days: int) -> Iterator[str]:
    """Yield who was left alone because a contact drives them away, and what it takes to prove that.

    Args:
        folder: The folder of the run.
        customers: The number of customers of its company.
        days: The days of its nights.
    """
    ledger = read_whole_ledger(folder / "output")
    first = ledger.tasks.drop_duplicates("unit").set_index("unit")["channel"]
    effects = pd.read_parquet(folder / "data" / "company-truth" / "contact_effects.parquet")
    effects = effects.set_index("customer_id")
    spells = pd.read_parquet(folder / "data" / "company-truth" / "spells.parquet")
    units = _matured(_universal(ledger, "treated"), lived_until(folder))
    channel = first.reindex(units["unit"]).where(lambda names: names.isin(effects.columns), "email")
    is_driven_away = np.array(
        [
            effects.at[names[0], name] == "driven away"
            for names, name in zip(units["customers"], channel, strict=True)
        ]
    )
    untouched, lived = (
        left_units(units, spells[spells["world"] == world]) for world in ("untouched", "as lived")
    )
    controls = len(_matured(_universal(ledger, "control"), lived_until(folder)))
    learnt = read_own_json(result_path(folder / "output"), UpliftResult, way_out="Live through more nights.")
    yield from proof_lines(
        DrivenAway(
            customers=customers,
            days=days,
            units=len(units) + controls,
            share=float(is_driven_away.mean()),
            leave=float(untouched.mean()),
            leave_untouched=float(untouched[is_driven_away].mean()),
            leave_as_lived=float(lived[is_driven_away].mean()),
        ),
        learnt.experiments[0],
    )


def run_row(run: LiveRun) -> str:
    """Return a line of the table of effects.

    >>> run_row(LiveRun(7, 24, 900, 400, (0.03, 0.01, 0.05), None, 0.021, 0, 0))
    '| 7 | 900 | 400 | 3.0 [1.0, 5.0] | unknown | **2.1** | 0 | 0 |'
    """
    cells = [
        str(run.seed),
        f"{run.treated_units:,}",
        f"{run.control:,}",
        _points(run.measured_effect),
        _points(run.adjusted_effect) if run.adjusted_effect else "unknown",
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
        cells = [
            f"{sum(run[name].contacts for run in runs):,}",
            f"{sum(run[name].driven_away for run in runs):,}",
            _money(profit, draws),
        ]
        cells.append("" if name == "ours" else _money(profit - ours, draws))
        yield f"| {name} | {' | '.join(cells)} |"


def _money(profit: npt.NDArray[np.float64], draws: npt.NDArray[np.int64]) -> str:
    low, high = np.quantile(draws @ profit, (0.025, 0.975))
    return f"{profit.sum():,.0f} [{low:,.0f}, {high:,.0f}]"
