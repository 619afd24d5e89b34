"""The features that all ways compute: signals of this library by name. Each feature consists of cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.engine.cells import ZERO_VERBS, Cell
from benchmarks.engine.world import WINDOWS

Array = npt.NDArray[np.float64]

RECENCY_DAYS = 366
RARE_COUNTS = (
    *("surveys_count_7d", "surveys_count_14d"),
    *("tickets_count_7d", "payments_count_7d", "payments_count_14d"),
)
"""Counts of rare rows over short windows: nearly always 0."""

DAY_SECONDS = 86400.0


@dataclass(frozen=True)
class CutoffContext:
    """One cutoff: its day number, the sign-up days of its cohort, and the first day of each table."""

    cutoff: int
    sign_up_days: Array
    data_starts: Mapping[str, int]


@dataclass(frozen=True)
class Feature:
    """A signal's name, its cells, and the formula over them."""

    name: str
    cells: tuple[Cell, ...]
    formula: Callable[..., Array] = field(repr=False)

    def compute(self, at: CutoffContext, cells: Mapping[Cell, Array]) -> Array:
        """Compute the feature for the cohort; counts of windows that begin before the data are missing."""
        arrays = []
        for cell in self.cells:
            before = cell.verb in ZERO_VERBS and at.data_starts[cell.table] > at.cutoff - cell.days
            arrays.append(np.full_like(cells[cell], np.nan) if before else cells[cell])
        return self.formula(at, *arrays)


def _identity(at: CutoffContext, cell: Array) -> Array:
    return cell


def _age(at: CutoffContext, day: Array) -> Array:
    return at.cutoff - day


def _ratio(part: Array, total: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = part / total
    return np.where(np.isfinite(ratio), ratio, np.nan)


def _mean(scale: float) -> Callable[..., Array]:
    return lambda at, total, count: _ratio(total / scale, count)


def _divided_by(scale: float) -> Callable[..., Array]:
    return lambda at, total: total / scale


def _shrink(at: CutoffContext, hits: Array, trials: Array) -> Array:
    """Shrink to the cohort's rate, with the weight of four trials."""
    hits, trials = np.nan_to_num(hits), np.nan_to_num(trials)
    rate = hits.sum() / trials.sum() if trials.sum() else 0.0
    return np.where(trials > 0, (hits + 4 * rate) / (trials + 4), np.nan)


def _change(table: str, recent_days: int, usual_days: int) -> Callable[..., Array]:
    """Return the formula of the recent count divided by the usual count since the sign-up."""

    def formula(at: CutoffContext, recent: Array, usual: Array) -> Array:
        start = np.maximum(at.sign_up_days, max(at.cutoff - usual_days, at.data_starts[table]))
        days_covered = np.maximum(at.cutoff - recent_days - start, 0)
        total = np.where(days_covered >= recent_days, _ratio(usual * recent_days, days_covered), np.nan)
        return _ratio(recent + 1, total + 1)

    return formula


def _overdue(at: CutoffContext, first: Array, count: Array) -> Array:
    return np.where(count > 0, np.nan_to_num(at.cutoff - first), np.nan)


def _run(at: CutoffContext, last: Array, first: Array, last_opened: Array) -> Array:
    return last - np.where(np.isnan(last_opened), first - 1, last_opened)


def _detractor(at: CutoffContext, rating: Array) -> Array:
    return np.where(np.isnan(rating), np.nan, rating <= 6000)


def _tenure(at: CutoffContext) -> Array:
    return at.cutoff - at.sign_up_days


def _plain(table: str, active: bool) -> Iterator[Feature]:
    for days in WINDOWS:
        yield Feature(f"{table}_count_{days}d", (Cell(table, "count", days),), _identity)
        if active:
            yield Feature(f"{table}_active_days_{days}d", (Cell(table, "days", days),), _identity)
    yield Feature(f"{table}_days_since_last", (Cell(table, "last_day", RECENCY_DAYS),), _age)


def _counts(table: str, days: int, **outcome: str) -> tuple[Cell, Cell]:
    return Cell(table, "count", days, **outcome), Cell(table, "count", days)  # type: ignore[arg-type]


def _visits() -> Iterator[Feature]:
    yield from _plain("visits", active=True)
    for days in WINDOWS:
        value = (Cell("visits", "sum", days, column="value"),)
        yield Feature(f"visits_value_total_{days}d", value, _divided_by(1000))
    mean = Cell("visits", "sum", 91, column="value"), Cell("visits", "given", 91, column="value")
    yield Feature("visits_value_mean_91d", mean, _mean(1000))
    highest = (Cell("visits", "max", 91, column="value"),)
    yield Feature("visits_value_highest_91d", highest, _divided_by(1000))


def _emails() -> Iterator[Feature]:
    yield from _plain("emails", active=False)
    run = (
        Cell("emails", "last_row", 182),
        Cell("emails", "first_row", 182),
        Cell("emails", "last_row", 182, having="opened_at"),
    )
    yield Feature("emails_unopened_run", run, _run)
    yield Feature("emails_open_rate", _counts("emails", 91, having="opened_at"), _shrink)
    yield Feature("emails_click_rate", _counts("emails", 91, having="clicked_at"), _shrink)


def _payments() -> Iterator[Feature]:
    yield from _plain("payments", active=False)
    unpaid_cells = Cell("payments", "first_day", 182, lacking="paid_at"), Cell("payments", "count", 182)
    yield Feature("payment_days_overdue", unpaid_cells, _overdue)
    yield Feature("payments_skipped", (Cell("payments", "count", 91, lacking="paid_at"),), _identity)
    yield Feature("payment_failed_share", _counts("payments", 182, having="failed_at"), _shrink)
    late = (
        Cell("payments", "sum", 182, column="paid_at_after", having="paid_at"),
        Cell("payments", "count", 182, having="paid_at"),
    )
    yield Feature("payment_days_late", late, _mean(DAY_SECONDS))


def _surveys() -> Iterator[Feature]:
    yield from _plain("surveys", active=False)
    answer_cell: dict[str, Any] = {"table": "surveys", "days": 366, "by": "answered_at"}
    latest = Cell(verb="latest", column="rating", **answer_cell)
    before = Cell(verb="previous", column="rating", **answer_cell)
    yield Feature("survey_last_rating", (latest,), _divided_by(1000))
    yield Feature("survey_rating_age", (Cell(verb="last_day", **answer_cell),), _age)
    yield Feature("survey_rating_change", (latest, before), lambda at, a, b: (a - b) / 1000)
    yield Feature("survey_detractor", (latest,), _detractor)
    yield Feature("surveys_silent_share", _counts("surveys", 366, lacking="answered_at"), _shrink)


def _tickets() -> Iterator[Feature]:
    yield from _plain("tickets", active=False)
    reply = (
        Cell("tickets", "sum", 91, column="first_reply_at_after", having="first_reply_at"),
        Cell("tickets", "count", 91, having="first_reply_at"),
    )
    yield Feature("tickets_reply_hours", reply, _mean(3600.0))
    yield Feature("tickets_open", (Cell("tickets", "count", 182, lacking="closed_at"),), _identity)


def _orders() -> Iterator[Feature]:
    yield from _plain("orders", active=True)
    for days in WINDOWS:
        amount = (Cell("orders", "sum", days, column="amount"),)
        yield Feature(f"orders_amount_total_{days}d", amount, _divided_by(100))
    change = Cell("orders", "count", 28), Cell("orders", "count", 112, 28)
    yield Feature("order_change", change, _change("orders", 28, 112))
    value = Cell("orders", "sum", 182, column="amount"), Cell("orders", "count", 182)
    yield Feature("order_value", value, _mean(100))


def features() -> Mapping[str, Feature]:
    """Return the 80 features by name."""
    tables = (_visits, _emails, _payments, _surveys, _tickets, _orders)
    all_features = [feature for table in tables for feature in table()]
    all_features.append(Feature("tenure_days", (), _tenure))
    return {feature.name: feature for feature in all_features if feature.name not in RARE_COUNTS}
