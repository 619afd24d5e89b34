"""Read a page back: each number on it must say where it comes from, and must be what stands there."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise
from operator import add, mul, sub, truediv
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pandas as pd

from churn.params import CHURN_WORDS
from churn.reporting.page.words import MONTHS
from churn.scoring.sink import contacts_path, scores_path

VOID = {"meta", "br", "input", "link", "img", "col", "wbr", "hr"}
UNCHECKED_TAGS = {"time", "code", "script", "style", "title"}
UNCHECKED_CLASSES = {"tick"}
FIXED = re.compile(
    r"95[\s-]?%|80\s?%|\b(20|30)\b (?:customers|rows|gegangenen|Zeilen|Kunden)|1 (?:to|bis) 5|0\.\.100"
    r"|(?:at|above|bei|über) 0\b|\(0\)|(?:health|Gesundheit) (?:1 (?:or|oder) 2|[135])\b"
    r"|1[.,]5(?:-Fache| times)|count as 0 here|zählen hier 0"
)
"""Numbers of the text itself: levels of intervals, least numbers, bands of health, the zero line."""

GROUP_EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""The bounds of the groups of customers by their probability."""

OPERATORS: Mapping[str, Callable[[float, float], float]] = {"+": add, "-": sub, "*": mul, "/": truediv}

DAY = re.compile(r"\b\d{1,2}\.? [A-Za-zä]+\.? \d{4}\b")
"""A day with its year, such as `1 Oct 2025` or `1. Okt. 2025`."""

ISO_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")

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
    """The pieces of text of a page that have a digit, its bars, and the alternative texts of its charts.

    Attributes:
        html: The page.
        texts: The pieces of text with a digit.
        bars: The section, the group, the source and the width in per cent of each bar.
        labels: The section, the text, the sources of the numbers, and the place in the page of each chart.
    """

    html: str
    texts: list[Text] = field(default_factory=list)
    bars: list[tuple[str, int, str, str]] = field(default_factory=list)
    labels: list[tuple[str, str, str | None, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[Element] = []
        self._group = 0
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        self._group += tag in ("dl", "table")
        if "width:" in own.get("style", ""):
            self.bars.append((self._section(), self._group, own.get("data-length", ""), own["style"]))
        if own.get("role") == "img":
            line, _ = self.getpos()
            self.labels.append((self._section(), own["aria-label"], own.get("data-alt"), line))
        if tag not in VOID:
            self._open.append(Element(tag, {name: value or "" for name, value in attrs}))

    def _section(self) -> str:
        sections = [
            each.attributes["id"] for each in self._open if each.tag == "section" and "id" in each.attributes
        ]
        return sections[-1] if sections else ""

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
        is_unchecked = any(
            each.tag in UNCHECKED_TAGS or UNCHECKED_CLASSES & set(each.attributes.get("class", "").split())
            for each in chain
        )
        self.texts.append(Text(data.strip(), decisive, self._section(), is_unchecked))


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
        for prefix in ("night:", "nights:"):
            if term.startswith(prefix):
                return self.sums[term.removeprefix(prefix)]
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


def sources_of(output: Path, night: date) -> Sources:
    """Read the files of a night that are there, and add up its scores."""
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
    return Sources(files, sums_of(output, night))


def sums_of(output: Path, night: date) -> dict[str, float]:
    """Add up the scores of the nights up to a night, by the names that the page gives to the sums."""
    sums: dict[str, float] = {}
    by_name: dict[str, list[float]] = {}
    calls: list[set[str]] = []
    z = NormalDist().inv_cdf(0.975)
    for folder in sorted(output.glob("scores/cutoff=*")):
        day = folder.name.removeprefix("cutoff=")
        if day > str(night):
            break
        scores = pd.read_parquet(scores_path(output, date.fromisoformat(day)))
        contacts = pd.read_parquet(contacts_path(output, date.fromisoformat(day)))
        calls.append(set(contacts["customer_id"]))
        scored = scores[scores["excluded_because"].isna()]
        risk = scored[CHURN_WORDS.probability].astype(float)
        value, is_risky = scored["value_at_risk"].astype(float), scored["health"] <= 2
        half_count = z * math.sqrt((risk * (1 - risk)).sum())
        half_value = z * math.sqrt((value**2 * (1 - risk) / risk).sum())
        of_night = {
            "customers": len(scored),
            "n_calls": len(calls[-1]),
            "at_risk": is_risky.sum(),
            "others": len(scored) - is_risky.sum(),
            "expected": risk.sum(),
            "expected-low": max(0.0, risk.sum() - half_count),
            "expected-high": risk.sum() + half_count,
            "expected-risky": risk[is_risky].sum(),
            "expected-others": risk[~is_risky].sum(),
            "value": value.sum(),
            "value-low": max(0.0, value.sum() - half_value),
            "value-high": value.sum() + half_value,
            "value-risky": value[is_risky].sum(),
            "value-known": value.notna().sum(),
        }
        of_night |= {f"band-{band}": (scored["health"] == band).sum() for band in range(1, 6)}
        for low, high in pairwise(GROUP_EDGES):
            is_inside = (risk >= low) & ((risk < high) | (high == 1))
            of_night[f"from-{low:g}-to-{high:g}"] = is_inside.sum()
        sums |= {f"{day}/{name}": float(number) for name, number in of_night.items()}
        for name, number in of_night.items():
            by_name.setdefault(name, []).append(float(number))
    if len(calls) > 1:
        off = calls[-2] - calls[-1]
        sums[f"{night}/off"] = len(off)
        reasons = scores.set_index("customer_id")[["excluded_because", "not_contacted_because"]]
        for customer in off:
            why = [text for text in reasons.reindex([customer]).iloc[0] if isinstance(text, str)]
            kind = re.sub(r" \d{4}-\d{2}-\d{2}$", " a later day", why[0]) if why else ""
            key = f"{night}/off/{kind}".replace(" ", "%20")
            sums[key] = sums.get(key, 0.0) + 1
    for name, numbers in by_name.items():
        own = {"n": len(numbers), "lowest": min(numbers), "highest": max(numbers)}
        sums |= {f"{name}/{which}": float(number) for which, number in own.items()}
    return sums | {"expected": sums[f"{night}/expected"]}


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
    page = PageTexts(html)
    problems = [*_bar_problems(page, sources, sections), *_label_problems(page, language, sources, sections)]
    for text in page.texts:
        if text.section not in sections or text.is_unchecked:
            continue
        problem = _problem(text, language, sources)
        if problem:
            problems.append(f"{text.section}: '{text.text}' {problem}")
    return problems


def _bar_problems(page: PageTexts, sources: Sources, sections: tuple[str, ...]) -> list[str]:
    """Return the bars that are not as long as their numbers, in per cent of the longest of their group."""
    groups: dict[int, list[float]] = {}
    problems = []
    for _, group, source, _ in page.bars:
        if source:
            groups.setdefault(group, []).append(sources.value(source))
    for section, group, source, style in page.bars:
        if section in sections:
            longest = max(groups.get(group, [0.0])) or 1.0
            width = float(re.findall(r"width:([\d.]+)%", style)[0])
            if not source:
                problems.append(f"{section}: a bar of {width}% does not say what it draws")
            elif abs(width - 100 * sources.value(source) / longest) > 0.0500001:
                problems.append(f"{section}: the bar of {source} is {width}% of the longest bar")
    return problems


def _label_problems(page: PageTexts, language: str, sources: Sources, sections: tuple[str, ...]) -> list[str]:
    """Return what is wrong with the numbers of alternative texts."""
    problems = []
    for section, label, alt, line in page.labels:
        numbers = NUMBER.findall(FIXED.sub("", DAY.sub("", label)))
        if section not in sections or (alt is None and not numbers):
            continue
        terms = [] if alt is None else alt.split("|")
        if len(terms) != len(numbers):
            problems.append(f"{section}: '{label}' has {len(numbers)} numbers and {len(terms)} sources")
            continue
        for number, term in zip(numbers, terms, strict=True):
            shown, digits = parse_number(number, language)
            expected = _rows_below(page.html, line) if term == "rows" else sources.value(term)
            if abs(shown - expected) > 0.5000001 * 10**-digits + 1e-9 * abs(expected):
                problems.append(f"{section}: '{label}' says {number}, but {term} has {expected}")
    return problems


def _rows_below(html: str, line: int) -> float:
    """Return the number of rows in the first table from a line of the page on, without its headings."""
    below = "\n".join(html.split("\n")[line - 1 :])
    body = below[below.index("<tbody>") : below.index("</tbody>")]
    return float(body.count("<tr>"))


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
        written = str(sources.at(said))
        if any(not _shows_day(day, text.text) for day in ISO_DAY.findall(written)):
            return f"has another day than {said}"
        theirs, own = ISO_DAY.sub("", written), DAY.sub("", ISO_DAY.sub("", text.text))
        is_right = _numbers_of(own, language) == _numbers_of(theirs, "en")
        return "" if is_right else f"has other numbers than {said}"
    return "" if not re.search(r"\d", FIXED.sub("", text.text)) else "does not say where it comes from"


def _numbers_of(text: str, language: str) -> list[float]:
    return sorted(parse_number(number, language)[0] for number in NUMBER.findall(text))


def _shows_day(day: str, text: str) -> bool:
    year, month, number = map(int, day.split("-"))
    names = [MONTHS[language][month - 1] for language in ("en", "de")]
    return day in text or any(re.search(rf"\b{number}\.? {re.escape(name)} {year}\b", text) for name in names)


def english_per_cent(text: str) -> list[str]:
    """Return the shares of an English text that are not written as `4.7%`."""
    return re.findall(r"(?:\d|\]|\)s)(?:[ \u00a0]|&nbsp;)%(?!\()", text)


def german_per_cent(text: str) -> list[str]:
    """Return the shares of a German text that are not written as `4,7\u00a0%`."""
    return re.findall(r"(?:\d|\]|\)s)(?: |&nbsp;)?%(?![(\w])", text)


def wrong_shares(html: str, language: str) -> list[str]:
    """Return the shares of a page that are not written as its language writes them."""
    shown = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    shown = re.sub(r"<[^>]*>", "", re.sub(r"<(td|th|tr|li|p|div)\b", r"\n<\1", shown))
    return german_per_cent(shown) if language == "de" else english_per_cent(shown)


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


def spoil_bar(html: str, place: int) -> str:
    """Return the page with another width of one of its bars.

    Args:
        html: The page.
        place: Which bar, counted from 0.
    """
    match = list(re.finditer(r'data-length="[^"]*" style="width:([\d.]+)%', html))[place]
    width = float(match[1])
    return html[: match.start(1)] + f"{width + (7 if width < 50 else -7):.1f}" + html[match.end(1) :]


def spoil_label(html: str, place: int, number: int) -> str:
    """Return the page with another last digit in a number of an alternative text.

    Args:
        html: The page.
        place: Which chart with numbers that have sources, counted from 0.
        number: Which of these numbers, counted from 0.
    """
    match = list(re.finditer(r'aria-label="([^"]*)" data-alt="', html))[place]
    days = [range(*day.span()) for day in DAY.finditer(match[1])]
    found = [each for each in NUMBER.finditer(match[1]) if not any(each.start() in day for day in days)]
    last = match.start(1) + found[number].end() - 1
    return html[:last] + str((int(html[last]) + 3) % 10) + html[last + 1 :]


def n_sourced(html: str) -> int:
    """Return how many numbers of a page say where they come from."""
    return len(re.findall(r'data-source="[^"]*"[^>]*>([^<]*)<', html))
