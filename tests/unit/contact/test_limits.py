"""Rest, caps, budget and places: every candidate is contacted or has one reason, in both arms alike."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.contact.limits import (
    Candidates,
    EarlierTasks,
    Limits,
    Selection,
    order_of_contact,
    select_contacts,
)
from tests.drawn_company import parse

TONIGHT = date(2025, 1, 31)
WIDE = Limits(rest_days=28, max_contacts=4, max_contacts_days=182)


def candidates_of(text: str) -> Candidates:
    rows = pd.DataFrame(parse(text))
    text_columns = {name: rows[name].to_numpy(dtype=object) for name in ("unit", "owner", "channel")}
    return Candidates(
        customers=rows["customer_id"].to_numpy(dtype=object),
        units=text_columns["unit"],
        owners=text_columns["owner"],
        channels=text_columns["channel"],
        expected_profit=pd.to_numeric(rows["profit"]).to_numpy(dtype=float),
        probability=pd.to_numeric(rows["probability"]).to_numpy(dtype=float),
    )


def earlier_of(*tasks: tuple[str, str]) -> EarlierTasks:
    units = np.array([unit for unit, _ in tasks], dtype=object)
    return EarlierTasks(units, units, np.array([due for _, due in tasks], dtype="datetime64[D]"))


def outcome(candidates: Candidates, selection: Selection) -> dict[str, str | None]:
    return dict(zip(candidates.customers, selection.reasons, strict=True))


DRAWN = candidates_of("""
customer | unit | owner   | channel | profit | probability
a        | p1   | success | phone   | 5      | 0.5
b        | p1   | market  | email   | 9      | 0.5
c        | p2   | success | phone   | 7      | 0.5
d        | p3   | success | phone   | 7      | 0.9
e        | p4   | market  | email   |        | 0.9
f        | p5   | market  | email   | -1     | 0.1
g        | p6   | market  | email   | 7      | 0.5
""")


def test_the_highest_profit_is_first_and_ties_go_by_probability_and_id() -> None:
    order = order_of_contact(DRAWN)

    assert "".join(DRAWN.customers[order]) == "bdcgafe"


@pytest.mark.parametrize(
    ("limits", "reasons"),
    [
        ({}, {"a": "another customer of the same person is contacted tonight"}),
        (
            {"budget": 3},
            {
                "a": "another customer of the same person is contacted tonight",
                "g": "below the budget",
                "f": "below the budget",
                "e": "below the budget",
            },
        ),
        (
            {"per_owner": {"success": 1, "nobody": 1}},
            {
                "a": "another customer of the same person is contacted tonight",
                "c": "no place left for success",
            },
        ),
        (
            {"per_owner": {"market": 0}},
            dict.fromkeys("befg", "no place left for market"),  # a is then the first of its person
        ),
        (
            {"per_channel": {"phone": 1, "email": 1}, "budget": 2},
            {
                "a": "another customer of the same person is contacted tonight",
                "c": "no place left for phone",
                **dict.fromkeys("efg", "no place left for email"),
            },
        ),
        ({"budget": 0}, dict.fromkeys("abcdefg", "below the budget")),
    ],
)
def test_places_are_given_in_the_order_of_priority(
    limits: dict[str, object], reasons: dict[str, str]
) -> None:
    limits_of_night = Limits(28, 4, 182, **limits)  # type: ignore[arg-type]

    selection = select_contacts(DRAWN, earlier_of(), limits_of_night, TONIGHT)

    assert outcome(DRAWN, selection) == {name: reasons.get(name) for name in "abcdefg"}
    assert "".join(DRAWN.customers[selection.contacts]) == "".join(n for n in "bdcgafe" if n not in reasons)


def test_a_unit_rests_after_its_last_due_date_and_is_capped_over_its_customers() -> None:
    earlier = earlier_of(
        ("p1", "2025-01-04"),  # 28 days of rest end on 2025-02-01
        ("p2", "2025-01-03"),  # end tonight
        ("p3", "2025-02-04"),  # a task that is not due yet
        ("p3", "2024-12-01"),
        *[("p4", day) for day in ("2024-08-03", "2024-09-03", "2024-10-03", "2024-11-03")],
        *[("p5", day) for day in ("2024-08-02", "2024-09-03", "2024-10-03", "2024-11-03")],
    )

    selection = select_contacts(DRAWN, earlier, WIDE, TONIGHT)

    assert outcome(DRAWN, selection) == {
        "a": "rests until 2025-02-01",
        "b": "rests until 2025-02-01",
        "c": None,
        "d": "rests until 2025-03-04",
        "e": "4 contacts in 182 days",
        "f": None,  # the first of its four tasks was due 182 days ago
        "g": None,
    }


def test_a_unit_has_no_second_task_on_the_due_date_of_the_first_even_without_rest() -> None:
    no_rest = Limits(rest_days=0, max_contacts=9, max_contacts_days=9)

    selection = select_contacts(
        DRAWN, earlier_of(("p2", "2025-01-31"), ("p3", "2025-01-30")), no_rest, TONIGHT
    )

    assert outcome(DRAWN, selection)["c"] == "rests until 2025-02-01"
    assert outcome(DRAWN, selection)["d"] is None


def test_a_task_counts_for_the_customers_who_are_the_same_person_by_now() -> None:
    tasks = pd.DataFrame({"unit": ["old-unit"], "customer_id": ["z"], "due_at": [date(2025, 1, 20)]})

    earlier = EarlierTasks.of(tasks, {"z": "p2", "c": "p2"})
    selection = select_contacts(DRAWN, earlier, WIDE, TONIGHT)

    assert outcome(DRAWN, selection)["c"] == "rests until 2025-02-17"


def test_a_customer_who_is_a_candidate_twice_is_a_mistake_of_the_caller() -> None:
    twice = candidates_of("customer|unit|owner|channel|profit|probability\na|p|o|c|1|.1\na|p|o|c|2|.1")

    with pytest.raises(ValueError, match="candidate twice"):
        select_contacts(twice, earlier_of(), WIDE, TONIGHT)


def test_a_night_without_candidates_has_no_contacts() -> None:
    nobody = candidates_of("customer|unit|owner|channel|profit|probability\na|p|o|c|1|.1")
    nobody = Candidates(*(values[:0] for values in vars(nobody).values()))

    selection = select_contacts(nobody, earlier_of(("p", "2025-01-01")), WIDE, TONIGHT)

    assert len(selection.contacts) == len(selection.reasons) == len(selection.order) == 0


worlds = st.lists(
    st.tuples(
        st.sampled_from(["p1", "p2", "p3", "p4", "p5", "p6"]),
        st.sampled_from(["success", "market"]),
        st.sampled_from(["phone", "email", "sms"]),
        st.sampled_from([float("nan"), -1.0, 0.0, 1.0, 2.0]),
        st.sampled_from([0.1, 0.5]),
    ),
    max_size=15,
)
nights = st.builds(
    Limits,
    rest_days=st.integers(0, 5),
    max_contacts=st.integers(1, 2),
    max_contacts_days=st.integers(1, 20),
    budget=st.none() | st.integers(0, 6),
    per_owner=st.dictionaries(st.sampled_from(["success", "market"]), st.integers(0, 2)),
    per_channel=st.dictionaries(st.sampled_from(["phone", "email"]), st.integers(0, 2)),
)


def drawn_candidates(world: list[tuple[str, str, str, float, float]]) -> Candidates:
    units, owners, channels, profits, probabilities = zip(*world, strict=True) if world else ((),) * 5
    text = [np.array(values, dtype=object) for values in (units, owners, channels)]
    ids = np.array([f"c{n}" for n in range(len(world))], dtype=object)
    return Candidates(ids, *text, np.array(profits, dtype=float), np.array(probabilities, dtype=float))


def naive_reasons(
    candidates: Candidates, tasks: list[tuple[str, int]], limits: Limits
) -> dict[str, str | None]:
    """Apply the rules to one candidate after another, as the manual states them."""

    def key(row: int) -> tuple[bool, float, float, str]:
        profit = candidates.expected_profit[row]
        is_unknown = bool(np.isnan(profit))
        id_ = str(candidates.customers[row])
        return is_unknown, 0.0 if is_unknown else -profit, -candidates.probability[row], id_

    reasons: dict[str, str | None] = {}
    units, by_owner, by_channel = set(), Counter[str](), Counter[str]()
    for row in sorted(range(len(candidates.customers)), key=key):
        unit, owner, channel = candidates.units[row], candidates.owners[row], candidates.channels[row]
        dues = [due for task_unit, due in tasks if task_unit == unit]
        reason = None
        if dues and max(dues) + max(limits.rest_days, 1) > 0:
            reason = f"rests until {TONIGHT + timedelta(days=max(dues) + max(limits.rest_days, 1))}"
        elif sum(due > -limits.max_contacts_days for due in dues) >= limits.max_contacts:
            plural = "s" if limits.max_contacts > 1 else ""
            reason = f"{limits.max_contacts} contact{plural} in {limits.max_contacts_days} days"
        elif unit in units:
            reason = "another customer of the same person is contacted tonight"
        elif by_owner[owner] >= (limits.per_owner or {}).get(owner, 99):
            reason = f"no place left for {owner}"
        elif by_channel[channel] >= (limits.per_channel or {}).get(channel, 99):
            reason = f"no place left for {channel}"
        elif limits.budget is not None and len(units) >= limits.budget:
            reason = "below the budget"
        else:
            units.add(unit)
            by_owner[owner] += 1
            by_channel[channel] += 1
        reasons[str(candidates.customers[row])] = reason
    return reasons


@given(
    world=worlds,
    tasks=st.lists(st.tuples(st.sampled_from(["p1", "p2", "p3"]), st.integers(-25, 3)), max_size=6),
    limits=nights,
)
def test_the_fast_rules_equal_the_rules_of_the_manual(
    world: list[tuple[str, str, str, float, float]], tasks: list[tuple[str, int]], limits: Limits
) -> None:
    candidates = drawn_candidates(world)
    earlier = earlier_of(*((unit, str(TONIGHT + timedelta(days=due))) for unit, due in tasks))

    selection = select_contacts(candidates, earlier, limits, TONIGHT)

    assert outcome(candidates, selection) == naive_reasons(candidates, tasks, limits)
    assert [selection.reasons[row] for row in selection.contacts] == [None] * len(selection.contacts)


@settings(max_examples=30)  # each example plans ten nights
@given(world=worlds, limits=nights, arms=st.lists(st.integers(0, 1), min_size=15, max_size=15))
def test_over_many_nights_nothing_depends_on_who_is_a_control(
    world: list[tuple[str, str, str, float, float]], limits: Limits, arms: list[int]
) -> None:
    candidates = drawn_candidates(world)

    def nights_of(arm_by_row: list[int]) -> list[list[int]]:
        """Plan five nights; the ledger holds an arm for each task, and treated tasks are answered."""
        ledger = pd.DataFrame({"unit": [], "customer_id": [], "due_at": [], "arm": [], "result": []})
        planned = []
        unit_by_customer = dict(zip(candidates.customers, candidates.units, strict=True))
        for night in (TONIGHT + timedelta(days=2 * n) for n in range(5)):
            selection = select_contacts(candidates, EarlierTasks.of(ledger, unit_by_customer), limits, night)
            rows = [
                {
                    "unit": candidates.units[row],
                    "customer_id": candidates.customers[row],
                    "due_at": night + timedelta(days=1),
                    "arm": "control" if arm_by_row[row] else "treated",
                    "result": None if arm_by_row[row] else "done",
                }
                for row in selection.contacts
            ]
            planned.append(selection.contacts.tolist())
            ledger = pd.concat([ledger, pd.DataFrame(rows)]) if rows else ledger
        return planned

    assert nights_of(arms) == nights_of([1 - arm for arm in arms])
