"""The page that says whether a challenger may become champion, and why."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from churn.finding import Finding
from churn.guards.verdict import ended_in_words
from churn.reporting.plots import CAPTIONS
from churn.reporting.quality import Number, quality_of
from churn.reporting.templates import template


@dataclass(frozen=True)
class Row:
    """One gate as a line of the page: how it ended, its rule, the sentence, and what was measured."""

    name: str
    ended: str
    rule: str
    words: str


@dataclass(frozen=True)
class Found:
    """What a guard found, and how grave it is or that a person signed it off."""

    guard: str
    ended: str
    place: str
    found: str
    way_out: str


def render_promotion(evaluated: Mapping[str, Any], promotion: Mapping[str, Any]) -> str:
    """Return the page as HTML that needs nothing but itself.

    Args:
        evaluated: The content of metrics.json; parts that are absent are left out.
        promotion: The content of promotion.json.
    """
    quality = quality_of(evaluated, promotion)
    guards = evaluated.get("guards") or {}
    signed_off = {(one["guard"], one["place"]) for one in promotion.get("signed_off", ())}
    bands = (evaluated.get("health_bands") or {}).get("outcomes", ())
    return template("promotion.html").render(
        name=evaluated["model"].get("name", "churn"),
        version=promotion["version"],
        accepted=promotion["accepted"],
        signal=(evaluated.get("signal") or {}).get("words", ""),
        gates=[
            Row(
                _words(one["name"]),
                ended_in_words(one["passed"], one.get("signed", False)),
                one["rule"],
                one["words"].removeprefix("promote: "),
            )
            for one in promotion["gates"]
        ],
        notes=promotion.get("notes", ()),
        signed=promotion.get("signed", ()),
        looked=[_words(name) for name in guards.get("looked", ())],
        found=[_found(Finding(**one), signed_off) for one in guards.get("found", ())],
        quality=quality,
        captions={name: Markup(text) for name, text in CAPTIONS.items()},
        bands=[(one["band"], one["rows"], _share(one)) for one in bands],
    )


def _found(one: Finding, signed_off: Set[tuple[str, str]]) -> Found:
    ended = "signed off" if (one.guard, one.place) in signed_off else one.severity
    return Found(_words(one.guard), ended, one.place, one.found, one.way_out)


def _share(one: Mapping[str, Any]) -> Number:
    return Number.of({**one, "value": one["churners"] / one["rows"]}, 1, percent=True)


def _words(name: str) -> str:
    return name.replace("_", " ")
