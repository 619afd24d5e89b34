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
from benchmarks.scoreboard.figures import judge
from benchmarks.scoreboard.keep import (
    StoredPredictions,
    code_digest,
    keep_predictions,
    rows_digest,
    text_digest,
)
from benchmarks.scoreboard.looks import LOOKS, log_look
from benchmarks.scoreboard.own_pipeline import ABLATIONS, Run, predict_whole, selection_facts
from benchmarks.scoreboard.rivals import RIVALS, buying
from benchmarks.scoreboard.sets import TimeSet
from churn.data.files import exclusive_lock
from churn.params import digest_of
from churn.snapshots.dataset import LabelledRows
from pipelines.echo import QuietEcho

CODE_FOLDER = "benchmarks/scoreboard"
OURS_CODE = (
    "churn",
    "pipelines",
    *(f"{CODE_FOLDER}/{name}.py" for name in ("sets", "contest", "own_pipeline")),
)
RIVALS_CODE = (
    "churn/features/language/btyd.py",
    *(f"{CODE_FOLDER}/{n}.py" for n in ("sets", "contest", "plain", "rivals")),
)
AUTOMATIC_CODE = tuple(f"{CODE_FOLDER}/{name}.py" for name in ("automatic", "automatic_inside"))
OWN_NAME = "ours"

Rival = Callable[[Contest], pd.DataFrame]
Way = Callable[[Run], pd.DataFrame]
Make = Callable[[], tuple[pd.DataFrame, dict[str, Any]]]


def contestants(time_set: TimeSet, inactivity: bool) -> tuple[str, ...]:
    """Return the names of the contestants of a set; our pipeline and its ablations come last."""
    rivals = [name for name in RIVALS if inactivity or name != "bg_nbd"]
    return (*rivals, automatic.NAME, OWN_NAME, *(f"{OWN_NAME}_{name}" for name in ABLATIONS))


def play(
    time_set: TimeSet,
    work: Path,
    *,
    interval: str | None,
    rehearse: bool,
    names: Sequence[str] | None,
    date: str | None = None,
    looks: Path = LOOKS,
    environment: Path = automatic.ENVIRONMENT,
) -> dict[str, Any]:
    """Return the figures of a set.

    Args:
        time_set: The set.
        work: The work folder of all sets.
        interval: The grid of training cutoffs of our pipeline; None keeps the grid of the example.
        rehearse: Whether to test on cutoffs before the first test cutoff.
        names: The names of the contestants; None means all contestants.
        date: The date of today, for the log of uses.
        looks: The path of the log of uses.
        environment: The environment of featuretools.
    """
    phase = "rehearsal" if rehearse else "test"
    with exclusive_lock(work / time_set.name / f".{phase}.lock"):
        contest = open_contest(time_set, work, QuietEcho(), REHEARSALS if rehearse else 0)
        inactivity = contest.params.label.kind == "inactivity"
        makes = {
            name: make
            for name, make in _makes(contest, work, phase, interval, environment).items()
            if name in (names or contestants(time_set, inactivity)) and (inactivity or name != "bg_nbd")
        }
        shared = f"{time_set} {rows_digest(contest.train_rows)} {rows_digest(contest.test_rows)}"
        predictions = {}
        for name, (stamp, make) in makes.items():
            print(f"{time_set.name} {phase}: {name} …", flush=True)
            folder = work / time_set.name / f"{phase}_kept"
            predictions[name] = keep_predictions(folder, name, f"{stamp} {shared}", make)
    aligned = {
        name: contest.align(name, stored.predictions).to_numpy() for name, stored in predictions.items()
    }
    figures = judge(contest.test_rows, aligned, OWN_NAME)
    if not rehearse:
        _look(time_set.name, figures, date, looks)
    about = _facts_of(contest) | ({"ceiling": _ceiling(contest)} if inactivity else {})
    return {**about, "contestants": _with_costs(figures, predictions)}


def _ceiling(contest: Contest) -> dict[str, dict[str, float]]:
    """Return the figures of BG/NBD on customers drawn from the model, as at the last test cutoff."""
    label = contest.params.label
    model, histories = buying(contest, contest.test[-1])
    age = histories["age"].to_numpy(np.float64)
    return ceiling(model, age, label.horizon_days, label.days_active)


def play_telco(
    work: Path, data: Path, *, names: Sequence[str] | None, date: str | None = None, looks: Path = LOOKS
) -> dict[str, Any]:
    """Return the figures of Telco, honest and with resampling before the split."""
    rows = telco.read_telco(data)
    predictions = {}
    for name, learn in telco.CONTESTANTS.items():
        if name in (names or telco.CONTESTANTS):
            print(f"{telco.NAME}: {name} …", flush=True)
            code = (
                ("churn/training", "churn/model", f"{CODE_FOLDER}/telco.py")
                if OWN_NAME in name
                else (f"{CODE_FOLDER}/telco.py",)
            )
            make = partial(_telco, rows, learn)
            predictions[name] = keep_predictions(work / telco.NAME, name, code_digest(*code), make)
    first = next(iter(predictions.values())).predictions
    aligned = {name: stored.predictions["probability"].to_numpy() for name, stored in predictions.items()}
    figures = judge(first, aligned, OWN_NAME)
    _look(telco.NAME, figures, date, looks)
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
        "stated": telco.REFERENCE_FIGURES,
        "contestants": _with_costs(figures, predictions),
        "fake": {"ways": fake.ways(rows), "seeds": len(fake.SEEDS)},
    }


def _telco(rows: LabelledRows, learn: telco.Learner) -> tuple[pd.DataFrame, dict[str, Any]]:
    return telco.predicted(rows, learn), {}


def _look(name: str, figures: Mapping[str, Any], date: str | None, looks: Path) -> None:
    """Log the figures of our models on the test rows."""
    for contestant, own_figures in figures.items():
        if contestant.startswith(OWN_NAME):
            log_look(name, contestant, own_figures, date, looks)


def _with_costs(figures: Mapping[str, Any], predictions: Mapping[str, StoredPredictions]) -> dict[str, Any]:
    return {
        name: {**figures[name], "seconds": stored.seconds, "facts": stored.facts}
        for name, stored in predictions.items()
    }


def _facts_of(contest: Contest) -> dict[str, Any]:
    rows, stated = contest.test_rows, contest.set.reference_figures
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


def _mapping_digest(contest: Contest) -> str:
    """Return a digest of the parameters on which the data of the rivals depend."""
    sections = {"timezone", "tables", "events", "label"}
    return digest_of(contest.params.model_dump(mode="json", include=sections))[:16]


def _makes(
    contest: Contest, work: Path, phase: str, interval: str | None, environment: Path
) -> Mapping[str, tuple[str, Make]]:
    """Return for each contestant the digest of its code, and the function that computes its predictions."""
    rivals, features = (
        f"{code_digest(*code)} {_mapping_digest(contest)}" for code in (RIVALS_CODE, AUTOMATIC_CODE)
    )
    ours = f"{code_digest(*OURS_CODE)} {text_digest(contest.set.file)}"
    folder_of_set = work / contest.set.name

    def predict_by_rival(rival: Rival) -> tuple[pd.DataFrame, dict[str, Any]]:
        return rival(contest), {}

    def automatically() -> tuple[pd.DataFrame, dict[str, Any]]:
        return automatic.predicted(contest, folder_of_set / f"{phase}_featuretools", environment)

    def predict_by_way(name: str, way: Way) -> tuple[pd.DataFrame, dict[str, Any]]:
        folder = folder_of_set / f"{phase}_{name}"
        return way(Run(contest, folder, interval)), selection_facts(folder)

    makes: dict[str, tuple[str, Make]] = {
        name: (rivals, partial(predict_by_rival, rival)) for name, rival in RIVALS.items()
    }
    makes[automatic.NAME] = features, automatically
    makes[OWN_NAME] = f"{ours} {interval}", partial(predict_by_way, OWN_NAME, predict_whole)
    for name, way in ABLATIONS.items():
        makes[f"{OWN_NAME}_{name}"] = f"{ours} {interval}", partial(predict_by_way, f"{OWN_NAME}_{name}", way)
    return makes
