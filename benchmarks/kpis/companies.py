"""Generated companies: the identities of revenue and of retention must hold in each of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.features.language.reader import NEVER
from churn.kpis.contract_rows import UNKNOWN_AMOUNT, ContractRows
from churn.kpis.figure import Figure
from churn.kpis.periods import bounds_of, complete_periods
from churn.kpis.recurring import MOVEMENTS, MrrHistory, recurring_section
from churn.kpis.retention import count_retention, retention_section
from churn.kpis.segments import Segmentation, all_customers
from churn.kpis.spells import ActivitySpells
from churn.labels.contract import Contracts

Ints = npt.NDArray[np.int64]

FIRST, CUTOFF = date(2024, 1, 1), date(2025, 1, 1)
CUSTOMERS, GRACE_DAYS = 6, 10
GAINS = ("new", "reactivated", "expansion", "resumed")


@dataclass(frozen=True)
class Verdict:
    """How many companies and periods were checked, and how many broke each rule."""

    companies: int
    periods: int
    undefined_figures: int
    breaches: dict[str, int]


def draw_contracts(companies: int, seed: int) -> ContractRows:
    """Draw the contracts of companies with 6 customers each: overlaps, gaps, pauses, missing amounts."""
    rng = np.random.default_rng(seed)
    n_customers = companies * CUSTOMERS
    customer = np.repeat(np.arange(n_customers), rng.integers(1, 4, n_customers))
    n = len(customer)
    start = day_number(FIRST) + rng.integers(-200, 360, n)
    end = np.where(rng.random(n) < 0.3, NEVER, start + rng.integers(0, 300, n))
    rests = rng.random(n) < 0.3
    paused = np.where(rests, start + rng.integers(0, 100, n), NEVER)
    resumed = np.where(rests & (rng.random(n) < 0.6), paused + rng.integers(0, 90, n), NEVER)
    cents = np.where(rng.random(n) < 0.05, UNKNOWN_AMOUNT, rng.integers(0, 10**9, n))
    order = np.lexsort((cents, end, start, customer))
    return ContractRows(*(column[order] for column in (customer, start, end, paused, resumed, cents)))


def check_companies(companies: int, seed: int = 1) -> Verdict:
    """Check the identities month by month in all companies."""
    rows = draw_contracts(companies, seed)
    n_customers = companies * CUSTOMERS
    company = np.arange(n_customers) // CUSTOMERS
    months = complete_periods("month", FIRST, CUTOFF)
    bounds = [day_number(day) for day in bounds_of(months)]
    broken = dict.fromkeys(
        ("MRR to the cent", "no negative movement", "GRR <= min(100, NRR)", "CRR difference", "undefined"), 0
    )

    history = MrrHistory(rows, n_customers, GRACE_DAYS)

    def by_company(values: Ints) -> Ints:
        sums = np.zeros(companies, dtype=np.int64)
        np.add.at(sums, company, values)
        return sums

    for start, end in pairwise(bounds):
        before, after = history.at(start), history.at(end)
        movement = history.movement(before, after, start)
        sums = {name: by_company(getattr(movement, f"mrr_{name}")) for name in MOVEMENTS}
        change = sum(sums[name] if name in GAINS else -sums[name] for name in MOVEMENTS)
        broken["MRR to the cent"] += int(
            (by_company(movement.end) - by_company(movement.start) != change).sum()
        )
        broken["no negative movement"] += sum(int((values < 0).sum()) for values in sums.values())

    contracts = Contracts(rows.customer, rows.start, rows.end).merge(GRACE_DAYS)
    spells = ActivitySpells(
        contracts.customer.astype(np.int64),
        contracts.start.astype(np.int64),
        contracts.end.astype(np.int64),
        is_involuntary=None,
        wait_days=0,
        first_day=0,
    )
    counts = count_retention(spells, bounds, company, companies)
    difference = counts.at_end - counts.n_acquired - counts.n_retained
    explained = counts.returned_at_end - (counts.n_acquired - counts.acquired_at_end)
    broken["CRR difference"] = int((difference != explained).sum())

    names = tuple(str(number) for number in range(companies))
    division = [all_customers(n_customers), Segmentation("company", names, company)]
    figures = retention_section(spells, {"month": months}, division, CUTOFF).figures
    money = recurring_section(
        rows,
        {"month": months},
        division,
        cutoff=date(2026, 1, 1),
        grace_days=GRACE_DAYS,
        late_days=0,
        latest=months[-1],
    ).figures
    by_cell = _by_cell([*figures, *money])
    broken["GRR <= min(100, NRR)"] = sum(_is_too_high(cell) for cell in by_cell.values())
    broken["undefined"] = sum(_hides_undefined(cell) for cell in by_cell.values())
    undefined = sum(figure.value is None for cell in by_cell.values() for figure in cell.values())
    return Verdict(companies, companies * len(months), undefined, broken)


Cell = dict[str, Figure]


def _by_cell(figures: list[Figure]) -> dict[tuple[str, str], Cell]:
    cells: dict[tuple[str, str], Cell] = {}
    for figure in figures:
        level = figure.slice.level if figure.slice else "all"
        cells.setdefault((level, str(figure.period)), {})[figure.name] = figure
    return cells


def _is_too_high(cell: Cell) -> bool:
    grr, nrr = (cell[name].value if name in cell else None for name in ("grr", "nrr"))
    return grr is not None and nrr is not None and grr > min(100.0, nrr) + 1e-9


def _hides_undefined(cell: Cell) -> bool:
    """Return whether a ratio has a value without a population, or lacks one with a population."""
    is_wrong = False
    for names, base in (
        (("crr", "customer_churn"), "customers_at_start"),
        (("early_churn",), "new_customers"),
        (("grr", "nrr", "mrr_churn"), "mrr_at_start"),
    ):
        for name in names:
            if name in cell and base in cell:
                is_wrong |= (cell[name].value is None) != (cell[base].value == 0)
    return is_wrong
