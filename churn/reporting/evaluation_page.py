"""An evaluation as one page that needs nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from churn.data.files import write_atomically
from churn.metrics.catalog import CANDIDATE_NAMES, METRICS, pair_name
from churn.metrics.interval import cutoff_count, format_range, level_in_words
from churn.reporting.plots import CAPTIONS, FIGURES, LABELS
from churn.reporting.plots.inline import inline_svg
from churn.reporting.quality import Number
from churn.reporting.templates import template

WIDE = ("importance", "partial_dependence")
PAIRED = (
    "log_loss",
    "auc",
    "lift_at_contact_share",
    "value_lift_at_contact_share",
    "profit_per_customer_at_contact_share",
)
BESIDE = {
    "ceiling": "at most",
    "base_rate": "by chance",
    "noise_floor": "noise",
    "optimism": "optimism",
}
"""What stands beside a figure, and what it is called."""


@dataclass(frozen=True)
class Line:
    """A line of a table: a title, words below it, and numbers."""

    title: str
    words: str
    numbers: tuple[Number, ...]


def write_evaluation(folder: Path) -> Path:
    """Write `report.html` beside the metrics.json and the plots that it shows.

    Args:
        folder: `output/evaluate`.
    """
    evaluated = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    plots = {
        name: (folder / "plots" / f"{name}.svg").read_text(encoding="utf-8")
        for name in FIGURES
        if (folder / "plots" / f"{name}.svg").is_file()
    }
    path = folder / "report.html"
    write_atomically(path, render_evaluation(evaluated, plots).encode())
    return path


def render_evaluation(evaluated: Mapping[str, Any], plots: Mapping[str, str]) -> str:
    """Return the page; sections that metrics.json does not hold are left out.

    Args:
        evaluated: The content of metrics.json.
        plots: The charts as SVG, by name.
    """
    found, share = evaluated["candidates"], float(evaluated["contact_share"])
    named = [name for name in CANDIDATE_NAMES if name in found]
    ours, spread = found["challenger"], (evaluated.get("spread") or {}).get("challenger") or {}
    return template("evaluation.html").render(
        model=evaluated["model"],
        cutoffs=evaluated["cutoffs"],
        share=share,
        ours=ours,
        signal=evaluated.get("signal"),
        cards=_cards(ours, spread, share),
        candidates=[CANDIDATE_NAMES[name] for name in named],
        metrics=_metrics(found, named, spread, share),
        pairs=_pairs(evaluated["paired"], share),
        charts=_charts(plots),
        by_cutoff=_by_cutoff(evaluated["by_cutoff"], share),
        horizons=horizons_of(evaluated.get("horizons")),
        groups=groups_of(evaluated.get("calibration_by_segment")),
        four=_four(evaluated.get("four_numbers") or {}, share),
        segments=_segments(evaluated.get("segments") or {}),
        deciles=evaluated.get("decile_table") or [],
        value=evaluated.get("value"),
        notes=list(evaluated.get("notes", {}).values()),
    )


def _charts(plots: Mapping[str, str]) -> list[tuple[Markup, Markup, str]]:
    """Return chart, words and style; a last narrow chart that has no other beside it takes the whole line."""
    narrow = [name for name in plots if name not in WIDE]
    alone = narrow[-1:] if len(narrow) % 2 else []
    return [
        (
            inline_svg(svg, name, LABELS[name]),
            Markup(CAPTIONS[name]),
            "wide" if name in WIDE else "wide alone" if name in alone else "",
        )
        for name, svg in plots.items()
    ]


def _cards(
    ours: Mapping[str, Any], spread: Mapping[str, Any], share: float
) -> list[tuple[str, Number, str, str]]:
    shown = (
        "auc",
        "lift_at_contact_share",
        "observed_expected",
        "profit_per_customer_at_contact_share",
    )
    return [
        (_title(name, share), _number(ours, name), _apart(spread, name), _read(name))
        for name in shown
        if name in ours
    ]


def _metrics(
    found: Mapping[str, Any], named: Sequence[str], spread: Mapping[str, Any], share: float
) -> list[tuple[Line, str]]:
    """Return a line per metric with the numbers of all candidates, and what ours is read beside."""
    return [
        (
            Line(_title(name, share), _read(name), tuple(_number(found[each], name) for each in named)),
            "; ".join(filter(None, (_beside(found["challenger"], name), _apart(spread, name)))),
        )
        for name in METRICS
        if name in found["challenger"]
    ]


def _pairs(paired: Mapping[str, Any], share: float) -> dict[str, Any]:
    shown = [name for name in PAIRED if any(name in pair for pair in paired.values())]
    lines = []
    for pair, differences in paired.items():
        numbers = tuple(_number(differences, name, signed=True) for name in shown)
        lines.append(Line(pair_name(pair), "", numbers))
    return {"heads": [_title(name, share) for name in shown], "lines": lines}


def _by_cutoff(by_cutoff: Mapping[str, Any], share: float) -> dict[str, Any]:
    shown = [
        name
        for name in ("log_loss", *PAIRED[1:3], "observed_expected", PAIRED[-1])
        if any(name in numbers["challenger"] for numbers in by_cutoff.values())
    ]
    lines = [
        Line(
            day, _counts(numbers["challenger"]), tuple(_number(numbers["challenger"], name) for name in shown)
        )
        for day, numbers in by_cutoff.items()
    ]
    return {"heads": [_title(name, share) for name in shown], "lines": lines}


def _four(four: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Return the ways of splitting side by side; the naive one says that it is not to be quoted."""
    titles = {
        "out_of_time": "later months",
        "out_of_time_and_customer": "later months and other customers",
        "naive_split": "a random split of the rows",
    }
    shown = ("auc", "log_loss", "average_precision", "lift_at_contact_share", "observed_expected")
    lines = [
        Line(
            title + (f", {four[name]['label']}" if "label" in four[name] else ""),
            _counts(four[name]),
            tuple(_number(four[name], metric) for metric in shown),
        )
        for name, title in titles.items()
        if name in four
    ]
    return {"heads": [_title(name, share) for name in shown], "lines": lines}


def _segments(segments: Mapping[str, Any]) -> list[tuple[str, list[Line]]]:
    shown = ("auc", "log_loss", "observed_expected")
    return [
        (
            attribute.replace("_", " "),
            [
                Line(str(row["level"]), _counts(row), tuple(_number(row, name) for name in shown))
                for row in rows
            ],
        )
        for attribute, rows in segments.items()
        if rows
    ]


def _counts(numbers: Mapping[str, Any]) -> str:
    rate = numbers["base_rate"]
    return f"{numbers['rows']:,} rows, {numbers['churners']:,} left ({rate:.1%})"


def _number(numbers: Mapping[str, Any], name: str, signed: bool = False) -> Number:
    return Number.of(numbers.get(name), METRICS[name].digits, signed=signed)


def _beside(numbers: Mapping[str, Any], name: str) -> str:
    one, digits = numbers[name], METRICS[name].digits
    return ", ".join(
        f"{words} {one[key]:z.{digits}f}" for key, words in BESIDE.items() if one.get(key) is not None
    )


def _apart(spread: Mapping[str, Any], name: str) -> str:
    values = spread.get(name)
    if values is None or spread["cutoffs"] < 2:
        return ""
    return f"by test date {format_range(values['min'], values['max'], METRICS[name].digits)}"


def _read(name: str) -> str:
    return METRICS[name].reading.replace("`", "")


def _title(name: str, share: float) -> str:
    return METRICS[name].title_at(share)


NOTHING = Number("", "")


@dataclass(frozen=True)
class Horizon:
    """What was seen of the chance of leaving within so many days; `words` alone where it was not judged."""

    days: str
    words: str
    counts: str = ""
    observed_expected: Number = NOTHING
    error: Number = NOTHING
    auc: Number = NOTHING


@dataclass(frozen=True)
class Group:
    """One kind of customer: whether as many left as the model expected, beside all others."""

    name: str
    rows: int
    churners: int
    observed_expected: Number
    words: str
    off: bool = False


@dataclass(frozen=True)
class Groups:
    """All customers and then the kinds of them, the cutoffs that judge them, and how many were judged."""

    groups: tuple[Group, ...]
    cutoffs: tuple[str, ...]
    judged: int


def horizons_of(horizons: Mapping[str, Any] | None) -> tuple[Horizon, ...]:
    """Return a line per horizon of `horizons` in metrics.json; none without contracts."""
    if not horizons:
        return ()
    judged = [
        Horizon(
            days,
            f"{level_in_words(one['observed_expected'])}, {cutoff_count(one['cutoffs'])}",
            f"{one['rows']:,} rows, {one['churners']:,} left ({one['base_rate']:.1%})",
            Number.of(one["observed_expected"], 2),
            Number(f"{one['ece']['value']:.4f}", f"{one['ece']['noise_floor']:.4f} by chance alone"),
            Number.of(one["auc"], 3),
        )
        for days, one in horizons["days"].items()
    ]
    return (*judged, *(Horizon(days, f"not judged: {why}") for days, why in horizons["missing"].items()))


def groups_of(section: Mapping[str, Any] | None) -> Groups | None:
    """Return `calibration_by_segment` of metrics.json as lines; None where it is absent."""
    if not section:
        return None
    found = [
        _group(f"{name.replace('_', ' ')}: {one['level']}", one, _verdict(one))
        for name, ones in section["groups"].items()
        for one in ones
    ]
    judged = sum(one["judged"] for ones in section["groups"].values() for one in ones)
    everybody = _group("all customers", section["all"], level_in_words(section["all"]["observed_expected"]))
    return Groups((everybody, *found), tuple(section["cutoffs"]), judged)


def _group(name: str, one: Mapping[str, Any], words: str) -> Group:
    ratio = Number.of(one["observed_expected"], 2)
    return Group(name, one["rows"], one["churners"], ratio, words, bool(one.get("off")))


def _verdict(one: Mapping[str, Any]) -> str:
    if not one["judged"]:
        return "too few to judge"
    if not one["off"]:
        return "not shown to be off"
    return "off: fewer leave than expected" if one["z"] < 0 else "off: more leave than expected"
