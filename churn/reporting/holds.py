"""Whether probabilities hold: within 30, 60 and 90 days, and for each kind of customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from churn.metrics.wording import cutoffs_told, level_told
from churn.reporting.quality import Number

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
            f"{level_told(one['observed_expected'])}, {cutoffs_told(one['cutoffs'])}",
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
    everybody = _group("all customers", section["all"], level_told(section["all"]["observed_expected"]))
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
