"""The page that says whether a challenger may become champion, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from churn.reporting.quality import quality_of
from churn.reporting.templates import template


@dataclass(frozen=True)
class Row:
    """One gate as a line of the page: its rule, the sentence, and what was measured."""

    name: str
    passed: bool
    rule: str
    words: str


def render_promotion(evaluated: Mapping[str, Any], promotion: Mapping[str, Any]) -> str:
    """Return the page as HTML that needs nothing but itself.

    Args:
        evaluated: The content of metrics.json; parts that are absent are left out.
        promotion: The content of promotion.json.
    """
    quality = quality_of(evaluated, promotion)
    guards = evaluated.get("guards") or {}
    bands = (evaluated.get("health_bands") or {}).get("outcomes", ())
    return template("promotion.html").render(
        name=evaluated["model"].get("name", "churn"),
        version=promotion["version"],
        accepted=promotion["accepted"],
        signal=(evaluated.get("signal") or {}).get("words", ""),
        gates=[
            Row(_words(one["name"]), one["passed"], one["rule"], one["words"].removeprefix("promote: "))
            for one in promotion["gates"]
        ],
        notes=promotion.get("notes", ()),
        signed=promotion.get("signed", ()),
        looked=guards.get("looked", ()),
        found=guards.get("found", ()),
        quality=quality,
        calibration=Markup(quality.calibration_svg) if quality else "",
        gain=Markup(quality.gain_svg) if quality else "",
        bands=[(one["band"], one["rows"], one["churners"] / one["rows"]) for one in bands],
    )


def _words(name: str) -> str:
    return name.replace("_", " ")
