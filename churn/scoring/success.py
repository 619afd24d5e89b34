"""Compute whether a play reached its aim: criteria check what customers did after the contact was planned.

The same criterion is computed for the tasks of both arms, from the same tables and over the same days. The
criterion reads no answer to a contact, because a control cannot answer. In both arms, a task has a result
only after all its days have passed. If a success counted as soon as it is seen, the arm that is checked more
often would seem more successful.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from churn.data.tables import CANONICAL_TABLES, NO_EVENTS
from churn.errors import did_you_mean

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Happenings:
    """What happened to customers before the day `known_until`.

    Each attribute from `ratings` to `returns` is None if the company does not have the table for it. A
    missing table of events has no entry in `events`. All times are local times without a time zone. Each
    frame has the column `customer_id`.

    Attributes:
        known_until: The first day about which nothing is known.
        events: The frames of events, each with `happened_at`; the keys are the names that criteria use, such
            as `orders` and `emails.opened_at`.
        ratings: The answers to surveys, with `answered_at` and `rating`.
        bills: The bills, with `due_at` and `paid_at`; `paid_at` is NaT for an unpaid bill.
        bands: The health bands of all nights, with `cutoff` and `health`.
        exits: The customers who left, with `left_at`.
        returns: What counts as coming back, with `happened_at`: the starts of contracts, or the events of the
            label's table.
    """

    known_until: date
    events: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    ratings: pd.DataFrame | None = None
    bills: pd.DataFrame | None = None
    bands: pd.DataFrame | None = None
    exits: pd.DataFrame | None = None
    returns: pd.DataFrame | None = None

    @property
    def tables(self) -> set[str]:
        """Return the names of the tables that are available."""
        frames = {
            "surveys": self.ratings,
            "payments": self.bills,
            "health": self.bands,
            "exits": self.exits,
            "returns": self.returns,
        }
        return {*self.events, *(name for name, frame in frames.items() if frame is not None)}


class Criterion(Protocol):
    """A criterion of success."""

    def possible(self, present: Set[str]) -> bool:
        """Return whether the criterion can be computed from the tables in `present`."""
        ...

    def holds(self, tasks: pd.DataFrame, happenings: Happenings) -> Bools:
        """Return for each task whether the criterion was met. Shape `[tasks]`.

        Args:
            tasks: The columns `task` (a number), `customer_id`, `begin` (the first moment of the days that
                count for the task) and `end` (the first moment after these days).
            happenings: What happened to the customers.
        """
        ...


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EventHappens(_Part):
    """The criterion that at least `count` events of some tables happened.

    An event is a row of a table that records what customers do, such as `orders`, or a time in an outcome
    column, such as `emails.opened_at`.
    """

    event: tuple[Annotated[str, Field(strict=True)], ...]
    count: Annotated[int, Field(strict=True, ge=1)] = 1

    def possible(self, present: Set[str]) -> bool:
        """Return whether the company has at least one of the tables of these events."""
        return bool(set(self.event) & present)

    def holds(self, tasks: pd.DataFrame, happenings: Happenings) -> Bools:
        """Return for each task whether at least `count` events happened."""
        frames = [happenings.events[name] for name in self.event if name in happenings.events]
        return _counts(tasks, pd.concat(frames), "happened_at") >= self.count


class RatingAtLeast(_Part):
    """The criterion that the latest rating is high enough.

    A rating counts only if it was given in the `within_days` days from the planning of the task. Without such
    a rating, the criterion is not met.
    """

    rating_at_least: Annotated[float, Field(strict=True, ge=0, le=10)]

    def possible(self, present: Set[str]) -> bool:
        """Return whether the company has a table of surveys."""
        return "surveys" in present

    def holds(self, tasks: pd.DataFrame, happenings: Happenings) -> Bools:
        """Return for each task whether the latest rating is high enough."""
        assert happenings.ratings is not None
        ratings = happenings.ratings.dropna(subset=["answered_at", "rating"])
        return _latest(tasks, ratings, "answered_at", "rating") >= self.rating_at_least


class BillsPaid(_Part):
    """The criterion that all overdue bills are paid within `within_days` days of the task's planning."""

    bills_paid: Annotated[Literal[True], Field(alias="paid")]

    def possible(self, present: Set[str]) -> bool:
        """Return whether the company has a table of payments."""
        return "payments" in present

    def holds(self, tasks: pd.DataFrame, happenings: Happenings) -> Bools:
        """Return for each task whether all bills due before the task's `begin` were paid before its `end`."""
        assert happenings.bills is not None
        bills = happenings.bills.assign(customer_id=happenings.bills["customer_id"].astype(str))
        pairs = tasks.merge(bills, on="customer_id")
        is_open = (pairs["due_at"] < pairs["begin"]) & ~(pairs["paid_at"] < pairs["end"])
        tasks_with_debt = pairs.loc[is_open, "task"].to_numpy()
        return np.asarray(np.isin(tasks["task"].to_numpy(), tasks_with_debt, invert=True), dtype=bool)


class HealthAtLeast(_Part):
    """The criterion that the latest health band is high enough.

    A band counts only if its night is one of the `within_days` nights after the planning of the task. Without
    such a band, the criterion is not met.
    """

    health_at_least: Annotated[int, Field(strict=True, ge=1, le=5)]

    def possible(self, present: Set[str]) -> bool:
        """Return whether health bands of customers are available."""
        return "health" in present

    def holds(self, tasks: pd.DataFrame, happenings: Happenings) -> Bools:
        """Return for each task whether the customer's latest health band is high enough.

        Only bands of the nights in `(begin, end]` count; `begin` and `end` are columns of `tasks`.
        """
        assert happenings.bands is not None
        # The band of the night `begin` is from before the contact; the band of the night `end` counts,
        # because it depends on all the days.
        one_day = pd.Timedelta(days=1)
        later = tasks.assign(begin=tasks["begin"] + one_day, end=tasks["end"] + one_day)
        return _latest(later, happenings.bands, "cutoff", "health") >= self.health_at_least


class Stays(_Part):
    """The criterion that the customer does not leave within `within_days` days of the task's planning."""

    stays: Literal[True]

    def possible(self, present: Set[str]) -> bool:
        """Return whether it is known which customers left."""
        return "exits" in present

    def holds(self, tasks: pd.DataFrame, happenings: Happenings) -> Bools:
        """Return for each task whether the customer did not leave."""
        assert happenings.exits is not None
        return np.asarray(_counts(tasks, happenings.exits, "left_at") == 0, dtype=bool)


class Returns(_Part):
    """The criterion that the customer came back: with a new contract, or with an event if the label is of
    kind inactivity.
    """

    returns: Literal[True]

    def possible(self, present: Set[str]) -> bool:
        """Return whether it is known which customers came back."""
        return "returns" in present

    def holds(self, tasks: pd.DataFrame, happenings: Happenings) -> Bools:
        """Return for each task whether the customer came back."""
        assert happenings.returns is not None
        return np.asarray(_counts(tasks, happenings.returns, "happened_at") > 0, dtype=bool)


@dataclass(frozen=True)
class Criteria:
    """Several criteria: all of them must be met if `needs_all`, otherwise at least one.

    If one criterion is enough, a criterion whose tables are absent counts as not met. But the tables of at
    least one criterion must be present.
    """

    parts: tuple[Criterion, ...]
    needs_all: bool

    def possible(self, present: Set[str]) -> bool:
        """Return whether the criteria can be computed from the tables in `present`."""
        answers = [part.possible(present) for part in self.parts]
        return all(answers) if self.needs_all else any(answers)

    def holds(self, tasks: pd.DataFrame, happenings: Happenings) -> Bools:
        """Return for each task whether enough of the criteria are met."""
        present = happenings.tables
        answers = np.array([part.holds(tasks, happenings) for part in self.parts if part.possible(present)])
        return np.asarray(answers.all(axis=0) if self.needs_all else answers.any(axis=0))


@dataclass(frozen=True)
class SuccessRule:
    """The criterion for the success of a play, and the number of days in which it must be met."""

    criterion: Criterion
    within_days: int


def evaluate_success(rule: SuccessRule, tasks: pd.DataFrame, happenings: Happenings) -> pd.DataFrame:
    """Return for each task whether the time for success is over, and whether the criterion was met.

    The time covers the days `[planned_on, planned_on + within_days)` in both arms. `success` is missing until
    the data of all these days are known. It is also missing if the tables of the criterion are absent.

    Args:
        rule: The criterion of the play, and the number of days.
        tasks: The columns `task_id`, `customer_id` and `planned_on`. The criterion is the same for treated
            customers and for controls.
        happenings: What happened to the customers.

    Returns:
        A frame with the columns `task_id`, `matured` (whether the time is over) and `success` (boolean,
        missing if not known). It has one row for each task, in the order of `tasks`.
    """
    begin = pd.to_datetime(tasks["planned_on"]).dt.as_unit("us")
    spans = pd.DataFrame(
        {
            "task": np.arange(len(tasks)),
            "customer_id": tasks["customer_id"].astype(str).to_numpy(),
            "begin": begin.to_numpy(),
            "end": (begin + pd.Timedelta(days=rule.within_days)).to_numpy(),
        }
    )
    matured = (spans["end"] <= pd.Timestamp(happenings.known_until)).to_numpy()
    success = pd.array([pd.NA] * len(tasks), dtype="boolean")
    if rule.criterion.possible(happenings.tables) and matured.any():
        success[matured] = rule.criterion.holds(spans[matured].reset_index(drop=True), happenings)
    return pd.DataFrame({"task_id": tasks["task_id"].to_numpy(), "matured": matured, "success": success})


def _counts(tasks: pd.DataFrame, rows: pd.DataFrame, time: str) -> npt.NDArray[np.float64]:
    """Count for each task the customer's rows with a time in the task's `[begin, end)`. Shape `[tasks]`."""
    pairs = _pairs(tasks, rows, time)
    counts = pairs.groupby("task").size().reindex(tasks["task"], fill_value=0)
    return np.asarray(counts, dtype=np.float64)


def _latest(tasks: pd.DataFrame, rows: pd.DataFrame, time: str, value: str) -> npt.NDArray[np.float64]:
    """Return for each task the customer's latest value in the task's `[begin, end)`, NaN if there is none."""
    pairs = _pairs(tasks, rows, time).sort_values(["task", time, value], kind="stable")
    return pairs.groupby("task")[value].last().reindex(tasks["task"]).to_numpy(dtype=np.float64)


def _pairs(tasks: pd.DataFrame, rows: pd.DataFrame, time: str) -> pd.DataFrame:
    """Pair each task with those rows of the same customer whose time is in the task's `[begin, end)`."""
    rows = rows.assign(customer_id=rows["customer_id"].astype(str))
    pairs = tasks.merge(rows, on="customer_id", suffixes=("", "_of_row"))
    moment = pd.to_datetime(pairs[time])
    return pairs[(moment >= pairs["begin"]) & (moment < pairs["end"])]


CRITERIA: Mapping[str, type[EventHappens | RatingAtLeast | BillsPaid | HealthAtLeast | Stays | Returns]] = {
    "event": EventHappens,
    "rating_at_least": RatingAtLeast,
    "paid": BillsPaid,
    "health_at_least": HealthAtLeast,
    "stays": Stays,
    "returns": Returns,
}


def read_criterion(
    tree: Any, location: str, events: Set[str], problems: list[str], needs_all: bool = True
) -> Criterion | None:
    """Read the `when:` of a `success:` as a criterion; return None if it has mistakes.

    Args:
        tree: The content: criteria such as `{event: orders}`, `{rating_at_least: 7}`, `{paid: true}`,
            `{health_at_least: 3}`, `{stays: true}` and `{returns: true}`, or `all:` or `any:` with a list of
            these.
        location: The place in the playbook, for messages.
        events: The names of the tables of events that a company may have in addition to the canonical tables.
        problems: A list; the mistakes are added to it.
        needs_all: Whether all criteria of a list must be met; otherwise one is enough.
    """
    entries = tree if isinstance(tree, list) else [tree]
    if not entries or not all(isinstance(entry, dict) and entry for entry in entries):
        problems.append(f"{location}: expected a criterion, such as {{event: orders}} or {{paid: true}}.")
        return None
    parts: list[Criterion | None] = []
    for index, entry in enumerate(entries):
        location_of_key = f"{location}[{index}]" if isinstance(tree, list) else location
        criteria = [
            _read_entry(key, entry, location_of_key, events, problems) for key in entry if key != "count"
        ]
        if "count" in entry and "event" not in entry:
            problems.append(f"{location_of_key}.count counts events; add 'event' with the name of a table.")
        parts += criteria if needs_all or len(criteria) == 1 else [_all_of(criteria)]
    valid = tuple(part for part in parts if part is not None)
    if len(valid) < len(parts) or not valid:
        return None
    return valid[0] if len(valid) == 1 else Criteria(valid, needs_all)


def _all_of(parts: list[Criterion | None]) -> Criterion | None:
    valid = tuple(part for part in parts if part is not None)
    return Criteria(valid, True) if len(valid) == len(parts) and valid else None


def _read_entry(
    key: str, entry: Mapping[str, Any], location: str, events: Set[str], problems: list[str]
) -> Criterion | None:
    location_of_key = f"{location}.{key}"
    if key in ("all", "any"):
        if not isinstance(entry[key], list):
            problems.append(
                f"{location_of_key}: expected a list of criteria, each such as {{event: orders}}."
            )
            return None
        return read_criterion(entry[key], location_of_key, events, problems, needs_all=key == "all")
    if key not in CRITERIA:
        problems.append(
            f"{location_of_key} is not a criterion.{did_you_mean(str(key), [*CRITERIA, 'all', 'any'])}"
        )
        return None
    value = entry[key]
    fields: dict[str, Any] = {key: value}
    if key == "event":
        fields = {"event": (value,) if isinstance(value, str) else value}
        if "count" in entry:
            fields["count"] = entry["count"]
        if names := [name for name in fields["event"] or () if not _is_event(name, events)]:
            for name in names:
                hint = did_you_mean(str(name), [*events, *_EVENT_TABLES])
                problems.append(f"{location_of_key} ({name!r:.60}) is not a table of events.{hint}")
            return None
        if not fields["event"]:
            problems.append(f"{location_of_key}: expected the name of a table of events, or a list of names.")
            return None
    try:
        return CRITERIA[key].model_validate(fields)
    except ValidationError as error:
        for detail in error.errors():
            problems.append(f"{location}.{detail['loc'][0]} ({detail['input']!r:.60}): {detail['msg']}.")
        return None


_ACTS = ("logins", "interactions", "orders", "tickets", "subscriptions", "referrals", "loyalty")
"""The canonical tables whose rows are acts of the customer. Sending a mail is an act of the company, so a
mail that is sent is not a success.
"""

_OUTCOMES = tuple(
    f"{table.name}.{column.name}"
    for table in CANONICAL_TABLES.values()
    if table.name not in NO_EVENTS
    for column in table.of_role("outcome")
)

_EVENT_TABLES = (*_ACTS, *_OUTCOMES)


def _is_event(name: Any, events: Set[str]) -> bool:
    return isinstance(name, str) and (name in events or name in _EVENT_TABLES)
