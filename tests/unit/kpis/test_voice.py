from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from churn.data.store import day_number
from churn.features.language.reader import NEVER
from churn.kpis.figure import Figure, Period
from churn.kpis.segments import Segmentation, all_customers
from churn.kpis.spells import ActivitySpells
from churn.kpis.voice import (
    VoiceTables,
    VoiceTerms,
    median_figure,
    nps_figure,
    nps_figures,
    silent_figures,
    voice_section,
)
from churn.kpis.voice_rows import NO_RATING, Answers, ContactDays, Tickets

A, B = day_number(date(2025, 3, 1)), day_number(date(2025, 4, 1))
MARCH = Period(kind="month", start=date(2025, 3, 1), end=date(2025, 4, 1))
CUTOFF = date(2025, 6, 1)
NO_TABLES = VoiceTables(None, None, None, {})
TERMS = VoiceTerms(answer_days=7, satisfied_from=None)


def ints(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def answers(rows: Sequence[tuple[int, int, float]]) -> Answers:
    customer, day, rating = zip(*rows, strict=True)
    return Answers(ints(customer), ints(day), ints([round(value * 1000) for value in rating]))


def days(rows: Sequence[tuple[int, int]]) -> ContactDays:
    return ContactDays.of_tables((ints([row[0] for row in rows]), ints([row[1] for row in rows])))


def tickets(rows: Sequence[Mapping[str, int]], has: Sequence[str] = ()) -> Tickets:
    """Draw tickets of customer 0, opened at the start of March if the row says nothing else."""

    def column(name: str, default: int) -> np.ndarray:
        return ints([row.get(name, default) for row in rows])

    return Tickets(
        customer=column("customer", 0),
        day=column("day", A),
        due_on=column("due", NEVER),
        replied_on=column("replied", NEVER),
        closed_on=column("closed", NEVER),
        reply_seconds=column("reply_seconds", NEVER),
        close_seconds=column("close_seconds", NEVER),
        followed_seconds=column("followed", 10**6),
        satisfaction=column("satisfaction", NO_RATING),
        has=frozenset(has or ("first_reply_at_day", "closed_at_day", "satisfaction", "due_at_day")),
    )


def march(
    tables: VoiceTables, terms: VoiceTerms = TERMS, cutoff: date = CUTOFF, n: int = 30
) -> dict[str, Figure]:
    periods = {name: {"month": [MARCH]} for name in ("surveys", "tickets")}
    result = voice_section(
        replace(tables, periods=periods), [all_customers(n)], terms, cutoff=cutoff, latest=MARCH
    )
    return {figure.name: figure for figure in result.figures}


@pytest.mark.parametrize(
    ("ratings", "score"),
    [
        ([9, 10, 8, 7, 6, 0], 0),
        ([9, 10, 10, 8], 75),
        ([6, 6.5, 6.9], -100),
        ([7, 8, 8.9], 0),
        ([10], 100),
    ],
)
def test_promoters_rate_nine_or_ten_and_detractors_below_seven(ratings: list[float], score: float) -> None:
    drawn = answers([(number, A, rating) for number, rating in enumerate(ratings)])

    figure = march(replace(NO_TABLES, answers=drawn))["nps"]

    assert figure.value == score
    assert figure.n == len(ratings)
    assert figure.low is not None
    assert figure.high is not None
    assert -100 <= figure.low <= score <= figure.high <= 100
    assert figure.low < figure.high


def test_only_the_latest_answer_of_a_customer_in_the_period_counts() -> None:
    drawn = answers([(0, A + 9, 10), (0, A + 2, 0), (0, B, 0), (0, A - 1, 0), (1, A, 8)])

    figure = march(replace(NO_TABLES, answers=drawn))["nps"]

    assert (figure.value, figure.n) == (50, 2)


def test_the_interval_of_the_score_adds_three_answers() -> None:
    figure = nps_figure(MARCH, promoters=50, detractors=20, n=100)

    middle = 100 * 30 / 103
    half = 100 * 1.959964 * np.sqrt((71.5 / 103 - (30 / 103) ** 2) / 103)
    assert (figure.low, figure.high) == pytest.approx((middle - half, middle + half))


def test_the_interval_of_the_score_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    for truth, n in (((0.5, 0.3, 0.2), 20), ((0.8, 0.15, 0.05), 30), ((0.2, 0.2, 0.6), 12)):
        draws = rng.multinomial(n, truth, size=2000)
        figures = [nps_figure(MARCH, int(p), int(d), n) for p, _, d in draws]
        score = 100 * (truth[0] - truth[2])
        cover = np.mean([(f.low or 0) <= score <= (f.high or 0) for f in figures])
        assert 0.93 <= cover <= 0.99


def test_no_answer_is_missing_and_so_is_a_scale_that_ends_at_five() -> None:
    five = answers([(number, A, number % 5 + 1) for number in range(20)])
    few = answers([(number, A, 5) for number in range(19)])

    assert march(NO_TABLES)["nps"].reason == "no ratings: map tables.surveys with rating"
    assert march(replace(NO_TABLES, answers=answers([(0, B, 9)])))["nps"].reason == "no answer in the period"
    assert "not 0 to 10" in str(march(replace(NO_TABLES, answers=five))["nps"].reason)
    assert march(replace(NO_TABLES, answers=few))["nps"].value == -100


def test_a_low_rating_is_answered_by_a_contact_within_the_days() -> None:
    drawn = answers([(0, A, 6), (1, A, 3), (2, A, 0), (3, A, 7)])
    contacts = days([(0, A + 6), (1, A + 7), (2, A - 1), (3, A + 1)])

    figure = march(replace(NO_TABLES, answers=drawn, contacts=contacts))["low_ratings_answered"]

    assert figure.value == pytest.approx(100 / 3)
    assert figure.n == 3
    assert figure.notes == ("answered within 7 days",)


def test_whether_a_low_rating_was_answered_is_missing_until_the_days_are_over() -> None:
    tables = replace(NO_TABLES, answers=answers([(0, A, 6)]), contacts=days([(0, A)]))

    before = march(tables, cutoff=date(2025, 4, 7))["low_ratings_answered"]
    after = march(tables, cutoff=date(2025, 4, 8))["low_ratings_answered"]

    assert before.reason == "the 7 days for an answer end on 2025-04-08"
    assert after.value == 100


def test_satisfied_are_four_and_five_of_five_or_what_the_parameters_say() -> None:
    five = tickets(
        [{"closed": A + 1, "satisfaction": 1000 * rating} for rating in (5, 4, 3, 1)]
        + [{"closed": A + 1}, {"closed": B, "satisfaction": 1000}]
    )
    ten = tickets([{"closed": A + 1, "satisfaction": 1000 * rating} for rating in (10, 8, 3, 0)])

    assert march(replace(NO_TABLES, tickets=five))["csat"].value == 50
    assert march(replace(NO_TABLES, tickets=five))["csat"].notes == ("satisfied is 4 or more",)
    assert "kpis.satisfied_from" in str(march(replace(NO_TABLES, tickets=ten))["csat"].reason)
    assert march(replace(NO_TABLES, tickets=ten), VoiceTerms(7, 8))["csat"].value == 50


def test_a_promise_is_kept_on_the_day_it_is_due_and_broken_by_an_open_ticket() -> None:
    drawn = tickets(
        [
            {"due": A + 5, "replied": A + 5, "closed": A + 6},
            {"due": A + 5, "replied": A + 2, "closed": A + 4},
            {"due": A + 5},
            {"due": A + 5, "replied": A + 6},
            {"due": B, "replied": A},
            {},
        ]
    )

    figures = march(replace(NO_TABLES, tickets=drawn))

    assert (figures["replied_in_time"].value, figures["replied_in_time"].n) == (50, 4)
    assert (figures["closed_in_time"].value, figures["closed_in_time"].n) == (25, 4)
    assert march(replace(NO_TABLES, tickets=tickets([{}])))["replied_in_time"].reason == (
        "no promised times: map tables.tickets with due_at"
    )


def test_the_median_time_counts_open_tickets_as_censored() -> None:
    hour = 3600
    quick = [{"reply_seconds": hour * number} for number in range(1, 31)]
    waiting = [{"followed": 500 * hour}] * 20

    few = march(replace(NO_TABLES, tickets=tickets(quick[:17])))["first_reply_hours"]
    censored = march(replace(NO_TABLES, tickets=tickets([*quick, *waiting])))["first_reply_hours"]

    assert few.reason == "too few were followed to a half"  # 9 tickets are followed to the 9th hour
    assert march(replace(NO_TABLES, tickets=tickets(quick[:18])))["first_reply_hours"].value == 9
    assert (censored.value, censored.n) == (25, 50)


def test_a_median_has_an_interval_and_is_missing_where_half_is_not_reached() -> None:
    durations = np.repeat(np.arange(1, 11), 100)
    ended = np.ones(1000, dtype=bool)

    figure = median_figure("first_reply_hours", MARCH, durations, ended)

    assert (figure.value, figure.low, figure.high) == (5, 5, 6)
    assert median_figure("first_reply_hours", MARCH, durations, ~ended).reason is not None
    assert median_figure("first_reply_hours", MARCH, durations[:0], ended[:0]).reason == "none in the period"


def test_who_leaves_without_a_trace_in_ninety_days_leaves_in_silence() -> None:
    n = 5
    end = A + 10
    spells = ActivitySpells(
        ints(range(n)), ints([A - 200] * n), ints([end] * 4 + [NEVER]), None, wait_days=0, first_day=0
    )
    traces = days([(0, end), (1, end - 89), (2, end - 90), (3, end + 1), (4, end)])

    (figure,) = silent_figures(spells, {"month": [MARCH]}, traces, cutoff=CUTOFF, latest=MARCH)
    (missing,) = silent_figures(spells, {"month": [MARCH]}, None, cutoff=CUTOFF, latest=MARCH)

    assert (figure.value, figure.n) == (50, 4)
    assert missing.reason == "none of the tables tickets, surveys and contacts has rows"


def test_figures_of_a_segment_count_only_its_customers() -> None:
    drawn = answers([(0, A, 10), (1, A, 0)])
    plan = Segmentation("plan", ("(missing)", "basic", "pro"), ints([1, 2]))
    tables = replace(NO_TABLES, answers=drawn, periods={"surveys": {"month": [MARCH]}})

    result = voice_section(tables, [all_customers(2), plan], TERMS, cutoff=CUTOFF, latest=MARCH)

    scores = {f.slice.level if f.slice else None: f.value for f in result.figures if f.name == "nps"}
    assert scores == {None: 0, "basic": 100, "pro": -100}


def test_the_shares_of_promoters_passives_and_detractors_add_up_to_all() -> None:
    figures = nps_figures(MARCH, promoters=50, detractors=20, n=100)
    nobody = nps_figures(MARCH, promoters=0, detractors=0, n=0)

    assert {figure.slice.level: figure.value for figure in figures if figure.slice} == {
        "promoters": 50,
        "passives": 30,
        "detractors": 20,
    }
    assert {figure.reason for figure in nobody} == {"no answer in the period"}
