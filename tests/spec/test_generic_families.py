"""Every signal of every generic family, on one drawn table of the company's own, on Monday 2024-07-01."""

from __future__ import annotations

import numpy as np
import pytest

from churn.data.tables import CANONICAL_TABLES, events_table
from churn.features.generic.choice import families_of
from churn.features.generic.family import GENERIC
from churn.features.library import all_signals
from churn.scoring.reasons import fill_sentence
from tests.drawn_company import DrawnCompany, draw, params_of

CUTOFF = "2024-07-01"
VISITS = """
    customer | happened_at      | kind | value
    walks    | 2024-04-10 10:00 | a    | 10
    walks    | 2024-05-20 10:00 | a    | 20
    walks    | 2024-06-10 10:00 | a    | 30
    walks    | 2024-06-10 18:00 | b    | 5
    walks    | 2024-06-24 10:00 | b    | 7
    walks    | 2024-07-01 00:00 | c    | 99
    silent   | 2023-06-30 10:00 | a    | 1
"""
AGES = np.array([82, 42, 21, 21, 7])
GAPS = np.array([40, 21, 14])
SHARES = np.array([100, 40, 21, 14, 7]) / 182
SPREAD = GAPS.std()


def fading(half_life: int, looks_back: int) -> float:
    return float((0.5 ** (AGES[looks_back >= AGES] / half_life)).sum())


EXPECTED = {
    "recency": {
        "visits_days_since_last": (7, None),
        "visits_silence_182d": ((7 + 7) / (25 + 7), None),
        "visits_silent_share": (7 / 1643, None),
    },
    "frequency": {
        "visits_count_28d": (3, 0),
        "visits_active_days_28d": (2, 0),
        "visits_rate_728d": (5 * 28 / (728 + 30), 28 / (728 + 30)),
    },
    "change": {
        "visits_change_7d": (np.log(2 / 1), 0),
        "visits_change_28d": (np.log(4 / 2), 0),
        "visits_change_91d": (np.log(6 / 1), 0),
        "visits_slope_91d": (57 / 62790 * 28, 0),
        "visits_acceleration_91d": (-5.5 / 1827 * 28 - 57 / 62790 * 28, 0),
        "visits_drop_182d": ((3 - 2 * 28 / 154) / np.sqrt(2 * 28 / 154 + 1), 0),
    },
    "decay": {
        "visits_decayed_7d": (fading(7, 56), 0),
        "visits_decayed_30d": (fading(30, 182), 0),
        "visits_decayed_90d": (fading(90, 366), 0),
        "visits_pace": (
            (fading(7, 182) * np.log(2) / 7 + 0.1) / (fading(30, 182) * np.log(2) / 30 + 0.1),
            1,
        ),
    },
    "weeks": {
        "visits_week_1": (1, 0),
        "visits_week_2": (0, 0),
        "visits_week_3": (2, 0),
        "visits_week_4": (0, 0),
        "visits_week_5": (0, 0),
        "visits_active_weeks_84d": (4 / 12, 0),
        "visits_inactive_weeks_182d": (0, 26),
        "visits_quieting_rate_182d": ((3 + 1) / (3 + 2), 1 / 2),
        "visits_drawdown_182d": (1, None),
        "visits_shortfall_182d": (0, None),
        "visits_shortfall_weeks_182d": (0, 0),
    },
    "rhythm": {
        "visits_gap_mean_182d": (25, None),
        "visits_gap_median_182d": (21, None),
        "visits_gap_variation_182d": (SPREAD / 25, None),
        "visits_gap_rank_182d": (0, None),
        "visits_gap_latest_182d": (14 / 25, None),
        "visits_gap_trend_182d": ((np.log(14) - np.log(40)) / 2, None),
        "visits_gap_longest_182d": (40, None),
        "visits_burstiness_182d": ((SPREAD - 25) / (SPREAD + 25), None),
        "visits_clumpiness_182d": (1 + (SHARES * np.log(SHARES)).sum() / np.log(5), None),
        "visits_weekday_entropy_182d": (-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)) / np.log(7), None),
        "visits_missed_weekdays_91d": (1 / 3, None),
    },
    "breadth": {
        "visits_kinds_28d": (2, 0),
        "visits_kinds_91d": (2, 0),
        "visits_kinds_kept_91d": (1, None),
        "visits_kinds_new_91d": (1, 0),
        "visits_kind_entropy_91d": (-(0.6 * np.log(0.6) + 0.4 * np.log(0.4)), None),
        "visits_kind_shift_91d": (np.sqrt((1 / 3 + np.log2(1.5)) / 2), None),
    },
    "value": {
        "visits_value_total_28d": (42, 0),
        "visits_value_mean_91d": (72 / 5, None),
        "visits_value_highest_91d": (30, None),
        "visits_value_change_28d": (np.log(43 / 21), 0),
    },
    "peers": {
        "visits_peer_rank_28d": (None, None),
        "visits_beyond_season_28d": (np.log(4 / 2) - np.log(3 / 1), -np.log(3 / 1)),
    },
}
"""Of the customer who comes, and of the one who has not for a year; two are too few to be peers."""


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> DrawnCompany:
    """The drawn visits, with every generic family and one window."""
    chosen = {"signals": {"windows": [28], "generic": {"visits": ["all"]}}}
    return draw(tmp_path_factory.mktemp("visits"), visits=VISITS, params=chosen)


@pytest.mark.parametrize("family", EXPECTED)
def test_a_generic_family_gives_these_signals_of_any_table(visits: DrawnCompany, family: str) -> None:
    every = all_signals(visits.store.params).values()
    names = [one.name for one in every if one.table == "visits" and one.generic == family]

    found = visits.all_values(names, [CUTOFF])

    assert {name: found[CUTOFF, name] for name in names} == {
        name: {"walks": rounded(walks), "silent": rounded(silent)}
        for name, (walks, silent) in EXPECTED[family].items()
    }


def rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)


def test_every_generic_family_is_drawn_here() -> None:
    assert set(EXPECTED) == set(GENERIC)


@pytest.mark.parametrize(
    ("asked", "of_logins", "of_visits"),
    [
        ({}, "change decay frequency peers recency rhythm", "change frequency recency value"),
        ({"default": ["recency"]}, "recency", "recency"),
        ({"default": ["recency"], "visits": ["rhythm", "breadth"]}, "recency", "breadth rhythm"),
        (
            {"default": ["all"]},
            "change decay frequency peers recency rhythm weeks",
            "breadth change decay frequency peers recency rhythm value weeks",
        ),
        ({"logins": []}, "", "change frequency recency value"),
    ],
)
def test_a_table_has_the_families_that_are_asked_for_it_or_the_usual_ones(
    tmp_path_factory: pytest.TempPathFactory, asked: dict[str, list[str]], of_logins: str, of_visits: str
) -> None:
    params = params_of(
        tmp_path_factory.mktemp("asked"), visits=VISITS, params={"signals": {"generic": asked}}
    )

    found = [families_of(table, params) for table in (CANONICAL_TABLES["logins"], events_table("visits"))]

    assert [" ".join(families) for families in found] == [of_logins, of_visits]


def test_sentences_begin_with_a_noun_so_that_any_table_fits(visits: DrawnCompany) -> None:
    made = [one for one in all_signals(visits.store.params).values() if one.table == "visits"]

    for one in made:
        assert one.doc.endswith(".")
        for language in ("en", "de"):
            assert "visits" in one.reason[language]
            assert "{noun}" not in fill_sentence(one.reason[language], 12.5, language) + one.doc
