"""Verbs on the rhythm of active days."""

from __future__ import annotations

from math import log

from tests.spec.verbs.example import MISSING, Example

DAYS = """
    customer | happened_at
    ana      | 2024-06-03 00:00
    ana      | 2024-06-05 09:00
    ana      | 2024-06-05 23:59
    ana      | 2024-06-09 09:00
    ana      | 2024-06-17 09:00
    clock    | 2024-06-03 09:00
    clock    | 2024-06-10 09:00
    clock    | 2024-06-17 09:00
    clock    | 2024-06-24 09:00
    two      | 2024-06-20 09:00
    two      | 2024-06-23 09:00
    once     | 2024-06-30 23:59
    none     | 2024-07-01 00:00
"""
"""Gaps in days: ana 2 4 8, clock 7 7 7, two 3. All of clock's days are Mondays."""

NOBODY = dict.fromkeys(("once", "none"), MISSING)


def _example(verb: str, given: str, expected: dict[str, float | None], because: str) -> Example:
    return Example(
        verb, "logins", f"logins.last(days=28).{verb}({given})", DAYS, {**NOBODY, **expected}, because
    )


EXAMPLES = (
    _example(
        "gap_spread",
        "",
        {
            "ana": (((2 - 14 / 3) ** 2 + (4 - 14 / 3) ** 2 + (8 - 14 / 3) ** 2) / 3) ** 0.5,
            "clock": 0,
            "two": MISSING,
        },
        (
            "The gaps between Ana's active days are 2, 4 and 8 days, with the mean 14/3. One gap is too few "
            "for a spread."
        ),
    ),
    _example(
        "gap_quantile",
        "0.5",
        {"ana": 4, "clock": 7, "two": 3},
        (
            "The gaps between Ana's active days are 2, 4 and 8 days. With `share` 0.5, at least half of the "
            "gaps must not be longer than the quantile. Only one of the three gaps is not longer than 2 "
            "days: this is too few. Two of the three gaps are not longer than 4 days, so the quantile is 4 "
            "days."
        ),
    ),
    _example("last_gap", "", {"ana": 8, "clock": 7, "two": 3}, "9 to 17 June."),
    _example(
        "longest_gap",
        "",
        {"ana": 8, "clock": 7, "two": 3},
        ("The days since the last active day are not a gap."),
    ),
    _example(
        "gap_rank",
        "",
        {"ana": 1, "clock": 1, "two": 1},
        (
            "Ana has been silent for 14 days, which is longer than each of her gaps (2, 4 and 8 days). "
            "Customer `clock` has been silent for 7 days, and each of the three gaps is 7 days long: a gap "
            "as long as the silence counts too."
        ),
    ),
    _example(
        "gap_trend",
        "",
        {"ana": log(2), "clock": 0, "two": MISSING},
        "The gaps between Ana's active days are 2, 4 and 8 days. Each gap is twice the previous gap.",
    ),
    _example(
        "burstiness",
        "",
        {"ana": ((56 / 9) ** 0.5 - 14 / 3) / ((56 / 9) ** 0.5 + 14 / 3), "clock": -1, "two": MISSING},
        (
            "The gaps between Ana's active days are 2, 4 and 8 days. Their standard deviation is the square "
            "root of 56/9, and their mean is 14/3."
        ),
    ),
    _example(
        "clumpiness",
        "",
        {
            "ana": 1
            + (2 / 28 * log(2 / 28) + 4 / 28 * log(4 / 28) + 8 / 28 * log(8 / 28) + 14 / 28 * log(14 / 28))
            / log(5),
            "clock": 1 + 4 * (7 / 28 * log(7 / 28)) / log(5),
            "two": 1 + (17 / 28 * log(17 / 28) + 3 / 28 * log(3 / 28) + 8 / 28 * log(8 / 28)) / log(3),
            "once": 1 + (27 / 28 * log(27 / 28) + 1 / 28 * log(1 / 28)) / log(2),
            "none": MISSING,
        },
        (
            "The window of 28 days begins on 3 June, and this is also Ana's first active day. So Ana's "
            "active days divide the window into parts of 0, 2, 4, 8 and 14 days. The first part begins at "
            "the start of the window, the next parts are Ana's gaps, and the last part ends at the end of "
            "the window. Let n be the number of active days, and let x be the length of a part as a share of "
            "the window. The value is `1 + sum(x ln x) / ln(n + 1)`, with the sum over all parts."
        ),
    ),
    _example(
        "weekday_entropy",
        "",
        {
            "ana": -(2 / 4 * log(2 / 4) + 2 * 1 / 4 * log(1 / 4)) / log(7),
            "clock": 0,
            "two": log(2) / log(7),
            "once": 0,
        },
        "Ana's four active days are two Mondays, a Wednesday and a Sunday.",
    ),
    _example(
        "missed_weekdays",
        "",
        {"ana": 1, "clock": 0, "two": 1},
        (
            "Ana was not active in the last seven days. Customer `clock` is active every Monday, also on "
            "the Monday of the last seven days. A customer without an earlier active day has no usual "
            "weekday that could be missed."
        ),
    ),
)
