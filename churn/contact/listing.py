"""The call list: the open tasks of earlier nights, and the order in which all tasks are listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.contact.tasks import TaskStates
from churn.scoring.playbook import Playbook
from churn.scoring.scores import TREATED_ARM, Task, TaskStatus

Ints = npt.NDArray[np.intp]
Objects = npt.NDArray[np.object_]

OPEN_STATES = ("open", "overdue", "snoozed")


def with_states(tasks: pd.DataFrame, states: TaskStates) -> pd.DataFrame:
    """Return the tasks with their states; `result` is the customer's answer, None if there is no answer."""
    frame = tasks.merge(states.states, on="task_id", how="left", validate="one_to_one")
    is_answered = frame["state"].isin(("done", "declined")) & (not states.is_assumed)
    frame["result"] = frame["state"].where(is_answered, None)
    for name in ("planned_on", "due_at", "expires_on"):
        frame[name] = pd.to_datetime(frame[name])
    return frame


def open_tasks(tasks: pd.DataFrame, customers: Objects) -> dict[int, dict[str, Any]]:
    """Return the open, overdue and snoozed tasks; each key is the position of the customer in `customers`.

    Controls have such tasks too. Tasks of customers who are not in `customers` are left out.
    """
    row_of = {customer: row for row, customer in enumerate(customers)}
    is_open = tasks["state"].isin(OPEN_STATES)
    return {
        row_of[task["customer_id"]]: {str(name): value for name, value in task.items()}
        for task in tasks[is_open].sort_values(["planned_on", "task_id"]).to_dict("records")
        if task["customer_id"] in row_of
    }


def carried_tasks(
    open_tasks: Mapping[int, Mapping[str, Any]], playbook: Playbook, language: str
) -> dict[int, Task]:
    """Turn the open tasks of earlier nights into tasks of the call list, with the keys of `open_tasks`."""
    plays = {rule.play.name: rule.play for rule in playbook.rules}
    carried: dict[int, Task] = {}
    for row, task in open_tasks.items():
        play = plays.get(task["play"])
        status: TaskStatus = "overdue" if task["state"] == "overdue" else "open"
        carried[row] = Task(
            task_id=task["task_id"],
            play=task["play"],
            action=play.action_in(language) if play else None,
            owner=task["owner"],
            channel=task["channel"],
            due_at=task["due_at"].date(),
            success=play.success_in(language) if play else None,
            template=task["template"],
            variant=task["variant"],
            arm=task["arm"],
            planned_on=task["planned_on"].date(),
            status=status,
        )
    return carried


def listed_rows(tasks: Sequence[Task | None], contact_rows: Ints) -> Ints:
    """Return the rows of the call list in order: first the overdue tasks, then the open tasks, then the new
    tasks.

    Earlier tasks are ordered by due date, and new tasks are ordered by priority.
    """
    carried = [
        (task.status != "overdue", task.due_at, task.task_id, row)
        for row, task in enumerate(tasks)
        if task is not None and task.status != "new"
    ]
    new = [row for row in contact_rows.tolist() if (task := tasks[row]) is not None and task.is_listed]
    return np.array([row for *_, row in sorted(carried)] + new, dtype=np.intp)


def came_off(tasks: pd.DataFrame, previous: date | None) -> dict[str, int]:
    """Count the tasks in the treated arm that ended since the night `previous`, by their final state."""
    if previous is None:
        return {}
    ended = tasks[
        (tasks["arm"] == TREATED_ARM)
        & ~tasks["state"].isin(OPEN_STATES)
        & (tasks["since"] >= pd.Timestamp(previous))
    ]
    words = ended["state"].where(ended["why"].isna(), ended["state"] + ": " + ended["why"].fillna(""))
    return dict(sorted(Counter(words).items()))
