"""Read the links and the headings of a Markdown document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.M)


def broken_links(document: Path) -> list[str]:
    """Return the relative links of a document that lead to no file, or to no heading of a document."""
    return [link for link in relative_links(document) if not leads_somewhere(document, link)]


def relative_links(document: Path) -> Iterator[str]:
    """Yield the links of a document that lead to no other host."""
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    yield from (link for link in LINK.findall(text) if "://" not in link and not link.startswith("mailto:"))


def leads_somewhere(document: Path, link: str) -> bool:
    """Return whether the file of a link exists and, if the link names a heading, holds this heading."""
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    if not target.exists():
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors(target))


def anchors(document: Path) -> set[str]:
    """Return the anchors of the headings, as code hosts and the site make them: words joined by hyphens."""
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    names = [anchor_of(heading) for heading in HEADING.findall(text)]
    repeats = Counter[str]()
    result = set()
    for name in names:
        result.add(f"{name}-{repeats[name]}" if repeats[name] else name)
        repeats[name] += 1
    return result


def anchor_of(heading: str) -> str:
    """Return the anchor of a heading.

    >>> anchor_of("`not_contacted_because`: why, and how often?")
    'not_contacted_because-why-and-how-often'
    """
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-")
