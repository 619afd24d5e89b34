from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn.scoring.health import health, is_thin, sides
from churn.scoring.reasons import SignalFacts


def with_odds_ratio(ratio, base_rate):
    odds = ratio * base_rate / (1 - base_rate)
    return odds / (1 + odds)


@pytest.mark.parametrize("base_rate", [0.05, 0.2, 0.6])
@pytest.mark.parametrize(
    ("ratio", "band"),
    [
        (0.1, 5),
        (1 / 3, 5),
        (0.34, 4),
        (2 / 3, 4),
        (0.67, 3),
        (1, 3),
        (1.5, 3),
        (1.51, 2),
        (3, 2),
        (3.01, 1),
        (50, 1),
    ],
)
def test_the_band_is_the_odds_against_the_usual_odds(ratio, band, base_rate):
    probability = np.array([with_odds_ratio(ratio, base_rate)])

    assert health(probability, base_rate, np.array([False]))[0] == band


def test_certainty_either_way_has_a_band_and_no_probability_has_none():
    bands = health(np.array([0.0, 1.0, np.nan]), 0.2, np.zeros(3, dtype=bool))

    np.testing.assert_array_equal(bands, [5, 1, np.nan])


def test_a_thin_history_is_three_however_likely():
    bands = health(np.array([0.99, 0.01]), 0.2, np.array([True, False]))

    np.testing.assert_array_equal(bands, [3, 5])


def test_a_history_is_thin_for_the_first_fortnight():
    frame = pd.DataFrame({"tenure_days": [13.0, 14.0, np.nan]})

    np.testing.assert_array_equal(is_thin(frame), [True, False, False])


def test_sides_follow_the_direction_of_their_signals_and_stay_missing_without_a_value():
    signals = [
        SignalFacts("logins", "activity", "lower", {}),
        SignalFacts("rating", "sentiment", "lower", {}),
        SignalFacts("overdue", "payment", "higher", {}),
        SignalFacts("tenure", "support", "either", {}),
    ]
    frame = pd.DataFrame(
        {
            "logins": [0.0, 1, 2, 3, 4],
            "rating": [np.nan, np.nan, 9, 2, 9],
            "overdue": [0.0, 0, 0, 0, 0],
            "tenure": [1.0, 2, 3, 4, 5],
        }
    )

    found = sides(frame, signals)

    np.testing.assert_array_equal(found["health_activity"], [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(found["health_sentiment"], [np.nan, np.nan, 4, 1, 4])
    np.testing.assert_array_equal(found["health_payment"], [3] * 5)
    assert np.isnan(found["health_support"]).all()
