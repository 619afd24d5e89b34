"""The movement of monthly recurring revenue (MRR) of each customer, exact to the cent, with GRR and NRR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.kpis.contract_rows import UNKNOWN_AMOUNT, ContractRows
from churn.kpis.figure import Figure, Period, in_slice, missing_figure
from churn.kpis.periods import bounds_of
from churn.kpis.section import SectionResult
from churn.kpis.segments import Segmentation, segmentations_for
from churn.metrics.standard_errors import Z_95

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NO_REVENUE = "no recurring revenue at the start"
NO_PAUSES = "no pauses are known: map tables.subscriptions.columns.paused_at"
NO_AMOUNTS = "no contracts with amounts: map tables.subscriptions with mrr"
CENTS = 100

MOVEMENTS = ("new", "reactivated", "expansion", "contraction", "churned", "paused", "resumed")


@dataclass(frozen=True)
class MrrState:
    """The contracts of all customers at one midnight.

    Attributes:
        runs: Whether each contract is in force and not paused, `[contracts]`.
        rests: Whether each contract is in force but paused, `[contracts]`.
        cents: The MRR of each customer, `[customers]`; a paused contract counts 0.
        is_active: Whether each customer has a contract in force, `[customers]`.
    """

    runs: Bools
    rests: Bools
    cents: Ints
    is_active: Bools


@dataclass(frozen=True)
class MrrMovement:
    """How the MRR of each customer changed in a period, in cents, `[customers]` each.

    `end - start = new + reactivated + expansion - contraction - churned + resumed - paused` holds for each
    customer. None of the seven movements is negative.
    """

    start: Ints
    end: Ints
    is_active_at_start: Bools
    is_active_at_end: Bools
    mrr_new: Ints
    mrr_reactivated: Ints
    mrr_expansion: Ints
    mrr_contraction: Ints
    mrr_churned: Ints
    mrr_paused: Ints
    mrr_resumed: Ints


class MrrHistory:
    """The MRR of all customers at any midnight."""

    def __init__(self, rows: ContractRows, n_customers: int, grace_days: int) -> None:
        """Prepare the contracts: fill missing amounts with the last known amount, and close gaps of up to
        `grace_days` days.
        """
        rows = rows.with_last_amounts()
        unknown = np.zeros(n_customers, dtype=bool)
        unknown[rows.customer[rows.cents == UNKNOWN_AMOUNT]] = True
        self.is_unknown: Bools = unknown
        known = ~unknown[rows.customer]
        self._customer, self._start, self._cents = (
            column[known] for column in (rows.customer, rows.start, rows.cents)
        )
        self._end = rows.bridged_end(grace_days)[known]
        self._paused_on, self._resumed_on = rows.paused_on[known], rows.resumed_on[known]
        self.has_pauses = rows.has_pauses
        self._n_customers = n_customers
        first_start = np.full(n_customers, np.iinfo(np.int64).max)
        np.minimum.at(first_start, self._customer, self._start)
        self._first_start = first_start

    def at(self, day: int) -> MrrState:
        """Return the state of the contracts at the midnight at which day number `day` begins.

        A contract is in force if start < day <= end.
        """
        in_force = (self._start < day) & (day <= self._end)
        rests = in_force & (self._paused_on < day) & (day <= self._resumed_on)
        runs = in_force & ~rests
        is_active = np.zeros(self._n_customers, dtype=bool)
        is_active[self._customer[in_force]] = True
        return MrrState(runs, rests, self._sum_by_customer(runs), is_active)

    def movement(self, before: MrrState, after: MrrState, start: int) -> MrrMovement:
        """Return how each customer's MRR changed between two midnights.

        Args:
            before, after: The states at the start and at the end of the period.
            start: The day number of the start of the period.
        """
        paused = self._sum_by_customer(before.runs & after.rests)
        resumed = self._sum_by_customer(before.rests & after.runs)
        change = after.cents - before.cents + paused - resumed
        stays = before.is_active & after.is_active
        is_new = ~before.is_active & (self._first_start >= start)
        is_back = ~before.is_active & ~is_new
        nothing = np.zeros_like(change)
        return MrrMovement(
            start=before.cents,
            end=after.cents,
            is_active_at_start=before.is_active,
            is_active_at_end=after.is_active,
            mrr_new=np.where(is_new, change, nothing),
            mrr_reactivated=np.where(is_back, change, nothing),
            mrr_expansion=np.where(stays, np.maximum(change, 0), nothing),
            mrr_contraction=np.where(stays, np.maximum(-change, 0), nothing),
            mrr_churned=np.where(before.is_active & ~after.is_active, -change, nothing),
            mrr_paused=paused,
            mrr_resumed=resumed,
        )

    def _sum_by_customer(self, rows: Bools) -> Ints:
        # Sums of whole cents are exact in float64 up to 2^53 cents for each customer.
        sums = np.bincount(
            self._customer[rows], weights=self._cents[rows].astype(np.float64), minlength=self._n_customers
        )
        return sums.astype(np.int64)


class RecurringResult(SectionResult):
    """The movement of MRR, the GRR and the NRR, by period and segment."""


def recurring_section(
    rows: ContractRows | None,
    periods: Mapping[str, Sequence[Period]],
    segmentations: Sequence[Segmentation],
    *,
    cutoff: date,
    grace_days: int,
    late_days: int,
    latest: Period,
) -> RecurringResult:
    """Compute the movement of MRR for all periods and segments.

    Args:
        rows: The contracts; None if no contract has an amount.
        periods: Consecutive periods by kind, such as week or month.
        segmentations: The divisions of the customers into segments; the first has a single segment with
            all customers.
        cutoff: The date up to which the data are known.
        grace_days: If at most this many days lie between two contracts, the customer has not left.
        late_days: The largest number of days between the day of a row and its arrival in the data.
        latest: The latest period. If no contract has an amount, each figure is reported only for the latest
            period, as missing.
    """
    names = [f"mrr_{name}" for name in ("at_start", "at_end", *MOVEMENTS, "churn")] + ["grr", "nrr"]
    if rows is None:
        return RecurringResult(figures=tuple(missing_figure(name, latest, NO_AMOUNTS) for name in names))
    history = MrrHistory(rows, len(segmentations[0].code), grace_days)
    certain_until = cutoff - timedelta(grace_days + late_days)
    figures: list[Figure] = []
    for kind, sequence in periods.items():
        ripe = [period for period in sequence if period.end <= certain_until]
        for period in sequence[len(ripe) :]:
            certain_on = period.end + timedelta(grace_days + late_days)
            reason = f"the contracts of {period.end} are certain only on {certain_on}"
            figures += [missing_figure(name, period, reason) for name in names]
        states = ((day_number(day), history.at(day_number(day))) for day in bounds_of(ripe))
        for period, ((start, before), (_, after)) in zip(ripe, pairwise(states), strict=True):
            movement = history.movement(before, after, start)
            for segmentation in segmentations_for(kind, segmentations):
                figures += _segment_figures(movement, history, period, segmentation)
    return RecurringResult(figures=tuple(figures))


def _segment_figures(
    movement: MrrMovement, history: MrrHistory, period: Period, segmentation: Segmentation
) -> Iterator[Figure]:
    for part in range(len(segmentation.levels)):
        members = np.flatnonzero(segmentation.code == part)
        piece = segmentation.slice_of(part)
        if piece is None:
            yield from _part_figures(movement, history, period, members)
        elif (movement.is_active_at_start | movement.is_active_at_end)[members].any():
            yield from in_slice(_part_figures(movement, history, period, members), piece)


def _part_figures(
    movement: MrrMovement, history: MrrHistory, period: Period, members: Ints
) -> Iterator[Figure]:
    is_at_start = movement.is_active_at_start[members]
    n_start = int(is_at_start.sum())
    n_any = int((is_at_start | movement.is_active_at_end[members]).sum())
    sums = {name: int(getattr(movement, f"mrr_{name}")[members].sum()) for name in MOVEMENTS}
    sums |= {"start": int(movement.start[members].sum()), "end": int(movement.end[members].sum())}
    n_unknown = int(history.is_unknown[members].sum())
    notes = (f"{n_unknown} customers without a known amount are left out",) if n_unknown else ()

    def money(name: str, cents: int, n: int) -> Figure:
        return Figure(name=name, period=period, value=cents / CENTS, n=n, notes=notes)

    yield money("mrr_at_start", sums["start"], n_start)
    yield money("mrr_at_end", sums["end"], n_any)
    for name in MOVEMENTS:
        if name in ("paused", "resumed") and not history.has_pauses:
            yield missing_figure(f"mrr_{name}", period, NO_PAUSES)
        else:
            yield money(f"mrr_{name}", sums[name], n_any)
    if not sums["start"]:
        yield from (missing_figure(name, period, NO_REVENUE) for name in ("mrr_churn", "grr", "nrr"))
        return
    share = (sums["churned"] + sums["contraction"]) / sums["start"] * 100
    yield Figure(name="mrr_churn", period=period, value=share, n=n_start, notes=notes)
    start, end = movement.start[members][is_at_start], movement.end[members][is_at_start]
    for name, part in (("grr", np.minimum(start, end)), ("nrr", end)):
        value, low, high = ratio_of_sums(part, start)
        if name == "grr" and high is not None:
            high = min(high, 100.0)
        yield Figure(name=name, period=period, value=value, low=low, high=high, n=n_start, notes=notes)


def ratio_of_sums(part: Ints, total: Ints) -> tuple[float, float | None, float | None]:
    """Return the ratio of two sums over customers in per cent, with the interval from the linearised ratio.

    The interval is None if there is only one customer.

    Source: Cochran (1977), Sampling techniques, 3rd edition, section 6.4.

    Args:
        part, total: The two amounts of each customer; at least one total must be above 0.
    """
    ratio, n = int(part.sum()) / int(total.sum()), len(total)
    if n < 2:
        return ratio * 100, None, None
    residual = part - ratio * total
    half = Z_95 * float(np.sqrt((residual**2).sum() * n / (n - 1))) / float(total.sum())
    return ratio * 100, max(0.0, ratio - half) * 100, (ratio + half) * 100
