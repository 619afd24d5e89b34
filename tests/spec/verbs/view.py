"""Which rows count, and in which window."""

from __future__ import annotations

from tests.spec.verbs.example import MISSING, Example

EDGES = """
    customer | happened_at
    edges    | 2024-06-23 23:59
    edges    | 2024-06-24 00:00
    edges    | 2024-06-30 23:59
    edges    | 2024-07-01 00:00
"""

MAILS = """
    customer | sent_at          | opened_at        | clicked_at
    ana      | 2024-06-20 10:00 | 2024-06-20 12:00 |
    ana      | 2024-06-27 10:00 | 2024-06-29 09:00 | 2024-06-29 09:01
    ben      | 2024-06-20 10:00 | 2024-06-30 23:59 | 2024-07-01 00:00
    ben      | 2024-06-27 10:00 | 2024-07-01 00:00 |
"""

LOYALTY = """
    customer | happened_at      | kind   | points | expires_at
    ana      | 2024-06-03 10:00 | earn   | 30     | 2024-12-03
    ana      | 2024-06-10 10:00 | redeem | 20     |
    ana      | 2024-06-12 10:00 | earn   | 5      | 2024-12-12
    ben      | 2024-06-20 10:00 | tier   |        | 2024-12-31
    ben      | 2024-07-01 00:00 | earn   | 7      | 2025-01-01
"""

EXAMPLES = (
    Example(
        "last",
        "logins",
        "logins.last(days=7).count()",
        EDGES,
        {"edges": 2},
        (
            "The first midnight of the window is in the window; the midnight of the cutoff is "
            "not. The rows of the 24th and the 30th count."
        ),
        more={"logins.last(days=8, skip=7).count()": {"edges": 1}},
    ),
    Example(
        "week",
        "logins",
        "logins.week(2).count()",
        EDGES,
        {"edges": 1},
        "Week 2 is 17 to 23 June. Only the row of the 23rd counts.",
        more={"logins.week(1).count()": {"edges": 2}},
    ),
    Example(
        "by",
        "emails",
        "emails.by('opened_at').last(days=3).count()",
        MAILS,
        {"ana": 1, "ben": 1},
        (
            "The window is 28 to 30 June. Ana opened a mail on the 29th, and Ben at the last "
            "minute of the 30th. Ben's mail that is opened at the cutoff's midnight is not known "
            "as opened."
        ),
        more={"emails.by('opened_at').days_since_last()": {"ana": 2, "ben": 1}},
    ),
    Example(
        "having",
        "emails",
        "emails.having('opened_at').count()",
        MAILS,
        {"ana": 2, "ben": 1},
        "Ben's second mail was opened at the cutoff, which is too late to be known.",
        more={"emails.having('opened_at').having('clicked_at').count()": {"ana": 1, "ben": 0}},
    ),
    Example(
        "lacking",
        "emails",
        "emails.lacking('opened_at').count()",
        MAILS,
        {"ana": 0, "ben": 1},
        "`lacking` is the complement of `having`. Ben's second mail counts as unopened.",
        more={"emails.having('opened_at').lacking('clicked_at').count()": {"ana": 1, "ben": 1}},
    ),
    Example(
        "only",
        "loyalty",
        "loyalty.only('kind', 'earn').total('points')",
        LOYALTY,
        {"ana": 35, "ben": 0},
        (
            "Ana earned 30 and 5 points; the 20 that she redeemed do not count. Ben's points come at the "
            "cutoff, which is too late. Only columns whose names the contract states can be asked for a name."
        ),
        more={
            "loyalty.only('kind', 'redeem').days_since_last()": {"ana": 21, "ben": MISSING},
            "loyalty.only('kind', 'tier').days_until('expires_at')": {"ana": MISSING, "ben": 183},
            "loyalty.only('kind', 'expire').count()": {"ana": 0, "ben": 0},
        },
    ),
)
