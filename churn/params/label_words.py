"""The words for what a label predicts: the event, and the customers who have it.

In the code, all sentences for users are written as if the label predicts who leaves. If the label predicts
another event, `LabelWords.speak` replaces the words about leaving with words about this event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROBABILITY_COLUMNS = ("churn_probability", "event_probability")
"""The possible names of the column of scores that holds the probability of what the label counts."""

_CODE = re.compile(r"(`[^`]*`|\S*[/\\]\S*|\b\w+[_.=]\w[\w.=]*)")
"""Matches text in which no word is replaced: code, paths and addresses, and names with `_`, `.` or `=`
inside.
"""

_OUTSIDE_NAMES = r"(?<![\w-])(?:{})(?![\w-])"

_PHRASES: tuple[tuple[str, str], ...] = (
    (r"who (?:may )?leaves?", "who has {event}"),
    (r"(?:who are )?about to leave", "about to have {event}"),
    (r"(the )?(?:churn rate|rate of leaving)", r"\1rate of {event}"),
    (r"churn(?= (?:without contact|is predicted|of \d))", "the rate of {event}"),
    (r"churners", "customers with {event}"),
    (r"Churners", "Customers with {event}"),
    (r"^Left$", "With {event}"),
    (r"churner", "customer with {event}"),
    (r"stayers", "customers without {event}"),
    (r"stayed", "did not have {event}"),
    (r"(customers?|rows?|who|to|may|will|can|they|fewer|more|thirty) leave", r"\1 have {event}"),
    (r"(customer|who|one|nobody|everybody) leaves", r"\1 has {event}"),
    (r"(chance|probability|odds) of leaving", r"\1 of {event}"),
    (
        r"(?<!\bis )(?<!\bare )(?<!\bbe )(?<!\bwas )(?<!\bwere )(?<!\bdays )(?<!\bwhat )left"
        r"(?! (?:out|aside|alone|over|behind|as|in|to|unanswered))",
        "had {event}",
    ),
    (r"the leaving", "{event}"),
    (r"(?<!value )at risk", "in the cohort"),
    (r"the risk", "the probability"),
)
"""The phrases about leaving in the program's sentences, each with its phrase for a label of kind `event`."""


@dataclass(frozen=True)
class LabelWords:
    """The words that pages and lists use for a label.

    Attributes:
        event: The event that is predicted, such as `churn` or `upgrade`.
        happen: The verb for what may happen; it follows `to`, as in `leave`.
        happened: The verb for what a customer with the event did, such as `left`.
        people: The customers who have the event, in the plural: `churners`.
        share: The share of the customers who have the event, as a heading.
        probability: The name of the column that holds the probability of the event.
        candidates: The words that mark the customers who may have the event (the cohort), as in `121
            customers at risk`.
    """

    event: str
    happen: str
    happened: str
    people: str
    share: str
    probability: str
    candidates: str

    def speak(self, sentence: str) -> str:
        """Replace words about leaving with this label's words, except in paths and in text in backticks.

        >>> event_words("upgrade").speak("121 churners; who leaves is left out of `churn check`")
        '121 customers with the event upgrade; who has the event upgrade is left out of `churn check`'
        >>> CHURN_WORDS.speak("121 churners")
        '121 churners'
        """
        if self == CHURN_WORDS:
            return sentence
        parts = _CODE.split(sentence)
        return "".join(part if index % 2 else self._replaced(part) for index, part in enumerate(parts))

    def _replaced(self, text: str) -> str:
        for phrase, words in _PHRASES:
            template = words.replace("{event}", f"the event {self.event}")
            text = re.sub(_OUTSIDE_NAMES.format(phrase), template, text)
        return text


CHURN_WORDS = LabelWords(
    event="churn",
    happen="leave",
    happened="left",
    people="churners",
    share="share left",
    probability=PROBABILITY_COLUMNS[0],
    candidates="at risk",
)


def event_words(name: str) -> LabelWords:
    """Return the words for a label of kind `event`, which predicts the event `name`.

    >>> event_words("upgrade").happened, event_words("upgrade").people
    ('had the event upgrade', 'customers with the event upgrade')
    """
    return LabelWords(
        event=name,
        happen=f"have the event {name}",
        happened=f"had the event {name}",
        people=f"customers with the event {name}",
        share="share with event",
        probability=PROBABILITY_COLUMNS[1],
        candidates="in the cohort",
    )


def words_of(label: Mapping[str, Any]) -> LabelWords:
    """Return the words for a label that was read from a file of an earlier run.

    Args:
        label: The section `label` of params.yaml, as the file holds it.
    """
    if label.get("kind") != "event":
        return CHURN_WORDS
    return event_words(str(label.get("event_name") or label["table"]))
