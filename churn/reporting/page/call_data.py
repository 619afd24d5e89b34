"""The data for the script of the call list, in addition to the table: keys to sort and to filter by, and the
details of each line.

Each text is written only once; elsewhere in the data, a number stands for the text. So the data of 5,000
calls stay small.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from churn.kpis.stages import NO_STAGE
from churn.reporting.page.call import Call, ContactBefore
from churn.reporting.page.history import History
from churn.reporting.page.words import Words

MANY_CALLS = 1_000
"""The number of calls from which on a row shows only its main reason, and the details show the others; so the
page stays small.
"""

MAX_CALL_NIGHTS = 14
"""The largest number of nights for which a customer's probability is shown: a fortnight, because callers do
not look further back.
"""

MAX_NIGHTS_OF_MANY = 7
"""The largest number of such nights on a long list."""

CODES = ("health", "owner", "play", "channel", "family", "stage", "status")
"""The keys whose values are a small number for each call, or -1."""

OWN_LINE = -2
"""The number that stands for any rare line in the shape of a message (see `compact`)."""

MOST_USES = 20
"""A line that occurs at most this many times in all messages together is rare (see `compact`)."""

NAME_MARK = "\x01"
"""The text that stands for the name of the customer in the lines of messages."""

STATUSES = ("new", "open", "overdue")
"""The states of tasks on the list, in the order of their numbers, which links of the page contain."""


class Numbers:
    """Gives each text of the data a number, from 0, in the order in which the texts are added."""

    def __init__(self) -> None:
        """Begin without a text."""
        self._numbers: dict[str, int] = {}

    def of(self, text: str) -> int:
        """Return the number of a text; an empty text has the number -1."""
        return self._numbers.setdefault(text, len(self._numbers)) if text else -1

    @property
    def texts(self) -> list[str]:
        """Return all texts, ordered by their numbers."""
        return list(self._numbers)


def call_data(
    calls: Sequence[Call],
    history: History,
    contacts_before: Mapping[str, Sequence[ContactBefore]],
    words: Words,
) -> dict[str, Any]:
    """Return the data that the script of the page needs.

    Each list in these data has one entry for each call, in the order of the call list, except the lists of
    nights, of tables and of texts. A text is given as its position in a list of texts, counted from 0; -1
    means that there is no text.

    - `probability` is in 1/10,000. `value` is rounded to whole units of money (None if unknown). `due` is in
      days after the earliest due date of the list.
    - `owner` is a position in the list `names.owner`. In the same way, `play`, `channel`, `family`, `stage`
      and `status` are positions in their own lists in `names`.
    - `nights` lists the latest nights. `history` has the customer's probability in each of these nights, in
      units of 1/1,000. `seen` has the number of days since the customer's last row in each of the `tables`.
      The lists `history` and `seen` are packed, see `pack`.
    - `levels` lists the usual values of signals (medians over the cohort) as texts. For each call,
      `usual` has a list: for each reason, the position of its signal's usual value in `levels`. `more` has
      the reasons that the call's row in the table does not show, as positions in `reasons`. `before` has the
      contacts of earlier nights, each as night, play and channel.
    - `lines` is a list of texts: the subjects of all messages, and their lines. In these texts, `NAME_MARK`
      stands for the name of the customer. For each call, `message` has positions in `lines`: first the
      position of the subject, then the position of each line of the message.
    """
    names = {key: Numbers() for key in ("owner", "play", "channel", "family", "stage", "status")}
    for status in STATUSES:
        names["status"].of(status_in_words(status, words))
    has_stages = any(call.notes.stage for call in calls)
    lines, usual, reasons = Numbers(), Numbers(), Numbers()
    first_due = min((call.due.toordinal() for call in calls), default=0)
    is_long = len(calls) >= MANY_CALLS
    n_nights = min(MAX_NIGHTS_OF_MANY if is_long else MAX_CALL_NIGHTS, len(history.nights))
    tables = sorted({table for call in calls for table in call.notes.last_events or ()})
    return {
        "probability": [round(call.probability * 10_000) for call in calls],
        "value": [None if call.value is None else round(call.value) for call in calls],
        "health": [-1 if call.health is None else call.health for call in calls],
        "due": [call.due.toordinal() - first_due for call in calls],
        "owner": [names["owner"].of(call.owner) for call in calls],
        "play": [names["play"].of(call.play) for call in calls],
        "channel": [names["channel"].of(words.value(call.channel)) for call in calls],
        "family": [names["family"].of(_family(call, words)) for call in calls],
        "stage": [names["stage"].of(_stage(call, words) if has_stages else "") for call in calls],
        "status": [names["status"].of(status_in_words(call.status, words)) for call in calls],
        "nights": [words.day(figures.night) for figures in history.nights[-n_nights:]],
        "history": [
            pack(_thousandths(part) for part in history.probabilities[call.customer][-n_nights:])
            for call in calls
        ],
        "usual": [[usual.of(text) for text in call.notes.usual] for call in calls],
        "tables": [words.value(table) for table in tables],
        "seen": [pack((call.notes.last_events or {}).get(table) for table in tables) for call in calls],
        "more": [[reasons.of(text) for text in call.reasons[shown_reasons(calls) :]] for call in calls],
        "before": [
            [
                [
                    words.date(contact.night),
                    names["play"].of(contact.play),
                    names["channel"].of(words.value(contact.channel)),
                ]
                for contact in contacts_before.get(call.customer, ())
            ]
            for call in calls
        ],
        "message": [_message_lines(call, lines, words) for call in calls],
        "levels": usual.texts,
        "reasons": reasons.texts,
        "lines": lines.texts,
        "names": {key: numbers.texts for key, numbers in names.items()},
        "actions": _texts_of_plays(names["play"].texts, calls, "action"),
        "goals": _texts_of_plays(names["play"].texts, calls, "success"),
    }


def _family(call: Call, words: Words) -> str:
    return words.value(call.notes.families[0]) if call.notes.families else ""


def _stage(call: Call, words: Words) -> str:
    return words.value(call.notes.stage or NO_STAGE)


def status_in_words(status: str, words: Words) -> str:
    """Return the status of a task in the language of the page."""
    texts = {"new": words("new"), "open": words("open"), "overdue": words("overdue")}
    return texts.get(status, "")


def shown_reasons(calls: Sequence[Call]) -> int:
    """Return the number of reasons that a row of the list shows."""
    return 1 if len(calls) >= MANY_CALLS else 9


DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
MISSING, LARGEST = "..", 36 * 36 - 1


def pack(numbers: Iterable[int | None]) -> str:
    """Return whole numbers as one text, with two digits of base 36 for each number.

    None becomes two dots. A number above 1,295, the largest number with two such digits, becomes 1,295.

    >>> pack([0, 35, 36, None, 5000])
    '000z10..zz'
    """
    return "".join(
        MISSING if number is None else DIGITS[(n := min(number, LARGEST)) // 36] + DIGITS[n % 36]
        for number in numbers
    )


def _thousandths(part: float | None) -> int | None:
    return None if part is None else round(part * 1000)


def _message_lines(call: Call, lines: Numbers, words: Words) -> list[int]:
    """Return one number for the subject of a call's message, and one for each line of the message.

    The numbers come from `lines`, which gives equal texts the same number.
    """
    notes = call.notes
    if notes.message is None:
        if notes.message_problem is None:
            return []
        problem = words("The template cannot be filled: %(reason)s", reason=notes.message_problem)
        return [-1, lines.of(problem)]
    texts = [notes.subject or "", *notes.message.rstrip().split("\n")]
    return [lines.of(text.replace(call.name, NAME_MARK) if call.name else text) for text in texts]


def _texts_of_plays(plays: Iterable[str], calls: Sequence[Call], name: str) -> list[str]:
    texts = {call.play: getattr(call, name) for call in reversed(calls)}
    return [texts.get(play, "") for play in plays]


def compact(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of `call_data` in a form that is half as long and that the script unpacks.

    - If all numbers of a list in `CODES` are below 36, the list becomes one text with a digit of base 36 for
      each call; the character `.` means -1.
    - In `call_data`, a message is a list of numbers, and each number stands for one line of text. A line is
      rare if it occurs at most `MOST_USES` times in all messages together. The shape of a message is its list
      of numbers, but with `OWN_LINE` in place of each rare line. Many messages have the same shape, and
      `shapes` holds each shape once. For each call, `message` has the position of the shape in `shapes`,
      followed by the numbers of the rare lines.
    - In `call_data`, `before` has each earlier contact as night, play and channel. Here, the new list
      `contacts` holds each such combination once, and `before` has positions in `contacts`.
    """
    codes = {
        key: "".join("." if number < 0 else DIGITS[number] for number in data[key])
        for key in CODES
        if max(data[key], default=0) < len(DIGITS)
    }
    uses = Counter(line for message in data["message"] for line in message)
    shapes: dict[tuple[int, ...], int] = {}
    messages = []
    for message in data["message"]:
        shape = tuple(OWN_LINE if line >= 0 and uses[line] <= MOST_USES else line for line in message)
        own = [line for line, code in zip(message, shape, strict=True) if code == OWN_LINE]
        messages.append([shapes.setdefault(shape, len(shapes)), *own] if message else [])
    contacts: dict[tuple[Any, ...], int] = {}
    before = [
        [contacts.setdefault(tuple(contact), len(contacts)) for contact in own] for own in data["before"]
    ]
    packed = {"message": messages, "shapes": list(shapes), "before": before, "contacts": list(contacts)}
    return {**data, **codes, **packed}


def json_of(data: Mapping[str, Any]) -> Markup:
    """Return data as JSON in which no HTML parser can find the end of the script."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))
