"""What candidates are called where people read of them."""

from __future__ import annotations

from collections.abc import Mapping

CANDIDATES: Mapping[str, str] = {
    "challenger": "the model",
    "champion": "the champion",
    "champion_recipe": "the champion's recipe, fitted anew",
    "logistic": "logistic regression",
    "rfm": "recency, frequency and value",
    "bg_nbd": "buy till you die",
    "rule": "your own rule",
    "recency": "recency rule",
    "base_rate": "base rate for everybody",
}
"""In the order in which they stand beside each other."""

WITHOUT_ARTICLE = ("logistic", "rfm", "bg_nbd")


def named(candidate: str) -> str:
    """Return what a candidate is called inside a sentence.

    >>> named("rule"), named("rfm"), named("base_rate")
    ('your own rule', 'recency, frequency and value', 'the base rate for everybody')
    """
    words = CANDIDATES.get(candidate, candidate.replace("_", " "))
    return words if words.startswith(("the ", "your ")) or candidate in WITHOUT_ARTICLE else f"the {words}"


def pair_named(pair: str) -> str:
    """Return what a paired difference is called.

    >>> pair_named("challenger_minus_champion")
    'the model minus the champion'
    >>> pair_named("challenger_minus_champion_recipe")
    "the model minus the champion's recipe, fitted anew"
    """
    return " minus ".join(named(candidate) for candidate in pair.split("_minus_"))
