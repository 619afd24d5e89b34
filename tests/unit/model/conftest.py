from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from churn.model.bundle import write_bundle
from churn.model.registry import Registry
from churn.params import Params
from tests.snapshot_world import params_for


@pytest.fixture(scope="session")
def booster() -> lgb.Booster:
    """A small model of three signals, one of them text."""
    rng = np.random.default_rng(0)
    days, logins = rng.exponential(60, 2000), rng.poisson(4, 2000)
    plan = rng.choice([0, 1, np.nan], 2000)
    odds = 0.02 * days - 0.3 * logins + np.where(plan == 1, 1.0, 0.0) - 0.5
    left = rng.random(2000) < 1 / (1 + np.exp(-odds))
    data = lgb.Dataset(
        np.column_stack([days, logins, plan]),
        left,
        feature_name=["days", "logins", "plan"],
        categorical_feature=[2],
    )
    settings = {"objective": "binary", "num_leaves": 6, "num_threads": 1, "verbosity": -1, "cat_smooth": 1}
    return lgb.train(settings, data, 30)


@pytest.fixture(scope="session")
def text(booster: lgb.Booster) -> str:
    return str(booster.model_to_string())


@pytest.fixture
def spec() -> dict[str, Any]:
    signals = [
        {"name": "days", "kind": "number"},
        {"name": "logins", "kind": "number"},
        {"name": "plan", "kind": "level", "levels": ["basic", "plus"]},
    ]
    return {
        "format": 2,
        "model": "churn",
        "signals": signals,
        "members": [{"kind": "booster", "file": "booster_0.txt"}],
        "calibration": {"method": "none"},
        "label_id": "abc",
        "mature_on": "2024-02-01",
        "base_rate": 0.1,
        "recipe": {},
        "trained_cutoffs": ["2024-01-01"],
    }


@pytest.fixture
def bundle(tmp_path: Path, spec: dict[str, Any], text: str) -> Path:
    write_bundle(tmp_path / "bundle", spec, {"booster_0.txt": text})
    return tmp_path / "bundle"


@pytest.fixture
def params(tmp_path: Path, migrated: Path) -> Params:
    shutil.copy(migrated, tmp_path / "mlflow.db")
    return params_for(tmp_path)


@pytest.fixture
def registered(params: Params, spec: dict[str, Any], text: str, tmp_path: Path) -> Callable[..., str]:
    """Register a bundle as a new challenger and return its version; no two are the same bytes."""
    number = count()

    def register() -> str:
        registry = Registry(params.tracking, params.models)
        write_bundle(tmp_path / "bundle", spec | {"number": next(number)}, {"booster_0.txt": text})
        with registry.run("train"):
            return registry.register(tmp_path / "bundle")

    return register
