"""Numbers of the page: each number says from which file, and from which place in the file, it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from churn.reporting.page.words import Words

DASH = "–"
"""The text that is shown for a number that is not defined."""


@dataclass(frozen=True)
class Source:
    """A place in a file, as the text `FILE#/json/pointer` (RFC 6901; a space is `%20`).

    >>> str(Source("kpis.json").at("sections", "retention", "figures", 3).at("value"))
    'kpis.json#/sections/retention/figures/3/value'
    """

    file: str
    steps: tuple[str | int, ...] = ()

    def at(self, *steps: str | int) -> Source:
        """Return the place to which `steps` (keys and list positions) lead from this place."""
        return Source(self.file, (*self.steps, *steps))

    def __str__(self) -> str:
        """Return the place as a text."""
        parts = (str(step).replace("~", "~0").replace("/", "~1") for step in self.steps)
        return self.file + "#" + "".join(f"/{part}" for part in parts).replace(" ", "%20")


def length_of(source: Source) -> str:
    """Return the source of a number that counts the entries of a list; `source` is the place of the list."""
    return f"len:{source}"


def difference_of(first: Source, second: Source) -> str:
    """Return the source of a difference: the first number minus the second."""
    return f"{first} - {second}"


def sum_of(sources: Sequence[Source]) -> str:
    """Return the source of a sum of several numbers."""
    return " + ".join(map(str, sources))


ROWS_BELOW = "rows"
"""The source of a number that is the number of rows in the table below a chart."""


def alt_sources(sources: Sequence[Source | str]) -> Markup:
    """Return an HTML attribute with the source of each number in a chart's alternative text, in order."""
    return Markup(' data-alt="{}"').format("|".join(map(str, sources)))


def show_number(
    words: Words,
    value: float | None,
    source: Source | str,
    digits: int = 0,
    *,
    scale: float = 1.0,
    signed: bool = False,
    tag: str = "data",
    attributes: str | Markup = "",
) -> Markup:
    """Return a number as an HTML element that says from where it comes; a dash if the number is not defined.

    A test reads the page and compares each number with its source, at the digits that are shown.

    Args:
        words: The language of the page.
        value: The number to show.
        source: The place of the number in a file, or a sum or difference of such places.
        digits: The number of decimals.
        scale: The factor by which the number is multiplied before it is shown; 100 for a share in per cent.
        signed: Whether a positive number gets a plus sign.
        tag: The name of the element, such as `text` inside an SVG.
        attributes: Further attributes of the element.
    """
    if value is None:
        return Markup("{}").format(DASH)
    factor = Markup(' data-scale="{:g}"').format(scale) if scale != 1 else ""
    more = Markup(" {}").format(attributes) if attributes else ""
    text = words.number(value * scale, digits)
    if signed:
        text = words.signed(text, round(value * scale, digits))
    return Markup('<{0} data-source="{1}"{2}{3}>{4}</{0}>').format(
        Markup(tag), str(source), factor, more, text
    )


def show_interval(
    words: Words,
    estimate: tuple[float | None, float | None, float | None],
    source: Source,
    digits: int = 0,
    *,
    scale: float = 1.0,
    signed: bool = False,
    names: tuple[str, str, str] = ("value", "low", "high"),
) -> Markup:
    """Return a value with its interval `[low, high]`; if it has no interval, only the value.

    Args:
        words: The language of the page.
        estimate: The value and the bounds of its interval.
        source: The place of the object that holds the three numbers.
        digits: The number of decimals.
        scale: The factor by which the numbers are multiplied before they are shown.
        signed: Whether positive numbers get a plus sign.
        names: The keys of the value, the lower bound and the upper bound in the JSON object at `source`.
    """
    value = show_number(words, estimate[0], source.at(names[0]), digits, scale=scale, signed=signed)
    bounds = show_bounds(
        words, estimate[1:], source, digits, scale=scale, signed=signed, names=(names[1], names[2])
    )
    return value + Markup(" ") + bounds if bounds else value


def show_bounds(
    words: Words,
    bounds: tuple[float | None, float | None],
    source: Source,
    digits: int = 0,
    *,
    scale: float = 1.0,
    signed: bool = False,
    names: tuple[str, str] = ("low", "high"),
) -> Markup:
    """Return the interval `[low, high]`; empty if there is no interval.

    Args:
        words: The language of the page.
        bounds: The two ends of the interval.
        source: The place of the object that holds the two numbers.
        digits: The number of decimals.
        scale: The factor by which the numbers are multiplied before they are shown.
        signed: Whether positive numbers get a plus sign.
        names: The keys of the lower bound and the upper bound in the JSON object at `source`.
    """
    if bounds[0] is None or bounds[1] is None:
        return Markup("")
    low, high = (
        show_number(words, number, source.at(name), digits, scale=scale, signed=signed)
        for number, name in zip(bounds, names, strict=True)
    )
    between = "; " if words.language == "de" else ", "
    return Markup('<span class="between">[{}{}{}]</span>').format(low, between, high)


def quote(text: str, source: Source) -> Markup:
    """Return a text that stands word for word in a file."""
    return Markup('<span data-quote="{}">{}</span>').format(str(source), text)


def quote_in_language(words: Words, text: str, source: Source) -> Markup:
    """Return a sentence from a file, put into the page's language; the numbers are those in the file."""
    return Markup('<span data-said="{}">{}</span>').format(str(source), words.value(text))


def show_sentence(words: Words, text: str, source: Source | None = None) -> Markup:
    """Return a sentence from a file, in the page's language if possible.

    A sentence that has no German text stays in English, and the HTML marks it as English.

    Args:
        words: The language of the page.
        text: The sentence from the file.
        source: The place of the sentence in the file; None if the page does not give the place.
    """
    own = words.value(text)
    if source is None:
        shown = free(own)
    else:
        shown = quote(text, source) if own == text else quote_in_language(words, text, source)
    return shown if words.speaks(text) else Markup('<span lang="en">{}</span>').format(shown)


def free(text: str) -> Markup:
    """Return a name from the data, such as a segment or a stage; its digits are no figures, so they need no
    source.
    """
    return Markup('<span data-quote="free">{}</span>').format(text)
