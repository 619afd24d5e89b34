"""Nights on disk, drawn: a line a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from churn.params import LabelParams
from churn.scoring.call_list import calls_csv, contacts_table
from churn.scoring.scores import score_schema
from churn.scoring.sink import night_files, write_night

LABEL = LabelParams(kind="inactivity", table="orders", horizon_days=28)


@dataclass(frozen=True)
class DrawnCall:
    """A customer of a drawn night; `more` are further columns of the scores."""

    customer: str
    probability: float
    health: int = 1
    value: float | None = 100.0
    name: str | None = None
    owner: str = "customer success"
    play: str = "gone-quiet"
    channel: str = "phone"
    status: str = "new"
    reasons: tuple[str, ...] = ("the last order 50 days ago", "has not opened the last 4 e-mails")
    is_called: bool = True
    more: dict[str, Any] = field(default_factory=dict)


def _row(night: date, call: DrawnCall) -> dict[str, Any]:
    task = {
        "arm": "treated",
        "play": call.play,
        "action": f"Call the customer of {call.play}",
        "success": "The customer orders within 28 days",
        "owner": call.owner,
        "channel": call.channel,
        "due_at": night + timedelta(days=3),
        "task_status": call.status,
    }
    return {
        "customer_id": call.customer,
        "cutoff": night,
        "churn_probability": call.probability,
        "health": call.health,
        "value_at_risk": call.value,
        "arm": "none",
        **(task if call.is_called else {}),
        **{f"reason_{index}": reason for index, reason in enumerate(call.reasons, start=1)},
        **call.more,
    }


def write_drawn_night(
    output: Path, night: date, customers: Sequence[DrawnCall], label_id: str = "label"
) -> None:
    """Write a night with its scores, its call list and its facts."""
    rows = [_row(night, customer) for customer in customers]
    calls = [customer for customer in customers if customer.is_called]
    table = pa.Table.from_pylist(rows, schema=score_schema(LABEL, 3))
    order = [call.customer for call in calls]
    names = {call.customer: call.name for call in calls if call.name}
    statuses = [call.status for call in calls]
    facts = {
        "run_id": "run",
        "model_version": "3",
        "model_digest": "d",
        "trial": None,
        "label_id": label_id,
        "cutoff": str(night),
        "timezone": "UTC",
        "label": LABEL.model_dump(mode="json"),
        "model": {"rows": 900, "churners": 90, "trained_cutoffs": ["2023-10-31"], "mature_on": "2023-12-28"},
        "base_rate": 0.1,
        "customers": len(customers),
        "cohort": len(customers),
        "excluded": {},
        "thin": 0,
        "places": len(calls),
        "contacted": len(calls),
        "tasks": {status: statuses.count(status) for status in ("new", "open", "overdue")},
        "not_contacted": {"below the budget": 3},
        "plays": {call.play: statuses.count(call.play) for call in calls},
        "switched_off": {},
        "value": {"months": 12, "margin": 1.0, "discount_year": 0.1, "variant": "end of period", "known": 2},
        "first_reasons": {"activity": len(calls)},
    }
    files = night_files(table, calls_csv(table, order, names, [], 3), contacts_table(order, names), facts)
    write_night(output, night, files)
