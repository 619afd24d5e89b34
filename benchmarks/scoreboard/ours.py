"""Our own pipeline as a contestant, by its own verbs, and the same with one thing left out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm as lgb
import pandas as pd

from benchmarks.scoreboard.contest import KEYS, Contest
from benchmarks.scoreboard.sets import TimeSet
from churn.features.library import selected
from churn.params import Params
from churn.training.build import snapshot_cutoffs
from churn.training.label import window_of
from churn.training.snapshots import read_snapshots
from churn.training.split import trainable
from pipelines import evaluate, snapshot, train
from pipelines.say import Quiet, Say

PLAIN_NAMES = re.compile(r"_count_\d+d$|_(amount_|value_)?total_\d+d$|_days_since_last$|_gap_mean_\d+d$")
DEFAULT_ROUNDS = 100


@dataclass(frozen=True)
class Run:
    """How our pipeline is to be run.

    Attributes:
        contest: The set and the rows judged.
        folder: Where it works; emptied of nothing, so that the store is made once.
        every: The grid of cutoffs to learn from, as `TimeSet.grid` names it; None leaves the example's own.
    """

    contest: Contest
    folder: Path
    every: str | None

    def cutoffs(self) -> tuple[date, ...]:
        """Return the cutoffs to learn from, of labels known when the last is judged, and those judged."""
        one, contest = self.contest.set, self.contest
        asked = (
            one.grid(self.every) if self.every else snapshot_cutoffs(one.params(self.folder), contest.store)
        )
        known_by = contest.known_by or contest.test[-1]
        known = {day for day in asked if window_of(contest.params, day).mature_on <= known_by}
        return tuple(sorted(known | {*contest.test}))

    def params(
        self,
        cutoffs: Sequence[date] | None = None,
        test: Sequence[date] | None = None,
        changed: Mapping[str, Any] | None = None,
    ) -> Params:
        """Return the example's parameters for these cutoffs, by default all; the store is the contest's."""
        cutoffs, test = cutoffs or self.cutoffs(), test or self.contest.test
        params = self.contest.set.params(self.folder, cutoffs, test, changed)
        params.output.mkdir(parents=True, exist_ok=True)
        store = params.output / "store"
        if not store.exists():
            store.unlink(missing_ok=True)
            store.symlink_to((self.contest.params.output / "store").resolve())
        return params


def write_snapshots(one: TimeSet, work: Path, every: str, say: Say) -> Params:
    """Write the snapshots of a set on a grid of cutoffs and return the parameters that fit them."""
    folder = work / one.name / every.replace(" ", "-")
    params = one.params(folder, one.grid(every))
    snapshot.run(params, say=say)
    return params


def whole(run: Run, changed: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Return what `snapshot`, `train` and `evaluate` predict."""
    params = run.params(changed=changed)
    snapshot.run(params, say=Quiet())
    return _judged(params, run.contest.known_by)


def one_snapshot(run: Run) -> pd.DataFrame:
    """Return the same learnt from one snapshot at a time: the latest whose label was known."""
    parts = []
    for day in run.contest.test:
        known = {other: window_of(run.contest.params, other).mature_on for other in run.cutoffs()}
        params = run.params((trainable(known, day)[-1], day), (day,))
        snapshot.run(params, say=Quiet())
        parts.append(_judged(params, run.contest.known_by))
    return pd.concat(parts, ignore_index=True)


def plain_counts(run: Run) -> pd.DataFrame:
    """Return the same without the library: counts and totals in windows, recency, mean gap and tenure."""
    params = run.params()
    names = [signal.name for signal in selected(params, run.contest.store)]
    kept = ["tenure_days", *(name for name in names if PLAIN_NAMES.search(name))]
    return whole(run, {"signals.names": kept})


def uncalibrated(run: Run) -> pd.DataFrame:
    """Return the same without calibration."""
    return whole(run, {"train.calibration": "none"})


def default_trees(run: Run) -> pd.DataFrame:
    """Return LightGBM as it comes, 100 trees, on our snapshots."""
    params = run.params()
    snapshot.run(params, say=Quiet())
    snapshots = read_snapshots(params, known_by=run.contest.known_by)
    parts = []
    for day in run.contest.test:
        learnt, rows = snapshots.rows.at(trainable(snapshots.mature_on, day)), snapshots.rows.at([day])
        text = [learnt.names.index(name) for name in learnt.levels]
        settings = {"objective": "binary", "num_threads": 1, "deterministic": True, "verbosity": -1}
        data = lgb.Dataset(learnt.matrix, learnt.left, categorical_feature=text)
        made = lgb.train({**settings, "seed": 0}, data, DEFAULT_ROUNDS).predict(rows.matrix)
        customers = [snapshots.customers[code] for code in rows.customer]
        parts.append(pd.DataFrame({"customer_id": customers, "cutoff": day, "probability": made}))
    return pd.concat(parts, ignore_index=True)


ABLATIONS: Mapping[str, Callable[[Run], pd.DataFrame]] = {
    "one_snapshot": one_snapshot,
    "plain_counts": plain_counts,
    "default_trees": default_trees,
    "uncalibrated": uncalibrated,
}


def learnt(folder: Path) -> dict[str, Any]:
    """Return what the last training in a folder chose."""
    path = folder / "output" / "train" / "train.json"
    if not path.exists():  # the default trees have no training of ours
        return {}
    facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return {name: facts[name] for name in ("recipe", "calibration", "choice_cutoffs") if name in facts}


def _judged(params: Params, known_by: date | None) -> pd.DataFrame:
    train.run(params, cutoff=known_by, say=Quiet())
    evaluate.run(params, cutoff=known_by, say=Quiet())
    made = pd.read_parquet(params.output / "evaluate" / "predictions.parquet")
    return made[KEYS].assign(probability=made["challenger"])
