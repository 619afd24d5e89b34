"""Read a page back: each number on it must say where it comes from, and must be what stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from operator import add, mul, sub, truediv
from pathlib import Path
from typing import Any

VOID = {"meta", "br", "input", "link", "img", "col", "wbr", "hr"}
UNCHECKED_TAGS = {"time", "code", "script", "style", "title"}
UNCHECKED_CLASSES = {"tick"}
FIXED = re.compile(
    r"95[\s-]?%|80\s?%|\b(20|30)\b (?:customers|rows|gegangenen|Zeilen|Kunden)|1 (?:to|bis) 5|0\.\.100"
    r"|(?:at|above|bei|über) 0\b|\(0\)"
)
"""Numbers of the text itself: levels of intervals, least numbers, the range of a score, the zero line."""

OPERATORS: Mapping[str, Callable[[float, float], float]] = {"+": add, "-": sub, "*": mul, "/": truediv}

NUMBER = re.compile(r"[+−-]?\d+(?:[.,]\d+)*")


@dataclass
class Element:
    """An open element of the page."""

    tag: str
    attributes: Mapping[str, str]


@dataclass
class Text:
    """A piece of text, the attributes that decide about it, and the section in which it stands."""

    text: str
    attributes: Mapping[str, str]
    section: str
    is_unchecked: bool


@dataclass
class PageTexts(HTMLParser):
    """The pieces of text of a page that have a digit."""

    html: str
    texts: list[Text] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[Element] = []
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self._open.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Pass over an element that closes itself, such as a path of an SVG: it holds no text."""

    def handle_endtag(self, tag: str) -> None:
        if any(each.tag == tag for each in self._open):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not re.search(r"\d", data):
            return
        chain = self._open[::-1]
        decisive: Mapping[str, str] = next(
            (
                each.attributes
                for each in chain
                if each.attributes.keys() & {"data-source", "data-quote", "data-said"}
            ),
            {},
        )
        section = next(
            (
                each.attributes.get("id", "")
                for each in chain
                if each.tag == "section" and "id" in each.attributes
            ),
            "",
        )
        is_unchecked = any(
            each.tag in UNCHECKED_TAGS or UNCHECKED_CLASSES & set(each.attributes.get("class", "").split())
            for each in chain
        )
        self.texts.append(Text(data.strip(), decisive, section, is_unchecked))


@dataclass(frozen=True)
class Sources:
    """The contents of the files of a night by short name, and sums of the night by name."""

    files: Mapping[str, Any]
    sums: Mapping[str, float]

    def value(self, source: str) -> float:
        """Return what a source stands for: places and sums, joined by operators from left to right."""
        first, *others = source.split(" ")
        total = self._term(first)
        for operator, term in zip(others[::2], others[1::2], strict=True):
            total = OPERATORS[operator](total, self._term(term))
        return total

    def _term(self, term: str) -> float:
        if term.startswith("night:"):
            return self.sums[term.removeprefix("night:")]
        if term.startswith("len:"):
            return float(len(self.at(term.removeprefix("len:"))))
        return float(self.at(term))

    def at(self, source: str) -> Any:
        """Return what stands at a place `FILE#/json/pointer`."""
        name, _, pointer = source.partition("#")
        content = self.files[name]
        for step in pointer.split("/")[1:]:
            key = step.replace("%20", " ").replace("~1", "/").replace("~0", "~")
            content = content[int(key)] if isinstance(content, list) else content[key]
        return content


def sources_of(output: Path, night: str, sums: Mapping[str, float]) -> Sources:
    """Read the files of a night that are there."""
    paths = {
        "kpis.json": output / "kpis" / "kpis.json",
        "effects.json": output / "measure" / "effects.json",
        "metrics.json": output / "evaluate" / "metrics.json",
        "promotion.json": output / "evaluate" / "promotion.json",
        "drift.json": output / "drift" / f"cutoff={night}" / "drift.json",
        "night.json": output / "scores" / f"cutoff={night}" / "_night.json",
        "manifest.json": output / "store" / "manifest.json",
    }
    files = {
        name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()
    }
    return Sources(files, sums)


def parse_number(text: str, language: str) -> tuple[float, int]:
    """Return a number as it is written in a language, and its decimals.

    >>> parse_number("1.234,50", "de"), parse_number("−0.5", "en"), parse_number("+12,000", "en")
    ((1234.5, 2), (-0.5, 1), (12000.0, 0))
    """
    thousands, point = (".", ",") if language == "de" else (",", ".")
    plain = text.strip().replace("−", "-").replace("\u00a0", "").replace(thousands, "").replace(point, ".")
    return float(plain), len(plain.partition(".")[2])


def problems_of(html: str, language: str, sources: Sources, sections: tuple[str, ...]) -> list[str]:
    """Return what is wrong with the numbers of some sections, one line each; empty if all are right."""
    problems = []
    for text in PageTexts(html).texts:
        if text.section not in sections or text.is_unchecked:
            continue
        problem = _problem(text, language, sources)
        if problem:
            problems.append(f"{text.section}: '{text.text}' {problem}")
    return problems


def _problem(text: Text, language: str, sources: Sources) -> str:
    source = text.attributes.get("data-source")
    if source is not None:
        try:
            shown, digits = parse_number(text.text, language)
            expected = sources.value(source) * float(text.attributes.get("data-scale", "1"))
        except (ValueError, KeyError, IndexError, TypeError) as error:
            return f"cannot be compared with {source}: {error!r}"
        is_right = abs(shown - expected) <= 0.5000001 * 10**-digits + 1e-9 * abs(expected)
        return "" if is_right else f"is not {expected}, as {source} has it"
    quote = text.attributes.get("data-quote")
    if quote is not None:
        return "" if quote == "free" or text.text in str(sources.at(quote)) else f"is not the text of {quote}"
    said = text.attributes.get("data-said")
    if said is not None:
        theirs = sorted(NUMBER.findall(str(sources.at(said))))
        return "" if sorted(NUMBER.findall(text.text)) == theirs else f"has other numbers than {said}"
    return "" if not re.search(r"\d", FIXED.sub("", text.text)) else "does not say where it comes from"


def spoil(html: str, place: int) -> str:
    """Return the page with another last digit in one of its numbers with a source.

    Args:
        html: The page.
        place: Which number with a source, counted from 0.
    """
    matches = list(re.finditer(r'data-source="[^"]*"[^>]*>([^<]*)<', html))
    match = matches[place]
    number = match[1]
    last = max(index for index, letter in enumerate(number) if letter.isdigit())
    other = number[:last] + str((int(number[last]) + 3) % 10) + number[last + 1 :]
    return html[: match.start(1)] + other + html[match.end(1) :]


def n_sourced(html: str) -> int:
    """Return how many numbers of a page say where they come from."""
    return len(re.findall(r'data-source="[^"]*"[^>]*>([^<]*)<', html))
