"""The mean cost of a contact: what one contact is, what is recorded of it, and when the mean is used."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest

from churn.experiments.contact_costs import ContactCost, ContactCosts, WhyAssumed, measure_costs
from churn.experiments.ledger import Ledger
from churn.metrics.interval import Interval
from tests.drawn_ledger import FIRST, drawn, night_facts, planned

Row = tuple[str, str | None, str | None, float | None]
"""Customer, task, play and cost."""


def ledger() -> Ledger:
    """Return a ledger in which `ann` and `bob` are called, `cem` gets a mail, and `dan` is won back."""
    plays = {"ann": "call", "bob": "call", "cem": "mail", "dan": "win-back"}
    tasks = [planned(who, "treated", play, task_id=f"t-{who}") for who, play in plays.items()]
    nights = (night_facts(FIRST, list_plays=("win-back",)),)
    return Ledger(**{**vars(drawn([], tasks)), "nights": nights})


def costs_of(rows: Sequence[Row]) -> ContactCosts:
    return measure_costs(pd.DataFrame(rows, columns=["customer_id", "task_id", "play", "cost"]), ledger())


def numbers(part: ContactCost) -> tuple[str | None, int, int, float | None]:
    return part.play, part.contacts, part.with_cost, part.cost.value


def test_the_attempts_of_a_task_are_one_contact_and_a_missing_cost_makes_it_unknown() -> None:
    costs = costs_of(
        [
            ("ann", "t-ann", None, 2.0),
            ("ann", "t-ann", None, 3.0),  # the second attempt: the contact cost 5
            ("bob", "t-bob", "mail", 4.0),  # its task is a call
            ("bob", "t-bob", "mail", None),  # so nobody knows what the contact cost in all
            ("eva", None, "call", 1.0),
            ("eva", None, "call", 0.0),  # without a task each row is a contact, and 0 is a cost
            ("cem", "t-cem", None, None),
            ("dan", "t-dan", None, 50.0),  # a list beside the call list
            ("eva", None, "spring mail", 9.0),  # no play of the ledger
            ("eva", "t-ann", None, 9.0),  # the task of another customer
        ]
    )

    assert [numbers(part) for part in costs.parts] == [
        (None, 5, 3, 2.0),
        ("call", 4, 3, 2.0),
        ("mail", 1, 0, None),
        ("win-back", 1, 1, 50.0),
    ]
    assert costs.other_rows == 2


def test_the_interval_is_students_over_customers() -> None:
    # Customer means 1, 2 and 3: the mean is 2, its standard error sqrt(1 / 3), and t(2, .975) is 4.3027.
    costs = costs_of([("a", None, "mail", 1.0), ("b", None, "mail", 2.0), ("c", None, "mail", 3.0)])

    cost = costs.plays[0].cost
    assert cost.value == pytest.approx(2)
    assert cost.high == pytest.approx(2 + 4.3027 / 3**0.5, abs=1e-3)
    assert cost.low == 0.0  # 2 - 2.48 is no cost


def test_the_mean_of_equal_costs_is_this_cost_to_the_last_bit() -> None:
    costs = costs_of([(f"m{number}", None, "mail", 0.004) for number in range(77)])

    assert costs.all_contacts.cost == Interval(value=0.004, low=0.004, high=0.004)


def test_more_contacts_of_a_customer_make_no_interval_narrower() -> None:
    once = costs_of([("a", None, "mail", 1.0), ("b", None, "mail", 3.0), ("c", None, "mail", 3.0)])
    often = costs_of([(who, None, "mail", cost) for who, cost in (("a", 1), ("b", 3), ("c", 3))] * 4)

    assert often.all_contacts.contacts == 12
    assert often.all_contacts.cost.high == pytest.approx(once.all_contacts.cost.high)


@pytest.mark.parametrize(
    ("contacts", "with_cost", "low", "because"),
    [
        (29, 29, 3.0, WhyAssumed.FEW_RECORDED),
        (34, 30, 3.0, WhyAssumed.PARTLY_RECORDED),
        (30, 30, None, WhyAssumed.ONE_CUSTOMER),
        (33, 30, 3.0, None),
        (0, 0, None, WhyAssumed.FEW_RECORDED),
    ],
)
def test_the_mean_is_used_if_enough_costs_are_recorded(
    contacts: int, with_cost: int, low: float | None, because: WhyAssumed | None
) -> None:
    cost = Interval(value=4.0, low=low, high=None if low is None else 5.0)

    part = ContactCost(play="call", contacts=contacts, with_cost=with_cost, cost=cost)

    assert part.not_used_because == because
    assert part.used_cost == (4.0 if because is None else None)


def test_without_a_contact_nothing_is_known() -> None:
    costs = costs_of([])

    assert [numbers(part) for part in costs.parts] == [(None, 0, 0, None)]
    assert costs.used_costs == {}
