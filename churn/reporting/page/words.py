"""The language of the page: its sentences, and the forms of numbers, money, shares and days.

The catalogues `de*.yaml` hold the German text of each English sentence. The English sentences are the keys,
as in gettext. In templates the sentences stand in `{% trans %}` and `_()`, in Python in `words("...")`. In a
key, `%(name)s` is the place of a value, and `%%` is a per cent sign.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

import jinja2
from markupsafe import Markup
from pydantic import BaseModel, BeforeValidator, ConfigDict

from churn.params import CHURN_WORDS, LabelWords
from churn.params.forms import EVENT_NAME
from churn.params.strict_yaml import parse_yaml
from churn.reporting.page.finding_words import german_groups
from churn.reporting.rendering import mark_commands
from churn.scoring.reasons import format_number

Language = Literal["en", "de"]

MONTHS: Mapping[Language, tuple[str, ...]] = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "de": (
        *("Jan.", "Feb.", "März", "Apr.", "Mai", "Juni"),
        *("Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."),
    ),
}

_NO_TEXT = re.compile(r"(<[^>]*>|%\(\w+\)s|&\w+;)")
"""The parts of a sentence that are not text: tags and entities of HTML, and the places of values."""

_FIELD = re.compile(r"%\((\w+)\)s")


class GermanText(BaseModel):
    """The German text of one English sentence.

    Attributes:
        singular: The German text; if there are two forms, the form for the number 1.
        plural: The German text for all numbers except 1; None if the sentence has only one form.
        event: The German text if the label predicts an event other than leaving; it may contain `%(event)s`.
            None if this text is the same as `singular`.
        event_plural: The same as `event`, but for all numbers except 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    singular: str
    plural: str | None = None
    event: str | None = None
    event_plural: str | None = None


def _as_form(value: Any) -> Any:
    return {"singular": value} if isinstance(value, str) else value


class Catalogue(BaseModel):
    """The German texts of the page.

    Attributes:
        texts: The German texts of the sentences in templates and code, by the English sentence.
        values: The German texts for English texts that the program writes into its files, such as the reasons
            why a customer is not contacted.
        findings: The German texts of the sentences in which a guard says what it found and what to do, and of
            parts of such sentences.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    texts: dict[str, Annotated[GermanText, BeforeValidator(_as_form)]]
    values: dict[str, str]
    findings: dict[str, Annotated[GermanText, BeforeValidator(_as_form)]] = {}


@cache
def german() -> Catalogue:
    """Return the German texts of all catalogues `de*.yaml`.

    Raises:
        ValueError: Two catalogues have the same key.
    """
    folder = resources.files("churn.reporting.page")
    names = sorted(file.name for file in folder.iterdir() if re.fullmatch(r"de\w*\.yaml", file.name))
    texts: dict[str, GermanText] = {}
    values: dict[str, str] = {}
    findings: dict[str, GermanText] = {}
    for name in names:
        catalogue = Catalogue.model_validate(parse_yaml(folder.joinpath(name).read_text(encoding="utf-8")))
        twice = {
            *(texts.keys() & catalogue.texts.keys()),
            *(values.keys() & catalogue.values.keys()),
            *(findings.keys() & catalogue.findings.keys()),
        }
        if twice:
            raise ValueError(f"{name}: another German catalogue also holds {', '.join(sorted(twice))}.")
        texts |= catalogue.texts
        values |= catalogue.values
        findings |= catalogue.findings
    return Catalogue(texts=texts, values=values, findings=findings)


def speak_event(sentence: str, label: LabelWords) -> str:
    """Return an English sentence in which words such as `churners` are replaced by words that fit the label;
    HTML tags and places of values, such as `%(n)s`, do not change.
    """
    parts = _NO_TEXT.split(sentence)
    return "".join(part if index % 2 else label.speak(part) for index, part in enumerate(parts))


@dataclass(frozen=True)
class Words:
    """The language of a page, and the words that the page uses for the predicted event, such as churn.

    >>> words = Words("de")
    >>> words("of %(n)s customers in the data", n=words.count(1234)), words.day(datetime.date(2025, 10, 1))
    ('von 1.234 Kunden in den Daten', '1. Okt.')
    """

    language: Language
    label: LabelWords = CHURN_WORDS

    def __call__(self, sentence: str, **values: Any) -> str:
        """Return a sentence in the language of the page, with its values filled in."""
        return self._find(sentence, None, 1) % {"event": self.label.event, **values}

    def plural(self, singular: str, plural: str, n: int, **values: Any) -> str:
        """Return the singular or the plural form of a sentence, as the number requires; the sentence may
        contain the number as `%(n)s`.
        """
        return self._find(singular, plural, n) % {"event": self.label.event, "n": self.count(n), **values}

    def html(self, sentence: str, **values: Any) -> Markup:
        """Return a sentence that contains HTML; values that are not `Markup` are escaped."""
        return Markup(self._find(sentence, None, 1)) % {"event": self.label.event, **values}

    def plural_html(self, singular: str, plural: str, n: int, number: Markup, **values: Any) -> Markup:
        """Return the singular or the plural form of a sentence with HTML, as the number requires.

        Args:
            singular: The sentence for the number 1.
            plural: The sentence for all numbers except 1.
            n: The number.
            number: The number in the form in which the sentence shows it at `%(n)s`.
            **values: The other values; values that are not `Markup` are escaped.
        """
        sentence = Markup(self._find(singular, plural, n))
        return sentence % {"event": self.label.event, "n": number, **values}

    @property
    def is_event(self) -> bool:
        """Return whether the label predicts an event other than leaving; if so, the page shows neither
        the customers' health nor their value at risk.
        """
        return self.label != CHURN_WORDS

    def value(self, text: str) -> str:
        """Return, in the language of the page, a text that the program wrote into a file; a text that the
        user wrote stays unchanged.
        """
        if self.language == "en":
            return self.label.speak(text)
        own = self._in_german(text)
        return text if own is None else own

    def speaks(self, text: str) -> bool:
        """Return whether the method `value` can put the text into the language of the page; if not, `value`
        returns the text unchanged.
        """
        return self.language == "en" or self._in_german(text) is not None

    def _in_german(self, text: str) -> str | None:
        """Return the German form of a text that the program wrote into a file; None if the text, or a value
        in it, has no German form.
        """
        return self._translate(text, _value_patterns())

    def _finding(self, text: str) -> str | None:
        """Return the German form of a guard's sentence, or of a part of it; None if there is no German form.

        The sentence says what the guard found, or what to do about it.
        """
        return self._translate(text, _finding_patterns(self.label))

    def _translate(self, text: str, patterns: Iterable[tuple[re.Pattern[str], str]]) -> str | None:
        """Return the German form of a text; None if no pattern gives it.

        The first pattern that fits the text gives the German form. A pattern is skipped if a value in the
        text has no German form.
        """
        for pattern, words in patterns:
            if match := pattern.fullmatch(text):
                places = {name: self._german(name, own) for name, own in match.groupdict().items()}
                if None not in places.values():
                    return words % {"event": self.label.event, **places}
        return None

    def _german(self, name: str, text: str) -> str | None:
        """Return the German form of a text that fills a place in a sentence.

        The name of the place says what kind of value the text is.
        """
        if name.endswith("_day"):
            return self.date(datetime.date.fromisoformat(text))
        if name.endswith(("_number", "_numbers", "_share")):
            return "nicht bestimmt" if text == "not defined" else german_numbers(text)
        if name.endswith("_sentence"):
            return self._in_german(text) or german_groups(text, self._finding)
        if name.endswith("_finding"):
            return self._finding(text)
        if name.endswith("_period"):
            return _PERIODS.get(text)
        if name.endswith("_segments"):
            return _SEGMENT_NUMBERS.sub(lambda match: german_numbers(match[0]), text)
        if name in ("channel", "metric") or name.endswith("candidate"):
            return self.value(text)
        if name == "moved_signals":
            german_words = {"limit": "Grenze", "missing": "fehlend", "instead of": "statt"}
            more = re.sub(r" and (\d+) more$", r" und \1 weitere", text)
            return german_numbers(
                re.sub(r"\b(limit|missing|instead of)(?= \d)", lambda match: german_words[match[0]], more)
            )
        return text

    def _find(self, singular: str, plural: str | None, n: int) -> str:
        if self.language == "en":
            return speak_event(singular if plural is None or n == 1 else plural, self.label)
        text = german().texts.get(singular)
        if text is None or (text.plural is None) != (plural is None):
            raise LookupError(
                f"de.yaml: the German of {singular!r} is missing, or has another number of forms"
            )
        is_plural = plural is not None and n != 1
        form, event = (text.plural, text.event_plural) if is_plural else (text.singular, text.event)
        return (event if self.is_event else None) or form or ""

    def count(self, number: float) -> str:
        """Format a whole number: `1,234` or `1.234`."""
        return format_number(number, ".0f", self.language)

    def number(self, number: float, digits: int = 2) -> str:
        """Format a number with decimals: `1,234.50` or `1.234,50`."""
        return format_number(number, f".{digits}f", self.language)

    def money(self, amount: float) -> str:
        """Format an amount of money; an amount below 100 is shown with cents."""
        return self.number(amount, 0 if abs(amount) >= 100 else 2)

    def share(self, part: float, digits: int = 1) -> str:
        """Format a share as per cent: `12.3%` or `12,3 %`."""
        return format_number(part, f".{digits}%", self.language)

    def unit(self, name: str) -> str:
        """Return a unit as it is written after a number: in English `%` has no space before it, and other
        units have one.
        """
        text = self.value(name)
        if text == "%":
            return format_number(0, ".0%", self.language).removeprefix("0")
        return f" {text}"

    def signed(self, number: str, sign: float) -> str:
        """Return a formatted number with a plus sign, or with a true minus sign, before it."""
        bare = number.lstrip("-")
        return bare if sign == 0 else f"{'+' if sign > 0 else '−'}{bare}"

    def day(self, day: datetime.date) -> str:
        """Format a day without its year, such as `1 Oct`; the German form has dots."""
        point = "." if self.language == "de" else ""
        return f"{day.day}{point} {MONTHS[self.language][day.month - 1]}"

    def date(self, day: datetime.date) -> str:
        """Format a day with its year, such as `1 Oct 2025`; the German form has dots."""
        return f"{self.day(day)} {day.year}"

    def month(self, day: datetime.date) -> str:
        """Format a month: `Oct 2025` or `Okt. 2025`."""
        return f"{MONTHS[self.language][day.month - 1]} {day.year}"

    def render(self, template: str, **values: Any) -> Markup:
        """Return a template of the page with its values filled in; the template may use `words` and the
        filters of `environment_of`.
        """
        return Markup(environment_of(self).get_template(template).render(words=self, **values))


_PERIODS = {"year": "Jahr", "quarter": "Quartal", "month": "Monat", "week": "Woche"}

_SEGMENT_NUMBERS = re.compile(r"(?<=: )[+-]?[\d.]+(?: \[[^\]]*\])?(?=;|$)")
"""The pattern of a segment's figure after its name; the name may contain digits too."""

_ENGLISH_NUMBER = re.compile(r"(?<![\w.,])[+-]?\d+(?:,\d{3})*(?:\.\d+)?%?(?!\w)")


def german_numbers(text: str) -> str:
    """Return a text in which numbers are written in the German form; digits in names stay as they are.

    >>> german_numbers("0.81 [0.79, 0.83], 1,234 rows of logins_28d")
    '0,81 [0,79; 0,83], 1.234 rows of logins_28d'
    """
    numbers = _ENGLISH_NUMBER.sub(
        lambda match: match[0].translate(str.maketrans(",.", ".,")).replace("%", "\u00a0%"), text
    )
    return re.sub(r"\[([^\[\] ]+), ([^\[\] ]+)\]", r"[\1; \2]", numbers)


@cache
def _value_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return, for each key of the catalogue's `values`, its regular expression and its German text.

    If a text fits several keys, the key with the most fixed text is used. Fixed text is everything but
    fields such as `%(name)s`.
    """
    return tuple((_pattern_of(key), german().values[key]) for key in _most_fixed_first(german().values))


@cache
def _finding_patterns(label: LabelWords) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return, for each key of the catalogue's `findings`, its regular expression and its German text.

    If the label predicts an event other than leaving, both the expression and the German text are about this
    event. If a text fits several keys, the key with the most fixed text is used. Fixed text is everything but
    fields such as `%(name)s`.

    Texts of `values`, another part of the catalogue, have their own patterns (`_value_patterns`). This saves
    time, because a page looks up thousands of values, but only a few findings.
    """
    findings = german().findings
    return tuple(
        (
            _pattern_of(speak_event(key, label), number=_BARE_NUMBER),
            (findings[key].event if label != CHURN_WORDS else None) or findings[key].singular,
        )
        for key in _most_fixed_first(findings)
    )


def _most_fixed_first(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=lambda key: -len(_FIELD.sub("", key)))


_BARE_NUMBER = r"not defined|[+-]?\d\S*(?: \[[^\]]*\])?"
"""A number with its interval and no words: two numbers with a word between them are a figure of a guard."""


def _pattern_of(key: str, number: str = ".+") -> re.Pattern[str]:
    """Return the regular expression that fits a sentence with any values in its fields, such as `%(name)s`.

    If a field occurs twice in the sentence, both places must have the same value.
    """
    pattern, known_fields = "", set[str]()
    for index, part in enumerate(_FIELD.split(key)):
        if index % 2 == 0:
            pattern += re.escape(part)
        elif part in known_fields:
            pattern += f"(?P={part})"
        else:
            pattern += f"(?P<{part}>{_content_of(part, number)})"
            known_fields.add(part)
    return re.compile(pattern, re.DOTALL)


def _content_of(field_name: str, number: str) -> str:
    """Return the regular expression of the texts that may fill a field, `%(name)s`, in a sentence.

    The end of the field's name says what kind of text fits. `number` is the regular expression of a number.
    """
    kinds = {
        "_number": number,
        "event_name": EVENT_NAME.strip("^$"),
        "_name": r"\w+",
        "_names": r"\w+(?:, \w+)*",
        "_day": r"\d{4}-\d{2}-\d{2}",
        "_share": r"\d+(?:\.\d+)?%",
    }
    return next((pattern for end, pattern in kinds.items() if field_name.endswith(end)), ".+")


def _with_event(sentence: str, words: Words) -> str:
    """Replace `%(event)s` in a sentence by the name of the event that the label predicts.

    If this event is not leaving, the German sentence may contain `%(event)s` even if the English sentence
    does not.
    """
    return sentence.replace("%(event)s", words.label.event)


@cache
def environment_of(words: Words) -> jinja2.Environment:
    """Return the Jinja environment in which the templates of the page are filled.

    The environment escapes all values, and raises an error for a name that is not defined. The filters of the
    environment are `count`, `number`, `money`, `share`, `day`, `date`, `month`, `value` (for texts that the
    program wrote into files) and `commands` (a text between backticks becomes code).
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("churn.reporting.page"), jinja2.PackageLoader("churn.reporting")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda sentence: _with_event(words._find(sentence, None, 1), words),
        lambda singular, plural, n: _with_event(words._find(singular, plural, n), words),
        newstyle=True,
    )
    environment.globals["event"] = words.label.event
    formats = (
        words.count,
        words.number,
        words.money,
        words.share,
        words.day,
        words.date,
        words.month,
        words.value,
    )
    environment.filters |= {form.__name__: form for form in formats}
    environment.filters["commands"] = mark_commands
    return environment
