"""The team of the demo company, which works through the call list; not every task goes well.

Whether a task is done, and with which result, depends only on the task and the day of the call list. So a
night that runs again gives the same contacts.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa

from churn.demo.relation_tables import CONTACTS

NOT_DONE_SHARE = 0.1
"""The share of tasks that nobody does before the next call list; they become overdue."""

RESULTS = (("done", 0.72), ("no answer", 0.15), ("declined", 0.06), ("snoozed", 0.07))
SNOOZE_DAYS = 7
SATURDAY = 5


@dataclass(frozen=True)
class ListedTask:
    """A task of the call list."""

    task_id: str
    customer_id: str
    play: str
    variant: str | None
    channel: str
    due_at: date


def work_off(tasks: Iterable[ListedTask], first: date, until: date) -> pa.Table:
    """Return the contacts on the days `[first, until)`, for the tasks whose due date has come.

    Args:
        tasks: The tasks of the call list.
        first: The day of the call list.
        until: The day of the next call list.
    """
    rows = []
    for task in tasks:
        day = max(task.due_at, first)
        while day.weekday() >= SATURDAY:
            day += timedelta(1)
        if day >= until:
            continue
        rng = np.random.default_rng([zlib.crc32(task.task_id.encode()), first.toordinal()])
        is_forgotten, chance, minute = rng.random() < NOT_DONE_SHARE, rng.random(), int(rng.integers(0, 480))
        if is_forgotten:
            continue
        result = _result(chance)
        at = datetime(day.year, day.month, day.day, 9) + timedelta(minutes=minute)
        rows.append(
            {
                "customer_id": task.customer_id,
                "contacted_at": at,
                "play": task.play,
                "variant": task.variant,
                "channel": task.channel,
                "task_id": task.task_id,
                "result": result,
                "answered_at": None if result == "no answer" else at,
                "snoozed_until": at + timedelta(SNOOZE_DAYS) if result == "snoozed" else None,
            }
        )
    rows.sort(key=lambda row: (row["contacted_at"], row["task_id"]))
    return pa.Table.from_pylist(rows, CONTACTS)


def _result(chance: float) -> str:
    reached = 0.0
    for result, share in RESULTS:
        reached += share
        if chance < reached:
            return result
    return RESULTS[-1][0]  # the sum of the shares may differ from 1 by a rounding error
