"""Parts of HTML that the sections share: tables, parts that can be opened and closed, and charts with a table
of their values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from churn.reporting.page.words import Words
from churn.reporting.rendering import mark_commands

EMPTY = Markup("")


@dataclass(frozen=True)
class Heading:
    """The heading of a column.

    Attributes:
        text: The text of the heading.
        is_number: Whether the column holds numbers, which are aligned at the right.
        is_wide: Whether the column holds sentences, and so must be wide enough for several words in a line.
    """

    text: str | Markup
    is_number: bool = True
    is_wide: bool = False


def join_parts(parts: Sequence[Markup]) -> Markup:
    """Return several parts of HTML as one, one part after another."""
    return Markup("\n").join(parts)


def paragraph(text: str | Markup, style: str = "") -> Markup:
    """Return a paragraph."""
    return Markup("<p{}>{}</p>").format(_class(style), text)


def table(title: str, headings: Sequence[Heading], rows: Sequence[Sequence[str | Markup]]) -> Markup:
    """Return a table that can be scrolled sideways by finger and by keyboard; the first cell of a row is its
    name.

    Args:
        title: A text that says what the table shows, for readers who cannot see it.
        headings: The headings of the columns.
        rows: The cells of the table, one row after another.
    """
    head = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(_number(heading), heading.text) for heading in headings
    )
    body = []
    for row in rows:
        first, *others = row
        cells = [Markup('<th scope="row"{}>{}</th>').format(_number(headings[0]), first)]
        cells += [
            Markup("<td{}>{}</td>").format(_number(heading), cell)
            for heading, cell in zip(headings[1:], others, strict=True)
        ]
        body.append(Markup("<tr>{}</tr>").format(Markup("").join(cells)))
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="{}"><table><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(title, head, Markup("\n").join(body))


def _number(heading: Heading) -> Markup:
    if heading.is_wide:
        return Markup(' class="words"')
    return Markup(' class="n"') if heading.is_number else EMPTY


def _class(style: str) -> Markup:
    return Markup(' class="{}"').format(style) if style else EMPTY


def fold(summary: str | Markup, content: Markup) -> Markup:
    """Return content that is closed at first, and that a click or a key opens."""
    return Markup("<details><summary>{}</summary>{}</details>").format(summary, content)


def chart_card(
    words: Words,
    title: str | Markup,
    unit: str | Markup,
    picture: Markup,
    values: Markup,
    *,
    keys: Sequence[tuple[str, str | Markup]] = (),
    note: str | Markup = "",
    is_wide: bool = False,
) -> Markup:
    """Return a chart with its title, its unit, its legend, and a table of its values that is closed at first.

    Args:
        words: The language of the page.
        title: The title of the chart.
        unit: A text that says what is measured, in which unit, and which interval is drawn, such as a 95%
            band.
        picture: The chart as SVG.
        values: The table with the values of the chart.
        keys: For the legend, the style and the meaning of each line or area.
        note: A sentence on how to read the chart.
        is_wide: Whether the chart takes the whole width of the page.
    """
    key = Markup("").join(
        Markup('<li><i class="key {}"></i>{}</li>').format(style, meaning) for style, meaning in keys
    )
    return Markup(
        '<figure class="card chart{}"><figcaption><h4>{}</h4><p class="soft small">{}</p></figcaption>'
        "{}{}{}{}</figure>"
    ).format(
        " wide" if is_wide else "",
        title,
        unit,
        Markup('<ul class="keys">{}</ul>').format(key) if key else EMPTY,
        picture,
        paragraph(note, "soft small") if note else EMPTY,
        fold(words("The values of this chart"), values) if values else EMPTY,
    )


def grid(cards: Sequence[Markup]) -> Markup:
    """Return cards side by side, as many in a row as the width allows; empty if there are no cards."""
    shown = [card for card in cards if card]
    style = "grid three" if len(shown) == 3 else "grid"
    return Markup('<div class="{}">{}</div>').format(style, join_parts(shown)) if shown else EMPTY


def note(content: Markup) -> Markup:
    """Return content that a reader must not miss, in a box of its own."""
    return Markup('<div class="note">{}</div>').format(content)


def day(words: Words, value: date) -> Markup:
    """Return the text of a date, with its year."""
    return Markup("<time>{}</time>").format(words.date(value))


def first_upper(text: str) -> str:
    """Return a text whose first letter is a capital letter."""
    return text[:1].upper() + text[1:]


def why_unknown(words: Words, reason: str) -> Markup:
    """Return a sentence with the reason why something is not known."""
    return paragraph(words.html("Not known, because %(reason)s.", reason=mark_commands(words.value(reason))))


def heading(text: str | Markup) -> Markup:
    """Return a heading inside a section."""
    return Markup("<h3>{}</h3>").format(text)


def bullet_list(items: Sequence[str | Markup]) -> Markup:
    """Return a list with bullet points; empty if there are no items."""
    if not items:
        return EMPTY
    return Markup('<ul class="plain">{}</ul>').format(
        Markup("").join(Markup("<li>{}</li>").format(item) for item in items)
    )
