"""The lines on experiments of the company, read as a person reads them."""

from __future__ import annotations

import pytest

from churn.experiments.outside import ArmSizes, measure_outside
from churn.reporting.outside_table import outside_lines, outside_metrics, sizes_in_words
from tests.unit.experiments.test_outside import experiment, units_of


def lines_of(arms: dict[str, tuple[int, int]], **settings: object) -> list[str]:
    result = measure_outside(experiment(**settings), units_of(arms))
    return [" ".join(line.split()) for line in outside_lines([result])]


@pytest.mark.parametrize(
    ("wanted", "words", "difference"),
    [
        (True, "visit, wanted; above 0 more of the treated have it, which is better", "+10.00"),
        (False, "visit, not wanted; above 0 fewer of the treated have it, which is better", "-10.00"),
    ],
)
def test_the_lines_say_which_direction_is_better(wanted: bool, words: str, difference: str) -> None:
    lines = lines_of({"none": (100, 500), "mail": (150, 500)}, wanted=wanted)

    assert f"outcome {words}" in lines
    assert "mail 30.00% (150 of 500), control none 20.00% (100 of 500)" in lines
    (line,) = (line for line in lines if line.startswith("difference"))
    assert line.startswith(f"difference {difference} +- ")
    assert line.endswith("better" if wanted else "worse")


def test_without_a_verdict_the_lines_say_what_could_be_found() -> None:
    lines = lines_of({"none": (3, 20), "mail": (4, 20)})

    assert any("no verdict: fewer than 20 units with the outcome" in line for line in lines)
    assert any("an improvement of at least" in line and "n = 40" in line for line in lines)
    assert "sizes of the arms not checked: sizes does not say the design" in lines


def test_sizes_that_are_unusual_are_called_so_and_an_alarm_forbids_the_use() -> None:
    usual, unusual, alarm = (
        sizes_in_words(ArmSizes(counts=(50, 60), design=(0.5, 0.5), p_value=p, alarm=p < 0.001))
        for p in (0.34, 0.008, 0.0001)
    )

    assert usual.endswith("no alarm (p = 0.34, an alarm comes below 0.001)")
    assert unusual.endswith("below 0.001; in 1 of 125 sound experiments the sizes are as far off)")
    assert alarm.endswith("Do not use these effects before you know the cause.")


def test_a_share_of_a_treated_arm_is_logged_only_with_its_control() -> None:
    result = measure_outside(experiment(), units_of({"none": (100, 500), "mail": (150, 500)}))

    metrics = outside_metrics([result])

    assert metrics["outside/mail/mail.treated_share"] == 0.3
    assert metrics["outside/mail/mail.control_share"] == 0.2
