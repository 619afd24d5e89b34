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
        "2 4 8 around their mean 14/3; one gap has no spread.",
    ),
    _example(
        "gap_quantile",
        "0.5",
        {"ana": 4, "clock": 7, "two": 3},
        "Half of 2 4 8 is one and a half gaps: two of them do not exceed 4.",
    ),
    _example("last_gap", "", {"ana": 8, "clock": 7, "two": 3}, "9 to 17 June."),
    _example("longest_gap", "", {"ana": 8, "clock": 7, "two": 3}, "The present silence is none of the gaps."),
    _example(
        "gap_rank",
        "",
        {"ana": 1, "clock": 1, "two": 1},
        "The silence of 14 days is as long as all gaps of 2 4 8; that of 7 days as 7 7 7: ties count.",
    ),
    _example(
        "gap_trend",
        "",
        {"ana": log(2), "clock": 0, "two": MISSING},
        "2 4 8: each gap is twice the one before.",
    ),
    _example(
        "burstiness",
        "",
        {"ana": ((56 / 9) ** 0.5 - 14 / 3) / ((56 / 9) ** 0.5 + 14 / 3), "clock": -1, "two": MISSING},
        "The spread of 2 4 8 is the root of 56/9, their mean 14/3.",
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
        "Ana's window of 28 days falls into 0 2 4 8 14 days: from its start, the gaps, and on to its end.",
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
        "Ana's four days are two Mondays, a Wednesday and a Sunday.",
    ),
    _example(
        "missed_weekdays",
        "",
        {"ana": 1, "clock": 0, "two": 1},
        "Ana did not come in the last seven days; Clock's Monday was kept; who has no earlier day misses "
        "none.",
    ),
)
