"""Who came off the call list since the night before, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from churn.contact.plan import reason_without_day
from churn.reporting.page.bars import longest_first
from churn.reporting.page.night_numbers import NightNumbers
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words

REST_START, SNOOZE_START = "rests until ", "snoozed until "
"""How the reasons with a day begin."""


@dataclass(frozen=True)
class OffList:
    """A customer who was on the call list of the night before and is not any more.

    Attributes:
        customer: The id.
        name: The name; empty if it is unknown.
        reason: Why, in the language of the page.
        kind: Why, as the scores have it, without the day; empty for a customer who is not in the data.
    """

    customer: str
    name: str
    reason: str
    kind: str


def off_the_list(night: ReportSources, words: Words) -> tuple[OffList, ...]:
    """Return who came off the call list since the night before, and why, in the order of that list."""
    before = night.history.last_calls or ()
    listed = {customer for customer, _ in night.contacts}
    gone = [(customer, name) for customer, name in before if customer not in listed]
    rows = night.scores.rows
    written = {
        customer: rows[customer]["excluded_because"] or rows[customer]["not_contacted_because"] or ""
        for customer, _ in gone
        if customer in rows
    }
    return tuple(
        OffList(
            customer,
            name,
            _why_off(written.get(customer, ""), words),
            reason_without_day(written.get(customer, "")),
        )
        for customer, name in gone
    )


def by_reason(off_list: Sequence[OffList]) -> list[tuple[str, list[OffList]]]:
    """Return who came off by reason; each reason once, because there may be thousands of customers."""
    groups: dict[str, list[OffList]] = {}
    for entry in off_list:
        groups.setdefault(entry.reason, []).append(entry)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def count_reasons(off_list: Sequence[OffList], numbers: NightNumbers) -> list[tuple[str, int, str]]:
    """Return why customers came off the list, how many for each reason with its source; the most first."""
    words = numbers.words
    texts = {
        "": words("no longer in the data"),
        reason_without_day(f"{REST_START}2000-01-01"): words("the task has ended, and the customer rests"),
        reason_without_day(f"{SNOOZE_START}2000-01-01"): words("snoozed"),
    }
    return [
        (texts.get(kind) or words.value(kind), n, numbers.source(f"off/{kind}".replace(" ", "%20")))
        for kind, n in longest_first(Counter(entry.kind for entry in off_list).items())
    ]


def _why_off(reason: str, words: Words) -> str:
    if not reason:
        return words("no longer in the data")
    if reason.startswith(REST_START):  # only a task that has ended brings a rest
        day = words.date(date.fromisoformat(reason.removeprefix(REST_START)))
        return words("the task has ended; the customer rests until %(day)s", day=day)
    if reason.startswith(SNOOZE_START):
        day = words.date(date.fromisoformat(reason.removeprefix(SNOOZE_START)))
        return words("snoozed until %(day)s", day=day)
    return words.value(reason)
