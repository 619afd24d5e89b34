from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn.scoring.reasons import SignalFacts, cohort_medians, on_risky_side, reasons_for

LOGINS = SignalFacts(
    "logins",
    "activity",
    "lower",
    {"en": "{value:.0f} [login|logins]", "de": "{value:.0f} [Anmeldung|Anmeldungen]"},
)
SILENCE = SignalFacts("silence", "activity", "higher", {"en": "{value:.0f} days silent"})
RATING = SignalFacts("rating", "sentiment", "lower", {"en": "rated {value:.0f}"})
MAILS = SignalFacts("mails", "activity", "either", {"en": "{value:.0f} mails"})
TENURE = SignalFacts("tenure", "profile", "either", {"en": "here for {value:.0f} days"})
PLAN = SignalFacts("plan", "profile", "either", {"en": "is on plan {value}"}, kind="level")
SIGNALS = (LOGINS, SILENCE, MAILS, RATING, TENURE, PLAN)
MEDIANS = {"logins": 5.0, "silence": 10.0, "rating": 8.0, "tenure": 100.0}


def told(values, pushes, *, language="en", most=3):
    """Return the sentences of one customer, drawn as two mappings."""
    names = [signal.name for signal in SIGNALS]
    frame = pd.DataFrame([{name: values.get(name) for name in names}])
    contributions = {name: np.array([pushes.get(name, 0.0)]) for name in names}
    [reasons] = reasons_for(frame, contributions, SIGNALS, MEDIANS, language, most)
    return [reason.text for reason in reasons]


@pytest.mark.parametrize(
    ("values", "pushes", "expected"),
    [
        # what lowers the risk is no reason
        ({"logins": 1}, {"logins": -0.5}, []),
        # a family speaks once, through its strongest
        ({"logins": 1, "silence": 40}, {"logins": 0.5, "silence": 0.7}, ["40 days silent"]),
        # raises the risk, but the value is on the good side: the next of the family speaks
        ({"logins": 1, "silence": 3}, {"logins": 0.5, "silence": 0.7}, ["1 login"]),
        # on the median is on no side
        ({"logins": 5}, {"logins": 0.5}, []),
        # the family as a whole lowers the risk
        ({"logins": 1, "silence": 40}, {"logins": 0.5, "silence": -0.7}, []),
        # families by their sum, not by their strongest
        (
            {"logins": 1, "silence": 40, "rating": 2},
            {"logins": 0.4, "silence": 0.3, "rating": 0.5},
            ["1 login", "rated 2"],
        ),
        # missing says nothing, whatever it pushes
        ({"rating": None}, {"rating": 0.9}, []),
        ({"rating": np.nan, "logins": 2}, {"rating": 0.9, "logins": 0.1}, ["2 logins"]),
        # riskier either way speaks only where nothing else of the family can
        ({"logins": 1, "mails": 9}, {"logins": 0.1, "mails": 0.9}, ["1 login"]),
        ({"logins": 9, "mails": 9}, {"logins": 0.1, "mails": 0.9}, ["9 mails"]),
        # what lowers the risk is passed over within its family too, whatever side its value is on
        ({"logins": 1, "mails": 9}, {"logins": -0.1, "mails": 0.9}, ["9 mails"]),
        ({"logins": 9, "silence": 40}, {"logins": 0.9, "silence": -0.1}, []),
        # riskier either way has no side to contradict
        ({"tenure": 30}, {"tenure": 0.2}, ["here for 30 days"]),
        ({"tenure": 900}, {"tenure": 0.2}, ["here for 900 days"]),
        # a level has no side either
        ({"plan": "basic"}, {"plan": 0.2}, ["is on plan basic"]),
    ],
)
def test_reasons_raise_the_risk_and_never_contradict_their_number(values, pushes, expected):
    assert told(values, pushes) == expected


def test_no_more_reasons_than_asked_for_and_the_heaviest_first():
    values = {"logins": 1, "rating": 2, "tenure": 30}
    pushes = {"logins": 0.1, "rating": 0.3, "tenure": 0.2}

    assert told(values, pushes, most=2) == ["rated 2", "here for 30 days"]


def test_the_teams_language_is_spoken_and_a_signal_without_it_is_silent():
    assert told({"logins": 2, "rating": 2}, {"logins": 0.1, "rating": 0.3}, language="de") == [
        "2 Anmeldungen"
    ]


def test_medians_pass_over_missing_values_and_words():
    frame = pd.DataFrame({"logins": [1.0, np.nan, 3.0], "plan": ["a", "b", None], "rating": [np.nan] * 3})

    medians = cohort_medians(frame, SIGNALS)

    assert medians["logins"] == 2.0
    assert np.isnan(medians["rating"])
    assert "plan" not in medians


def test_without_a_median_there_is_no_side():
    assert not on_risky_side(3.0, RATING, {"rating": np.nan})
