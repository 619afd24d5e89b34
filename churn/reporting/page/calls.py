"""The section on the call list: whom to contact, why, how, and by when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from churn.reporting.page.bars import longest_first
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words


@dataclass(frozen=True)
class Call:
    """One line of the call list."""

    customer: str
    name: str
    probability: float
    value: float | None
    health: int | None
    reasons: tuple[str, ...]
    play: str
    action: str
    owner: str
    channel: str
    due: date
    is_overdue: bool


def calls_section(night: ReportSources, words: Words) -> Section:
    """Return the section on the call list: all calls, in order."""
    calls = calls_of(night, words.label.probability)
    trial = night.facts.trial is not None
    return Section(
        id="calls",
        title=words("The trial call list") if trial else words("The call list"),
        lead=_lead(calls, words),
        html=words.render(
            "calls.html", calls=calls, not_contacted=longest_first(night.facts.not_contacted.items())
        ),
    )


def _lead(calls: tuple[Call, ...], words: Words) -> str:
    if not calls:
        return words("Nobody is contacted tonight.")
    if words.is_event:
        return words("Work from the top: open tasks by due date, then new tasks, the most likely first.")
    return words("Work from the top: open tasks by due date, then new tasks by expected profit.")


def calls_of(night: ReportSources, probability: str) -> tuple[Call, ...]:
    """Return the lines of the call list, in order."""
    scores = night.scores[night.scores["customer_id"].isin({customer for customer, _ in night.contacts})]
    rows = {str(row["customer_id"]): row for row in scores.to_dict("records")}
    reason_columns = [str(name) for name in scores.columns if str(name).startswith("reason_")]
    return tuple(
        _call(customer, name, rows[customer], reason_columns, probability)
        for customer, name in night.contacts
    )


def _call(
    customer: str, name: str, row: Mapping[Any, Any], reason_columns: Iterable[str], probability: str
) -> Call:
    texts = {
        column: "" if pd.isna(row[column]) else str(row[column])
        for column in ("play", "action", "owner", "channel")
    }
    return Call(
        customer=customer,
        name=name,
        probability=row[probability],
        value=None if pd.isna(row["value_at_risk"]) else row["value_at_risk"],
        health=None if pd.isna(row["health"]) else int(row["health"]),
        reasons=tuple(str(row[column]) for column in reason_columns if not pd.isna(row[column])),
        due=row["due_at"],
        is_overdue=row.get("task_status") == "overdue",
        **texts,
    )
