"""The lines that `churn kpis` prints for sections with tables; kpis.json holds the whole of each table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from churn.kpis.activation_rows import ActivationResult
from churn.kpis.alarms import AlarmsResult
from churn.kpis.audit import AuditResult
from churn.kpis.behaviour import LoyaltyTable
from churn.kpis.cohorts import CohortsResult
from churn.kpis.contract_model import ContractModel
from churn.kpis.groups import GroupsResult
from churn.kpis.growth import Flow
from churn.kpis.journey import StagesResult
from churn.kpis.leaving_reasons import LeavingReasonsResult
from churn.kpis.observed_churn import ChurnTable
from churn.kpis.ratings import RatingsResult
from churn.kpis.rfm import Rfm, RfmClass
from churn.kpis.section import SectionResult
from churn.kpis.survival import Survival, SurvivalTable
from churn.kpis.triangle import Triangle, TriangleCell
from churn.metrics.interval import Interval, cutoff_count, format_interval
from churn.reporting.audit_lines import audit_lines, leaving_lines

SHOWN_COHORTS, SHOWN_MONTHS = 12, (0, 1, 2, 3, 6, 12)
SHOWN_AGES = (30, 90, 180, 360)
SHOWN_GROWTH, SHOWN_MOVES = 6, 12


def section_lines(section: SectionResult) -> list[str]:
    """Return the lines of a section; there are none if the section holds only figures."""
    if isinstance(section, CohortsResult):
        return [*triangle_lines(section.triangle), *survival_lines(section.survival), *_model(section)]
    if isinstance(section, LeavingReasonsResult):
        return leaving_lines(section)
    if isinstance(section, AuditResult):
        return audit_lines(section)
    if isinstance(section, StagesResult):
        return [*growth_lines(section), *leak_lines(section), *move_lines(section)]
    if isinstance(section, ActivationResult):
        return activation_lines(section)
    if isinstance(section, AlarmsResult):
        return alarm_lines(section)
    if isinstance(section, RatingsResult):
        return [
            *churn_lines("observed churn by the latest rating (NPS)", section.nps),
            *churn_lines("observed churn by the latest satisfaction with a ticket (CSAT)", section.csat),
            *churn_lines("observed churn by health band", section.health),
        ]
    if isinstance(section, GroupsResult):
        return [*rfm_lines(section.rfm), *loyalty_lines(section.loyalty), *list_lines(section)]
    return []


def alarm_lines(result: AlarmsResult) -> list[str]:
    """Return a line for each alarm, and a line with the number of watched figures."""
    short = f", {result.n_too_short} have too little history" if result.n_too_short else ""
    return [
        "",
        f"alarms: {len(result.alarms)} of {result.n_watched} watched figures lie outside their history"
        f"{short}",
        *(f"  alarm: {alarm.text}" for alarm in result.alarms),
    ]


def triangle_lines(triangle: Triangle) -> list[str]:
    """Return the retention triangle of the latest cohorts as lines."""
    title = "retention by month of joining: share active at the end of the month of joining (0) and later"
    if triangle.reason:
        return ["", title, f"  missing: {triangle.reason}"]
    rows = [
        [f"{row.cohort:%Y-%m}", f"{row.n:,}", *(_cell(row.cells, month) for month in SHOWN_MONTHS)]
        for row in triangle.rows[-SHOWN_COHORTS:]
    ]
    return ["", title, *columns(["joined", "n", *map(str, SHOWN_MONTHS)], rows)]


def _cell(cells: Sequence[TriangleCell], month: int) -> str:
    """Return the cell of a month in the retention triangle as text.

    The text is `open` if the month is not over, and empty if it is not certain yet who was active.
    """
    cell = next((cell for cell in cells if cell.month == month), None)
    if cell is None or cell.state == "not certain yet":
        return ""
    return "open" if cell.share is None else f"{cell.share:.0%}"


def survival_lines(table: SurvivalTable) -> list[str]:
    """Return lines with the shares of customers who stay longer than 30 days, 90 days and so on.

    The first line of figures is for all customers, each further line for one segment.
    """
    title = "survival: share of customers who stay longer than so many days"
    rows = []
    for curve in table.curves:
        name = f"{curve.slice.by} {curve.slice.level}" if curve.slice else "all"
        shares = [_share_at(curve, age) for age in SHOWN_AGES]
        half = curve.reason or (
            f"{curve.median_days:.0f}" if curve.median_days is not None else "not reached"
        )
        rows.append([name, f"{curve.n:,}", *shares, half])
    return ["", title, *columns(["", "n", *map(str, SHOWN_AGES), "half left by day"], rows)]


def _share_at(curve: Survival, age_days: int) -> str:
    point = next((point for point in curve.points if point.age_days == age_days), None)
    return "" if point is None else share_text(point.share, point.low, point.high)


def _model(section: CohortsResult) -> Iterator[str]:
    model = section.contracts
    if model is None:
        return
    yield ""
    yield "contracts: expected further monthly payments, discounted (shifted beta-geometric)"
    yield from _model_lines(model)


def _model_lines(model: ContractModel) -> Iterator[str]:
    if model.reason or model.alpha is None or model.beta is None:
        yield f"  missing: {model.reason}"
        return
    yield f"  alpha {model.alpha:.3f}, beta {model.beta:.3f}; discount {model.discount_year:.0%} a year"
    yield f"  fitted to {len(model.months)} months of age; what comes later is what the model says"
    for lifetime in model.residual_lifetimes:
        interval = Interval(value=lifetime.value, low=lifetime.low, high=lifetime.high)
        yield f"  after {lifetime.renewals} renewals: {format_interval(interval, 1)}"


def growth_lines(section: StagesResult) -> list[str]:
    """Return lines that count active, new, resurrected and dormant customers in the latest months."""
    title = "growth: active at the end = active at the start + new + resurrected - dormant"
    if section.growth_reason:
        return ["", title, f"  missing: {section.growth_reason}"]
    money = section.money_reason or "in brackets: money per month"
    rows = [
        [
            f"{month.start:%Y-%m}",
            *(
                _flow(flow)
                for flow in (
                    month.active_at_start,
                    month.new_customers,
                    month.resurrected_customers,
                    month.dormant_customers,
                    month.active_at_end,
                )
            ),
        ]
        for month in section.growth[-SHOWN_GROWTH:]
    ]
    head = ["month", "at the start", "new", "resurrected", "dormant", "at the end"]
    return ["", f"{title} ({money})", *columns(head, rows)]


def leak_lines(section: StagesResult) -> list[str]:
    """Return lines with the stages from which customers left, ordered by lost payments, the largest first."""
    title = "leaks: customers who left within a month, by their stage at its start"
    if section.reason:
        return ["", title, f"  missing: {section.reason}"]
    rows = [
        [
            leak.stage,
            f"{leak.at_start:,}",
            _flow(leak),
            share_text(leak.share, leak.low, leak.high),
        ]
        for leak in section.leaks
    ]
    return ["", title, *columns(["stage", "customers and months", "left (money)", "share a month"], rows)]


def move_lines(section: StagesResult) -> list[str]:
    """Return lines with the customers' moves between stages in the latest month, the most frequent first."""
    if not section.months:
        return []
    month = section.months[-1]
    moves = [move for move in month.transitions if move.origin != move.target]
    moves.sort(key=lambda move: (-move.people, move.origin, move.target))
    rows = [[f"{move.origin} -> {move.target}", _flow(move)] for move in moves[:SHOWN_MOVES]]
    return [
        "",
        f"moves between stages in {month.start:%Y-%m}, most people first",
        *columns(["", "people"], rows),
    ]


def _flow(flow: Flow) -> str:
    """Return a number of customers as text, with their payments per month in brackets if all are known."""
    if flow.money is None or flow.n_money_unknown:
        return f"{flow.people:,}"
    return f"{flow.people:,} ({flow.money:,.0f})"


def activation_lines(section: ActivationResult) -> list[str]:
    """Return lines about the activation event, or the reason why none is reported."""
    title = "activation: the early event that is a sign of staying (it is not shown to cause it)"
    event = section.activation
    if event is None:
        return ["", title, f"  none: {section.reason}"]
    sides = [
        f"{name}: {share_text(side.share, side.low, side.high)} of {side.n:,} leave in a label window"
        for name, side in (("with it", event.with_event), ("without it", event.without_event))
    ]
    points = points_text(event.difference, event.low, event.high)
    notes = ["  the label counts the same events, so part of this is so by definition"]
    return [
        "",
        title,
        f"  {event.text}; {event.share_done:.0%} do it ({section.n_tried} candidates tried)",
        *(f"  customers who joined since {section.split_at}, {side}" for side in sides),
        f"  difference within month of joining and age: {points} points, {_p_value(event.p_value)}",
        *(notes if event.decides_label else []),
    ]


def _p_value(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def churn_lines(title: str, table: ChurnTable) -> list[str]:
    """Return lines with the churn of groups (such as health bands), and the differences between groups."""
    if table.reason:
        return ["", title, f"  missing: {table.reason}"]
    rows = [
        [
            level.level,
            f"{level.customers:,}",
            f"{level.n:,}",
            share_text(level.share, level.low, level.high) if level.reason is None else level.reason,
        ]
        for level in table.levels
    ]
    head = ["", "customers", "at the cutoffs", f"left in {table.horizon_days} days"]
    first, last = table.cutoffs[0], table.cutoffs[-1]
    lines = ["", f"{title}, {cutoff_count(table.cutoffs)} from {first} to {last}", *columns(head, rows)]
    for difference in table.differences:
        name = f"{difference.of} minus {difference.minus}"
        if difference.reason:
            lines.append(f"  {name}: {difference.reason}")
            continue
        verdict = "a difference" if difference.means_something else "no difference is shown"
        points = points_text(difference.value, difference.low, difference.high)
        lines.append(f"  {name}: {points} points, {verdict}")
    return lines


def rfm_lines(rfm: Rfm) -> list[str]:
    """Return the grid of recency and frequency as lines, with the observed churn of each cell."""
    title = "observed churn by last order (rows) and number of orders in a year (columns)"
    if rfm.reason:
        return ["", title, f"  missing: {rfm.reason}"]
    by_class = {(cell.recency_class, cell.frequency_class): cell for cell in rfm.cells}
    head = ["", *(f"F{f.number}: {_range(f)}" for f in rfm.frequency)]
    rows = []
    for r in reversed(rfm.recency):
        cells = [by_class[r.number, f.number] for f in rfm.frequency]
        texts = ["" if cell.share is None else f"{cell.share:.1%} of {cell.n:,}" for cell in cells]
        rows.append([f"R{r.number}: {_range(r)} days ago", *texts])
    return ["", f"{title}; intervals in kpis.json", *columns(head, rows)]


def _range(rfm_class: RfmClass) -> str:
    low, high = f"{rfm_class.lowest:g}", f"{rfm_class.highest:g}"
    return low if low == high else f"{low} to {high}"


def loyalty_lines(table: LoyaltyTable) -> list[str]:
    """Return lines about the four groups of customers: active or not, and bound by a contract or not."""
    title = "loyal, or merely bound by a contract?"
    if table.reason:
        return ["", title, f"  missing: {table.reason}"]
    rows = [
        [group.level, _flow(group.now), share_text(group.share, group.low, group.high)]
        for group in table.groups
    ]
    lines = ["", f"{title} active: {table.active_from_days:g} days or more with an act in the last 28"]
    lines += columns(["", "now (money)", "left after past cutoffs"], rows)
    return [*lines, f"  {table.n_unknown_now:,} customers have no date of renewal and are in no group"]


def list_lines(section: GroupsResult) -> list[str]:
    """Return lines with the number of customers in each list file of the latest night, such as gone.csv."""
    lines = ["", "lists of the latest night"]
    for entry in section.lists:
        size = entry.reason if entry.customers is None else f"{entry.customers:,} customers"
        lines.append(f"  {entry.file}: {size}")
    return lines


def share_text(share: float | None, low: float | None, high: float | None) -> str:
    """Return a share with its interval as text, in per cent.

    >>> share_text(0.734, 0.7, 0.768)
    '73.4% [70.0%, 76.8%]'
    """
    return format_interval(Interval(value=share, low=low, high=high), 1, percent=True)


def points_text(value: float | None, low: float | None, high: float | None) -> str:
    """Return a difference of shares with its interval as text, in percentage points.

    >>> points_text(0.04, 0.023, 0.058)
    '+4.0 [+2.3, +5.8]'
    """
    value, low, high = (None if number is None else 100 * number for number in (value, low, high))
    return format_interval(Interval(value=value, low=low, high=high), 1, signed=True)


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns; the first column holds text, and the others hold numbers.

    >>> columns(["plan", "n"], [["basic", "7"], ["team", "12"]])
    ['  plan    n', '  basic   7', '  team   12']
    """
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    lines = []
    for row in table:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines
