"""Make the score file: a row for each known customer (also if excluded), with a fixed order of columns."""

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
from churn.scoring.play import Play
from churn.scoring.reasons import Reason

Floats = npt.NDArray[np.float64]

ONE_MONTH = range(28, 32)
"""The horizons in days that may fill the column `churn_probability_30d`."""

TRIAL = "trial"
"""The reason why a customer on the call list of a trial is in no arm."""

_PLAY = ("play", "action", "owner", "channel", "due_at", "success", "template", "variant")


@dataclass(frozen=True)
class CohortScores:
    """The scores of a night's cohort. Each array and each sequence has one entry for each customer.

    Attributes:
        customers: The ids of the customers.
        probability: The churn probabilities.
        within: The probabilities of leaving by horizon in days.
        health: The health bands.
        sides: The health bands of the sides, by column name.
        value_at_risk: The values at risk in currency, NaN if unknown.
        reasons: The reasons, the largest contribution first.
        rules: The play of the first rule that holds; None if no rule holds.
        is_contacted: Whether the customer is on the call list.
        not_contacted_because: The reason why the customer is not contacted; None for contacted customers.
    """

    customers: npt.NDArray[np.object_]
    probability: Floats
    within: Mapping[int, Floats]
    health: Floats
    sides: Mapping[str, Floats]
    value_at_risk: Floats
    reasons: Sequence[tuple[Reason, ...]]
    rules: Sequence[Play | None]
    is_contacted: npt.NDArray[np.bool_]
    not_contacted_because: npt.NDArray[np.object_]


def score_schema(label: LabelParams, reasons: int) -> pa.Schema:
    """Return the columns and types of the score file, with `reasons` columns of reasons."""
    contract = label.kind == "contract"
    months = [f"churn_probability_{days}d" for days in (30, 60, 90)] if contract else []
    return pa.schema(
        [("customer_id", pa.string()), ("cutoff", pa.date32()), ("excluded_because", pa.string())]
        + [(name, pa.float64()) for name in ("churn_probability", *months)]
        + [(name, pa.int8()) for name in ("health", *SIDES)]
        + [("value_at_risk", pa.float64())]
        + [(f"reason_{index}", pa.string()) for index in range(1, reasons + 1)]
        + [(name, pa.date32() if name == "due_at" else pa.string()) for name in _PLAY]
        + [(name, pa.string()) for name in ("arm", "not_contacted_because")]
        + [(name, pa.string()) for name in ("model_version", "label_id", "run_id")]
        + ([("expected_days_90d", pa.float64())] if contract else [])
        + [("trial", pa.bool_()), ("trial_because", pa.string())]
    )


def score_table(
    roster: pd.DataFrame,
    cohort: CohortScores,
    *,
    cutoff: date,
    label: LabelParams,
    reasons: int,
    stamps: Mapping[str, str],
    trial_because: str | None = None,
) -> pa.Table:
    """Return the score file of a night: a row for each customer of the roster, ordered by id.

    Only contract labels have columns for the probabilities within 30, 60 and 90 days and for the expected
    days. These columns are missing values if the model does not predict them. If the label has a horizon of
    28 to 31 days without a gap, and the model has no other horizons, the churn probability fills the column
    of 30 days. `play` is the name of the play. Action, owner, due date and the other columns of a play are
    filled only for contacted customers.

    Args:
        roster: The columns `customer_id` and `excluded_because` of all customers; `excluded_because` is
            missing for customers of the cohort.
        cohort: The scores of the cohort.
        cutoff: The cutoff of the night; due dates count from this day.
        label: The label, which determines the columns of probabilities.
        reasons: The number of columns of reasons.
        stamps: The ids `model_version`, `label_id` and `run_id`, by column name.
        trial_because: Why the night is a trial; None for a night of the champion. A trial has no arms: `arm`
            is `none` in each row, and `not_contacted_because` of a customer on the call list is `trial`.
    """
    schema = score_schema(label, reasons)
    roster_by_id = roster.assign(customer_id=roster["customer_id"].astype(str)).sort_values("customer_id")
    row_of = {customer: index for index, customer in enumerate(cohort.customers.tolist())}
    rows = pa.array([row_of.get(customer) for customer in roster_by_id["customer_id"]], pa.int64())
    is_excluded = rows.is_null().to_numpy(zero_copy_only=False)
    excluded_because = [
        reason if outside else None
        for reason, outside in zip(roster_by_id["excluded_because"], is_excluded, strict=True)
    ]

    cells = _cohort_columns(cohort, cutoff)
    if not cohort.within and label.horizon_days in ONE_MONTH and label.gap_days == 0:
        cells["churn_probability_30d"] = cells["churn_probability"]
    table: dict[str, pa.Array] = {}
    for field in schema:
        values = cells.get(field.name, [None] * len(cohort.customers))
        # A customer outside the cohort has a null index, and therefore a null value.
        table[field.name] = pa.array(values, field.type, from_pandas=True).take(rows)
    table["customer_id"] = pa.array(roster_by_id["customer_id"], pa.string())
    table["cutoff"] = pa.array([cutoff] * len(roster_by_id), pa.date32())
    table["excluded_because"] = pa.array(excluded_because, pa.string())
    table["arm"] = table["arm"].fill_null("none")
    excluded = pa.array(
        [
            f"excluded: {reason}" if outside else None
            for reason, outside in zip(excluded_because, is_excluded, strict=True)
        ]
    )
    table["not_contacted_because"] = table["not_contacted_because"].fill_null(excluded.cast(pa.string()))
    for name, stamp in stamps.items():
        table[name] = pa.array([stamp] * len(roster_by_id), pa.string())
    table["trial"] = pa.array([trial_because is not None] * len(roster_by_id), pa.bool_())
    table["trial_because"] = pa.array([trial_because] * len(roster_by_id), pa.string())
    if trial_because is not None:
        table["arm"] = pa.array(["none"] * len(roster_by_id), pa.string())
        table["not_contacted_because"] = table["not_contacted_because"].fill_null(TRIAL)
    return pa.table(table, schema)


def _cohort_columns(cohort: CohortScores, cutoff: date) -> dict[str, Any]:
    """Return the columns that are filled only for the cohort, in the cohort's order."""
    contact_plays = [
        play if is_due else None for play, is_due in zip(cohort.rules, cohort.is_contacted, strict=True)
    ]
    max_reasons = max((len(reasons) for reasons in cohort.reasons), default=0)
    return {
        "churn_probability": cohort.probability,
        **horizon_columns(cohort.within),
        "health": cohort.health,
        **cohort.sides,
        "value_at_risk": cohort.value_at_risk,
        **{
            f"reason_{index + 1}": [
                reasons[index].text if index < len(reasons) else None for reasons in cohort.reasons
            ]
            for index in range(max_reasons)
        },
        "play": [play and play.name for play in cohort.rules],
        "action": [play and play.action for play in contact_plays],
        "owner": [play and play.owner for play in contact_plays],
        "channel": [play and play.channel for play in contact_plays],
        "due_at": [play and cutoff + timedelta(days=play.due_in_days) for play in contact_plays],
        "success": [play and play.success_text for play in contact_plays],
        "template": [play and play.template for play in contact_plays],
        "arm": np.where(cohort.is_contacted, "treated", "none").astype(object),
        "not_contacted_because": cohort.not_contacted_because,
    }
