from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest

from churn.kpis.alarms import AlarmsResult, alarms_section, limits_of
from churn.kpis.figure import Figure, Slice, missing_figure
from churn.kpis.periods import CalendarKind, period_of

START = date(2023, 1, 2)


def figures(
    values: Sequence[float | None], name: str = "order_value", kind: CalendarKind = "week", n: int = 100
) -> list[Figure]:
    """Draw a figure of consecutive periods; None is a missing value."""
    result, day = [], START
    for value in values:
        period = period_of(kind, day)
        result.append(
            missing_figure(name, period, "no order in the period")
            if value is None
            else Figure(name=name, period=period, value=value, n=n)
        )
        day = period.end
    return result


def noise(size: int, seed: int = 1) -> np.ndarray:
    return 100 + np.random.default_rng(seed).normal(0, 2, size)


def alarms(*series: Sequence[Figure]) -> AlarmsResult:
    return alarms_section([figure for part in series for figure in part])


def test_a_fall_outside_the_own_history_is_an_alarm_with_its_limit_in_words() -> None:
    result = alarms(figures([*noise(40), 80]))

    (alarm,) = result.alarms
    assert (alarm.name, alarm.value, alarm.season) == ("order_value", 80, False)
    assert 80 < alarm.limit < alarm.usual
    assert alarm.usual == pytest.approx(100, abs=3)
    assert alarm.n_history == 32
    assert alarm.text.startswith("average order value fell to 80.00 currency per order in 2023-W41: usual is")
    assert alarm.text.endswith("(32 weeks, median and MAD, no season taken out)")


def test_a_quiet_figure_raises_nothing_and_neither_does_a_rise_of_one_that_should_be_high() -> None:
    quiet, risen = alarms(figures(noise(41))), alarms(figures([*noise(40), 130]))

    assert (quiet.alarms, quiet.n_watched) == ((), 1)
    assert (risen.alarms, risen.n_watched) == ((), 1)


def test_the_latest_period_with_a_value_is_judged() -> None:
    missing_at_the_end = alarms(figures([*noise(40), 80, None, None]))
    over_long_ago = alarms(figures([*noise(40), 80, *noise(20, 2)]))

    assert len(missing_at_the_end.alarms) == 1
    assert over_long_ago.alarms == ()


def test_one_bad_week_in_the_past_does_not_widen_the_limits() -> None:
    calm, spoilt = noise(40), noise(40)
    spoilt[20] = 0

    one, other = (limits_of(figures([*values, 100]), "week") for values in (calm, spoilt))

    assert one is not None
    assert other is not None
    assert other.high - other.low < 1.3 * (one.high - one.low)


def test_a_steady_trend_is_usual() -> None:
    falling = [1000 - 5 * week + value for week, value in enumerate(noise(60))]

    assert alarms(figures(falling)).alarms == ()
    assert len(alarms(figures([*falling, 600])).alarms) == 1


def test_too_little_history_is_counted_and_not_judged() -> None:
    short = alarms(figures([*noise(23), 0]))
    gap = alarms(figures([*noise(40), None, *noise(23), 0]))

    assert (short.alarms, short.n_watched, short.n_too_short) == ((), 0, 1)
    assert (gap.n_watched, gap.n_too_short) == (0, 1)
    assert alarms(figures([*noise(24), 0])).n_watched == 1


def test_a_figure_that_never_changed_has_no_limits_unless_its_sampling_error_is_known() -> None:
    assert limits_of(figures([50.0] * 30), "week") is None
    orders = limits_of(figures([100.0] * 30, name="orders"), "week")

    assert orders is not None
    assert orders.low == pytest.approx(100 - 3.2 * 10)


def test_a_figure_that_is_not_watched_and_a_quarter_raise_nothing() -> None:
    result = alarms(figures([*noise(40), 0], name="revenue"), figures([*noise(40), 0], kind="quarter"))

    assert (result.alarms, result.n_watched, result.n_too_short) == ((), 0, 0)


def test_the_season_of_two_years_is_taken_out() -> None:
    weeks = np.arange(112)
    season = 100 + 30 * np.cos(2 * np.pi * weeks / 52) + np.random.default_rng(5).normal(0, 1, 112)
    fallen = season[:110].copy()
    fallen[-1] -= 20

    usual, alarm = limits_of(figures(season[:110]), "week"), alarms(figures(fallen)).alarms

    assert usual is not None
    assert usual.season
    assert usual.low < season[109] < usual.high
    assert alarm[0].season
    assert alarm[0].text.endswith("the season taken out)")
    assert alarm[0].period.start == START + timedelta(7 * 109)


def test_a_stage_a_class_of_ratings_and_a_segment_are_watched_with_wider_limits() -> None:
    values = [*noise(40), 95]
    stage = [
        figure.model_copy(update={"slice": Slice(by="stage", level="lapsing")}) for figure in figures(values)
    ]
    far = [
        figure.model_copy(update={"slice": Slice(by="stage", level="lapsing")})
        for figure in figures([*noise(40), 60])
    ]

    near, both = alarms(stage), alarms(figures(values), far)

    assert (near.alarms, near.n_watched) == ((), 1)
    assert [alarm.slice.level if alarm.slice else None for alarm in both.alarms] == [None, "lapsing"]
    assert both.alarms[1].text.startswith("average order value (stage lapsing) fell to 60.00")
