"""Snapshot folders with a known hazard, for the tests of training."""

from __future__ import annotations

import importlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from churn.data.own_files import write_own_json
from churn.features.definition import FORMAT
from churn.model.registry import Registry
from churn.params import EvaluateParams, LabelParams, Params, TrackingParams
from churn.reporting import plots
from churn.snapshots.manifest import params_digest
from churn.snapshots.read import Snapshots, read_snapshots
from pipelines.echo import Echo
from tests.run_folders import copy_run, filled_once

FIRST = date(2024, 1, 1)
SIGNALS = [
    ("logins_days_since_last", "logins", "number", 1),
    ("login_change", "logins", "number", -1),
    ("tickets_count_28d", "tickets", "number", 1),
    ("tenure_days", "customers", "number", 0),
    ("noise", "logins", "number", 0),
    ("plan", "customers", "level", 0),
]


Step = str | tuple[str, date] | Mapping[str, object]
"""A verb, a verb as if on a date, or the arguments of `write_world`."""


class RecordedEcho(Echo):
    """Collects what a verb says to the user."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def __call__(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Callable[..., None]]:
        yield lambda steps=1: None


@pytest.fixture
def echo() -> RecordedEcho:
    return RecordedEcho()


@pytest.fixture
def few_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw two charts of each evaluation: `test_plots.py` draws them all."""
    monkeypatch.setattr(plots, "FIGURES", {name: plots.FIGURES[name] for name in ("calibration", "gain")})


@pytest.fixture(scope="session", autouse=True)
def _hurried_databases() -> None:
    """Let no SQLite database of MLflow wait for the disk: no test asks what a power cut leaves."""

    @event.listens_for(Engine, "connect")
    def hurry(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables made once: that takes seconds, a copy none."""

    def fill(folder: Path) -> None:
        params = params_for(folder, "template")
        Registry(params.tracking, params.models)  # its folder of files is not that of the copies

    return filled_once(tmp_path_factory, "migrated", fill) / "mlflow.db"


@pytest.fixture
def make_params(tmp_path: Path, migrated: Path) -> Callable[..., Params]:
    """Return parameters over a fresh folder with a migrated MLflow database of its own."""

    def make(name: str = "work", **sections: object) -> Params:
        folder = tmp_path / name
        if not folder.exists():
            folder.mkdir()
            shutil.copy(migrated, folder / "mlflow.db")
        return params_for(folder, **sections)

    return make


@pytest.fixture
def trained(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    migrated: Path,
    few_charts: None,
    echo: RecordedEcho,
) -> Callable[..., Params]:
    """Return parameters over a copy of a folder in which steps were taken; each row of steps is taken once.

    A step is a verb, or a world to write: `trained({"cutoffs": 6}, "train", "evaluate")`. Rows of steps with
    the same beginning share it. `echo` holds what the verbs said, as if they had run here.
    """

    def copy(*steps: Step, **sections: object) -> Params:
        source = _folder_after(steps, sections, tmp_path_factory, migrated)
        folder = copy_run(source, tmp_path / "work")
        _read_echo(folder, echo)
        return params_for(folder, **sections)

    return copy


def _folder_after(
    steps: Sequence[Step], sections: Mapping[str, object], factory: pytest.TempPathFactory, migrated: Path
) -> Path:
    """Return the folder, shared by all workers, in which these steps were taken one after the other."""

    def fill(folder: Path) -> None:
        if not steps:
            shutil.copy(migrated, folder / "mlflow.db")
            _write_echo(folder, RecordedEcho())
            return
        shutil.rmtree(folder)
        copy_run(_folder_after(steps[:-1], sections, factory, migrated), folder)
        echo, params, step = RecordedEcho(), params_for(folder, **sections), steps[-1]
        _read_echo(folder, echo)
        if isinstance(step, Mapping):
            write_world(params, **step)  # type: ignore[arg-type]
        else:
            verb, cutoff = (step, None) if isinstance(step, str) else step
            importlib.import_module(f"pipelines.{verb}").run(params, cutoff=cutoff, echo=echo)
        _write_echo(folder, echo)

    digest = sha256(repr((steps, sorted(sections.items()))).encode()).hexdigest()
    return filled_once(factory, f"steps-{digest[:16]}", fill)


def _read_echo(folder: Path, echo: RecordedEcho) -> None:
    said = json.loads((folder / "echo.json").read_text())
    echo.lines += said["lines"]
    echo.warnings += said["warnings"]


def _write_echo(folder: Path, echo: RecordedEcho) -> None:
    (folder / "echo.json").write_text(json.dumps({"lines": echo.lines, "warnings": echo.warnings}))


@pytest.fixture(name="write_world")
def _write_world() -> Callable[..., None]:
    return write_world


@pytest.fixture
def snapshots_of(make_params: Callable[..., Params]) -> Callable[..., Snapshots]:
    """Write a world and read it back."""

    def read(**world: object) -> Snapshots:
        params = make_params()
        write_world(params, **world)  # type: ignore[arg-type]
        return read_snapshots(params)

    return read


def params_for(folder: Path, experiment: str = "work", **sections: object) -> Params:
    """Return parameters whose files all lie in a folder."""
    sections.setdefault("evaluate", EvaluateParams(bootstrap=100))
    return Params(
        source=str(folder / "company"),
        timezone="Europe/Berlin",
        label=LabelParams(kind="inactivity", table="orders", horizon_days=28),
        tracking=TrackingParams(uri=f"sqlite:///{folder / 'mlflow.db'}", experiment=experiment),
        output=folder / "output",
        models=folder / "models",
        **sections,  # type: ignore[arg-type]
    )


def cutoff_number(number: int) -> date:
    """Return a cutoff of a world, counted from 0."""
    return FIRST + timedelta(days=28 * number)


def signal_entries() -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "table": table,
            "family": "activity",
            "unit": "days",
            "riskier_when": {1: "higher", -1: "lower", 0: "either"}[sign],
            "looks_back": 112,
            "reason": {"en": name + " {value:.1f}", "de": name + " {value:.1f}"},
            "doc": f"{name} of a customer.",
            "kind": kind,
            "monotone": sign,
            "definition": f"{FORMAT}-{name}",
        }
        for name, table, kind, sign in SIGNALS
    ]


def write_world(
    params: Params,
    *,
    customers: int = 600,
    cutoffs: int = 8,
    waiting: int = 1,
    strength: float = 1.0,
    shuffled: bool = False,
    seed: int = 0,
    guards: dict[str, object] | None = None,
) -> None:
    """Write snapshots of one customer base at cutoffs 28 days apart.

    The log-odds of leaving rise with silence and tickets, fall with login change; `strength` scales
    them, `shuffled` draws labels that depend on nothing. `guards` is what those of the data found; by default
    they looked and found nothing.
    """
    rng = np.random.default_rng(seed)
    base = rng.normal(size=customers)
    about = {}
    for step in range(cutoffs + waiting):
        cutoff = cutoff_number(step)
        known_on = cutoff + timedelta(days=28)
        matured = step < cutoffs
        frame = _frame(rng, base, cutoff)
        odds = _log_odds(frame, strength)
        left = rng.random(customers) < 1 / (1 + np.exp(-odds))
        if shuffled:
            left = rng.permutation(left)
        frame.insert(2, "left", pd.array(left if matured else [None] * customers, dtype="Int8"))
        folder = params.output / "snapshots" / f"cutoff={cutoff}"
        folder.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(folder / "part.parquet", index=False)
        about[cutoff.isoformat()] = {
            "rows": customers,
            "left": int(left.sum()) if matured else None,
            "matured": matured,
            "window_end": known_on.isoformat(),
            "mature_on": known_on.isoformat(),
            "excluded": {"inactive": 3},
        }
    watermark = FIRST + timedelta(days=28 * cutoffs)
    manifest = {
        "cutoffs": about,
        "signals": signal_entries(),
        "label_id": params.label_id,
        "params_digest": params_digest(params),
        "store_digest": f"store-{seed}",
        "watermark": watermark.isoformat(),
        "guards": {"looked": ["only_leavers"], "found": []} if guards is None else guards,
    }
    write_own_json(params.output / "snapshots" / "manifest.json", manifest)


def _frame(rng: np.random.Generator, base: np.ndarray, cutoff: date) -> pd.DataFrame:
    n = len(base)
    silent = np.round(np.exp(1.5 + 0.8 * base + 0.5 * rng.normal(size=n)))
    change = np.where(rng.random(n) < 0.15, np.nan, np.exp(0.4 * rng.normal(size=n)))
    plan = np.array(["basic", "plus", None], dtype=object)[rng.choice(3, n, p=[0.6, 0.3, 0.1])]
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:05d}" for i in range(n)],
            "cutoff": pd.array([cutoff] * n),
            "logins_days_since_last": silent,
            "login_change": change,
            "tickets_count_28d": rng.poisson(0.5, n).astype(float),
            "tenure_days": rng.integers(30, 2000, n).astype(float),
            "noise": rng.normal(size=n),
            "plan": pd.array(plan, dtype="str"),
        }
    )


def _log_odds(frame: pd.DataFrame, strength: float) -> np.ndarray:
    change = frame["login_change"].fillna(1.0).to_numpy()
    return (
        -1.6
        + 0.3 * strength * (np.log1p(frame["logins_days_since_last"].to_numpy()) - 1.7)
        - 1.2 * strength * np.log(change)
        + 0.9 * strength * (frame["tickets_count_28d"].to_numpy() - 0.5)
        + 0.5 * strength * (frame["plan"] == "plus").to_numpy()
    )
