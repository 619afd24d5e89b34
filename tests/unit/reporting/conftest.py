"""A whole night on disk, drawn, and an evaluation beside it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from churn.evaluation.result import EvaluationResult
from churn.experiments.contact_costs import ContactCost, ContactCosts
from churn.metrics.interval import Interval
from churn.params import LabelParams
from churn.scoring.call_list import calls_csv, contacts_table
from churn.scoring.scores import score_schema
from churn.scoring.sink import night_files, write_night
from tests.filled import filled

NIGHT = date(2024, 1, 31)
LABEL = LabelParams(kind="inactivity", table="orders", horizon_days=28)
NASTY = "<script>alert('x')</script>"


def scored(
    customer: str, probability: float, health: int, value: float | None, **more: Any
) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "cutoff": NIGHT,
        "churn_probability": probability,
        "health": health,
        "value_at_risk": value,
        "arm": "none",
    } | more


CALLED = {
    "arm": "treated",
    "play": "gone-quiet",
    "action": f"Call {NASTY}",
    "owner": "success",
    "channel": "phone",
    "due_at": date(2024, 2, 2),
    "reason_1": f"silent {NASTY}",
}
ROWS = [
    scored("=ann", 0.5, 1, 100.0, **CALLED),
    scored("bob", 0.25, 2, None),
    scored("cem", 0.1, 3, 10.0),
    {"customer_id": "dea", "cutoff": NIGHT, "excluded_because": f"gone {NASTY}", "arm": "none"},
]
MAIL = ContactCost(
    play="mail", contacts=50, with_cost=50, cost=Interval(value=0.0042, low=0.004, high=0.0044)
)
CALL = ContactCost(play="call", contacts=40, with_cost=30, cost=Interval(value=4.25, low=4, high=4.5))
VISIT = ContactCost(play="visit", contacts=3, with_cost=0, cost=Interval(value=None))
COSTS = ContactCosts(
    all_contacts=ContactCost(
        play=None, contacts=93, with_cost=80, cost=Interval(value=1.6, low=1.2, high=2.0)
    ),
    plays=(CALL, MAIL, VISIT),
    other_rows=7,
)
"""What contacts cost: calls are recorded in part, mails as a whole, and visits not at all."""

FACTS = {
    "run_id": "run",
    "model_version": "3",
    "model_digest": "d",
    "trial": None,
    "label_id": "label",
    "cutoff": str(NIGHT),
    "timezone": "UTC",
    "label": LABEL.model_dump(mode="json"),
    "model": {
        "rows": 900,
        "churners": 90,
        "trained_cutoffs": ["2023-10-31", "2023-11-30"],
        "mature_on": "2023-12-28",
    },
    "base_rate": 0.1,
    "customers": 4,
    "cohort": 3,
    "excluded": {f"gone {NASTY}": 1},
    "thin": 0,
    "places": 1,
    "contacted": 1,
    "plays": {"gone-quiet": 1},
    "switched_off": {"low-rating": ["survey_last_rating"]},
    "value": {"months": 12, "margin": 1.0, "discount_year": 0.1, "variant": "end of period", "known": 2},
    "first_reasons": {"activity": 1},
    "measured_costs": {
        "as_of": "2024-01-15",
        "all_contacts": {"value": 2.125, "low": 1.75, "high": 2.5, "contacts": 120, "with_cost": 111},
        "plays": {"mail": {"value": 0.0042, "low": 0.004, "high": 0.0044, "contacts": 50, "with_cost": 48}},
    },
}


def spread(value: float | None, half: float = 0.01) -> dict[str, float | None]:
    if value is None:
        return {"value": None, "low": None, "high": None}
    return {"value": value, "low": value - half, "high": value + half}


def candidate(auc: float, slope: float | None) -> dict[str, Any]:
    return {
        "auc": spread(auc),
        "log_loss": spread(0.3),
        "lift_at_contact_share": spread(2.0),
        "calibration_slope": spread(slope),
        "rows": 500,
        "churners": 50,
        "base_rate": 0.1,
    }


METRICS = {
    "model": {"version": "3", "digest": "d"},
    "contact_share": 0.1,
    "cutoffs": ["2023-12-31"],
    "candidates": {"challenger": candidate(0.75, 0.9), "base_rate": candidate(0.5, None)},
    "paired": {"challenger_minus_base_rate": {"log_loss": spread(-0.05)}},
    "calibration_table": [
        {"bin": 1, "predicted": 0.05, "observed": 0.04, "low": 0.02, "high": 0.07, "rows": 250},
        {"bin": 2, "predicted": 0.2, "observed": 0.22, "low": 0.17, "high": 0.28, "rows": 250},
    ],
    "prediction_histogram": {
        "scale": "log",
        "edges": [0.01, 0.1, 0.3],
        "left": [5, 45],
        "stayed": [300, 150],
    },
    "gain_table": [{"share": 0.1, "captured": 0.3}, {"share": 1.0, "captured": 1.0}],
}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """The output folder of a night, without an evaluation."""
    table = pa.Table.from_pylist(ROWS, schema=score_schema(LABEL, 3))
    names = {"=ann": f"Ann {NASTY}"}
    calls, contacts = calls_csv(table, ["=ann"], names, [], 3), contacts_table(["=ann"], names)
    write_night(tmp_path, NIGHT, night_files(table, calls, contacts, FACTS))
    return tmp_path


@pytest.fixture
def evaluated(output: Path) -> Path:
    """The same, evaluated."""
    (output / "evaluate").mkdir()
    filled(EvaluationResult, METRICS).write(output / "evaluate" / "metrics.json")
    return output
