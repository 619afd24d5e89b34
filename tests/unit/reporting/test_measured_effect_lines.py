"""The words on measured and assumed effects."""

from __future__ import annotations

from datetime import date

from churn.experiments.contact_costs import ContactCost, ContactCosts
from churn.experiments.measured_effects import NOT_MEASURED, MeasuredEffects, PlayEffect
from churn.metrics.interval import Interval
from churn.reporting.effects_table import measured_effect_lines

DAY = date(2025, 5, 2)


def test_each_effect_is_called_measured_or_assumed_with_the_reason() -> None:
    proved = PlayEffect("call", Interval(value=0.5, low=0.35, high=0.62), True, "fewer leave")
    unproved = PlayEffect("mail", Interval(value=0.1, low=-0.2, high=0.3), False, "not shown")

    lines = measured_effect_lines(MeasuredEffects(DAY, {"mail": unproved, "call": proved}))

    assert lines == [
        "effect of play call: measured, a contact keeps 50% [35%, 62%] of those who would leave (outcomes up "
        "to 2025-05-02)",
        "effect of play mail: assumed, because the measured effect is 10% [-20%, 30%]: not shown",
        "costs are those of `evaluate.profit` and the playbook, and the effects of other plays are assumed",
    ]


def test_each_cost_is_called_measured_or_assumed_with_the_reason() -> None:
    costs = ContactCosts(
        all_contacts=ContactCost(
            play=None, contacts=100, with_cost=70, cost=Interval(value=2.0, low=1.8, high=2.2)
        ),
        plays=(
            ContactCost(play="call", contacts=40, with_cost=38, cost=Interval(value=4.2, low=4.0, high=4.4)),
            ContactCost(play="mail", contacts=3, with_cost=3, cost=Interval(value=1.0, low=1.0, high=1.0)),
            ContactCost(play="visit", contacts=2, with_cost=0, cost=Interval(value=None)),
        ),
        other_rows=0,
    )

    lines = measured_effect_lines(MeasuredEffects(DAY, costs=costs))

    assert lines == [
        "cost of a contact of play call: measured, 4.20 [4.00, 4.40] from 38 of 40 contacts known before "
        "2025-05-02",
        "recorded costs of play mail, play visit: not used, because fewer than 30 contacts have a recorded "
        "cost",
        "recorded costs of all contacts: not used, because less than 90% of the contacts have a recorded "
        "cost",
        "other costs are those of `evaluate.profit` and the playbook, and effects are assumed",
    ]


def test_without_a_measured_effect_all_are_called_assumed() -> None:
    assert measured_effect_lines(NOT_MEASURED) == [
        "costs are those of `evaluate.profit` and the playbook, and effects are assumed"
    ]
