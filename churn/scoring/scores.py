"""Make the score file: one row for each known customer, also for excluded ones, with a fixed order of
columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

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
"""The horizons, in days, whose probability may fill the column `churn_probability_30d`."""

TRIAL = "trial"
"""The reason that is written for customers on the call list of a trial, who are in no arm."""

_PLAY = ("play", "action", "owner", "channel", "due_at", "success", "template", "variant")

TREATED_ARM, CONTROL_ARM = "treated", "control"

TaskStatus = Literal["new", "open", "overdue"]
"""The status of a task on the call list: it was planned tonight, it was planned earlier, or its due date has
passed.
"""


@dataclass(frozen=True)
class Task:
    """The planned contact of one customer, as the call list shows it.

    Attributes:
        task_id: The id of the task; answers to the contact come back with this id.
        play: The name of the play.
        action: What to do; None if the task is from an earlier night and the playbook no longer has its play.
        owner: The person or the team who acts.
        channel: The channel of the contact.
        due_at: The day on which the action is due. A task that stays open over several nights keeps its day.
        success: What the play wants to reach, as text; None if `action` is None.
        template: The template of the message; None if the play has no template.
        variant: The variant of the play; None if the play has no variants.
        arm: `treated`, or `control` for a task that is only counted and never carried out; None in a trial.
        planned_on: The cutoff of the night that planned the task.
        status: The status of the task: `new`, `open` or `overdue`.
    """

    task_id: str
    play: str
    action: str | None
    owner: str
    channel: str
    due_at: date
    success: str | None
    template: str | None
    variant: str | None
    arm: str | None
    planned_on: date
    status: TaskStatus

    @property
    def is_listed(self) -> bool:
        """Return whether the task is on the call list; the task of a control is not."""
        return self.arm != CONTROL_ARM


@dataclass(frozen=True)
class CohortScores:
    """The scores of a night's cohort, which is all customers who are not excluded.

    Each array and each sequence has one entry for each customer of the cohort.

    Attributes:
        customers: The ids of the customers in the cohort.
        probability: The probability that the customer leaves, or has the event if the label counts an event.
        within: For each horizon in days, the probability that the customer leaves within it.
        health: The health bands.
        sides: The health bands for activity, support, sentiment and payment, by column name.
        value_at_risk: The values at risk in currency, NaN if unknown.
        reasons: The reasons for the risk of each customer; the reason that adds most to the risk comes first.
        plays: The play of each customer; None if no rule applies.
        tasks: The task of each customer on the call list or in the control group; None for a customer
            without a task.
        not_contacted_because: The reason why the customer is not contacted; None for contacted customers.
    """

    customers: npt.NDArray[np.object_]
    probability: Floats
    within: Mapping[int, Floats]
    health: Floats
    sides: Mapping[str, Floats]
    value_at_risk: Floats
    reasons: Sequence[tuple[Reason, ...]]
    plays: Sequence[Play | None]
    tasks: Sequence[Task | None]
    not_contacted_because: npt.NDArray[np.object_]


def score_schema(label: LabelParams, reasons: int) -> pa.Schema:
    """Return the columns of the score file and their types; `reasons` is how many columns hold a reason.

    For a label of an event, the column `event_probability` replaces `churn_probability`, and the columns for
    health and value at risk are empty.
    """
    contract = label.has_contract_ends
    months = [f"churn_probability_{days}d" for days in (30, 60, 90)] if contract else []
    return pa.schema(
        [("customer_id", pa.string()), ("cutoff", pa.date32()), ("excluded_because", pa.string())]
        + [(name, pa.float64()) for name in (label.words.probability, *months)]
        + [(name, pa.int8()) for name in ("health", *SIDES)]
        + [("value_at_risk", pa.float64())]
        + [(f"reason_{index}", pa.string()) for index in range(1, reasons + 1)]
        + [(name, pa.date32() if name == "due_at" else pa.string()) for name in _PLAY]
        + [(name, pa.string()) for name in ("arm", "not_contacted_because")]
        + [(name, pa.string()) for name in ("model_version", "label_id", "run_id")]
        + ([("expected_days_90d", pa.float64())] if contract else [])
        + [("trial", pa.bool_()), ("trial_because", pa.string())]
        + [("task_id", pa.string()), ("task_status", pa.string()), ("listed_since", pa.date32())]
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

    Four columns exist only if the label is about contracts. Three hold the probability of leaving within 30,
    60 and 90 days. The fourth holds how many of these 90 days the customer is expected to stay. The four
    columns are empty if the model does not predict such probabilities and days. There is one exception: if
    the label has a horizon of 28 to 31 days and no gap, the column for 30 days holds the churn
    probability. The column `play` is filled for each customer who has a play. Action, owner, due date and the
    other columns of a task are filled only for customers on the call list.

    Args:
        roster: The columns `customer_id` and `excluded_because` of all customers; `excluded_because` is
            missing for customers of the cohort.
        cohort: The scores of the customers in the cohort.
        cutoff: The cutoff of the night.
        label: The label, which determines the columns of probabilities.
        reasons: How many columns hold a reason for the risk: `reason_1`, `reason_2`, …
        stamps: The ids `model_version`, `label_id` and `run_id`, by column name.
        trial_because: Why the night is a trial; None for a night of the champion. A trial puts no customer
            into an arm, so the column `arm` is `none` in each row. For customers on the call list of a trial,
            the column `not_contacted_because` is `trial`.
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

    cells = _cohort_columns(cohort) | {label.words.probability: cohort.probability}
    if not cohort.within and label.horizon_days in ONE_MONTH and label.gap_days == 0:
        cells["churn_probability_30d"] = cohort.probability
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


def _cohort_columns(cohort: CohortScores) -> dict[str, Any]:
    """Return the values of the cohort's customers by column name, in the order of `cohort.customers`."""
    listed = [task if task and task.is_listed else None for task in cohort.tasks]
    max_reasons = max((len(reasons) for reasons in cohort.reasons), default=0)
    return {
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
        "play": [
            task.play if task else play and play.name for task, play in zip(listed, cohort.plays, strict=True)
        ],
        **{name: [task and getattr(task, name) for task in listed] for name in _PLAY[1:]},
        "arm": [(task and task.arm) or "none" for task in cohort.tasks],
        "not_contacted_because": cohort.not_contacted_because,
        "task_id": [task and task.task_id for task in listed],
        "task_status": [task and task.status for task in listed],
        "listed_since": [task and task.planned_on for task in listed],
    }
