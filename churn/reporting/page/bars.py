"""Bars of a chart in words: a name, a bar and a number in each line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from churn.reporting.page.provenance import Source, show_number
from churn.reporting.page.words import Words


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its number, its length in per cent of the longest, and where the number stands."""

    name: str
    number: Markup
    length: float
    source: str
    style: str = ""


def bars_of(
    counts: Iterable[tuple[str, int, Source | str]], words: Words, style: str = ""
) -> tuple[Bar, ...]:
    """Return a bar for each count, in the given order.

    Args:
        counts: Names and counts, and where each count comes from.
        words: The words of the page.
        style: The class of each bar in the style sheet; `%d` is the number of the bar, from 1.
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
    """Return counts with the largest first; equal counts in the order of their names."""
    return sorted(counts, key=lambda item: (-item[1], item[0]))


def draw_bars(bars: Iterable[Bar], words: Words) -> Markup:
    """Return bars as HTML."""
    return words.render("bars.html", bars=tuple(bars))
