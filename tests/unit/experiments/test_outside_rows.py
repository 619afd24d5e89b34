"""Rows of an experiment of the company: what can be read in two ways is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from churn.experiments.outside_rows import OutsideUnits, columns_of, read_units
from churn.params import OutsideParams
from tests.unit.experiments.mail_experiment import SETTINGS

ROWS = [("a", "none", 0), ("b", "none", 1), ("c", "mail", 1), ("d", "mail", 0)]


def table_of(rows: list[tuple[object, ...]], *names: str) -> pa.Table:
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(("id", "arm", "visit", *names))})


def read(table: pa.Table, **settings: object) -> tuple[OutsideUnits | None, list[str]]:
    problems: list[str] = []
    experiment = OutsideParams.model_validate(SETTINGS | settings)
    return read_units(table, experiment, "Europe/Berlin", problems), problems


def test_sound_rows_are_silent() -> None:
    units, problems = read(table_of(ROWS))

    assert problems == []
    assert units is not None
    assert units.unit.tolist() == ["a", "b", "c", "d"]
    assert units.outcome is not None
    assert units.outcome.tolist() == [False, True, True, False]


@pytest.mark.parametrize("values", [(0, 1), (0.0, 1.0), (False, True), ("FALSE", "TRUE"), ("0", "1 ")])
def test_an_outcome_is_0_and_1_in_each_plain_spelling(values: tuple[object, object]) -> None:
    units, problems = read(table_of([(unit, arm, values[visit]) for unit, arm, visit in ROWS]))

    assert problems == []
    assert units is not None
    assert units.outcome is not None
    assert units.outcome.tolist() == [False, True, True, False]


def test_arms_that_are_numbers_are_compared_as_texts() -> None:
    rows = [(unit, 0.0 if arm == "none" else 1.0, visit) for unit, arm, visit in ROWS]

    units, problems = read(table_of(rows), control=0, treated=1)

    assert problems == []
    assert units is not None
    assert units.arm.tolist() == ["0", "0", "1", "1"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((None, "mail", 1), "1 of 5 rows have no unit in 'id'"),
        (("e", None, 1), "1 of 5 rows have no arm in 'arm'"),
        (("e", " ", 1), "1 of 5 rows have no arm in 'arm'"),
        (
            ("e", "sms", 1),
            "with another name than 'control' or 'treated': 'sms' (1). Name each such arm under 'arms', or, "
            "to leave its rows out, under 'leave_out'",
        ),
        (("e", "mail", None), "1 of 5 rows have no outcome in 'visit': 0 of 2 in 'none', 1 of 3 in 'mail'"),
        (("e", "mail", float("nan")), "1 of 5 rows have no outcome in 'visit'"),
        (("e", "mail", 2), "an outcome in 'visit' that is not 0 or 1: '2' (1)"),
        (("a", "mail", 1), "1 (first: a) of 4 units in 'id' are in more than one arm"),
        (("a", "none", 1), "1 (first: a) of 4 units in 'id' have several rows, all with the same arm"),
    ],
)
def test_a_row_that_can_be_read_in_two_ways_is_refused_with_its_count(
    row: tuple[object, ...], words: str
) -> None:
    units, problems = read(table_of([*ROWS, row]))

    assert units is None
    assert len(problems) == 1
    assert words in problems[0]


def test_all_mistakes_of_the_rows_come_at_once_and_show_no_address() -> None:
    rows = [*ROWS, ("ann@example.com", "none", 0), ("ann@example.com", "mail", 3), ("e", "sms", None)]

    units, problems = read(table_of(rows), treated=["mail", "post"])

    assert units is None
    assert [problem.split(" rows ")[0].split(" has ")[0] for problem in problems] == [
        "1 of 7",
        "no row",
        "1 of 6 units in 'id' are in more than one arm. An id was used again, or the arms were drawn again, "
        "for example with another salt. The arm of a unit must never change. Use the first arm of each unit. "
        "Or use each unit's last arm, and measure only what happened after that arm was drawn.",
        "1 of 7",
        "1 of 7",
    ]
    assert "ann@example.com" not in "".join(problems)


def test_an_arm_that_is_left_out_by_name_is_counted() -> None:
    units, problems = read(table_of([*ROWS, ("e", "sms", None)]), leave_out=["sms"])

    assert problems == []
    assert units is not None
    assert (units.left_out_count, len(units.unit)) == (1, 4)


@pytest.mark.parametrize(("unit", "refused"), [("a", True), ("e", False)])
def test_a_unit_in_an_arm_that_is_left_out_and_in_another_arm_is_refused(unit: str, refused: bool) -> None:
    rows = [*ROWS, (unit, "sms", None), ("f", "sms", None), ("f", "sms", None)]

    units, problems = read(table_of(rows), leave_out=["sms"])

    assert (units is None) is refused
    assert any("1 (first: a) of 4 units in 'id' are in more than one arm" in text for text in problems) is (
        refused
    )


def test_an_id_that_is_a_whole_decimal_is_read_as_the_store_reads_it() -> None:
    ids = [Decimal("7.00"), Decimal("8.00"), Decimal("9.50"), Decimal("10")]

    units, problems = read(table_of([(own, *row[1:]) for own, row in zip(ids, ROWS, strict=True)]))

    assert problems == []
    assert units is not None
    assert units.unit.tolist() == ["7", "8", "9.50", "10"]


@pytest.mark.parametrize(
    ("names", "refused"),
    [
        (["x@y.de", "b@y.de", " X@Y.DE ", "d@y.de"], True),
        (["x@y.de", " X@Y.DE ", "c@y.de", "d@y.de"], False),
        ([None, None, None, None], False),
    ],
    ids=["one address in two arms", "one address in one arm", "unknown"],
)
def test_an_address_in_two_arms_is_refused(names: list[str | None], refused: bool) -> None:
    rows = [(*row, name) for row, name in zip(ROWS, names, strict=True)]

    units, problems = read(table_of(rows, "email"), account="email")

    assert (units is None) is refused
    if refused:
        assert "1 of 3 values of 'email' occur in more than one arm (2 units)" in problems[0]
        assert "y.de" not in problems[0]


SCORES = {"score": "risk", "score_at": "scored", "assigned_at": "drawn"}


def scored(*times: tuple[object, object]) -> pa.Table:
    rows = [(*row, 0.1, *pair) for row, pair in zip(ROWS, times, strict=True)]
    return table_of(rows, "risk", "scored", "drawn")


def test_a_score_from_before_the_assignment_is_read_also_of_the_same_day() -> None:
    pair = (datetime(2025, 3, 1, 8), datetime(2025, 3, 1, 20))

    units, problems = read(scored(*[pair] * 4), **SCORES)

    assert problems == []
    assert units is not None
    assert units.score is not None
    assert units.score.tolist() == [0.1] * 4


@pytest.mark.parametrize("scored_at", [date(2025, 3, 1), date(2025, 3, 2)])
def test_a_score_that_is_not_known_to_be_from_before_the_assignment_is_refused(scored_at: date) -> None:
    before = (date(2025, 2, 28), date(2025, 3, 1))

    units, problems = read(scored(before, before, before, (scored_at, date(2025, 3, 1))), **SCORES)

    assert units is None
    assert len(problems) == 1
    assert (
        "1 of 4 units have a score that was computed on or after the day of their assignment" in problems[0]
    )
    assert "can have the wrong sign" in problems[0]


@pytest.mark.parametrize(
    ("risk", "words"),
    [
        ([0.1, 0.2, 0.3, float("inf")], "'score': 1 rows have no finite number in 'risk'"),
        (["0.1", "0.2", "0.3", "0.4"], "'score': the column 'risk' is not a number, but string"),
    ],
)
def test_a_score_that_is_no_finite_number_is_refused(risk: list[object], words: str) -> None:
    before = (date(2025, 2, 28), date(2025, 3, 1))
    rows = [(*row, value, *before) for row, value in zip(ROWS, risk, strict=True)]

    units, problems = read(table_of(rows, "risk", "scored", "drawn"), **SCORES)

    assert units is None
    assert [words in problem for problem in problems] == [True]


def test_a_score_of_a_date_may_be_from_any_time_of_that_day() -> None:
    drawn = datetime(2025, 3, 1, 20)
    before = (date(2025, 2, 28), drawn)

    units, problems = read(scored(before, before, before, (date(2025, 3, 1), drawn)), **SCORES)

    assert units is None
    assert (
        "1 of 4 units have a score that was computed on or after the day of their assignment" in problems[0]
    )
    assert "(first: scored 2025-03-01, assigned 2025-03-01T20:00:00)" in problems[0]
    assert read(scored(before, before, before, before), **SCORES)[1] == []


def test_a_score_with_a_time_is_compared_with_the_time_of_the_assignment() -> None:
    before = (datetime(2025, 3, 1, 7), datetime(2025, 3, 1, 20))
    after = (datetime(2025, 3, 1, 21), datetime(2025, 3, 1, 20))

    problems = read(scored(before, before, before, after), **SCORES)[1]

    assert (
        "1 of 4 units have a score that was computed at or after the time of their assignment" in problems[0]
    )
    assert read(scored(before, before, before, before), **SCORES)[1] == []


def test_times_with_an_offset_are_compared_in_the_zone_of_the_company() -> None:
    # 23:30 UTC is half past midnight of the next day in Berlin.
    late = datetime(2025, 2, 28, 23, 30, tzinfo=UTC)
    rows = [(*row, late) for row in ROWS]

    units, problems = read(table_of(rows, "drawn"), assigned_at="drawn")

    assert problems == []
    assert units is not None
    assert units.assigned_at is not None
    assert units.assigned_at[0] == np.datetime64("2025-03-01T00:30")


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ((None, date(2025, 3, 1)), "a score without its time, or a time without a score"),
        ((date(2025, 2, 1), None), "1 of 4 rows have no time in 'drawn'"),
    ],
)
def test_missing_times_are_refused(pair: tuple[object, object], words: str) -> None:
    before = (date(2025, 2, 28), date(2025, 3, 1))

    units, problems = read(scored(before, before, before, pair), **SCORES)

    assert units is None
    assert any(words in problem for problem in problems)


def test_a_time_that_is_a_text_is_refused_with_a_way_out() -> None:
    rows = [(*row, "01.03.2025") for row in ROWS]

    units, problems = read(table_of(rows, "drawn"), assigned_at="drawn")

    assert units is None
    assert "the column 'drawn' is not a time, but string" in problems[0]
    assert "strptime" in problems[0]


def test_only_the_columns_of_the_experiment_are_read() -> None:
    plain = OutsideParams.model_validate(SETTINGS)
    label = OutsideParams.model_validate(
        SETTINGS | {"outcome": "label", "wanted": None, "assigned_at": "drawn"}
    )

    assert columns_of(plain) == ["id", "arm", "visit"]
    assert columns_of(label) == ["id", "arm", "drawn"]
