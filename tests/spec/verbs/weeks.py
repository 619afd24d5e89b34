"""Verbs on the weeks of the window. The last week is 24 to 30 June, the one before 17 to 23, and so on."""

from __future__ import annotations

from tests.spec.verbs.example import MISSING, Example

WEEKS = """
    customer | happened_at
    fades    | 2024-05-20 09:00
    fades    | 2024-05-21 09:00
    fades    | 2024-05-27 09:00
    fades    | 2024-05-28 09:00
    fades    | 2024-06-03 00:00
    fades    | 2024-06-10 09:00
    steady   | 2024-05-22 09:00
    steady   | 2024-05-29 09:00
    steady   | 2024-06-05 09:00
    steady   | 2024-06-12 09:00
    steady   | 2024-06-19 09:00
    steady   | 2024-06-26 09:00
    new      | 2024-06-30 23:59
    none     | 2024-01-01 09:00
"""
"""Six weeks, oldest first: fades 2 2 1 1 0 0, steady 1 1 1 1 1 1."""

SIGNED_UP = """
    customer | signed_up_at
    fades    | 2020-01-01
    steady   | 2020-01-01
    new      | 2024-06-10
    none     | 2020-01-01
"""


def _example(verb: str, expected: dict[str, float | None], because: str, **more: object) -> Example:
    return Example(
        verb, "logins", f"logins.last(days=42).{verb}()", WEEKS, expected, because, SIGNED_UP, **more
    )  # type: ignore[arg-type]


EXAMPLES = (
    _example(
        "active_weeks",
        {"fades": 4 / 6, "steady": 1, "new": MISSING, "none": 0},
        (
            "Customer `fades` was active in four of six weeks. Customer `new` has only three whole weeks "
            "since the sign-up, which is too few."
        ),
        more={
            "logins.last(days=42, skip=14).active_weeks()": {
                "fades": 1,
                "steady": 1,
                "new": MISSING,
                "none": 0,
            }
        },
    ),
    _example(
        "inactive_weeks",
        {"fades": 2, "steady": 0, "new": MISSING, "none": 6},
        (
            "Customer `fades` has no row in the last two weeks. The result is at most the number of weeks "
            "in the window."
        ),
    ),
    _example(
        "quieting_rate",
        {"fades": 2 / 6, "steady": 1 / 7, "new": MISSING, "none": 1 / 2},
        (
            "Let n be the number of active weeks before the last week, and let k be the number of these "
            "weeks that were followed by a silent week. The estimate is (k + 1) / (n + 2). Customer "
            "`fades` was active in four weeks before the last week, and one of these weeks was followed by a "
            "silent week. So the estimate for customer `fades` is (1 + 1) / (4 + 2). Customer `steady` was "
            "active in five weeks before the last week, and none of these weeks was followed by a silent "
            "week. So the estimate for customer `steady` is (0 + 1) / (5 + 2)."
        ),
    ),
    _example(
        "drawdown",
        {"fades": 2 / 6, "steady": 1, "new": MISSING, "none": MISSING},
        (
            "Customer `fades` has 2, 2, 1, 1, 0 and 0 rows in the six weeks of the window, the oldest week "
            "first. The last four weeks together have 2 rows. The first four weeks together have 6 rows, the "
            "most of any four successive weeks. So the value is 2 / 6. For a "
            "customer without rows, the value is missing."
        ),
    ),
    _example(
        "shortfall",
        {"fades": 2, "steady": 0, "new": MISSING, "none": MISSING},
        (
            "Customer `fades` has 1 row per week on average. The verb starts with the sum 0. For each week, "
            "the oldest first, the verb adds this average to the sum and subtracts the number of rows in the "
            "week. If the sum falls below 0, it is set to 0. This sum (CUSUM) is 0 after each of the first "
            "four weeks, 1 after the fifth week, and 2 after the sixth."
        ),
    ),
    _example(
        "shortfall_weeks",
        {"fades": 2, "steady": 0, "new": MISSING, "none": 0},
        (
            "The shortfall of customer `fades` was 0 after each of the first four weeks, and above 0 after "
            "each of the last two weeks. So the shortfall began two weeks before the cutoff."
        ),
    ),
)
