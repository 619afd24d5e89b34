"""The screen of the sections of `churn kpis` that hold tables."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from churn.kpis.activation_rows import Activation, ActivationResult, Side
from churn.kpis.growth import Flow
from churn.kpis.journey import StagesResult
from churn.kpis.observed_churn import Outcomes, churn_table, missing_table
from churn.kpis.stages import Leak
from churn.kpis.triangle import Triangle, TriangleCell, TriangleRow
from churn.reporting.kpi_section_lines import activation_lines, churn_lines, leak_lines, triangle_lines


def test_a_cell_of_the_triangle_is_a_share_or_open_or_empty_and_never_zero() -> None:
    cells = (
        TriangleCell(month=0, at=date(2024, 5, 1), state="known", people=8, share=0.8, low=0.5, high=0.9),
        TriangleCell(month=1, at=date(2024, 6, 1), state="not certain yet"),
        TriangleCell(month=2, at=date(2024, 7, 1), state="open"),
    )
    row = TriangleRow(cohort=date(2024, 4, 1), n=10, is_open=False, cells=cells)
    triangle = Triangle(unit="share", definition="", population="", rows=(row,), reason=None)

    lines = triangle_lines(triangle)

    assert lines[2].split() == ["joined", "n", "0", "1", "2", "3", "6", "12"]
    assert lines[3].split() == ["2024-04", "10", "80%", "open"]
    assert lines[3].index("open") + len("open") == lines[2].index("2") + 1


def test_a_difference_is_called_one_only_if_its_interval_excludes_zero() -> None:
    left = np.zeros((1, 800), dtype=bool)
    left[0, :200] = True
    outcomes = Outcomes((date(2024, 1, 1),), np.ones_like(left), left)
    code = (np.arange(800)[None] >= 400).astype(np.int64)

    lines = churn_lines("by level", churn_table("", 30, ("a", "b"), code, outcomes, [("a", "b"), ("a", "a")]))

    assert lines[1] == "by level, one cutoff from 2024-01-01 to 2024-01-01"
    assert lines[-2].startswith("  a minus b: +50.0 [+45")
    assert lines[-2].endswith("points, a difference")
    assert lines[-1].endswith("points, no difference is shown")


def test_a_missing_table_shows_its_reason() -> None:
    assert churn_lines("by level", missing_table("", 30, "no answers"))[-1] == "  missing: no answers"


def stages(leaks: tuple[Leak, ...], reason: str | None = None) -> StagesResult:
    return StagesResult(
        growth_definition="",
        stages_definition="",
        leak_definition="",
        population="",
        money_reason=None,
        growth=(),
        months=(),
        leaks=leaks,
        reason=reason,
        growth_reason=None,
    )


@pytest.mark.parametrize(("money", "text"), [(1234.4, "3 (1,234)"), (None, "3")])
def test_a_leak_shows_people_and_the_money_only_if_it_is_known(money: float | None, text: str) -> None:
    flow = Flow(people=3, money=money, n_money_unknown=0 if money else 3)
    leak = Leak(**flow.as_json(), stage="active", at_start=30, share=0.1, low=0.03, high=0.26)

    line = leak_lines(stages((leak,)))[-1]

    assert " ".join(line.split()) == f"active 30 {text} 10.0% [3.0%, 26.0%]"


def test_without_stages_the_reason_is_shown() -> None:
    assert leak_lines(stages((), "no playbook"))[-1] == "  missing: no playbook"


def activation_result(activation: Activation | None, reason: str | None) -> ActivationResult:
    return ActivationResult(
        definition="",
        population="",
        n=100,
        n_left=40,
        joined_from=date(2024, 1, 1),
        split_at=date(2024, 3, 1),
        joined_until=date(2024, 6, 1),
        events=("visits",),
        n_tried=7,
        activation=activation,
        reason=reason,
        earlier_p_value=0.01,
    )


def test_the_activation_event_goes_with_staying_and_is_not_called_its_cause() -> None:
    activation = Activation(
        event="visits",
        at_least=2,
        within_days=7,
        text="visits at least twice within a week",
        share_done=0.4,
        with_event=Side(n=20, share=0.1, low=0.05, high=0.2),
        without_event=Side(n=30, share=0.3, low=0.2, high=0.4),
        difference=0.2,
        low=0.1,
        high=0.3,
        p_value=1e-9,
        decides_label=True,
    )

    lines = activation_lines(activation_result(activation, None))

    assert "it is not shown to cause it" in lines[1]
    assert lines[2] == "  visits at least twice within a week; 40% do it (7 candidates tried)"
    assert lines[5] == "  difference within month of joining and age: +20.0 [+10.0, +30.0] points, p < 0.001"
    assert "by definition" in lines[6]
    assert activation_lines(activation_result(None, "nothing"))[-1] == "  none: nothing"
