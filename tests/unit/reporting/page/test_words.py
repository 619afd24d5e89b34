"""The page is complete in German: every sentence of its templates and of its code has a German text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import jinja2
import pytest
from markupsafe import Markup

from churn.params import event_words
from churn.reporting.page.words import Words, environment_of, german, speak_event
from tests.page_readback import english_per_cent, german_per_cent

PAGE = Path(__file__).parents[4] / "churn" / "reporting" / "page"
SHARED = PAGE.parent / "templates"
UPGRADE = event_words("upgrade")
FIELD = re.compile(r"%\(\w+\)s")

WITHOUT_EVENTS = ("retention.py", "movements.py", "cohort_charts.py", "audit.py")
"""The modules of sections that a label of an event does not have."""

FORMS = {"words": 1, "words.html": 1, "words.plural": 2, "words.plural_html": 2}
"""The number of sentences that each call takes."""

Key = tuple[str, ...]
"""A sentence with one form, or its two forms."""


def template_keys(source: str) -> Iterator[Key]:
    for _, function, message in environment_of(Words("en")).extract_translations(source):  # type: ignore[attr-defined]
        yield (message,) if isinstance(message, str) else tuple(part for part in message if part is not None)
        assert function in ("gettext", "ngettext", "_")


def code_keys(source: str) -> Iterator[Key]:
    """Yield the sentences of calls such as `words(...)` and `words.plural(...)`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        n_forms = FORMS.get(ast.unparse(node.func))
        if n_forms is None:
            continue
        texts = [each.value if isinstance(each, ast.Constant) else None for each in node.args[:n_forms]]
        assert all(isinstance(text, str) for text in texts), f"line {node.lineno}: not a plain text"
        yield tuple(map(str, texts))


def keys(without: tuple[str, ...] = ()) -> set[Key]:
    templates = [*PAGE.glob("templates/*.html"), *SHARED.glob("*.html")]
    modules = [file for file in PAGE.glob("*.py") if file.name not in without]
    return {
        *(key for file in templates for key in template_keys(file.read_text(encoding="utf-8"))),
        *(key for file in modules for key in code_keys(file.read_text(encoding="utf-8"))),
    }


def test_every_sentence_has_a_german_text() -> None:
    missing = sorted(key for key in keys() if key[0] not in german().texts)

    assert missing == []


def test_no_german_text_is_left_over() -> None:
    unused = sorted(german().texts.keys() - {key[0] for key in keys()})

    assert unused == []


def test_german_has_the_forms_and_the_values_of_its_sentence() -> None:
    wrong = []
    for key in keys():
        text = german().texts[key[0]]
        if (text.plural is not None) != (len(key) == 2):
            wrong.append(f"{key[0]}: {len(key)} forms in English")
        english_fields = {field for form in key for field in FIELD.findall(form)}
        for form in (text.singular, text.plural, text.event, text.event_plural):
            if form is not None and not set(FIELD.findall(form)) <= english_fields | {"%(event)s"}:
                wrong.append(f"{key[0]}: {form} has a value that the English has not")
    assert wrong == []


def test_what_an_event_changes_in_english_has_a_german_form_for_events() -> None:
    unspoken = [
        key[0]
        for key in keys(without=WITHOUT_EVENTS)
        if any(speak_event(form, UPGRADE) != form for form in key) and german().texts[key[0]].event is None
    ]

    assert unspoken == []


def test_per_cent_is_written_in_one_way_in_each_language() -> None:
    forms = (*german().texts.values(), *german().findings.values())
    texts = [text for each in forms for text in each.model_dump().values() if text]

    assert [key[0] for key in keys() if any(english_per_cent(form) for form in key)] == []
    assert [text for text in (*texts, *german().values.values()) if german_per_cent(text)] == []


@pytest.mark.parametrize("text", ["5 %%", "%(share)s&nbsp;%%", "5\u00a0%"])
def test_a_space_before_the_per_cent_sign_is_found_in_english(text: str) -> None:
    assert english_per_cent(text)
    assert not english_per_cent("5%%, 95%, Left, %%")


@pytest.mark.parametrize("text", ["5%%", "5 %%", "%(share)s%%", "5&nbsp;%%", "5%"])
def test_another_space_or_none_before_the_per_cent_sign_is_found_in_german(text: str) -> None:
    assert german_per_cent(text)
    assert not german_per_cent("5\u00a0%%, 95-%-Band, Gegangen, %%")


@pytest.mark.parametrize(
    "source", ["words('a')\nwords.plural('b', 'c', 2)", "x = [words('a'), words.plural('b', 'c', n)]"]
)
def test_sentences_of_code_are_found(source: str) -> None:
    assert set(code_keys(source)) == {("a",), ("b", "c")}


def test_values_of_a_sentence_with_html_are_escaped() -> None:
    words = Words("de")

    assert words.html("%(low)s to %(high)s", low="<1", high=Markup("<b>2</b>")) == "&lt;1 bis <b>2</b>"


def test_a_sentence_that_is_no_plain_text_is_refused() -> None:
    with pytest.raises(AssertionError, match="line 1: not a plain text"):
        list(code_keys("words(title)"))


def test_sentences_of_templates_are_found() -> None:
    forms = "{% trans n=1 %}{{ n }} call{% pluralize %}{{ n }} calls{% endtrans %}"
    source = "{% trans %}one\n  line{% endtrans %}{{ _('two') }}" + forms

    assert set(template_keys(source)) == {("one line",), ("two",), ("%(n)s call", "%(n)s calls")}


def test_numbers_money_shares_and_days_are_written_by_language() -> None:
    english, german_words = Words("en"), Words("de")

    assert [english.count(1234.4), english.money(12.345), english.share(0.1234)] == [
        "1,234",
        "12.35",
        "12.3%",
    ]
    assert [german_words.count(1234.4), german_words.money(12.345)] == ["1.234", "12,35"]
    assert german_words.share(0.1234) == "12,3\u00a0%"
    assert (english.date(date(2025, 3, 1)), german_words.date(date(2025, 3, 1))) == (
        "1 Mar 2025",
        "1. März 2025",
    )
    assert (english.signed("1,200", 1), english.signed("-5", -5), english.signed("0", 0)) == (
        "+1,200",
        "−5",
        "0",
    )


def test_a_sentence_without_german_is_an_error_and_not_english() -> None:
    with pytest.raises(LookupError, match="nobody wrote this"):
        Words("de")("nobody wrote this")


def test_a_value_of_the_program_is_translated_and_a_text_of_the_user_stays() -> None:
    words = Words("de")

    assert words.value("no consent for phone") == "keine Einwilligung für Telefon"
    assert words.value("my own reason") == "my own reason"
    assert Words("en").value("no consent for phone") == "no consent for phone"


def test_templates_escape_the_values_of_sentences() -> None:
    template = environment_of(Words("en")).from_string("{% trans name=name %}Hello {{ name }}{% endtrans %}")

    assert template.render(name="<b>") == "Hello &lt;b&gt;"


def test_an_undefined_value_of_a_template_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        environment_of(Words("en")).from_string("{{ nothing }}").render()
