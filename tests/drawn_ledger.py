"""A ledger that a test draws: units with their arms, tasks, and who left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churn.experiments.experiment_units import Maturity
from churn.experiments.ledger import (
    TABLES,
    Ledger,
    LedgerFacts,
    LedgerNight,
    empty_ledger,
    ledger_night,
    publish,
    stage,
)
from churn.experiments.measure import measure
from churn.experiments.result import Effects
from churn.experiments.unit_outcomes import Outcomes

FIRST, SECOND, LATE = date(2025, 3, 1), date(2025, 3, 11), date(2025, 5, 1)
WATERMARK = date(2025, 5, 2)


def assigned(unit: str, arm: str, night: date = FIRST, **changes: object) -> dict[str, object]:
    row = {
        "experiment": "universal",
        "unit": unit,
        "arm": arm,
        "position": 0.01 if arm == "control" else 0.9,
        "share": 0.1,
        "assigned_on": night,
        "stratum": "risk 1, value 1",
        "score": 0.5,
        "value": 100.0,
        "customers": [unit],
    }
    return row | changes


def planned(unit: str, arm: str, play: str, night: date = FIRST, **changes: object) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(TABLES["tasks"].names)
    row |= {"task_id": f"{night} {play} {unit}", "customer_id": unit, "unit": unit, "play": play, "arm": arm}
    row |= {"control_of": "universal" if arm == "control" else None, "planned_on": night}
    return row | {"residual_value": 100.0, "churn_probability": 0.5} | changes


def night_facts(night: date, previous: date | None = None, **changes: Any) -> LedgerFacts:
    """Return the facts of a night's page with a control of 10 %, but for the changes."""
    facts = LedgerFacts(
        cutoff=night,
        previous=previous,
        run_id="r",
        salt_digest="s",
        unit="person",
        control_share=0.1,
        no_control_because=None,
        files={},
    )
    return facts.model_copy(update=changes)


def publish_page(
    output: Path, night: date, previous: date | None, ledger: Ledger, **tables: pd.DataFrame
) -> LedgerNight:
    """Publish the rows of a drawn ledger as the page of a night; `tables` wins over its tables."""
    rows = {name: getattr(ledger, name) for name in TABLES} | tables
    page = ledger_night(night_facts(night, previous), rows)
    stage(output, page)
    publish(output, night)
    return page


def drawn(
    assignments: list[dict[str, object]],
    tasks: list[dict[str, object]] | None = None,
    shares: Mapping[date, float] | None = None,
) -> Ledger:
    empty = empty_ledger()
    nights = tuple(
        night_facts(night, control_share=share, no_control_because=None if share else "few customers")
        for night, share in (shares or {FIRST: 0.1, SECOND: 0.1, LATE: 0.1}).items()
    )
    return Ledger(
        assignments=pd.DataFrame(assignments, columns=empty.assignments.columns),
        tasks=pd.DataFrame(tasks or [], columns=empty.tasks.columns),
        bands=empty.bands,
        holdings=empty.holdings,
        nights=nights,
    )


def outcomes_of(left: set[str], unknown: set[str] = frozenset(), events: object = None) -> Outcomes:
    """Return outcomes in which some customers left; labels mature 28 days after the night."""
    return Outcomes(
        left_at=lambda night, customers: np.array(
            [np.nan if who in unknown else float(who in left) for who in customers]
        ),
        maturity=Maturity(lambda night: night + timedelta(days=28), WATERMARK),
        horizon_days=28,
        events={}
        if events is None
        else {"unsubscribed": pd.DataFrame(events, columns=["customer_id", "day"])},
    )


def crowd(n_control: int, n_treated: int, night: date = FIRST, prefix: str = "") -> list[dict[str, object]]:
    """Return units c0, c1 ... of the control and t0, t1 ... that are treated."""
    arms = {"control": n_control, "treated": n_treated}
    return [
        assigned(f"{prefix}{arm[0]}{i}", arm, night, score=0.3 + 0.001 * (i % 7))
        for arm, n in arms.items()
        for i in range(n)
    ]


def names(prefix: str, n: int) -> set[str]:
    return {f"{prefix}{i}" for i in range(n)}


def measured(ledger: Ledger, outcomes: Outcomes) -> Effects:
    return measure(ledger, outcomes, "label")
