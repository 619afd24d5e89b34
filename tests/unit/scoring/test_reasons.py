from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn.scoring.reasons import (
    SignalFacts,
    cohort_medians,
    fill_sentence,
    format_number,
    is_missing,
    on_risky_side,
    reasons_for,
    usual_level,
)

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


@pytest.mark.parametrize(
    ("template", "value", "language", "expected"),
    [
        ("{value:.0f} [day|days] since the last login", 14.0, "en", "14 days since the last login"),
        ("{value:.0f} [day|days] since the last login", 1.0, "en", "1 day since the last login"),
        ("{value:.0f} [day|days] since the last login", 0.0, "en", "0 days since the last login"),
        ("has not paid the last [bill|{value:.0f} bills]", 1.0, "en", "has not paid the last bill"),
        ("has not paid the last [bill|{value:.0f} bills]", 3.0, "en", "has not paid the last 3 bills"),
        ("{value:.1f} [day|days] overdue", 1.0, "en", "1.0 days overdue"),
        ("seit {value:.0f} [Tag|Tagen] nicht angemeldet", 1.0, "de", "seit 1 Tag nicht angemeldet"),
        ("seit {value:.0f} [Tag|Tagen] nicht angemeldet", 12.0, "de", "seit 12 Tagen nicht angemeldet"),
        ("die [letzte Rechnung|letzten {value:.0f} Rechnungen]", 1.0, "de", "die letzte Rechnung"),
        (
            "pays {value:.1f days later|days earlier} than before",
            2.5,
            "en",
            "pays 2.5 days later than before",
        ),
        (
            "pays {value:.1f days later|days earlier} than before",
            -2.5,
            "en",
            "pays 2.5 days earlier than before",
        ),
        ("{value:.0f [day|days] to go|[day|days] ago}", -1.0, "en", "1 day ago"),
        ("about {value:log .0% more|fewer}", -0.8755, "en", "about 58% fewer"),
        ("etwa {value:log .0% mehr|weniger}", 0.4055, "de", "etwa 50\u00a0% mehr"),
        ("nur noch {value:.0%} der üblichen Zahl", 0.25, "de", "nur noch 25\u00a0% der üblichen Zahl"),
        ("wohnt in {value}", "DE", "de", "wohnt in DE"),
    ],
)
def test_a_sentence_reads_well(template, value, language, expected):
    assert fill_sentence(template, value, language) == expected


@pytest.mark.parametrize(
    ("value", "spec", "english", "german"),
    [
        (1234567.891, ".2f", "1,234,567.89", "1.234.567,89"),
        (0.125, ".1%", "12.5%", "12,5\u00a0%"),
        (-0.001, ".0f", "0", "0"),
        (-3.0, ".0f", "-3", "-3"),
        (7.0, "", "7", "7"),
    ],
)
def test_a_number_follows_its_language(value, spec, english, german):
    assert format_number(value, spec, "en") == english
    assert format_number(value, spec, "de") == german


@pytest.mark.parametrize("template", ["{other}", "{value.real}", "{value!r}", "{}"])
def test_a_template_may_use_nothing_but_the_value(template):
    with pytest.raises(ValueError, match="may only use"):
        fill_sentence(template, 1.0, "en")


@pytest.mark.parametrize(
    ("value", "missing"), [(None, True), (np.nan, True), (np.inf, True), (0.0, False), ("", False)]
)
def test_only_what_can_be_said_is_present(value, missing):
    assert is_missing(value) is missing


@pytest.mark.parametrize(
    ("sentence", "median", "expected"),
    [
        ("failed charges in the last 91 days: {value:.0f}", 0.0, "0"),
        ("has not opened the last [mail|{value:.0f} mails]", 1.0, "1"),
        ("about {value:log .0% more|fewer} orders than before", -0.7, "50% fewer"),
        ("has never opened a mail", 3.0, None),
        ("waited {value:.0f} hours", float("nan"), None),
    ],
    ids=["a count", "the form for many", "a change", "no number", "nobody has a value"],
)
def test_the_usual_level_is_the_median_as_the_sentence_writes_it(
    sentence: str, median: float, expected: str | None
) -> None:
    signal = SignalFacts("s", "activity", "higher", {"en": sentence})

    assert usual_level(signal, {"s": median}, "en") == expected
