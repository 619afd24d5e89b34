"""The truth sheet in words and columns, for people."""

from __future__ import annotations

from collections.abc import Sequence

from churn.labels.outcomes import OUTCOMES
from churn.labels.truth_sheet import MOST_REACTIVATED, Night, TruthSheet

GAP = "  "
SHORT = 8
"""Heads no longer than this stand in one line."""


def sheet_lines(sheet: TruthSheet) -> list[str]:
    """Return the sheet as an aligned table, a line per cutoff and the totals."""
    reasons = sorted({reason for night in sheet.nights for reason in night.excluded})
    words = [w for w in OUTCOMES.values() if any(w in (night.outcomes or {}) for night in sheet.nights)]
    head = ["cutoff", *reasons, "at risk", *words, "share left", "came back"]
    rows = [_row(night, reasons, words) for night in sheet.nights]
    if len(rows) > 1:
        rows.append(_totals(sheet.nights, reasons, words))
    return [*_table(head, rows), *_waiting(sheet.nights)]


def _row(night: Night, reasons: Sequence[str], words: Sequence[str]) -> list[str]:
    known = night.outcomes
    return [
        night.cutoff.isoformat(),
        *(f"{night.excluded.get(reason, 0):,}" for reason in reasons),
        f"{night.at_risk:,}",
        *("" if known is None else f"{known.get(word, 0):,}" for word in words),
        _share(night.left, night.labelled),
        "" if night.came_back is None else f"{night.came_back:,}",
    ]


def _totals(nights: Sequence[Night], reasons: Sequence[str], words: Sequence[str]) -> list[str]:
    """Add the nights up; outcomes and their share are those of the matured ones."""
    matured = [night for night in nights if night.outcomes is not None]
    counts = [{} if night.outcomes is None else night.outcomes for night in matured]
    return [
        "total",
        *(f"{sum(night.excluded.get(reason, 0) for night in nights):,}" for reason in reasons),
        f"{sum(night.at_risk for night in nights):,}",
        *(f"{sum(each.get(word, 0) for each in counts):,}" for word in words),
        _share(sum(night.left or 0 for night in matured), sum(night.labelled or 0 for night in matured)),
        f"{sum(night.came_back or 0 for night in matured):,}" if matured else "",
    ]


def _share(part: int | None, whole: int | None) -> str:
    return "" if part is None or not whole else f"{part / whole:.1%}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Set columns flush right under their heads, a head's words above each other."""
    broken = [[name] if len(name) <= SHORT else name.split() for name in head]
    height = max(map(len, broken))
    tall = [[""] * (height - len(words)) + words for words in broken]
    widths = [max(map(len, [*words, *(row[place] for row in rows)])) for place, words in enumerate(tall)]
    lines = [*zip(*tall, strict=True), *rows]
    return [GAP.join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines]


def _waiting(nights: Sequence[Night]) -> list[str]:
    waiting = [night for night in nights if night.outcomes is None]
    return [f"{night.cutoff}: the label matures on {night.mature_on}" for night in waiting]


def reactivation_line(sheet: TruthSheet) -> str:
    """Return how many of those who left come back, with its limit and who signed it off."""
    back, label = sheet.reactivation, sheet.params.label
    if back.rate is None:
        return f"came back later: too few leavers ({back.leavers:,}) to tell a rate, before {back.before}"
    rate = back.rate
    told = (
        f"came back later: {rate['value']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}] of {back.leavers:,} "
        f"who left, seen for up to {back.followed_days} days, before {back.before}"
    )
    if label.kind == "contract":
        return told
    if label.accept_reactivation:
        return f"{told}; limit {MOST_REACTIVATED:.0%}, signed off: {label.accept_reactivation}"
    return f"{told}; limit {MOST_REACTIVATED:.0%}"
