from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from churn.data.store import day_number
from churn.features.language.reader import NEVER
from churn.kpis.contract_rows import UNKNOWN_AMOUNT, ContractRows
from churn.kpis.figure import Figure, Period
from churn.kpis.recurring import MOVEMENTS, MrrHistory, ratio_of_sums, recurring_section
from churn.kpis.segments import all_customers

A, B = day_number(date(2025, 3, 1)), day_number(date(2025, 4, 1))
MARCH = Period(kind="month", start=date(2025, 3, 1), end=date(2025, 4, 1))

Row = tuple[int, int, int | None, int | None] | tuple[int, int, int | None, int | None, int, int | None]


def contracts(rows: Sequence[Row], has_pauses: bool = True) -> ContractRows:
    """Draw contracts: customer, start, end, cents, and if it rests: paused, resumed (None: not yet)."""
    full = [(*row, NEVER, NEVER) if len(row) == 4 else row for row in rows]
    table = np.array(
        [
            (
                c,
                s,
                NEVER if e is None else e,
                p,
                NEVER if r is None else r,
                UNKNOWN_AMOUNT if m is None else m,
            )
            for c, s, e, m, p, r in full
        ],
        dtype=np.int64,
    ).reshape(-1, 6)
    return ContractRows(*table[np.lexsort(table.T[::-1])].T, has_pauses=has_pauses)


def march(rows: Sequence[Row], grace_days: int = 0, has_pauses: bool = True) -> dict[str, Figure]:
    n = max(row[0] for row in rows) + 1
    result = recurring_section(
        contracts(rows, has_pauses),
        {"month": [MARCH]},
        [all_customers(n)],
        cutoff=date(2025, 6, 1),
        grace_days=grace_days,
        late_days=0,
        latest=MARCH,
    )
    return {figure.name: figure for figure in result.figures}


def moved(figures: dict[str, Figure]) -> dict[str, float]:
    """Return the movements that are not 0, in currency."""
    values = {name: figures[f"mrr_{name}"].value for name in MOVEMENTS}
    return {name: value for name, value in values.items() if value}


@pytest.mark.parametrize(
    ("rows", "movements"),
    [
        ([(0, A + 2, None, 5000)], {"new": 50}),
        ([(0, A - 99, A - 50, 4000), (0, A + 2, None, 5000)], {"reactivated": 50}),
        ([(0, A - 9, A + 9, 4000), (0, A + 9, None, 5050)], {"expansion": 10.5}),
        ([(0, A - 9, A + 9, 4000), (0, A + 9, None, 3001)], {"contraction": 9.99}),
        ([(0, A - 9, A + 9, 4000)], {"churned": 40}),
        ([(0, A - 9, None, 4000), (0, A - 9, A + 9, 1000)], {"contraction": 10}),
        ([(0, A - 9, None, 4000), (0, A + 9, None, 1000)], {"expansion": 10}),
        ([(0, A + 2, A + 9, 5000)], {}),
        ([(0, A - 99, None, 4000, A + 5, None)], {"paused": 40}),
        ([(0, A - 99, None, 4000, A - 50, A + 5)], {"resumed": 40}),
        ([(0, A - 99, None, 4000, A + 5, A + 9)], {}),
        (
            [(0, A - 99, None, 4000, A + 5, None), (0, A - 99, None, 1000), (0, A + 1, None, 700)],
            {"paused": 40, "expansion": 7},
        ),
        ([(0, A - 99, A + 9, 4000, A - 50, None)], {}),  # rests at the start, gone at the end
        ([(0, A - 9, None, 0), (1, A - 9, None, 100)], {}),
    ],
)
def test_each_movement_has_its_own_figure_and_all_add_up(
    rows: list[Row], movements: dict[str, float]
) -> None:
    figures = march(rows)

    assert moved(figures) == movements
    change = round(((figures["mrr_at_end"].value or 0) - (figures["mrr_at_start"].value or 0)) * 100)
    signed = {name: -1 if name in ("contraction", "churned", "paused") else 1 for name in MOVEMENTS}
    assert change == round(sum(signed[name] * value * 100 for name, value in movements.items()))


def test_growth_of_one_customer_offsets_the_decline_of_another_in_nrr_only() -> None:
    figures = march(
        [
            (0, A - 9, A + 9, 10000),
            (0, A + 9, None, 15000),
            (1, A - 9, A + 9, 10000),
            (1, A + 9, None, 5000),
            (2, A + 1, None, 99900),
        ]
    )

    assert figures["grr"].value == 75
    assert figures["nrr"].value == 100
    assert figures["mrr_churn"].value == 25
    assert figures["grr"].high is not None
    assert figures["grr"].high <= 100


def test_no_revenue_at_the_start_is_missing_and_not_zero() -> None:
    figures = march([(0, A + 2, None, 5000)])

    for name in ("mrr_churn", "grr", "nrr"):
        assert figures[name].reason == "no recurring revenue at the start"


def test_a_gap_within_the_grace_is_no_end_also_over_the_end_of_the_period() -> None:
    rows: list[Row] = [(0, A - 9, B - 3, 4000), (0, B + 4, None, 4000)]

    assert moved(march(rows, grace_days=7)) == {}
    assert moved(march(rows, grace_days=6)) == {"churned": 40}


def test_a_gap_is_closed_only_where_no_other_contract_runs_on() -> None:
    rows: list[Row] = [(0, A - 9, B - 3, 4000), (0, A - 9, None, 1000), (0, B + 4, None, 4000)]

    assert moved(march(rows, grace_days=30)) == {"contraction": 40}


def test_a_contract_without_an_amount_has_the_last_known_amount_of_the_contract_that_it_follows() -> None:
    figures = march([(0, A - 40, A - 9, 4000), (0, A - 9, A + 9, None)])

    assert figures["mrr_at_start"].value == 40
    assert moved(figures) == {"churned": 40}
    assert figures["mrr_at_start"].notes == ()


def test_a_customer_whose_amount_nobody_knows_is_left_out_and_counted() -> None:
    figures = march([(0, A - 40, None, 4000), (1, A - 40, None, 700), (1, A - 9, None, None)])

    assert figures["mrr_at_start"].value == 40
    assert figures["mrr_at_start"].n == 1
    assert figures["mrr_at_start"].notes == ("1 customers without a known amount are left out",)


def test_pauses_are_missing_where_the_source_has_none() -> None:
    figures = march([(0, A - 9, None, 4000)], has_pauses=False)

    assert figures["mrr_paused"].reason == "no pauses are known: map tables.subscriptions.columns.paused_at"
    assert march([(0, A - 9, None, 4000)])["mrr_paused"].value == 0


def test_without_contracts_every_figure_is_missing_once() -> None:
    result = recurring_section(
        None,
        {},
        [all_customers(3)],
        cutoff=date(2025, 6, 1),
        grace_days=0,
        late_days=0,
        latest=MARCH,
    )

    assert len(result.figures) == 12
    assert all(figure.reason and figure.period == MARCH for figure in result.figures)


def test_a_period_is_missing_until_the_grace_is_over() -> None:
    result = recurring_section(
        contracts([(0, A - 9, None, 4000)]),
        {"month": [MARCH]},
        [all_customers(1)],
        cutoff=date(2025, 4, 10),
        grace_days=30,
        late_days=0,
        latest=MARCH,
    )

    assert {figure.reason for figure in result.figures} == {
        "the contracts of 2025-04-01 are certain only on 2025-05-01"
    }


def test_the_interval_of_a_ratio_needs_two_customers_and_has_no_width_without_spread() -> None:
    one = np.array([100])
    two = np.array([100, 300])

    assert ratio_of_sums(one // 2, one) == (50, None, None)
    assert ratio_of_sums(two // 2, two) == pytest.approx((50, 50, 50))


def test_the_identity_holds_to_the_cent_for_generated_companies() -> None:
    rng = np.random.default_rng(11)
    for _ in range(300):
        rows: list[Row] = []
        for customer in range(6):
            for _ in range(int(rng.integers(1, 4))):
                start = int(rng.integers(0, 70))
                end = None if rng.random() < 0.3 else start + int(rng.integers(0, 40))
                cents = None if rng.random() < 0.05 else int(rng.integers(0, 10**9))
                if rng.random() < 0.3:
                    paused = start + int(rng.integers(0, 20))
                    resumed = None if rng.random() < 0.4 else paused + int(rng.integers(0, 20))
                    rows.append((customer, start, end, cents, paused, resumed))
                else:
                    rows.append((customer, start, end, cents))
        history = MrrHistory(contracts(rows), 6, grace_days=int(rng.integers(0, 9)))
        a, b = 30, 30 + int(rng.integers(1, 40))

        m = history.movement(history.at(a), history.at(b), a)

        gains = m.mrr_new + m.mrr_reactivated + m.mrr_expansion + m.mrr_resumed
        losses = m.mrr_contraction + m.mrr_churned + m.mrr_paused
        assert (m.end - m.start == gains - losses).all()
        assert all((getattr(m, f"mrr_{name}") >= 0).all() for name in MOVEMENTS)
        at_start = m.is_active_at_start
        kept = np.minimum(m.start, m.end)[at_start].sum()
        assert kept <= min(m.start[at_start].sum(), m.end[at_start].sum())
