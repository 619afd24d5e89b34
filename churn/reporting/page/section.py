"""A section of the page: a sentence that says what to do, and then the content."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        id: The name of the section's place on the page, such as `retention`; links to it end with
            `#retention`.
        title: The heading, in the language of the page.
        lead: One sentence that says what to do, in the language of the page; words come before numbers.
        html: The content below the lead, as HTML; all texts from the data are escaped.
    """

    id: str
    title: str
    lead: str | Markup
    html: Markup
