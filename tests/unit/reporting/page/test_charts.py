"""The charts of the page: places of values, gaps, and texts that cannot bring HTML."""

from __future__ import annotations

import re

import pytest
from markupsafe import Markup

from churn.kpis.survival import _ages
from churn.reporting.page.charts import (
    Axis,
    Mark,
    Part,
    Series,
    column_chart,
    interval_bar,
    line_chart,
    nice_ticks,
    sparkline,
)
from churn.reporting.page.cohort_charts import age_ticks
from churn.reporting.page.movements import short_money
from churn.reporting.page.words import Words

NASTY = '"><script>alert(1)</script>'


def test_a_line_goes_from_the_left_to_the_right_and_up() -> None:
    axis = Axis(0.0, 1.0, str)

    chart = line_chart("l", [Series(((0.0, 0.0), (1.0, 1.0)))], axis, axis)

    (path,) = re.findall(r'class="line main" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', chart)
    x_first, y_first, x_last, y_last = map(float, path)
    assert x_first < x_last
    assert y_first > y_last  # a browser counts from the top


def test_steps_hold_a_value_until_the_next() -> None:
    axis = Axis(0.0, 2.0, str)

    chart = line_chart("l", [Series(((0.0, 2.0), (1.0, 1.0)), is_steps=True)], axis, axis)

    (path,) = re.findall(r'class="line main" d="([^"]+)"', chart)
    first, middle, last = (point.split() for point in path[1:].split("L"))
    assert first[1] == middle[1] != last[1]
    assert middle[0] == last[0]


def test_what_came_is_above_the_line_and_what_went_below() -> None:
    chart = column_chart("l", [("Jan", [Part(3.0, "up1"), Part(-2.0, "down1")])], str)

    zero = float(re.findall(r'class="zero" d="M[\d.]+ ([\d.]+)H', chart)[0])
    up, down = re.findall(
        r'class="area (\w+)" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', chart
    )
    assert (up[0], down[0]) == ("up1", "down1")
    assert float(up[1]) + float(up[2]) == zero == float(down[1])


@pytest.mark.parametrize("high", [0.12, 1.1, 11.0, 12.5, 110.0, 11_500.0, 1_250_000.0, 12_500_000.0])
def test_no_tick_of_money_is_shown_rounded(high: float) -> None:
    units = {"": 1.0, "k": 1e3, "m": 1e6}
    for tick in nice_ticks(-high, high):
        text = re.fullmatch(r"(-?[\d.,]+)([km]?)", short_money(Words("en"), tick))

        assert text is not None
        assert float(text[1].replace(",", "")) * units[text[2]] == pytest.approx(tick)


@pytest.mark.parametrize("days", [30, 100, 274, 365, 1000, 4000])
def test_each_tick_of_the_ages_is_an_age_of_the_curve_of_survival(days: int) -> None:
    assert set(age_ticks(days)) <= {*_ages(days)}


def test_a_missing_value_is_a_gap_of_the_sparkline() -> None:
    (path,) = re.findall(r' d="([^"]+)"', sparkline("l", [1.0, 2.0, None, 3.0]))

    assert path.count("M") == 2


def test_one_value_is_no_line() -> None:
    assert sparkline("l", [None, 1.0]) == ""


def test_an_interval_that_lies_above_zero_is_good_and_one_with_zero_is_neither() -> None:
    assert 'class="line good"' in interval_bar("l", (2.0, 1.0, 3.0), (-1.0, 3.0))
    assert 'class="line bad"' in interval_bar("l", (-2.0, -3.0, -1.0), (-3.0, 1.0))
    assert 'class="line main"' in interval_bar("l", (1.0, -1.0, 3.0), (-1.0, 3.0))


def test_texts_cannot_bring_html() -> None:
    axis = Axis(0.0, 1.0, lambda _: NASTY, NASTY)

    chart = line_chart(
        NASTY,
        [Series(((0.0, 0.0), (1.0, 1.0)))],
        axis,
        axis,
        marks=[Mark(0.5, NASTY)],
        foot=[(0.0, Markup("1"))],
    )

    assert "<script>" not in chart
    assert "<script>" not in column_chart(NASTY, [(NASTY, [Part(1.0, "up1")])], lambda _: NASTY)
