"""A section of the page: its sentence on what to do, then its content."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        id: The name of its place on the page, such as `retention`; links to it end with `#retention`.
        title: The heading, in the language of the page.
        lead: One sentence that says what is to be done, in the language of the page; words before numbers.
        html: The content below the lead, as HTML; everything that comes from data is escaped.
    """

    id: str
    title: str
    lead: str | Markup
    html: Markup
