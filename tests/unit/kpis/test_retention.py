from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from churn.data.store import day_number
from churn.features.language.reader import NEVER
from churn.kpis.figure import Figure, Period
from churn.kpis.retention import count_retention, retention_section
from churn.kpis.segments import Segmentation, all_customers
from churn.kpis.spells import ActivitySpells, EventSpells

A, B = day_number(date(2025, 3, 1)), day_number(date(2025, 4, 1))
MARCH = Period(kind="month", start=date(2025, 3, 1), end=date(2025, 4, 1))
CUTOFF = date(2025, 6, 1)

N_FIELDS = ("retained", "bounced", "acquired", "returned")

Row = tuple[int, int, int | None]


def spells(
    rows: Sequence[Row], involuntary: Sequence[bool] | None = None, wait_days: int = 0
) -> ActivitySpells:
    """Draw spells: customer, start, end (None: goes on)."""
    table = np.array([(c, s, NEVER if e is None else e) for c, s, e in rows], dtype=np.int64).reshape(-1, 3)
    order = np.lexsort((table[:, 1], table[:, 0]))
    return ActivitySpells(
        *table[order].T,
        is_involuntary=None if involuntary is None else np.array(involuntary)[order],
        wait_days=wait_days,
        first_day=0,
    )


def march(drawn: ActivitySpells) -> dict[str, Figure]:
    n = int(drawn.customer.max(initial=0)) + 1
    result = retention_section(drawn, {"month": [MARCH]}, [all_customers(n)], CUTOFF)
    return {figure.name: figure for figure in result.figures}


def test_the_worked_example_of_the_textbooks() -> None:
    stay = [(number, A - 100, None) for number in range(143)]
    leave = [(number, A - 100, A + 10) for number in range(143, 150)]
    join = [(number, A + 5, None) for number in range(150, 200)]

    figures = march(spells([*stay, *leave, *join]))

    assert figures["crr"].value == pytest.approx(95.3333333)
    assert figures["crr_arithmetic"].value == pytest.approx(95.3333333)
    assert figures["crr_difference"].value == 0
    assert figures["customer_churn"].value == pytest.approx(100 - 95.3333333)
    assert figures["crr"].n == 150
    assert (figures["crr"].low, figures["crr"].high) == pytest.approx((90.68, 97.72), abs=0.01)


def test_who_joins_and_leaves_inside_is_early_churn_and_lowers_only_the_arithmetic_form() -> None:
    figures = march(spells([(0, A - 9, None), (1, A - 9, None), (2, A + 3, A + 20), (3, A + 3, None)]))

    assert figures["crr"].value == 100
    assert figures["customer_churn"].value == 0
    assert figures["crr_arithmetic"].value == 50
    assert figures["crr_difference"].value == -50
    assert figures["early_churn"].value == 50
    assert figures["crr_difference"].notes == (
        "0 came back and are active at the end",
        "1 joined and left in the period",
    )


def test_who_comes_back_after_leaving_before_raises_only_the_arithmetic_form() -> None:
    figures = march(spells([(0, A - 9, None), (1, A - 90, A - 40), (1, A + 3, None)]))

    assert figures["crr"].value == 100
    assert figures["crr_arithmetic"].value == 200
    assert figures["crr_difference"].value == 100
    assert figures["returned_customers"].value == 1
    assert figures["new_customers"].value == 0
    assert figures["early_churn"].reason == "no customers acquired in the period"


def test_who_leaves_and_comes_back_inside_is_retained_and_bounced() -> None:
    figures = march(spells([(0, A - 9, A + 4), (0, A + 20, None), (1, A - 9, None)]))

    assert figures["crr"].value == 100
    assert figures["bounced"].value == 50
    assert figures["returned_customers"].value == 0
    assert figures["crr_difference"].value == 0


def test_nobody_at_the_start_is_missing_and_not_zero() -> None:
    figures = march(spells([(0, A + 3, None)]))

    for name in ("crr", "customer_churn", "crr_arithmetic", "crr_difference", "bounced"):
        assert figures[name].value is None
        assert figures[name].reason == "no customers at the start"
    assert figures["new_customers"].value == 1


def test_the_kind_of_the_last_end_decides_and_is_missing_if_unknown() -> None:
    rows: list[Row] = [(0, A - 9, A + 4), (1, A - 9, A + 4), (1, A + 8, A + 12), (2, A - 9, None)]

    known = march(spells(rows, [True, True, False, False]))
    unknown = march(spells(rows))

    assert known["involuntary_churn"].value == pytest.approx(100 / 3)
    assert known["voluntary_churn"].value == pytest.approx(100 / 3)
    assert known["customer_churn"].value == pytest.approx(200 / 3)
    assert unknown["involuntary_churn"].reason == "the data cannot tell whether customers left voluntarily"


def test_a_contract_counts_from_the_midnight_after_its_first_day_to_the_midnight_of_its_last() -> None:
    counts = count_retention(
        spells([(0, A, None), (1, A - 1, None), (2, A - 9, A), (3, A - 9, A - 1)]),
        [A, B],
        np.zeros(4, dtype=np.int64),
    )

    assert counts.at_start.item() == 2  # customers 1 and 2
    assert counts.n_acquired.item() == 1  # customer 0


def test_a_period_whose_end_is_not_certain_yet_is_missing() -> None:
    drawn = spells([(0, A - 9, None)], wait_days=30)

    figures = retention_section(drawn, {"month": [MARCH]}, [all_customers(1)], date(2025, 4, 30)).figures

    assert {figure.reason for figure in figures} == {
        "who was active on 2025-04-01 is certain only on 2025-05-01"
    }
    assert march(drawn)["crr"].value == 100


def test_each_segment_has_its_own_figures_and_an_empty_one_has_none() -> None:
    drawn = spells([(0, A - 9, None), (1, A - 9, A + 3)])
    plan = Segmentation("plan", ("basic", "pro", "(missing)"), np.array([0, 1]))

    figures = retention_section(drawn, {"month": [MARCH]}, [plan], CUTOFF).figures

    rates = {figure.slice.level: figure.value for figure in figures if figure.name == "crr" and figure.slice}
    assert rates == {"basic": 100, "pro": 0}


def test_events_within_the_active_days_are_one_spell_also_across_batches() -> None:
    events = [(0, 10), (0, 17), (0, 25), (1, 3), (1, 3), (1, 10), (2, 50)]
    rows = np.array(events, dtype=np.int64)

    for size in range(1, len(events) + 1):
        spells = EventSpells(7, 1000)
        for part in np.array_split(rows, range(size, len(rows), size)):
            spells.add_events(part[:, 0], part[:, 1])
        customer, start, end = spells.spells()

        assert list(zip(customer.tolist(), start.tolist(), end.tolist(), strict=True)) == [
            (0, 10, 24),
            (0, 25, 32),
            (1, 3, 17),
            (2, 50, 57),
        ]


def naive_counts(rows: Sequence[Row], a: int, b: int) -> dict[str, set[int]]:
    """Return the sets of the definitions, customer by customer."""
    sets: dict[str, set[int]] = {
        name: set()
        for name in ("at_start", "at_end", "retained", "bounced", "acquired", "returned", "lost_last")
    }
    for customer in {row[0] for row in rows}:
        own = sorted((s, NEVER if e is None else e) for c, s, e in rows if c == customer)
        at_start = any(s < a <= e for s, e in own)
        at_end = any(s < b <= e for s, e in own)
        both_in_one = any(s < a and e >= b for s, e in own)
        if at_start:
            sets["at_start"].add(customer)
        if at_end:
            sets["at_end"].add(customer)
        if at_start and at_end:
            sets["retained"].add(customer)
            if not both_in_one:
                sets["bounced"].add(customer)
        if a <= own[0][0] < b:
            sets["acquired"].add(customer)
        if not at_start and own[0][0] < a and any(a <= s < b for s, _ in own):
            sets["returned"].add(customer)
    return sets


def test_counts_equal_the_sets_of_the_definitions_and_explain_the_difference_exactly() -> None:
    rng = np.random.default_rng(7)
    bounds = [20, 27, 41, 48, 60]
    for _ in range(200):
        rows: list[Row] = []
        for customer in range(int(rng.integers(1, 9))):
            days = np.sort(rng.choice(80, size=2 * int(rng.integers(1, 4)), replace=False))
            ends: list[int | None] = [*map(int, days[1::2])]
            if rng.random() < 0.3:
                ends[-1] = None
            rows += [(customer, int(s), e) for s, e in zip(days[::2], ends, strict=True)]
        segment = rng.integers(0, 2, 9)

        counts = count_retention(spells(rows), bounds, segment, 2)

        for number, (a, b) in enumerate(pairwise(bounds)):
            sets = naive_counts(rows, a, b)
            for name in ("at_start", "at_end", "retained", "bounced", "acquired", "returned"):
                expected = [sum(segment[customer] == part for customer in sets[name]) for part in (0, 1)]
                assert (
                    getattr(counts, f"n_{name}" if name in N_FIELDS else name)[number].tolist() == expected
                ), (name, rows, a, b)
            early = sets["acquired"] - sets["at_end"]
            back = sets["returned"] & sets["at_end"]
            arithmetic = len(sets["at_end"]) - len(sets["acquired"])
            assert arithmetic - len(sets["retained"]) == len(back) - len(early)
            assert counts.acquired_at_end[number].sum() == len(sets["acquired"]) - len(early)
            assert counts.returned_at_end[number].sum() == len(back)
