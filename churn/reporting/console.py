"""The lines that commands print: the summary of an evaluation, and the truth sheet (the counts of customers
by outcome) as a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from churn.evaluation.measures import LeadTime, SplitComparison, SplitMetrics
from churn.evaluation.result import EvaluationResult
from churn.labels.outcomes import OUTCOME_NAMES
from churn.labels.truth_sheet import MAX_REACTIVATED, CutoffCounts, TruthSheet
from churn.metrics.catalog import CANDIDATE_NAMES, pair_name
from churn.metrics.interval import format_interval, test_set_uses
from churn.reporting.cost_lines import format_cost


def evaluation_summary(result: EvaluationResult) -> list[str]:
    """Return the lines that `churn evaluate` prints."""
    ours, share = result.challenger, f"{result.contact_share:.0%}"
    lines = [
        f"challenger version {result.model.version} on {len(result.cutoffs)} test cutoffs, "
        f"{ours.rows:,} rows, {ours.churners:,} churners:",
        f"  AUC {format_interval(ours.auc)}, "
        f"lift at {share} {format_interval(ours.lift_at_contact_share, 2)}, "
        f"observed/expected {format_interval(ours.observed_expected, 2)}",
    ]
    profit = ours.profit_per_customer_at_contact_share
    if profit is not None and ours.best_share is not None:
        lines.append(
            f"  profit per customer at {share} {format_interval(profit, 2)} in your currency, best budget "
            f"{format_interval(ours.best_share, 2)}, with {terms_in_words(result)}"
        )
    lines += [f"  {line}" for line in split_table(result.four_numbers)]
    for name, differences in result.paired.items():
        lines.append(f"  log loss, {pair_name(name)}: {format_interval(differences.log_loss, 4)}")
    lines += [f"  {line}" for line in _lead_time_lines(result.lead_time)]
    lines += [f"  {result.signal.words}", *(f"  {line}" for line in test_set_uses(result.looks_at_test))]
    return lines + [f"  {note}" for note in result.notes.values()]


def terms_in_words(result: EvaluationResult) -> str:
    """Return in words from which costs and which effect of a contact the profit is computed.

    The text says whether the costs and the effect are measured or assumed, and why.
    """
    return f"{_costs_in_words(result)} and {_share_in_words(result)}"


def _costs_in_words(result: EvaluationResult) -> str:
    measured = result.value.measured_cost if result.value else None
    if measured is None:
        return "the costs of evaluate.profit"
    if not measured.is_used:
        return f"the costs of evaluate.profit (the recorded costs are not used: {measured.reason})"
    return (
        f"a measured cost of a contact: {format_cost(measured)} ({measured.with_cost:,} of "
        f"{measured.contacts:,} contacts, known before {measured.as_of}), the offer of evaluate.profit"
    )


def _share_in_words(result: EvaluationResult) -> str:
    """Return, in words, the share of churners that the contacts are expected to keep.

    The words say whether this share is measured or assumed. If there is a measured share that is not used,
    the words say why.
    """
    if result.value is None:
        return "an assumed effect"
    share, measured = result.value.profit.accept_share, result.value.measured_share
    if measured is None:
        return f"an assumed effect: contacts keep {share:.0%} of the churners"
    words = f"{format_interval(measured, 0, percent=True)} of the churners (outcomes up to {measured.as_of})"
    if measured.is_used:
        return f"a measured effect: contacts keep {words}"
    return (
        f"an assumed effect: contacts keep {share:.0%} of the churners; the measured effect is {words}, "
        f"which is not used: {measured.reason}"
    )


@dataclass(frozen=True)
class SplitLine:
    """One way to split the rows into training and test, with its metrics.

    Attributes:
        letter: The letter of this split in the documentation; empty if the line only serves as a comparison
            for the line above it.
    """

    letter: str
    title: str
    metrics: SplitMetrics


def split_lines(splits: SplitComparison) -> tuple[SplitLine, ...]:
    """Return a line for each way to split the rows, then a line for each baseline."""
    return tuple(_split_lines(splits))


def _split_lines(splits: SplitComparison) -> Iterator[SplitLine]:
    yield SplitLine("a", "later time", splits.out_of_time)
    if unseen := splits.out_of_time_and_customer:
        yield SplitLine("b", "later time, other customers", unseen)
        yield SplitLine(
            "", "the same customers, with their rows in training", unseen.same_customers_in_training
        )
    if naive := splits.naive_split:
        yield SplitLine("c", f"naive random split, {naive.label}", naive)
    for name, metrics in splits.baselines.items():
        yield SplitLine("d", CANDIDATE_NAMES.get(name, name), metrics)


def split_table(splits: SplitComparison) -> list[str]:
    """Return a table with a line for each way to split the rows: its title, AUC and log loss."""
    lines = split_lines(splits)
    width = max(len(line.title) for line in lines)
    return [
        f"{line.letter:1} {line.title:<{width}}  AUC {format_interval(line.metrics.auc)}, "
        f"log loss {format_interval(line.metrics.log_loss)}"
        for line in lines
    ]


def _lead_time_lines(leads: Sequence[LeadTime]) -> list[str]:
    """Return one line with the AUC of predictions that were made some days before the test cutoffs.

    The first entry of `leads` is left out: it is the AUC of the predictions at the test cutoffs.
    """
    if len(leads) < 2:
        return []
    parts = [f"{format_interval(lead.interval)} {lead.days} days before" for lead in leads[1:]]
    return [f"AUC of earlier predictions: {', '.join(parts)}"]


COLUMN_GAP = "  "
MAX_HEADING = 8
"""The largest number of characters of a heading on one line; a longer heading is broken into one word for
each line.
"""


def truth_table(sheet: TruthSheet) -> list[str]:
    """Return the truth sheet as a table with aligned columns: one line for each cutoff, and then the
    totals.
    """
    reasons = sorted({reason for night in sheet.cutoffs for reason in night.excluded})
    outcomes = [
        name for name in OUTCOME_NAMES.values() if any(name in (n.outcomes or {}) for n in sheet.cutoffs)
    ]
    words = sheet.label.words
    returns = () if sheet.reactivation is None else ("came back",)
    headings = ["cutoff", *reasons, words.candidates, *outcomes, words.share, *returns]
    rows = [_truth_row(night, reasons, outcomes) for night in sheet.cutoffs]
    if len(rows) > 1:
        rows.append(_total_row(sheet.cutoffs, reasons, outcomes))
    rows = [row[: len(headings)] for row in rows]  # if nobody can come back, the last column is missing
    immature = [night for night in sheet.cutoffs if night.outcomes is None]
    return [
        *_align(headings, rows),
        *(f"{night.cutoff}: the label matures on {night.mature_on}" for night in immature),
    ]


def _truth_row(night: CutoffCounts, reasons: Sequence[str], outcomes: Sequence[str]) -> list[str]:
    counts = night.outcomes
    return [
        night.cutoff.isoformat(),
        *(f"{night.excluded.get(reason, 0):,}" for reason in reasons),
        f"{night.at_risk:,}",
        *("" if counts is None else f"{counts.get(name, 0):,}" for name in outcomes),
        _percent(night.left, night.labelled),
        "" if night.came_back is None else f"{night.came_back:,}",
    ]


def _total_row(nights: Sequence[CutoffCounts], reasons: Sequence[str], outcomes: Sequence[str]) -> list[str]:
    """Return the row of totals over all nights.

    The outcomes and the share of customers who left come only from the nights whose outcomes are known.
    """
    matured = [night for night in nights if night.outcomes is not None]
    counts = [night.outcomes or {} for night in matured]
    return [
        "total",
        *(f"{sum(night.excluded.get(reason, 0) for night in nights):,}" for reason in reasons),
        f"{sum(night.at_risk for night in nights):,}",
        *(f"{sum(count.get(name, 0) for count in counts):,}" for name in outcomes),
        _percent(sum(night.left or 0 for night in matured), sum(night.labelled or 0 for night in matured)),
        f"{sum(night.came_back or 0 for night in matured):,}" if matured else "",
    ]


def _percent(part: int | None, total: int | None) -> str:
    return "" if part is None or not total else f"{part / total:.1%}"


def _align(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns at the right; a long heading is broken into one word for each line."""
    words = [[name] if len(name) <= MAX_HEADING else name.split() for name in headings]
    height = max(map(len, words))
    padded = [[""] * (height - len(lines)) + lines for lines in words]
    widths = [max(map(len, [*lines, *(row[column] for row in rows)])) for column, lines in enumerate(padded)]
    lines = [*zip(*padded, strict=True), *rows]
    return [
        COLUMN_GAP.join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]


def reactivation_line(sheet: TruthSheet) -> str:
    """Return a line with the share of churners who came back, the limit of this share, and the reason if a
    person accepted a higher share.

    The line is empty for a label of an event, because nobody can come back from an event.
    """
    back, label = sheet.reactivation, sheet.label
    if back is None:
        return ""
    if back.rate is None:
        return f"came back later: too few churners ({back.churners:,}) for a rate, before {back.before}"
    rate = back.rate
    line = (
        f"came back later: {format_interval(rate, 1, percent=True)} of {back.churners:,} "
        f"churners, followed for up to {back.followed_days} days, before {back.before}"
    )
    if label.has_contract_ends:
        return line
    if label.accept_reactivation:
        return f"{line}; limit {MAX_REACTIVATED:.0%}, signed off: {label.accept_reactivation}"
    return f"{line}; limit {MAX_REACTIVATED:.0%}"
