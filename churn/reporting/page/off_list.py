"""Which customers came off the call list since the night before, and why."""

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
"""The texts with which reasons that name a day begin."""


@dataclass(frozen=True)
class OffList:
    """A customer who was on the call list of the night before and is not on tonight's list.

    Attributes:
        customer: The id of the customer.
        name: The name of the customer; empty if it is not known.
        reason: Why the customer is not on the list, in the language of the page.
        kind: The reason as it is written in the scores, but without its date; empty for a customer who is not
            in the data.
    """

    customer: str
    name: str
    reason: str
    kind: str


def off_the_list(night: ReportSources, words: Words) -> tuple[OffList, ...]:
    """Return the customers who came off the call list since the night before, each with the reason, in the
    order of the earlier list.
    """
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
    """Return the customers who came off the list, grouped by reason; each reason stands once, because there
    may be thousands of customers.
    """
    groups: dict[str, list[OffList]] = {}
    for entry in off_list:
        groups.setdefault(entry.reason, []).append(entry)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def count_reasons(off_list: Sequence[OffList], numbers: NightNumbers) -> list[tuple[str, int, str]]:
    """Return the reasons why customers came off the list, the most frequent first, each with the number of
    customers and the source of this number.
    """
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
    if reason.startswith(REST_START):  # a rest begins only after a task has ended
        day = words.date(date.fromisoformat(reason.removeprefix(REST_START)))
        return words("the task has ended; the customer rests until %(day)s", day=day)
    if reason.startswith(SNOOZE_START):
        day = words.date(date.fromisoformat(reason.removeprefix(SNOOZE_START)))
        return words("snoozed until %(day)s", day=day)
    return words.value(reason)
