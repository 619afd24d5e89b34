"""The names of the health bands, which compare a customer's risk of leaving with the usual risk."""

from __future__ import annotations

from churn.reporting.page.words import Words


def band_titles(words: Words) -> dict[int, str]:
    """Return for each health band what it means, in the language of the page."""
    return {
        1: words("about to leave"),
        2: words("weak"),
        3: words("as usual"),
        4: words("good"),
        5: words("well"),
    }
