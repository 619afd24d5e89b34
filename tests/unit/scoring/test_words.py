from __future__ import annotations

import numpy as np
import pytest

from churn.scoring.words import is_missing, number, sentence


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
    assert sentence(template, value, language) == expected


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
    assert number(value, spec, "en") == english
    assert number(value, spec, "de") == german


@pytest.mark.parametrize("template", ["{other}", "{value.real}", "{value!r}", "{}"])
def test_a_template_may_use_nothing_but_the_value(template):
    with pytest.raises(ValueError, match="may only use"):
        sentence(template, 1.0, "en")


@pytest.mark.parametrize(
    ("value", "missing"), [(None, True), (np.nan, True), (np.inf, True), (0.0, False), ("", False)]
)
def test_only_what_can_be_said_is_present(value, missing):
    assert is_missing(value) is missing
