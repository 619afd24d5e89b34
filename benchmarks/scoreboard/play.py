"""Let all contestants of a set predict the same rows, and evaluate the predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.scoreboard import automatic, fake, telco
from benchmarks.scoreboard.ceiling import ceiling
from benchmarks.scoreboard.contest import REHEARSALS, Contest, open_contest
from benchmarks.scoreboard.judged import judged
from benchmarks.scoreboard.keep import Kept, code_digest, kept, rows_digest, text_digest
from benchmarks.scoreboard.looks import LOOKS, log_look
from benchmarks.scoreboard.ours import ABLATIONS, Run, learnt, whole
from benchmarks.scoreboard.rivals import RIVALS, buying
from benchmarks.scoreboard.sets import TimeSet
from churn.data.files import exclusive_lock
from churn.params import digest_of
from churn.snapshots.dataset import LabelledRows
from pipelines.echo import QuietEcho

HERE = "benchmarks/scoreboard"
OURS_CODE = ("churn", "pipelines", *(f"{HERE}/{name}.py" for name in ("sets", "contest", "ours")))
RIVALS_CODE = (
    "churn/features/language/btyd.py",
    *(f"{HERE}/{n}.py" for n in ("sets", "contest", "plain", "rivals")),
)
AUTOMATIC_CODE = tuple(f"{HERE}/{name}.py" for name in ("automatic", "automatic_inside"))
OURS = "ours"

Rival = Callable[[Contest], pd.DataFrame]
Way = Callable[[Run], pd.DataFrame]
Make = Callable[[], tuple[pd.DataFrame, dict[str, Any]]]


def contestants(one: TimeSet, inactivity: bool) -> tuple[str, ...]:
    """Return the names of the contestants of a set; our pipeline and its ablations come last."""
    rivals = [name for name in RIVALS if inactivity or name != "bg_nbd"]
    return (*rivals, automatic.NAME, OURS, *(f"{OURS}_{name}" for name in ABLATIONS))


def play(
    one: TimeSet,
    work: Path,
    *,
    every: str | None,
    rehearse: bool,
    wanted: Sequence[str] | None,
    date: str | None = None,
    looks: Path = LOOKS,
    environment: Path = automatic.ENVIRONMENT,
) -> dict[str, Any]:
    """Return the figures of a set.

    Args:
        one: The set.
        work: The work folder of all sets.
        every: The grid of training cutoffs of our pipeline; None keeps the grid of the example.
        rehearse: Whether to test on cutoffs before the first test cutoff.
        wanted: The names of the contestants; None means all contestants.
        date: The date of today, for the log of uses.
        looks: The path of the log of uses.
        environment: The environment of featuretools.
    """
    phase = "rehearsal" if rehearse else "test"
    with exclusive_lock(work / one.name / f".{phase}.lock"):
        contest = open_contest(one, work, QuietEcho(), REHEARSALS if rehearse else 0)
        inactivity = contest.params.label.kind == "inactivity"
        makes = {
            name: make
            for name, make in _makes(contest, work, phase, every, environment).items()
            if name in (wanted or contestants(one, inactivity)) and (inactivity or name != "bg_nbd")
        }
        shared = f"{one} {rows_digest(contest.train_rows)} {rows_digest(contest.test_rows)}"
        made = {}
        for name, (stamp, make) in makes.items():
            print(f"{one.name} {phase}: {name} …", flush=True)
            folder = work / one.name / f"{phase}_kept"
            made[name] = kept(folder, name, f"{stamp} {shared}", make)
    aligned = {name: contest.aligned(name, each.predictions).to_numpy() for name, each in made.items()}
    found = judged(contest.test_rows, aligned, OURS)
    if not rehearse:
        _look(one.name, found, date, looks)
    about = _about(contest) | ({"ceiling": _ceiling(contest)} if inactivity else {})
    return {**about, "contestants": _with_costs(found, made)}


def _ceiling(contest: Contest) -> dict[str, dict[str, float]]:
    """Return the figures of BG/NBD on customers drawn from the model, as at the last test cutoff."""
    label = contest.params.label
    model, found = buying(contest, contest.test[-1])
    age = found["age"].to_numpy(np.float64)
    return ceiling(model, age, label.horizon_days, label.days_active)


def play_telco(
    work: Path, data: Path, *, wanted: Sequence[str] | None, date: str | None = None, looks: Path = LOOKS
) -> dict[str, Any]:
    """Return the figures of Telco, honest and with resampling before the split."""
    rows = telco.read_telco(data)
    made = {}
    for name, learn in telco.CONTESTANTS.items():
        if name in (wanted or telco.CONTESTANTS):
            print(f"{telco.NAME}: {name} …", flush=True)
            code = (
                ("churn/training", "churn/model", f"{HERE}/telco.py")
                if OURS in name
                else (f"{HERE}/telco.py",)
            )
            make = partial(_telco, rows, learn)
            made[name] = kept(work / telco.NAME, name, code_digest(*code), make)
    first = next(iter(made.values())).predictions
    aligned = {name: each.predictions["probability"].to_numpy() for name, each in made.items()}
    found = judged(first, aligned, OURS)
    _look(telco.NAME, found, date, looks)
    return {
        "how": (
            "tested by five stratified folds of customers, twice, because the data have no time; only the "
            "model step is tested."
        ),
        "rows": len(first),
        "churners": int(first["left"].sum()),
        "customers": len(rows),
        "base_rate": round(float(rows.left.mean()), 4),
        "aim": telco.AIM,
        "stated": telco.STATED,
        "contestants": _with_costs(found, made),
        "fake": {"ways": fake.ways(rows), "seeds": len(fake.SEEDS)},
    }


def _telco(rows: LabelledRows, learn: telco.Learner) -> tuple[pd.DataFrame, dict[str, Any]]:
    return telco.predicted(rows, learn), {}


def _look(name: str, found: Mapping[str, Any], date: str | None, looks: Path) -> None:
    """Log the figures of our models on the test rows."""
    for who, figures in found.items():
        if who.startswith(OURS):
            log_look(name, who, figures, date, looks)


def _with_costs(found: Mapping[str, Any], made: Mapping[str, Kept]) -> dict[str, Any]:
    return {
        name: {**found[name], "seconds": each.seconds, "facts": each.facts} for name, each in made.items()
    }


def _about(contest: Contest) -> dict[str, Any]:
    rows, stated = contest.test_rows, contest.set.stated
    return {
        "how": (
            f"tested at {' and '.join(str(day) for day in contest.test)}. Our pipeline learns from every "
            "snapshot with a label known on that day; the rivals learn from the protocol's "
            f"{len(contest.set.train)} cutoffs."
        ),
        "rows": len(rows),
        "churners": int(rows["left"].sum()),
        "customers": int(rows["customer_id"].nunique()),
        "base_rate": round(float(np.mean(rows["left"])), 4),
        "aim": contest.set.aim,
        "stated": {"auc": stated.auc, "log_loss": stated.log_loss} if stated else None,
    }


def _mapped(contest: Contest) -> str:
    """Return a digest of the parameters on which the data of the rivals depend."""
    asked = {"timezone", "tables", "events", "label"}
    return digest_of(contest.params.model_dump(mode="json", include=asked))[:16]


def _makes(
    contest: Contest, work: Path, phase: str, every: str | None, environment: Path
) -> Mapping[str, tuple[str, Make]]:
    """Return for each contestant the digest of its code, and the function that computes its predictions."""
    rivals, features = (f"{code_digest(*code)} {_mapped(contest)}" for code in (RIVALS_CODE, AUTOMATIC_CODE))
    ours = f"{code_digest(*OURS_CODE)} {text_digest(contest.set.file)}"
    place = work / contest.set.name

    def theirs(rival: Rival) -> tuple[pd.DataFrame, dict[str, Any]]:
        return rival(contest), {}

    def automatically() -> tuple[pd.DataFrame, dict[str, Any]]:
        return automatic.predicted(contest, place / f"{phase}_featuretools", environment)

    def mine(name: str, way: Way) -> tuple[pd.DataFrame, dict[str, Any]]:
        folder = place / f"{phase}_{name}"
        return way(Run(contest, folder, every)), learnt(folder)

    found: dict[str, tuple[str, Make]] = {
        name: (rivals, partial(theirs, each)) for name, each in RIVALS.items()
    }
    found[automatic.NAME] = features, automatically
    found[OURS] = f"{ours} {every}", partial(mine, OURS, whole)
    for name, way in ABLATIONS.items():
        found[f"{OURS}_{name}"] = f"{ours} {every}", partial(mine, f"{OURS}_{name}", way)
    return found
