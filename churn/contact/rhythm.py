"""The customer's own rhythm: the channel in which a customer answers, and the hour at which the customer is
usually active.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.contact.consent import plain_channel
from churn.contact.tasks import plain_text
from churn.contact.working_days import WEEKDAYS, QuietHours
from churn.experiments.units import Units
from churn.params import ContactParams
from churn.scoring.play import Play

HOURS = 24
REACHED_RESULTS = ("done", "declined", "snoozed")
"""The results of contacts that show that the customer was reached."""

AnswerCounts = Mapping[tuple[str, str], int]
"""The number of answers of each customer in each channel; the key is the customer and the channel in lower
case.
"""


@dataclass(frozen=True)
class BestHour:
    """The hour of the day at which a customer is usually active.

    Attributes:
        hour: The local hour, such as 18 for `[18:00, 19:00)`; None if there are too few events.
        n_events: The number of events in the best hour, the hour before and the hour after. Events in hours
            that overlap the quiet hours (in which nobody is contacted) do not count.
    """

    hour: int | None
    n_events: int

    @property
    def clock(self) -> str | None:
        """Return the beginning of the hour as a time of day.

        >>> BestHour(8, 12).clock
        '08:00'
        """
        return None if self.hour is None else f"{self.hour:02d}:00"


NO_HOUR = BestHour(None, 0)
"""The entry of a customer who has no event in the hours in which contacts are allowed."""


def evidence_ends(units: Units, assignments: pd.DataFrame, cutoff: date) -> dict[str, date]:
    """Return for each assigned customer the first day on which answers no longer count.

    This is the day on which the customer's unit was first assigned to an arm. Answers decide in which channel
    a customer is contacted. Before the assignment, both arms are treated in the same way. After the
    assignment, only treated customers can answer a play. So if later answers counted, the two arms would get
    different channels.

    Args:
        units: The unit (a person, an account or a customer) to which each customer belongs.
        assignments: The assignments of earlier nights.
        cutoff: The cutoff of the night.
    """
    first_day: dict[str, date] = {}
    for unit, customers, day in zip(
        assignments["unit"], assignments["customers"], assignments["assigned_on"], strict=True
    ):
        for name in {unit, *units.of(list(customers))}:
            first_day[name] = min(day, first_day.get(name, cutoff))
    return {customer: first_day[unit] for customer, unit in units.unit_of.items() if unit in first_day}


def count_answers(answers: pd.DataFrame, ends: Mapping[str, date], cutoff: date, days: int) -> AnswerCounts:
    """Count answers by customer and channel on the days `[end - days, end)`; `end` differs by customer.

    Args:
        answers: The columns `customer_id`, `channel` and `day`, one row for each answer.
        ends: The end for each customer: the first day on which the customer's answers no longer count. For a
            customer who is not in `ends`, the end is the cutoff.
        cutoff: The cutoff of the night.
        days: The number of days in which answers count.
    """
    counts: Counter[tuple[str, str]] = Counter()
    length = timedelta(days=days)
    rows = zip(answers["customer_id"], answers["channel"], answers["day"], strict=True)
    for customer, channel, day in rows:
        end = ends.get(customer, cutoff)
        if end - length <= day < end:
            counts[customer, plain_channel(channel)] += 1
    return counts


def answers_of(contacts: pd.DataFrame | None, opened_mails: pd.DataFrame) -> pd.DataFrame:
    """Return the answers of customers, with the columns `customer_id`, `channel` and `day`.

    An opened e-mail is an answer in the channel e-mail. A contact is an answer in its channel if the customer
    answered, or if the result of the contact says that the customer was reached.

    Args:
        contacts: Contacts as `churn.data.acts.read_contacts` returns them; None if the company has none.
        opened_mails: `customer_id` and `day` of each opened e-mail.
    """
    frames = [opened_mails.assign(channel="email")]
    if contacts is not None:
        result = contacts["result"].map(plain_text, na_action="ignore")
        is_reached = contacts["answered_on"].notna() | result.isin(REACHED_RESULTS)
        rows = contacts[is_reached & contacts["channel"].notna()]
        day = rows["answered_on"].where(rows["answered_on"].notna(), rows["contacted_on"])
        frames.append(rows[["customer_id", "channel"]].assign(day=day))
    return pd.concat(frames, ignore_index=True)[["customer_id", "channel", "day"]]


def channels_in_order(play: Play, customer: str, answers: AnswerCounts, min_answers: int) -> tuple[str, ...]:
    """Return the channels of a play in the order in which they are tried for a customer.

    If the play has `channel: preferred`, the channels with at least `min_answers` answers come first, ordered
    by the number of answers. Channels with equal numbers, and all other channels, stay in the order of the
    play.

    Args:
        play: The play.
        customer: The customer.
        answers: The number of answers by customer and channel.
        min_answers: A channel with at least this number of answers is tried before the play's other channels.
    """
    order = play.channel_order
    if not play.prefers_own_channel:
        return order
    counts = [answers.get((customer, plain_channel(channel)), 0) for channel in order]
    known = [count if count >= min_answers else 0 for count in counts]
    return tuple(order[index] for index in sorted(range(len(order)), key=lambda index: -known[index]))


def preference_counts(
    plays: Sequence[Play | None],
    customers: Sequence[str],
    channels: Sequence[str | None],
    answers: AnswerCounts,
    min_answers: int,
) -> dict[str, int]:
    """Count the customers whose answers decided their channel, and the customers with too few answers.

    A customer counts only if the customer may be contacted and has a play with `channel: preferred`. Such a
    play first tries the channel in which the customer answers most often.

    Args:
        plays: The play of each customer.
        customers: The ids of the customers.
        channels: The channel of each customer; None if the customer must not be contacted.
        answers: The number of answers by customer and channel.
        min_answers: A channel with at least this number of answers is tried before the play's other channels.
    """
    counts = {"own": 0, "too few answers": 0}
    for play, customer, channel in zip(plays, customers, channels, strict=True):
        if play is not None and play.prefers_own_channel and channel is not None:
            is_own = answers.get((customer, plain_channel(channel)), 0) >= min_answers
            counts["own" if is_own else "too few answers"] += 1
    return counts


def find_best_hours(
    events: pd.DataFrame, quiet: QuietHours, weekdays: frozenset[int], min_events: int
) -> dict[str, BestHour]:
    """Return for each customer the hour at which the customer is usually active and contacts are allowed.

    Only events on working weekdays count, and only in hours that lie wholly outside the quiet hours (in which
    nobody is contacted). The count of an hour includes the events of the hour before and of the hour after.
    The best hour is the hour with the largest count. If several hours have equal counts, the hour with the
    most events of its own is taken; if these are equal too, the earliest hour is taken.

    Args:
        events: The columns `customer_id`, the local `weekday` (Monday is 0), the local `hour`, and the number
            of `events`.
        quiet: The quiet hours.
        weekdays: The working weekdays.
        min_events: The count that the best hour needs; a customer whose best hour has a smaller count gets
            no hour.
    """
    is_open = np.array([not _is_quiet(quiet, hour) for hour in range(HOURS)])
    rows = events[events["weekday"].isin(weekdays) & is_open[events["hour"].to_numpy(dtype=np.intp)]]
    codes, customers = pd.factorize(rows["customer_id"])
    counts = np.zeros((len(customers), HOURS), dtype=np.int64)
    np.add.at(counts, (codes, rows["hour"].to_numpy(dtype=np.intp)), rows["events"].to_numpy())
    around: npt.NDArray[np.int64] = counts.copy()
    around[:, 1:] += counts[:, :-1]
    around[:, :-1] += counts[:, 1:]
    rank = np.where(is_open, around * (counts.sum(axis=1, keepdims=True) + 1) + counts, -1)
    best = rank.argmax(axis=1)
    return {
        str(customer): BestHour(int(hour) if own[hour] >= min_events else None, int(own[hour]))
        for customer, hour, own in zip(customers, best, around, strict=True)
    }


def best_hours_of(events: pd.DataFrame, contact: ContactParams) -> dict[str, BestHour]:
    """Return each customer's best hour, by the contact settings in params.yaml; see `find_best_hours`."""
    quiet = QuietHours.of(contact.quiet_hours.begin, contact.quiet_hours.end)
    weekdays = frozenset(WEEKDAYS.index(day) for day in contact.working_days)
    return find_best_hours(events, quiet, weekdays, contact.rhythm.min_events)


def _is_quiet(quiet: QuietHours, hour: int) -> bool:
    return any(quiet.contains(time(hour, minute)) for minute in range(60))
