"""An evaluation in the lines that a person reads at the end of the verb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churn.labels.outcomes import OUTCOMES
from churn.labels.truth_sheet import MOST_REACTIVATED, Night, TruthSheet
from churn.metrics.catalog import METRICS, candidate_name, pair_name
from churn.metrics.interval import format_interval, test_set_uses

FIRST_METRICS = ("auc", "lift_at_contact_share", "observed_expected")


def told(evaluated: Mapping[str, Any]) -> list[str]:
    """Return the lines that `churn evaluate` says of the content of metrics.json."""
    ours, share = evaluated["candidates"]["challenger"], float(evaluated["contact_share"])
    lines = [
        f"challenger version {evaluated['model']['version']} on {len(evaluated['cutoffs'])} test cutoffs, "
        f"{ours['rows']:,} rows, {ours['churners']:,} churners:",
        f"  {', '.join(_metric(ours, name, share) for name in FIRST_METRICS)}",
    ]
    if ours.get("profit_per_customer_at_contact_share"):
        lines.append(
            f"  {_metric(ours, 'profit_per_customer_at_contact_share', share)} in your currency, "
            f"{_metric(ours, 'best_share', share)}, with the costs of evaluate.profit"
        )
    lines += [f"  {line}" for line in four_lines(evaluated)]
    for name, difference in evaluated["paired"].items():
        loss = METRICS["log_loss"].format(difference["log_loss"], signed=True)
        lines.append(f"  log loss, {pair_name(name)}: {loss}")
    lines += [f"  {line}" for line in _lead(evaluated.get("lead_time", ()))]
    if "signal" in evaluated:
        lines.append(f"  {evaluated['signal']['words']}")
    return lines + [
        f"  {note}" for note in (*test_set_uses(evaluated.get("looks_at_test")), *evaluated["notes"].values())
    ]


def _metric(numbers: Mapping[str, Any], name: str, share: float) -> str:
    return f"{METRICS[name].title_at(share)} {METRICS[name].format(numbers[name])}"


def _lead(leads: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how early leaving is seen, in one line."""
    if len(leads) < 2:
        return []
    told = [f"{format_interval({**one, 'value': one['auc']})} {one['days']} days before" for one in leads[1:]]
    return [f"seen early, AUC: {', '.join(told)}"]


def four_lines(evaluated: Mapping[str, Any]) -> list[str]:
    """Return a line per number: what it is, AUC and log loss."""
    rows = _rows(evaluated["four_numbers"])
    wide = max(len(name) for _, name, _ in rows)
    return [
        f"{letter:1} {name:<{wide}}  AUC {format_interval(numbers['auc'])}, log loss "
        f"{format_interval(numbers['log_loss'])}"
        for letter, name, numbers in rows
    ]


def four_table(evaluated: Mapping[str, Any]) -> list[str]:
    """Return the numbers as a Markdown table."""
    return [
        "| | | rows | churners | AUC | log loss |",
        "|---|---|---|---|---|---|",
        *(
            f"| {letter} | {name} | {numbers['rows']:,} | {numbers['churners']:,} | "
            f"{format_interval(numbers['auc'])} | {format_interval(numbers['log_loss'])} |"
            for letter, name, numbers in _rows(evaluated["four_numbers"])
        ),
    ]


def _rows(four: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    rows = [("a", "later time", four["out_of_time"])]
    if other := four.get("out_of_time_and_customer"):
        rows.append(("b", "later time, other customers", other))
        rows.append(("", "the same, if seen in training", other["same_customers_in_training"]))
    if naive := four.get("naive_split"):
        rows.append(("c", f"naive random split, {naive['label']}", naive))
    return rows + [("d", candidate_name(name), numbers) for name, numbers in four["baselines"].items()]


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
        f"came back later: {format_interval(rate, 1, percent=True)} of {back.leavers:,} "
        f"who left, seen for up to {back.followed_days} days, before {back.before}"
    )
    if label.kind == "contract":
        return told
    if label.accept_reactivation:
        return f"{told}; limit {MOST_REACTIVATED:.0%}, signed off: {label.accept_reactivation}"
    return f"{told}; limit {MOST_REACTIVATED:.0%}"
