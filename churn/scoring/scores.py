"""The score file: one row per known customer, also those left out, in a fixed order of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from churn.model.scorer import horizon_columns
from churn.params import LabelParams
from churn.scoring.health import SIDES
from churn.scoring.playbook import Play
from churn.scoring.reasons import Reason

Floats = npt.NDArray[np.float64]

ONE_MONTH = range(28, 32)
"""Horizons in days whose probability is that of the 30-day column."""

_PLAY = ("play", "action", "owner", "channel", "due_at", "success", "template", "variant")


@dataclass(frozen=True)
class Judged:
    """What a night found out about the cohort; every array has one entry per cohort customer.

    `within` holds probabilities of leaving by days; `rules` is the play that fired, None where none did;
    `called` tells who is contacted.
    """

    customers: npt.NDArray[np.object_]
    probability: Floats
    within: Mapping[int, Floats]
    health: Floats
    sides: Mapping[str, Floats]
    value_at_risk: Floats
    reasons: Sequence[tuple[Reason, ...]]
    rules: Sequence[Play | None]
    called: npt.NDArray[np.bool_]
    why_not: npt.NDArray[np.object_]


def score_schema(label: LabelParams, reasons: int) -> pa.Schema:
    """Return the columns and types of the score file."""
    contract = label.kind == "contract"
    months = [f"churn_probability_{days}d" for days in (30, 60, 90)] if contract else []
    return pa.schema(
        [("customer_id", pa.string()), ("cutoff", pa.date32()), ("excluded_because", pa.string())]
        + [(name, pa.float64()) for name in ("churn_probability", *months)]
        + [(name, pa.int8()) for name in ("health", *SIDES)]
        + [("value_at_risk", pa.float64())]
        + [(f"reason_{place}", pa.string()) for place in range(1, reasons + 1)]
        + [(name, pa.date32() if name == "due_at" else pa.string()) for name in _PLAY]
        + [(name, pa.string()) for name in ("arm", "not_contacted_because")]
        + [(name, pa.string()) for name in ("model_version", "label_id", "run_id")]
        + ([("expected_days_90d", pa.float64())] if contract else [])
    )


def score_table(
    roster: pd.DataFrame,
    judged: Judged,
    *,
    cutoff: date,
    label: LabelParams,
    reasons: int,
    stamps: Mapping[str, str],
) -> pa.Table:
    """Lay out a night as the score file, one row per customer of the roster, ordered by id.

    The 30, 60 and 90 days probabilities and the days to expect exist for contract labels only, and are
    missing where the model does not know them. A model that knows its own horizon only fills the 30 days
    column where that is 28 to 31 days and begins tonight, without a gap.
    `play` names the rule that fired; action, owner, due date and the rest stand only where a contact is due.

    Args:
        roster: `customer_id, excluded_because` (missing for the cohort).
        judged: the cohort.
        cutoff: the night; due dates count from it.
        label: decides which columns of probability there are.
        reasons: how many reason columns.
        stamps: `model_version`, `label_id` and `run_id`.
    """
    schema = score_schema(label, reasons)
    ordered = roster.assign(customer_id=roster["customer_id"].astype(str)).sort_values("customer_id")
    place_of = {customer: place for place, customer in enumerate(judged.customers.tolist())}
    rows = pa.array([place_of.get(customer) for customer in ordered["customer_id"]], pa.int64())
    left_out = rows.is_null().to_numpy(zero_copy_only=False)
    because = [why if out else None for why, out in zip(ordered["excluded_because"], left_out, strict=True)]

    cells = _of_cohort(judged, cutoff)
    if not judged.within and label.horizon_days in ONE_MONTH and label.gap_days == 0:
        cells["churn_probability_30d"] = cells["churn_probability"]
    table: dict[str, pa.Array] = {}
    for field in schema:
        values = cells.get(field.name, [None] * len(judged.customers))
        # A row without a place in the cohort takes nothing, and nothing is null.
        table[field.name] = pa.array(values, field.type, from_pandas=True).take(rows)
    table["customer_id"] = pa.array(ordered["customer_id"], pa.string())
    table["cutoff"] = pa.array([cutoff] * len(ordered), pa.date32())
    table["excluded_because"] = pa.array(because, pa.string())
    table["arm"] = table["arm"].fill_null("none")
    excluded = pa.array(
        [f"excluded: {why}" if out else None for why, out in zip(because, left_out, strict=True)]
    )
    table["not_contacted_because"] = table["not_contacted_because"].fill_null(excluded.cast(pa.string()))
    for name, stamp in stamps.items():
        table[name] = pa.array([stamp] * len(ordered), pa.string())
    return pa.table(table, schema)


def _of_cohort(judged: Judged, cutoff: date) -> dict[str, Any]:
    """Return the columns that only the cohort has, in the cohort's order."""
    called = [play if yes else None for play, yes in zip(judged.rules, judged.called, strict=True)]
    most = max((len(found) for found in judged.reasons), default=0)
    return {
        "churn_probability": judged.probability,
        **horizon_columns(judged.within),
        "health": judged.health,
        **judged.sides,
        "value_at_risk": judged.value_at_risk,
        **{
            f"reason_{at + 1}": [found[at].text if at < len(found) else None for found in judged.reasons]
            for at in range(most)
        },
        "play": [play and play.name for play in judged.rules],
        "action": [play and play.action for play in called],
        "owner": [play and play.owner for play in called],
        "channel": [play and play.channel for play in called],
        "due_at": [play and cutoff + timedelta(days=play.due_in_days) for play in called],
        "success": [play and play.success for play in called],
        "template": [play and play.template for play in called],
        "arm": np.where(judged.called, "treated", "none").astype(object),
        "not_contacted_because": judged.why_not,
    }
