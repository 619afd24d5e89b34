"""The channel in which a customer answers, and the hour at which a customer is active, from drawn tables."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from churn.contact.channels import permitted_channels
from churn.contact.night import score_night
from churn.contact.rhythm import (
    BestHour,
    answers_of,
    channels_in_order,
    count_answers,
    evidence_ends,
    find_best_hours,
)
from churn.contact.terms import PlanTerms
from churn.contact.working_days import QuietHours
from churn.experiments.units import Units
from churn.params import BudgetParams, ContactParams, ExperimentsParams, ProfitParams, RhythmParams
from churn.scoring.play import Play
from churn.scoring.playbook import parse_playbook
from tests.drawn_company import parse
from tests.night_company import KINDS, acts_of

CUTOFF = date(2024, 3, 1)
DAY = date(2024, 2, 20)
QUIET = QuietHours.of("20:00", "08:00")
WEEKDAYS = frozenset(range(5))
PLAY = {
    "name": "p", "when": {}, "action": "Ask", "owner": "o", "due_in_days": 1, "success": "stays",
    "channel": "preferred", "channels": ["phone", "email", "letter"],
}  # fmt: skip


def play_of(**changes: object) -> Play:
    return Play.model_validate(PLAY | changes)


@pytest.mark.parametrize(
    ("counts", "order"),
    [
        ({}, ("phone", "email", "letter")),
        ({"email": 2}, ("phone", "email", "letter")),  # too few
        ({"email": 3}, ("email", "phone", "letter")),
        ({"email": 3, "letter": 5}, ("letter", "email", "phone")),
        ({"phone": 3, "email": 3}, ("phone", "email", "letter")),
        ({"fax": 9}, ("phone", "email", "letter")),
    ],
)
def test_the_channel_with_the_most_answers_goes_first_if_they_are_enough(
    counts: dict[str, int], order: tuple[str, ...]
) -> None:
    answers = {("ann", channel): count for channel, count in counts.items()}

    assert channels_in_order(play_of(), "ann", answers, 3) == order
    fixed = play_of(channel="phone")
    assert channels_in_order(fixed, "ann", answers, 3) == ("phone", "email", "letter")


def test_a_preferred_channel_without_consent_gives_way_to_the_next_one() -> None:
    terms = PlanTerms(ExperimentsParams(), ContactParams(), 10, ProfitParams(), 3, "en", "Europe/Berlin")
    acts = acts_of(answers={("bob", "phone"): 5, ("zoe", "phone"): 5, ("ann", "email"): 4})
    customers = pd.Series(["ann", "bob", "zoe"]).to_numpy(dtype=object)

    channels, because = permitted_channels(customers, [play_of(channels=["email", "phone"])] * 3, acts, terms)

    assert channels == ["email", "phone", "email"]  # zoe agreed to no calls
    assert because == [None, None, None]


def test_opened_mails_and_reached_contacts_are_answers() -> None:
    contacts = pd.DataFrame(
        parse(
            """
            customer | contacted_on | channel | result    | answered_on
            ann      | 2024-02-20   | phone   | No_Answer |
            ann      | 2024-02-21   | Phone   | Snoozed   |
            bob      | 2024-02-20   | email   |           | 2024-02-22
            bob      | 2024-02-20   | email   |           |
            cem      | 2024-02-20   |         | done      |
            """
        )
    ).replace("", None)
    mails = pd.DataFrame({"customer_id": ["dea"], "day": [DAY]})

    answers = answers_of(contacts, mails)

    assert [tuple(map(str, row)) for row in answers.to_numpy()] == [
        ("dea", "email", "2024-02-20"),
        ("ann", "Phone", "2024-02-21"),
        ("bob", "email", "2024-02-22"),
    ]
    assert len(answers_of(None, mails)) == 1


def test_answers_count_before_the_cutoff_and_before_the_first_assignment_of_the_unit() -> None:
    answers = pd.DataFrame(
        [("ann", "phone", date(2024, 2, day)) for day in (9, 10, 11, 29)]
        + [
            ("bob", "Phone ", date(2024, 2, 29)),
            ("bob", "phone", CUTOFF),
            ("bob", "phone", date(2024, 1, 30)),
        ],
        columns=["customer_id", "channel", "day"],
    )
    assignments = pd.DataFrame(
        {
            "unit": ["u1", "u1", "old"],
            "customers": [["ann"], ["ann"], ["eva"]],
            "assigned_on": [date(2024, 2, 20), date(2024, 2, 11), date(2024, 2, 2)],
        }
    )
    units = Units({"ann": "u1", "bob": "u2", "eva": "new", "fay": "new"}, 0, {})

    ends = evidence_ends(units, assignments, CUTOFF)

    assert ends == {"ann": date(2024, 2, 11), "eva": date(2024, 2, 2), "fay": date(2024, 2, 2)}
    assert count_answers(answers, ends, CUTOFF, 30) == {("ann", "phone"): 2, ("bob", "phone"): 1}


def hours_of(*counts: tuple[int, int, int], min_events: int = 3) -> BestHour | None:
    """Return the best hour of a customer with events: weekday, hour and their number."""
    events = pd.DataFrame(
        [("ann", *count) for count in counts], columns=["customer_id", "weekday", "hour", "events"]
    )
    return find_best_hours(events, QUIET, WEEKDAYS, min_events).get("ann")


@pytest.mark.parametrize(
    ("counts", "best"),
    [
        ([(0, 18, 5)], BestHour(18, 5)),
        ([(0, 10, 2), (3, 11, 2), (1, 15, 3)], BestHour(10, 4)),  # neighbours count together
        ([(0, 10, 1), (0, 11, 2), (0, 12, 1)], BestHour(11, 4)),
        ([(0, 9, 1), (0, 12, 1), (0, 15, 1)], BestHour(None, 1)),  # scattered
        ([(5, 18, 9), (0, 9, 3)], BestHour(9, 3)),  # Saturday is no working day
        ([(0, 21, 9), (0, 19, 3)], BestHour(19, 3)),  # 21:00 is quiet
        ([(0, 7, 9), (0, 8, 3)], BestHour(8, 3)),
        ([(0, 9, 3), (0, 15, 3)], BestHour(9, 3)),  # a tie: the earlier
        ([(6, 9, 3)], None),
    ],
)
def test_the_best_hour_has_most_events_around_it_within_the_hours_of_contact(
    counts: list[tuple[int, int, int]], best: BestHour | None
) -> None:
    assert hours_of(*counts) == best


def test_an_hour_with_a_quiet_minute_is_no_hour_of_contact() -> None:
    events = pd.DataFrame({"customer_id": ["ann"] * 2, "weekday": [0, 0], "hour": [12, 13], "events": [9, 3]})

    best = find_best_hours(events, QuietHours.of("12:15", "12:45"), WEEKDAYS, 3)

    assert best == {"ann": BestHour(13, 3)}


def calls_of(company) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(score_night(**vars(company)).night.calls.removeprefix("\ufeff"))))


def test_the_call_list_has_the_columns_only_if_somebody_asks_for_them(company) -> None:
    company.playbook = parse_playbook(
        """
plays:
  - {name: ask, when: {tenure_days: {at_least: 0}}, action: Ask, owner: o, due_in_days: 1, success: stays,
     channel: preferred, channels: [email, phone]}
""",
        KINDS,
    )
    score = company.params.score.model_copy(update={"budget": BudgetParams(contacts=2)})
    company.params = company.params.model_copy(update={"score": score})
    plain = calls_of(company)
    company.acts = replace(
        company.acts, answers={("ann", "phone"): 4, ("dea", "phone"): 2}, best_hours={"ann": BestHour(18, 12)}
    )

    own = {row["customer_id"]: row for row in calls_of(company)}
    facts = score_night(**vars(company)).night.facts

    assert "best_hour" not in plain[0]
    assert {row["channel"] for row in plain} == {"email"}
    assert {
        who: (row["channel"], row["channel_answers"], row["best_hour"], row["best_hour_events"])
        for who, row in own.items()
    } == {"ann": ("phone", "4", "18:00", "12"), "dea": ("email", "", "", "0")}
    assert facts["own_channel"] == {"own": 1, "too few answers": 2}


def test_a_night_without_the_rhythm_keeps_its_columns_and_facts(company) -> None:
    night = score_night(**vars(company)).night

    assert "own_channel" not in night.facts
    assert "channel_answers" not in night.calls


def test_the_rhythm_is_off_and_states_its_evidence_by_default() -> None:
    assert ContactParams().rhythm == RhythmParams(days=182, min_answers=3, min_events=8, best_hour=False)
