from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from churn.kpis.figure import Figure, Period, missing_figure

MARCH = Period(kind="month", start=date(2025, 3, 1), end=date(2025, 4, 1))


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({}, "either a value, or the reason"),
        ({"value": 1.0, "reason": "no customers"}, "either a value, or the reason"),
        ({"value": float("nan")}, "not finite"),
        ({"value": float("inf")}, "not finite"),
        ({"value": 1.0, "low": float("-inf"), "high": 2.0}, "not finite"),
        ({"value": 1.0, "low": 0.5}, "two ends"),
        ({"reason": "no customers", "low": 0.5, "high": 1.0}, "two ends"),
        ({"value": 3.0, "low": 0.5, "high": 1.0}, "outside"),
        ({"value": 3.0, "n": -1}, "greater than or equal to 0"),
    ],
)
def test_a_figure_is_a_finite_value_or_a_reason(fields: dict[str, object], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        Figure(name="crr", period=MARCH, **fields)


def test_a_figure_has_a_definition_in_the_catalogue() -> None:
    with pytest.raises(ValidationError, match="not in the catalogue"):
        Figure(name="crrr", period=MARCH, value=1.0)


def test_a_sound_figure_shows_value_and_interval_and_a_missing_one_the_reason() -> None:
    figure = Figure(name="crr", period=MARCH, value=95.33, low=90.7, high=97.7, n=150)

    assert str(figure) == "95.3 [90.7, 97.7]"
    assert (
        str(missing_figure("crr", MARCH, "no customers at the start")) == "missing: no customers at the start"
    )
