from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from churn.kpis.figure import Period
from churn.kpis.periods import bounds_of, complete_periods, open_period


@pytest.mark.parametrize(
    ("kind", "first", "watermark", "names"),
    [
        ("week", date(2024, 12, 30), date(2025, 1, 13), ["2025-W01", "2025-W02"]),
        ("week", date(2024, 12, 31), date(2025, 1, 12), []),
        ("month", date(2024, 12, 1), date(2025, 3, 1), ["2024-12", "2025-01", "2025-02"]),
        ("month", date(2024, 12, 2), date(2025, 2, 28), ["2025-01"]),
        ("quarter", date(2024, 10, 1), date(2025, 6, 30), ["2024-Q4", "2025-Q1"]),
        ("month", date(2025, 3, 1), date(2025, 3, 1), []),
    ],
)
def test_only_periods_that_the_data_hold_as_a_whole_are_complete(
    kind: str, first: date, watermark: date, names: list[str]
) -> None:
    periods = complete_periods(kind, first, watermark)  # type: ignore[arg-type]

    assert [str(period) for period in periods] == names
    assert all(not period.is_open for period in periods)


def test_consecutive_periods_touch() -> None:
    periods = complete_periods("quarter", date(2024, 1, 1), date(2024, 10, 1))

    assert bounds_of(periods) == (date(2024, 1, 1), date(2024, 4, 1), date(2024, 7, 1), date(2024, 10, 1))
    assert bounds_of(()) == ()


def test_the_period_of_the_watermark_is_open() -> None:
    period = open_period("week", date(2025, 1, 8))

    assert period == Period(kind="week", start=date(2025, 1, 6), end=date(2025, 1, 13), is_open=True)
    assert open_period("week", date(2025, 1, 6)) is None


def test_a_period_holds_a_day() -> None:
    with pytest.raises(ValidationError, match="holds no day"):
        Period(kind="month", start=date(2025, 1, 1), end=date(2025, 1, 1))
