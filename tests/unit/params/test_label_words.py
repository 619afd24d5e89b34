"""The sentences of the program in the words of a label of an event."""

from __future__ import annotations

import pytest

from churn.params import CHURN_WORDS, event_words


@pytest.mark.parametrize(
    ("sentence", "spoken"),
    [
        ("The signals predict who leaves.", "The signals predict who has the event upgrade."),
        ("fewer customers left than expected", "fewer customers had the event upgrade than expected"),
        (
            "116 churners and 9 stayers",
            "116 customers with the event upgrade and 9 customers without the event upgrade",
        ),
        ("a customer leaves", "a customer has the event upgrade"),
        ("the odds of leaving", "the odds of the event upgrade"),
        ("28 customers at risk", "28 customers in the cohort"),
        ("Left", "With the event upgrade"),
        ("Churners reached", "Customers with the event upgrade reached"),
    ],
)
def test_a_sentence_about_leaving_speaks_of_the_event(sentence: str, spoken: str) -> None:
    assert event_words("upgrade").speak(sentence) == spoken


@pytest.mark.parametrize(
    "sentence",
    [
        "Run `churn label` again; `churners` is a column.",
        "see output/left/churners.csv and ./churn/label",
        "payments is left out, and 3 days left are left over",
        "score.left_out, label.leaving",
        "the value at risk",
    ],
)
def test_code_paths_and_other_meanings_stay(sentence: str) -> None:
    assert event_words("upgrade").speak(sentence) == sentence


def test_labels_of_churn_speak_as_the_program_does() -> None:
    assert CHURN_WORDS.speak("116 churners at risk left") == "116 churners at risk left"
