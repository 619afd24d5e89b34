"""The lines of `churn measure` about what contacts cost, and the same costs as numbers for MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from churn.experiments.assignment import UNIVERSAL
from churn.experiments.contact_costs import ContactCost, ContactCosts, WhyAssumed
from churn.metrics.interval import Interval, format_interval

SMALL_COST = 0.1
"""A cost below this amount in currency is shown with four decimals, because an e-mail costs less than a
cent.
"""


def cost_digits(cost: float | None) -> int:
    """Return the number of decimals with which a cost in currency is shown.

    >>> cost_digits(4.2), cost_digits(0.0042)
    (2, 4)
    """
    return 4 if cost is not None and cost < SMALL_COST else 2


def cost_lines(costs: ContactCosts | None) -> Iterator[str]:
    """Yield lines with the mean cost of a contact, over all contacts and by play; nothing if the company maps
    no costs.

    A mean is never shown without the number of contacts whose cost is recorded, and the number of all
    contacts.

    Args:
        costs: The recorded costs of contacts.
    """
    if costs is None:
        return
    yield "cost of a contact, in your currency:"
    for part in costs.parts:
        name = "all contacts" if part.play is None else f"play {part.play}"
        yield f"  {name:<24} {cost_in_words(part)}"
    if costs.other_rows:
        yield f"  {costs.other_rows:,} rows of `contacts` belong to no play of the ledger and do not count"


def format_cost(cost: Interval) -> str:
    """Return a mean cost in currency with its interval, as text.

    >>> format_cost(Interval(value=0.0042, low=0.004, high=0.0044))
    '0.0042 [0.0040, 0.0044]'
    """
    return format_interval(cost, cost_digits(cost.value))


def measured_cost_lines(costs: ContactCosts | None, as_of: date | None) -> Iterator[str]:
    """Yield lines that say which measured contact costs are used in a night, and why others are not used.

    Args:
        costs: The costs of contacts that were measured before the night; None if params.yaml maps no column
            of costs.
        as_of: Only contacts that were known before this day count.
    """
    not_used: dict[WhyAssumed, list[str]] = {}
    for part in (*costs.plays, costs.all_contacts) if costs else ():
        if part.not_used_because:
            name = "all contacts" if part.play is None else f"play {part.play}"
            not_used.setdefault(part.not_used_because, []).append(name)
            continue
        name = "other plays that state none" if part.play is None else f"play {part.play}"
        yield (
            f"cost of a contact of {name}: measured, {format_cost(part.cost)} from {part.with_cost:,} of "
            f"{part.contacts:,} contacts known before {as_of}"
        )
    for reason, names in not_used.items():
        yield f"recorded costs of {', '.join(names)}: not used, because {reason}"


def cost_in_words(part: ContactCost) -> str:
    """Return a text with the mean cost, its interval, and for how many of the contacts a cost is recorded.

    If the mean is not used, the text gives the reason.

    >>> from churn.metrics.interval import Interval
    >>> cost = Interval(value=4.2, low=4.0, high=4.4)
    >>> cost_in_words(ContactCost(play="call", contacts=40, with_cost=38, cost=cost))
    '4.20 [4.00, 4.40], recorded for 38 of 40 contacts (95%)'
    """
    if not part.contacts:
        return "no contact is known yet"
    counts = f"recorded for {part.with_cost:,} of {part.contacts:,} contacts"
    if part.cost.value is None:
        return f"unknown: {counts}"
    share = f"{part.with_cost / part.contacts:.0%}"
    because = f"; not used: {part.not_used_because}" if part.not_used_because else ""
    return f"{format_cost(part.cost)}, {counts} ({share}){because}"


def cost_metrics(costs: ContactCosts | None) -> dict[str, float]:
    """Return the numbers about contact costs that `churn measure` logs in MLflow.

    A key is the name of the play and the name of the number, such as `call.contact_cost`. In the numbers over
    all contacts, the word `universal` stands in place of the play.

    Args:
        costs: The recorded costs of contacts; None if params.yaml maps no column of costs.
    """
    metrics: dict[str, float] = {}
    for part in costs.parts if costs else ():
        numbers = {
            "contact_cost": part.cost.value,
            "contact_cost_low": part.cost.low,
            "contact_cost_high": part.cost.high,
            "contacts": part.contacts,
            "contacts_with_cost": part.with_cost,
        }
        name = part.play or UNIVERSAL
        metrics |= {f"{name}.{key}": float(value) for key, value in numbers.items() if value is not None}
    return metrics
