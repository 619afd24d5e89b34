"""Bar charts as lines of text: each line has a name, a bar and a number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from churn.reporting.page.provenance import Source, show_number
from churn.reporting.page.words import Words


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its number, its length, and the place in a file from which its number comes.

    The length is in per cent of the longest bar.
    """

    name: str
    number: Markup
    length: float
    source: str
    style: str = ""


def bars_of(
    counts: Iterable[tuple[str, int, Source | str]], words: Words, style: str = ""
) -> tuple[Bar, ...]:
    """Return one bar for each count, in the order of the counts.

    Args:
        counts: The names and the counts, each with the place in a file from which the count comes.
        words: The language and the words of the page.
        style: The class of each bar in the style sheet; `%d` is replaced by the number of the bar, counted
            from 1.
    """
    items = tuple(counts)
    longest = max((count for _, count, _ in items), default=1) or 1
    return tuple(
        Bar(
            name,
            show_number(words, count, source),
            100 * count / longest,
            str(source),
            style.replace("%d", str(number)),
        )
        for number, (name, count, source) in enumerate(items, start=1)
    )


def longest_first(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return counts in descending order; equal counts are ordered by name."""
    return sorted(counts, key=lambda item: (-item[1], item[0]))


def draw_bars(bars: Iterable[Bar], words: Words) -> Markup:
    """Return bars as HTML."""
    return words.render("bars.html", bars=tuple(bars))
