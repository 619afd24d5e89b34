"""The state of each task of earlier nights: open, overdue, snoozed, done, declined, withdrawn or expired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

import numpy as np
import pandas as pd

from churn.data.tables import CONTACT_RESULTS

State = Literal["open", "overdue", "snoozed", "done", "declined", "withdrawn", "expired"]

CAME_BACK = "came back"
OBJECTED = "objected"
OPENED_TICKET = "opened a ticket before the due date"
NO_LONGER_AT_RISK = "no longer at risk"
NO_LONGER_IN_COHORT = "no longer in the cohort of the label"
LEFT = "left"
EXITS = (OBJECTED, OPENED_TICKET, CAME_BACK, LEFT, NO_LONGER_AT_RISK, NO_LONGER_IN_COHORT)
"""The reasons why a task is withdrawn. If several happen on one day, the first in this order counts."""

_DAY: Final = "datetime64[s]"
_FINAL_RESULTS = ("done", "declined")


@dataclass(frozen=True)
class TaskStates:
    """The states of tasks at a cutoff.

    Attributes:
        states: One row for each task, in the order of the tasks: `task_id`, `state`, `since` (the first day
            of the state), `why` (the reason if the task is withdrawn, otherwise None), `snoozed_until`,
            `attempts` (the number of contacts without answer) and `last_attempt_on`.
        is_assumed: Whether `done` is an assumption, because the company maps no table `contacts`.
        n_unmatched: The number of contacts that name a task but belong to no task. Such a contact has an
            unknown id, has the id of another customer's task, or happened before the task was planned.
        unknown_results: For each result that is not in `CONTACT_RESULTS`, the number of contacts with this
            result; such contacts count as done.
        n_snoozed_without_date: The number of contacts with the result `snoozed` but without `snoozed_until`;
            they change nothing.
        contacted_controls: The ids of the control arm's tasks whose customers were contacted by mistake. If
            controls are contacted, no effect can be measured, so the caller warns of such contacts.
    """

    states: pd.DataFrame
    is_assumed: bool = False
    n_unmatched: int = 0
    unknown_results: Mapping[str, int] = field(default_factory=dict)
    n_snoozed_without_date: int = 0
    contacted_controls: tuple[str, ...] = ()


def task_states(
    tasks: pd.DataFrame, contacts: pd.DataFrame | None, exits: pd.DataFrame, cutoff: date
) -> TaskStates:
    """Return the state of each task, computed from the events before the cutoff.

    A task ends with the first of the events in the list below. If two of them happen on one day, the one
    that comes first in the list counts.

    1. An answer: a contact with the result `done` or `declined`. A contact without a result counts as done.
    2. An exit of the customer (see `EXITS`) on `planned_on` or later; the task is then withdrawn. A new
    support ticket of the customer counts as an exit only if it was opened before the task's due date.
    3. The expiry, on the day `expires_on`; see `churn.contact.limits.expiry_of`.

    A task that no event has ended is in one of these states:

    - `snoozed`, if its last contact has this result and `snoozed_until` is after the cutoff; it keeps its due
      date;
    - `overdue`, if the task is not snoozed and its due date lies before the cutoff;
    - `open`, if the task is neither snoozed nor overdue.

    After a contact with the result `no answer`, a task is no longer snoozed; otherwise this contact does not
    change the state.

    A contact with a `task_id` answers the task with this id. A contact without `task_id` answers the task of
    the same customer and play for which `planned_on <= contacted_on < expires_on`.

    Each task belongs to the treated arm or to the control arm. Exits and the expiry end the tasks of both
    arms in the same way. Only tasks of the treated arm have answers. A contact with the arm `control` did not
    happen: its row only says what would have been done. All other contacts did happen. If one of them belongs
    to a task of the control arm, the customer was contacted by mistake (`contacted_controls`).

    If the company has no table `contacts`, nobody knows what was done. Without this table, each task in both
    arms counts as done on its due date, and `is_assumed` is true.

    Args:
        tasks: The tasks of the ledger: `task_id`, `customer_id`, `play`, `arm`, `planned_on`, `due_at` and
            `expires_on`.
        contacts: Contacts as `churn.data.acts.read_contacts` returns them; None if the company has none.
        exits: The columns `customer_id`, `happened_on` and `why`, which is one of `EXITS`; one row for each
            exit.
        cutoff: The cutoff of the night; only days before the cutoff count.
    """
    tonight = pd.Timestamp(cutoff)
    plan = tasks[["task_id", "customer_id", "play", "arm"]].reset_index(drop=True)
    for name in ("planned_on", "due_at", "expires_on"):
        plan[name] = _days(tasks[name])
    plan["row"] = np.arange(len(plan))
    ends = [_exit_events(plan, exits, tonight), _expiry_events(plan, tonight)]
    answers, counts = _Answers.no_rows(), TaskStates(pd.DataFrame(), is_assumed=contacts is None)
    if contacts is None:
        is_past = plan["due_at"] < tonight
        ends.append(_events(plan.loc[is_past, "row"], plan.loc[is_past, "due_at"], 0, "done"))
    else:
        answers, counts = _match(plan, contacts, tonight)
        final = answers.rows[answers.rows["result"].isin(_FINAL_RESULTS)]
        ends.append(_events(final["row"], final["contacted_on"], 0, final["result"]))
    states = _states_without_end(plan, answers.rows, tonight)
    first = pd.concat(ends).sort_values(["row", "since", "rank"], kind="stable").drop_duplicates("row")
    rows = first["row"].to_numpy()
    for name in ("state", "since", "why"):
        states.loc[rows, name] = first[name].to_numpy()
    states["snoozed_until"] = states["snoozed_until"].where(states["state"] == "snoozed")
    return TaskStates(
        states,
        counts.is_assumed,
        counts.n_unmatched,
        counts.unknown_results,
        counts.n_snoozed_without_date,
        counts.contacted_controls,
    )


@dataclass(frozen=True)
class _Answers:
    """The contacts for tasks of the treated arm, by time; `row` is a task's position among all tasks."""

    rows: pd.DataFrame

    @classmethod
    def no_rows(cls) -> _Answers:
        columns = {"row": "int64", "contacted_on": _DAY, "result": "object", "snoozed_until": _DAY}
        return cls(pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()}))


def _match(plan: pd.DataFrame, contacts: pd.DataFrame, tonight: pd.Timestamp) -> tuple[_Answers, TaskStates]:
    """Find the task to which each contact belongs, and count the contacts that a person must check."""
    rows = contacts[
        (contacts["arm"].map(plain_text, na_action="ignore") != "control").to_numpy()
    ].reset_index(drop=True)
    rows = rows.assign(
        contact=np.arange(len(rows)),
        contacted_on=_days(rows["contacted_on"]),
        snoozed_until=_days(rows["snoozed_until"]),
        result=rows["result"].map(plain_text, na_action="ignore").fillna("done"),
    )
    rows = rows[rows["contacted_on"] < tonight]
    columns = ["contact", "contacted_at", "contacted_on", "result", "snoozed_until"]

    named = rows[rows["task_id"].notna()].merge(
        plan, on="task_id", how="left", suffixes=("", "_planned"), validate="many_to_one"
    )
    fits = (named["customer_id"] == named["customer_id_planned"]) & (
        named["contacted_on"] >= named["planned_on"]
    )
    unnamed = rows[rows["task_id"].isna() & rows["play"].notna()].merge(
        plan, on=["customer_id", "play"], suffixes=("", "_planned")
    )
    is_live = unnamed["contacted_on"].between(unnamed["planned_on"], unnamed["expires_on"], inclusive="left")
    unnamed = unnamed[is_live].sort_values("planned_on").drop_duplicates("contact", keep="last")
    matched = pd.concat(
        [frame[[*columns, "row", "arm_planned"]] for frame in (named[fits], unnamed)]
    ).sort_values(["contacted_at", "contact"], kind="stable")
    matched = matched.assign(row=matched["row"].astype("int64"))
    is_control = matched["arm_planned"] == "control"
    answers = matched[~is_control]
    is_unknown = ~answers["result"].isin(CONTACT_RESULTS)
    results = answers.loc[is_unknown, "result"].value_counts()
    counts = TaskStates(
        pd.DataFrame(),
        n_unmatched=int((~fits).sum()),
        unknown_results={str(name): int(number) for name, number in sorted(results.items())},
        n_snoozed_without_date=int(
            ((answers["result"] == "snoozed") & answers["snoozed_until"].isna()).sum()
        ),
        contacted_controls=tuple(sorted(set(plan["task_id"].iloc[matched.loc[is_control, "row"]]))),
    )
    return _Answers(answers.assign(result=answers["result"].mask(is_unknown, "done"))), counts


def _exit_events(plan: pd.DataFrame, exits: pd.DataFrame, tonight: pd.Timestamp) -> pd.DataFrame:
    """Return the events that withdraw tasks."""
    if unknown := sorted(set(exits["why"]) - set(EXITS)):
        raise ValueError(f"{unknown[0]!r} is no exit; the exits are {', '.join(EXITS)}")
    if exits.empty or plan.empty:
        return _events(plan["row"].iloc[:0], plan["due_at"].iloc[:0], 0, "withdrawn")
    rows = exits[["customer_id", "why"]].assign(since=_days(exits["happened_on"]).to_numpy())
    rows = plan.merge(rows, on="customer_id")
    is_in_time = (rows["since"] >= rows["planned_on"]) & (rows["since"] < tonight)
    is_early = (rows["why"] != OPENED_TICKET) | (rows["since"] < rows["due_at"])
    rows = rows[is_in_time & is_early]
    rank = 1 + rows["why"].map({why: number for number, why in enumerate(EXITS)}).astype("int64")
    return _events(rows["row"], rows["since"], rank, "withdrawn", rows["why"])


def _expiry_events(plan: pd.DataFrame, tonight: pd.Timestamp) -> pd.DataFrame:
    rows = plan[plan["expires_on"] <= tonight]
    return _events(rows["row"], rows["expires_on"], 1 + len(EXITS), "expired")


def _events(
    row: pd.Series[int],
    since: pd.Series[pd.Timestamp],
    rank: pd.Series[int] | int,
    state: pd.Series[str] | State,
    exit_why: pd.Series[str] | None = None,
) -> pd.DataFrame:
    """Return the events that end tasks; if two happen on one day, the event with the lower rank counts."""
    frame = pd.DataFrame({"row": row.astype("int64"), "since": since.astype(_DAY)})
    return frame.assign(rank=rank, state=state, why=exit_why)


def _states_without_end(plan: pd.DataFrame, answers: pd.DataFrame, tonight: pd.Timestamp) -> pd.DataFrame:
    """Return the states that the tasks would have if no event had ended them."""
    is_overdue = plan["due_at"] < tonight
    attempts = answers[answers["result"] == "no answer"].groupby("row")["contacted_on"].agg(["size", "max"])
    states = pd.DataFrame(
        {
            "task_id": plan["task_id"],
            "state": np.where(is_overdue, "overdue", "open").astype(object),
            "since": plan["planned_on"].where(~is_overdue, plan["due_at"] + pd.Timedelta(days=1)),
            "why": np.full(len(plan), None, dtype=object),
            "snoozed_until": pd.Series(pd.NaT, index=plan.index).astype(_DAY),
            "attempts": attempts["size"].reindex(plan.index, fill_value=0).astype("int64"),
            "last_attempt_on": attempts["max"].reindex(plan.index).astype(_DAY),
        }
    )
    last = answers.drop_duplicates("row", keep="last")
    snoozed = last[(last["result"] == "snoozed") & (last["snoozed_until"] > tonight)]
    rows = snoozed["row"].to_numpy()
    states.loc[rows, "state"] = "snoozed"
    states.loc[rows, "since"] = snoozed["contacted_on"].to_numpy()
    states.loc[rows, "snoozed_until"] = snoozed["snoozed_until"].to_numpy()
    return states


def _days(values: pd.Series[date]) -> pd.Series[pd.Timestamp]:
    return pd.to_datetime(values).astype(_DAY).reset_index(drop=True)


def plain_text(text: str) -> str:
    """Return a text in lower case and with spaces for `_` and `-`, so that these spellings do not matter.

    >>> plain_text(" No_answer ")
    'no answer'
    """
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())
