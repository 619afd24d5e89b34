"""The contacts in the ledger as a sample: one row for each unit's first task, with the signals of that night.

A unit is a person, an account or a customer. Controls get tasks by the same rules as treated units, but
nobody carries these tasks out. The measured effect is the effect of having a task, whether the task was
carried out or not. The play and the channel of a task and the churn probability of its customer are
covariates, in addition to the signals.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.experiments.experiment_units import first_task_units
from churn.experiments.exposure import TaskHistory, check_ledger
from churn.experiments.ledger import Ledger
from churn.experiments.unit_outcomes import LabelOutcomes
from churn.scoring.scores import CONTROL_ARM, TREATED_ARM
from churn.uplift.covariates import covariate_rows
from churn.uplift.measure import SampleFacts
from churn.uplift.result import CONTACTS, UpliftReason
from churn.uplift.sample import Sample, make_sample

Objects = npt.NDArray[np.object_]

SignalsAt = Callable[[date], pd.DataFrame]
"""A function that returns the customers who could still leave at a cutoff: `customer_id` and the signals."""

TASK_COVARIATES = ("play", "channel", "churn_probability")
"""What is known about a task in addition to the signals of its customer."""


def ledger_sample(
    ledger: Ledger, outcomes: LabelOutcomes, signals_at: SignalsAt, other_plays: Collection[str] = ()
) -> tuple[Sample, SampleFacts]:
    """Return the contacts in a ledger as a sample; the outcome is that the customer left.

    If the residual value of any unit is known, each outcome counts with the residual value of its unit, in
    money. Units without a known value are then left out.

    Args:
        ledger: The arms and the tasks that the nights assigned.
        outcomes: The labels of customers, and the days on which they become known.
        signals_at: A function that returns the customers who could still leave at a cutoff, with their
            signals.
        other_plays: The plays that put customers on a list beside the call list, such as the list of lost
            customers; the tasks of these plays are left out.

    Raises:
        SourceError: the ledger contradicts itself.
    """
    check_ledger(ledger)
    tasks = ledger.tasks.sort_values(["planned_on", "task_id"])
    tasks = tasks[~tasks["play"].isin(set(other_plays))]
    tasks = tasks.drop_duplicates("unit", keep="first").reset_index(drop=True)
    units = first_task_units(ledger, tasks, outcomes.maturity)
    frame = units.frame.merge(tasks[["unit", "customer_id", *TASK_COVARIATES]], on="unit", validate="1:1")
    frame = frame.sort_values("unit", ignore_index=True)
    left_out_counts = {
        "turned out to be one person with another unit": units.merged_count,
        "would have changed the arm": units.arm_changed,
        "with another share of the control": units.other_share,
        "without a control group": units.without_control,
    }

    def keep(rows: pd.DataFrame, mask: npt.NDArray[np.bool_], reason: str) -> pd.DataFrame:
        left_out_counts[reason] = int((~mask).sum())
        return rows[mask].reset_index(drop=True)

    is_matured = outcomes.maturity.is_matured(frame["started_on"].tolist())
    frame = keep(frame, is_matured, "outcome not known yet")
    alone = TaskHistory(ledger).untreated_probability(tasks)
    frame["propensity"] = np.array([1 - alone[unit] for unit in frame["unit"]], dtype=np.float64)
    is_drawn = (frame["propensity"] > 0) & (frame["propensity"] < 1)
    frame = keep(frame, is_drawn.to_numpy(dtype=bool), "treated for certain")
    frame["left"] = _left(frame, outcomes)
    frame = keep(frame, frame["left"].notna().to_numpy(dtype=bool), "without label")
    value = frame["value"].to_numpy(dtype=np.float64)
    has_money = bool(np.isfinite(value).any())
    if has_money:
        frame = keep(frame, np.isfinite(value), "without a known value")
    covariates, is_known = _covariates(frame, signals_at)
    frame = keep(frame, is_known, "not at risk any more by today's data")
    names = [str(unit) for unit in frame["unit"]]
    sample = make_sample(
        covariate_rows(
            {name: values[is_known] for name, values in covariates.items()},
            frame["left"].to_numpy(dtype=np.float64) == 1,
            names,
        ),
        names,
        (frame["arm"] == TREATED_ARM).to_numpy(dtype=bool),
        frame["propensity"].to_numpy(dtype=np.float64),
        is_wanted=False,
        worth=frame["value"].to_numpy(dtype=np.float64) if has_money else None,
    )
    facts = SampleFacts(
        name=CONTACTS,
        outcome="left",
        control=CONTROL_ARM,
        treatment=TREATED_ARM,
        unit_of_gain="money" if has_money else "outcomes",
        left_out_counts={reason: count for reason, count in left_out_counts.items() if count},
        obstacle=None if units.control_share is not None else UpliftReason.NO_CONTROL,
    )
    return sample, facts


def task_covariates(
    frame: pd.DataFrame, plays: Objects, channels: Objects, probability: npt.NDArray[np.float64]
) -> dict[str, npt.NDArray[np.float64] | Objects]:
    """Return each customer's inputs to a model of the task's effect: the signals and the facts of the task.

    Args:
        frame: The column `customer_id` and the signals of each customer.
        plays: The name of each customer's play; None for a customer without a play.
        channels: The channel of each customer; None for a customer without a channel.
        probability: The churn probability of each customer.
    """
    columns = {
        str(name): _column(frame[name])
        for name in frame.columns
        if name not in ("customer_id", *TASK_COVARIATES)
    }
    return columns | dict(zip(TASK_COVARIATES, (plays, channels, probability), strict=True))


def _column(values: pd.Series) -> npt.NDArray[np.float64] | Objects:
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return values.to_numpy(dtype=np.float64)
    return np.array([value if isinstance(value, str) else None for value in values], dtype=object)


def _left(frame: pd.DataFrame, outcomes: LabelOutcomes) -> npt.NDArray[np.float64]:
    """Return whether the customer of each task left; NaN if the customer has no label."""
    left = np.full(len(frame), np.nan)
    nights = frame["started_on"].to_numpy(dtype=object)
    for night in sorted(set(nights)):
        rows = np.flatnonzero(nights == night)
        left[rows] = outcomes.left_at(night, frame["customer_id"].iloc[rows].tolist())
    return left


def _covariates(
    frame: pd.DataFrame, signals_at: SignalsAt
) -> tuple[Mapping[str, npt.NDArray[np.float64] | Objects], npt.NDArray[np.bool_]]:
    """Return the covariates of each task, and whether its customer was still at risk on the task's night.

    Whether a customer was at risk is computed from today's data, not from the data of the task's night.
    """
    nights = frame["started_on"].to_numpy(dtype=object)
    parts = []
    for night in sorted(set(nights)):
        signals = signals_at(night).set_index("customer_id")
        rows = np.flatnonzero(nights == night)
        own = signals.reindex(frame["customer_id"].iloc[rows])
        is_known = np.isin(frame["customer_id"].iloc[rows].to_numpy(dtype=object), signals.index.to_numpy())
        parts.append(own.reset_index().assign(row=rows, is_known=is_known))
    if not parts:
        return {}, np.zeros(0, dtype=bool)
    table = pd.concat(parts, ignore_index=True).sort_values("row", ignore_index=True)
    return (
        task_covariates(
            table.drop(columns=["row", "is_known"]),
            np.asarray(frame["play"], dtype=object),
            np.asarray(frame["channel"], dtype=object),
            frame["churn_probability"].to_numpy(dtype=np.float64),
        ),
        table["is_known"].to_numpy(dtype=bool),
    )
