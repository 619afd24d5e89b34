"""Templates are filled in a sandbox, and each mistake names its file and line."""

from __future__ import annotations

import pytest

from churn.contact.templates import Message, fill_template
from churn.errors import PlaybookError

PLACE = "templates/note.de.txt"


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        (
            "Subject: Guten Tag, {{ name }}\n\nSeit {{ days }} Tagen & mehr.\n",
            {"name": "Jörg & Co", "days": 14},
            Message("Guten Tag, Jörg & Co", "Seit 14 Tagen & mehr.\n"),
        ),
        ("Hello {{ name }}", {"name": "<Ann>"}, Message(None, "Hello <Ann>\n")),
        ("Hello {{ name or 'customer' }}", {"name": None}, Message(None, "Hello customer\n")),
        (
            "{% for reason in reasons %}\n- {{ reason }}\n{% endfor %}\nBye",
            {"reasons": ["a", "b"]},
            Message(None, "- a\n- b\nBye\n"),
        ),
    ],
)
def test_a_template_is_filled_with_the_values_of_a_customer(
    text: str, values: dict[str, object], message: Message
) -> None:
    assert fill_template(text, values, location=PLACE) == message


def test_the_subject_of_a_variant_replaces_the_first_line() -> None:
    message = fill_template(
        "Subject: A\nText", {"name": "Ann"}, location=PLACE, variant_subject="{{ name }},\nwe miss you"
    )

    assert message == Message("Ann, we miss you", "Text\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Hello\n{{ nam }}",
            r"^templates/note.de.txt:2: the template cannot be filled: 'nam' is undefined\.",
        ),
        ("Hello\n\n{% if %}", r"^templates/note.de.txt:3: the template breaks the syntax of jinja2: .+\."),
        ("\n\n{{ unknown_value }}", r":3: the template cannot be filled: a value is not known for this cust"),
        ("{{ 1 / 0 }}", r":1: the template cannot be filled: division by zero\."),
        ("{{ ''.__class__.__mro__ }}", r":1: .* unsafe\."),
        ("{{ reasons.append(1) }}", r":1: .* unsafe\."),
        ("{% include '/etc/hostname' %}", r":1: the template cannot be filled: no loader"),
    ],
)
def test_a_template_that_cannot_be_filled_is_a_mistake(text: str, message: str) -> None:
    values = {"reasons": [], "unknown_value": None}

    with pytest.raises(PlaybookError, match=message):
        fill_template(text, values, location=PLACE)


def test_a_mistake_in_the_subject_of_a_variant_is_placed_there() -> None:
    with pytest.raises(
        PlaybookError, match=r"note.de.txt \(subject of the variant\):1: .*'nam' is undefined"
    ):
        fill_template("Text", {}, location=PLACE, variant_subject="{{ nam }}")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{% if a %}You came.{% endif %}\nShall we talk?", "You came.\nShall we talk?\n"),
        ("Hello.{% if a %} You came.{% endif %}\nShall we talk?", "Hello. You came.\nShall we talk?\n"),
        ("{% if a %}\nYou came.\n{% endif %}\nShall we talk?", "You came.\nShall we talk?\n"),
        ("{% for b in c %}- {{ b }}\n{% endfor %}{% if a %}\n{% endif %}\nBye", "- x\n- y\nBye\n"),
    ],
    ids=["a sentence in tags", "text before the tags", "lines of tags only", "a list"],
)
def test_a_line_of_text_that_ends_with_a_tag_keeps_its_line_end(text, filled):
    message = fill_template(text, {"a": True, "c": ["x", "y"]}, location="t.txt")

    assert message.body == filled
