"""Criteria of success, computed from what customers did in `[planned_on, planned_on + within_days)`."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from churn.errors import PlaybookError
from churn.scoring.playbook import parse_playbook
from churn.scoring.success import Happenings, evaluate_success

PLANNED = "2024-03-01"
PLAY = "name: p, when: {health: {at_most: 5}}, action: a, owner: o, channel: phone, due_in_days: 2"


def rule_of(when, within_days=10, events=frozenset()):
    text = f"plays:\n  - {{{PLAY}, success: {{text: stays, when: {when}, within_days: {within_days}}}}}\n"
    return parse_playbook(text, {}, events=events).rules[0].success


def problems_of(success, events=frozenset()):
    with pytest.raises(PlaybookError) as caught:
        parse_playbook(f"plays:\n  - {{{PLAY}, success: {success}}}\n", {}, events=events)
    return caught.value.problems


def tasks_of(*customers, planned_on=PLANNED):
    rows = [(f"t{customer}", customer, date.fromisoformat(planned_on)) for customer in customers]
    return pd.DataFrame(rows, columns=["task_id", "customer_id", "planned_on"])


def frame(columns, *rows):
    table = pd.DataFrame(rows, columns=["customer_id", *columns])
    for column in columns:
        if column.endswith("_at") or column == "cutoff":
            table[column] = pd.to_datetime(table[column], format="mixed")
    return table


def results(rule, customers, **happenings):
    known = Happenings(known_until=happenings.pop("known_until", date(2024, 4, 1)), **happenings)
    table = evaluate_success(rule, tasks_of(*customers), known)
    assert table["task_id"].tolist() == [f"t{customer}" for customer in customers]
    return table["success"].tolist()


ORDERS = frame(
    ["happened_at"],
    ("before", "2024-02-29 23:59"),
    ("first", "2024-03-01 00:00"),
    ("last", "2024-03-10 23:59"),
    ("after", "2024-03-11 00:00"),
    ("twice", "2024-03-02"),
    ("twice", "2024-03-03"),
)
CUSTOMERS = ["before", "first", "last", "after", "twice", "none"]


def test_an_event_counts_from_the_day_of_planning_to_the_end_of_the_last_day():
    rule = rule_of("{event: orders}")

    success = results(rule, CUSTOMERS, events={"orders": ORDERS})

    assert success == [False, True, True, False, True, False]


def test_several_events_may_be_asked_for():
    rule = rule_of("{event: [orders, logins], count: 2}")
    logins = frame(["happened_at"], ("first", "2024-03-05"))

    success = results(rule, CUSTOMERS, events={"orders": ORDERS, "logins": logins})

    assert success == [False, True, False, False, True, False]
    assert results(rule, CUSTOMERS, events={"orders": ORDERS}) == [False, False, False, False, True, False]


def test_an_outcome_of_a_table_is_an_event():
    opened = frame(["happened_at"], ("ann", "2024-03-05"))

    success = results(
        rule_of("{event: emails.opened_at}"), ["ann", "bob"], events={"emails.opened_at": opened}
    )

    assert success == [True, False]


def test_an_event_table_of_the_company_is_an_event():
    visits = frame(["happened_at"], ("ann", "2024-03-05"))

    rule = rule_of("{event: visits}", events={"visits"})

    assert results(rule, ["ann", "bob"], events={"visits": visits}) == [True, False]


def test_the_latest_rating_of_the_days_counts():
    ratings = frame(
        ["answered_at", "rating"],
        ("up", "2024-03-02", 3),
        ("up", "2024-03-05", 7),
        ("down", "2024-03-05", 6),
        ("down", "2024-03-02", 9),
        ("old", "2024-02-20", 10),
        ("silent", None, None),
    )

    success = results(rule_of("{rating_at_least: 7}"), ["up", "down", "old", "silent"], ratings=ratings)

    assert success == [True, False, False, False]


def test_every_bill_that_was_open_at_the_start_must_be_paid_in_time():
    bills = frame(
        ["due_at", "paid_at"],
        ("paid", "2024-02-20", "2024-03-05"),
        ("late", "2024-02-20", "2024-03-11"),
        ("half", "2024-02-20", "2024-03-05"),
        ("half", "2024-01-20", None),
        ("next", "2024-02-20", "2024-03-05"),
        ("next", "2024-03-04", None),  # it was not due at the start
    )

    success = results(rule_of("{paid: true}"), ["paid", "late", "half", "next"], bills=bills)

    assert success == [True, False, False, True]


def test_the_health_is_that_of_the_last_night_after_the_start():
    bands = frame(
        ["cutoff", "health"],
        ("up", "2024-03-01", 1),
        ("up", "2024-03-11", 3),  # this night sees the days up to 10 March
        ("down", "2024-03-08", 4),
        ("down", "2024-03-09", 2),
        ("same", "2024-03-01", 5),  # from before the contact
        ("later", "2024-03-12", 5),
    )

    success = results(rule_of("{health_at_least: 3}"), ["up", "down", "same", "later"], bands=bands)

    assert success == [True, False, False, False]


def test_who_comes_back_within_the_days_returns():
    back = frame(["happened_at"], ("back", "2024-03-10"), ("late", "2024-03-11"), ("old", "2024-02-29"))

    assert results(rule_of("{returns: true}"), ["back", "late", "old", "gone"], returns=back) == [
        True, False, False, False,
    ]  # fmt: skip
    assert results(rule_of("{returns: true}"), ["back"])[0] is pd.NA


def test_who_leaves_within_the_days_did_not_stay():
    exits = frame(["left_at"], ("left", "2024-03-10"), ("later", "2024-03-11"))

    assert results(rule_of("{stays: true}"), ["left", "later", "here"], exits=exits) == [False, True, True]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{any: [{event: orders}, {stays: true}]}", [True, True, True, False]),
        ("{all: [{event: orders}, {stays: true}]}", [True, False, False, False]),
        ("{event: orders, stays: true}", [True, False, False, False]),
        ("{any: [{event: orders, stays: true}, {event: referrals}]}", [True, False, False, False]),
    ],
)
def test_criteria_join(when, expected):
    orders = frame(["happened_at"], ("both", "2024-03-05"), ("order", "2024-03-05"))
    exits = frame(["left_at"], ("order", "2024-03-06"), ("none", "2024-03-06"))

    success = results(
        rule_of(when), ["both", "order", "stay", "none"], events={"orders": orders}, exits=exits
    )

    assert success == expected


def test_no_task_has_a_result_before_all_its_days_are_known():
    orders = frame(["happened_at"], ("ann", "2024-03-02"))
    happenings = Happenings(known_until=date(2024, 3, 10), events={"orders": orders})

    early = evaluate_success(rule_of("{event: orders}"), tasks_of("ann", "bob"), happenings)
    ripe = evaluate_success(
        rule_of("{event: orders}"), tasks_of("ann"), Happenings(date(2024, 3, 11), {"orders": orders})
    )

    assert early["matured"].tolist() == [False, False]
    assert early["success"].isna().all()
    assert (ripe["matured"].tolist(), ripe["success"].tolist()) == ([True], [True])


def test_without_its_tables_a_criterion_has_no_result():
    orders = frame(["happened_at"], ("ann", "2024-03-02"))

    alone = evaluate_success(rule_of("{paid: true}"), tasks_of("ann"), Happenings(date(2024, 4, 1)))
    joined = results(rule_of("{any: [{event: orders}, {paid: true}]}"), ["ann"], events={"orders": orders})

    assert alone["matured"].tolist() == [True]
    assert alone["success"].isna().all()
    assert joined == [True]


def test_the_arm_and_the_answer_of_a_task_change_nothing():
    happenings = Happenings(date(2024, 4, 1), {"orders": ORDERS})
    rule = rule_of("{event: orders}")
    tasks = tasks_of(*CUSTOMERS)

    treated = evaluate_success(rule, tasks.assign(arm="treated", result="done"), happenings)
    control = evaluate_success(rule, tasks.assign(arm="control", result=None), happenings)

    pd.testing.assert_frame_equal(treated, control)


def test_no_tasks_have_no_results():
    table = evaluate_success(rule_of("{event: orders}"), tasks_of(), Happenings(date(2024, 4, 1)))

    assert table.empty


@pytest.mark.parametrize(
    ("success", "problem"),
    [
        (
            "{text: x, when: {evnt: orders}, within_days: 3}",
            "when.evnt is not a criterion. Did you mean 'event'?",
        ),
        ("{text: x, when: {event: order}, within_days: 3}", "when.event ('order') is not a table of events."),
        (
            "{text: x, when: {event: emails}, within_days: 3}",
            "when.event ('emails') is not a table of events.",
        ),
        (
            "{text: x, when: {event: []}, within_days: 3}",
            "when.event: expected the name of a table of events",
        ),
        ("{text: x, when: {stays: false}, within_days: 3}", "when.stays (False): Input should be True."),
        (
            "{text: x, when: {rating_at_least: 11}, within_days: 3}",
            "when.rating_at_least (11): Input should be",
        ),
        ("{text: x, when: {any: {stays: true}}, within_days: 3}", "when.any: expected a list of criteria"),
        ("{text: x, when: {paid: true, count: 2}, within_days: 3}", "when.count counts events; add 'event'"),
        ("{text: x, when: {}, within_days: 3}", "when: expected a criterion, such as {event: orders}"),
        ("{text: x, when: {stays: true}}", "within_days is missing, and this key has no default."),
        (
            "{text: x, when: {stays: true}, within_day: 3}",
            "within_day is not a part of a playbook. Did you mean",
        ),
    ],
)
def test_a_mistake_in_a_criterion_is_named_with_its_place(success, problem):
    assert any(f"line 2: plays[0].success.{problem}" in line for line in problems_of(success))
