"""The templates of pages and of the model card, and the filters that format their numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup, escape

from churn.params import CHURN_WORDS, LabelWords
from churn.reporting.markdown import code_span, escape_markdown, escape_sentence

Filters = Mapping[str, Callable[..., Any]]


def html_template(name: str, words: LabelWords = CHURN_WORDS) -> jinja2.Template:
    """Return the template of a page; it escapes all values, and raises an error for a name that is not
    defined.

    Args:
        name: The file name of the template.
        words: The words for the event that the label predicts, such as `upgrade`. They replace the words
            about leaving in the texts of the template, but not in values.
    """
    environment = _environment(words)
    environment.filters |= {"count": format_count, "money": format_money, "share": format_share, "day": _day}
    environment.filters |= {"commands": mark_commands}
    return environment.get_template(name)


def markdown_template(
    name: str, filters: Filters, values: Mapping[str, Any], words: LabelWords = CHURN_WORDS
) -> jinja2.Template:
    """Return a template of Markdown; it shows all values as plain text, and raises an error for a name that
    is not defined.

    The filter `code` puts a value between backticks, so that it is shown as code. The filter `prose` shows a
    sentence of the program as plain text, and only its parts between backticks as code.

    Args:
        name: The file name of the template.
        filters: Additional filters of the template, by name.
        values: Values that the template and its macros can use.
        words: The words for the event that the label predicts, such as `upgrade`. They replace the words
            about leaving in the texts of the template.
    """
    environment = _environment(words, finalize=escape_markdown)
    environment.filters |= {"code": code_span, "prose": escape_sentence}
    environment.filters |= {"count": format_count, "share": format_share, **filters}
    environment.globals |= dict(values)
    return environment.get_template(name)


def _environment(words: LabelWords, finalize: Callable[[Any], Any] | None = None) -> jinja2.Environment:
    """Return a Jinja environment; it escapes HTML in values, unless `finalize` returns them as `Markup`."""
    return jinja2.Environment(
        loader=jinja2.DictLoader(_files(words)),
        autoescape=True,
        finalize=finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_NO_TEXT = re.compile(r"({{.*?}}|{%.*?%}|{#.*?#}|<[^>]*>)", re.DOTALL)
"""The parts of a template that are not text: expressions, statements, comments and tags of HTML."""


@cache
def _files(words: LabelWords) -> dict[str, str]:
    folder = resources.files("churn.reporting").joinpath("templates")
    files = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.is_file()}
    return {name: text if name.endswith(".css") else _spoken(text, words) for name, text in files.items()}


def _spoken(text: str, words: LabelWords) -> str:
    parts = _NO_TEXT.split(text)
    return "".join(part if index % 2 else words.speak(part) for index, part in enumerate(parts))


def format_count(number: float) -> str:
    """Format a whole number.

    >>> format_count(1234.4)
    '1,234'
    """
    return f"{number:,.0f}"


def format_money(number: float) -> str:
    """Format an amount of money; an amount below 100 is shown with cents.

    >>> format_money(1234.4), format_money(12.345)
    ('1,234', '12.35')
    """
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:,.2f}"


def format_share(part: float) -> str:
    """Format a share as per cent.

    >>> format_share(0.1234)
    '12.3%'
    """
    return f"{part:.1%}"


def mark_commands(sentence: str) -> Markup:
    """Return a sentence of the program as HTML: a text between backticks becomes code, and all texts are
    escaped.
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))


def _day(value: date) -> str:
    return f"{value.day} {value:%b}"
